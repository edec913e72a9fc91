//! The environment of the process, read once: variables, the working directory, who runs it where.
//!
//! Everything else takes it as a value, so that a test can make one up.

use std::collections::BTreeMap;
use std::path::PathBuf;

use maintenance_control::limits::{self, is_unprintable};
use maintenance_flag::{MAX_NAME_BYTES, stored_bytes};

use crate::error::CliError;

use crate::source::{Source, Sourced};

/// The environment of the process.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment {
    /// Variables that are valid UTF-8.
    pub(crate) variables: BTreeMap<String, String>,
    /// Names of variables of ours that are not.
    pub(crate) unreadable: Vec<String>,
    /// The working directory.
    pub(crate) dir: PathBuf,
    /// The host's name.
    pub(crate) host: Option<String>,
}

impl Environment {
    /// Those of this process.
    pub(crate) fn read() -> Self {
        // Empty if it was deleted: relative paths are not found, and nothing else needs it.
        let dir = std::env::current_dir().unwrap_or_default();
        let mut variables = BTreeMap::new();
        let mut unreadable = Vec::new();
        for (name, value) in std::env::vars_os() {
            let Ok(name) = name.into_string() else {
                continue;
            };
            match value.into_string() {
                Ok(value) => {
                    variables.insert(name, value);
                }
                Err(_) => unreadable.push(name),
            }
        }
        let host = whoami::hostname().ok().filter(|name| !name.is_empty());
        Self {
            variables,
            unreadable,
            dir,
            host,
        }
    }

    /// One of our variables. One that is set but empty is unset, as for the AWS CLI and its SDKs.
    pub(crate) fn ours(&self, name: &'static str) -> Result<Option<Sourced<String>>, CliError> {
        if self.unreadable.iter().any(|it| it == name) {
            return Err(CliError::usage(format!("{name} cannot be used"))
                .cause("it is not UTF-8")
                .hint(format!("unset {name}, or set it again")));
        }
        Ok(self.theirs(name))
    }

    /// A variable of another program, which is not refused for not being UTF-8.
    pub(crate) fn theirs(&self, name: &'static str) -> Option<Sourced<String>> {
        let value = self.variables.get(name).filter(|value| !value.is_empty())?;
        Some(Sourced::new(
            value.clone(),
            Source::Variable(name.to_owned()),
        ))
    }

    /// Who runs this, for the record: `ana@laptop`.
    pub(crate) fn by(&self) -> Result<Sourced<String>, CliError> {
        if let Some(by) = self.ours("MAINTENANCE_BY")? {
            return by.try_map(|by, from| {
                let refuse = || CliError::usage(format!("{from} cannot be used"));
                if let Err(broken) = limits::check_line(&by) {
                    return Err(refuse()
                        .cause(format!("it {broken}"))
                        .hint(format!("unset {from}, or leave them out of it")));
                }
                match stored_bytes(&by) {
                    ..=MAX_NAME_BYTES => Ok(by),
                    bytes => Err(refuse()
                        .too_many_bytes(bytes, MAX_NAME_BYTES)
                        .hint(format!("unset {from}, or shorten it"))),
                }
            });
        }
        // The system set these: one that cannot be printed is no reason to fail.
        let shown = |text: &str| text.replace(is_unprintable, "");
        let user = ["USER", "LOGNAME", "USERNAME"]
            .into_iter()
            .find_map(|name| self.theirs(name));
        // In containers, CI and cron these are not set.
        let user = user.map(|user| user.value);
        let user = user.or_else(|| whoami::username().ok());
        let user = user.unwrap_or_else(|| "unknown".to_owned());
        let mut user: String = shown(&user).chars().take(MAX_NAME_BYTES).collect();
        let host = shown(self.host.as_deref().unwrap_or("unknown"));
        // Nor is it that it is longer than the record has room for.
        while stored_bytes(&user) + stored_bytes(&host) >= MAX_NAME_BYTES && user.pop().is_some() {}
        let source = Source::Default("the user and the host's name");
        Ok(Sourced::new(format!("{user}@{host}"), source))
    }
}
