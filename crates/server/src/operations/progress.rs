//! How far an operation is, for those who watch it.

use std::sync::Arc;

use jiff::Timestamp;
use maintenance_control::{Error, Event, Holder, Report, RoleOutcome, RoleReport, Waiting};
use maintenance_flag::{App, Role};

use super::Target;

/// How far an operation is.
#[derive(Debug, Clone)]
pub struct Progress {
    /// Its apps, in the order of the target's.
    pub apps: Vec<AppProgress>,
    /// When it ended, UTC, and how.
    pub ended: Option<Arc<Ended>>,
}

/// How far it is with one app.
#[derive(Debug, Clone)]
pub struct AppProgress {
    /// The app.
    pub app: App,
    /// Its roles.
    pub roles: Vec<RoleProgress>,
    /// What its functions wait for just now.
    pub waiting: Option<Waiting>,
    /// An operation did not give its lease back: this one waits until then, UTC.
    pub lease_until: Option<Timestamp>,
    /// Whose lease that is, if that is known.
    pub lease_of: Option<Holder>,
}

/// How far it is with one role.
#[derive(Debug, Clone, PartialEq)]
pub struct RoleProgress {
    /// The role.
    pub role: Role,
    /// What is done with it.
    pub phase: Phase,
    /// Functions read or changed in this phase.
    pub done: usize,
    /// Of so many; none while they are being listed.
    pub total: Option<usize>,
}

/// What is done with a role.
#[derive(Debug, Clone, PartialEq)]
pub enum Phase {
    /// Nothing yet.
    Pending,
    /// Its functions are read; nothing of it is changed before all are.
    Reading,
    /// It is changed.
    Working,
    /// It is done with.
    Finished(Box<RoleReport>),
}

/// How an operation ended.
#[derive(Debug)]
pub struct Ended {
    /// When, UTC.
    pub at: Timestamp,
    /// One result an app, in the order of the target's. Empty: the operation crashed.
    pub results: Vec<Result<Report, Error>>,
}

impl Ended {
    pub(super) fn new(results: Vec<Result<Report, Error>>) -> Self {
        Self {
            at: Timestamp::now(),
            results,
        }
    }

    pub(super) fn crashed() -> Self {
        Self::new(Vec::new())
    }

    /// Whether all is where it should be.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let mut results = self.results.iter();
        !self.results.is_empty()
            && results.all(|result| result.as_ref().is_ok_and(Report::is_complete))
    }

    /// The first error, of those that ended the part of an app.
    #[must_use]
    pub fn error(&self) -> Option<&Error> {
        self.results.iter().find_map(|result| result.as_ref().err())
    }

    /// What was done, app by app, as far as anything was: an error that came in the middle has it, too.
    pub fn reports(&self) -> impl Iterator<Item = &Report> {
        self.results.iter().filter_map(|result| match result {
            Ok(report) => Some(report),
            Err(Error::Unfinished { report, .. }) => Some(&**report),
            Err(_) => None,
        })
    }

    /// Whether an error ended it before anything was changed.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        let changed = |role: &RoleReport| role.outcome != RoleOutcome::NotBegun;
        self.error().is_some() && !self.reports().flat_map(|report| &report.roles).any(changed)
    }
}

impl Progress {
    pub(super) fn of(target: &Target) -> Self {
        let app = |(app, roles): &(Arc<crate::catalog::ManagedApp>, Vec<_>)| AppProgress {
            app: app.app().clone(),
            roles: roles.iter().map(RoleProgress::pending).collect(),
            waiting: None,
            lease_until: None,
            lease_of: None,
        };
        Self {
            apps: target.apps.iter().map(app).collect(),
            ended: None,
        }
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.ended.is_some()
    }

    pub(super) fn end(&mut self, ended: Ended) {
        for app in &mut self.apps {
            app.waiting = None;
            app.lease_until = None;
        }
        self.ended = Some(Arc::new(ended));
    }

    /// Takes note of what happened to an app. Whether that says something new.
    pub(super) fn hear(&mut self, app: usize, event: &Event<'_>) -> bool {
        self.apps.get_mut(app).is_some_and(|app| app.hear(event))
    }
}

impl AppProgress {
    fn hear(&mut self, event: &Event<'_>) -> bool {
        match event {
            Event::LeaseWatched { holder, until } => {
                (self.lease_until, self.lease_of) = (Some(*until), Some((*holder).clone()));
            }
            Event::HolderStopping { until } => self.lease_until = Some(*until),
            Event::Waiting(waiting) => {
                let waiting = Some(*waiting).filter(|waiting| *waiting != Waiting::default());
                if self.waiting == waiting {
                    return false;
                }
                self.waiting = waiting;
            }
            Event::Reading { role, done, total } => {
                return self.role(role, Phase::Reading, *done, *total);
            }
            Event::RoleStarted { role, .. } => return self.role(role, Phase::Working, 0, None),
            Event::Progress {
                role, done, total, ..
            } => return self.role(role, Phase::Working, *done, Some(*total)),
            Event::RoleFinished(report) => {
                let workers = report.workers.as_ref();
                let total = workers.map(|workers| workers.selected);
                let phase = Phase::Finished(Box::new((*report).clone()));
                return self.role(&report.role, phase, total.unwrap_or(0), total);
            }
            _ => return false,
        }
        true
    }

    fn role(&mut self, role: &Role, phase: Phase, done: usize, total: Option<usize>) -> bool {
        self.lease_until = None;
        let Some(it) = self.roles.iter_mut().find(|it| it.role == *role) else {
            return false;
        };
        let now = RoleProgress {
            role: role.clone(),
            phase,
            done,
            total,
        };
        let is_new = *it != now;
        *it = now;
        is_new
    }
}

impl RoleProgress {
    fn pending(spec: &maintenance_control::RoleSpec) -> Self {
        Self {
            role: spec.role.clone(),
            phase: Phase::Pending,
            done: 0,
            total: None,
        }
    }
}
