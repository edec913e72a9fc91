//! The sandbox's state, read without a call, for tests to compare with.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::lambda::{Function, FunctionRef};
use crate::sandbox::Sandbox;
use crate::ssm::ParameterState;
use crate::state::State;

/// Every function's state at one moment, by name.
pub type Fleet = BTreeMap<String, FunctionState>;

/// A function's settings, field by field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionState {
    /// Reserved concurrency. `None` is unset, which is the opposite of `Some(0)`.
    pub reserved: Option<u32>,
    /// Provisioned concurrency requested, by alias or version.
    pub provisioned: BTreeMap<String, u32>,
    /// Its event source mappings, those of its aliases and versions included, by UUID.
    pub mappings: BTreeMap<String, MappingState>,
    /// Seconds.
    pub timeout: u32,
    /// The ARN of its dead-letter queue or topic.
    pub dead_letter: Option<String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Its published versions.
    pub versions: Vec<u64>,
    /// Its aliases, and the version each points at.
    pub aliases: BTreeMap<String, String>,
}

/// An event source mapping's settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MappingState {
    /// Whether it is enabled, or will be once its change is complete.
    pub enabled: bool,
    /// `Enabled`, `Disabled`, or the state of a change in progress.
    pub state: String,
    /// Its event source.
    pub event_source_arn: Option<String>,
    /// What it invokes: the ARN of a function, an alias or a version.
    pub function_arn: String,
}

impl FunctionState {
    fn of(function: &Function) -> Self {
        let provisioned = function.provisioned.iter();
        let aliases = function.aliases.iter();
        Self {
            reserved: function.reserved,
            provisioned: provisioned
                .map(|(qualifier, it)| (qualifier.clone(), it.requested))
                .collect(),
            mappings: BTreeMap::new(),
            timeout: function.latest.timeout,
            dead_letter: function.latest.dead_letter.clone(),
            tags: function.tags.clone(),
            versions: function.versions.keys().copied().collect(),
            aliases: aliases
                .map(|(name, alias)| (name.clone(), alias.version.clone()))
                .collect(),
        }
    }
}

impl Sandbox {
    /// Every function, as it is now.
    pub fn fleet(&self) -> Fleet {
        let state = self.state();
        let State {
            lambda, settings, ..
        } = &*state;
        let functions = lambda.functions.iter();
        let mut fleet: Fleet = functions
            .map(|(name, function)| (name.clone(), FunctionState::of(function)))
            .collect();
        for mapping in lambda.mappings.values() {
            let function = FunctionRef::parse(&mapping.function_arn, settings).ok();
            if let Some(owner) = function.and_then(|it| fleet.get_mut(&it.name)) {
                let shown = MappingState {
                    enabled: mapping.enabled,
                    state: mapping.state(settings.clock.now()).to_owned(),
                    event_source_arn: mapping.source_arn.clone(),
                    function_arn: mapping.function_arn.clone(),
                };
                owner.mappings.insert(mapping.uuid.clone(), shown);
            }
        }
        fleet
    }

    /// The newest value of every parameter; it never lags.
    pub fn parameters(&self) -> BTreeMap<String, ParameterState> {
        self.state().ssm.snapshot()
    }
}
