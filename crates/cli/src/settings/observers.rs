//! `[observers.*]`: what is observed, how, and what that is for.
//!
//! All kinds share one table, so that the parser knows the line of each key; which key belongs to which kind is
//! looked at afterwards. `${VAR}` in what is sent stands for a variable of the environment: a secret has no place in
//! the file.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::path::PathBuf;
use std::time::Duration;

use jiff::SpanRelativeTo;
use maintenance_flag::{ObserverName, Product, Role, Verdict};
use maintenance_server::observers::kinds::{FileMode, JsonPath};
use maintenance_server::observers::{Expected, Opens};
use maintenance_server::sql::Database;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Map, Value};
use url::Url;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::environment::Environment;
use super::resolve::Settings;
use super::tables::{COMMON, FileModeName, KindName, Line, Missing, ObserverTable};
use super::target::ProductSettings;
use super::written::Written;
use crate::error::CliError;
use crate::source::Sourced;
use crate::suggest;
use crate::values::{Length, Parsed, http_url, without_secrets};

/// The time from the end of a check to the next.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(30);
/// How long a check may take.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
/// How many equal results in a row it takes.
const DEFAULT_CONFIRM: u32 = 2;
const MAX_INTERVAL: Duration = Duration::from_secs(366 * 86_400);
const MAX_TIMEOUT: Duration = Duration::from_secs(900);
const MAX_CONFIRM: u32 = 100;

/// An observer of the file.
#[derive(Debug, Clone)]
pub(crate) struct ObserverSettings {
    pub(crate) name: ObserverName,
    pub(crate) kind_name: &'static str,
    /// What it looks at, or why it is disabled.
    pub(crate) watches: Result<Watches, String>,
    pub(crate) place: ObservedPlace,
    pub(crate) interval: Duration,
    pub(crate) timeout: Duration,
    pub(crate) confirm: u32,
    pub(crate) opens: Opens,
    /// Values of the variables that it sends.
    pub(crate) secrets: Vec<String>,
    keys: Vec<(String, Sourced<Value>)>,
}

/// What an observer acts on.
#[derive(Debug, Clone)]
pub(crate) enum ObservedPlace {
    Product(ProductSettings),
    App(Box<Settings>, Option<Vec<Role>>),
}

/// What an observer looks at.
#[derive(Debug, Clone)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one for each observer, made once"
)]
pub(crate) enum Watches {
    Http {
        method: Method,
        url: Url,
        headers: HeaderMap,
        allow_link_local: bool,
        status: Vec<u16>,
        expected: Option<Expected>,
        json_path: Option<JsonPath>,
    },
    File(PathBuf, FileMode),
    Command {
        command: Vec<String>,
        folder: PathBuf,
        status: Vec<i32>,
        expected: Option<Expected>,
    },
    Parameter {
        name: String,
        expected: Expected,
        missing: Verdict,
    },
    Alarm(String),
    Calendar(String),
    Sql {
        database: Database,
        expected: Expected,
    },
}

type NamedApp<'a> = dyn Fn(&str, &dyn Fn(String) -> CliError) -> Result<Settings, CliError> + 'a;

/// Where the observers of a file find what they name.
pub(super) struct Lookup<'a> {
    pub(super) tables: &'a BTreeMap<String, ObserverTable>,
    pub(super) written: &'a Written,
    pub(super) own: &'a Settings,
    pub(super) environment: &'a Environment,
    pub(super) app: &'a NamedApp<'a>,
    pub(super) product: &'a dyn Fn(&Product) -> Result<ProductSettings, CliError>,
}

/// Why an observer looks at nothing.
enum Unusable {
    /// It can once what is missing is there.
    Disabled(String),
    /// The file cannot be used.
    Refused(Box<CliError>),
}

impl From<CliError> for Unusable {
    fn from(error: CliError) -> Self {
        Self::Refused(Box::new(error))
    }
}

impl Lookup<'_> {
    pub(super) fn observers(&self) -> Result<Vec<ObserverSettings>, CliError> {
        let observers = self.tables.iter();
        observers
            .map(|(name, table)| {
                One {
                    of: self,
                    name,
                    table,
                }
                .read()
            })
            .collect()
    }
}

/// One observer that is read.
struct One<'a> {
    of: &'a Lookup<'a>,
    name: &'a str,
    table: &'a ObserverTable,
}

impl One<'_> {
    fn refuse(&self, key: &str, rule: &str) -> CliError {
        let key = match key {
            "" => format!("observers.{}", self.name),
            key => format!("observers.{}.{key}", self.name),
        };
        self.of.written.refuse(&key, rule)
    }

    fn missing(&self, key: &str, example: &str) -> CliError {
        let refused = self.refuse("", &format!("has no {key}"));
        refused.hint(format!("add {key} = {example} to it"))
    }

    fn read(&self) -> Result<ObserverSettings, CliError> {
        let name: ObserverName =
            self.name
                .parse()
                .map_err(|error: maintenance_flag::NameError| {
                    self.refuse("", error.rule()).hint("give it another name")
                })?;
        let kind = self.table.kind;
        let kind = kind.ok_or_else(|| self.missing("kind", "\"http\""))?;
        let keys = self.of.written.keys(&format!("observers.{}", self.name));
        self.check_keys(kind, &keys)?;
        let mut secrets = Vec::new();
        let watches = match self.watches(kind, &mut secrets) {
            Ok(watches) => Ok(watches),
            Err(Unusable::Disabled(why)) => Err(why),
            Err(Unusable::Refused(refused)) => return Err(*refused),
        };
        let confirm = self.table.confirm.unwrap_or(DEFAULT_CONFIRM);
        if !(1..=MAX_CONFIRM).contains(&confirm) {
            let rule = format!("must be from 1 to {MAX_CONFIRM}");
            return Err(self.refuse("confirm", &rule).hint("2 is the default"));
        }
        Ok(ObserverSettings {
            name,
            kind_name: kind.as_str(),
            watches,
            place: self.place()?,
            interval: self.length(
                "interval",
                &self.table.interval,
                DEFAULT_INTERVAL,
                MAX_INTERVAL,
            )?,
            timeout: self.length("timeout", &self.table.timeout, DEFAULT_TIMEOUT, MAX_TIMEOUT)?,
            confirm,
            opens: Opens {
                reason: self.table.reason.as_ref().map(|it| it.0.0.clone()),
                message: self.table.message.as_ref().map(|it| it.0.0.clone()),
                read_only: self.table.read_only,
                accept_event_loss: self.table.accept_event_loss,
            },
            secrets,
            keys,
        })
    }

    /// A key of another kind would have no effect.
    fn check_keys(
        &self,
        kind: KindName,
        keys: &[(String, Sourced<Value>)],
    ) -> Result<(), CliError> {
        for (key, _) in keys {
            let key = key.as_str();
            if !COMMON.contains(&key) && !kind.keys().contains(&key) {
                let rule = format!("an observer of kind {} has no such key", kind.as_str());
                let hint = suggest::hint(key, kind.keys(), "its keys are");
                return Err(self.refuse(key, &rule).hint(hint));
            }
        }
        Ok(())
    }

    fn length(
        &self,
        key: &str,
        given: &Option<Parsed<Length>>,
        default: Duration,
        most: Duration,
    ) -> Result<Duration, CliError> {
        let Some(Parsed(Length(span))) = given else {
            return Ok(default);
        };
        let length = span.to_duration(SpanRelativeTo::days_are_24_hours());
        let length = length.ok().and_then(|it| Duration::try_from(it).ok());
        match length {
            Some(length) if length >= Duration::from_secs(1) && length <= most => Ok(length),
            _ => {
                let most = match most.as_secs() {
                    seconds if seconds >= 86_400 => format!("{} days", seconds / 86_400),
                    seconds => format!("{} minutes", seconds / 60),
                };
                let rule = format!("must be from 1 second to {most}");
                Err(self
                    .refuse(key, &rule)
                    .hint("write it as \"30s\" or \"5m\""))
            }
        }
    }

    fn place(&self) -> Result<ObservedPlace, CliError> {
        let roles = self.table.roles.as_ref();
        let roles = roles.map(|roles| roles.0.iter().map(|it| it.0.clone()).collect());
        let Some(Parsed(id)) = &self.table.product else {
            let app = match &self.table.app {
                Some(name) => (self.of.app)(name, &|rule| self.refuse("app", &rule))?,
                None => self.of.own.clone(),
            };
            app.app()?;
            let known: Vec<&Role> = app.roles.iter().map(|role| &role.role).collect();
            let roles: Option<Vec<Role>> = roles;
            let unknown = roles.iter().flatten().find(|role| !known.contains(role));
            if let Some(unknown) = unknown {
                let rule = format!("there is no role {unknown}");
                let known: Vec<&str> = known.iter().map(|role| role.as_str()).collect();
                let hint = suggest::hint(unknown.as_str(), &known, "the roles are");
                return Err(self.refuse("roles", &rule).hint(hint));
            }
            return Ok(ObservedPlace::App(Box::new(app), roles));
        };
        for (key, is_given) in [
            ("app", self.table.app.is_some()),
            ("roles", roles.is_some()),
        ] {
            if is_given {
                let rule = "product covers all roles of all its apps";
                return Err(self.refuse(key, rule).hint("leave one of them out"));
            }
        }
        let product = (self.of.product)(id);
        product.map(ObservedPlace::Product).map_err(|error| {
            let refused = self.refuse("product", error.message());
            let hints = error.hints().iter();
            hints.fold(refused, |refused, hint| refused.hint(hint.clone()))
        })
    }

    /// What the values mean: none, if neither key is there.
    fn expected(&self) -> Result<Option<Expected>, CliError> {
        let blank = |text: &String| text.trim().is_empty();
        if self.table.maintenance.as_ref().is_some_and(blank) {
            let rule = "must not be empty";
            let hint = "write the value that means maintenance";
            return Err(self.refuse("maintenance", rule).hint(hint));
        }
        match (&self.table.maintenance, &self.table.normal) {
            (None, None) => Ok(None),
            (None, Some(_)) => Err(self.missing("maintenance", "\"maintenance\"")),
            (Some(maintenance), normal) => {
                let same = |normal: &String| {
                    normal.trim().to_lowercase() == maintenance.trim().to_lowercase()
                };
                if normal.as_ref().is_some_and(same) {
                    let rule = "must differ from the value that means maintenance";
                    return Err(self
                        .refuse("normal", rule)
                        .hint("write another, or leave it out"));
                }
                Ok(Some(Expected {
                    maintenance: maintenance.clone(),
                    normal: normal.clone(),
                }))
            }
        }
    }

    fn needed_expected(&self) -> Result<Expected, CliError> {
        let expected = self.expected()?;
        expected.ok_or_else(|| self.missing("maintenance", "\"maintenance\""))
    }

    /// What it looks at.
    fn watches(&self, kind: KindName, secrets: &mut Vec<String>) -> Result<Watches, Unusable> {
        let table = self.table;
        let named = |key: &str, name: &Option<Parsed<Line>>, example: &str| {
            let name = name.as_ref().map(|it| it.0.0.clone());
            name.ok_or_else(|| self.missing(key, example))
        };
        Ok(match kind {
            KindName::Http => self.http(secrets)?,
            KindName::File => self.file()?,
            KindName::Command => self.command()?,
            KindName::Sql => self.sql(secrets)?,
            KindName::Parameter => Watches::Parameter {
                name: named("parameter", &table.parameter, "\"/acme/database/state\"")?,
                expected: self.needed_expected()?,
                missing: match table.missing {
                    None => Verdict::Unknown,
                    Some(Missing::Normal) => Verdict::Normal,
                    Some(Missing::Maintenance) => Verdict::Maintenance,
                },
            },
            KindName::Alarm => Watches::Alarm(named("alarm", &table.alarm, "\"database-down\"")?),
            KindName::Calendar => {
                let example = "\"database-changes\"";
                Watches::Calendar(named("calendar", &table.calendar, example)?)
            }
        })
    }

    /// The text with its variables, of which the values are added to `secrets`.
    fn fill(&self, key: &str, text: &str, secrets: &mut Vec<String>) -> Result<String, Unusable> {
        self.fill_by(key, text, secrets, str::to_owned)
    }

    fn fill_by(
        &self,
        key: &str,
        text: &str,
        secrets: &mut Vec<String>,
        escape: impl Fn(&str) -> String,
    ) -> Result<String, Unusable> {
        let key_in_file = format!("observers.{}.{key}", self.name);
        let template = self.of.written.template(&key_in_file, text)?;
        let environment = self.of.environment;
        secrets.extend(template.values(environment).map(str::to_owned));
        let missing = |why| Unusable::Disabled(format!("the variable {why}: {key} needs it"));
        template.expand_by(environment, escape).map_err(missing)
    }

    fn sql(&self, secrets: &mut Vec<String>) -> Result<Watches, Unusable> {
        let table = self.table;
        let url = table.url.as_ref();
        let url = url.ok_or_else(|| self.missing("url", "\"${DATABASE_URL}\""))?;
        let query = table.query.as_ref();
        let query = query.filter(|query| !query.trim().is_empty());
        let example = "\"SELECT state FROM service WHERE name = 'db'\"";
        let query = query.ok_or_else(|| self.missing("query", example))?;
        let expected = self.needed_expected()?;
        if has_password(url) {
            let rule = "a password must not be in the file";
            let hint = "write url = \"${DATABASE_URL}\", or ${NAME} for the password, and set that variable";
            return Err(self.refuse("url", rule).hint(hint).into());
        }
        let (before, user, after) = around_user(url);
        let mut filled = self.fill("url", before, secrets)?;
        // A generated password has any character in it.
        let escape = |value: &str| utf8_percent_encode(value, NON_ALPHANUMERIC).to_string();
        filled += &self.fill_by("url", user, secrets, escape)?;
        filled += &self.fill("url", after, secrets)?;
        // Of a URL that is a variable as a whole, only the password is a secret by itself.
        let parsed = Url::parse(&filled).ok();
        let password = parsed.as_ref().and_then(Url::password);
        secrets.extend(password.into_iter().flat_map(|password| {
            let plain = percent_decode_str(password).decode_utf8_lossy();
            [password.to_owned(), plain.into_owned()]
        }));
        let database = Database::new(&filled, query, &self.of.written.folder());
        let database = database.map_err(|bad| match url.contains("${") {
            true => Unusable::Disabled(format!("url {bad}")),
            false => self
                .refuse("url", &bad.to_string())
                .hint("as in url = \"sqlite:state.db\"")
                .into(),
        })?;
        Ok(Watches::Sql { database, expected })
    }

    fn http(&self, secrets: &mut Vec<String>) -> Result<Watches, Unusable> {
        const EXAMPLE: &str = "\"https://status.example.com/database\"";
        let table = self.table;
        let url = table.url.as_ref();
        let url = url.ok_or_else(|| self.missing("url", EXAMPLE))?;
        if table.status.is_none() && table.maintenance.is_none() {
            let refused = self.refuse("", "has nothing that means maintenance");
            let hint = "add maintenance = \"…\", or status = [503]";
            return Err(refused.hint(hint).into());
        }
        if table.json_path.is_some() && table.maintenance.is_none() {
            return Err(self.missing("maintenance", "\"maintenance\"").into());
        }
        let method = table.method.as_ref();
        let method = method.map_or(Method::GET, |it| it.0.0.clone());
        if method == Method::HEAD && table.maintenance.is_some() {
            let refused = self.refuse("method", "a response to HEAD has no body to compare");
            let hint = "leave it out, or leave out maintenance";
            return Err(refused.hint(hint).into());
        }
        let mut status = Vec::new();
        for code in table.status.iter().flat_map(|it| &it.0) {
            let valid = u16::try_from(*code).ok();
            let valid = valid.filter(|code| (200..600).contains(code));
            status.push(valid.ok_or_else(|| {
                let refused = self.refuse("status", "must be statuses from 200 to 599");
                refused.hint("write status = [503]")
            })?);
        }
        let url = self.fill("url", url, secrets)?;
        let url = http_url(&url).map_err(|rule| {
            let refused = self.refuse("url", rule);
            refused.hint(format!("write url = {EXAMPLE}"))
        })?;
        let mut headers = HeaderMap::new();
        for (name, value) in table.headers.iter().flat_map(|it| &it.0) {
            let key = format!("headers.{name}");
            let value = self.fill(&key, value, secrets)?;
            let bad = |rule: &str| self.refuse(&key, rule).hint("correct it");
            let header = name.parse::<HeaderName>();
            let header = header.map_err(|_| bad("is not the name of a header"))?;
            let value = HeaderValue::from_str(&value);
            let rule = "has a character that a header cannot have";
            let mut value = value.map_err(|_| bad(rule))?;
            value.set_sensitive(true);
            headers.append(header, value);
        }
        Ok(Watches::Http {
            method,
            url,
            headers,
            allow_link_local: table.allow_link_local.unwrap_or(false),
            status,
            expected: self.expected()?,
            json_path: table.json_path.as_ref().map(|it| it.0.clone()),
        })
    }

    fn file(&self) -> Result<Watches, CliError> {
        let table = self.table;
        let path = table.path.as_ref();
        let path = path.ok_or_else(|| self.missing("path", "\"/mnt/share/maintenance\""))?;
        let mode = match table.mode {
            None => {
                let hint = "add mode = \"exists\", or mode = \"content\" with maintenance = \"…\"";
                return Err(self.refuse("", "has no mode").hint(hint));
            }
            Some(FileModeName::Content) => FileMode::Content(
                self.needed_expected()?,
                table.regex.as_ref().map(|it| it.0.0.clone()),
            ),
            Some(FileModeName::Exists) => {
                for (key, is_given) in [
                    ("regex", table.regex.is_some()),
                    ("maintenance", table.maintenance.is_some()),
                    ("normal", table.normal.is_some()),
                ] {
                    if is_given {
                        let rule = "has no effect with mode = \"exists\"";
                        return Err(self.refuse(key, rule).hint("leave it out"));
                    }
                }
                FileMode::Exists
            }
        };
        Ok(Watches::File(self.of.written.beside(path), mode))
    }

    fn command(&self) -> Result<Watches, CliError> {
        let table = self.table;
        let command = table.command.as_ref().map(|it| it.0.clone());
        let command = command.ok_or_else(|| self.missing("command", "[\"./check.sh\"]"))?;
        let status = table.status.as_ref().map(|it| it.0.clone());
        let expected = self.expected()?;
        if status.is_none() && expected.is_none() {
            let error = self.refuse("", "has nothing that means maintenance");
            let hint = "add status = [10], an exit status, or maintenance = \"…\", which the command prints";
            return Err(error.hint(hint));
        }
        let status = status.unwrap_or_default();
        if !status.iter().all(|code| (1..=255).contains(code)) {
            let rule = "must be exit statuses from 1 to 255: 0 means normal";
            return Err(self.refuse("status", rule).hint("write status = [10]"));
        }
        // A relative program is one beside the file; a name is looked for in the PATH.
        let folder = self.of.written.folder();
        Ok(Watches::Command {
            command,
            folder,
            status,
            expected,
        })
    }
}

impl ObserverSettings {
    /// What the file says of it, as `config` shows it: no secret that was written into it by mistake.
    pub(crate) fn rows(&self) -> Vec<(String, Sourced<Value>)> {
        let keys = self.keys.iter();
        keys.map(|(key, it)| {
            let it = it.clone().map(|value| shown(key, value));
            (format!("observers.{}.{key}", self.name), it)
        })
        .collect()
    }
}

/// The URL of a database, cut before and after its user and password.
fn around_user(url: &str) -> (&str, &str, &str) {
    let authority = url.find("://").map_or(0, |at| at + 3);
    let (before, rest) = url.split_at(authority);
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let user = rest[..end].rfind('@').unwrap_or(0);
    let (user, after) = rest.split_at(user);
    (before, user, after)
}

/// Whether a password is written out in this URL.
fn has_password(url: &str) -> bool {
    let is_written = |password: &str| !password.is_empty() && !password.starts_with("${");
    let (_, user, _) = around_user(url);
    let password = user.split_once(':').map(|(_, password)| password);
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let in_query = pairs.any(|(name, value)| name == "password" && is_written(value));
    in_query || password.is_some_and(is_written)
}

fn shown(key: &str, value: Value) -> Value {
    match (key, value) {
        ("headers", Value::Object(headers)) => {
            let headers = headers.into_iter().map(|(name, value)| {
                let is_variable = value.as_str().is_some_and(|value| value.contains("${"));
                (name, if is_variable { value } else { "***".into() })
            });
            Value::Object(headers.collect::<Map<_, _>>())
        }
        ("url", Value::String(url)) => Value::String(without_secrets(&url)),
        (_, value) => value,
    }
}

impl Display for ObservedPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Product(product) => write!(f, "{}", product.id),
            Self::App(app, _) => match app.app() {
                Ok(app) => write!(f, "{app}"),
                Err(_) => Ok(()),
            },
        }
    }
}
