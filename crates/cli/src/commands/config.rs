//! `maintenance config`: every setting and where it came from.

use serde_json::{Map, Value, json};

use crate::error::CliError;
use crate::exit_code::Outcome;
use crate::output::Output;
use crate::printable::printable;
use crate::settings::Settings;
use crate::source::{Source, Sourced};
use crate::values::Rate;

/// A setting as it is shown: its key, its value if it has one, and where that came from.
type Row = (String, Sourced<Value>);

/// Prints the settings. A missing one is shown as missing: this is the command to find that out.
pub(crate) fn run(settings: &Settings, output: &Output) -> Result<Outcome, CliError> {
    if let Some(unknown) = &settings.unknown_role {
        return Err(unknown.clone());
    }
    let rows = rows(settings);
    if output.json() {
        let document = |(key, Sourced { value, source }): Row| {
            (key, json!({"value": value, "source": source.to_json()}))
        };
        let settings: Map<String, Value> = rows.into_iter().map(document).collect();
        output.document(&json!({ "settings": settings }))?;
    } else {
        output.answer(text(&rows))?;
    }
    Ok(Outcome::Done)
}

fn rows(settings: &Settings) -> Vec<Row> {
    let or = |it: &Option<Sourced<String>>, missing| match it {
        Some(it) => it.clone().map(Value::String),
        None => Sourced::new(Value::Null, Source::Default(missing)),
    };
    let file = settings.config_file.clone();
    let file = file.map(|file| file.map(|path| path.display().to_string()));
    let endpoint = settings.endpoint_url.clone().map(without_credentials);
    let role = settings.role.clone().map(|role| json!(role.as_str()));
    let prefix = settings.prefix.clone().map(|prefix| json!(prefix.as_str()));
    let rows = [
        ("config", or(&file, "no maintenance.toml here or above")),
        ("app", or(&settings.app, "not set")),
        ("env", or(&settings.env, "not set")),
        ("profile", or(&settings.profile, "as the AWS SDK finds it")),
        ("region", or(&settings.region, "as the AWS SDK finds it")),
        ("endpoint-url", or(&endpoint, "AWS's own")),
        (
            "store",
            settings.store.clone().map(|store| json!(store.to_string())),
        ),
        ("prefix", prefix),
        ("role", role),
        ("rate", settings.rate.clone().map(|Rate(rate)| number(rate))),
        ("timeout", settings.timeout.clone().map(Value::from)),
        ("by", settings.by.clone().map(Value::String)),
    ];
    let mut rows: Vec<Row> = rows.map(|(key, it)| (key.to_owned(), it)).into();
    if let Some(url) = settings.url.clone() {
        rows.push(("url".to_owned(), url.map(Value::String)));
    }
    for role in &settings.roles {
        let functions = match &role.functions {
            Some(functions) => functions.clone().map(|globs| json!(globs)),
            None if role.selects_functions() => {
                Sourced::new(json!(["*"]), Source::Default("those with the tags"))
            }
            None => Sourced::new(Value::Null, Source::Default("none: a flag alone")),
        };
        let others = role.keys.iter().filter(|(name, _)| name != "functions");
        let all = std::iter::once(("functions".to_owned(), functions)).chain(others.cloned());
        rows.extend(all.map(|(name, it)| (format!("roles.{}.{name}", role.role), it)));
    }
    rows
}

/// Without `.0` where there is nothing after the point.
fn number(value: f64) -> Value {
    value
        .to_string()
        .parse::<u64>()
        .map_or_else(|_| json!(value), Value::from)
}

/// A user and password in an address are not shown.
fn without_credentials(url: Sourced<String>) -> Sourced<String> {
    let Sourced { value, source } = url;
    let value = match value.split_once("://") {
        Some((scheme, rest)) => {
            let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
            let host = rest[..end].rfind('@').map_or(0, |at| at + 1);
            format!("{scheme}://{}", &rest[host..])
        }
        None => value,
    };
    Sourced::new(value, source)
}

fn text(rows: &[Row]) -> String {
    let shown = |value: &Value| match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(list) => {
            let list: Vec<_> = list.iter().filter_map(Value::as_str).collect();
            list.join(", ")
        }
        Value::Object(map) => {
            let pair =
                |(key, value): (_, &Value)| format!("{key}={}", value.as_str().unwrap_or_default());
            map.iter().map(pair).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    };
    let rows: Vec<_> = rows
        .iter()
        .map(|(key, it)| {
            (
                key,
                printable(&shown(&it.value)).into_owned(),
                it.source.brief(),
            )
        })
        .collect();
    let keys = rows.iter().map(|(key, ..)| key.len()).max().unwrap_or(0);
    // A long path must not push every source off the screen.
    let values = rows.iter().map(|(_, value, _)| value.chars().count());
    let values = values.filter(|width| *width <= 24).max().unwrap_or(0);
    rows.iter()
        .map(|(key, value, source)| {
            format!("{key:keys$}  {value:values$}  {}\n", printable(source))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_credentials() {
        let shown = |url: &str| {
            without_credentials(Sourced::new(url.to_owned(), Source::Default("x"))).value
        };
        assert_eq!(shown("http://127.0.0.1:4566"), "http://127.0.0.1:4566");
        assert_eq!(shown("http://me:pass@host:1/x@y"), "http://host:1/x@y");
        assert_eq!(shown("https://me:p@ss@host"), "https://host");
        assert_eq!(shown("host"), "host");
    }
}
