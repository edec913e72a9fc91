//! `[[windows]]`: windows that open again and again.

use jiff::Timestamp;
use maintenance_flag::{Product, Role};
use maintenance_server::schedule::{self, Overlap, Place, Recurrence, RecurringWindow};
use serde_json::Value;

use super::resolve::Settings;
use super::tables::WindowTable;
use super::target::ProductSettings;
use super::written::Written;
use crate::error::CliError;
use crate::source::Sourced;
use crate::suggest;
use crate::values::Parsed;

/// A window of the file, and the app or the product that it is for.
#[derive(Debug, Clone)]
pub(crate) struct WindowSettings {
    pub(crate) window: RecurringWindow,
    /// The apps of its roles.
    pub(crate) apps: Vec<Settings>,
    /// What the file says of it, as written.
    pub(crate) keys: Vec<(String, Sourced<Value>)>,
}

/// All windows of a file, which do not overlap from now on.
pub(super) fn windows(
    tables: &[WindowTable],
    written: &Written,
    own: &Settings,
    product: impl Fn(&Product) -> Result<ProductSettings, CliError>,
    now: Timestamp,
) -> Result<Vec<WindowSettings>, CliError> {
    let mut windows: Vec<WindowSettings> = Vec::with_capacity(tables.len());
    for (n, table) in tables.iter().enumerate() {
        let window = window(written, n, table, own, &product)?;
        let name = &window.window.name;
        if windows.iter().any(|known| known.window.name == *name) {
            let rule = format!("another window is called {name}");
            return Err(written
                .refuse(&key(n, "name"), &rule)
                .hint("give one of them another name"));
        }
        windows.push(window);
    }
    let all: Vec<RecurringWindow> = windows.iter().map(|it| it.window.clone()).collect();
    match schedule::overlap(&all, now) {
        None => Ok(windows),
        Some(overlap) => Err(overlapping(written, &all, &overlap)),
    }
}

/// What a key of the window of this index is called.
fn key(n: usize, name: &str) -> String {
    format!("windows.{n}.{name}")
}

fn window(
    written: &Written,
    n: usize,
    table: &WindowTable,
    own: &Settings,
    product: impl Fn(&Product) -> Result<ProductSettings, CliError>,
) -> Result<WindowSettings, CliError> {
    let missing = |name: &str, example: &str| {
        let refused = written.refuse(&format!("windows.{n}"), &format!("has no {name}"));
        refused.hint(format!("add {name} = {example} to it"))
    };
    let name = table.name.as_ref().map(|it| it.0.0.clone());
    let name = name.ok_or_else(|| missing("name", "\"nightly\""))?;
    let cron = table.cron.as_ref().map(|it| it.0.clone());
    let length = table.duration.as_ref().map(|it| it.0.0);
    let zone = table.timezone.as_ref().map(|it| it.0.0.clone());
    let recurrence = Recurrence {
        cron: cron.ok_or_else(|| missing("cron", "\"0 22 * * SUN\""))?,
        length: length.ok_or_else(|| missing("duration", "\"2h\""))?,
        zone: zone.ok_or_else(|| missing("timezone", "\"Europe/Berlin\""))?,
    };
    let (apps, of) = match (&table.product, &table.roles) {
        (Some(Parsed(id)), None) => (product(id)?.apps, Some(id.clone())),
        (None, Some(_)) => (vec![own.clone()], None),
        (Some(_), Some(_)) => {
            let rule = "cannot be combined with product, which covers all roles of its apps";
            return Err(written
                .refuse(&key(n, "roles"), rule)
                .hint("remove roles or product"));
        }
        (None, None) => return Err(missing("roles or product", "…")
            .hint("roles = [\"web\"] are roles of the file's own app; product = \"shop\" covers all roles of its apps")),
    };
    let asked = table.roles.as_ref().map(|roles| &roles.0);
    let mut places = Vec::new();
    for app in &apps {
        let name = app.app()?;
        let known: Vec<&str> = app.roles.iter().map(|it| it.role.as_str()).collect();
        for Parsed(role) in asked.into_iter().flatten() {
            if !known.contains(&role.as_str()) {
                let rule = format!("there is no role {role}");
                return Err(written.refuse(&key(n, "roles"), &rule).hint(suggest::hint(
                    role.as_str(),
                    &known,
                    "the roles are",
                )));
            }
        }
        let is_asked =
            |role: &Role| asked.is_none_or(|asked| asked.iter().any(|Parsed(asked)| asked == role));
        for role in app.roles.iter().filter(|it| is_asked(&it.role)) {
            if table.read_only && role.selects_functions() {
                let rule = format!(
                    "the {} role of {name} selects functions, and a paused function cannot go on reading",
                    role.role
                );
                return Err(written.refuse(&key(n, "read_only"), &rule).hint(
                    "remove read_only, or give a window of its own to the roles without functions",
                ));
            }
            let (app, role) = (name.clone(), role.role.clone());
            places.push(Place { app, role });
        }
    }
    Ok(WindowSettings {
        keys: written.keys(&format!("windows.{n}")),
        window: RecurringWindow {
            name,
            recurrence,
            product: of,
            places,
            reason: table.reason.as_ref().map(|it| it.0.0.clone()),
            message: table.message.as_ref().map(|it| it.0.0.clone()),
            read_only: table.read_only,
            accept_event_loss: table.accept_event_loss,
        },
        apps,
    })
}

fn overlapping(written: &Written, all: &[RecurringWindow], overlap: &Overlap) -> CliError {
    let Overlap {
        first,
        second,
        place,
        at,
    } = overlap;
    let (one, two) = (&all[*first], &all[*second]);
    let zone = &two.recurrence.zone;
    let local = at.to_zoned(zone.clone());
    let when = format!(
        "{} in {}",
        local.strftime("%Y-%m-%d %H:%M"),
        zone.iana_name().unwrap_or("its zone")
    );
    let Place { app, role } = place;
    if first == second {
        let rule = format!(
            "{} opens again at {when}, while it is still open for {role} of {app}",
            one.name
        );
        return written
            .refuse(&key(*first, "duration"), &rule)
            .hint("shorten duration, or have cron come less often");
    }
    let rule = format!(
        "{} opens for {role} of {app} at {when}, while {} is open",
        two.name, one.name
    );
    let other = written.source(&key(*first, "cron"));
    written.refuse(&key(*second, "cron"), &rule).hint(format!(
        "{} is in {other}: move or shorten one of them",
        one.name
    ))
}

impl WindowSettings {
    /// The rows of `maintenance config`: the keys as written, but for the name, which is in each.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (String, Sourced<Value>)> {
        let name = &self.window.name;
        let keys = self.keys.iter().filter(|(key, _)| key != "name");
        keys.map(move |(key, value)| (format!("windows.{name}.{key}"), value.clone()))
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use jiff::SignedDuration;

    use super::*;
    use crate::args::Global;
    use crate::settings::{Configuration, Environment, FILE_NAME};

    const NOW: &str = "2026-11-29T12:00:00Z";

    fn windows(text: &str) -> Result<Vec<WindowSettings>, CliError> {
        let folder = TempDir::new().unwrap();
        let text = format!("app = \"shop\"\nenv = \"prod\"\n{text}");
        std::fs::write(folder.path().join(FILE_NAME), text).unwrap();
        let environment = Environment {
            dir: folder.path().to_owned(),
            ..Environment::default()
        };
        let args = Global::default();
        Configuration::read(&args, &environment)?.windows(NOW.parse().unwrap())
    }

    const NIGHTLY: &str = "[[windows]]\nname = \"nightly\"\ncron = \"0 22 * * *\"\nduration = \"2h\"\n\
                           timezone = \"Europe/Berlin\"\n";

    #[test]
    fn a_window_is_of_roles_of_the_own_app_or_of_a_product() {
        let text = format!(
            "[roles.worker]\nfunctions = [\"w-*\"]\n[products.all]\napps = [\"shop\", \"billing\"]\n[apps.billing]\n\
             {NIGHTLY}roles = [\"web\"]\nread_only = true\nmessage = \"Back soon.\"\n\
             [[windows]]\nname = \"weekly\"\ncron = \"0 4 * * SUN\"\nduration = \"1d\"\ntimezone = \"Etc/UTC\"\n\
             product = \"all\"\naccept_event_loss = true\nreason = \"backups\"\n"
        );
        // A day from Sunday at four is open at ten in the evening.
        let failure = windows(&text).unwrap_err();
        let cause = failure.causes().join(" / ");
        assert_eq!(
            cause,
            "line 10: windows.0.cron: nightly opens for web of shop-prod at 2026-11-29 22:00 in Europe/Berlin, \
             while weekly is open"
        );
        let windows = windows(&text.replace("1d", "90m")).unwrap();
        let places = |n: usize| {
            let places = windows[n].window.places.iter();
            places
                .map(|place| format!("{} {}", place.app, place.role))
                .collect::<Vec<_>>()
        };
        assert_eq!(places(0), ["shop-prod web"]);
        assert_eq!(
            places(1),
            [
                "shop-prod web",
                "shop-prod worker",
                "billing-prod web",
                "billing-prod worker"
            ]
        );
        let weekly = &windows[1].window;
        assert_eq!(weekly.recurrence.length, SignedDuration::from_mins(90));
        assert!(weekly.accept_event_loss && windows[0].window.read_only);
        let rows: Vec<_> = windows[0].rows().map(|(key, _)| key).collect();
        assert_eq!(rows[0], "windows.nightly.cron");
        assert_eq!(rows.len(), 6);
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_line() {
        for (text, why) in [
            (
                "[[windows]]\nname = \"nightly\"\n",
                "line 3: windows.0: has no cron",
            ),
            (
                "[[windows]]\nname = \"nightly\"\ncorn = \"0 22 * * *\"\n",
                "line 5: there is no key",
            ),
            (
                &NIGHTLY.replace("0 22 * * *", "0 0 22 * * *"),
                "line 5: windows.cron: must have five fields",
            ),
            (
                &NIGHTLY.replace("Europe/Berlin", "Berlin"),
                "line 7: windows.timezone: must be an IANA time zone",
            ),
            (
                &NIGHTLY.replace("2h", "31d"),
                "line 6: windows.duration: must be at least a minute and at most 30 days",
            ),
            (
                &NIGHTLY.replace("2h", "1 month"),
                "line 6: windows.duration: must be in days",
            ),
            (NIGHTLY, "line 3: windows.0: has no roles or product"),
            (
                &format!("{NIGHTLY}roles = [\"wbe\"]\n"),
                "line 8: windows.0.roles: there is no role wbe",
            ),
            (
                &format!("{NIGHTLY}roles = [\"web\"]\nproduct = \"all\"\n"),
                "line 8: windows.0.roles: cannot be combined with product",
            ),
            (
                &format!("{NIGHTLY}roles = [\"web\"]\n{NIGHTLY}roles = [\"worker\"]\n"),
                "line 10: windows.1.name: another window is called nightly",
            ),
            (
                &format!(
                    "{}roles = [\"web\"]\n",
                    NIGHTLY.replace("0 22 * * *", "0 * * * *")
                ),
                "line 6: windows.0.duration: nightly opens again at 2026-11-29 13:00 in Europe/Berlin, while it is",
            ),
            (
                &format!(
                    "{NIGHTLY}roles = [\"worker\"]\nread_only = true\n[roles.worker]\nfunctions = [\"x\"]\n"
                ),
                "line 9: windows.0.read_only: the worker role of shop-prod selects functions",
            ),
        ] {
            let failure = windows(text).unwrap_err();
            let cause = failure.causes().join(" / ");
            assert!(cause.starts_with(why), "{text}: {cause}");
            assert!(!failure.hints().is_empty(), "{text}");
        }
    }
}
