//! The calls that change a function, each with the waiting that it takes until it holds.
//!
//! What was read is old by the time that it is written: a rate limiter's turn and a deploy's 409 can take
//! minutes. So a setting is read again just before every attempt, and what another client has made of it
//! since is not overwritten. Between that read and the write itself nothing can be prevented.

use std::ops::ControlFlow;
use std::time::Duration;

use aws_sdk_lambda::types::ProvisionedConcurrencyStatusEnum as ProvisionedStatus;
use futures_util::future::BoxFuture;
use maintenance_flag::Reserved;
use tokio::time::sleep;

use super::LambdaError;
use super::arn::unreserved_minimum;
use super::{Fleet, MappingState};
use crate::aws::{AwsError, AwsErrorKind, doubted, echoes};
use crate::fence::{AbortReason, Fence};
use crate::waits::{MAPPING_PATIENCE, PROVISIONED_PATIENCE};

/// The first pause between two looks at something asynchronous; each is half as long again.
const FIRST_LOOK: Duration = Duration::from_millis(500);
/// The longest pause between two looks.
const LONGEST_LOOK: Duration = Duration::from_secs(10);
/// How often provisioned concurrency that was just asked for may be missing before it counts as gone.
const UNSEEN: u32 = 5;
/// The pauses between looks for a reservation to be gone, which AWS answers with nothing to compare.
const UNSET_LOOKS: [Duration; 3] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
];
/// How often a reservation is deleted that does not go.
const UNSET_TRIES: u32 = 2;

/// What came of a change of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change<T> {
    /// It was made.
    Made,
    /// It was not, or it did not last: another client has made this of the setting.
    Theirs {
        /// What it is now.
        now: T,
        /// An attempt of ours may have taken effect before.
        touched: bool,
    },
}

/// What ends a change before it is sent.
type End<T> = ControlFlow<Result<Change<T>, LambdaError>>;

/// A look at a setting just before it is changed. It is told whether an earlier attempt may have changed it.
type Recheck<'a, T> = BoxFuture<'a, End<T>>;

impl Fleet {
    /// Sets or removes a function's reserved concurrency, while what it is then is `expected`.
    pub(crate) async fn set_reserved(
        &self,
        name: &str,
        reserved: Reserved,
        expected: impl Fn(Reserved) -> bool + Send + Sync,
        fence: &Fence,
    ) -> Result<Change<Reserved>, LambdaError> {
        let expected = &expected;
        let before = |touched: bool| -> Recheck<'_, Reserved> {
            Box::pin(async move {
                match self.described(name, fence).await {
                    Err(error) => ControlFlow::Break(Err(error)),
                    Ok(now) if expected(now) || (touched && now == reserved) => {
                        ControlFlow::Continue(())
                    }
                    Ok(now) => ControlFlow::Break(Ok(Change::Theirs { now, touched })),
                }
            })
        };
        let limit = match reserved {
            Reserved::Unset => return self.unset_reserved(name, before, fence).await,
            Reserved::Limit(n) => n,
        };
        let executions = i32::try_from(limit).unwrap_or(i32::MAX);
        let call = self.call("lambda:PutFunctionConcurrency", name, Some(fence));
        let put = call.change_if(before, || async {
            let put = self.client.put_function_concurrency().function_name(name);
            let put = put.reserved_concurrent_executions(executions).send();
            let now = put.await.map_err(doubted)?.reserved_concurrent_executions;
            echoes(now == Some(executions), "ReservedConcurrentExecutions")
        });
        match put.await {
            Ok(ControlFlow::Continue(())) => Ok(Change::Made),
            Ok(ControlFlow::Break(end)) => end,
            Err(error) => Err(self.reservation_error(name, limit, error, fence).await),
        }
    }

    /// Removes a function's reserved concurrency. AWS answers that with an empty body, as a proxy may that
    /// did nothing: so it is looked at afterwards.
    async fn unset_reserved<'a>(
        &self,
        name: &str,
        before: impl Fn(bool) -> Recheck<'a, Reserved> + Send + Sync,
        fence: &Fence,
    ) -> Result<Change<Reserved>, LambdaError> {
        let mut now = Reserved::Unset;
        for _ in 0..UNSET_TRIES {
            let call = self.call("lambda:DeleteFunctionConcurrency", name, Some(fence));
            let delete = call.change_if(&before, || async {
                let delete = self.client.delete_function_concurrency();
                delete.function_name(name).send().await.map_err(doubted)
            });
            if let ControlFlow::Break(end) = delete.await? {
                return end;
            }
            now = self.described(name, fence).await?;
            for pause in UNSET_LOOKS {
                if now == Reserved::Unset {
                    return Ok(Change::Made);
                }
                fence.until_stopped(sleep(pause)).await?;
                now = self.described(name, fence).await?;
            }
            // Whether that is theirs shows before it is deleted again.
        }
        if now == Reserved::Unset {
            return Ok(Change::Made);
        }
        let ended = format!("is still {now} after it was deleted");
        Err(LambdaError::ended(name, "the reserved concurrency", ended))
    }

    /// The reserved concurrency of a function that has to exist.
    async fn described(&self, name: &str, fence: &Fence) -> Result<Reserved, LambdaError> {
        let described = self.describe(name, Some(fence)).await?;
        let described = described.ok_or_else(|| LambdaError::gone(name))?;
        Ok(described.reserved)
    }

    async fn reservation_error(
        &self,
        name: &str,
        wanted: u32,
        error: AwsError,
        fence: &Fence,
    ) -> LambdaError {
        let Some(minimum) = unreserved_minimum(&error.source.to_string()) else {
            return error.into();
        };
        // How much is missing helps, but not knowing it is no second error.
        let left = self.concurrency(Some(fence)).await.ok();
        LambdaError::UnreservedMinimum {
            function: name.to_owned(),
            wanted,
            minimum,
            missing: left.map(|left| {
                let needed = minimum.saturating_add(wanted);
                needed.saturating_sub(left.unreserved)
            }),
        }
    }

    /// Removes the provisioned concurrency of a qualifier, while what there is then is `expected`.
    pub(crate) async fn delete_provisioned(
        &self,
        name: &str,
        qualifier: &str,
        expected: impl Fn(Option<u32>) -> bool + Send + Sync,
        fence: &Fence,
    ) -> Result<Change<Option<u32>>, LambdaError> {
        let before = |touched| -> Recheck<'_, Option<u32>> {
            Box::pin(self.still_provisioned(name, qualifier, touched, None, &expected, fence))
        };
        let (action, qualified) = (
            "lambda:DeleteProvisionedConcurrencyConfig",
            format!("{name}:{qualifier}"),
        );
        let call = self.call(action, &qualified, Some(fence));
        let delete = call.change_if(before, || async {
            let delete = self.client.delete_provisioned_concurrency_config();
            let delete = delete.function_name(name).qualifier(qualifier);
            Ok(delete.send().await?)
        });
        match delete.await {
            Ok(ControlFlow::Continue(_)) => Ok(Change::Made),
            Ok(ControlFlow::Break(end)) => end,
            // There is none, or no such alias or version any more.
            Err(error) if error.kind == AwsErrorKind::NotFound => Ok(Change::Made),
            Err(error) => Err(error.into()),
        }
    }

    /// Asks for the provisioned concurrency of a qualifier, while what there is then is `expected`.
    pub(crate) async fn put_provisioned(
        &self,
        name: &str,
        qualifier: &str,
        wanted: u32,
        expected: impl Fn(Option<u32>) -> bool + Send + Sync,
        fence: &Fence,
    ) -> Result<Change<Option<u32>>, LambdaError> {
        let before = |touched| -> Recheck<'_, Option<u32>> {
            let wanted = Some(wanted);
            Box::pin(self.still_provisioned(name, qualifier, touched, wanted, &expected, fence))
        };
        let executions = i32::try_from(wanted).unwrap_or(i32::MAX);
        let (action, qualified) = (
            "lambda:PutProvisionedConcurrencyConfig",
            format!("{name}:{qualifier}"),
        );
        let call = self.call(action, &qualified, Some(fence));
        let put = call.change_if(before, || async {
            let put = self.client.put_provisioned_concurrency_config();
            let put = put.function_name(name).qualifier(qualifier);
            let put = put.provisioned_concurrent_executions(executions).send();
            let answer = put.await.map_err(doubted)?;
            let now = answer.requested_provisioned_concurrent_executions;
            let field = "RequestedProvisionedConcurrentExecutions";
            echoes(now == Some(executions), field)
        });
        match put.await? {
            ControlFlow::Continue(()) => Ok(Change::Made),
            ControlFlow::Break(end) => end,
        }
    }

    /// Whether what is provisioned on a qualifier is what is expected, or what an attempt of ours may have
    /// made of it.
    async fn still_provisioned(
        &self,
        name: &str,
        qualifier: &str,
        touched: bool,
        wanted: Option<u32>,
        expected: &(impl Fn(Option<u32>) -> bool + Sync),
        fence: &Fence,
    ) -> End<Option<u32>> {
        match self.all_provisioned(name, Some(fence)).await {
            Err(error) => ControlFlow::Break(Err(error)),
            Ok(all) => match all.get(qualifier).copied() {
                now if expected(now) || (touched && now == wanted) => ControlFlow::Continue(()),
                now => ControlFlow::Break(Ok(Change::Theirs { now, touched })),
            },
        }
    }

    /// Waits until the provisioned concurrency of a qualifier is ready.
    pub(crate) async fn await_provisioned(
        &self,
        name: &str,
        qualifier: &str,
        fence: &Fence,
    ) -> Result<(), LambdaError> {
        let qualified = format!("{name}:{qualifier}");
        let ended =
            |ended: String| LambdaError::ended(&qualified, "the provisioned concurrency", ended);
        let call = self.call(
            "lambda:GetProvisionedConcurrencyConfig",
            &qualified,
            Some(fence),
        );
        let mut looks = Looks::new(PROVISIONED_PATIENCE);
        let _awaited = self.provisioned_awaited.one_more();
        let mut unseen = 0;
        loop {
            let config = call.read(|| async {
                let get = self.client.get_provisioned_concurrency_config();
                let get = get.function_name(name).qualifier(qualifier);
                Ok(get.send().await?)
            });
            let status = match config.await {
                Ok(config) => config.status.map(|status| (status, config.status_reason)),
                // Asked for a moment ago: a read that lags may not show it yet.
                Err(error) if error.kind == AwsErrorKind::NotFound && unseen < UNSEEN => {
                    unseen += 1;
                    None
                }
                Err(error) => return Err(error.into()),
            };
            match status {
                Some((ProvisionedStatus::Ready, _)) => return Ok(()),
                Some((ProvisionedStatus::Failed, reason)) => {
                    let reason = reason.unwrap_or_else(|| "no reason".to_owned());
                    return Err(ended(format!("failed: {reason}")));
                }
                _ => {}
            }
            if !looks.again(fence).await? {
                return Err(ended("is still in progress; AWS continues it".to_owned()));
            }
        }
    }

    /// Enables or disables a mapping and waits until it is so. It asks without looking first: a read
    /// that lags could say that there is nothing to do. While AWS still changes the mapping it refuses,
    /// and the call is repeated.
    pub(crate) async fn set_mapping(
        &self,
        uuid: &str,
        enabled: bool,
        fence: &Fence,
    ) -> Result<(), LambdaError> {
        let before =
            |_| -> Recheck<'_, MappingState> { Box::pin(async { ControlFlow::Continue(()) }) };
        self.change_mapping(uuid, enabled, before, fence)
            .await
            .map(drop)
    }

    /// Disables a mapping and waits until it is so, unless another client has disabled it since it was read.
    pub(crate) async fn disable_mapping(
        &self,
        uuid: &str,
        fence: &Fence,
    ) -> Result<Change<MappingState>, LambdaError> {
        let before = |touched: bool| -> Recheck<'_, MappingState> {
            Box::pin(async move {
                // Where it ends shows when it has settled.
                let settled = |state| state != MappingState::Unsettled;
                match self.await_mapping(uuid, settled, fence).await {
                    Err(error) => ControlFlow::Break(Err(error)),
                    Ok(MappingState::Enabled | MappingState::Enabling) => ControlFlow::Continue(()),
                    Ok(_) if touched => ControlFlow::Break(Ok(Change::Made)),
                    Ok(now) => ControlFlow::Break(Ok(Change::Theirs { now, touched })),
                }
            })
        };
        self.change_mapping(uuid, false, before, fence).await
    }

    async fn change_mapping<'a>(
        &self,
        uuid: &str,
        enabled: bool,
        before: impl Fn(bool) -> Recheck<'a, MappingState> + Send,
        fence: &Fence,
    ) -> Result<Change<MappingState>, LambdaError> {
        let call = self.call("lambda:UpdateEventSourceMapping", uuid, Some(fence));
        let update = call.change_if(before, || async {
            let update = self.client.update_event_source_mapping().uuid(uuid);
            let answer = update.enabled(enabled).send().await.map_err(doubted)?;
            // What it is on its way to is waited for; the answer must be about this one.
            echoes(answer.uuid.as_deref() == Some(uuid), "UUID")
        });
        let change = match update.await? {
            ControlFlow::Continue(()) => Change::Made,
            ControlFlow::Break(end) => end?,
        };
        let wanted = if enabled {
            MappingState::Enabled
        } else {
            MappingState::Disabled
        };
        if !matches!(
            change,
            Change::Theirs {
                now: MappingState::Other,
                ..
            }
        ) {
            self.await_mapping(uuid, |state| state == wanted, fence)
                .await?;
        }
        Ok(change)
    }

    /// Waits until a mapping is in a state, and returns it.
    pub(crate) async fn await_mapping(
        &self,
        uuid: &str,
        settled: impl Fn(MappingState) -> bool + Send,
        fence: &Fence,
    ) -> Result<MappingState, LambdaError> {
        let mut looks = Looks::new(MAPPING_PATIENCE);
        let _awaited = self.awaits_mapping();
        loop {
            let state = self.mapping(uuid, Some(fence)).await?;
            let state = state.ok_or_else(|| LambdaError::gone(uuid))?;
            if settled(state) {
                return Ok(state);
            }
            if !looks.again(fence).await? {
                let ended = format!("is still {state:?}");
                return Err(LambdaError::ended(uuid, "the event source mapping", ended));
            }
        }
    }
}

/// Looks at something asynchronous, less and less often, until patience runs out.
pub(crate) struct Looks {
    started: tokio::time::Instant,
    patience: Duration,
    pause: Duration,
}

impl Looks {
    /// For so long.
    pub(crate) fn new(patience: Duration) -> Self {
        Self {
            started: tokio::time::Instant::now(),
            patience,
            pause: FIRST_LOOK,
        }
    }

    /// Waits for the next look; whether there is one.
    ///
    /// # Errors
    /// [`AbortReason`], if the operation is not to go on.
    pub(crate) async fn again(&mut self, fence: &Fence) -> Result<bool, AbortReason> {
        fence.check_known()?;
        if self.are_over() {
            return Ok(false);
        }
        fence.until_stopped(sleep(self.pause)).await?;
        self.pause = self.pause.mul_f64(1.5).min(LONGEST_LOOK);
        Ok(true)
    }

    /// Whether patience has run out.
    pub(crate) fn are_over(&self) -> bool {
        self.started.elapsed() >= self.patience
    }
}
