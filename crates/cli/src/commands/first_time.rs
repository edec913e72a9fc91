//! The first time that an app is operated on: its name may be a slip, and its handlers may lack the gate.
//!
//! Both would be a quiet success otherwise: `off` of an app that was never on, and a flag that no gate reads.

use std::error::Error;
use std::time::Duration;

use maintenance_control::{Control, Report, RoleOutcome, RoleSpec, Visit, Visitor};
use maintenance_flag::{App, Mode, Role};
use tokio::time::{sleep, timeout};

use crate::output::Output;
use crate::render;

/// How long the site may take for an answer.
const ANSWER: Duration = Duration::from_secs(5);
/// How often it is asked.
const AGAIN: Duration = Duration::from_secs(1);

/// Whether no role of the app has ever had a flag. One that cannot be read is not new.
pub(crate) async fn is_new(control: &Control) -> bool {
    let known = control.known_roles(Vec::new()).await;
    known.is_ok_and(|roles| roles.is_empty())
}

/// After `off`: says that the app has never been on, and how its site answers.
pub(crate) async fn after_off(
    control: &Control,
    visitor: &Visitor,
    (app, url): (&App, Option<String>),
    report: &Report,
    output: &Output,
) {
    let was_off = |role: &RoleOutcome| *role == RoleOutcome::AlreadyOff;
    let mut outcomes = report.roles.iter().map(|role| &role.outcome);
    if !outcomes.all(was_off) || !is_new(control).await {
        return;
    }
    output.say(render::never_on(app));
    if let Some(url) = url {
        output.say(match visit(visitor, &url).await {
            Ok(visit) => render::site_of_new_app(&url, visit),
            Err(error) => render::site_unknown(&url, &error),
        });
    }
}

/// After `on`: warns if no gate refuses visitors by the time that each must have seen the flag.
pub(crate) async fn after_on(
    visitor: &Visitor,
    url: &str,
    roles: &[RoleSpec],
    report: &Report,
    output: &Output,
) {
    let has_site = |spec: &RoleSpec| spec.functions.is_none() && spec.role != Role::worker();
    if !report.is_complete() || !roles.iter().any(has_site) || !refuses_all(report) {
        return;
    }
    // A gate jitters its TTL by a fifth, and waits a little for the flag.
    let ttl = roles.iter().map(|spec| spec.drain.ttl).max();
    let seen = ttl.unwrap_or_default().mul_f64(1.2) + AGAIN;
    let refused = async {
        loop {
            match visit(visitor, url).await {
                Ok(visit) if visit.is_refused => return Ok(()),
                Err(error) => return Err(error),
                Ok(_) => sleep(AGAIN).await,
            }
        }
    };
    match timeout(seen, refused).await {
        Ok(Ok(())) => output.say(render::gate_answers(url)),
        Ok(Err(error)) => output.say(render::site_unknown(url, &error)),
        Err(_) => output.say(render::no_gate(url, seen)),
    }
}

/// Whether the flags let nothing pass, so that a gate must refuse this request too.
fn refuses_all(report: &Report) -> bool {
    let mut options = report.roles.iter().filter_map(|role| role.options.as_ref());
    options.all(|it| {
        let bypass = &it.bypass;
        it.mode == Mode::On && bypass.addresses.is_empty() && bypass.paths.is_empty()
    })
}

/// What lies behind all sources of an error: the client's own words for it say little.
fn root_cause<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    error.source().map_or(error, root_cause)
}

async fn visit(visitor: &Visitor, url: &str) -> Result<Visit, String> {
    match timeout(ANSWER, visitor.get(url)).await {
        Ok(Ok(visit)) => Ok(visit),
        Ok(Err(error)) => Err(root_cause(&*error).to_string()),
        Err(_) => Err(format!("no answer in {} s", ANSWER.as_secs())),
    }
}
