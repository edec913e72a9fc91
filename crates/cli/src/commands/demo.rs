//! `maintenance demo`: the whole of it, played through by itself.
//!
//! It runs the very commands that a person would type, as processes of their own, and looks at what
//! came of them: at the page, at the workers, and at every setting.

mod fetch;
mod play;

use crate::error::CliError;
use crate::exit_code::Outcome;
use crate::output::Output;

/// Plays it; done only if all of it held.
pub(crate) async fn run(output: &Output) -> Result<Outcome, CliError> {
    let play = play::Play::start(output).await?;
    let checks = play.run().await?;
    if output.json() {
        output.document(&serde_json::json!({
            "held": checks.iter().all(|check| check.held),
            "checks": checks,
        }))?;
    }
    let failed: Vec<_> = checks.iter().filter(|check| !check.held).collect();
    if failed.is_empty() {
        return Ok(Outcome::Done);
    }
    let failure = CliError::failed("the demo failed");
    Err(failed
        .iter()
        .fold(failure, |failure, check| {
            failure.cause(format!("not so: {}", check.what))
        })
        .hint("please report this with the output above")
        .already_reported())
}
