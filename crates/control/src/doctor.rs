//! What would go wrong tonight: everything that `on` and `off` need is tried or asked for. Reads only.
//!
//! A check that cannot be made says so, and hides no other. What it calls *failed* is what an operation would fail
//! at, or what keeps a gate from its flag; what it calls a *warning* is for a person to judge.

mod gates;
mod permissions;

use maintenance_flag::{DecodeError, Reserved, Role, SCHEMA};

use crate::aws::{CallerIdentity, Identity, Visitor};
use crate::control::Control;
use crate::describe;
use crate::error::Error;
use crate::event::Context;
use crate::operation::Request;
use crate::report::{
    Advice, Check, CheckOutcome, Checkup, Report, RoleReport, RoleStatus, State, Warning,
};
use crate::request::{Actor, OffRequest, OnRequest, RoleSpec};
use crate::saved::Saved;
use crate::text::in_full;

/// AWS refuses what was signed more than five minutes ago, or will be signed in as many.
const MOST_SKEW: u64 = 300;
/// A clock that is off by more than this says wrong times, and will be off by more.
const SKEW: u64 = 30;

/// How the app's site and AWS are reached.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// Who calls AWS. None: the app needs no AWS.
    pub identity: Option<&'a Identity>,
    /// A visitor of the site.
    pub visitor: &'a Visitor,
    /// Where the site is, if that is known.
    pub url: Option<&'a str>,
    /// Whether the roles that are checked are all that there are.
    pub has_all_roles: bool,
}

impl Control {
    /// Tries and asks for everything that `on` and `off` of these roles need. Changes nothing.
    pub async fn doctor(
        &self,
        roles: &[RoleSpec],
        surroundings: Surroundings<'_>,
        context: &Context<'_>,
    ) -> Checkup {
        let mut checks = Checks::default();
        let version = env!("CARGO_PKG_VERSION");
        checks.ok(
            "version",
            None,
            format!("maintenance {version} writes schema {SCHEMA}"),
        );
        let Ok(caller) = self
            .check_credentials(surroundings.identity, &mut checks)
            .await
        else {
            let text = "the store, the functions and IAM: AWS cannot be called";
            checks.not_checked("store", None, text, None::<Advice>);
            self.check_gate(surroundings, &[], &mut checks).await;
            return Checkup {
                app: self.app.clone(),
                checks: checks.0,
            };
        };
        let flags = self.check_flags(roles, &mut checks).await;
        self.check_history(roles, &mut checks).await;
        self.check_lease(&mut checks).await;
        let mut names = Vec::new();
        for spec in roles {
            names.extend(self.check_functions(spec, context, &mut checks).await);
        }
        self.check_restore(roles, &flags, context, &mut checks)
            .await;
        if let Some(identity) = surroundings.identity {
            self.check_permissions(identity, caller, roles, &names, &mut checks)
                .await;
        }
        self.check_gates(roles, &names, surroundings, &mut checks)
            .await;
        self.check_gate(surroundings, &flags, &mut checks).await;
        Checkup {
            app: self.app.clone(),
            checks: checks.0,
        }
    }

    /// Who calls AWS, if that is known; an error, if AWS cannot be called at all.
    async fn check_credentials(
        &self,
        identity: Option<&Identity>,
        checks: &mut Checks,
    ) -> Result<Option<CallerIdentity>, ()> {
        let Some(identity) = identity else {
            let text = "the store is a folder, and no role selects functions: no AWS is needed";
            checks.ok("credentials", None, text);
            return Ok(None);
        };
        let region = identity.region().unwrap_or("no region");
        let caller = match identity.caller().await {
            Ok(caller) => {
                let CallerIdentity { arn, account } = &caller;
                let text = format!("calls AWS as {arn} (account {account}) in {region}");
                checks.ok("credentials", None, text);
                Ok(Some(caller))
            }
            Err(error) => {
                match error.access_or_text() {
                    Ok(access) => {
                        let hint = access.hint();
                        checks.failed("credentials", None, in_full(&access), Some(hint));
                        Err(())
                    }
                    // The store may be reached all the same: STS is asked by nothing else.
                    Err(text) => {
                        let text = format!("AWS does not say who calls ({region}): {text}");
                        checks.not_checked("credentials", None, text, None::<Advice>);
                        Ok(None)
                    }
                }
            }
        };
        if let Some(skew) = identity.clock_skew() {
            let seconds = skew.unsigned_abs().as_secs();
            let text = format!("this machine's clock is {seconds} s off AWS's");
            let hint = Some("set the clock: AWS allows five minutes");
            if seconds <= SKEW {
                checks.ok("clock", None, text);
            } else if seconds <= MOST_SKEW {
                checks.warning("clock", None, text, hint);
            } else {
                checks.failed("clock", None, text, hint);
            }
        }
        caller
    }

    /// How the flags stand that can be read, and what is saved beside them.
    async fn check_flags(&self, roles: &[RoleSpec], checks: &mut Checks) -> Vec<RoleStatus> {
        let stored = self.store.list(&self.names.all_capacities()).await;
        if let Err(error) = &stored {
            let text = format!("what is saved: {}", in_full(error));
            checks.failed("store", None, text, error.hint());
        }
        let mut flags = Vec::new();
        for spec in roles {
            let at = || Some(spec.role.clone());
            let mut status = match self.flag_status(spec).await {
                Ok(status) => status,
                Err(error) => {
                    checks.failed("store", at(), in_full(&error), error.hint());
                    continue;
                }
            };
            self.add_saved(&mut status, stored.as_deref().unwrap_or_default());
            if let Some(flag) = &status.flag {
                let mut text = format!("its flag is {}", flag.mode_at(self.clock.now()));
                if let (State::On, Some(by)) = (status.state, &flag.by) {
                    text += &format!(", turned on by {by}");
                }
                checks.ok("flag", at(), text);
            }
            for warning in &status.warnings {
                let text = warning.to_string();
                match warning {
                    Warning::Malformed(DecodeError::NewerSchema { .. }) => {
                        let hint = Some("upgrade maintenance, then try again");
                        checks.failed("flag", at(), text, hint);
                    }
                    Warning::Malformed(_) => {
                        checks.failed("flag", at(), text, Some(Advice::WriteFlag));
                    }
                    Warning::StillSaved { role, .. } => {
                        let advice = Some(Advice::TurnOff(role.clone()));
                        checks.warning("saved", at(), text, advice);
                    }
                    _ => checks.warning("flag", at(), text, Some(Advice::SeeSchedule)),
                }
            }
            for unread in &status.unread {
                checks.failed("saved", at(), unread.error.as_str(), unread.hint.clone());
            }
            flags.push(status);
        }
        flags
    }

    async fn check_history(&self, roles: &[RoleSpec], checks: &mut Checks) {
        let Some(spec) = roles.first() else {
            return;
        };
        // No operation needs it.
        if let Err(error) = self.store.history(&self.names.flag(&spec.role)).await {
            let text = format!("what became of the app cannot be read: {}", in_full(&error));
            checks.warning("history", None, text, error.hint());
        }
    }

    async fn check_lease(&self, checks: &mut Checks) {
        match self.holder().await {
            Ok(None) => checks.ok("lease", None, "no operation is running"),
            Ok(Some(holder)) => {
                let text = format!(
                    "{} operates on it ({}) since {}, or died in the middle",
                    holder.by, holder.operation, holder.since
                );
                checks.warning("lease", None, text, Some(Advice::Unlock));
            }
            Err(error) => checks.failed("lease", None, in_full(&error), error.hint()),
        }
    }

    /// What `on` would pause, and what would be lost by it. Returns the functions.
    async fn check_functions(
        &self,
        spec: &RoleSpec,
        context: &Context<'_>,
        checks: &mut Checks,
    ) -> Vec<String> {
        let Some(selection) = &spec.functions else {
            return Vec::new();
        };
        let at = || Some(spec.role.clone());
        let on = OnRequest::by(Actor::Person);
        let (roles, request) = (std::slice::from_ref(spec), Request::On(&on));
        let report = self.preview(roles, request, context).await;
        let role = match report.map(only) {
            Ok(Some(role)) => role,
            Ok(None) => return Vec::new(),
            Err(error) => {
                checks.failed("functions", at(), in_full(&error), error.hint());
                return Vec::new();
            }
        };
        let Some(workers) = role.workers else {
            return Vec::new();
        };
        let names: Vec<String> = workers
            .changed
            .iter()
            .chain(&workers.unchanged)
            .cloned()
            .chain(workers.failed.iter().map(|it| it.function.clone()))
            .chain(workers.drifted_functions().into_iter().map(str::to_owned))
            .collect();
        match workers.failed.is_empty() {
            true => {
                let text = format!("it selects {}", describe::functions(workers.selected));
                checks.ok("functions", at(), text);
            }
            false => {
                for failed in &workers.failed {
                    let text = format!("{}: {}", failed.function, failed.error);
                    checks.failed("functions", at(), text, failed.hint.clone());
                }
            }
        }
        for glob in selection.unmatched(names.iter().map(String::as_str)) {
            let text = format!("no function matches {glob}");
            checks.warning("functions", at(), text, Some(Advice::CorrectSelection));
        }
        let lossy = workers.events.iter().filter(|events| events.is_lossy());
        let mut is_lossy = false;
        for events in lossy {
            is_lossy = true;
            let text = format!("{}: {}", events.function, describe::losses(events));
            checks.warning("events", at(), text, Some(Advice::KeepEvents));
        }
        if !is_lossy && !workers.events.is_empty() {
            checks.ok("events", at(), "pausing its functions loses no event");
        }
        names
    }

    /// Whether `off` would give everything back.
    async fn check_restore(
        &self,
        roles: &[RoleSpec],
        flags: &[RoleStatus],
        context: &Context<'_>,
        checks: &mut Checks,
    ) {
        let scaled: Vec<&RoleSpec> = roles.iter().filter(|it| it.functions.is_some()).collect();
        for spec in &scaled {
            let mut flags = flags.iter();
            if !flags.any(|it| it.role == spec.role && it.state == State::On) {
                continue;
            }
            let off = OffRequest::by(Actor::Person);
            let at = || Some(spec.role.clone());
            let (roles, request) = (std::slice::from_ref(*spec), Request::Off(&off));
            match self.preview(roles, request, context).await.map(only) {
                Ok(Some(role)) => {
                    let workers = role.workers.unwrap_or_default();
                    for drift in &workers.drifted {
                        let text = describe::drifted(drift);
                        checks.warning("restore", at(), text, None::<Advice>);
                    }
                    let functions = describe::functions(workers.changed.len());
                    let text = format!("turning it off would restore {functions}");
                    checks.ok("restore", at(), text);
                }
                Ok(None) => {}
                // Its observer ends it.
                Err(error @ Error::Refused { .. }) => {
                    checks.warning("restore", at(), in_full(&error), error.hint());
                }
                Err(error) => checks.failed("restore", at(), in_full(&error), error.hint()),
            }
        }
        if scaled.is_empty() {
            return;
        }
        let room = match self.fleet.concurrency(None).await {
            Ok(room) => room,
            Err(error) => {
                let text = format!("how much concurrency is unreserved: {}", in_full(&error));
                return checks.warning("concurrency", None, text, error.hint());
            }
        };
        let stored = self.store.list(&self.names.all_capacities()).await;
        let stored = stored.unwrap_or_default();
        let needed: u32 = scaled
            .iter()
            .flat_map(|it| Saved::of_role(&self.names, &it.role, &stored).functions)
            .map(|(_, capacity)| match capacity.reserved {
                Reserved::Limit(limit) => limit,
                Reserved::Unset => 0,
            })
            .fold(0, u32::saturating_add);
        // AWS keeps as much for functions without a reservation; less of a small account.
        let kept = room.limit.min(100);
        let text = format!(
            "{} of the account's {} concurrent executions are unreserved; restoring reserves {needed}",
            room.unreserved, room.limit
        );
        match needed.saturating_add(kept) > room.unreserved && needed > 0 {
            true => {
                let hint = format!(
                    "{kept} must stay unreserved: lower the reservations of other functions before you turn maintenance off, or raise the account's limit"
                );
                checks.failed("concurrency", None, text, Some(hint));
            }
            false => checks.ok("concurrency", None, text),
        }
    }
}

/// The report of the only role.
fn only(report: Report) -> Option<RoleReport> {
    report.roles.into_iter().next()
}

/// The checks that were made so far.
#[derive(Debug, Default)]
struct Checks(Vec<Check>);

impl Checks {
    fn ok(&mut self, name: &'static str, role: Option<Role>, text: impl Into<String>) {
        self.add(name, role, CheckOutcome::Ok, text.into(), None);
    }

    fn warning(
        &mut self,
        name: &'static str,
        role: Option<Role>,
        text: impl Into<String>,
        advice: Option<impl Into<Advice>>,
    ) {
        self.add(
            name,
            role,
            CheckOutcome::Warning,
            text.into(),
            advice.map(Into::into),
        );
    }

    fn failed(
        &mut self,
        name: &'static str,
        role: Option<Role>,
        text: impl Into<String>,
        advice: Option<impl Into<Advice>>,
    ) {
        self.add(
            name,
            role,
            CheckOutcome::Failed,
            text.into(),
            advice.map(Into::into),
        );
    }

    fn not_checked(
        &mut self,
        name: &'static str,
        role: Option<Role>,
        text: impl Into<String>,
        advice: Option<impl Into<Advice>>,
    ) {
        self.add(
            name,
            role,
            CheckOutcome::NotChecked,
            text.into(),
            advice.map(Into::into),
        );
    }

    fn add(
        &mut self,
        name: &'static str,
        role: Option<Role>,
        outcome: CheckOutcome,
        text: String,
        advice: Option<Advice>,
    ) {
        self.0.push(Check {
            name,
            role,
            outcome,
            text,
            advice,
        });
    }
}
