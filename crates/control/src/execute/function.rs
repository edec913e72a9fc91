//! Makes the steps of one function, whether they pause or restore it.

use futures_util::future::join_all;
use maintenance_flag::{Capacity, Reserved};
use tokio::sync::Mutex;

use super::{End, FunctionOutcome};
use crate::aws::AwsErrorKind;
use crate::error::Error;
use crate::fence::Fence;
use crate::fleet::LambdaError;
use crate::fleet::{Absent, Change, Fleet, LAG, MappingState, not_found_but_listed};
use crate::observe::INVOKING;
use crate::plan::{FunctionPlan, provisioned_drift, reserved_drift};
use crate::report::Drift;
use crate::saved::{Place, Saved};
use crate::step::Step;

/// How often what another client changes is saved anew before the function is left to them.
const ROUNDS: u32 = 5;

/// Where what a function has is saved while it is paused.
#[derive(Debug, Clone, Copy)]
pub(super) struct Saving<'a> {
    pub(super) place: Place<'a>,
    pub(super) origin: &'a str,
    /// Locked only while it is looked at or saved anew.
    pub(super) saved: &'a Mutex<Saved>,
}

/// One function, and what making its steps takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct FunctionRun<'a> {
    fleet: &'a Fleet,
    fence: &'a Fence,
    name: &'a str,
    /// None while it is restored.
    saving: Option<Saving<'a>>,
}

/// What came of a step.
enum StepOutcome {
    Made,
    /// Another client has changed the setting, and their value is kept.
    Kept(Drift),
    /// A part of the function does not exist any more.
    Gone(String),
}

/// Why a step was not made.
enum StepError {
    Failed(LambdaError),
    /// What another client has made of the setting could not be saved.
    Unsaved(Error),
}

impl From<LambdaError> for StepError {
    fn from(error: LambdaError) -> Self {
        Self::Failed(error)
    }
}

type Stepped = Result<StepOutcome, StepError>;

impl<'a> FunctionRun<'a> {
    pub(super) fn new(
        fleet: &'a Fleet,
        fence: &'a Fence,
        name: &'a str,
        saving: Option<Saving<'a>>,
    ) -> Self {
        Self {
            fleet,
            fence,
            name,
            saving,
        }
    }

    /// Makes the steps of a plan, in order.
    pub(super) async fn run(self, plan: FunctionPlan) -> FunctionOutcome {
        let mut outcome = FunctionOutcome {
            changed: plan.changes,
            ..FunctionOutcome::default()
        };
        let made = self.make_all(&plan, &mut outcome).await;
        outcome.drifted.splice(0..0, plan.drifted);
        match made {
            Ok(()) => {}
            Err(StepError::Unsaved(error)) => outcome.end = End::unsaved(self.name, &error),
            Err(StepError::Failed(LambdaError::Gone { .. })) => {
                let absent = Absent::Function(self.name);
                let certain = self.fleet.is_certainly_gone(absent, Some(self.fence));
                outcome.end = certain.await.map_or_else(End::of, |()| End::Gone);
            }
            Err(StepError::Failed(error)) => outcome.end = End::of(error),
        }
        outcome
    }

    async fn make_all(
        &self,
        plan: &FunctionPlan,
        outcome: &mut FunctionOutcome,
    ) -> Result<(), StepError> {
        let mut keeps_reserved = plan.keeps_reserved;
        // The first error of a step that the later ones do not depend on.
        let mut failed = Ok(());
        let side_by_side = |a: &Step, b: &Step| a.is_of_mapping() && b.is_of_mapping();
        for steps in plan.steps.chunk_by(side_by_side) {
            let mut ended = Ok(());
            // All of them to their end, whatever becomes of one.
            let made = join_all(steps.iter().map(|step| self.make(step, keeps_reserved))).await;
            for (step, made) in steps.iter().zip(made) {
                match made {
                    Ok(StepOutcome::Made) => {}
                    Ok(StepOutcome::Gone(part)) => outcome.gone.push(part),
                    Ok(StepOutcome::Kept(drift)) => {
                        outcome.drifted.push(drift);
                        keeps_reserved |= matches!(step, Step::RestoreReserved { .. });
                        // Pausing the rest would get in their way.
                        if self.saving.is_some() {
                            return Ok(());
                        }
                    }
                    Err(
                        error
                        @ StepError::Failed(LambdaError::Halted(_) | LambdaError::Gone { .. }),
                    ) => return Err(error),
                    Err(error) if step.is_needed() => ended = ended.and(Err(error)),
                    Err(error) => failed = failed.and(Err(error)),
                }
            }
            ended?;
        }
        failed
    }

    async fn make(&self, step: &Step, keeps_reserved: bool) -> Stepped {
        match step {
            Step::DisableMapping { uuid } => self.disable(uuid).await,
            Step::AwaitDisabled { uuid } => self.await_disabled(uuid).await,
            Step::DeleteProvisioned {
                qualifier,
                overwrite: true,
                ..
            } => {
                let any = |_| true;
                let deleted = self
                    .fleet
                    .delete_provisioned(self.name, qualifier, any, self.fence);
                deleted.await?;
                Ok(StepOutcome::Made)
            }
            Step::DeleteProvisioned { qualifier, was, .. } => {
                self.delete_provisioned(qualifier, *was).await
            }
            Step::ReserveZero { was } => self.reserve_zero(*was).await,
            Step::RestoreReserved {
                saved,
                overwrite,
                invoking,
            } => self.restore_reserved(*saved, *overwrite, *invoking).await,
            Step::PutProvisioned {
                qualifier,
                concurrency,
                overwrite,
            } => {
                let put = self.put_provisioned(qualifier, *concurrency, *overwrite);
                match put.await {
                    // The alias or version was deleted, or what was provisioned on it while it was
                    // waited for.
                    Err(StepError::Failed(LambdaError::Gone { function }))
                        if function != self.name =>
                    {
                        Ok(StepOutcome::Gone(function))
                    }
                    // It does not fit the reservation that another client made: theirs is kept.
                    Err(StepError::Failed(LambdaError::Aws(error)))
                        if keeps_reserved && error.kind == AwsErrorKind::Invalid =>
                    {
                        let now = "none".to_owned();
                        let drift = provisioned_drift(self.name, qualifier, Some(concurrency), now);
                        Ok(StepOutcome::Kept(drift))
                    }
                    put => put,
                }
            }
            Step::EnableMapping { uuid } => self.enable(uuid).await,
        }
    }

    async fn disable(&self, uuid: &str) -> Stepped {
        match self.fleet.disable_mapping(uuid, self.fence).await {
            Ok(Change::Made) => return Ok(StepOutcome::Made),
            // Another client has disabled it since it was read, and `off` must not enable it.
            Ok(Change::Theirs { .. }) => {}
            // Deleted meanwhile: it delivers nothing.
            Err(LambdaError::Gone { .. }) => self.is_certainly_gone(uuid).await?,
            Err(error) => return Err(error.into()),
        }
        if self
            .is_fresh(|saved| saved.is_fresh_mapping(self.name, uuid))
            .await
        {
            let without = |capacity: &mut Capacity| capacity.mappings.retain(|it| it != uuid);
            self.save_anew(without).await?;
        }
        Ok(StepOutcome::Made)
    }

    async fn await_disabled(&self, uuid: &str) -> Stepped {
        let disabled = |state| state != MappingState::Disabling;
        match self.fleet.await_mapping(uuid, disabled, self.fence).await {
            Ok(_) | Err(LambdaError::Gone { .. }) => Ok(StepOutcome::Made),
            Err(error) => Err(error.into()),
        }
    }

    async fn enable(&self, uuid: &str) -> Stepped {
        match self.fleet.set_mapping(uuid, true, self.fence).await {
            Ok(()) => Ok(StepOutcome::Made),
            Err(LambdaError::Gone { .. }) => {
                self.is_certainly_gone(uuid).await?;
                let gone = format!("{} (event source mapping {uuid})", self.name);
                Ok(StepOutcome::Gone(gone))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn is_certainly_gone(&self, uuid: &str) -> Result<(), LambdaError> {
        let absent = Absent::Mapping(uuid);
        self.fleet.is_certainly_gone(absent, Some(self.fence)).await
    }

    async fn delete_provisioned(&self, qualifier: &str, was: u32) -> Stepped {
        let Self { fleet, fence, .. } = *self;
        let mut known = Some(was);
        for _ in 0..ROUNDS {
            let expected = |now| now == known;
            let deleted = fleet.delete_provisioned(self.name, qualifier, expected, fence);
            let (now, touched) = match deleted.await? {
                Change::Made => return Ok(StepOutcome::Made),
                Change::Theirs { now, touched } => (now, touched),
            };
            let is_fresh = |saved: &Saved| saved.is_fresh_provisioned(self.name, qualifier);
            if touched || !self.is_fresh(is_fresh).await {
                return Ok(match now {
                    None => StepOutcome::Made,
                    Some(now) => {
                        let (was, now) = (known.as_ref(), now.to_string());
                        StepOutcome::Kept(provisioned_drift(self.name, qualifier, was, now))
                    }
                });
            }
            let all = self.confirmed(fleet.all_provisioned(self.name, Some(fence)));
            if all.await?.get(qualifier).copied() != now {
                continue;
            }
            self.save_anew(|capacity| match now {
                Some(now) => drop(capacity.provisioned.insert(qualifier.to_owned(), now)),
                None => drop(capacity.provisioned.remove(qualifier)),
            })
            .await?;
            if now.is_none() {
                return Ok(StepOutcome::Made);
            }
            known = now;
        }
        Err(self.keeps_changing("the provisioned concurrency"))
    }

    async fn reserve_zero(&self, was: Reserved) -> Stepped {
        let Self { fleet, fence, .. } = *self;
        let zero = Reserved::Limit(0);
        let mut known = was;
        for _ in 0..ROUNDS {
            let expected = |now| now == known;
            let set = fleet.set_reserved(self.name, zero, expected, fence).await?;
            let (now, touched) = match set {
                Change::Made => return Ok(StepOutcome::Made),
                Change::Theirs { now, touched } => (now, touched),
            };
            // Ours: the answer to our own attempt was lost.
            if touched && now == zero {
                return Ok(StepOutcome::Made);
            }
            let described = self.confirmed(fleet.describe(self.name, Some(fence)));
            if described.await?.map(|described| described.reserved) != Some(now) {
                continue;
            }
            let is_fresh = |saved: &Saved| saved.is_fresh_reserved(self.name);
            if !touched && self.is_fresh(is_fresh).await {
                self.save_anew(|capacity| capacity.reserved = now).await?;
            } else if now != zero {
                return Ok(StepOutcome::Kept(reserved_drift(self.name, known, now)));
            }
            if now == zero {
                return Ok(StepOutcome::Made);
            }
            known = now;
        }
        Err(self.keeps_changing("the reserved concurrency"))
    }

    async fn restore_reserved(&self, saved: Reserved, overwrite: bool, invoking: bool) -> Stepped {
        let expected = |now| {
            let is_ours = now == Reserved::Limit(0) || invoking && now == INVOKING;
            overwrite || is_ours || now == saved
        };
        let set = self
            .fleet
            .set_reserved(self.name, saved, expected, self.fence);
        Ok(match set.await? {
            Change::Made => StepOutcome::Made,
            Change::Theirs { now, .. } => StepOutcome::Kept(reserved_drift(self.name, saved, now)),
        })
    }

    async fn put_provisioned(&self, qualifier: &str, wanted: u32, overwrite: bool) -> Stepped {
        let Self { fleet, fence, .. } = *self;
        let expected = |now: Option<u32>| overwrite || now.is_none_or(|now| now == wanted);
        let put = fleet.put_provisioned(self.name, qualifier, wanted, expected, fence);
        match put.await {
            Ok(Change::Made | Change::Theirs { now: None, .. }) => {}
            Ok(Change::Theirs { now: Some(now), .. }) => {
                let now = now.to_string();
                let drift = provisioned_drift(self.name, qualifier, Some(&wanted), now);
                return Ok(StepOutcome::Kept(drift));
            }
            Err(error @ LambdaError::Gone { .. }) => {
                let is_there = fleet.has_qualifier(self.name, qualifier, Some(fence));
                return Err(self.certain(error, is_there.await?, qualifier).into());
            }
            Err(error) => return Err(error.into()),
        }
        match fleet.await_provisioned(self.name, qualifier, fence).await {
            Ok(()) => Ok(StepOutcome::Made),
            Err(error @ LambdaError::Gone { .. }) => {
                let all = fleet.all_provisioned(self.name, Some(fence)).await?;
                let is_there = all.contains_key(qualifier);
                Err(self.certain(error, is_there, qualifier).into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// That something is gone, unless another call shows it.
    fn certain(&self, gone: LambdaError, is_there: bool, qualifier: &str) -> LambdaError {
        if !is_there {
            return gone;
        }
        let qualified = format!("{}:{qualifier}", self.name);
        not_found_but_listed("lambda:PutProvisionedConcurrencyConfig", &qualified)
    }

    async fn is_fresh(&self, asked: impl FnOnce(&Saved) -> bool) -> bool {
        match self.saving {
            None => false,
            Some(saving) => asked(&*saving.saved.lock().await),
        }
    }

    /// What a read says some seconds after another that differed from what was saved: a read that lags may
    /// show what was before.
    async fn confirmed<T>(
        &self,
        read: impl Future<Output = Result<T, LambdaError>>,
    ) -> Result<T, LambdaError> {
        let wait = tokio::time::sleep(LAG);
        self.fence.until_stopped(wait).await?;
        read.await
    }

    /// Saves what the function has now instead of what this operation saved.
    async fn save_anew(&self, amend: impl FnOnce(&mut Capacity)) -> Result<(), StepError> {
        let Some(Saving {
            place,
            origin,
            saved,
        }) = self.saving
        else {
            return Ok(());
        };
        let mut saved = saved.lock().await;
        let Some(mut capacity) = saved.functions.get(self.name).cloned() else {
            return Ok(());
        };
        amend(&mut capacity);
        saved
            .save_anew(place, origin, self.name, &capacity, self.fence)
            .await
            .map_err(StepError::Unsaved)
    }

    fn keeps_changing(&self, what: &'static str) -> StepError {
        LambdaError::ended(self.name, what, "changes again and again").into()
    }
}
