//! Functions and their settings as a table.

use std::collections::BTreeMap;

use comfy_table::{Table, presets};
use maintenance_sandbox::{Fleet, FunctionState};

/// The settings that maintenance changes, each by its name and in words.
fn settings(function: &FunctionState) -> BTreeMap<String, String> {
    let reserved = function
        .reserved
        .map_or("unset".to_owned(), |limit| limit.to_string());
    let mut settings = BTreeMap::from([("reserved".to_owned(), reserved)]);
    for (qualifier, count) in &function.provisioned {
        settings.insert(format!("provisioned on {qualifier}"), count.to_string());
    }
    for mapping in function.mappings.values() {
        let arn = mapping.event_source_arn.as_deref().unwrap_or("?");
        let name = arn.rsplit(':').next().unwrap_or(arn);
        settings.insert(format!("queue {name}"), mapping.state.clone());
    }
    settings
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    // No lines: in a terminal that is narrow they break before the words do.
    table.load_style(presets::NOTHING).set_header(header);
    table
}

/// Every function and its settings.
pub(crate) fn workers(fleet: &Fleet) -> String {
    let mut table = table(&["function", "reserved", "besides"]);
    for (name, function) in fleet {
        let mut settings = settings(function);
        let reserved = settings.remove("reserved").unwrap_or_default();
        let besides: Vec<String> = settings
            .into_iter()
            .map(|(setting, value)| format!("{setting}: {value}"))
            .collect();
        table.add_row([name.clone(), reserved, besides.join("\n")]);
    }
    trimmed(&table)
}

/// Every setting at three times, and whether the last is as the first.
pub(crate) fn compared(before: &Fleet, during: &Fleet, now: &Fleet) -> String {
    let mut table = table(&["function", "setting", "before", "during", "now", "same"]);
    for (name, old) in before {
        let of = |fleet: &Fleet| fleet.get(name).map(settings).unwrap_or_default();
        let (during, now) = (of(during), of(now));
        for (n, (setting, old)) in settings(old).iter().enumerate() {
            let shown = if n == 0 { name.as_str() } else { "" };
            let during = during.get(setting).map_or("-", String::as_str);
            let new = now.get(setting).map_or("-", String::as_str);
            let same = if new == old { "yes" } else { "NO" };
            table.add_row([shown, setting, old, during, new, same]);
        }
    }
    trimmed(&table)
}

/// Without the blanks that fill each line up.
fn trimmed(table: &Table) -> String {
    let lines: Vec<String> = table
        .lines()
        .map(|line| format!(" {}", line.trim_end()))
        .collect();
    lines.join("\n")
}
