//! Seeding: functions put in place without a call.

use serde_json::{Map, Value, json};

use crate::lambda::{Alias, Function, FunctionRef, Mapping, Provisioned, function_arn};
use crate::sandbox::Sandbox;
use crate::settings::Settings;
use crate::state::State;

/// A function to seed. Its provisioned concurrency is ready, its mappings are stable. Limits are not checked.
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
    /// Its versions and its policy are added when it is seeded.
    function: Function,
    versions: u64,
    mappings: Vec<MappingSpec>,
    invoked_by: Vec<String>,
}

/// An event source mapping to seed.
#[must_use = "a specification does nothing until its function is seeded"]
#[derive(Clone, Debug)]
pub struct MappingSpec {
    source: Source,
    enabled: bool,
    qualifier: Option<String>,
}

#[derive(Clone, Debug)]
enum Source {
    /// In this account, by service and resource.
    Own(&'static str, String),
    Arn(String),
    SelfManagedKafka(String),
}

impl FunctionSpec {
    /// A function with the defaults: timeout 3 s, reserved concurrency unset.
    pub fn new(name: &str) -> Self {
        Self {
            function: Function::new(name),
            versions: 0,
            mappings: Vec::new(),
            invoked_by: Vec::new(),
        }
    }

    /// Its timeout in seconds.
    pub fn timeout(mut self, seconds: u32) -> Self {
        self.function.latest.timeout = seconds;
        self
    }

    /// The ARN of its dead-letter queue or topic.
    pub fn dead_letter(mut self, arn: &str) -> Self {
        self.function.latest.dead_letter = Some(arn.to_owned());
        self
    }

    /// A variable of its environment.
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        let variables = &mut self.function.latest.variables;
        variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// A tag.
    pub fn tag(mut self, key: &str, value: &str) -> Self {
        self.function.tags.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Its reserved concurrency. The default is unset, which differs from 0.
    pub fn reserved(mut self, limit: u32) -> Self {
        self.function.reserved = Some(limit);
        self
    }

    /// How many versions are published: 1 to this.
    pub fn versions(mut self, count: u64) -> Self {
        self.versions = self.versions.max(count);
        self
    }

    /// An alias of a version, which it publishes if needed.
    pub fn alias(mut self, name: &str, version: u64) -> Self {
        let alias = Alias {
            version: version.to_string(),
            routing: None,
        };
        self.function.aliases.insert(name.to_owned(), alias);
        self.versions(version)
    }

    /// A service that its resource policy allows to invoke it, by its principal: `s3.amazonaws.com`.
    pub fn invoked_by(mut self, principal: &str) -> Self {
        self.invoked_by.push(principal.to_owned());
        self
    }

    /// Provisioned concurrency on an alias or a version, which it publishes if needed.
    pub fn provisioned(mut self, qualifier: &str, count: u32) -> Self {
        let ready = Provisioned::ready(count, self.function.latest.modified);
        self.function
            .provisioned
            .insert(qualifier.to_owned(), ready);
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

    fn function(self, settings: &Settings) -> Function {
        let now = settings.clock.now();
        let mut function = self.function;
        function.latest.modified = now;
        for provisioned in function.provisioned.values_mut() {
            *provisioned = Provisioned::ready(provisioned.requested, now);
        }
        for _ in 0..self.versions {
            function.publish();
        }
        for principal in &self.invoked_by {
            function.allow(settings, None, principal);
        }
        function
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
        Self::new(Source::Own("sqs", queue.to_owned()))
    }

    /// A Kinesis stream of this account, by its name.
    pub fn kinesis(stream: &str) -> Self {
        Self::new(Source::Own("kinesis", format!("stream/{stream}")))
    }

    /// The stream of a DynamoDB table of this account, by the table's name.
    pub fn dynamodb(table: &str) -> Self {
        let stream = format!("table/{table}/stream/2026-01-01T00:00:00.000");
        Self::new(Source::Own("dynamodb", stream))
    }

    /// Any event source, by its ARN.
    pub fn arn(arn: &str) -> Self {
        Self::new(Source::Arn(arn.to_owned()))
    }

    /// A topic of a self-managed Kafka cluster. Its mapping has no `EventSourceArn`.
    pub fn self_managed_kafka(topic: &str) -> Self {
        Self::new(Source::SelfManagedKafka(topic.to_owned()))
    }

    /// Disabled, instead of enabled.
    pub fn disabled(mut self) -> Self {
        self.enabled = false;
        self
    }

    /// Invokes an alias or a version instead of the function itself.
    pub fn qualifier(mut self, qualifier: &str) -> Self {
        self.qualifier = Some(qualifier.to_owned());
        self
    }

    fn mapping(self, uuid: String, function: &str, settings: &Settings) -> Mapping {
        let mut others = Map::new();
        let source_arn = match self.source {
            Source::Own(service, resource) => Some(format!(
                "arn:aws:{service}:{}:{}:{resource}",
                settings.region, settings.account
            )),
            Source::Arn(arn) => Some(arn),
            Source::SelfManagedKafka(topic) => {
                others.insert("Topics".to_owned(), json!([topic]));
                let servers = json!({ "KAFKA_BOOTSTRAP_SERVERS": ["kafka.example.com:9096"] });
                let cluster: Value = json!({ "Endpoints": servers });
                others.insert("SelfManagedEventSource".to_owned(), cluster);
                None
            }
        };
        Mapping {
            uuid,
            source_arn,
            function_arn: function_arn(settings, function, self.qualifier.as_deref()),
            enabled: self.enabled,
            change: None,
            modified: settings.clock.now(),
            settings: others,
        }
    }
}

impl Sandbox {
    /// Adds a function, or replaces it with its mappings. Returns the UUIDs of its mappings, in order.
    pub fn seed(&self, mut spec: FunctionSpec) -> Vec<String> {
        let mut state = self.state();
        let State {
            lambda, settings, ..
        } = &mut *state;
        let name = spec.function.name.clone();
        // A function that is replaced loses its mappings.
        lambda.mappings.retain(|_, mapping| {
            let owner = FunctionRef::parse(&mapping.function_arn, settings);
            owner.is_ok_and(|owner| owner.name != name)
        });
        let mappings = std::mem::take(&mut spec.mappings).into_iter();
        let uuids = mappings.map(|spec| {
            let uuid = lambda.uuid();
            let mapping = spec.mapping(uuid.clone(), &name, settings);
            lambda.mappings.insert(uuid.clone(), mapping);
            uuid
        });
        let uuids = uuids.collect();
        let function = spec.function(settings);
        lambda.functions.insert(name, function);
        uuids
    }
}
