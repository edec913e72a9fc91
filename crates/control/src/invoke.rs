//! Letting one paused function run once, while its role stays in maintenance.
//!
//! | step | what the next operation finds, if the process is killed after it |
//! |---|---|
//! | the flag forgets when its role is drained | that the end of in-flight work is unknown |
//! | a mark is created beside what is saved ([`CapacityDoc::invoking`](maintenance_flag::CapacityDoc)) | a mark, and a function at 0 |
//! | 1 is reserved | a mark, and a function at 1 |
//! | the function is invoked, once | the same |
//! | 0 is reserved, and no read shows 1 any more | a mark, and a function at 0 |
//! | the flag says when its role is drained | the same |
//! | the mark is deleted | nothing |
//!
//! A marked function at 1 is ours: `on` and `invoke` put it back to 0, `off` restores it, and each deletes the
//! mark. Any other number is another client's, and kept. Its event source mappings stay disabled, and nothing is
//! provisioned: only what invokes it by itself may reach it besides, in place of our invocation or after it.

mod run;

use std::pin::pin;

use jiff::Timestamp;
use maintenance_flag::{App, Flag, Reserved, Role};
use serde::Serialize;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::control::Control;
use crate::error::{Error, InvokeRefusal};
use crate::event::Context;
use crate::events::FunctionEvents;
use crate::fleet::{Answer, LAG, LambdaError, Versions};
use crate::observe::{Account, ObservedFunction};
use crate::parameters::Read;
use crate::plan::drift;
use crate::report::{Drift, Warning};
use crate::request::RoleSpec;
use crate::saved::Saved;
use run::Invoking;

/// What a paused function has reserved.
const PAUSED: Reserved = Reserved::Limit(0);

/// The wish to let a paused function run once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvokeRequest {
    /// The function's name.
    pub function: String,
    /// The alias or version to invoke. None: the function itself.
    pub qualifier: Option<String>,
    /// What it is given, JSON.
    pub payload: Vec<u8>,
}

/// What letting a function run once would do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InvokePlan {
    /// The app, as in `demo-dev`.
    pub app: App,
    /// The role that has paused it.
    pub role: Role,
    /// The function.
    pub function: String,
    /// The longest timeout of any of its versions, seconds.
    pub timeout: u32,
    /// What else may reach it while it may run. What becomes of that while it is at 0 stands beside it.
    pub events: FunctionEvents,
    /// Functions of the role that an invocation left at 1 when it died: they are put back to 0 as well.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<String>,
}

/// How an invocation ended.
#[derive(Debug)]
pub enum InvokeEnd {
    /// The function ran and answered; it may have failed ([`Answer::function_error`]).
    Answered(Answer),
    /// It did not run.
    NotRun(LambdaError),
    /// It may have run: there is no answer. It is not invoked again.
    Unknown(LambdaError),
}

/// What came of letting a function run once.
#[derive(Debug)]
pub struct InvokeReport {
    /// The app.
    pub app: App,
    /// The role.
    pub role: Role,
    /// The function.
    pub function: String,
    /// How it ended.
    pub end: InvokeEnd,
    /// What another client changed meanwhile, and what is therefore left.
    pub drifted: Vec<Drift>,
    /// When no code of the role can still be running, if that is known.
    pub drained_at: Option<Timestamp>,
    /// What an operator should know besides.
    pub warnings: Vec<Warning>,
    /// Why the function could not be put back to 0, or its mark not be deleted. The next `on`, `off` or `invoke`
    /// does that.
    pub failure: Option<Error>,
}

impl Control {
    /// What [`invoke`](Self::invoke) would do with a function of one of these roles. Reads only.
    ///
    /// # Errors
    /// [`Error::NotInvocable`], and what reading may fail with.
    pub async fn plan_invoke(
        &self,
        roles: &[RoleSpec],
        function: &str,
        context: &Context<'_>,
    ) -> Result<InvokePlan, Error> {
        let reading = self.find_invocable(roles, function);
        let (role, flag, saved) = context.until_stopped(reading).await??;
        let account = Account::new(&self.fleet, [], Versions::Latest, None, context);
        let looking = Looking {
            control: self,
            account: &account,
            role: &role,
            function,
        };
        let observed = looking.invocable(&flag, &saved).await?;
        let events = account.triggers(function, &observed);
        let events = context.until_stopped(events).await??;
        let left = saved.invoking().filter(|it| *it != function);
        Ok(InvokePlan {
            app: self.app.clone(),
            function: function.to_owned(),
            timeout: observed.timeout,
            events,
            left: left.cloned().collect(),
            role,
        })
    }

    /// Lets a paused function run once, as [planned](Self::plan_invoke): reserves 1, invokes it and waits for its
    /// answer, and reserves 0. A stop ends the wait, and the function is put back all the same; it may have run.
    ///
    /// # Errors
    /// [`Error`], before anything was changed. What fails later is in the report.
    pub async fn invoke(
        &self,
        plan: &InvokePlan,
        request: &InvokeRequest,
        context: &Context<'_>,
    ) -> Result<InvokeReport, Error> {
        // What was begun is put back, whatever is asked for: a stop is heard of where nothing is to be put back.
        let own_stop = CancellationToken::new();
        let own = Context {
            stop: own_stop.clone(),
            listen: context.listen,
        };
        let roles = [&plan.role];
        let taker = self.acquirer(format!("invoke {}", plan.function), &roles, &own);
        let held = {
            let mut taking = pin!(taker.take());
            tokio::select! {
                biased;
                held = &mut taking => held,
                () = context.stop.cancelled() => {
                    own_stop.cancel();
                    taking.await
                }
            }?
        };
        let invoking = Invoking {
            control: self,
            plan,
            request,
            context,
            held: &held,
        };
        let result = invoking.run().await;
        let result = result.map_err(|error| held.explain(error));
        if context.stop.is_cancelled() {
            own_stop.cancel();
        }
        held.release().await;
        result
    }

    /// The role that has saved a function, its flag, and what is saved.
    async fn find_invocable(
        &self,
        roles: &[RoleSpec],
        function: &str,
    ) -> Result<(Role, Flag, Saved), Error> {
        let stored = self.store.list(&self.names.all_capacities()).await?;
        let saved = roles.iter().map(|spec| {
            let saved = Saved::of_role(&self.names, &spec.role, &stored);
            (spec, saved)
        });
        let selects = |spec: &RoleSpec| {
            let functions = spec.functions.as_ref();
            functions.is_some_and(|functions| functions.matches_name(function))
        };
        let (mut has_it, others): (Vec<_>, Vec<_>) =
            saved.partition(|(_, saved)| saved.functions.contains_key(function));
        has_it.extend(others.into_iter().filter(|(spec, _)| selects(spec)));
        let Some((spec, saved)) = has_it.into_iter().next() else {
            return Err(refused(function, InvokeRefusal::NotSelected));
        };
        let read = self.read(&spec.role).await?;
        Ok((spec.role.clone(), self.readable(&spec.role, &read)?, saved))
    }

    fn readable(&self, role: &Role, read: &Read) -> Result<Flag, Error> {
        read.flag.clone().map_err(|source| Error::Unreadable {
            name: self.names.flag(role),
            source,
        })
    }
}

fn refused(function: &str, source: InvokeRefusal) -> Error {
    Error::NotInvocable {
        function: function.to_owned(),
        source,
    }
}

/// Looks whether a function may be invoked.
struct Looking<'a> {
    control: &'a Control,
    account: &'a Account<'a>,
    role: &'a Role,
    function: &'a str,
}

impl Looking<'_> {
    /// The function, if it is one that maintenance has paused.
    async fn invocable(&self, flag: &Flag, saved: &Saved) -> Result<ObservedFunction, Error> {
        let role = || self.role.clone();
        let is_on = flag.mode_at(self.control.clock.now()).is_on();
        let had = saved.functions.get(self.function);
        let refusal = match had {
            // A slip in its name must not pass for a function that runs.
            None if self.observe(saved).await?.is_none() => InvokeRefusal::Missing,
            _ if !is_on => InvokeRefusal::RoleOff { role: role() },
            None => InvokeRefusal::NotPaused { role: role() },
            Some(had) => {
                let mut observed = self.observe(saved).await?;
                // A read that lags may show what was before it was paused.
                if !observed.as_ref().is_some_and(may_be_invoked) {
                    sleep(LAG).await;
                    observed = self.observe(saved).await?;
                }
                match observed {
                    Some(observed) if may_be_invoked(&observed) => return Ok(observed),
                    None => InvokeRefusal::Gone,
                    Some(observed) => match drift(self.function, had, &observed).into_iter().next()
                    {
                        Some(drift) => InvokeRefusal::Drifted(drift),
                        None => InvokeRefusal::NotPaused { role: role() },
                    },
                }
            }
        };
        Err(refused(self.function, refusal))
    }

    async fn observe(&self, saved: &Saved) -> Result<Option<ObservedFunction>, LambdaError> {
        self.account.observe_one(self.function, saved).await
    }
}

/// Whether it is paused, but for what an invocation that died has left.
fn may_be_invoked(function: &ObservedFunction) -> bool {
    let reserved = match function.is_reserved_by_invoke() {
        true => PAUSED,
        false => function.reserved,
    };
    let function = ObservedFunction {
        reserved,
        ..function.clone()
    };
    function.is_paused()
}
