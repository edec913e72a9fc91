//! What a `maintenance.toml` may say.
//!
//! It is read key by key rather than derived, so that an unknown key gets a suggestion and a bad value
//! an error with the file, the line, the key and the rule. Rules that hold wherever a value comes from
//! (a role's name, a rate) are in `resolve`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::de::DeTable;

use crate::failure::Failure;
use crate::suggest;

use super::reader::{Reader, Table};
use super::source::{Source, Sourced};
use super::window::Standing;

/// What the file is called.
pub(crate) const FILE_NAME: &str = "maintenance.toml";
/// Where a file store is, if the file does not say.
pub(crate) const DEFAULT_STORE_PATH: &str = ".maintenance";

/// What a role's table may hold about its functions and handlers.
const ROLE_KEYS: &[&str] = &["functions", "exclude", "tags", "ttl", "timeout"];

/// A configuration file, read.
#[derive(Debug, Clone)]
pub(crate) struct ConfigFile {
    pub(crate) path: PathBuf,
    pub(crate) app: Option<Sourced<String>>,
    pub(crate) env: Option<Sourced<String>>,
    pub(crate) rate: Option<Sourced<String>>,
    pub(crate) prefix: Option<Sourced<String>>,
    pub(crate) store: Option<Sourced<FileStore>>,
    pub(crate) roles: BTreeMap<String, Sourced<RoleTable>>,
}

/// `[store]`'s kind and path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FileStore {
    Ssm,
    /// Relative to the folder of the configuration file.
    File(PathBuf),
}

/// A `[roles.<name>]` table.
#[derive(Debug, Clone, Default)]
pub(crate) struct RoleTable {
    pub(crate) functions: Option<Sourced<Vec<String>>>,
    pub(crate) exclude: Option<Sourced<Vec<String>>>,
    pub(crate) tags: Option<Sourced<BTreeMap<String, String>>>,
    /// Seconds.
    pub(crate) ttl: Option<Sourced<Duration>>,
    /// Seconds.
    pub(crate) timeout: Option<Sourced<Duration>>,
    pub(crate) standing: Standing,
}

/// The nearest configuration file at or above `dir`.
pub(crate) fn find(dir: &Path) -> Option<PathBuf> {
    dir.ancestors()
        .map(|dir| dir.join(FILE_NAME))
        .find(|path| path.is_file())
}

impl ConfigFile {
    /// Reads a file.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            Failure::usage(format!(
                "cannot read the configuration file {}",
                path.display()
            ))
            .caused_by(&error)
        })?;
        Self::parse(path, &text)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, Failure> {
        let reader = Reader { path, text };
        let document = DeTable::parse(text).map_err(|error| {
            let place = error.span().map_or(0, |span| span.start);
            reader.refuse(place, error.message())
        })?;
        let root = reader.table(
            "",
            document.get_ref(),
            &["app", "env", "rate", "store", "roles"],
        )?;
        let mut file = Self {
            path: path.to_owned(),
            app: root.text("app")?,
            env: root.text("env")?,
            rate: root.number("rate")?,
            prefix: None,
            store: None,
            roles: BTreeMap::new(),
        };
        if let Some((_, table)) = root.child("store")? {
            let store = reader.table("store.", table, &["kind", "prefix", "path"])?;
            file.prefix = store.text("prefix")?;
            file.store = read_store(&store)?;
        }
        if let Some((_, roles)) = root.child("roles")? {
            for (name, value) in roles {
                let (name, line) = (name.get_ref().as_ref(), reader.line(name.span().start));
                let key = format!("roles.{name}");
                let table = reader.as_table(&key, value)?;
                let keys = [ROLE_KEYS, Standing::KEYS].concat();
                let role = reader.table(&format!("{key}."), table, &keys)?;
                let role = RoleTable {
                    functions: role.texts("functions")?,
                    exclude: role.texts("exclude")?,
                    tags: role.text_map("tags")?,
                    ttl: read_seconds(&role, "ttl", 3_600)?,
                    timeout: read_seconds(&role, "timeout", 900)?,
                    standing: Standing::read(&role)?,
                };
                if role.exclude.is_some() && role.functions.is_none() && role.tags.is_none() {
                    return Err(reader.refuse(
                        value.span().start,
                        &format!("\"{key}\" has exclude, but neither functions nor tags"),
                    ));
                }
                let source = Source::File {
                    path: path.to_owned(),
                    line,
                };
                file.roles
                    .insert(name.to_owned(), Sourced::new(role, source));
            }
        }
        Ok(file)
    }
}

/// A whole number of seconds, up to what AWS or a gate takes.
fn read_seconds(
    role: &Table<'_, '_>,
    key: &str,
    most: u64,
) -> Result<Option<Sourced<Duration>>, Failure> {
    let Some(number) = role.number(key)? else {
        return Ok(None);
    };
    match number.value.parse() {
        Ok(seconds) if seconds <= most => Ok(Some(Sourced::new(
            Duration::from_secs(seconds),
            number.source,
        ))),
        _ => Err(role.refuse(
            key,
            &format!("must be a whole number of seconds, 0 to {most}"),
        )),
    }
}

fn read_store(store: &Table<'_, '_>) -> Result<Option<Sourced<FileStore>>, Failure> {
    let (kind, path) = (store.text("kind")?, store.text("path")?);
    let is_file = match kind.as_ref().map(|kind| kind.value.as_str()) {
        None | Some("ssm") => false,
        Some("file") => true,
        Some(other) => {
            let known = ["ssm", "file"];
            return Err(store
                .refuse(
                    "kind",
                    &format!("must be \"ssm\" or \"file\", and not {other:?}"),
                )
                .hint(suggest::hint(other, &known, "the kinds are")));
        }
    };
    match (is_file, kind, path) {
        (true, _, Some(path)) if path.value.is_empty() => {
            Err(store.refuse("path", "must not be empty"))
        }
        (true, kind, path) => {
            let source = path.as_ref().map(|it| it.source.clone());
            let source = source.or(kind.map(|it| it.source));
            let path = path.map_or_else(|| DEFAULT_STORE_PATH.to_owned(), |it| it.value);
            Ok(source.map(|source| Sourced::new(FileStore::File(PathBuf::from(path)), source)))
        }
        (false, _, Some(_)) => Err(store
            .refuse("path", "is where a file store is, and this is none")
            .hint("add kind = \"file\", or remove the path")),
        (false, Some(kind), None) => Ok(Some(Sourced::new(FileStore::Ssm, kind.source))),
        (false, None, None) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<ConfigFile, Failure> {
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
rate = 2.5

[store]
kind = "file"
prefix = "/m"
path = "state"

[roles.worker]
functions = ["demo-dev-*"]
exclude = ["*-prewarm"]
tags = { role = "worker" }

[roles.api]
"#,
        )
        .unwrap();
        let at = |line| Source::File {
            path: "/x/maintenance.toml".into(),
            line,
        };
        assert_eq!(file.app, Some(Sourced::new("demo".to_owned(), at(1))));
        assert_eq!(file.rate, Some(Sourced::new("2.5".to_owned(), at(3))));
        assert_eq!(file.prefix, Some(Sourced::new("/m".to_owned(), at(7))));
        assert_eq!(
            file.store,
            Some(Sourced::new(FileStore::File("state".into()), at(8)))
        );
        assert_eq!(file.roles.keys().collect::<Vec<_>>(), ["api", "worker"]);
        let worker = &file.roles["worker"].value;
        assert_eq!(worker.functions.as_ref().unwrap().value, ["demo-dev-*"]);
        assert_eq!(worker.tags.as_ref().unwrap().value["role"], "worker");
        assert!(file.roles["api"].value.functions.is_none());
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
        assert_eq!(hints, ["the keys here are app, env, rate, store, roles"]);
    }

    #[test]
    fn a_bad_value_names_its_key_and_rule() {
        for (text, why) in [
            (
                "app = 3",
                "line 1: \"app\" must be a text, and not a integer",
            ),
            (
                "rate = \"fast\"",
                "line 1: \"rate\" must be a number, and not a string",
            ),
            (
                "store = \"ssm\"",
                "line 1: \"store\" must be a table, and not a string",
            ),
            (
                "[store]\nkind = \"smm\"",
                "line 2: \"store.kind\" must be \"ssm\" or \"file\", and not \"smm\"",
            ),
            (
                "[store]\npath = \"x\"",
                "line 2: \"store.path\" is where a file store is, and this is none",
            ),
            (
                "[store]\nkind = \"file\"\npath = \"\"",
                "line 3: \"store.path\" must not be empty",
            ),
            (
                "[roles.w]\nfunctions = \"x\"",
                "line 2: \"roles.w.functions\" must be a list of texts, and not a string",
            ),
            (
                "[roles.w]\nfunctions = [\"x\",\n 1]",
                "line 3: \"roles.w.functions\" must be a list of texts, and not a integer",
            ),
            (
                "[roles.w]\nfunctions = []",
                "line 2: \"roles.w.functions\" must not be an empty list",
            ),
            (
                "[roles.w]\ntags = { a = 1 }",
                "line 2: \"roles.w.tags\" must be a table of texts, and not a integer",
            ),
            (
                "[roles.w]\nexclude = [\"x\"]",
                "line 1: \"roles.w\" has exclude, but neither functions nor tags",
            ),
            ("app = \"a\"\napp = \"b\"", "line 2: duplicate key"),
        ] {
            assert_eq!(refused(text).0, why, "{text}");
        }
    }

    #[test]
    fn a_file_store_without_a_path_has_the_usual_one() {
        let file = parse("[store]\nkind = \"file\"\n").unwrap();
        assert_eq!(
            file.store.unwrap().value,
            FileStore::File(".maintenance".into())
        );
    }
}
