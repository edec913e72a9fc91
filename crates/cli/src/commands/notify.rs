//! `maintenance notify test`: whether the receivers of the configuration can be reached.

use jiff::Timestamp;
use maintenance_server::notify::{LAST_WAIT, Notification};
use serde_json::json;

use super::notifications::notifier;
use crate::connection::Connection;
use crate::error::CliError;
use crate::exit_code::Outcome;
use crate::output::Output;
use crate::settings::Target;

/// Sends every receiver a test.
pub(crate) async fn test(target: &Target, output: &Output) -> Result<Outcome, CliError> {
    let settings = &target.notify;
    if settings.0.is_empty() {
        return Err(CliError::usage("no notification receivers are configured")
            .cause("maintenance.toml has no [[notify]]")
            .hint("add one; `maintenance init` writes an example"));
    }
    let connection = Connection::open(&target.app).await?;
    let notifier = notifier(settings, &connection.visitor);
    let by = &target.app.by.value;
    notifier.tell(vec![Notification::test(by, Timestamp::now())]);
    let disabled = settings.disabled();
    let disabled = disabled.map(|(receiver, why)| (receiver.name.clone(), why.to_owned()));
    let undelivered = notifier.finish(LAST_WAIT).await.into_iter();
    let undelivered = undelivered.map(|it| (it.receiver, it.reason));
    let failed: Vec<(String, String)> = disabled.chain(undelivered).collect();
    let told = settings.0.len() - failed.len();
    if output.json() {
        let failed = failed.iter();
        let failed = failed.map(|(name, why)| json!({"receiver": name, "reason": why}));
        let failed: Vec<_> = failed.collect();
        output.document(&json!({"delivered": told, "failed": failed}))?;
    } else {
        output.answer(format_args!("{told} of {} delivered\n", settings.0.len()))?;
    }
    if failed.is_empty() {
        return Ok(Outcome::Done);
    }
    let failure = CliError::failed("not every receiver got the test");
    let failed = failed.iter();
    let failure = failed.fold(failure, |failure, (name, why)| {
        failure.cause(format!("{name}: {why}"))
    });
    Err(failure
        .hint("correct its [[notify]] in maintenance.toml, or the variables that it names")
        .already_reported())
}
