//! `maintenance invoke`: lets one paused function run once.
//!
//! Its answer is the answer of the command, byte for byte; the tail of its log is told on stderr.

use std::io::Read as _;
use std::sync::atomic::{AtomicBool, Ordering};

use maintenance_control::{
    CancellationToken, Context, Error, Event, InvokeEnd, InvokePlan, InvokeRefusal, InvokeReport,
    InvokeRequest, LambdaError,
};
use serde_json::{Value, json};

use super::confirm::{can_ask, not_confirmed, sure};
use super::selected::{SelectedApp, connections, selected_or_all};
use crate::args::InvokeArgs;
use crate::error::CliError;
use crate::exit_code::Outcome;
use crate::output::Output;
use crate::progress::{Progress, read_each};
use crate::render;
use crate::settings::Target;
use crate::signals::interruptible;
use crate::values::PayloadSource;

/// The most bytes that AWS takes for an invocation that is waited for.
const MAX_PAYLOAD: u64 = 6 * 1024 * 1024;

/// Lets the function run, and prints what it answers.
pub(crate) async fn run(
    target: &Target,
    args: &InvokeArgs,
    output: &Output,
) -> Result<Outcome, CliError> {
    let request = InvokeRequest {
        function: args.function.0.clone(),
        qualifier: args.qualifier.clone(),
        payload: payload(args.payload.as_ref())?,
    };
    let apps = selected_or_all(target, output).await?;
    let (app, plan) = planned(&apps, &request.function, output).await?;
    if args.dry_run {
        for line in render::will_invoke(&plan) {
            app.say(line, output);
        }
        if output.json() {
            output.document(&plan)?;
        }
        return Ok(Outcome::Done);
    }
    for line in render::will_invoke(&plan) {
        match args.yes {
            true => app.say(line, output),
            false => app.ask(line, output),
        }
    }
    if !args.yes {
        can_ask(output)?;
        if !sure(output)? {
            return not_confirmed(output);
        }
    }
    let report = invoked(app, &plan, &request, output).await?;
    told(app, &report, output)
}

/// The app that has paused the function, and what would be done. That of several apps is the only one that does
/// not refuse, or else the first whose role has it.
async fn planned<'a, 's>(
    apps: &'a [SelectedApp<'s>],
    function: &str,
    output: &Output,
) -> Result<(&'a SelectedApp<'s>, InvokePlan), CliError> {
    let plans = read_each(connections(apps), output, async |n, control, context| {
        control.plan_invoke(&apps[n].roles, function, context).await
    });
    let mut refused = None;
    for (app, plan) in apps.iter().zip(plans.await) {
        match plan {
            Ok(plan) => return Ok((app, plan)),
            Err(error) => {
                let is_elsewhere = matches!(
                    error,
                    Error::NotInvocable {
                        source: InvokeRefusal::NotSelected,
                        ..
                    }
                );
                match &refused {
                    Some((_, false)) => {}
                    Some((_, true)) if is_elsewhere => {}
                    _ => refused = Some((app.failure(error.into()), is_elsewhere)),
                }
            }
        }
    }
    Err(refused.map_or_else(|| CliError::failed("there is no app"), |(error, _)| error))
}

/// What the function is given.
fn payload(source: Option<&PayloadSource>) -> Result<Vec<u8>, CliError> {
    let cannot = |what: &str, error: &dyn std::error::Error| {
        CliError::usage(format!("cannot read --payload from {what}"))
            .caused_by(error)
            .hint("pass an existing file as @FILE, or the JSON itself")
    };
    let bytes = match source {
        None => return Ok(b"{}".to_vec()),
        Some(PayloadSource::Text(text)) => text.clone().into_bytes(),
        Some(PayloadSource::File(path)) => {
            let what = path.display().to_string();
            let read = std::fs::File::open(path).and_then(read_all);
            read.map_err(|error| cannot(&what, &error))?
        }
        Some(PayloadSource::Stdin) => {
            let read = read_all(std::io::stdin().lock());
            read.map_err(|error| cannot("standard input", &error))?
        }
    };
    if bytes.len() as u64 > MAX_PAYLOAD {
        return Err(CliError::usage("--payload is too long")
            .cause("AWS Lambda takes 6 MB at most")
            .hint("have the function read it from elsewhere, such as S3"));
    }
    match serde_json::from_slice::<serde::de::IgnoredAny>(&bytes) {
        Ok(_) => Ok(bytes),
        Err(error) => Err(CliError::usage("--payload is not JSON")
            .caused_by(&error)
            .hint("AWS Lambda takes JSON; a string needs quotes: --payload '\"text\"'")),
    }
}

fn read_all(from: impl std::io::Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(MAX_PAYLOAD + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

async fn invoked(
    app: &SelectedApp<'_>,
    plan: &InvokePlan,
    request: &InvokeRequest,
    output: &Output,
) -> Result<InvokeReport, CliError> {
    let stop = CancellationToken::new();
    let progress = &Progress::new(output, vec![&app.connection]);
    let was_said = &AtomicBool::new(false);
    let listen = move |event: Event<'_>| match event {
        Event::Invoking { function, timeout } => {
            let waits = render::invoking(function, timeout);
            // It may be sent again.
            if !output.can_animate() && !was_said.swap(true, Ordering::Relaxed) {
                output.say(&waits);
            }
            progress.waits(waits);
        }
        event => progress.emit(0, &event),
    };
    let context = Context {
        stop: stop.clone(),
        listen: &listen,
    };
    let invoking = app.connection.control.invoke(plan, request, &context);
    let first = || {
        progress.clear();
        output.say("Pausing the function again; press Ctrl-C again to stop at once");
    };
    let ended = interruptible(progress.watch(invoking), &stop, first).await?;
    progress.clear();
    match ended {
        Some(report) => report.map_err(CliError::from),
        None => Err(CliError::new(
            Outcome::Interrupted,
            format!("stopped at once: {} may have run, and may still be running", plan.function),
        )
        .hint(format!(
            "run `maintenance unlock`, or wait for a minute; then `maintenance on --role {}` sets it back to 0, and `maintenance off` restores it",
            plan.role
        ))),
    }
}

/// Prints the answer, and tells the rest.
fn told(
    app: &SelectedApp<'_>,
    report: &InvokeReport,
    output: &Output,
) -> Result<Outcome, CliError> {
    if let InvokeEnd::Answered(answer) = &report.end {
        if !output.json() {
            output.bytes(&answer.payload)?;
        }
        if !answer.log.trim().is_empty() {
            output.block(answer.log.trim_end());
        }
    }
    for line in render::invoked(report, &app.reader()) {
        app.say(line, output);
    }
    let failure = failure(report);
    if output.json() {
        let document = document(report);
        output.document(&match &failure {
            Some(failure) => failure.document_beside(&document),
            None => document,
        })?;
    }
    match failure {
        None => Ok(Outcome::Done),
        Some(failure) => Err(failure.already_reported()),
    }
}

/// What went wrong: that the function is not back comes first, since it is what has to be acted on.
fn failure(report: &InvokeReport) -> Option<CliError> {
    let InvokeReport { function, role, .. } = report;
    let of_end = of_end(report);
    if let Some(error) = &report.failure {
        let failure = CliError::new(
            Outcome::Partial,
            format!("{function} could not be paused again"),
        );
        let failure = failure.caused_by(error).hint(format!(
            "`maintenance on --role {role}` sets it back to 0, `maintenance off` restores it"
        ));
        return Some(match of_end {
            Some(end) => failure.cause(end.message()),
            None => failure,
        });
    }
    if of_end.is_none() && !report.drifted.is_empty() {
        let failure = CliError::new(Outcome::Partial, format!("{function} is not paused again"))
            .hint("set its reserved concurrency to 0, or leave it as it is: `off` keeps it");
        let drifted = report.drifted.iter();
        return Some(drifted.fold(failure, |failure, drift| {
            failure.cause(maintenance_control::describe::drifted(drift))
        }));
    }
    of_end
}

fn of_end(report: &InvokeReport) -> Option<CliError> {
    let function = &report.function;
    match &report.end {
        InvokeEnd::Answered(answer) => {
            let kind = answer.function_error.as_deref()?;
            let failure = CliError::failed(format!("{function} failed: {kind}"));
            let error: Option<Value> = serde_json::from_slice(&answer.payload).ok();
            let message = error
                .as_ref()
                .and_then(|it| it.get("errorMessage")?.as_str());
            let failure = match message {
                Some(message) => failure.cause(message.replace(['\r', '\n'], " ")),
                None => failure,
            };
            Some(failure.hint("its log is above; fix the cause, then invoke it again"))
        }
        InvokeEnd::NotRun(error) => Some(
            CliError::new(outcome(error), format!("{function} did not run"))
                .caused_by(error)
                .hint_if(error.hint().or_else(|| throttled(error))),
        ),
        InvokeEnd::Unknown(error) => Some(
            CliError::new(
                outcome(error),
                format!("{function} may have run: there is no answer"),
            )
            .caused_by(error)
            .hint("check its log before you invoke it again"),
        ),
    }
}

fn outcome(error: &LambdaError) -> Outcome {
    match error {
        LambdaError::Halted(maintenance_control::AbortReason::Stopped) => Outcome::Interrupted,
        _ => Outcome::Failed,
    }
}

fn throttled(error: &LambdaError) -> Option<String> {
    error.is_unavailable().then(|| {
        "other callers use its reserved concurrency of 1, or the account has none left; try again"
            .to_owned()
    })
}

fn document(report: &InvokeReport) -> Value {
    let answer = match &report.end {
        InvokeEnd::Answered(answer) => Some(answer),
        InvokeEnd::NotRun(_) | InvokeEnd::Unknown(_) => None,
    };
    let payload = answer.map(|answer| {
        serde_json::from_slice(&answer.payload)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&answer.payload).into()))
    });
    let ran = match &report.end {
        InvokeEnd::Answered(_) => Some(true),
        InvokeEnd::NotRun(_) => Some(false),
        InvokeEnd::Unknown(_) => None,
    };
    json!({
        "app": report.app.to_string(),
        "role": report.role.as_str(),
        "function": report.function,
        "ran": ran,
        "answer": payload,
        "function_error": answer.and_then(|it| it.function_error.as_deref()),
        "version": answer.map(|it| it.version.as_str()),
        "log": answer.map(|it| it.log.as_str()),
        "drifted": report.drifted,
        "drained_at": report.drained_at,
    })
}
