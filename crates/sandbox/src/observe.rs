//! What a test may see and change without making a call: the truth, and the hand of somebody else.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::clock::later;
use crate::lambda::{self, EventInvoke, FunctionRef, Provisioned};
use crate::sandbox::Sandbox;
use crate::ssm::ParameterState;

/// Every function by name, as it is at one moment.
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
    /// Whether it is enabled, or will be when it comes to rest.
    pub enabled: bool,
    /// `Enabled`, `Disabled`, or what it is doing on the way.
    pub state: String,
    /// Its event source.
    pub event_source_arn: Option<String>,
    /// What it invokes: the ARN of a function, an alias or a version.
    pub function_arn: String,
}

/// There is no function, qualifier or mapping of that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sandbox has no {0}")]
pub struct NoSuchThing(String);

impl Sandbox {
    /// Every function, as it is now.
    pub fn fleet(&self) -> Fleet {
        self.world().with_context(|_, lambda, context| {
            let mut fleet: Fleet = lambda
                .functions
                .iter()
                .map(|(name, function)| {
                    let provisioned = function.provisioned.iter();
                    let aliases = function.aliases.iter();
                    let state = FunctionState {
                        reserved: function.reserved,
                        provisioned: provisioned
                            .map(|(q, it)| (q.clone(), it.requested))
                            .collect(),
                        mappings: BTreeMap::new(),
                        timeout: function.latest.timeout,
                        dead_letter: function.latest.dead_letter.clone(),
                        tags: function.tags.clone(),
                        versions: function.versions.keys().copied().collect(),
                        aliases: aliases
                            .map(|(a, it)| (a.clone(), it.version.clone()))
                            .collect(),
                    };
                    (name.clone(), state)
                })
                .collect();
            for mapping in lambda.mappings.values() {
                let function = FunctionRef::parse(&mapping.function_arn, context.settings);
                let Some(owner) = function.ok().and_then(|it| fleet.get_mut(&it.name)) else {
                    continue;
                };
                let state = MappingState {
                    enabled: mapping.enabled,
                    state: mapping.state(context.now).to_owned(),
                    event_source_arn: mapping.source_arn.clone(),
                    function_arn: mapping.function_arn.clone(),
                };
                owner.mappings.insert(mapping.uuid.clone(), state);
            }
            fleet
        })
    }

    /// The newest value of every parameter, whatever reads may lag.
    pub fn parameters(&self) -> BTreeMap<String, ParameterState> {
        self.world().ssm.snapshot()
    }

    fn edit<T>(
        &self,
        function: &str,
        change: impl FnOnce(&mut lambda::Function, &crate::world::Context<'_>) -> T,
    ) -> Result<T, NoSuchThing> {
        self.world().with_context(|_, lambda, context| {
            let function = lambda
                .functions
                .get_mut(function)
                .ok_or_else(|| NoSuchThing(format!("function {function}")))?;
            Ok(change(function, context))
        })
    }

    /// As if somebody set, or with `None` deleted, a function's reserved concurrency by hand.
    ///
    /// # Errors
    /// If there is no such function.
    pub fn set_reserved(&self, function: &str, reserved: Option<u32>) -> Result<(), NoSuchThing> {
        self.edit(function, |it, _| it.reserved = reserved)
    }

    /// As if somebody set, or with `None` deleted, provisioned concurrency by hand; it is ready.
    ///
    /// # Errors
    /// If there is no such function.
    pub fn set_provisioned(
        &self,
        function: &str,
        qualifier: &str,
        count: Option<u32>,
    ) -> Result<(), NoSuchThing> {
        self.edit(function, |it, context| match count {
            Some(count) => {
                let ready = Provisioned::ready(count, context.now);
                it.provisioned.insert(qualifier.to_owned(), ready);
            }
            None => {
                it.provisioned.remove(qualifier);
            }
        })
    }

    /// As if a deploy set a function's timeout, in seconds.
    ///
    /// # Errors
    /// If there is no such function.
    pub fn set_timeout(&self, function: &str, seconds: u32) -> Result<(), NoSuchThing> {
        self.edit(function, |it, _| it.latest.timeout = seconds)
    }

    /// As if a deploy set, or with `None` took away, the dead-letter queue of `$LATEST`.
    ///
    /// # Errors
    /// If there is no such function.
    pub fn set_dead_letter(&self, function: &str, arn: Option<&str>) -> Result<(), NoSuchThing> {
        self.edit(function, |it, _| {
            it.latest.dead_letter = arn.map(str::to_owned);
        })
    }

    /// As if a deploy published a version. Returns its number.
    ///
    /// # Errors
    /// If there is no such function.
    pub fn publish_version(&self, function: &str) -> Result<u64, NoSuchThing> {
        self.edit(function, |it, _| it.publish())
    }

    /// As if a deploy made an alias send a part of its traffic (0 to 1) to another version, or with
    /// `None` no longer.
    ///
    /// # Errors
    /// If there is no such function or alias.
    pub fn shift_traffic(
        &self,
        function: &str,
        alias: &str,
        to: Option<(u64, f64)>,
    ) -> Result<(), NoSuchThing> {
        self.edit(function, |it, _| {
            let found = it.aliases.get_mut(alias);
            let found = found.ok_or_else(|| NoSuchThing(format!("alias {function}:{alias}")))?;
            found.routing = to.map(|(version, weight)| {
                json!({ "AdditionalVersionWeights": { version.to_string(): weight } })
            });
            Ok(())
        })?
    }

    /// As if a trigger was added: a service, named by its principal (`s3.amazonaws.com`), may invoke a
    /// function or one of its qualifiers.
    ///
    /// # Errors
    /// If there is no such function.
    pub fn allow(
        &self,
        function: &str,
        qualifier: Option<&str>,
        principal: &str,
    ) -> Result<(), NoSuchThing> {
        self.edit(function, |it, context| {
            it.allow(context.settings, qualifier, principal);
        })
    }

    /// As if a function or one of its qualifiers got an on-failure destination, by its ARN.
    ///
    /// # Errors
    /// If there is no such function.
    pub fn set_on_failure(
        &self,
        function: &str,
        qualifier: Option<&str>,
        arn: &str,
    ) -> Result<(), NoSuchThing> {
        self.edit(function, |it, context| {
            let config = EventInvoke {
                on_failure: Some(arn.to_owned()),
                modified: context.now,
            };
            let qualifier = qualifier.unwrap_or("$LATEST").to_owned();
            it.event_invoke.insert(qualifier, config);
        })
    }

    /// As if a deploy had just begun: for `lasts`, other writes to the function get 409.
    ///
    /// # Errors
    /// If there is no such function.
    pub fn begin_update(&self, function: &str, lasts: Duration) -> Result<(), NoSuchThing> {
        self.edit(function, |it, context| {
            it.updating_until = Some(later(context.now, lasts));
        })
    }

    /// As if somebody deleted the function; its mappings stay, as they do on AWS.
    ///
    /// # Errors
    /// If there is no such function.
    pub fn delete_function(&self, function: &str) -> Result<(), NoSuchThing> {
        let gone = self.world().lambda.functions.remove(function);
        gone.map(drop)
            .ok_or_else(|| NoSuchThing(format!("function {function}")))
    }

    /// As if somebody enabled or disabled a mapping and waited for it.
    ///
    /// # Errors
    /// If there is no such mapping.
    pub fn set_mapping_enabled(&self, uuid: &str, enabled: bool) -> Result<(), NoSuchThing> {
        let mut world = self.world();
        let mapping = world
            .lambda
            .mappings
            .get_mut(uuid)
            .ok_or_else(|| NoSuchThing(format!("event source mapping {uuid}")))?;
        mapping.enabled = enabled;
        mapping.change = None;
        Ok(())
    }

    /// As if somebody deleted a mapping and waited for it.
    ///
    /// # Errors
    /// If there is no such mapping.
    pub fn delete_mapping(&self, uuid: &str) -> Result<(), NoSuchThing> {
        let gone = self.world().lambda.mappings.remove(uuid);
        gone.map(drop)
            .ok_or_else(|| NoSuchThing(format!("event source mapping {uuid}")))
    }

    /// As if somebody typed a value into the console: a new version, or a new `String` parameter.
    /// Names and values are taken as they are, and reads do not lag.
    pub fn set_parameter(&self, name: &str, value: &str) {
        self.world()
            .with_context(|ssm, _, context| ssm.put_raw(name, value, context.now));
    }

    /// As if a policy of the organisation turned a parameter into a `SecureString`. AWS changes no type
    /// in place (`HierarchyTypeMismatchException`), so it is deleted and created anew: its versions
    /// begin at 1 again. Reads do not lag. Returns whether it was there.
    pub fn encrypt_parameter(&self, name: &str) -> bool {
        self.world().ssm.encrypt(name)
    }

    /// As if somebody gave a parameter that is there a pattern that every later value must match.
    /// Returns whether it was there.
    pub fn set_allowed_pattern(&self, name: &str, pattern: &str) -> bool {
        let mut world = self.world();
        let parameter = world.ssm.parameters.get_mut(name);
        parameter.is_some_and(|it| {
            it.allowed_pattern = Some(pattern.to_owned());
            true
        })
    }

    /// As if somebody deleted a parameter in the console. Returns whether it was there. The name has
    /// to rest like any other.
    pub fn delete_parameter(&self, name: &str) -> bool {
        self.world().with_context(|ssm, _, context| {
            let there = ssm.parameters.remove(name).is_some();
            if there {
                ssm.deleted.insert(name.to_owned(), context.now);
            }
            there
        })
    }
}
