//! The calls that change a function, each with the waiting that it takes until it holds.

use std::time::Duration;

use aws_sdk_lambda::types::ProvisionedConcurrencyStatusEnum as ProvisionedStatus;
use maintenance_flag::Reserved;

use super::fault::{fault, unreserved_minimum};
use super::{Fleet, MappingState};
use crate::clock::Clock;
use crate::error::LambdaError;
use crate::lease::{Guard, Halt};
use crate::retry::{self, CallError, Kind};

/// The first pause between two looks at something asynchronous; each is half as long again.
const FIRST_LOOK: Duration = Duration::from_millis(500);
/// The longest pause between two looks.
const LONGEST_LOOK: Duration = Duration::from_secs(10);
/// How long a mapping may take to be enabled or disabled. AWS takes seconds, at worst a few minutes.
const MAPPING_PATIENCE: Duration = Duration::from_secs(300);
/// How often provisioned concurrency that was just asked for may be missing before it counts as gone.
const UNSEEN: u32 = 5;
/// How long provisioned concurrency may take to be ready. AWS takes a few minutes.
const PROVISIONED_PATIENCE: Duration = Duration::from_secs(900);

impl Fleet {
    /// Sets or removes a function's reserved concurrency.
    pub(crate) async fn set_reserved(
        &self,
        name: &str,
        reserved: Reserved,
        guard: &Guard,
    ) -> Result<(), LambdaError> {
        match reserved {
            Reserved::Unset => retry::change(&self.shared, Some(guard), || {
                self.client
                    .delete_function_concurrency()
                    .function_name(name)
                    .send()
            })
            .await
            .map(drop)
            .map_err(|error| fault("lambda:DeleteFunctionConcurrency", name, error)),
            Reserved::Limit(n) => {
                let limit = i32::try_from(n).unwrap_or(i32::MAX);
                let put = retry::change(&self.shared, Some(guard), || {
                    self.client
                        .put_function_concurrency()
                        .function_name(name)
                        .reserved_concurrent_executions(limit)
                        .send()
                });
                match put.await {
                    Ok(_) => Ok(()),
                    Err(error) => Err(self.reservation_fault(name, n, error).await),
                }
            }
        }
    }

    async fn reservation_fault(&self, name: &str, wanted: u32, error: CallError) -> LambdaError {
        let Some(minimum) = unreserved_minimum(&error.message) else {
            return fault("lambda:PutFunctionConcurrency", name, error);
        };
        // How much is missing helps, but not knowing it is no second error.
        let settings = retry::call(&self.shared, None, || {
            self.client.get_account_settings().send()
        });
        let left = settings
            .await
            .ok()
            .and_then(|settings| settings.account_limit)
            .and_then(|limit| limit.unreserved_concurrent_executions)
            .and_then(|left| u32::try_from(left).ok());
        let missing = left.map(|left| (minimum + wanted).saturating_sub(left));
        LambdaError::UnreservedMinimum {
            function: name.to_owned(),
            wanted,
            minimum,
            missing,
        }
    }

    /// Removes the provisioned concurrency of a qualifier.
    pub(crate) async fn delete_provisioned(
        &self,
        name: &str,
        qualifier: &str,
        guard: &Guard,
    ) -> Result<(), LambdaError> {
        let call = retry::change(&self.shared, Some(guard), || {
            self.client
                .delete_provisioned_concurrency_config()
                .function_name(name)
                .qualifier(qualifier)
                .send()
        });
        match call.await {
            Ok(_) => Ok(()),
            Err(error) if error.kind == Kind::NotFound => Ok(()),
            Err(error) => Err(fault(
                "lambda:DeleteProvisionedConcurrencyConfig",
                &format!("{name}:{qualifier}"),
                error,
            )),
        }
    }

    /// Asks for the provisioned concurrency of a qualifier.
    pub(crate) async fn put_provisioned(
        &self,
        name: &str,
        qualifier: &str,
        wanted: u32,
        guard: &Guard,
    ) -> Result<(), LambdaError> {
        let executions = i32::try_from(wanted).unwrap_or(i32::MAX);
        retry::change(&self.shared, Some(guard), || {
            self.client
                .put_provisioned_concurrency_config()
                .function_name(name)
                .qualifier(qualifier)
                .provisioned_concurrent_executions(executions)
                .send()
        })
        .await
        .map(drop)
        .map_err(|error| {
            let qualified = format!("{name}:{qualifier}");
            fault("lambda:PutProvisionedConcurrencyConfig", &qualified, error)
        })
    }

    /// Waits until the provisioned concurrency of a qualifier is ready.
    pub(crate) async fn await_provisioned(
        &self,
        name: &str,
        qualifier: &str,
        guard: &Guard,
    ) -> Result<(), LambdaError> {
        let qualified = format!("{name}:{qualifier}");
        let ended = |ended: String| LambdaError::Ended {
            function: qualified.clone(),
            what: "the provisioned concurrency".to_owned(),
            ended,
        };
        let mut looks = Looks::new(PROVISIONED_PATIENCE, self.clock);
        let _awaited = self.provisioned_awaited.one_more();
        let mut unseen = 0;
        loop {
            let config = retry::call(&self.shared, Some(guard), || {
                self.client
                    .get_provisioned_concurrency_config()
                    .function_name(name)
                    .qualifier(qualifier)
                    .send()
            })
            .await;
            let status = match config {
                Ok(config) => config.status.map(|status| (status, config.status_reason)),
                // Asked for a moment ago: a read that lags may not show it yet.
                Err(error) if error.kind == Kind::NotFound && unseen < UNSEEN => {
                    unseen += 1;
                    None
                }
                Err(error) => {
                    let action = "lambda:GetProvisionedConcurrencyConfig";
                    return Err(fault(action, &qualified, error));
                }
            };
            match status {
                Some((ProvisionedStatus::Ready, _)) => return Ok(()),
                Some((ProvisionedStatus::Failed, reason)) => {
                    let reason = reason.unwrap_or_else(|| "no reason".to_owned());
                    return Err(ended(format!("failed: {reason}")));
                }
                _ => {}
            }
            if !looks.again(guard).await? {
                return Err(ended(
                    "is still in progress; AWS goes on with it".to_owned(),
                ));
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
        guard: &Guard,
    ) -> Result<(), LambdaError> {
        let wanted = if enabled {
            MappingState::Enabled
        } else {
            MappingState::Disabled
        };
        self.update_mapping(uuid, enabled, guard).await?;
        self.await_mapping(uuid, |state| state == wanted, guard)
            .await
            .map(drop)
    }

    /// Waits until a mapping is in a state, and returns it.
    pub(crate) async fn await_mapping(
        &self,
        uuid: &str,
        settled: impl Fn(MappingState) -> bool,
        guard: &Guard,
    ) -> Result<MappingState, LambdaError> {
        let mut looks = self.looks_at_mappings();
        let _awaited = self.awaits_mapping();
        loop {
            let Some(state) = self.mapping(uuid, Some(guard)).await? else {
                return Err(LambdaError::Gone {
                    function: uuid.to_owned(),
                });
            };
            if settled(state) {
                return Ok(state);
            }
            if !looks.again(guard).await? {
                return Err(LambdaError::Ended {
                    function: uuid.to_owned(),
                    what: "the event source mapping".to_owned(),
                    ended: format!("is still {state:?}"),
                });
            }
        }
    }

    /// Looks at mappings, for as long as one of them may take.
    pub(crate) fn looks_at_mappings(&self) -> Looks {
        Looks::new(MAPPING_PATIENCE, self.clock)
    }

    async fn update_mapping(
        &self,
        uuid: &str,
        enabled: bool,
        guard: &Guard,
    ) -> Result<(), LambdaError> {
        retry::change(&self.shared, Some(guard), || {
            self.client
                .update_event_source_mapping()
                .uuid(uuid)
                .enabled(enabled)
                .send()
        })
        .await
        .map(drop)
        .map_err(|error| fault("lambda:UpdateEventSourceMapping", uuid, error))
    }
}

/// Looks at something asynchronous, less and less often, until patience runs out.
pub(crate) struct Looks {
    clock: Clock,
    started: tokio::time::Instant,
    patience: Duration,
    pause: Duration,
}

impl Looks {
    fn new(patience: Duration, clock: Clock) -> Self {
        Self {
            clock,
            started: tokio::time::Instant::now(),
            patience,
            pause: FIRST_LOOK,
        }
    }

    /// Waits for the next look; whether there is one.
    ///
    /// # Errors
    /// [`Halt`], if the operation is not to go on.
    pub(crate) async fn again(&mut self, guard: &Guard) -> Result<bool, Halt> {
        guard.check_known()?;
        if self.are_over() {
            return Ok(false);
        }
        guard.stop().or(self.clock.sleep(self.pause)).await?;
        self.pause = self.pause.mul_f64(1.5).min(LONGEST_LOOK);
        Ok(true)
    }

    /// Whether patience has run out.
    pub(crate) fn are_over(&self) -> bool {
        self.started.elapsed() >= self.patience
    }
}
