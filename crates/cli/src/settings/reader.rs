//! Reading TOML tables by hand: every refusal names the file, the line, the key and the rule.
//!
//! It knows nothing of what the keys mean: see `file` for that.

use std::collections::BTreeMap;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use crate::failure::Failure;
use crate::suggest;

use super::source::{Source, Sourced};

/// The text of a file, for places in it.
pub(super) struct Reader<'a> {
    pub(super) path: &'a Path,
    pub(super) text: &'a str,
}

/// A table of known keys, being read.
pub(super) struct Table<'a, 'i> {
    reader: &'a Reader<'a>,
    /// What stands before a key in messages: `store.`.
    at: String,
    table: &'a DeTable<'i>,
}

impl Reader<'_> {
    pub(super) fn line(&self, at: usize) -> usize {
        1 + self
            .text
            .bytes()
            .take(at)
            .filter(|byte| *byte == b'\n')
            .count()
    }

    pub(super) fn refuse(&self, at: usize, rule: &str) -> Failure {
        Failure::usage(format!(
            "cannot use the configuration file {}",
            self.path.display()
        ))
        .cause(format!("line {}: {rule}", self.line(at)))
    }

    fn wrong_type(&self, key: &str, value: &toml::Spanned<DeValue<'_>>, wanted: &str) -> Failure {
        let found = value.get_ref().type_str();
        self.refuse(
            value.span().start,
            &format!("\"{key}\" must be {wanted}, and not a {found}"),
        )
    }

    pub(super) fn as_table<'v, 'i>(
        &self,
        key: &str,
        value: &'v toml::Spanned<DeValue<'i>>,
    ) -> Result<&'v DeTable<'i>, Failure> {
        value
            .get_ref()
            .as_table()
            .ok_or_else(|| self.wrong_type(key, value, "a table"))
    }

    /// The table, if it holds none but `known` keys.
    pub(super) fn table<'a, 'i>(
        &'a self,
        at: &str,
        table: &'a DeTable<'i>,
        known: &[&str],
    ) -> Result<Table<'a, 'i>, Failure> {
        for key in table.keys() {
            let name = key.get_ref().as_ref();
            if !known.contains(&name) {
                return Err(self
                    .refuse(key.span().start, &format!("there is no key \"{at}{name}\""))
                    .hint(suggest::hint(name, known, "the keys here are")));
            }
        }
        Ok(Table {
            reader: self,
            at: at.to_owned(),
            table,
        })
    }
}

impl<'a, 'i> Table<'a, 'i> {
    fn get(&self, key: &str) -> Option<(Source, &'a toml::Spanned<DeValue<'i>>)> {
        let (name, value) = self.table.iter().find(|(name, _)| name.get_ref() == key)?;
        let line = self.reader.line(name.span().start);
        Some((
            Source::File {
                path: self.reader.path.to_owned(),
                line,
            },
            value,
        ))
    }

    pub(super) fn refuse(&self, key: &str, rule: &str) -> Failure {
        let at = self.get(key).map_or(0, |(_, value)| value.span().start);
        self.reader
            .refuse(at, &format!("\"{}{key}\" {rule}", self.at))
    }

    fn wrong(&self, key: &str, value: &toml::Spanned<DeValue<'_>>, wanted: &str) -> Failure {
        self.reader
            .wrong_type(&format!("{}{key}", self.at), value, wanted)
    }

    pub(super) fn text(&self, key: &str) -> Result<Option<Sourced<String>>, Failure> {
        let Some((source, value)) = self.get(key) else {
            return Ok(None);
        };
        let text = value
            .get_ref()
            .as_str()
            .ok_or_else(|| self.wrong(key, value, "a text"))?;
        Ok(Some(Sourced::new(text.to_owned(), source)))
    }

    /// A number, as text: its rule is the same for a flag.
    pub(super) fn number(&self, key: &str) -> Result<Option<Sourced<String>>, Failure> {
        let Some((source, value)) = self.get(key) else {
            return Ok(None);
        };
        let number = value.get_ref();
        let text = number.as_integer().map(|it| it.as_str());
        let text = text.or_else(|| number.as_float().map(|it| it.as_str()));
        let text = text.ok_or_else(|| self.wrong(key, value, "a number"))?;
        Ok(Some(Sourced::new(text.to_owned(), source)))
    }

    pub(super) fn texts(&self, key: &str) -> Result<Option<Sourced<Vec<String>>>, Failure> {
        const WANTED: &str = "a list of texts";
        let Some((source, value)) = self.get(key) else {
            return Ok(None);
        };
        let list = value
            .get_ref()
            .as_array()
            .ok_or_else(|| self.wrong(key, value, WANTED))?;
        let texts = list
            .iter()
            .map(|item| {
                let text = item.get_ref().as_str();
                text.map(str::to_owned)
                    .ok_or_else(|| self.wrong(key, item, WANTED))
            })
            .collect::<Result<Vec<_>, _>>()?;
        if texts.is_empty() {
            return Err(self.refuse(key, "must not be an empty list"));
        }
        Ok(Some(Sourced::new(texts, source)))
    }

    pub(super) fn text_map(
        &self,
        key: &str,
    ) -> Result<Option<Sourced<BTreeMap<String, String>>>, Failure> {
        const WANTED: &str = "a table of texts";
        let Some((source, value)) = self.get(key) else {
            return Ok(None);
        };
        let table = value
            .get_ref()
            .as_table()
            .ok_or_else(|| self.wrong(key, value, WANTED))?;
        let mut map = BTreeMap::new();
        for (name, item) in table {
            let text = item
                .get_ref()
                .as_str()
                .ok_or_else(|| self.wrong(key, item, WANTED))?;
            map.insert(name.get_ref().as_ref().to_owned(), text.to_owned());
        }
        if map.is_empty() {
            return Err(self.refuse(key, "must not be an empty table"));
        }
        Ok(Some(Sourced::new(map, source)))
    }

    pub(super) fn child(&self, key: &str) -> Result<Option<(Source, &'a DeTable<'i>)>, Failure> {
        let Some((source, value)) = self.get(key) else {
            return Ok(None);
        };
        let table = self.reader.as_table(&format!("{}{key}", self.at), value)?;
        Ok(Some((source, table)))
    }
}
