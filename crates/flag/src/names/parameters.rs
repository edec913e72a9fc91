//! Names of parameters: where the state of an app is, the same in every store.

use std::fmt;
use std::str::FromStr;

use super::{AccessId, AccessKind, App, NameError, ObserverName, Role, WindowId};

/// The most characters of a prefix: with the longest app, role and window it stays well under
/// Parameter Store's limit of 1,011 characters a name.
const MAX_PREFIX: usize = 512;
/// The most levels of a prefix. Parameter Store allows 15 levels, and the longest of our names,
/// `capacity`, adds five: app, `capacity`, role, window, number.
const MAX_PREFIX_LEVELS: usize = 10;

/// The most leases of an app: one a second would take 30 million years.
const MOST_LEASES: u64 = 1_000_000_000_000_000;

/// Where the parameters of all apps live: `/maintenance` unless configured.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix(String);

impl Prefix {
    /// The prefix as stored: it starts with `/` and does not end with one.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The app and the role in a name that [`Parameters::flag`] made below this prefix. Where the app's name ends
    /// and its env begins the name does not tell, if both have a `-`: the env is what follows the last one.
    #[must_use]
    pub fn parse_flag(&self, name: &str) -> Option<(App, Role)> {
        let rest = name.strip_prefix(&self.0)?.strip_prefix('/')?;
        let mut parts = rest.split('/');
        let (app, folder, role) = (parts.next()?, parts.next()?, parts.next()?);
        if folder != "flags" || parts.next().is_some() {
            return None;
        }
        let dashes = app.rmatch_indices('-').map(|(at, _)| app.split_at(at));
        let mut apps = dashes.filter_map(|(name, env)| App::new(name, env.strip_prefix('-')?).ok());
        Some((apps.next()?, role.parse().ok()?))
    }
}

impl Default for Prefix {
    fn default() -> Self {
        Self("/maintenance".to_owned())
    }
}

impl FromStr for Prefix {
    type Err = NameError;

    fn from_str(value: &str) -> Result<Self, NameError> {
        let fail = |rule: &str| Err(NameError::new("prefix", value, rule));
        let Some(path) = value.strip_prefix('/') else {
            return fail("it must start with '/'");
        };
        if value.len() > MAX_PREFIX {
            return fail("it may have at most 512 characters");
        }
        let segments: Vec<&str> = path.split('/').collect();
        if segments.len() > MAX_PREFIX_LEVELS {
            return fail("it may have at most 10 levels, since Parameter Store takes 15 in all");
        }
        for segment in &segments {
            if segment.is_empty() {
                return fail("it must not end with '/' or hold an empty level");
            }
            if matches!(*segment, "." | "..") {
                return fail("a level must not be '.' or '..'");
            }
            if !segment
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
            {
                return fail(
                    "a level may hold only the letters a-z and A-Z, digits, '_', '.' and '-'",
                );
            }
        }
        let first = segments.first().map(|first| first.to_ascii_lowercase());
        let first = first.unwrap_or_default();
        if first.starts_with("aws") || first.starts_with("ssm") {
            return fail("Parameter Store keeps names that start with 'aws' or 'ssm' for itself");
        }
        Ok(Self(value.to_owned()))
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The names of one app's parameters, the same in every store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameters {
    base: String,
}

impl Parameters {
    /// The names below `prefix` for `app`.
    #[must_use]
    pub fn new(prefix: &Prefix, app: &App) -> Self {
        Self {
            base: format!("{prefix}/{app}"),
        }
    }

    /// The flag of a role: what gates read.
    #[must_use]
    pub fn flag(&self, role: &Role) -> String {
        format!("{}/flags/{role}", self.base)
    }

    /// The path below which all flags are.
    #[must_use]
    pub fn flags(&self) -> String {
        format!("{}/flags", self.base)
    }

    /// The path below which everything saved for a role is, of all windows.
    #[must_use]
    pub fn capacities(&self, role: &Role) -> String {
        format!("{}/{role}", self.all_capacities())
    }

    /// The role in a name that [`flag`](Self::flag) or [`capacity`](Self::capacity) made.
    #[must_use]
    pub fn parse_role(&self, name: &str) -> Option<Role> {
        let of_flag = name.strip_prefix(&self.flags());
        let role = match of_flag {
            Some(role) => role.strip_prefix('/')?,
            None => {
                let rest = name.strip_prefix(&self.all_capacities())?;
                rest.strip_prefix('/')?.split_once('/')?.0
            }
        };
        role.parse().ok()
    }

    /// The path below which everything saved for all roles is.
    #[must_use]
    pub fn all_capacities(&self) -> String {
        format!("{}/capacity", self.base)
    }

    /// The `n`-th batch saved for a role in a window.
    #[must_use]
    pub fn capacity(&self, role: &Role, window: &WindowId, n: u32) -> String {
        format!("{}/{window}/{n}", self.capacities(role))
    }

    /// The window and number in a name that [`capacity`](Self::capacity) made for this role.
    #[must_use]
    pub fn parse_capacity(&self, role: &Role, name: &str) -> Option<(WindowId, u32)> {
        let rest = name
            .strip_prefix(&self.capacities(role))?
            .strip_prefix('/')?;
        let (window, n) = rest.split_once('/')?;
        Some((window.parse().ok()?, n.parse().ok()?))
    }

    /// The path below which the leases are.
    #[must_use]
    pub fn leases(&self) -> String {
        format!("{}/lease", self.base)
    }

    /// The `n`-th lease.
    #[must_use]
    pub fn lease(&self, n: u64) -> String {
        format!("{}/{n}", self.leases())
    }

    /// The number in a name that [`lease`](Self::lease) made. A number that no app comes to was made by
    /// hand: it is none, since there has to be a next one.
    #[must_use]
    pub fn parse_lease(&self, name: &str) -> Option<u64> {
        let n = name.strip_prefix(&self.leases())?.strip_prefix('/')?;
        n.parse().ok().filter(|n| *n <= MOST_LEASES)
    }

    /// The path below which all tokens, or all sessions, are.
    #[must_use]
    pub fn accesses(&self, kind: AccessKind) -> String {
        format!("{}/{}", self.base, kind.folder())
    }

    /// A token or a session.
    #[must_use]
    pub fn access(&self, kind: AccessKind, id: &AccessId) -> String {
        format!("{}/{id}", self.accesses(kind))
    }

    /// The id in a name that [`access`](Self::access) made for this kind.
    #[must_use]
    pub fn parse_access(&self, kind: AccessKind, name: &str) -> Option<AccessId> {
        let id = name.strip_prefix(&self.accesses(kind))?.strip_prefix('/')?;
        id.parse().ok()
    }

    /// What an observer saw last.
    #[must_use]
    pub fn observer(&self, name: &ObserverName) -> String {
        format!("{}/observers/{name}", self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(value: &str) -> String {
        value.parse::<Prefix>().unwrap_err().to_string()
    }

    #[test]
    fn a_prefix_keeps_parameter_stores_rules() {
        for good in ["/maintenance", "/a/b/c", "/x.y-z_1"] {
            assert_eq!(good.parse::<Prefix>().unwrap().as_str(), good);
        }
        for (bad, why) in [
            ("maintenance", "must start with '/'"),
            ("/maintenance/", "must not end with '/'"),
            ("/", "must not end with '/'"),
            ("/a//b", "empty level"),
            ("/a/../b", "'..'"),
            ("/aws/x", "'aws' or 'ssm'"),
            ("/SSM-mine", "'aws' or 'ssm'"),
            ("/a b", "may hold only"),
            ("/1/2/3/4/5/6/7/8/9/10/11", "at most 10 levels"),
        ] {
            let message = rule(bad);
            assert!(message.contains(why), "{bad}: {message}");
        }
        assert!(rule(&format!("/{}", "p".repeat(512))).contains("at most 512"));
    }

    #[test]
    fn flags_below_a_prefix_are_told_from_all_else() {
        let prefix: Prefix = "/maintenance/team".parse().unwrap();
        let parsed = |name: &str| {
            let (app, role) = prefix.parse_flag(name)?;
            Some(format!("{app} {} {role}", app.env()))
        };
        for (name, app) in [
            ("/maintenance/team/demo-dev/flags/web", "demo-dev dev web"),
            (
                "/maintenance/team/my-shop-eu-1/flags/jobs",
                "my-shop-eu-1 1 jobs",
            ),
            // What follows the last dash cannot be an env.
            ("/maintenance/team/a-b-_/flags/web", "a-b-_ b-_ web"),
        ] {
            assert_eq!(parsed(name).as_deref(), Some(app));
        }
        for none in [
            "/maintenance/team/demo-dev/flags",
            "/maintenance/team/demo-dev/flags/Web",
            "/maintenance/team/demo-dev/flags/web/x",
            "/maintenance/team/demo-dev/lease/1",
            "/maintenance/team/demo-dev/tokens/9999999999",
            "/maintenance/team/demo-dev/capacity/worker/20261121T083000Z-00001a2b/3",
            "/maintenance/team/demo/flags/web",
            "/maintenance/team/-dev/flags/web",
            "/maintenance/teams/demo-dev/flags/web",
            "/maintenance/demo-dev/flags/web",
            "/maintenance/team/more/demo-dev/flags/web",
        ] {
            assert_eq!(prefix.parse_flag(none), None, "{none}");
        }
    }

    #[test]
    fn parameter_names_are_fixed() {
        let names = Parameters::new(&Prefix::default(), &App::new("demo", "dev").unwrap());
        let window = WindowId::new("2026-11-21T08:30:00Z".parse().unwrap(), 0x1a2b);
        assert_eq!(window.as_str(), "20261121T083000Z-00001a2b");
        assert_eq!(names.flag(&Role::web()), "/maintenance/demo-dev/flags/web");
        let capacity = names.capacity(&Role::worker(), &window, 3);
        assert_eq!(
            capacity,
            "/maintenance/demo-dev/capacity/worker/20261121T083000Z-00001a2b/3"
        );
        assert_eq!(
            names.parse_capacity(&Role::worker(), &capacity),
            Some((window, 3))
        );
        assert_eq!(names.parse_capacity(&Role::web(), &capacity), None);
        assert_eq!(names.parse_role(&capacity), Some(Role::worker()));
        assert_eq!(
            names.parse_role(&names.flag(&Role::web())),
            Some(Role::web())
        );
        for none in [
            names.lease(1),
            names.flags(),
            names.capacities(&Role::web()),
        ] {
            assert_eq!(names.parse_role(&none), None, "{none}");
        }
        assert_eq!(names.lease(12), "/maintenance/demo-dev/lease/12");
        assert_eq!(
            names.parse_lease("/maintenance/demo-dev/lease/12"),
            Some(12)
        );
        assert_eq!(names.parse_lease("/maintenance/demo-dev/lease/x"), None);
        let id = AccessId::from_random([9; AccessId::LEN]);
        let token = names.access(AccessKind::Token, &id);
        assert_eq!(token, "/maintenance/demo-dev/tokens/9999999999");
        assert_eq!(
            names.parse_access(AccessKind::Token, &token),
            Some(id.clone())
        );
        assert_eq!(names.parse_access(AccessKind::Session, &token), None);
        assert_eq!(names.parse_role(&token), None);
        assert_eq!(
            names.access(AccessKind::Session, &id),
            "/maintenance/demo-dev/sessions/9999999999"
        );
        let observer = names.observer(&"db.eu-1".parse().unwrap());
        assert_eq!(observer, "/maintenance/demo-dev/observers/db.eu-1");
        assert_eq!(names.parse_role(&observer), None);
        let largest = format!("/maintenance/demo-dev/lease/{}", u64::MAX);
        assert_eq!(names.parse_lease(&largest), None);
    }
}
