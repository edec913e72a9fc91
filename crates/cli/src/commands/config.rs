//! `maintenance config`: every setting and where it came from.

use serde_json::{Map, Value, json};

use crate::exit_code::Outcome;
use crate::failure::Failure;
use crate::output::Output;
use crate::printable::printable;
use crate::settings::{Settings, Source, Sourced};

/// A setting as it is shown: its key, its value if it has one, and where that came from.
struct Row {
    key: String,
    value: Value,
    source: Source,
}

/// Prints the settings. What is missing is shown as missing, since this is where one looks then.
pub(crate) fn run(settings: &Settings, output: &Output) -> Result<Outcome, Failure> {
    if let Some(unknown) = &settings.unknown_role {
        return Err(unknown.clone());
    }
    let rows = rows(settings);
    if output.json() {
        let settings: Map<String, Value> = rows
            .into_iter()
            .map(|row| {
                (
                    row.key,
                    json!({"value": row.value, "source": row.source.to_json()}),
                )
            })
            .collect();
        output.document(&json!({ "settings": settings }))?;
    } else {
        output.answer(text(&rows))?;
    }
    Ok(Outcome::Done)
}

fn rows(settings: &Settings) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut row = |key: &str, value: Value, source: &Source| {
        rows.push(Row {
            key: key.to_owned(),
            value,
            source: source.clone(),
        });
    };
    let mut optional = |key: &str, it: Option<&Sourced<String>>, missing: &'static str| match it {
        Some(it) => row(key, json!(it.value), &it.source),
        None => row(key, Value::Null, &Source::Default(missing)),
    };
    let file = settings
        .config_file
        .as_ref()
        .map(|file| Sourced::new(file.value.display().to_string(), file.source.clone()));
    optional("config", file.as_ref(), "no maintenance.toml here or above");
    optional("app", settings.app.as_ref(), "not set");
    optional("env", settings.env.as_ref(), "not set");
    optional(
        "profile",
        settings.profile.as_ref(),
        "as the AWS SDK finds it",
    );
    optional(
        "region",
        settings.region.as_ref(),
        "as the AWS SDK finds it",
    );
    let endpoint = settings.endpoint_url.clone().map(without_credentials);
    optional("endpoint-url", endpoint.as_ref(), "AWS's own");
    row(
        "store",
        json!(settings.store.value.to_string()),
        &settings.store.source,
    );
    row(
        "prefix",
        json!(settings.prefix.value.as_str()),
        &settings.prefix.source,
    );
    row(
        "role",
        json!(settings.role.value.as_str()),
        &settings.role.source,
    );
    row("rate", number(settings.rate.value.0), &settings.rate.source);
    row("by", json!(settings.by.value), &settings.by.source);
    if let Some(url) = &settings.url {
        row("url", json!(url.value), &url.source);
    }
    for role in &settings.roles {
        let key = |part: &str| format!("roles.{}.{part}", role.role);
        let functions = match &role.functions {
            Some(functions) => functions.clone().map(|globs| json!(globs)),
            None if role.selects_functions() => {
                Sourced::new(json!(["*"]), Source::Default("those with the tags"))
            }
            None => Sourced::new(Value::Null, Source::Default("none: a flag alone")),
        };
        row(&key("functions"), functions.value, &functions.source);
        for (name, it) in role.keys.iter().filter(|(name, _)| name != "functions") {
            row(&key(name), it.value.clone(), &it.source);
        }
    }
    rows
}

/// Without `.0` where there is nothing after the point.
fn number(value: f64) -> Value {
    let text = value.to_string();
    text.parse::<u64>()
        .map_or_else(|_| json!(value), |whole| json!(whole))
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
        Value::Array(list) => list
            .iter()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join(", "),
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
            .collect::<Vec<_>>()
            .join(", "),
        other => other.to_string(),
    };
    let rows: Vec<(&str, String, String)> = rows
        .iter()
        .map(|row| {
            let value = shown(&row.value);
            let source = row.source.to_string();
            let [value, source] = [value, source].map(|text| printable(&text).into_owned());
            (row.key.as_str(), value, source)
        })
        .collect();
    let keys = rows.iter().map(|row| row.0.len()).max().unwrap_or(0);
    // A long path must not push every source off the screen.
    let values = rows
        .iter()
        .map(|row| row.1.chars().count())
        .filter(|n| *n <= 40)
        .max();
    let values = values.unwrap_or(0);
    rows.iter()
        .map(|(key, value, source)| format!("{key:keys$}  {value:values$}  {source}\n"))
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
