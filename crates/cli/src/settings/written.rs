//! The line of each key of a file, and its value as written.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use serde_json::Value;
use toml::de::{DeTable, Error};

use super::variables::Template;
use crate::error::CliError;
use crate::source::{Source, Sourced};

/// The keys of a file as they are written.
#[derive(Debug, Clone)]
pub(super) struct Written {
    pub(super) path: PathBuf,
    pub(super) values: Value,
    /// The line of each key: `roles.worker.functions`, `windows.0.cron`.
    lines: BTreeMap<String, usize>,
}

impl Written {
    /// Those of this text, which is read as `table`.
    pub(super) fn new(path: &Path, text: &str, table: &DeTable<'_>) -> Result<Self, Error> {
        let mut lines = BTreeMap::new();
        note_lines(table, "", text, &mut lines);
        Ok(Self {
            path: path.to_owned(),
            values: toml::from_str(text)?,
            lines,
        })
    }

    /// The error that the value of a key breaks a rule.
    pub(super) fn refuse(&self, key: &str, rule: &str) -> CliError {
        cannot_use(&self.path, self.line(key), &format!("{key}: {rule}"))
    }

    pub(super) fn line(&self, key: &str) -> usize {
        self.lines.get(key).copied().unwrap_or(1)
    }

    /// Where the value of this key is.
    pub(super) fn source(&self, key: &str) -> Source {
        Source::File {
            path: self.path.clone(),
            line: self.line(key),
        }
    }

    /// The keys of the table that is called so, `roles.worker` or `windows.0`, in the order of the lines.
    pub(super) fn keys(&self, table: &str) -> Vec<(String, Sourced<Value>)> {
        let values = self
            .values
            .pointer(&format!("/{}", table.replace('.', "/")));
        let place = |key: &str| format!("{table}.{key}");
        let mut values: Vec<_> = values
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .collect();
        values.sort_by_key(|(key, _)| self.line(&place(key)));
        let sourced = |(key, value): (&String, &Value)| {
            let value = Sourced::new(value.clone(), self.source(&place(key)));
            (key.clone(), value)
        };
        values.into_iter().map(sourced).collect()
    }

    /// A value with variables in it.
    pub(super) fn template(&self, key: &str, text: &str) -> Result<Template, CliError> {
        let template = Template::parse(text);
        template.map_err(|rule| {
            let refused = self.refuse(key, &rule);
            refused.hint("write a variable as ${NAME}")
        })
    }

    /// The folder of this file.
    pub(super) fn folder(&self) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).to_owned()
    }

    /// The path of another file, relative to the folder of this one.
    pub(super) fn beside(&self, path: &Path) -> PathBuf {
        let path = self.folder().join(path);
        if !path.components().any(|it| it == Component::ParentDir) {
            return path;
        }
        // `shop/../billing` is shown as what it leads to, as far as that is there; a link can lead elsewhere than
        // its name says.
        let above = || Some(path.parent()?.canonicalize().ok()?.join(path.file_name()?));
        path.canonicalize().ok().or_else(above).unwrap_or(path)
    }
}

fn note_lines(table: &DeTable<'_>, prefix: &str, text: &str, lines: &mut BTreeMap<String, usize>) {
    for (key, value) in table {
        let name = format!("{prefix}{}", key.get_ref());
        if let Some(inner) = value.get_ref().as_table() {
            note_lines(inner, &format!("{name}."), text, lines);
        }
        for (n, item) in value.get_ref().as_array().into_iter().flatten().enumerate() {
            if let Some(inner) = item.get_ref().as_table() {
                note_lines(inner, &format!("{name}.{n}."), text, lines);
                lines.insert(format!("{name}.{n}"), line_of(text, item.span().start));
            }
        }
        lines.insert(name, line_of(text, key.span().start));
    }
}

pub(super) fn line_of(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count()
}

pub(super) fn cannot_use(path: &Path, line: usize, rule: &str) -> CliError {
    let path = path.display();
    CliError::usage(format!("cannot use the configuration file {path}"))
        .cause(format!("line {line}: {rule}"))
}
