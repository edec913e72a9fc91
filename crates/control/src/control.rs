//! The operations: on, off, status, and what they would do.
//!
//! Each takes the lease, reads everything, checks every transition, and only then changes anything:
//! what is refused has changed nothing. The flag turns on before the first function is touched, and
//! off after the last is verified.

mod off;
mod on;
mod read;
mod roles;
mod status;
mod window;

use maintenance_flag::{
    App, DecodeError, Flag, Mode, NoRoom, Options, Parameters, Prefix, Role, WindowId,
};

use crate::clock::Clock;
use crate::drain::Drain;
use crate::error::Error;
use crate::event::{Event, Run};
use crate::events::FunctionEvents;
use crate::fleet::Fleet;
use crate::lease::{Guard, Halt, Held, Holder, Taker};
use crate::report::{Action, Report, RoleOutcome, RoleReport};
use crate::selection::Selection;
use crate::stop::Stop;
use crate::store::{Store, Stored};
use read::Read;
pub use window::Link;

/// A role as the configuration has it.
#[derive(Debug, Clone)]
pub struct RoleSpec {
    /// The role.
    pub role: Role,
    /// Its functions. None: the role is a flag alone.
    pub functions: Option<Selection>,
    /// How long its handlers may go on after its flag has turned on.
    pub drain: Drain,
    /// What a window of it has when it opens, where [`On::options`] do not say otherwise.
    pub options: Options,
}

impl RoleSpec {
    /// Whether handlers behind a gate are of this role, as far as that is known: those of web are, and
    /// those whose timeout the configuration says.
    fn has_gates(&self) -> bool {
        self.role == Role::web() || self.drain.timeout.is_some()
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// A person (the `by` of [`Control::new`]).
    Person,
    /// An observer, by name.
    Observer(String),
}

/// The wish to turn maintenance on.
#[derive(Debug, Clone, PartialEq)]
pub struct On {
    /// Who asks, and so owns the window.
    pub who: Who,
    /// Why, for the team.
    pub reason: Option<String>,
    /// Let safe methods (GET, HEAD, OPTIONS) pass.
    pub read_only: bool,
    /// What visitors are told, and who may pass. Of a window that is open, those options are changed.
    pub options: Options,
    /// Let whoever has this token pass, and whoever had one before no more.
    pub link: Option<Link>,
    /// Go on though asynchronous events will be lost. [`Control::on`] then does not even read whether
    /// that is so; without it, it refuses with [`Error::EventsLost`] before anything is changed.
    pub accept_event_loss: bool,
    /// What was shown when it was asked whether to go on: a yes accepts these losses, and no others.
    pub shown: Vec<FunctionEvents>,
}

/// The wish to turn maintenance off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Off {
    /// Who asks. For an observer it means that it sees all is normal.
    pub who: Who,
    /// Override an observer that holds the window, for this reason.
    pub force: Option<String>,
    /// Restore what was saved even over what somebody else set while a function was paused.
    pub restore_saved: bool,
}

/// The control plane of one app.
#[derive(Debug)]
pub struct Control {
    app: App,
    names: Parameters,
    store: Store,
    fleet: Fleet,
    clock: Clock,
    by: String,
}

impl Control {
    /// The control plane of `app`, whose parameters are below `prefix` in `store`. `by` says who is at
    /// work, as in `ana@laptop`.
    #[must_use]
    pub fn new(app: App, prefix: &Prefix, store: Store, fleet: Fleet, by: String) -> Self {
        let names = Parameters::new(prefix, &app);
        Self {
            app,
            names,
            store,
            fleet,
            clock: Clock::System,
            by,
        }
    }

    /// Takes the time from this clock.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// The app.
    #[must_use]
    pub fn app(&self) -> &App {
        &self.app
    }

    /// The flag to go on from. A malformed one is replaced, since that is what is asked for; one of a
    /// newer version is not.
    fn current(
        &self,
        role: &Role,
        read: &Read,
        malformed: Mode,
    ) -> Result<(Flag, Vec<String>), Error> {
        match &read.flag {
            Ok(flag) => Ok((flag.clone(), Vec::new())),
            Err(error @ DecodeError::Malformed { .. }) => Ok((
                Flag::bare(malformed),
                vec![format!("{error}; it is replaced")],
            )),
            Err(error) => Err(Error::Unreadable {
                name: self.names.flag(role),
                source: error.clone(),
            }),
        }
    }

    fn encode(&self, role: &Role, flag: &Flag) -> Result<String, Error> {
        flag.encode().map_err(|source| self.no_room(role, source))
    }

    fn no_room(&self, role: &Role, source: NoRoom) -> Error {
        Error::NoRoom {
            role: role.clone(),
            name: self.names.flag(role),
            source,
        }
    }

    /// Writes a flag. Returns its version, and a warning if somebody else wrote it since it was read.
    async fn write(
        &self,
        role: &Role,
        flag: &Flag,
        seen: Option<&Stored>,
        guard: &Guard,
    ) -> Result<(u64, Option<String>), Error> {
        let name = self.names.flag(role);
        let written = self
            .store
            .replace(&name, &self.encode(role, flag)?, seen, Some(guard))
            .await?;
        let warning = written
            .between
            .map(|stored| match Flag::decode(&stored.value) {
                Ok(flag) => format!(
                    "somebody else ({}) set the flag to {} at the same moment; it is overwritten",
                    flag.by.as_deref().unwrap_or("unknown"),
                    flag.mode
                ),
                Err(error) => format!("somebody else wrote the flag at the same moment: {error}"),
            });
        Ok((written.revision.0, warning))
    }

    async fn take_lease(
        &self,
        action: Action,
        roles: &[&RoleSpec],
        run: &Run<'_>,
    ) -> Result<Held, Error> {
        let names: Vec<&str> = roles.iter().map(|spec| spec.role.as_str()).collect();
        let roles: Vec<&Role> = roles.iter().map(|spec| &spec.role).collect();
        let word = match action {
            Action::On => "on",
            Action::Off => "off",
        };
        let operation = format!("{word} {}", names.join(", "));
        self.taker(operation, &roles, run).take().await
    }

    fn taker<'a>(
        &'a self,
        operation: String,
        roles: &'a [&'a Role],
        run: &'a Run<'a>,
    ) -> Taker<'a> {
        Taker {
            store: &self.store,
            names: &self.names,
            clock: self.clock,
            by: &self.by,
            operation,
            roles,
            run,
        }
    }

    /// Who operates on the app just now, or died without giving its lease back. Reads only.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn holder(&self) -> Result<Option<Holder>, Error> {
        self.taker("unlock".to_owned(), &[], &Run::quiet())
            .holder()
            .await
    }

    /// Ends the lease of this holder, for one that has died and is not waited for. If it lives, it notices
    /// before its next change, and its last call ends; this returns after that, in 25 seconds. Returns whose
    /// lease it was; none if there was nothing to end.
    ///
    /// # Errors
    /// [`Error`]; [`Error::Busy`] if another operation holds the lease by now.
    pub async fn unlock(&self, shown: &Holder, run: &Run<'_>) -> Result<Option<Holder>, Error> {
        self.taker("unlock".to_owned(), &[], run).end(shown).await
    }

    fn report(&self, action: Action, dry_run: bool, roles: Vec<RoleReport>) -> Report {
        Report {
            app: self.app.clone(),
            action,
            dry_run,
            interrupted: false,
            roles,
        }
    }

    /// Works on role after role, and reports. `ready` are the roles as they were read; `work` is also
    /// told of the roles that are done.
    ///
    /// However a role ends, the report keeps those before it: on a stop it is the result, and on any
    /// other error it is in [`Error::Unfinished`] beside that error.
    async fn role_by_role<R>(
        &self,
        action: Action,
        roles: &[&RoleSpec],
        ready: Result<Vec<R>, Error>,
        run: &Run<'_>,
        mut work: impl AsyncFnMut(R, &[RoleReport]) -> Result<RoleReport, Error>,
    ) -> Result<Report, Error> {
        let mut report = self.report(action, false, Vec::with_capacity(roles.len()));
        let mut end = Ok(());
        match ready {
            Err(error) => end = Err(error),
            Ok(ready) => {
                for ready in ready {
                    match work(ready, &report.roles).await {
                        Ok(role) => {
                            run.tell(Event::RoleFinished(&role));
                            report.roles.push(role);
                        }
                        Err(error) => {
                            end = Err(error);
                            break;
                        }
                    }
                }
            }
        }
        finish(report, roles, end, &run.stop)
    }

    fn new_window(&self) -> WindowId {
        WindowId::new(self.clock.now(), fastrand::u32(..))
    }
}

/// The roles that are flags alone first, then those with functions: when maintenance turns on, no
/// request shall reach an app whose workers are stopped.
fn in_order(roles: &[RoleSpec]) -> Vec<&RoleSpec> {
    let (scaled, flags): (Vec<_>, Vec<_>) = roles.iter().partition(|spec| spec.functions.is_some());
    // Among flags alone, workers come last too.
    let (workers, others): (Vec<_>, Vec<_>) = flags
        .into_iter()
        .partition(|spec| spec.role == Role::worker());
    others.into_iter().chain(workers).chain(scaled).collect()
}

/// The result of an operation that did what is in the report, and then came to this end.
fn finish(
    mut report: Report,
    roles: &[&RoleSpec],
    end: Result<(), Error>,
    stop: &Stop,
) -> Result<Report, Error> {
    let mut ended_by = None;
    match end {
        Ok(()) => report.interrupted = stop.is_stopped() && !report.is_complete(),
        Err(error) => match error.halt() {
            Some(Halt::Stopped) => report.interrupted = true,
            Some(Halt::LeaseLost) => ended_by = Some(Error::LeaseLost),
            None => ended_by = Some(error),
        },
    }
    let done = report.roles.len();
    if let Some(error) = ended_by.take_if(|_| done == 0) {
        return Err(error);
    }
    for (n, spec) in roles.iter().enumerate().skip(done) {
        let outcome = if ended_by.is_some() && n == done {
            RoleOutcome::Unfinished
        } else {
            RoleOutcome::NotBegun
        };
        report.roles.push(RoleReport {
            role: spec.role.clone(),
            outcome,
            workers: None,
            options: None,
            drained_at: None,
            warnings: Vec::new(),
        });
    }
    match ended_by {
        None => Ok(report),
        Some(source) => Err(Error::Unfinished {
            report: Box::new(report),
            source: Box::new(source),
        }),
    }
}
