//! Restoring: the reservation, then the provisioned concurrency, then the event source mappings, which
//! are enabled also where AWS fails to provide concurrency.
//!
//! A read that lags may show a function as it was before it was paused. So nothing is skipped because
//! it looks restored: every saved setting is written again unless somebody else changed it.

use std::collections::BTreeSet;

use futures_util::{StreamExt as _, stream};
use maintenance_flag::{Capacity, Reserved, Role, WindowId};

use super::current::Current;
use super::drift::{drift, of_provisioned, of_reserved, reserved_drifted};
use super::saved::Saved;
use super::survey::{Look, Survey, place, survey};
use super::{Done, End, each};
use crate::error::{Error, LambdaError, StoreError};
use crate::event::Run;
use crate::fleet::{Absent, Change, Fleet, not_found_but_listed};
use crate::lease::{Guard, Halt};
use crate::report::{Action, Failure, GivenUp, WorkersReport};
use crate::store::Store;

/// What restoring a role takes.
#[derive(Debug)]
pub(crate) struct Restoration {
    saved: Saved,
    survey: Survey,
    /// Put back what was saved over what somebody else set meanwhile.
    insist: bool,
}

/// Reads everything that restoring needs. Changes nothing.
pub(crate) async fn restore(
    fleet: &Fleet,
    store: &Store,
    saved: Saved,
    insist: bool,
    look: Look<'_>,
) -> Result<Restoration, Error> {
    let survey = survey(fleet, None, &saved, look).await?;
    place(fleet, store, &saved, &survey, look.guard).await?;
    Ok(Restoration {
        saved,
        survey,
        insist,
    })
}

impl Restoration {
    /// What restoring would do, without doing it.
    pub(crate) fn plan(&self) -> WorkersReport {
        let mut report = WorkersReport::default();
        for (name, current) in &self.survey.functions {
            let Some(saved) = self.saved.functions.get(name) else {
                continue;
            };
            let drifted = if self.insist {
                Vec::new()
            } else {
                drift(name, saved, current)
            };
            if !drifted.is_empty() {
                report.drifted.extend(drifted);
            } else if is_restored(saved, current) {
                report.unchanged.push(name.clone());
            } else {
                report.changed.push(name.clone());
            }
        }
        self.complete(report)
    }

    /// Adds what is not about functions that exist.
    fn complete(&self, mut report: WorkersReport) -> WorkersReport {
        report.selected = self.saved.functions.len();
        report.gone.extend(self.survey.gone.iter().cloned());
        report.given_up = report
            .gone
            .iter()
            .filter_map(|what| GivenUp::of(what, &self.saved.functions))
            .collect();
        report.failed.extend(self.survey.failures());
        report
            .failed
            .extend(self.saved.unreadable.iter().map(|(name, error)| Failure {
                function: name.clone(),
                error: error.to_string(),
                hint: Some(
                    "what it says was saved could not be restored: look at it by hand".to_owned(),
                ),
            }));
        report
    }

    /// Restores, then deletes what was saved of functions that are restored. Returns what is saved
    /// still, besides.
    pub(crate) async fn run(
        &self,
        fleet: &Fleet,
        store: &Store,
        role: &Role,
        guard: &Guard,
        run: &Run<'_>,
    ) -> Result<(WorkersReport, BTreeSet<(WindowId, u32)>), Error> {
        let functions = self.survey.functions.iter();
        let saved: Vec<_> = functions
            .filter_map(|(name, current)| Some((name, current, self.saved.functions.get(name)?)))
            .collect();
        let total = saved.len();
        let work = stream::iter(saved).map(|(name, current, saved)| {
            let one = One {
                fleet,
                name,
                current,
                saved,
                guard,
                insist: self.insist,
                is_reserved_theirs: !self.insist && reserved_drifted(saved, current),
            };
            (name.clone(), one.restore())
        });
        let report = each(fleet, Action::Off, role, run, total, work).await?;
        let open: BTreeSet<&str> = report
            .failed
            .iter()
            .map(|failure| failure.function.as_str())
            .chain(report.unfinished.iter().map(String::as_str))
            .chain(self.survey.failed.keys().map(String::as_str))
            .collect();
        let mut remaining = self.saved.numbers.clone();
        let mut done = Vec::new();
        // A later document replaces or adds to what an earlier one says of a function, so that it stays as
        // long as that one does.
        let mut kept = open;
        for document in &self.saved.documents {
            let mut functions = document.functions.iter().map(String::as_str);
            if document.is_damaged || functions.any(|function| kept.contains(function)) {
                kept.extend(document.functions.iter().map(String::as_str));
            } else {
                remaining.remove(&document.number());
                done.push(document.name.clone());
            }
        }
        // An interrupted operation leaves even a finished document for the next one.
        let deleted = match guard.check_known() {
            Ok(()) => store.delete(&done, Some(guard)).await,
            Err(halt) => Err(StoreError::Halted(halt)),
        };
        match deleted {
            Ok(()) => {}
            Err(StoreError::Halted(Halt::Stopped)) => remaining.clone_from(&self.saved.numbers),
            Err(error) => return Err(error.into()),
        }
        Ok((self.complete(report), remaining))
    }
}

fn is_restored(saved: &Capacity, current: &Current) -> bool {
    let enabled: BTreeSet<&str> = current.enabled().collect();
    current.reserved == saved.reserved
        && saved
            .provisioned
            .iter()
            .all(|(q, n)| current.provisioned.get(q) == Some(n))
        && saved
            .mappings
            .iter()
            .all(|uuid| enabled.contains(uuid.as_str()))
}

/// One function to give back what it had.
struct One<'a> {
    fleet: &'a Fleet,
    name: &'a str,
    current: &'a Current,
    saved: &'a Capacity,
    guard: &'a Guard,
    insist: bool,
    /// Somebody else has set its reservation, and it is kept.
    is_reserved_theirs: bool,
}

impl One<'_> {
    async fn restore(mut self) -> Done {
        let mut done = Done {
            changed: !is_restored(self.saved, self.current),
            ..Done::default()
        };
        if !self.insist {
            done.drifted = drift(self.name, self.saved, self.current);
        }
        match self.give_back(&mut done).await {
            Ok(()) => {}
            Err(LambdaError::Gone { .. }) => match self.is_gone().await {
                Ok(()) => {
                    done.gone.push(self.name.to_owned());
                    done.end = End::Gone;
                }
                Err(error) => done.end = End::from(error),
            },
            Err(error) => done.end = End::from(error),
        }
        done
    }

    async fn is_gone(&self) -> Result<(), LambdaError> {
        let absent = Absent::Function(self.name);
        self.fleet.is_certainly_gone(absent, Some(self.guard)).await
    }

    async fn give_back(&mut self, done: &mut Done) -> Result<(), LambdaError> {
        if self.insist {
            self.clear_the_way().await?;
        }
        self.reserve(done).await?;
        let provisioned = self.provision(done).await;
        if let Err(error @ LambdaError::Halted(_)) = provisioned {
            return Err(error);
        }
        // It may run again: what waits for it need not wait for concurrency that AWS fails to provide.
        let enabled = self.enable(done).await;
        provisioned.and(enabled)
    }

    /// Removes what somebody else provisioned, which the saved reservation may not have room for, and
    /// disables the mappings that somebody else enabled.
    async fn clear_the_way(&self) -> Result<(), LambdaError> {
        for uuid in self.current.enabled() {
            if !self.saved.mappings.iter().any(|saved| saved == uuid) {
                match self.fleet.set_mapping(uuid, false, self.guard).await {
                    Err(LambdaError::Gone { .. }) => {}
                    other => other?,
                }
            }
        }
        for (qualifier, now) in &self.current.provisioned {
            if self.saved.provisioned.get(qualifier) != Some(now) {
                self.fleet
                    .delete_provisioned(self.name, qualifier, |_| true, self.guard)
                    .await?;
            }
        }
        Ok(())
    }

    async fn reserve(&mut self, done: &mut Done) -> Result<(), LambdaError> {
        // A function that had 0 was at 0 while paused, so nothing was changed.
        let theirs = reserved_drifted(self.saved, self.current);
        let changed = theirs || self.saved.reserved != Reserved::Limit(0);
        if !changed || self.is_reserved_theirs {
            return Ok(());
        }
        let (insist, was) = (self.insist, self.saved.reserved);
        let expected = |now| insist || now == Reserved::Limit(0) || now == was;
        let set = self
            .fleet
            .set_reserved(self.name, was, expected, self.guard);
        if let Change::Theirs { now, .. } = set.await? {
            self.is_reserved_theirs = true;
            done.drifted.push(of_reserved(self.name, was, now));
        }
        Ok(())
    }

    async fn provision(&self, done: &mut Done) -> Result<(), LambdaError> {
        let mut failed = Ok(());
        for (qualifier, wanted) in &self.saved.provisioned {
            let now = self.current.provisioned.get(qualifier);
            if !self.insist && now.is_some_and(|now| now != wanted) {
                continue;
            }
            match self.provide(qualifier, *wanted).await {
                Ok(None) => {}
                Ok(Some(now)) => {
                    let words = now.to_string();
                    let drift = of_provisioned(self.name, qualifier, Some(wanted), words);
                    done.drifted.push(drift);
                }
                // The alias or version was deleted, or what was provisioned on it while it was waited for.
                Err(LambdaError::Gone { function }) if function != self.name => {
                    done.gone.push(function);
                }
                Err(error @ LambdaError::Gone { .. }) => return Err(error),
                // It does not fit the reservation that somebody else made: theirs is kept.
                Err(LambdaError::Refused { .. }) if self.is_reserved_theirs => {
                    let now = "none".to_owned();
                    let drift = of_provisioned(self.name, qualifier, Some(wanted), now);
                    done.drifted.push(drift);
                }
                Err(error @ LambdaError::Halted(_)) => return Err(error),
                // The others all the same.
                Err(error) => failed = failed.and(Err(error)),
            }
        }
        failed
    }

    /// Provides concurrency on a qualifier and waits for it. What somebody else provided meanwhile, if they
    /// did.
    async fn provide(&self, qualifier: &str, wanted: u32) -> Result<Option<u32>, LambdaError> {
        let Self { fleet, guard, .. } = *self;
        let expected = |now: Option<u32>| self.insist || now.is_none_or(|now| now == wanted);
        let put = fleet.put_provisioned(self.name, qualifier, wanted, expected, guard);
        match put.await {
            Ok(Change::Made) => {}
            Ok(Change::Theirs { now, .. }) => return Ok(now),
            Err(error @ LambdaError::Gone { .. }) => {
                let is_there = fleet.has_qualifier(self.name, qualifier, Some(guard));
                return Err(self.certain(error, is_there.await?, qualifier));
            }
            Err(error) => return Err(error),
        }
        match fleet.await_provisioned(self.name, qualifier, guard).await {
            Err(error @ LambdaError::Gone { .. }) => {
                let all = fleet.all_provisioned(self.name, Some(guard)).await?;
                Err(self.certain(error, all.contains_key(qualifier), qualifier))
            }
            other => other.map(|()| None),
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

    async fn enable(&self, done: &mut Done) -> Result<(), LambdaError> {
        let Self { fleet, guard, .. } = *self;
        let enable = self.saved.mappings.iter().map(|uuid| async move {
            match fleet.set_mapping(uuid, true, guard).await {
                Err(LambdaError::Gone { .. }) => {
                    let absent = Absent::Mapping(uuid);
                    fleet.is_certainly_gone(absent, Some(guard)).await?;
                    Ok(Some(format!("{} (event source mapping {uuid})", self.name)))
                }
                other => other.map(|()| None),
            }
        });
        // All of them to their end, whatever becomes of one.
        for enabled in futures_util::future::join_all(enable).await {
            done.gone.extend(enabled?);
        }
        Ok(())
    }
}
