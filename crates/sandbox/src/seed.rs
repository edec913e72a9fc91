//! Functions as a test or a demonstration wants them, put in place without a call.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::lambda::{
    Alias, Configuration, Function, FunctionRef, Mapping, Provisioned, function_arn,
};
use crate::sandbox::Sandbox;
use crate::settings::Settings;

/// A function to be, with everything settled: provisioned concurrency is ready, mappings are at rest.
/// Limits are not checked; a seeded account may be one that AWS would not let grow.
///
/// ```
/// use maintenance_sandbox::{FunctionSpec, MappingSpec, Sandbox};
/// let sandbox = Sandbox::default();
/// sandbox.seed(
///     FunctionSpec::new("demo-dev-mail")
///         .reserved(20)
///         .versions(2)
///         .alias("live", 2)
///         .provisioned("live", 5)
///         .mapping(MappingSpec::sqs("demo-dev-mail"))
///         .tag("role", "worker"),
/// );
/// assert_eq!(sandbox.fleet()["demo-dev-mail"].provisioned["live"], 5);
/// ```
#[must_use = "a specification does nothing until it is seeded"]
#[derive(Clone, Debug)]
pub struct FunctionSpec {
    name: String,
    timeout: u32,
    dead_letter: Option<String>,
    tags: BTreeMap<String, String>,
    reserved: Option<u32>,
    versions: u64,
    aliases: BTreeMap<String, u64>,
    provisioned: BTreeMap<String, u32>,
    mappings: Vec<MappingSpec>,
    invoked_by: Vec<String>,
}

/// An event source mapping to be.
#[must_use = "a specification does nothing until its function is seeded"]
#[derive(Clone, Debug)]
pub struct MappingSpec {
    source: Source,
    enabled: bool,
    qualifier: Option<String>,
}

#[derive(Clone, Debug)]
enum Source {
    Sqs(String),
    Kinesis(String),
    DynamoDb(String),
    Arn(String),
    SelfManagedKafka(String),
}

impl FunctionSpec {
    /// A function with nothing special about it: timeout 3 s, reserved concurrency unset.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            timeout: 3,
            dead_letter: None,
            tags: BTreeMap::new(),
            reserved: None,
            versions: 0,
            aliases: BTreeMap::new(),
            provisioned: BTreeMap::new(),
            mappings: Vec::new(),
            invoked_by: Vec::new(),
        }
    }

    /// Its timeout in seconds.
    pub fn timeout(mut self, seconds: u32) -> Self {
        self.timeout = seconds;
        self
    }

    /// The ARN of its dead-letter queue or topic.
    pub fn dead_letter(mut self, arn: &str) -> Self {
        self.dead_letter = Some(arn.to_owned());
        self
    }

    /// A tag.
    pub fn tag(mut self, key: &str, value: &str) -> Self {
        self.tags.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Its reserved concurrency. Unset unless this is called; zero is not unset.
    pub fn reserved(mut self, limit: u32) -> Self {
        self.reserved = Some(limit);
        self
    }

    /// How many versions are published: 1 to this.
    pub fn versions(mut self, count: u64) -> Self {
        self.versions = self.versions.max(count);
        self
    }

    /// An alias of a version, which is published if it is not yet.
    pub fn alias(mut self, name: &str, version: u64) -> Self {
        self.aliases.insert(name.to_owned(), version);
        self.versions(version)
    }

    /// A service that its resource policy lets invoke it, by its principal: `s3.amazonaws.com`.
    pub fn invoked_by(mut self, principal: &str) -> Self {
        self.invoked_by.push(principal.to_owned());
        self
    }

    /// Provisioned concurrency on an alias or a version; a version is published if it is not yet.
    pub fn provisioned(mut self, qualifier: &str, count: u32) -> Self {
        self.provisioned.insert(qualifier.to_owned(), count);
        match qualifier.parse() {
            Ok(version) => self.versions(version),
            Err(_) => self,
        }
    }

    /// An event source.
    pub fn mapping(mut self, mapping: MappingSpec) -> Self {
        self.mappings.push(mapping);
        self
    }
}

impl MappingSpec {
    fn new(source: Source) -> Self {
        Self {
            source,
            enabled: true,
            qualifier: None,
        }
    }

    /// A queue of this account, by its name.
    pub fn sqs(queue: &str) -> Self {
        Self::new(Source::Sqs(queue.to_owned()))
    }

    /// A Kinesis stream of this account, by its name.
    pub fn kinesis(stream: &str) -> Self {
        Self::new(Source::Kinesis(stream.to_owned()))
    }

    /// The stream of a DynamoDB table of this account, by the table's name.
    pub fn dynamodb(table: &str) -> Self {
        Self::new(Source::DynamoDb(table.to_owned()))
    }

    /// Any event source, by its ARN.
    pub fn arn(arn: &str) -> Self {
        Self::new(Source::Arn(arn.to_owned()))
    }

    /// A topic of a Kafka cluster that AWS does not manage. Its mapping has no `EventSourceArn`.
    pub fn self_managed_kafka(topic: &str) -> Self {
        Self::new(Source::SelfManagedKafka(topic.to_owned()))
    }

    /// Disabled, instead of enabled.
    pub fn disabled(mut self) -> Self {
        self.enabled = false;
        self
    }

    /// To an alias or a version of the function, instead of the function itself.
    pub fn qualifier(mut self, qualifier: &str) -> Self {
        self.qualifier = Some(qualifier.to_owned());
        self
    }

    fn source_arn(&self, settings: &Settings) -> Option<String> {
        let at = |service: &str, rest: &str| {
            format!(
                "arn:aws:{service}:{}:{}:{rest}",
                settings.region, settings.account
            )
        };
        let arn = match &self.source {
            Source::SelfManagedKafka(_) => return None,
            Source::Sqs(queue) => at("sqs", queue),
            Source::Kinesis(stream) => at("kinesis", &format!("stream/{stream}")),
            Source::DynamoDb(table) => at(
                "dynamodb",
                &format!("table/{table}/stream/2026-01-01T00:00:00.000"),
            ),
            Source::Arn(arn) => arn.clone(),
        };
        Some(arn)
    }

    /// What stands in a mapping beside its source.
    fn settings(&self) -> Map<String, Value> {
        let Source::SelfManagedKafka(topic) = &self.source else {
            return Map::new();
        };
        let endpoints = json!({ "KAFKA_BOOTSTRAP_SERVERS": ["kafka.example.com:9096"] });
        let secret = "arn:aws:secretsmanager:us-east-1:123456789012:secret:kafka";
        Map::from_iter([
            ("Topics".to_owned(), json!([topic])),
            (
                "SelfManagedEventSource".to_owned(),
                json!({ "Endpoints": endpoints }),
            ),
            (
                "SourceAccessConfigurations".to_owned(),
                json!([{ "Type": "SASL_SCRAM_512_AUTH", "URI": secret }]),
            ),
        ])
    }
}

impl Sandbox {
    /// Puts a function in place, or another in its stead. Returns the UUIDs of its mappings, in the
    /// order they were given.
    pub fn seed(&self, spec: FunctionSpec) -> Vec<String> {
        self.world().with_context(|_, lambda, context| {
            let name = spec.name.clone();
            // The mappings of the one whose place it takes go with it.
            lambda.mappings.retain(|_, mapping| {
                FunctionRef::parse(&mapping.function_arn, context.settings)
                    .is_ok_and(|owner| owner.name != name)
            });
            let function = spec.function(context.settings, context.now);
            lambda.functions.insert(name.clone(), function);
            let mappings = spec.mappings.iter();
            mappings
                .map(|mapping| {
                    let uuid = lambda.uuid();
                    let at_rest = Mapping {
                        uuid: uuid.clone(),
                        source_arn: mapping.source_arn(context.settings),
                        function_arn: function_arn(
                            context.settings,
                            &name,
                            mapping.qualifier.as_deref(),
                        ),
                        enabled: mapping.enabled,
                        change: None,
                        modified: context.now,
                        settings: mapping.settings(),
                    };
                    lambda.mappings.insert(uuid.clone(), at_rest);
                    uuid
                })
                .collect()
        })
    }
}

impl FunctionSpec {
    fn function(&self, settings: &Settings, now: Timestamp) -> Function {
        let latest = Configuration {
            timeout: self.timeout,
            dead_letter: self.dead_letter.clone(),
            modified: now,
        };
        let mut function = Function::new(&self.name, latest);
        function.tags.clone_from(&self.tags);
        function.reserved = self.reserved;
        for _ in 0..self.versions {
            function.publish();
        }
        for (alias, version) in &self.aliases {
            let alias_of = Alias {
                version: version.to_string(),
                routing: None,
            };
            function.aliases.insert(alias.clone(), alias_of);
        }
        for principal in &self.invoked_by {
            function.allow(settings, None, principal);
        }
        for (qualifier, count) in &self.provisioned {
            let ready = Provisioned::ready(*count, now);
            function.provisioned.insert(qualifier.clone(), ready);
        }
        function
    }
}
