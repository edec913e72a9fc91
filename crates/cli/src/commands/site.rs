//! After `on`: whether the site answers 503 by now, and how long that took. It changes nothing, not even the exit
//! code: a gate may be behind for a reason of its own.

use std::error::Error;
use std::time::Duration;

use maintenance_control::{Report, RoleOutcome, RoleSpec, Visit, Visitor};
use maintenance_flag::{Mode, Role};
use serde::Serialize;
use tokio::time::{Instant, sleep, timeout};

use crate::output::Output;
use crate::progress::Progress;
use crate::render;

/// How long the site may take for an answer.
const ANSWER: Duration = Duration::from_secs(5);
/// How often it is asked.
const AGAIN: Duration = Duration::from_secs(1);

/// What was seen of the site.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Site {
    /// Its address.
    url: String,
    /// Whether a gate answered 503. None: it could not be asked.
    gate: Option<bool>,
    /// After how many seconds it did, or how long it was waited for.
    seconds: f64,
    /// Why it could not be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Waits until a gate refuses visitors, at most until each must have seen the flag. None if there is nothing to wait
/// for: no role of the site was turned on, or something may pass.
pub(super) async fn after_on(
    visitor: &Visitor,
    url: String,
    roles: &[RoleSpec],
    report: &Report,
    progress: &Progress<'_>,
) -> Option<Site> {
    let has_site = |spec: &RoleSpec| spec.functions.is_none() && spec.role != Role::worker();
    let changed = [RoleOutcome::TurnedOn, RoleOutcome::OptionsUpdated];
    let is_changed = |spec: &&RoleSpec| {
        let mut roles = report.roles.iter();
        roles.any(|role| role.role == spec.role && changed.contains(&role.outcome))
    };
    let is_of_site = roles.iter().filter(is_changed).any(has_site);
    if !report.is_complete() || !is_of_site || !refuses_all(report) {
        return None;
    }
    // A gate jitters its TTL by a fifth, and waits a little for the flag.
    let ttl = roles.iter().map(|spec| spec.drain.ttl).max();
    let longest = ttl.unwrap_or_default().mul_f64(1.2) + AGAIN;
    let started = Instant::now();
    let refused = async {
        loop {
            match visit(visitor, &url).await {
                Ok(visit) if visit.is_refused => return Ok(()),
                Err(error) => return Err(error),
                Ok(_) => {
                    progress.waits(render::awaiting_gate(&url, longest));
                    sleep(AGAIN).await;
                }
            }
        }
    };
    let ended = timeout(longest, refused).await;
    progress.clear();
    let (gate, error) = match ended {
        Ok(Ok(())) => (Some(true), None),
        Ok(Err(error)) => (None, Some(error)),
        Err(_) => (Some(false), None),
    };
    let seconds = started.elapsed().as_secs_f64();
    Some(Site {
        url,
        gate,
        seconds: (seconds * 10.0).round() / 10.0,
        error,
    })
}

impl Site {
    pub(super) fn say(&self, output: &Output) {
        let (url, waited) = (&self.url, Duration::from_secs_f64(self.seconds.round()));
        output.say(match (self.gate, &self.error) {
            (Some(true), _) => render::gate_answers(url, waited),
            (_, Some(error)) => render::site_unknown(url, error),
            _ => render::no_gate(url, waited),
        });
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

/// Visits the site as a browser that asks for no page: HEAD.
pub(super) async fn visit(visitor: &Visitor, url: &str) -> Result<Visit, String> {
    match timeout(ANSWER, visitor.head(url)).await {
        Ok(Ok(visit)) => Ok(visit),
        Ok(Err(error)) => Err(root_cause(&*error).to_string()),
        Err(_) => Err(format!("no answer in {} s", ANSWER.as_secs())),
    }
}
