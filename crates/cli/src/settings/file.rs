//! What a `maintenance.toml` may say.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use maintenance_flag::{AddressRange, PathPattern, Prefix};
use serde::Deserialize;
use serde_json::Value;
use toml::de::{DeTable, Error};

use crate::error::CliError;
use crate::suggest;

use super::tables::{NotifyTable, ObserverTable, WindowTable};
use super::written::{Written, cannot_use, line_of};
use crate::source::{Source, Sourced};
use crate::values::{
    AppName, AwsName, EnvName, FunctionGlob, Label, Message, NonEmpty, Parsed, Rate, Seconds,
    SiteUrl, StoreChoice,
};

/// What the file is called.
pub(crate) const FILE_NAME: &str = "maintenance.toml";
/// Where a file store is, if the file does not say.
const DEFAULT_STORE_PATH: &str = ".maintenance";

/// The keys of the file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Document {
    app: Option<Parsed<AppName>>,
    env: Option<Parsed<EnvName>>,
    region: Option<Parsed<AwsName>>,
    profile: Option<Parsed<AwsName>>,
    rate: Option<Rate>,
    store: Option<StoreTable>,
    roles: BTreeMap<String, RoleTable>,
    products: BTreeMap<String, ProductTable>,
    apps: BTreeMap<String, AppTable>,
    windows: Vec<WindowTable>,
    notify: Vec<NotifyTable>,
    observers: BTreeMap<String, ObserverTable>,
}

/// `[apps.<key>]`: the keys of an app, or where they are. The file itself has those of its own app.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub(super) struct AppTable {
    pub(super) config: Option<PathBuf>,
    pub(super) app: Option<Parsed<AppName>>,
    pub(super) env: Option<Parsed<EnvName>>,
    pub(super) region: Option<Parsed<AwsName>>,
    pub(super) profile: Option<Parsed<AwsName>>,
    pub(super) rate: Option<Rate>,
    pub(super) store: Option<StoreTable>,
    pub(super) roles: BTreeMap<String, RoleTable>,
}

/// `[products.<id>]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub(super) struct ProductTable {
    pub(super) title: Option<Parsed<Label>>,
    pub(super) version: Option<Parsed<Label>>,
    pub(super) apps: Option<NonEmpty<Vec<String>>>,
}

/// `[store]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub(super) struct StoreTable {
    kind: Option<StoreKind>,
    pub(super) prefix: Option<Parsed<Prefix>>,
    path: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum StoreKind {
    Ssm,
    File,
}

/// `[roles.<name>]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table")]
pub(super) struct RoleTable {
    pub(super) functions: Option<NonEmpty<Vec<Parsed<FunctionGlob>>>>,
    pub(super) exclude: Option<NonEmpty<Vec<Parsed<FunctionGlob>>>>,
    pub(super) tags: Option<NonEmpty<BTreeMap<String, String>>>,
    /// The gates' TTL.
    pub(super) ttl: Option<Seconds<3_600>>,
    /// The longest timeout of the handlers.
    pub(super) timeout: Option<Seconds<900>>,
    // What a window has when it opens, where the command does not say otherwise.
    pub(super) message: Option<Parsed<Message>>,
    pub(super) url: Option<Parsed<SiteUrl>>,
    pub(super) allow_ip: Option<NonEmpty<Vec<Parsed<AddressRange>>>>,
    pub(super) allow_path: Option<NonEmpty<Vec<Parsed<PathPattern>>>>,
}

/// A configuration file, read.
#[derive(Debug, Clone)]
pub(super) struct ConfigFile {
    pub(super) written: Written,
    own: AppTable,
    pub(super) products: BTreeMap<String, ProductTable>,
    pub(super) apps: BTreeMap<String, AppTable>,
    pub(super) windows: Vec<WindowTable>,
    pub(super) notify: Vec<NotifyTable>,
    pub(super) observers: BTreeMap<String, ObserverTable>,
}

/// The nearest configuration file at or above `dir`.
pub(super) fn find(dir: &Path) -> Option<PathBuf> {
    dir.ancestors()
        .map(|dir| dir.join(FILE_NAME))
        .find(|path| path.is_file())
}

impl ConfigFile {
    /// Reads a file.
    pub(super) fn read(path: &Path) -> Result<Self, CliError> {
        let cannot_read = || {
            let path = path.display();
            CliError::usage(format!("cannot read the configuration file {path}"))
        };
        let bytes = std::fs::read(path).map_err(|error| cannot_read().caused_by(&error))?;
        let text = decode(&bytes).map_err(|why| {
            cannot_read()
                .cause(why)
                .hint("save it as UTF-8; every editor can")
        })?;
        Self::parse(path, text)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, CliError> {
        let refuse = |error: Error| refuse(path, text, error);
        let table = DeTable::parse(text).map_err(refuse)?;
        let written = Written::new(path, text, table.get_ref()).map_err(refuse)?;
        let document = toml::Deserializer::from(table);
        let document = Document::deserialize(document).map_err(refuse)?;
        let file = Self {
            written,
            own: AppTable {
                config: None,
                app: document.app,
                env: document.env,
                region: document.region,
                profile: document.profile,
                rate: document.rate,
                store: document.store,
                roles: document.roles,
            },
            products: document.products,
            apps: document.apps,
            windows: document.windows,
            notify: document.notify,
            observers: document.observers,
        };
        file.own_section().check()?;
        for key in file.apps.keys() {
            file.section(key)
                .into_iter()
                .try_for_each(|it| it.check())?;
        }
        Ok(file)
    }

    /// The keys of the file's own app.
    pub(super) fn own_section(&self) -> Section<'_> {
        Section {
            file: self,
            table: &self.own,
            key: None,
        }
    }

    /// `[apps.<key>]`.
    pub(super) fn section(&self, key: &str) -> Option<Section<'_>> {
        let (key, table) = self.apps.get_key_value(key)?;
        Some(Section {
            file: self,
            table,
            key: Some(key),
        })
    }
}

/// The keys of one app: those of the file itself, or a table `[apps.<key>]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Section<'a> {
    pub(super) file: &'a ConfigFile,
    pub(super) table: &'a AppTable,
    /// None: the file itself.
    pub(super) key: Option<&'a str>,
}

impl Section<'_> {
    /// What a key is called in the file: `apps.billing.region`.
    pub(super) fn name(&self, key: &str) -> String {
        match self.key {
            None => key.to_owned(),
            Some(app) => format!("apps.{app}.{key}"),
        }
    }

    fn refuse(&self, key: &str, rule: &str) -> CliError {
        self.file.written.refuse(&self.name(key), rule)
    }

    fn check(&self) -> Result<(), CliError> {
        if let Some(store) = &self.table.store
            && store.path.is_some()
            && store.kind != Some(StoreKind::File)
        {
            return Err(self
                .refuse("store.path", "only a file store has a path")
                .hint("add kind = \"file\", or remove the path"));
        }
        for (name, role) in &self.table.roles {
            if role.exclude.is_some() && role.functions.is_none() && role.tags.is_none() {
                let key = format!("roles.{name}.exclude");
                let rule = "needs functions or tags to exclude from";
                return Err(self.refuse(&key, rule).hint("add functions, or remove it"));
            }
        }
        Ok(())
    }

    /// Where the value of this key is.
    pub(super) fn source(&self, key: &str) -> Source {
        self.file.written.source(&self.name(key))
    }

    /// A value of the section, and where it is.
    pub(super) fn sourced<T>(&self, key: &str, value: Option<T>) -> Option<Sourced<T>> {
        value.map(|value| Sourced::new(value, self.source(key)))
    }

    /// The first of the keys beside `config`, of an app that has a table.
    pub(super) fn beside_config(&self) -> Option<String> {
        let keys = self.file.written.keys(&format!("apps.{}", self.key?));
        let mut keys = keys.into_iter().map(|(key, _)| key);
        keys.find(|key| key != "config")
    }

    /// The keys of a role, in the order of the lines.
    pub(super) fn role(&self, name: &str) -> Vec<(String, Sourced<Value>)> {
        let table = self.name(&format!("roles.{name}"));
        self.file.written.keys(&table)
    }

    /// What the parameters' names begin with.
    pub(super) fn prefix(&self) -> Option<Sourced<Prefix>> {
        let prefix = self.table.store.as_ref()?.prefix.as_ref();
        self.sourced("store.prefix", prefix.map(|it| it.0.clone()))
    }

    /// The store, whose path is relative to the folder of the file.
    pub(super) fn store(&self) -> Option<Sourced<StoreChoice>> {
        let StoreTable { kind, path, .. } = self.table.store.as_ref()?;
        let store = match (*kind)? {
            StoreKind::Ssm => StoreChoice::Ssm,
            StoreKind::File => {
                let default = Path::new(DEFAULT_STORE_PATH);
                StoreChoice::File(self.file.written.beside(path.as_deref().unwrap_or(default)))
            }
        };
        let key = if path.is_some() {
            "store.path"
        } else {
            "store.kind"
        };
        self.sourced(key, Some(store))
    }
}

/// The text of a file. Editors and shells of Windows write a byte order mark, or UTF-16.
fn decode(bytes: &[u8]) -> Result<&str, String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") || bytes.contains(&0) {
        return Err("it is UTF-16, not UTF-8".to_owned());
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let (before, _) = bytes.split_at(error.valid_up_to());
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        format!("line {line}: it is not UTF-8; it may be Latin-1 or Windows-1252")
    })
}

/// What the parser found, with its line and key, and the key or value that was meant.
fn refuse(path: &Path, text: &str, mut error: Error) -> CliError {
    let line = line_of(text, error.span().map_or(0, |span| span.start));
    // Without the text, the error shows the key instead of the line.
    error.set_input(None);
    let shown = error.to_string();
    let key = shown
        .lines()
        .last()
        .and_then(|last| last.strip_prefix("in `"));
    let key = key.map_or("", |key| key.trim_end_matches('`'));
    let message = error.message().replace('\n', ", ");
    // Words in backticks: what was typed, and what could have been.
    let mut words = message.split('`').skip(1).step_by(2);
    let typed = words.next().unwrap_or_default().to_owned();
    let known: Vec<&str> = words.collect();
    let dot = if key.is_empty() { "" } else { "." };
    if message.starts_with("unknown field") {
        let rule = format!("there is no key \"{key}{dot}{typed}\"");
        return cannot_use(path, line, &rule).hint(suggest::hint(
            &typed,
            &known,
            "the keys here are",
        ));
    }
    let colon = if key.is_empty() { "" } else { ": " };
    if message.starts_with("unknown variant") {
        let rule = format!("{key}: must be {}, and is {typed}", known.join(" or "));
        return cannot_use(path, line, &rule).hint(suggest::hint(&typed, &known, "choose one of"));
    }
    let rule = match message
        .strip_prefix("invalid type: ")
        .and_then(|it| it.split_once(", expected "))
    {
        Some((found, expected)) => {
            let found = match found {
                "sequence" => "a list",
                "map" => "a table",
                other => other,
            };
            let expected = match expected {
                "a sequence" => "a list",
                "a map" => "a table",
                "i64" => "a whole number",
                "f64" => "a number",
                other => other,
            };
            format!("expected {expected}, found {found}")
        }
        None => message,
    };
    cannot_use(path, line, &format!("{key}{colon}{rule}"))
        .hint("`maintenance init` writes an example of every key")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ConfigFile, CliError> {
        ConfigFile::parse(Path::new("/x/maintenance.toml"), text)
    }

    fn refused(text: &str) -> (String, Vec<String>) {
        let failure = parse(text).unwrap_err();
        assert_eq!(
            failure.message(),
            "cannot use the configuration file /x/maintenance.toml"
        );
        (failure.causes().join(" / "), failure.hints().to_vec())
    }

    #[test]
    fn every_key_is_read_with_its_line() {
        let file = parse(
            r#"app = "demo"
env = "dev"
rate = 2

[store]
kind = "file"
prefix = "/m"
path = "state"

[roles.worker]
functions = ["demo-dev-*"]
tags = { role = "worker" }
exclude = ["*-prewarm"]
ttl = 7

[roles.api]
"#,
        )
        .unwrap();
        for (key, line) in [
            ("app", 1),
            ("rate", 3),
            ("store.prefix", 7),
            ("roles.worker", 10),
        ] {
            assert_eq!(file.written.line(key), line, "{key}");
        }
        let at = |line| Source::File {
            path: "/x/maintenance.toml".into(),
            line,
        };
        let store = StoreChoice::File("/x/state".into());
        assert_eq!(file.own_section().store(), Some(Sourced::new(store, at(8))));
        assert_eq!(file.own.rate, Some(Rate(2.0)));
        assert_eq!(file.own.roles.keys().collect::<Vec<_>>(), ["api", "worker"]);
        let rows = file.own_section().role("worker");
        let rows: Vec<_> = rows
            .iter()
            .map(|(key, row)| (key.as_str(), row.value.to_string(), row.source.clone()))
            .collect();
        assert_eq!(
            rows,
            [
                ("functions", r#"["demo-dev-*"]"#.to_owned(), at(11)),
                ("tags", r#"{"role":"worker"}"#.to_owned(), at(12)),
                ("exclude", r#"["*-prewarm"]"#.to_owned(), at(13)),
                ("ttl", "7".to_owned(), at(14)),
            ]
        );
    }

    #[test]
    fn an_unknown_key_gets_a_suggestion_and_its_line() {
        let (cause, hints) = refused("app = \"a\"\n[stroe]\nkind = \"ssm\"\n");
        assert_eq!(cause, "line 2: there is no key \"stroe\"");
        assert_eq!(hints, ["did you mean store?"]);
        let (cause, hints) = refused("[roles.worker]\nfuntions = [\"x\"]\n");
        assert_eq!(cause, "line 2: there is no key \"roles.worker.funtions\"");
        assert_eq!(hints, ["did you mean functions?"]);
        let (_, hints) = refused("zzz = 1\n");
        assert_eq!(
            hints,
            [
                "the keys here are app, env, region, profile, rate, store, roles, products, apps, windows, notify, \
              observers"
            ]
        );
    }

    #[test]
    fn a_bad_value_names_its_line_its_key_and_its_rule() {
        for (text, why) in [
            (
                "app = 3",
                "line 1: app: expected a string, found integer `3`",
            ),
            (
                "app = \"a/b\"",
                "line 1: app: it may hold only the letters a-z",
            ),
            (
                "rate = \"fast\"",
                "line 1: rate: expected a number, found string \"fast\"",
            ),
            (
                "rate = 16",
                "line 1: rate: must be more than 0 and at most 15",
            ),
            (
                "store = \"ssm\"",
                "line 1: store: expected a table, found string \"ssm\"",
            ),
            (
                "[store]\nkind = \"smm\"",
                "line 2: store.kind: must be ssm or file, and is smm",
            ),
            (
                "[store]\npath = \"x\"",
                "line 2: store.path: only a file store has a path",
            ),
            (
                "[roles.w]\nfunctions = \"x\"",
                "line 2: roles.w.functions: expected a list, found string \"x\"",
            ),
            (
                "[roles.w]\nfunctions = [\"x\",\n 1]",
                "line 3: roles.w.functions",
            ),
            (
                "[roles.w]\nfunctions = [\"x\",\n \"\"]",
                "line 2: roles.w.functions: it must not be empty",
            ),
            (
                "[roles.w]\nfunctions = []",
                "line 2: roles.w.functions: must not be empty",
            ),
            (
                "[roles.w]\ntags = { a = 1 }",
                "line 2: roles.w.tags.a: expected a string, found integer `1`",
            ),
            (
                "[roles.w]\nexclude = [\"x\"]",
                "line 2: roles.w.exclude: needs functions or tags",
            ),
            (
                "[roles.w]\nttl = 3601",
                "line 2: roles.w.ttl: must be a whole number of seconds, 0 to 3600",
            ),
            ("app = \"a\"\napp = \"b\"", "line 2: duplicate key"),
            ("app = \"a", "line 1: "),
        ] {
            let (cause, hints) = refused(text);
            assert!(cause.starts_with(why), "{text}: {cause}");
            assert!(!hints.is_empty(), "{text}");
        }
    }

    #[test]
    fn a_file_store_without_a_path_has_the_default_one() {
        let file = parse("[store]\nkind = \"file\"\n").unwrap();
        assert_eq!(
            file.own_section().store().unwrap().value,
            StoreChoice::File("/x/.maintenance".into())
        );
    }

    #[test]
    fn a_byte_order_mark_is_nothing_and_other_encodings_are_named() {
        assert_eq!(decode(b"\xef\xbb\xbfapp"), Ok("app"));
        for utf16 in [&b"\xff\xfea\0"[..], b"\xfe\xff\0a", b"a\0b\0"] {
            assert_eq!(decode(utf16).unwrap_err(), "it is UTF-16, not UTF-8");
        }
        let latin = decode(b"app = \"a\"\nenv = \"caf\xe9\"").unwrap_err();
        assert_eq!(
            latin,
            "line 2: it is not UTF-8; it may be Latin-1 or Windows-1252"
        );
    }
}
