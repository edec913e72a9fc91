//! The worker functions as AWS Lambda has them: the verbs that pausing and restoring need, each one
//! call or one paged read.
//!
//! Three budgets bind [Lambda quotas]: `GetFunction` has 100 requests a second of its own, `GetPolicy`
//! 15; all other control-plane calls share 15 a second with the account's deploys.

mod fault;
mod pages;
mod triggers;
mod write;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use aws_sdk_lambda::Client;
use aws_sdk_lambda::operation::list_event_source_mappings::ListEventSourceMappingsOutput;
use aws_sdk_lambda::operation::list_functions::ListFunctionsOutput;
use aws_sdk_lambda::operation::list_provisioned_concurrency_configs::ListProvisionedConcurrencyConfigsOutput;
use aws_sdk_lambda::types::FunctionVersion;
use maintenance_flag::Reserved;

use crate::clock::Clock;
use crate::error::LambdaError;
use crate::event::Waiting;
use crate::lease::Guard;
use crate::pace::Pace;
use crate::retry;
use crate::selection::Selection;
use crate::waits::{Count, Counted};
use fault::fault;
pub(crate) use fault::{function_of_arn, origin_of_arn};
use pages::{existing, pages};
pub(crate) use triggers::LATEST;
pub(crate) use write::Looks;

/// Calls per second for `GetFunction`, which has a budget of 100 of its own.
const GET_FUNCTION_RATE: f64 = 95.0;
/// Calls per second for `GetPolicy`, which has a budget of 15 of its own.
const GET_POLICY_RATE: f64 = 14.0;
/// How often to look whether Lambda answers.
const LOOK: Duration = Duration::from_secs(1);
/// How many functions are worked on at once. The pace binds, not this: it only covers waiting.
pub(crate) const AT_ONCE: usize = 32;

/// AWS Lambda's control plane.
#[derive(Debug, Clone)]
pub struct Fleet {
    client: Client,
    clock: Clock,
    shared: Pace,
    get_function: Pace,
    get_policy: Pace,
    /// Mappings that are on their way to a state.
    mappings_awaited: Count,
    /// Mappings that are being created or updated.
    mappings_settling: Count,
    /// Provisioned concurrency that is on its way to be ready.
    provisioned_awaited: Count,
}

/// A function that a role selects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Selected {
    pub(crate) name: String,
    /// Only a function with published versions can have provisioned concurrency.
    pub(crate) has_versions: bool,
    /// The longest timeout of any of its versions, seconds.
    pub(crate) timeout: u32,
    /// Its versions, `$LATEST` among them, each with the ARN of its dead-letter queue if it has one.
    pub(crate) versions: BTreeMap<String, Option<String>>,
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

/// A timeout as AWS gives it, seconds.
fn seconds(timeout: Option<i32>) -> u32 {
    timeout.and_then(|n| u32::try_from(n).ok()).unwrap_or(0)
}

impl Fleet {
    /// The functions behind this client; `pace` is the budget for all calls but `GetFunction` and
    /// `GetPolicy`.
    #[must_use]
    pub fn new(client: Client, clock: Clock, pace: Pace) -> Self {
        Self {
            client,
            clock,
            shared: pace,
            get_function: Pace::per_second(GET_FUNCTION_RATE),
            get_policy: Pace::per_second(GET_POLICY_RATE),
            mappings_awaited: Count::default(),
            mappings_settling: Count::default(),
            provisioned_awaited: Count::default(),
        }
    }

    /// Somebody waits for a mapping, until what is returned goes.
    pub(crate) fn awaits_mapping(&self) -> Counted {
        self.mappings_awaited.one_more()
    }

    /// Somebody waits for a mapping to be created or updated, until what is returned goes.
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
            updates: paces.iter().map(|pace| pace.conflicts()).sum(),
            throttled: paces.iter().any(|pace| pace.is_throttled()),
        }
    }

    /// Waits until Lambda has answered nobody for so long.
    pub(crate) async fn is_silent_for(&self, patience: Duration) {
        let started = tokio::time::Instant::now();
        let paces = [&self.shared, &self.get_function, &self.get_policy];
        while paces.iter().any(|pace| pace.is_moving(started, patience)) {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// All functions whose name a selection matches, by name. Tags are not looked at.
    pub(crate) async fn list(
        &self,
        selection: &Selection,
        guard: Option<&Guard>,
    ) -> Result<Vec<Selected>, LambdaError> {
        let mut found: BTreeMap<String, Selected> = BTreeMap::new();
        let ask = |marker: Option<String>| {
            retry::call(&self.shared, guard, move || {
                self.client
                    .list_functions()
                    .function_version(FunctionVersion::All)
                    .set_marker(marker.clone())
                    .send()
            })
        };
        let take = |page: ListFunctionsOutput| {
            for function in page.functions.unwrap_or_default() {
                let Some(name) = function.function_name else {
                    continue;
                };
                if !selection.matches_name(&name) {
                    continue;
                }
                let published = function.version.as_deref().is_some_and(|v| v != LATEST);
                let entry = found.entry(name.clone()).or_insert_with(|| Selected {
                    name,
                    has_versions: false,
                    timeout: 0,
                    versions: BTreeMap::new(),
                });
                entry.has_versions |= published;
                entry.timeout = entry.timeout.max(seconds(function.timeout));
                let dead_letter = function.dead_letter_config.and_then(|it| it.target_arn);
                entry.versions.insert(
                    function.version.unwrap_or_else(|| LATEST.to_owned()),
                    dead_letter.filter(|arn| !arn.is_empty()),
                );
            }
            page.next_marker
        };
        pages(ask, take)
            .await
            .map_err(|error| fault("lambda:ListFunctions", "all functions", error))?;
        Ok(found.into_values().collect())
    }

    /// Where these credentials look for functions; none if there is no function to tell by.
    pub(crate) async fn origin(&self) -> Result<Option<String>, LambdaError> {
        let page = retry::call(&self.shared, None, || {
            self.client.list_functions().max_items(1).send()
        })
        .await
        .map_err(|error| fault("lambda:ListFunctions", "all functions", error))?;
        let first = page.functions.unwrap_or_default().into_iter().next();
        Ok(first
            .and_then(|f| f.function_arn)
            .map(|arn| origin_of_arn(&arn).to_owned()))
    }

    /// Reserved concurrency, tags and place of a function; none if it does not exist.
    pub(crate) async fn describe(
        &self,
        name: &str,
        guard: Option<&Guard>,
    ) -> Result<Option<Described>, LambdaError> {
        let call = retry::call(&self.get_function, guard, || {
            self.client.get_function().function_name(name).send()
        });
        let output = existing(call.await);
        let Some(output) = output.map_err(|error| fault("lambda:GetFunction", name, error))? else {
            return Ok(None);
        };
        let limit = output
            .concurrency
            .and_then(|c| c.reserved_concurrent_executions);
        let configuration = output.configuration;
        let timeout = seconds(configuration.as_ref().and_then(|c| c.timeout));
        let arn = configuration
            .and_then(|c| c.function_arn)
            .unwrap_or_default();
        Ok(Some(Described {
            timeout,
            reserved: limit
                .and_then(|n| u32::try_from(n).ok())
                .map_or(Reserved::Unset, Reserved::Limit),
            tags: output.tags.unwrap_or_default(),
            tags_hidden: output.tags_error.map(|error| error.message),
            origin: origin_of_arn(&arn).to_owned(),
        }))
    }

    /// The requested provisioned concurrency of a function by qualifier.
    pub(crate) async fn provisioned(
        &self,
        name: &str,
        guard: Option<&Guard>,
    ) -> Result<BTreeMap<String, u32>, LambdaError> {
        let mut found = BTreeMap::new();
        let ask = |marker: Option<String>| {
            retry::call(&self.shared, guard, move || {
                self.client
                    .list_provisioned_concurrency_configs()
                    .function_name(name)
                    .set_marker(marker.clone())
                    .send()
            })
        };
        let take = |page: ListProvisionedConcurrencyConfigsOutput| {
            for config in page.provisioned_concurrency_configs.unwrap_or_default() {
                let arn = config.function_arn.unwrap_or_default();
                let wanted = config.requested_provisioned_concurrent_executions;
                let wanted = wanted.and_then(|n| u32::try_from(n).ok());
                if let (Some((_, Some(qualifier))), Some(wanted)) = (function_of_arn(&arn), wanted)
                {
                    found.insert(qualifier.to_owned(), wanted);
                }
            }
            page.next_marker
        };
        // Some stand-ins for AWS say of a function that has none that it does not exist.
        existing(pages(ask, take).await)
            .map_err(|error| fault("lambda:ListProvisionedConcurrencyConfigs", name, error))?;
        Ok(found)
    }

    /// The event source mappings of the whole account by function name: one call a hundred of them,
    /// where asking function by function would be one call each.
    pub(crate) async fn mappings(
        &self,
        guard: Option<&Guard>,
    ) -> Result<HashMap<String, Vec<Mapping>>, LambdaError> {
        let mut found: HashMap<String, Vec<Mapping>> = HashMap::new();
        let ask = |marker: Option<String>| {
            retry::call(&self.shared, guard, move || {
                self.client
                    .list_event_source_mappings()
                    .set_marker(marker.clone())
                    .send()
            })
        };
        let take = |page: ListEventSourceMappingsOutput| {
            for mapping in page.event_source_mappings.unwrap_or_default() {
                let arn = mapping.function_arn.unwrap_or_default();
                let (Some((function, qualifier)), Some(uuid)) =
                    (function_of_arn(&arn), mapping.uuid)
                else {
                    continue;
                };
                let state = MappingState::parse(mapping.state.as_deref());
                found.entry(function.to_owned()).or_default().push(Mapping {
                    uuid,
                    state,
                    source: mapping.event_source_arn,
                    qualifier: qualifier.map(str::to_owned),
                });
            }
            page.next_marker
        };
        pages(ask, take)
            .await
            .map_err(|error| fault("lambda:ListEventSourceMappings", "all functions", error))?;
        Ok(found)
    }

    /// The state of one mapping; none if it does not exist.
    pub(crate) async fn mapping(
        &self,
        uuid: &str,
        guard: Option<&Guard>,
    ) -> Result<Option<MappingState>, LambdaError> {
        let call = retry::call(&self.shared, guard, || {
            self.client.get_event_source_mapping().uuid(uuid).send()
        });
        let mapping = existing(call.await)
            .map_err(|error| fault("lambda:GetEventSourceMapping", uuid, error))?;
        Ok(mapping.map(|mapping| MappingState::parse(mapping.state.as_deref())))
    }
}
