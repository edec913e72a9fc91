//! How a command that acts on one app, or on those of a product, answers.

use maintenance_server::statuses::OperationMode;
use serde::Serialize;
use serde_json::json;

use super::selected::{SelectedApp, failed};
use crate::error::CliError;
use crate::exit_code::Outcome;
use crate::output::Output;
use crate::printable::printable;
use crate::render;
use crate::settings::Target;

/// The documents of the apps: that of the one app, or those of a product in one, with its mode where that is known.
pub(super) fn documents(
    target: &Target,
    apps: &[impl Serialize],
    mode: Option<OperationMode>,
    output: &Output,
) -> Result<(), CliError> {
    let Some(product) = &target.product else {
        return apps.iter().try_for_each(|app| output.document(app));
    };
    let mut document = json!({ "product": product.id.as_str() });
    if let Some(mode) = mode {
        document["operation_mode"] = mode.as_str().into();
    }
    document["apps"] = serde_json::to_value(apps).unwrap_or_default();
    output.document(&document)
}

/// A plan, which is what was asked for: lines of each app, and then of all.
pub(super) fn plan(
    apps: &[SelectedApp<'_>],
    of_each: impl IntoIterator<Item = Vec<String>>,
    of_all: Vec<String>,
    output: &Output,
) -> Result<(), CliError> {
    let each = apps.iter().zip(of_each).flat_map(|(app, lines)| {
        let lines = lines.into_iter();
        lines.map(|line| render::of_app(line, app.label()))
    });
    let lines = each.chain(of_all).map(|line| printable(&line).into_owned());
    output.answer(lines.collect::<Vec<_>>().join("\n") + "\n")
}

/// How a command ended that has answered, if nothing failed as well.
pub(super) fn ended(
    failures: Vec<(&SelectedApp<'_>, CliError)>,
    well: Outcome,
) -> Result<Outcome, CliError> {
    match failed(failures) {
        Some(failure) => Err(failure.already_reported()),
        None => Ok(well),
    }
}
