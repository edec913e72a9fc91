//! The worker functions as AWS Lambda has them: the verbs that pausing and restoring need, each one
//! call or one paged read.
//!
//! Three budgets bind [Lambda quotas]: `GetFunction` has 100 requests a second of its own, `GetPolicy`
//! 15; all other control-plane calls share 15 a second with the account's deploys.

mod arn;
mod error;
mod gates;
mod invoke;
mod listing;
mod triggers;
mod write;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::operation::get_function::GetFunctionOutput;
use aws_sdk_lambda::types::{
    EventSourceMappingConfiguration, ProvisionedConcurrencyConfigListItem,
};
use maintenance_flag::Reserved;

use crate::aws::{AwsError, AwsErrorKind, CallError, Identity, doubted, echoes, required};
use crate::fence::Fence;
use crate::rate_limiter::RateLimiter;
use crate::retry::Call;
use crate::waits::Waiting;
use crate::waits::{Count, Counted};
pub(crate) use arn::{function_of_arn, origin_of_arn};
pub use error::LambdaError;
pub(crate) use error::existing;
pub(crate) use gates::GateFunction;
pub use invoke::Answer;
pub(crate) use listing::{Selected, Versions};
pub(crate) use triggers::LATEST;
pub(crate) use write::{Change, Looks};

/// Calls per second for `GetFunction`, which has a budget of 100 of its own.
const GET_FUNCTION_RATE: f64 = 95.0;
/// Calls per second for `GetPolicy`, which has a budget of 15 of its own.
const GET_POLICY_RATE: f64 = 14.0;
/// Longer than a read of Lambda lags behind its writes: what a read says that differs from what was written or
/// read before is believed once another says so after this time.
pub(crate) const LAG: Duration = Duration::from_secs(3);
/// How often to look whether Lambda answers.
const LOOK: Duration = Duration::from_secs(1);
/// How many functions are worked on at once. The rate limiter binds, not this: it only covers waiting.
pub(crate) const AT_ONCE: usize = 32;

/// AWS Lambda's control plane.
#[derive(Debug, Clone)]
pub struct Fleet {
    client: Client,
    /// Whose functions they are, where there is no function to tell by.
    identity: Identity,
    shared: RateLimiter,
    get_function: RateLimiter,
    get_policy: RateLimiter,
    /// Mappings that are on their way to a state.
    mappings_awaited: Count,
    /// Mappings that are being created or updated.
    mappings_settling: Count,
    /// Provisioned concurrency that is on its way to be ready.
    provisioned_awaited: Count,
}

/// What `GetFunction` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Described {
    pub(crate) reserved: Reserved,
    pub(crate) tags: HashMap<String, String>,
    /// Why AWS does not show the tags, if it does not.
    pub(crate) tags_hidden: Option<String>,
    /// `arn:aws:lambda:<region>:<account>`.
    pub(crate) origin: String,
    /// Its timeout, seconds.
    pub(crate) timeout: u32,
}

/// Whether an event source mapping delivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MappingState {
    Enabled,
    Disabled,
    /// On its way to enabled.
    Enabling,
    /// On its way to disabled.
    Disabling,
    /// Being created or updated: where it ends shows when it has settled.
    Unsettled,
    /// Being deleted, or in a state that is not known here.
    Other,
}

impl MappingState {
    fn parse(state: Option<&str>) -> Self {
        match state {
            Some("Enabled") => Self::Enabled,
            Some("Disabled") => Self::Disabled,
            Some("Enabling") => Self::Enabling,
            Some("Disabling") => Self::Disabling,
            Some("Creating" | "Updating") => Self::Unsettled,
            _ => Self::Other,
        }
    }
}

/// An event source mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mapping {
    pub(crate) uuid: String,
    pub(crate) state: MappingState,
    /// The ARN of the queue or stream; a self-managed Kafka cluster has none.
    pub(crate) source: Option<String>,
    /// The alias or version that it feeds, if not the function itself.
    pub(crate) qualifier: Option<String>,
}

/// A timeout as AWS gives it, seconds. Without it a function would seem to have ended at once.
fn seconds(timeout: Option<i32>) -> Result<u32, CallError> {
    required(timeout.and_then(|n| u32::try_from(n).ok()), "Timeout")
}

/// How much concurrency an account has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AccountConcurrency {
    /// In all.
    pub(crate) limit: u32,
    /// What no function has reserved.
    pub(crate) unreserved: u32,
}

impl Fleet {
    /// How much concurrency the account has, and how much of it is left.
    pub(crate) async fn concurrency(
        &self,
        fence: Option<&Fence>,
    ) -> Result<AccountConcurrency, LambdaError> {
        let call = self.call("lambda:GetAccountSettings", "the account", fence);
        let read = call.read(|| async {
            let settings = self.client.get_account_settings().send().await?;
            let limit = required(settings.account_limit, "AccountLimit")?;
            let number = |it: Option<i32>| it.and_then(|n| u32::try_from(n).ok());
            let unreserved = number(limit.unreserved_concurrent_executions);
            let limit = number(Some(limit.concurrent_executions));
            Ok(AccountConcurrency {
                limit: required(limit, "ConcurrentExecutions")?,
                unreserved: required(unreserved, "UnreservedConcurrentExecutions")?,
            })
        });
        Ok(read.await?)
    }

    /// A call on the budget that most calls share.
    fn call<'a>(
        &'a self,
        action: &'static str,
        resource: &'a str,
        fence: Option<&'a Fence>,
    ) -> Call<'a> {
        Call::new(action, resource, &self.shared, fence)
    }

    /// The functions behind this client; `rate_limiter` is the budget for all calls but `GetFunction` and
    /// `GetPolicy`.
    #[must_use]
    pub fn new(client: Client, rate_limiter: RateLimiter) -> Self {
        Self {
            client,
            identity: Identity::default(),
            shared: rate_limiter,
            get_function: RateLimiter::per_second(GET_FUNCTION_RATE),
            get_policy: RateLimiter::per_second(GET_POLICY_RATE),
            mappings_awaited: Count::default(),
            mappings_settling: Count::default(),
            provisioned_awaited: Count::default(),
        }
    }

    /// The same functions, whose account is known even when there are none: with a store in a folder, functions that
    /// were all deleted are told from those of another account by it.
    #[must_use]
    pub fn with_identity(self, identity: Identity) -> Self {
        Self { identity, ..self }
    }

    /// The same functions; reads outside an operation are given up after so long without an answer.
    pub(crate) fn with_answer_limit(&self, limit: Duration) -> Self {
        Self {
            shared: self.shared.with_answer_limit(limit),
            get_function: self.get_function.with_answer_limit(limit),
            get_policy: self.get_policy.with_answer_limit(limit),
            ..self.clone()
        }
    }

    /// A task waits for a mapping, until what is returned goes.
    pub(crate) fn awaits_mapping(&self) -> Counted {
        self.mappings_awaited.one_more()
    }

    /// A task waits for a mapping to be created or updated, until what is returned goes.
    pub(crate) fn awaits_settling(&self) -> Counted {
        self.mappings_settling.one_more()
    }

    /// What is being waited for just now.
    pub(crate) fn waiting(&self) -> Waiting {
        let paces = [&self.shared, &self.get_function, &self.get_policy];
        Waiting {
            mappings: self.mappings_awaited.get(),
            settling: self.mappings_settling.get(),
            provisioned: self.provisioned_awaited.get(),
            updates: paces
                .iter()
                .map(|rate_limiter| rate_limiter.conflicts())
                .sum(),
            throttled: paces.iter().any(|rate_limiter| rate_limiter.is_throttled()),
        }
    }

    /// Waits until Lambda has answered no call for so long.
    pub(crate) async fn is_silent_for(&self, patience: Duration) {
        let started = tokio::time::Instant::now();
        let paces = [&self.shared, &self.get_function, &self.get_policy];
        while paces
            .iter()
            .any(|rate_limiter| rate_limiter.is_moving(started, patience))
        {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Reserved concurrency, tags and place of a function; none if it does not exist, which a single
    /// answer does not prove.
    pub(crate) async fn describe(
        &self,
        name: &str,
        fence: Option<&Fence>,
    ) -> Result<Option<Described>, LambdaError> {
        self.get_function(name, None, fence).await
    }

    /// Whether a version or alias of a function exists.
    pub(crate) async fn has_qualifier(
        &self,
        name: &str,
        qualifier: &str,
        fence: Option<&Fence>,
    ) -> Result<bool, LambdaError> {
        let found = self.get_function(name, Some(qualifier), fence).await?;
        Ok(found.is_some())
    }

    async fn get_function(
        &self,
        name: &str,
        qualifier: Option<&str>,
        fence: Option<&Fence>,
    ) -> Result<Option<Described>, LambdaError> {
        let call = Call::new("lambda:GetFunction", name, &self.get_function, fence);
        let read = call.read(|| async {
            let ask = self.client.get_function().function_name(name);
            let ask = ask.set_qualifier(qualifier.map(str::to_owned));
            described(name, ask.send().await.map_err(doubted)?)
        });
        existing(read.await)
    }

    /// The requested provisioned concurrency of a function by qualifier.
    pub(crate) async fn provisioned(
        &self,
        name: &str,
        fence: Option<&Fence>,
    ) -> Result<BTreeMap<String, u32>, LambdaError> {
        match self.all_provisioned(name, fence).await {
            // Some stand-ins for AWS say of a function that has none that it does not exist.
            Err(LambdaError::Gone { .. }) => Ok(BTreeMap::new()),
            other => other,
        }
    }

    /// The same of a function that has some, or had.
    pub(crate) async fn all_provisioned(
        &self,
        name: &str,
        fence: Option<&Fence>,
    ) -> Result<BTreeMap<String, u32>, LambdaError> {
        let call = self.call("lambda:ListProvisionedConcurrencyConfigs", name, fence);
        let configs = call.read_pages(async |marker| {
            let ask = self.client.list_provisioned_concurrency_configs();
            let ask = ask.function_name(name).set_marker(marker);
            let page = ask.send().await.map_err(doubted)?;
            let field = "ProvisionedConcurrencyConfigs";
            let configs = required(page.provisioned_concurrency_configs, field)?;
            let configs = configs.into_iter().map(provisioned);
            Ok((configs.collect::<Result<_, _>>()?, page.next_marker))
        });
        Ok(configs.await?.into_iter().collect())
    }

    /// The event source mappings of the whole account by function name: one call a hundred of them,
    /// where asking function by function would be one call each.
    pub(crate) async fn mappings(
        &self,
        fence: Option<&Fence>,
    ) -> Result<HashMap<String, Vec<Mapping>>, LambdaError> {
        let call = self.call("lambda:ListEventSourceMappings", "all functions", fence);
        let listed = call.read_pages(async |marker| {
            let ask = self.client.list_event_source_mappings();
            let page = ask.set_marker(marker).send().await?;
            let mappings = required(page.event_source_mappings, "EventSourceMappings")?;
            let mappings = mappings.into_iter().map(mapping);
            Ok((mappings.collect::<Result<_, _>>()?, page.next_marker))
        });
        let mut found: HashMap<String, Vec<Mapping>> = HashMap::new();
        for (arn, mut mapping) in listed.await? {
            if let Some((function, qualifier)) = function_of_arn(&arn) {
                mapping.qualifier = qualifier.map(str::to_owned);
                found.entry(function.to_owned()).or_default().push(mapping);
            }
        }
        Ok(found)
    }

    /// The state of one mapping; none if it does not exist, which a single answer does not prove.
    pub(crate) async fn mapping(
        &self,
        uuid: &str,
        fence: Option<&Fence>,
    ) -> Result<Option<MappingState>, LambdaError> {
        let call = self.call("lambda:GetEventSourceMapping", uuid, fence);
        let read = call.read(|| async {
            let ask = self.client.get_event_source_mapping().uuid(uuid);
            let mapping = ask.send().await.map_err(doubted)?;
            echoes(mapping.uuid.as_deref() == Some(uuid), "UUID")?;
            let state = required(mapping.state, "State")?;
            Ok(MappingState::parse(Some(&state)))
        });
        existing(read.await)
    }

    /// An error unless it is certain that what a call did not find does not exist: a list does not show
    /// it either.
    ///
    /// # Errors
    /// [`LambdaError::Failed`] if a list shows it; any other, if it cannot be listed.
    pub(crate) async fn is_certainly_gone(
        &self,
        what: Absent<'_>,
        fence: Option<&Fence>,
    ) -> Result<(), LambdaError> {
        let (action, name, is_listed) = match what {
            Absent::Function(name) => {
                let names = self.names(fence).await?;
                ("lambda:GetFunction", name, names.contains(name))
            }
            Absent::Mapping(uuid) => {
                let listed = self.mappings(fence).await?;
                let mut listed = listed.values().flatten();
                let is_listed = listed.any(|mapping| mapping.uuid == uuid);
                ("lambda:GetEventSourceMapping", uuid, is_listed)
            }
        };
        if is_listed {
            return Err(not_found_but_listed(action, name));
        }
        Ok(())
    }
}

/// What a call did not find.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Absent<'a> {
    /// A function, by name.
    Function(&'a str),
    /// An event source mapping, by UUID.
    Mapping(&'a str),
}

/// AWS does not find what it lists.
pub(crate) fn not_found_but_listed(action: &'static str, name: &str) -> LambdaError {
    let why = "AWS does not find it, though a list shows it";
    AwsError::new(action, name, AwsErrorKind::Unexpected, why).into()
}

/// What an answer to `GetFunction` says of a function.
fn described(name: &str, output: GetFunctionOutput) -> Result<Described, CallError> {
    let configuration = required(output.configuration, "Configuration")?;
    let is_its = configuration.function_name.as_deref() == Some(name);
    echoes(is_its, "FunctionName")?;
    let arn = required(configuration.function_arn, "FunctionArn")?;
    let origin = origin_of_arn(&arn);
    echoes(origin != arn && !origin.is_empty(), "FunctionArn")?;
    let reserved = match output.concurrency {
        None => Reserved::Unset,
        Some(concurrency) => {
            let limit = concurrency.reserved_concurrent_executions;
            let limit = limit.and_then(|n| u32::try_from(n).ok());
            Reserved::Limit(required(limit, "ReservedConcurrentExecutions")?)
        }
    };
    Ok(Described {
        timeout: seconds(configuration.timeout)?,
        reserved,
        tags: output.tags.unwrap_or_default(),
        tags_hidden: output.tags_error.map(|error| error.message),
        origin: origin.to_owned(),
    })
}

/// A qualifier, and what is provisioned on it.
fn provisioned(config: ProvisionedConcurrencyConfigListItem) -> Result<(String, u32), CallError> {
    let arn = required(config.function_arn, "FunctionArn")?;
    let qualifier = function_of_arn(&arn).and_then(|(_, qualifier)| qualifier);
    let qualifier = required(qualifier, "FunctionArn with a qualifier")?.to_owned();
    let wanted = config.requested_provisioned_concurrent_executions;
    let wanted = wanted.and_then(|n| u32::try_from(n).ok());
    let field = "RequestedProvisionedConcurrentExecutions";
    Ok((qualifier, required(wanted, field)?))
}

/// A mapping but for its qualifier, and the ARN of what it invokes.
fn mapping(listed: EventSourceMappingConfiguration) -> Result<(String, Mapping), CallError> {
    let state = required(listed.state, "State")?;
    let mapping = Mapping {
        uuid: required(listed.uuid, "UUID")?,
        state: MappingState::parse(Some(&state)),
        source: listed.event_source_arn,
        qualifier: None,
    };
    // One whose function was deleted may have none.
    Ok((listed.function_arn.unwrap_or_default(), mapping))
}

#[cfg(test)]
mod tests {
    use aws_sdk_lambda::types::{Concurrency, FunctionConfiguration};

    use super::*;

    #[test]
    fn a_function_without_a_timeout_has_not_ended_at_once() {
        let configuration = FunctionConfiguration::builder()
            .function_name("a")
            .function_arn("arn:aws:lambda:us-east-1:123456789012:function:a");
        let answer = |configuration: FunctionConfiguration| {
            let answer = GetFunctionOutput::builder().configuration(configuration);
            described("a", answer.build())
        };
        let known = answer(configuration.clone().timeout(900).build()).unwrap();
        assert_eq!(known.timeout, 900);
        let error = answer(configuration.build()).unwrap_err();
        assert!(error.to_string().ends_with("Timeout"), "{error}");
    }

    #[test]
    fn a_concurrency_without_a_number_is_not_one_that_is_unset() {
        let configuration = FunctionConfiguration::builder()
            .function_name("a")
            .function_arn("arn:aws:lambda:us-east-1:123456789012:function:a")
            .timeout(3);
        let answer = |limit: Option<Option<i32>>| {
            let concurrency = limit.map(|limit| {
                let concurrency = Concurrency::builder();
                let concurrency = concurrency.set_reserved_concurrent_executions(limit);
                concurrency.build()
            });
            let answer = GetFunctionOutput::builder().configuration(configuration.clone().build());
            let described = described("a", answer.set_concurrency(concurrency).build());
            described.map(|it| it.reserved)
        };
        assert_eq!(answer(None).unwrap(), Reserved::Unset);
        assert_eq!(answer(Some(Some(0))).unwrap(), Reserved::Limit(0));
        for wrong in [None, Some(-1)] {
            let error = answer(Some(wrong)).unwrap_err();
            assert!(
                error.to_string().ends_with("ReservedConcurrentExecutions"),
                "{error}"
            );
        }
    }
}
