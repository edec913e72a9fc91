//! The state of Lambda. The operations change it.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::clock::later;
use crate::lambda::names::function_arn;
use crate::settings::Settings;

/// All functions and mappings of the account in the region.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct LambdaState {
    pub(crate) functions: BTreeMap<String, Function>,
    /// By UUID.
    pub(crate) mappings: BTreeMap<String, Mapping>,
    /// The number of UUIDs so far.
    serial: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// The unpublished version.
    pub(crate) latest: Configuration,
    pub(crate) tags: BTreeMap<String, String>,
    /// An update is in progress until then.
    pub(crate) updating_until: Option<Timestamp>,
    /// By number, from 1.
    pub(crate) versions: BTreeMap<u64, Version>,
    pub(crate) aliases: BTreeMap<String, Alias>,
    /// `None` is unset: the function shares the account's pool. That is the opposite of `Some(0)`.
    pub(crate) reserved: Option<u32>,
    /// The reservation before each change by a call, and the time of the change. Not saved: no read lags that long.
    #[serde(skip)]
    pub(crate) reserved_before: Vec<(Timestamp, Option<u32>)>,
    /// By qualifier: a version's number or an alias.
    pub(crate) provisioned: BTreeMap<String, Provisioned>,
    /// By qualifier, `$LATEST` included.
    pub(crate) event_invoke: BTreeMap<String, EventInvoke>,
    /// Statements of the resource policy, by qualifier and id.
    pub(crate) policy: BTreeMap<String, BTreeMap<String, Value>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Configuration {
    /// Seconds.
    pub(crate) timeout: u32,
    /// The ARN of the dead-letter queue or topic.
    pub(crate) dead_letter: Option<String>,
    /// The variables of its environment.
    #[serde(default)]
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) modified: Timestamp,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Version {
    pub(crate) configuration: Configuration,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Alias {
    /// A version's number.
    pub(crate) version: String,
    /// The other version that gets a part of its traffic, as the API shows it.
    pub(crate) routing: Option<Value>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Provisioned {
    pub(crate) requested: u32,
    pub(crate) ready_at: Timestamp,
    pub(crate) modified: Timestamp,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct EventInvoke {
    /// The ARN of a queue, a topic, a bus or a function.
    pub(crate) on_failure: Option<String>,
    pub(crate) modified: Timestamp,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Mapping {
    pub(crate) uuid: String,
    /// None for a source that has no ARN.
    pub(crate) source_arn: Option<String>,
    /// With its qualifier, if it was given one.
    pub(crate) function_arn: String,
    /// The state after the change in progress.
    pub(crate) enabled: bool,
    /// The change in progress, and its end.
    pub(crate) change: Option<(MappingPhase, Timestamp)>,
    pub(crate) modified: Timestamp,
    /// The other settings, kept as they were given.
    pub(crate) settings: Map<String, Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum MappingPhase {
    Enabling,
    Disabling,
    // Earlier versions of the sandbox saved mappings that the API created and deleted.
    #[serde(alias = "Creating", alias = "Deleting")]
    Updating,
}

impl LambdaState {
    /// A new UUID; the sequence is the same in every run.
    pub(crate) fn uuid(&mut self) -> String {
        self.serial += 1;
        format!("00000000-0000-4000-9000-{:012x}", self.serial)
    }
}

impl Alias {
    /// Whether it sends a part of its traffic to a second version.
    pub(crate) fn is_weighted(&self) -> bool {
        let weights = self
            .routing
            .as_ref()
            .and_then(|it| it.get("AdditionalVersionWeights"));
        weights
            .and_then(Value::as_object)
            .is_some_and(|weights| !weights.is_empty())
    }
}

impl Function {
    /// With the defaults, last modified in 1970.
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            latest: Configuration {
                timeout: 3,
                dead_letter: None,
                variables: BTreeMap::new(),
                modified: Timestamp::UNIX_EPOCH,
            },
            tags: BTreeMap::new(),
            updating_until: None,
            versions: BTreeMap::new(),
            aliases: BTreeMap::new(),
            reserved: None,
            reserved_before: Vec::new(),
            provisioned: BTreeMap::new(),
            event_invoke: BTreeMap::new(),
            policy: BTreeMap::new(),
        }
    }

    pub(crate) fn is_updating(&self, now: Timestamp) -> bool {
        self.updating_until.is_some_and(|until| now < until)
    }

    /// Makes a version of `$LATEST`; returns its number.
    pub(crate) fn publish(&mut self) -> u64 {
        let number = self.versions.keys().last().map_or(1, |last| last + 1);
        let configuration = self.latest.clone();
        self.versions.insert(number, Version { configuration });
        number
    }

    /// Lets a service invoke it, or one of its qualifiers.
    pub(crate) fn allow(&mut self, settings: &Settings, qualifier: Option<&str>, principal: &str) {
        let id = principal.replace('.', "-");
        let arn = function_arn(settings, &self.name, qualifier);
        let statement = statement(&id, principal, &arn);
        let policy = self.policy.entry(qualifier.unwrap_or_default().to_owned());
        policy.or_default().insert(id, statement);
    }

    /// Sets or, with `None`, deletes the reservation, as a call does: reads may lag.
    pub(crate) fn reserve(&mut self, reserved: Option<u32>, now: Timestamp) {
        // No read lags by more than a minute.
        let is_recent = |at: &Timestamp| later(*at, Duration::from_secs(60)) > now;
        self.reserved_before.retain(|(at, _)| is_recent(at));
        self.reserved_before.push((now, self.reserved));
        self.reserved = reserved;
    }

    /// The reservation that a read with this lag sees.
    pub(crate) fn reserved_as_seen(&self, now: Timestamp, lag: Duration) -> Option<u32> {
        let mut before = self.reserved_before.iter();
        let before = before.find(|(at, _)| later(*at, lag) > now);
        before.map_or(self.reserved, |(_, before)| *before)
    }

    /// Provisioned concurrency on all its qualifiers.
    pub(crate) fn total_provisioned(&self) -> u32 {
        let requested = self.provisioned.values().map(|it| it.requested);
        requested.fold(0, u32::saturating_add)
    }

    /// Its share of the account's concurrency.
    pub(crate) fn taken(&self) -> u32 {
        self.reserved.unwrap_or_else(|| self.total_provisioned())
    }

    /// The version a qualifier leads to, if there is one.
    pub(crate) fn resolve(&self, qualifier: &str) -> Option<&Configuration> {
        match self.version_of(qualifier) {
            "$LATEST" => Some(&self.latest),
            number => {
                let version = self.versions.get(&number.parse().ok()?)?;
                Some(&version.configuration)
            }
        }
    }

    /// The version a qualifier leads to, by name: its number, or `$LATEST`.
    pub(crate) fn version_of<'a>(&'a self, qualifier: &'a str) -> &'a str {
        self.aliases
            .get(qualifier)
            .map_or(qualifier, |alias| &alias.version)
    }
}

impl Mapping {
    /// The change in progress, if any.
    pub(crate) fn phase(&self, now: Timestamp) -> Option<MappingPhase> {
        self.change
            .filter(|(_, until)| now < *until)
            .map(|(phase, _)| phase)
    }

    /// Its state in AWS's words.
    pub(crate) fn state(&self, now: Timestamp) -> &'static str {
        match self.phase(now) {
            Some(MappingPhase::Enabling) => "Enabling",
            Some(MappingPhase::Disabling) => "Disabling",
            Some(MappingPhase::Updating) => "Updating",
            None if self.enabled => "Enabled",
            None => "Disabled",
        }
    }
}

impl Provisioned {
    /// Provisioned concurrency that is ready.
    pub(crate) fn ready(requested: u32, now: Timestamp) -> Self {
        Self {
            requested,
            ready_at: now,
            modified: now,
        }
    }

    /// `IN_PROGRESS` or `READY`.
    pub(crate) fn status(&self, now: Timestamp) -> &'static str {
        if now < self.ready_at {
            "IN_PROGRESS"
        } else {
            "READY"
        }
    }

    /// How much of it is ready.
    pub(crate) fn available(&self, now: Timestamp) -> u32 {
        if self.status(now) == "READY" {
            self.requested
        } else {
            0
        }
    }
}

/// A statement that lets a service, named by its principal (`s3.amazonaws.com`), invoke a function.
fn statement(id: &str, principal: &str, resource: &str) -> Value {
    json!({
        "Sid": id,
        "Effect": "Allow",
        "Principal": { "Service": principal },
        "Action": "lambda:InvokeFunction",
        "Resource": resource,
    })
}
