//! The gate's settings in the environment: the same variables that the operator's command reads, and
//! a few of its own.

use std::time::Duration;

use crate::build_error::BuildError;
use crate::builder::{Builder, IN_LAMBDA};
use crate::decision::OnUnknown;
use crate::source::FlagSource;

impl Builder {
    /// Takes what the environment sets; an empty variable is not set.
    ///
    /// | variable | means |
    /// |---|---|
    /// | `MAINTENANCE_APP`, `MAINTENANCE_ENV` | the app: `demo` and `dev` for `demo-dev` |
    /// | `MAINTENANCE_ROLE` | the role; `web` unless set |
    /// | `MAINTENANCE_PREFIX` | where all parameters live; `/maintenance` unless set |
    /// | `MAINTENANCE_STORE` | `ssm` (unless a source is set in code), `extension` or `file:PATH` |
    /// | `MAINTENANCE_TTL` | the TTL in whole seconds, 0 to 3600 |
    /// | `MAINTENANCE_BUDGET_MS` | how long a request waits for a refresh, in milliseconds, 0 to 10000 |
    /// | `MAINTENANCE_ON_UNKNOWN` | `pass` or `block` |
    /// | `MAINTENANCE_TRUSTED_PROXIES` | [how many proxies](Self::trusted_proxies) may be believed, 0 to 255 |
    /// | `MAINTENANCE_NEGOTIATE` | `1`: [each client gets the form it prefers](Self::negotiate) |
    ///
    /// The store `ssm` is read by `SsmSource` (feature `ssm`) if credentials and region are in the
    /// environment, as they are in Lambda, else by `SdkSource` (`ssm-sdk`), as far as the binary was
    /// built with them. `extension` is `ExtensionSource`.
    pub fn from_env(self) -> Self {
        self.from_vars(|name| {
            std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
        })
    }

    /// As [`from_env`](Self::from_env), from any place that has such variables.
    pub fn from_vars(self, var: impl Fn(&str) -> Option<String>) -> Self {
        self.take_vars(&|name| var(name).filter(|value| !value.is_empty()))
    }

    /// By a pointer: to read a variable is compiled once, and not for each of them.
    fn take_vars(mut self, var: &dyn Fn(&str) -> Option<String>) -> Self {
        self.app = var("MAINTENANCE_APP").or(self.app);
        self.env = var("MAINTENANCE_ENV").or(self.env);
        self.role = var("MAINTENANCE_ROLE").or(self.role);
        self.prefix = var("MAINTENANCE_PREFIX").or(self.prefix);
        if let Some(value) = var("MAINTENANCE_TTL") {
            match value.parse() {
                Ok(seconds) => self.ttl = Duration::from_secs(seconds),
                Err(_) => self.is_wrong(is_not_valid(
                    "MAINTENANCE_TTL",
                    &value,
                    "it must be a whole number of seconds",
                    "Set it to a number from 0 to 3600, or unset it for 5",
                )),
            }
        }
        if let Some(value) = var("MAINTENANCE_BUDGET_MS") {
            match value.parse() {
                Ok(millis) => self.budget = Duration::from_millis(millis),
                Err(_) => self.is_wrong(is_not_valid(
                    "MAINTENANCE_BUDGET_MS",
                    &value,
                    "it must be a whole number of milliseconds",
                    "Set it to a number from 0 to 10000, or unset it for 250",
                )),
            }
        }
        if let Some(value) = var("MAINTENANCE_ON_UNKNOWN") {
            match value.as_str() {
                "pass" => self.on_unknown = OnUnknown::Pass,
                "block" => self.on_unknown = OnUnknown::Block,
                _ => self.is_wrong(is_not_valid(
                    "MAINTENANCE_ON_UNKNOWN",
                    &value,
                    "it must be `pass` or `block`",
                    "Set it to one of them, or unset it for `pass`",
                )),
            }
        }
        if let Some(value) = var("MAINTENANCE_TRUSTED_PROXIES") {
            match value.parse() {
                Ok(proxies) => self.trusted_proxies = proxies,
                Err(_) => self.is_wrong(is_not_valid(
                    "MAINTENANCE_TRUSTED_PROXIES",
                    &value,
                    "it must be a whole number of proxies",
                    "Set it to a number from 0 to 255, or unset it for 0",
                )),
            }
        }
        if let Some(value) = var("MAINTENANCE_NEGOTIATE") {
            match value.as_str() {
                "1" | "true" => self.negotiate = true,
                "0" | "false" => self.negotiate = false,
                _ => self.is_wrong(is_not_valid(
                    "MAINTENANCE_NEGOTIATE",
                    &value,
                    "it must be `1` or `0`",
                    "Set it to one of them, or unset it for `0`",
                )),
            }
        }
        self.in_lambda = Some(var(IN_LAMBDA).is_some());
        match var("MAINTENANCE_STORE") {
            Some(store) => match named_source(&store) {
                Ok(source) => self.source = Some(source),
                Err(error) => self.is_wrong(error),
            },
            None if self.source.is_none() => self.source = named_source("ssm").ok(),
            None => {}
        }
        self
    }
}

#[cold]
fn is_not_valid(variable: &str, value: &str, must: &'static str, hint: &'static str) -> BuildError {
    BuildError::new(format!("{variable} {value:?} is not valid"), must, hint)
}

/// The source that `MAINTENANCE_STORE` names.
fn named_source(store: &str) -> Result<Box<dyn FlagSource>, BuildError> {
    let (kind, path) = match store.split_once(':') {
        None => (store, None),
        Some((kind, path)) => (kind, Some(path)),
    };
    match (kind, path) {
        #[cfg(any(feature = "ssm", feature = "ssm-sdk"))]
        ("ssm", None) => Ok(parameter_store()),
        #[cfg(feature = "extension")]
        ("extension", None) => Ok(Box::new(crate::source::ExtensionSource::from_env())),
        #[cfg(feature = "file")]
        ("file", Some(path)) if !path.is_empty() => {
            Ok(Box::new(crate::source::FileSource::new(path)))
        }
        #[cfg(not(any(feature = "ssm", feature = "ssm-sdk")))]
        ("ssm", None) => Err(is_not_built_in(store, kind)),
        #[cfg(not(feature = "extension"))]
        ("extension", None) => Err(is_not_built_in(store, kind)),
        #[cfg(not(feature = "file"))]
        ("file", Some(_)) => Err(is_not_built_in(store, kind)),
        _ => Err(is_not_valid(
            "MAINTENANCE_STORE",
            store,
            "it must be `ssm`, `extension`, or `file:` and a path",
            "Set it to the store that the operator's commands use",
        )),
    }
}

/// Parameter Store, by the lighter of the sources that this binary was built with: the SDK is for
/// credentials that are not in the environment.
#[cfg(all(feature = "ssm", feature = "ssm-sdk"))]
fn parameter_store() -> Box<dyn FlagSource> {
    let light = crate::source::SsmSource::from_env();
    if light.is_configured() {
        Box::new(light)
    } else {
        Box::new(crate::source::SdkSource::from_env())
    }
}

#[cfg(all(feature = "ssm", not(feature = "ssm-sdk")))]
fn parameter_store() -> Box<dyn FlagSource> {
    Box::new(crate::source::SsmSource::from_env())
}

#[cfg(all(feature = "ssm-sdk", not(feature = "ssm")))]
fn parameter_store() -> Box<dyn FlagSource> {
    Box::new(crate::source::SdkSource::from_env())
}

#[cfg(not(all(
    any(feature = "ssm", feature = "ssm-sdk"),
    feature = "extension",
    feature = "file"
)))]
fn is_not_built_in(store: &str, kind: &str) -> BuildError {
    BuildError::new(
        format!("MAINTENANCE_STORE {store:?} cannot be used"),
        format!("this binary was built without the `{kind}` source"),
        format!("Enable the feature `{kind}` of maintenance-gate"),
    )
}
