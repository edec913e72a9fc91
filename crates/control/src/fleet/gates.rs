//! Which functions have a gate of an app, by the variables of their environment. Reads only.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use aws_sdk_lambda::types::FunctionConfiguration;
use maintenance_flag::App;

use super::{Fleet, LambdaError, seconds};
use crate::aws::{CallError, required};

/// What the variables of a gate begin with.
const PREFIX: &str = "MAINTENANCE_";
/// How long the Parameters and Secrets extension relies on a parameter, seconds.
const EXTENSION_TTL: &str = "SSM_PARAMETER_STORE_TTL";

/// A function whose environment names an app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GateFunction {
    pub(crate) name: String,
    pub(crate) timeout: Duration,
    /// The variables that a gate reads, and no others. An empty one is not set.
    variables: BTreeMap<String, String>,
}

/// The functions whose environment names an app.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct GateFunctions {
    pub(crate) found: Vec<GateFunction>,
    /// Functions whose environment AWS does not show to this caller.
    pub(crate) hidden: BTreeSet<String>,
}

impl GateFunction {
    /// A variable, if it is set.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// How long its gate relies on a flag. As an error, the variable that cannot be read, and its value.
    pub(crate) fn ttl(&self) -> Result<Duration, (&'static str, &str)> {
        let read = |name: &'static str, unless_set, most| match self.variable(name) {
            None => Ok(Duration::from_secs(unless_set)),
            Some(text) => match text.parse() {
                Ok(seconds) if seconds <= most => Ok(Duration::from_secs(seconds)),
                _ => Err((name, text)),
            },
        };
        let own = read("MAINTENANCE_TTL", 5, 3_600)?;
        // The extension keeps a parameter as long again.
        match self.variable("MAINTENANCE_STORE") {
            Some("extension") => Ok(own + read(EXTENSION_TTL, 300, 300)?),
            _ => Ok(own),
        }
    }

    fn is_of(&self, app: &App) -> bool {
        self.variable("MAINTENANCE_APP") == Some(app.name())
            && self.variable("MAINTENANCE_ENV") == Some(app.env())
    }
}

/// A function, if its environment names this app.
enum Looked {
    Gate(GateFunction),
    Hidden(String),
}

impl Looked {
    fn at(listed: FunctionConfiguration, app: &App) -> Result<Option<Self>, CallError> {
        let name = required(listed.function_name, "FunctionName")?;
        let Some(environment) = listed.environment else {
            return Ok(None);
        };
        if environment.error.is_some() {
            return Ok(Some(Self::Hidden(name)));
        }
        let variables = environment.variables.unwrap_or_default().into_iter();
        let is_read = |name: &str| name.starts_with(PREFIX) || name == EXTENSION_TTL;
        let function = GateFunction {
            timeout: Duration::from_secs(seconds(listed.timeout)?.into()),
            name,
            variables: variables
                .filter(|(name, value)| is_read(name) && !value.is_empty())
                .collect(),
        };
        Ok(Some(function).filter(|it| it.is_of(app)).map(Self::Gate))
    }
}

impl Fleet {
    /// The functions whose environment names this app. A gate that is configured in code is not among them.
    pub(crate) async fn gates(&self, app: &App) -> Result<GateFunctions, LambdaError> {
        let call = self.call("lambda:ListFunctions", "all functions", None);
        let listed = call.read_pages(async |marker| {
            let page = self.client.list_functions().set_marker(marker).send();
            let page = page.await?;
            let functions = required(page.functions, "Functions")?.into_iter();
            let looked = functions.filter_map(|it| Looked::at(it, app).transpose());
            Ok((looked.collect::<Result<_, _>>()?, page.next_marker))
        });
        let mut gates = GateFunctions::default();
        for looked in listed.await? {
            match looked {
                Looked::Gate(function) => gates.found.push(function),
                Looked::Hidden(name) => drop(gates.hidden.insert(name)),
            }
        }
        Ok(gates)
    }
}
