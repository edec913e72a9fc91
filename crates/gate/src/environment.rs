//! Reads the gate's settings from the environment: the variables of the operator's command, and
//! a few of the gate's own.

use std::time::Duration;

use crate::core::{BuildError, Builder, IN_LAMBDA};
use crate::policy::OnUnknown;
use crate::source::FlagSource;

/// Reads a variable; `None` if it is unset or empty.
type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Builder {
    /// Reads the settings from the environment; an empty variable counts as unset.
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
    /// | `MAINTENANCE_TRUSTED_PROXIES` | [how many proxies](Self::trusted_proxies) are trusted, 0 to 255 |
    /// | `MAINTENANCE_NEGOTIATE` | `1`: [each client gets the media type that it prefers](Self::negotiate) |
    ///
    /// For the store `ssm` the gate uses `SsmSource` (feature `ssm`) if the environment has what that needs, as
    /// Lambda's has, else `SdkSource` (feature `ssm-sdk`), if the binary was built with them. For `extension` it uses
    /// `ExtensionSource`.
    pub fn from_env(self) -> Self {
        self.from_vars(|name| {
            std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
        })
    }

    /// Like [`from_env`](Self::from_env), but reads the variables with `var`.
    pub fn from_vars(self, var: impl Fn(&str) -> Option<String>) -> Self {
        self.take_vars(&|name| var(name).filter(|value| !value.is_empty()))
    }

    /// Takes a pointer, so that this function is compiled once.
    fn take_vars(mut self, var: Lookup<'_>) -> Self {
        self.app = var("MAINTENANCE_APP").or(self.app);
        self.env = var("MAINTENANCE_ENV").or(self.env);
        self.role = var("MAINTENANCE_ROLE").or(self.role);
        self.prefix = var("MAINTENANCE_PREFIX").or(self.prefix);
        self.in_lambda = Some(var(IN_LAMBDA).is_some());
        let must = "a whole number of seconds from 0 to 3600; 5 if it is unset";
        let ttl = self.parsed(var, "MAINTENANCE_TTL", must, |value| value.parse().ok());
        self.ttl = ttl.map(Duration::from_secs).or(self.ttl);
        let must = "a whole number of milliseconds from 0 to 10000; 250 if it is unset";
        let budget = self.parsed(var, "MAINTENANCE_BUDGET_MS", must, |value| {
            value.parse().ok()
        });
        self.budget = budget.map(Duration::from_millis).or(self.budget);
        let must = "`pass` or `block`; `pass` if it is unset";
        let on_unknown = self.parsed(var, "MAINTENANCE_ON_UNKNOWN", must, |value| match value {
            "pass" => Some(OnUnknown::Pass),
            "block" => Some(OnUnknown::Block),
            _ => None,
        });
        self.on_unknown = on_unknown.unwrap_or(self.on_unknown);
        let must = "a number from 0 to 255; 0 if it is unset";
        let proxies = self.parsed(var, "MAINTENANCE_TRUSTED_PROXIES", must, |value| {
            value.parse().ok()
        });
        self.trusted_proxies = proxies.unwrap_or(self.trusted_proxies);
        let must = "`1` or `0`; `0` if it is unset";
        let negotiate = self.parsed(var, "MAINTENANCE_NEGOTIATE", must, |value| match value {
            "1" | "true" => Some(true),
            "0" | "false" => Some(false),
            _ => None,
        });
        self.negotiate = negotiate.unwrap_or(self.negotiate);
        match var("MAINTENANCE_STORE") {
            Some(store) => match named_source(&store) {
                Ok(source) => self.source = Some(source),
                Err(error) => self.record_error(error),
            },
            None if self.source.is_none() => self.source = named_source("ssm").ok(),
            None => {}
        }
        self
    }

    /// Parses a variable with `read`. Records an error if `read` returns `None`.
    fn parsed<T>(
        &mut self,
        var: Lookup<'_>,
        name: &str,
        must: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let value = var(name)?;
        let read = read(&value);
        if read.is_none() {
            self.record_error(invalid_value(name, &value, must));
        }
        read
    }
}

#[cold]
fn invalid_value(variable: &str, value: &str, must: &str) -> BuildError {
    BuildError::new(
        format!("{variable} {value:?} is not valid"),
        format!("it must be {must}"),
        format!("Correct {variable}, or unset it"),
    )
}

/// Creates the source that `MAINTENANCE_STORE` names.
#[cfg_attr(
    any(
        feature = "ssm",
        feature = "ssm-sdk",
        feature = "extension",
        feature = "file"
    ),
    expect(unreachable_patterns, reason = "of a source that is built in")
)]
fn named_source(store: &str) -> Result<Box<dyn FlagSource>, BuildError> {
    let (kind, path) = match store.split_once(':') {
        None => (store, None),
        Some((kind, path)) => (kind, Some(path)),
    };
    match (kind, path) {
        #[cfg(feature = "ssm")]
        ("ssm", None) => Ok(parameter_store()),
        #[cfg(all(feature = "ssm-sdk", not(feature = "ssm")))]
        ("ssm", None) => Ok(Box::new(crate::source::SdkSource::from_env())),
        #[cfg(feature = "extension")]
        ("extension", None) => Ok(Box::new(crate::source::ExtensionSource::from_env())),
        ("file", Some("")) => Err(unknown_store(store)),
        #[cfg(feature = "file")]
        ("file", Some(path)) => Ok(Box::new(crate::source::FileSource::new(path))),
        ("ssm" | "extension", None) | ("file", Some(_)) => Err(BuildError::new(
            format!("MAINTENANCE_STORE {store:?} cannot be used"),
            format!("this binary was built without the `{kind}` source"),
            format!("Enable the feature `{kind}` of maintenance-gate"),
        )),
        _ => Err(unknown_store(store)),
    }
}

fn unknown_store(store: &str) -> BuildError {
    let must = "`ssm`, `extension`, or `file:` and a path, as for the operator's commands";
    invalid_value("MAINTENANCE_STORE", store, must)
}

/// Creates the source for Parameter Store: `SsmSource` if the environment has what that needs, else `SdkSource` if
/// this binary was built with it.
#[cfg(feature = "ssm")]
fn parameter_store() -> Box<dyn FlagSource> {
    let light = crate::source::SsmSource::from_env();
    #[cfg(feature = "ssm-sdk")]
    if light.validate().is_err() {
        return Box::new(crate::source::SdkSource::from_env());
    }
    Box::new(light)
}
