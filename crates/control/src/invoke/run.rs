//! One invocation, under its lease: the steps of the table in [`invoke`](super), each of which may be the last.

use std::collections::BTreeSet;
use std::time::Duration;

use maintenance_flag::{Flag, LeaseRecord, Reserved};
use tokio::time::{Instant, sleep};

use super::{InvokeEnd, InvokePlan, InvokeReport, InvokeRequest, Looking, PAUSED};
use crate::aws::AwsErrorKind;
use crate::control::Control;
use crate::drain;
use crate::error::Error;
use crate::event::{Context, Event};
use crate::fence::{AbortReason, Fence};
use crate::fleet::{Absent, Change, Fleet, LAG, LambdaError, Versions};
use crate::lease::LeaseGuard;
use crate::observe::{Account, INVOKING, ObservedFunction};
use crate::operation::flag::FlagWriter;
use crate::parameters::StaleReads;
use crate::plan::reserved_drift;
use crate::report::Drift;
use crate::saved::{Place, Saved};

/// How long AWS may throttle the invocation: it takes a moment until a reservation holds, and others may have
/// taken the one place.
const TURN: Duration = Duration::from_secs(60);
/// The first pause before it is sent again.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// What may end elsewhere than it should.
const RESERVED: &str = "the reserved concurrency";
/// How often a reservation that changes is looked at again.
const ROUNDS: u32 = 5;

/// One invocation, under its lease.
pub(super) struct Invoking<'a> {
    pub(super) control: &'a Control,
    pub(super) plan: &'a InvokePlan,
    pub(super) request: &'a InvokeRequest,
    pub(super) context: &'a Context<'a>,
    pub(super) held: &'a LeaseGuard,
}

impl<'a> Invoking<'a> {
    fn fence(&self) -> &'a Fence {
        self.held.fence()
    }

    fn fleet(&self) -> &'a Fleet {
        &self.control.fleet
    }

    pub(super) async fn run(&self) -> Result<InvokeReport, Error> {
        let (control, role) = (self.control, &self.plan.role);
        let barrier = self.held.barrier(role);
        let reading = control.read_known(role, &barrier, StaleReads::Forgets);
        let (read, mut saved) = self.context.until_stopped(reading).await??;
        let flag = control.readable(role, &read)?;
        if let Some((name, source)) = saved.unreadable.pop() {
            return Err(Error::Unreadable { name, source });
        }
        let mut writer = FlagWriter::new(control, role, self.fence(), read.stored);
        let result = self.invoke(flag, &mut writer, &mut saved).await;
        if !saved.is_unsure() {
            let flag = writer.version();
            let saved = saved.numbers;
            self.held.record(role, LeaseRecord { flag, saved });
        }
        result
    }

    async fn invoke(
        &self,
        mut flag: Flag,
        writer: &mut FlagWriter<'_>,
        saved: &mut Saved,
    ) -> Result<InvokeReport, Error> {
        let (control, role) = (self.control, &self.plan.role);
        let function = self.plan.function.as_str();
        let fence = Some(self.fence());
        let account = Account::new(self.fleet(), [], Versions::Latest, fence, self.context);
        let looking = Looking {
            control,
            account: &account,
            role,
            function,
        };
        let looking = looking.invocable(&flag, saved);
        let observed = self.context.until_stopped(looking).await??;
        let noted = flag.drained_at;
        if noted.is_some() {
            writer.note_drained(&mut flag, None).await?;
        }
        // Beside what is saved of it: what counts of one counts of the other.
        let mut documents = saved.documents.iter().rev();
        let of_it = documents.find(|it| it.functions.iter().any(|name| name == function));
        let window = of_it.map_or_else(|| control.new_window(), |it| it.number().0);
        let place = Place {
            store: &control.store,
            names: &control.names,
            role,
            window: &window,
            first: self.held.first_document(),
        };
        let marking = saved.mark(place, &observed.origin, function, self.fence());
        let end = match marking.await {
            Ok(()) => self.let_run(&observed).await,
            // Nothing of it has begun; what there is of a mark is for the next operation.
            Err(error) => return Err(error),
        };
        let mut report = InvokeReport {
            app: control.app.clone(),
            role: role.clone(),
            function: function.to_owned(),
            end,
            drifted: Vec::new(),
            drained_at: None,
            warnings: Vec::new(),
            failure: None,
        };
        let marked: Vec<String> = saved.invoking().cloned().collect();
        let ended = async {
            report.drifted = self.put_back(&marked, saved).await?;
            if noted.is_some() && report.drifted.is_empty() {
                let timeout = Duration::from_secs(observed.timeout.into());
                let drained_at = noted.max(Some(drain::after(control.clock.now(), timeout)));
                writer.note_drained(&mut flag, drained_at).await?;
            }
            let marked: BTreeSet<&str> = marked.iter().map(String::as_str).collect();
            saved.unmark(&control.store, &marked, self.fence()).await?;
            Ok::<_, Error>(())
        };
        report.failure = ended.await.err();
        report.drained_at = flag.drained_at;
        report.warnings.append(&mut writer.warnings);
        Ok(report)
    }

    /// Reserves 1 and invokes the function.
    async fn let_run(&self, function: &ObservedFunction) -> InvokeEnd {
        let name = self.plan.function.as_str();
        match self.reserve(name, INVOKING).await {
            Ok(None) => {
                self.send(Duration::from_secs(function.timeout.into()))
                    .await
            }
            Ok(Some(now)) => {
                let ended = format!("was changed to {now} by another client");
                InvokeEnd::NotRun(LambdaError::ended(name, RESERVED, ended))
            }
            Err(error) => InvokeEnd::NotRun(error),
        }
    }

    async fn send(&self, timeout: Duration) -> InvokeEnd {
        let (control, context) = (self.control, self.context);
        let function = self.plan.function.as_str();
        let started = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let mut goes_on = self.fence().check().await;
            if context.stop.is_cancelled() {
                goes_on = Err(AbortReason::Stopped);
            }
            if let Err(halt) = goes_on {
                return InvokeEnd::NotRun(halt.into());
            }
            context.emit(Event::Invoking { function, timeout });
            let (qualifier, payload) = (&self.request.qualifier, &self.request.payload);
            let invoking = self
                .fleet()
                .invoke(function, qualifier.as_deref(), payload, timeout);
            match context.until_stopped(invoking).await {
                Ok(Ok(answer)) => return InvokeEnd::Answered(answer),
                Ok(Err(error)) => match error.kind {
                    AwsErrorKind::Throttled | AwsErrorKind::Conflict
                        if started.elapsed() < TURN => {}
                    AwsErrorKind::Transient => return InvokeEnd::Unknown(error.into()),
                    _ => return InvokeEnd::NotRun(error.into()),
                },
                // It was sent, and runs whether its answer is waited for or not.
                Err(halt) => return InvokeEnd::Unknown(halt.into()),
            }
            if let Err(halt) = context.until_stopped(control.clock.sleep(pause)).await {
                return InvokeEnd::NotRun(halt.into());
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Reserves 0 or 1 while what is reserved is one of these. Else what another client has reserved.
    async fn reserve(&self, name: &str, to: Reserved) -> Result<Option<Reserved>, LambdaError> {
        let ours = |now| now == PAUSED || now == INVOKING;
        for _ in 0..ROUNDS {
            let set = self.fleet().set_reserved(name, to, ours, self.fence());
            let now = match set.await? {
                Change::Made => return Ok(None),
                Change::Theirs { now, .. } => now,
            };
            if self.reserved_after_lag(name).await? == Some(now) {
                return Ok(Some(now));
            }
        }
        let ended = "changes again and again";
        Err(LambdaError::ended(name, RESERVED, ended))
    }

    /// What is reserved once no read lags behind what was written before; none if the function is gone.
    async fn reserved_after_lag(&self, name: &str) -> Result<Option<Reserved>, LambdaError> {
        self.fence().until_stopped(sleep(LAG)).await?;
        let described = self.fleet().describe(name, Some(self.fence())).await?;
        Ok(described.map(|described| described.reserved))
    }

    /// Puts functions back to 0, and waits until no read shows anything else. What another client has reserved
    /// meanwhile is kept and returned.
    async fn put_back(&self, functions: &[String], saved: &Saved) -> Result<Vec<Drift>, Error> {
        let mut drifted = Vec::new();
        for name in functions {
            let now = match self.put_back_one(name).await {
                Ok(now) => now,
                Err(LambdaError::Gone { .. }) => {
                    let absent = Absent::Function(name);
                    let fence = Some(self.fence());
                    self.fleet().is_certainly_gone(absent, fence).await?;
                    None
                }
                Err(error) => return Err(error.into()),
            };
            let had = saved.functions.get(name);
            let had = had.map_or(PAUSED, |had| had.reserved);
            drifted.extend(now.map(|now| reserved_drift(name, had, now)));
        }
        Ok(drifted)
    }

    async fn put_back_one(&self, name: &str) -> Result<Option<Reserved>, LambdaError> {
        let mut now = Some(INVOKING);
        for _ in 0..ROUNDS {
            if let Some(theirs) = self.reserve(name, PAUSED).await? {
                return Ok(Some(theirs));
            }
            now = self.reserved_after_lag(name).await?;
            // Anything else is another client's, if the next look says so, too.
            if matches!(now, None | Some(PAUSED)) {
                return Ok(None);
            }
        }
        let ended = now.map(|now| format!("is still {now} after it was set to 0"));
        Err(LambdaError::ended(
            name,
            RESERVED,
            ended.unwrap_or_default(),
        ))
    }
}
