//! What the configuration file says of a role's windows. It counts when one opens, where the command
//! does not say otherwise; a window that is open keeps what it has.

use maintenance_flag::{AddressRange, Change, Options, PathPattern};

use crate::failure::Failure;

use super::rules;
use crate::settings::reader::Table;
use crate::settings::source::Sourced;

/// The keys of a `[roles.<name>]` table that are about its windows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Standing {
    pub(crate) message: Option<Sourced<String>>,
    pub(crate) url: Option<Sourced<String>>,
    pub(crate) allow_ip: Option<Sourced<Vec<AddressRange>>>,
    pub(crate) allow_path: Option<Sourced<Vec<PathPattern>>>,
}

impl Standing {
    /// What they are called.
    pub(crate) const KEYS: &[&str] = &["message", "url", "allow_ip", "allow_path"];

    /// Reads them from a role's table.
    pub(in crate::settings) fn read(role: &Table<'_, '_>) -> Result<Self, Failure> {
        Ok(Self {
            message: one(role, "message", rules::message)?,
            url: one(role, "url", rules::url)?,
            allow_ip: each(role, "allow_ip", rules::address)?,
            allow_path: each(role, "allow_path", rules::path)?,
        })
    }

    /// As the control plane takes them.
    pub(crate) fn options(&self) -> Options {
        Options {
            message: change(self.message.as_ref()),
            addresses: change(self.allow_ip.as_ref()),
            paths: change(self.allow_path.as_ref()),
            ..Options::default()
        }
    }
}

fn one<T>(
    role: &Table<'_, '_>,
    key: &str,
    rule: fn(&str) -> Result<T, String>,
) -> Result<Option<Sourced<T>>, Failure> {
    let text = role.text(key)?;
    text.map(|text| text.try_map(|text, _| rule(&text).map_err(|broken| role.refuse(key, &broken))))
        .transpose()
}

fn each<T>(
    role: &Table<'_, '_>,
    key: &str,
    rule: fn(&str) -> Result<T, String>,
) -> Result<Option<Sourced<Vec<T>>>, Failure> {
    let texts = role.texts(key)?;
    texts
        .map(|texts| {
            texts.try_map(|texts, _| {
                let rule = |text: &String| rule(text).map_err(|broken| role.refuse(key, &broken));
                texts.iter().map(rule).collect::<Result<Vec<T>, Failure>>()
            })
        })
        .transpose()
}

fn change<T: Clone>(value: Option<&Sourced<T>>) -> Change<T> {
    match value {
        Some(value) => Change::Set(value.value.clone()),
        None => Change::Keep,
    }
}
