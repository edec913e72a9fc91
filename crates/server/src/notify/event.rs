//! What is told: the events, and the form of their data, which is a public contract. Keys are only ever added.

use std::fmt;

use jiff::Timestamp;
use maintenance_control::{
    Action, Actor, Error, Report, RoleOutcome, RoleReport, RoleSchedule, WorkersReport, in_full,
};
use maintenance_flag::{App, Flag, Owner, Product, Role, ScheduleOutcome};
use serde::{Deserialize, Serialize, Serializer};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Windows opened, or functions of a window that was open already were paused now.
    TurnedOn,
    /// Windows closed.
    TurnedOff,
    /// A window to come was planned.
    Scheduled,
    /// A window to come was moved.
    Rescheduled,
    /// A window to come will not open.
    Cancelled,
    /// Something was changed, and not everything is where it should be.
    Partial,
    /// No code that began before the maintenance can still be running: it is safe to migrate.
    Drained,
    /// What visitors get of a window that is open was changed.
    OptionsUpdated,
    /// An operation failed, and nothing was changed.
    Failed,
    /// A person tries a receiver. Every receiver is told it.
    #[serde(skip)]
    Test,
}

impl Kind {
    /// Those that a receiver may ask for.
    pub const ALL: [Self; 9] = [
        Self::TurnedOn,
        Self::TurnedOff,
        Self::Scheduled,
        Self::Rescheduled,
        Self::Cancelled,
        Self::Partial,
        Self::Drained,
        Self::OptionsUpdated,
        Self::Failed,
    ];

    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TurnedOn => "turned_on",
            Self::TurnedOff => "turned_off",
            Self::Scheduled => "scheduled",
            Self::Rescheduled => "rescheduled",
            Self::Cancelled => "cancelled",
            Self::Partial => "partial",
            Self::Drained => "drained",
            Self::OptionsUpdated => "options_updated",
            Self::Failed => "failed",
            Self::Test => "test",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// From where a change came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// A person.
    Manual,
    /// An observer.
    Observer,
    /// A window to come whose time was there.
    Schedule,
}

impl From<&Actor> for Source {
    fn from(actor: &Actor) -> Self {
        match actor {
            Actor::Person => Self::Manual,
            Actor::Observer(_) => Self::Observer,
            Actor::Clock => Self::Schedule,
        }
    }
}

/// What an operation was.
#[derive(Debug, Clone)]
pub struct About<'a> {
    /// When it ended, UTC.
    pub at: Timestamp,
    /// What was asked for.
    pub action: Action,
    /// The product, unless it was about one app.
    pub product: Option<&'a Product>,
    /// The apps, with the roles that it was about.
    pub apps: Vec<(&'a App, Vec<&'a Role>)>,
    /// Who asked for it.
    pub by: &'a str,
    /// From where it came.
    pub source: Source,
    /// Why, as far as that was said.
    pub reason: Option<&'a str>,
}

/// Something that happened, to be told once.
#[derive(Debug, Clone, PartialEq)]
pub struct Notification {
    /// The same for every receiver and every attempt.
    pub(super) id: String,
    pub(super) kind: Kind,
    pub(super) at: Timestamp,
    pub(super) data: Data,
}

/// The `data` of a notification.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Data {
    /// `on` or `off`. Null: it was a test.
    pub(super) action: Option<Action>,
    /// `complete`, `partial` or `failed`: of the whole operation.
    pub(super) result: Outcome,
    pub(super) environment: Option<String>,
    /// The id of the product, unless it was about one app.
    pub(super) product: Option<String>,
    /// The app, if it was about one.
    pub(super) app: Option<String>,
    /// The apps and roles that it happened to.
    pub(super) apps: Vec<AppData>,
    /// Who asked for it.
    pub(super) by: Option<String>,
    /// Who holds the window, and so may close it.
    pub(super) owner: Option<OwnerData>,
    pub(super) source: Option<Source>,
    pub(super) reason: Option<String>,
    /// What visitors are told.
    pub(super) message: Option<String>,
    /// When a window to come begins, UTC.
    pub(super) starts_at: Option<Timestamp>,
    /// When it was to begin before it was moved, UTC.
    pub(super) previous_starts_at: Option<Timestamp>,
    /// Since when the window is, or was, open, UTC.
    pub(super) since: Option<Timestamp>,
    /// When it is expected to end, UTC.
    pub(super) until: Option<Timestamp>,
    /// From when on it is safe to migrate, UTC, if that is known.
    pub(super) drained_at: Option<Timestamp>,
    /// The functions that are not where they should be.
    pub(super) functions: Vec<FunctionData>,
    /// Why not everything was done.
    pub(super) error: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Outcome {
    Complete,
    Partial,
    Failed,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct AppData {
    pub(super) app: String,
    pub(super) roles: Vec<RoleData>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct RoleData {
    pub(super) role: String,
    /// What became of its flag. Null: nothing was asked of it.
    pub(super) outcome: Option<RoleOutcome>,
    pub(super) window: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct OwnerData {
    pub(super) kind: &'static str,
    pub(super) name: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct FunctionData {
    pub(super) app: String,
    pub(super) role: String,
    pub(super) function: String,
    pub(super) error: String,
}

impl From<&Owner> for OwnerData {
    fn from(owner: &Owner) -> Self {
        Self {
            kind: owner.kind.as_str(),
            name: owner.name.clone(),
        }
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("maintenance.{self}"))
    }
}

/// A role of an app, as an operation left it.
type Changed<'a> = (&'a App, &'a RoleReport);

impl Notification {
    /// What is to be told of an operation that ended so: nothing, if it changed nothing and was only refused. Each
    /// event comes once, with all apps and roles that it happened to.
    #[must_use]
    pub fn of_operation(about: &About<'_>, results: &[Result<Report, Error>]) -> Vec<Self> {
        let roles = roles(about, results);
        let error = results.iter().find_map(|result| result.as_ref().err());
        let result = outcome(results);
        let mut told = Vec::new();
        for kind in [Kind::TurnedOn, Kind::TurnedOff, Kind::OptionsUpdated] {
            let mut of_kind = roles.clone();
            of_kind.retain(|(_, role)| kind_of(role) == Some(kind));
            if !of_kind.is_empty() {
                told.push(Self::new(about, kind, result, &of_kind));
            }
        }
        let is_refused = matches!(error, Some(Error::Refused { .. } | Error::Busy { .. }));
        let is_interrupted = results.iter().flatten().any(|report| report.interrupted);
        let mut last = match result {
            Outcome::Complete => return told,
            Outcome::Failed if is_refused => return told,
            Outcome::Failed => Self::new(about, Kind::Failed, result, &[]),
            Outcome::Partial => {
                let mut left = roles;
                left.retain(|(_, role)| !role.is_complete());
                let mut last = Self::new(about, Kind::Partial, result, &left);
                last.data.functions = left.iter().flat_map(functions).collect();
                last
            }
        };
        last.data.error = match error {
            Some(Error::Unfinished { source, .. }) => Some(in_full(&**source)),
            Some(error) => Some(in_full(error)),
            None if results.is_empty() => Some("the operation crashed".to_owned()),
            None => is_interrupted.then(|| "it was stopped before it was finished".to_owned()),
        };
        told.push(last);
        told
    }

    /// What is to be told once the roles that an operation turned on are drained, and when that is. None if that
    /// is not known, or nothing was turned on.
    #[must_use]
    pub fn drained(
        about: &About<'_>,
        results: &[Result<Report, Error>],
    ) -> Option<(Timestamp, Self)> {
        let mut roles = roles(about, results);
        roles.retain(|(_, role)| kind_of(role) == Some(Kind::TurnedOn));
        let is_known = !roles.is_empty() && outcome(results) == Outcome::Complete;
        let ends = roles.iter().map(|(_, role)| role.drained_at);
        let at = ends.collect::<Option<Vec<_>>>()?.into_iter().max();
        let at = at.filter(|_| is_known)?;
        let mut told = Self::new(about, Kind::Drained, Outcome::Complete, &roles);
        told.at = at;
        Some((at, told))
    }

    /// What is to be told of a change of windows to come by `by`: that one was scheduled, moved or cancelled. Nothing
    /// of one that is as it was.
    #[must_use]
    pub fn of_schedule(
        roles: &[(&App, &RoleSchedule)],
        product: Option<&Product>,
        by: &str,
    ) -> Option<Self> {
        let told: Vec<_> = roles
            .iter()
            .filter(|(_, role)| role.outcome.changed())
            .collect();
        let (_, first) = told.first()?;
        let (kind, action) = match first.outcome {
            ScheduleOutcome::Scheduled => (Kind::Scheduled, Action::On),
            ScheduleOutcome::Moved => (Kind::Rescheduled, Action::On),
            ScheduleOutcome::Cancelled => (Kind::Cancelled, Action::Off),
            ScheduleOutcome::AlreadyScheduled => return None,
        };
        let mut apps: Vec<(&App, Vec<&Role>)> = Vec::new();
        for (app, role) in &told {
            match apps.iter_mut().find(|(known, _)| known == app) {
                Some((_, roles)) => roles.push(&role.role),
                None => apps.push((*app, vec![&role.role])),
            }
        }
        let window = &first.window;
        let about = About {
            at: Timestamp::now(),
            action,
            product,
            apps,
            by,
            source: match window.recurring {
                Some(_) => Source::Schedule,
                None => Source::Manual,
            },
            reason: window.reason.as_deref(),
        };
        let mut notification = Self::new(&about, kind, Outcome::Complete, &[]);
        let data = &mut notification.data;
        // By that, what is told of it later is known to be of the same window.
        let roles = data.apps.iter_mut().flat_map(|app| &mut app.roles);
        roles.for_each(|role| role.window = Some(window.window.to_string()));
        data.owner = Some((&window.owner).into());
        data.starts_at = Some(window.starts_at);
        data.previous_starts_at = first.before.as_ref().map(|before| before.starts_at);
        data.until = Some(window.until);
        data.message.clone_from(&window.message);
        Some(notification)
    }

    /// What a person sends to try a receiver.
    #[must_use]
    pub fn test(by: &str, at: Timestamp) -> Self {
        Self {
            id: new_id(),
            kind: Kind::Test,
            at,
            data: Data {
                by: Some(by.to_owned()),
                ..Data::empty()
            },
        }
    }

    /// Of these roles; if there are none, of all that the operation was about.
    fn new(about: &About<'_>, kind: Kind, result: Outcome, roles: &[Changed<'_>]) -> Self {
        let apps = match roles {
            [] => about.apps.iter().map(AppData::asked).collect(),
            roles => {
                let apps = about.apps.iter().map(|(app, _)| AppData::of(app, roles));
                apps.filter(|app| !app.roles.is_empty()).collect()
            }
        };
        let windows = || roles.iter().filter_map(|(_, role)| role.flag.as_ref());
        let first = |of: fn(&Flag) -> Option<String>| windows().find_map(of);
        let ends = roles.iter().map(|(_, role)| role.drained_at);
        let ends = ends.collect::<Option<Vec<_>>>().unwrap_or_default();
        let environment = about.apps.first().map(|(app, _)| app.env().to_owned());
        let only = match about.apps.as_slice() {
            [(app, _)] => Some(app.to_string()),
            _ => None,
        };
        let data = Data {
            action: Some(about.action),
            result,
            environment,
            product: about.product.map(ToString::to_string),
            app: only,
            apps,
            by: Some(about.by.to_owned()),
            owner: windows().find_map(|window| Some(window.owner.as_ref()?.into())),
            source: Some(about.source),
            reason: about
                .reason
                .map(str::to_owned)
                .or_else(|| first(|it| it.reason.clone())),
            message: first(|it| it.message.clone()),
            since: windows().filter_map(|window| window.since).min(),
            until: windows().filter_map(|window| window.until).max(),
            drained_at: ends.into_iter().max(),
            ..Data::empty()
        };
        Self {
            id: new_id(),
            kind,
            at: about.at,
            data,
        }
    }

    /// What happened.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The windows that it is about: app, role and id.
    pub(crate) fn windows(&self) -> Vec<(String, String, Option<String>)> {
        let apps = self.data.apps.iter();
        let windows = apps.flat_map(|app| {
            let roles = app.roles.iter();
            roles.map(|role| (app.app.clone(), role.role.clone(), role.window.clone()))
        });
        windows.collect()
    }

    /// What it is about, for one that repeats itself.
    pub(super) fn target(&self) -> String {
        let Data { product, apps, .. } = &self.data;
        let apps = apps.iter().map(|app| app.app.as_str());
        let apps = apps.collect::<Vec<_>>().join(" ");
        format!("{} {apps}", product.as_deref().unwrap_or_default())
    }

    /// Why nothing was done, if that is what it tells.
    pub(super) fn failure(&self) -> Option<&str> {
        let error = self.data.error.as_deref().unwrap_or_default();
        (self.kind == Kind::Failed).then_some(error)
    }
}

impl Data {
    fn empty() -> Self {
        Self {
            action: None,
            result: Outcome::Complete,
            environment: None,
            product: None,
            app: None,
            apps: Vec::new(),
            by: None,
            owner: None,
            source: None,
            reason: None,
            message: None,
            starts_at: None,
            previous_starts_at: None,
            since: None,
            until: None,
            drained_at: None,
            functions: Vec::new(),
            error: None,
        }
    }
}

impl AppData {
    fn of(app: &App, roles: &[Changed<'_>]) -> Self {
        let own = roles.iter().filter(|(of, _)| *of == app);
        let role = |(_, role): &Changed<'_>| RoleData {
            role: role.role.to_string(),
            outcome: Some(role.outcome),
            window: role
                .flag
                .as_ref()
                .and_then(|it| Some(it.window.as_ref()?.to_string())),
        };
        Self {
            app: app.to_string(),
            roles: own.map(role).collect(),
        }
    }

    fn asked((app, roles): &(&App, Vec<&Role>)) -> Self {
        let role = |role: &&Role| RoleData {
            role: role.to_string(),
            outcome: None,
            window: None,
        };
        Self {
            app: app.to_string(),
            roles: roles.iter().map(role).collect(),
        }
    }
}

/// All roles of which there is a report.
fn roles<'a>(about: &About<'a>, results: &'a [Result<Report, Error>]) -> Vec<Changed<'a>> {
    let apps = about.apps.iter().map(|(app, _)| *app);
    let reports = apps.zip(results).filter_map(|(app, result)| match result {
        Ok(report) => Some((app, report)),
        Err(Error::Unfinished { report, .. }) => Some((app, &**report)),
        Err(_) => None,
    });
    let roles = reports.flat_map(|(app, report)| report.roles.iter().map(move |role| (app, role)));
    roles.collect()
}

fn outcome(results: &[Result<Report, Error>]) -> Outcome {
    let mut all = results.iter();
    if !results.is_empty() && all.all(|it| it.as_ref().is_ok_and(Report::is_complete)) {
        return Outcome::Complete;
    }
    let has_begun = |report: &Report| {
        let mut roles = report.roles.iter();
        roles.any(|role| role.outcome != RoleOutcome::NotBegun)
    };
    let is_begun = results.iter().any(|result| match result {
        Ok(report) => has_begun(report),
        Err(Error::Unfinished { report, .. }) => has_begun(report),
        Err(_) => false,
    });
    match is_begun {
        true => Outcome::Partial,
        false => Outcome::Failed,
    }
}

/// What happened to a role, if anything did.
fn kind_of(role: &RoleReport) -> Option<Kind> {
    let has_paused = |workers: &WorkersReport| !workers.changed.is_empty();
    match role.outcome {
        RoleOutcome::TurnedOn => Some(Kind::TurnedOn),
        // What was left of an operation that was cut off.
        RoleOutcome::AlreadyOn if role.workers.as_ref().is_some_and(has_paused) => {
            Some(Kind::TurnedOn)
        }
        RoleOutcome::OptionsUpdated => Some(Kind::OptionsUpdated),
        RoleOutcome::TurnedOff => Some(Kind::TurnedOff),
        RoleOutcome::AlreadyOn
        | RoleOutcome::AlreadyOff
        | RoleOutcome::LeftOn
        | RoleOutcome::StillOn
        | RoleOutcome::Unfinished
        | RoleOutcome::NotBegun => None,
    }
}

/// The functions of a role that are not where they should be.
fn functions((app, role): &Changed<'_>) -> Vec<FunctionData> {
    let Some(workers) = &role.workers else {
        return Vec::new();
    };
    let of = |function: &str, error: String| FunctionData {
        app: app.to_string(),
        role: role.role.to_string(),
        function: function.to_owned(),
        error,
    };
    let failed = workers.failed.iter();
    let failed = failed.map(|it| of(&it.function, it.error.clone()));
    let unfinished = workers.unfinished.iter();
    let unfinished = unfinished.map(|name| of(name, "not finished".to_owned()));
    let drifted = workers.drifted.iter().map(|drift| {
        let (setting, now, saved) = (&drift.setting, &drift.now, &drift.saved);
        let error = format!("{setting} was changed to {now} while paused (saved: {saved})");
        of(&drift.function, error)
    });
    failed.chain(unfinished).chain(drifted).collect()
}

/// 128 random bits.
fn new_id() -> String {
    let random = || getrandom::u64().unwrap_or_else(|_| Timestamp::now().as_nanosecond() as u64);
    format!("msg_{:016x}{:016x}", random(), random())
}
