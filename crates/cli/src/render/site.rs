//! Sentences about an app that is operated on for the first time, and about its site.

use std::time::Duration;

use maintenance_control::Visit;
use maintenance_flag::App;

use maintenance_control::describe::duration;

/// No flag was ever stored.
pub(crate) fn never_on(app: &App) -> String {
    format!(
        "{app} has never been in maintenance: no flag is stored for it. If that is unexpected, check --app, --env, --store, --prefix, --profile and --region"
    )
}

/// How the site of such an app answers.
pub(crate) fn site_of_new_app(url: &str, visit: Visit) -> String {
    match visit.is_refused {
        true => format!(
            "Warning: {url} is in maintenance all the same: its gate reads the flag of another app or store"
        ),
        false => format!(
            "{url} answers {}, and no gate refuses the request",
            visit.status
        ),
    }
}

/// The site does not answer.
pub(crate) fn site_unknown(url: &str, error: &str) -> String {
    format!("{url} could not be reached to check its gate: {error}")
}

/// While a gate may not have seen the flag.
pub(crate) fn awaiting_gate(url: &str, longest: Duration) -> String {
    format!(
        "Waiting for {url} to answer 503, up to {}",
        duration(longest)
    )
}

/// A gate refuses visitors.
pub(crate) fn gate_answers(url: &str, after: Duration) -> String {
    match after.is_zero() {
        true => format!("{url} answers 503: its gate has seen the flag"),
        false => format!(
            "{url} answers 503 after {}: its gate has seen the flag",
            duration(after)
        ),
    }
}

/// None does.
pub(crate) fn no_gate(url: &str, after: Duration) -> String {
    format!(
        "Warning: no gate refuses requests to {url} after {}: check that its handler has the gate, that MAINTENANCE_APP, _ENV, _ROLE, _STORE and _PREFIX there name this app, and that its MAINTENANCE_TTL is not longer than ttl in the role's table",
        duration(after)
    )
}
