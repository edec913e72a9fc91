//! `maintenance config`: every setting and where it came from.

use serde_json::{Map, Value, json};

use crate::error::CliError;
use crate::exit_code::Outcome;
use crate::output::Output;
use crate::printable::printable;
use crate::settings::{Configuration, ObserverSettings, ProductSettings, Settings, WindowSettings};
use crate::source::{Source, Sourced};
use crate::values::{Rate, without_user};

/// A setting as it is shown: its key, its value if it has one, and where that came from.
type Row = (String, Sourced<Value>);

/// Prints the settings. A missing one is shown as missing: this is the command to find that out.
pub(crate) fn run(configuration: &Configuration<'_>, output: &Output) -> Result<Outcome, CliError> {
    let target = configuration.target()?;
    if let Some(unknown) = target
        .app
        .unknown_role
        .as_ref()
        .filter(|_| target.product.is_none())
    {
        return Err(unknown.clone());
    }
    let mut rows = rows(&target.app);
    let (products, apps) = match &target.product {
        Some(product) => (vec![product.clone()], target.apps().to_vec()),
        None => (configuration.products()?, configuration.apps()?),
    };
    rows.extend(products.iter().flat_map(of_product));
    rows.extend(apps.iter().flat_map(of_app));
    let windows = configuration.windows(jiff::Timestamp::now())?;
    rows.extend(windows.iter().flat_map(WindowSettings::rows));
    rows.extend(target.notify.rows());
    let observers = configuration.observers()?;
    rows.extend(observers.iter().flat_map(ObserverSettings::rows));
    if output.json() {
        let document = |(key, Sourced { value, source }): Row| {
            (key, json!({"value": value, "source": source.to_json()}))
        };
        let settings: Map<String, Value> = rows.into_iter().map(document).collect();
        output.document(&json!({ "settings": settings }))?;
    } else {
        output.answer(text(&rows, output.width()))?;
    }
    Ok(Outcome::Done)
}

fn or(it: &Option<Sourced<String>>, missing: &'static str) -> Sourced<Value> {
    match it {
        Some(it) => it.clone().map(Value::String),
        None => Sourced::new(Value::Null, Source::Default(missing)),
    }
}

fn named<const N: usize>(rows: [(&str, Sourced<Value>); N]) -> Vec<Row> {
    rows.map(|(key, it)| (key.to_owned(), it)).into()
}

fn rows(settings: &Settings) -> Vec<Row> {
    let file = settings.config_file.clone();
    let file = file.map(|file| file.map(|path| path.display().to_string()));
    let endpoint = settings.endpoint_url.clone();
    let endpoint = endpoint.map(|url| url.map(|url| without_user(&url)));
    let [app, env, profile, region] = place(settings);
    let [store, prefix, rate] = limits(settings);
    let also = settings.also.iter().map(|role| format!(", {role}"));
    let also: String = also.collect();
    let role = settings.role.clone();
    let role = role.map(|role| json!(format!("{role}{also}")));
    let mut rows = named([
        ("config", or(&file, "no maintenance.toml here or above")),
        app,
        env,
        profile,
        region,
        ("endpoint-url", or(&endpoint, "AWS's own")),
        store,
        prefix,
        ("role", role),
        rate,
        ("timeout", settings.timeout.clone().map(Value::from)),
        ("by", settings.by.clone().map(Value::String)),
    ]);
    if let Some(url) = settings.url.clone() {
        rows.push(("url".to_owned(), url.map(Value::String)));
    }
    rows.extend(of_roles(settings));
    rows
}

type Named = (&'static str, Sourced<Value>);

fn place(settings: &Settings) -> [Named; 4] {
    [
        ("app", or(&settings.app, "not set")),
        ("env", or(&settings.env, "not set")),
        ("profile", or(&settings.profile, "as the AWS SDK finds it")),
        ("region", or(&settings.region, "as the AWS SDK finds it")),
    ]
}

fn limits(settings: &Settings) -> [Named; 3] {
    let store = settings.store.clone().map(|store| json!(store.to_string()));
    let prefix = settings.prefix.clone().map(|prefix| json!(prefix.as_str()));
    let rate = settings.rate.clone().map(|Rate(rate)| number(rate));
    [("store", store), ("prefix", prefix), ("rate", rate)]
}

fn of_roles(settings: &Settings) -> Vec<Row> {
    let mut rows = Vec::new();
    for role in &settings.roles {
        let functions = match &role.functions {
            Some(functions) => functions.clone().map(|globs| json!(globs)),
            None if role.selects_functions() => {
                Sourced::new(json!(["*"]), Source::Default("those with the tags"))
            }
            None => Sourced::new(Value::Null, Source::Default("none: only a flag")),
        };
        let others = role.keys.iter().filter(|(name, _)| name != "functions");
        let all = std::iter::once(("functions".to_owned(), functions)).chain(others.cloned());
        rows.extend(all.map(|(name, it)| (format!("roles.{}.{name}", role.role), it)));
    }
    rows
}

/// The keys of a product, and its apps as they are called there.
fn of_product(product: &ProductSettings) -> Vec<Row> {
    let apps = product.apps.iter().filter_map(Settings::handle);
    let apps = json!(apps.collect::<Vec<_>>());
    let apps = Sourced::new(apps, product.source.clone());
    let text = |it: &Option<Sourced<String>>| Some(it.clone()?.map(Value::String));
    let env = product.apps.first().and_then(|app| app.env.as_ref());
    let env = env.map(|env| Sourced::new(json!(product.environment), env.source.clone()));
    let rows = [
        ("title", text(&product.title)),
        ("version", text(&product.version)),
        ("env", env),
        ("apps", Some(apps)),
    ];
    let given = rows.into_iter().filter_map(|(key, it)| Some((key, it?)));
    given
        .map(|(key, it)| (format!("products.{}.{key}", product.id), it))
        .collect()
}

/// The settings of an app that has a table. The file's own are shown anyway.
fn of_app(settings: &Settings) -> Vec<Row> {
    let Some(key) = &settings.key else {
        return Vec::new();
    };
    let file = settings.included.clone();
    let file = file.map(|file| ("config", file.map(|path| json!(path.display().to_string()))));
    let mut rows = named(place(settings));
    rows.extend(named(limits(settings)));
    rows.extend(of_roles(settings));
    let file = file.map(|(key, it)| (key.to_owned(), it));
    let rows = file.into_iter().chain(rows);
    rows.map(|(name, it)| (format!("apps.{key}.{name}"), it))
        .collect()
}

/// Without `.0` where there is nothing after the point.
fn number(value: f64) -> Value {
    value
        .to_string()
        .parse::<u64>()
        .map_or_else(|_| json!(value), Value::from)
}

/// A value as a person reads it.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(shown).collect::<Vec<_>>().join(", "),
        Value::Object(map) => {
            let pair = |(key, value): (_, &Value)| format!("{key}={}", shown(value));
            map.iter().map(pair).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

/// A line a row. In a terminal whose `width` is too narrow for one, its source is on the line below.
fn text(rows: &[Row], width: Option<usize>) -> String {
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
    let line = |(key, value, source): &(&String, String, String)| {
        let (named, source) = (format!("{key:keys$}  {value:values$}"), printable(source));
        let line = format!("{named}  {source}\n");
        match width.is_some_and(|width| line.chars().count() > width + 1) {
            true => format!("{}\n    {source}\n", named.trim_end()),
            false => line,
        }
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_does_not_fit_the_terminal_is_on_the_line_below() {
        let row = |key: &str, value: &str| {
            let source = Source::Default("default");
            (key.to_owned(), Sourced::new(json!(value), source))
        };
        let rows = [row("app", "demo"), row("prefix", "/a/long/prefix")];
        let wide = "app     demo            default\nprefix  /a/long/prefix  default\n";
        assert_eq!(text(&rows, None), wide);
        assert_eq!(text(&rows, Some(31)), wide);
        let narrow = "app     demo\n    default\nprefix  /a/long/prefix\n    default\n";
        assert_eq!(text(&rows, Some(30)), narrow);
    }

    #[test]
    fn lists_and_tables_are_shown_whatever_they_hold() {
        assert_eq!(shown(&json!([10, "a", true])), "10, a, true");
        assert_eq!(shown(&json!({"a": 1, "b": ["c"]})), "a=1, b=c");
        assert_eq!(shown(&Value::Null), "-");
    }
}
