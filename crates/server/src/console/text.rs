//! Moments and failures, as pages show them.

use std::error::Error as _;
use std::fmt;

use askama::filters::{Html, HtmlSafe, escape};
use jiff::Timestamp;
use maintenance_control::describe::{Part, parts};
use maintenance_control::{Error, Holder, describe};
use maintenance_flag::{OwnerKind, Refusal};

/// A moment, in UTC as the server writes it: the script makes it the reader's own time. And how far away it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    at: Timestamp,
    now: Timestamp,
}

impl Moment {
    pub(super) fn new(at: Timestamp, now: Timestamp) -> Self {
        Self { at, now }
    }

    pub(super) fn has_passed(&self) -> bool {
        self.at <= self.now
    }
}

/// As HTML. Nothing but digits and words of ours are in it.
impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let second = Timestamp::from_second(self.at.as_second()).unwrap_or(self.at);
        let text = self.at.strftime("%Y-%m-%d %H:%M UTC");
        let distance = describe::relative(self.at, self.now);
        write!(
            f,
            "<time datetime=\"{second}\">{text}</time> <span class=\"ago\">({distance})</span>"
        )
    }
}

impl HtmlSafe for Moment {}

/// A text of ours, in which times are such as a script makes the reader's own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said<'a>(&'a str);

/// See [`Said`]. Templates call it.
pub(super) fn said(text: &str) -> Said<'_> {
    Said(text)
}

/// As HTML: what is no time of ours is escaped.
impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let now = Timestamp::now();
        parts(self.0).try_for_each(|part| match part {
            Part::Time(at) => Moment::new(at, now).fmt(f),
            Part::Text(text) => {
                let Ok(escaped) = escape(text, Html);
                write!(f, "{escaped}")
            }
        })
    }
}

impl HtmlSafe for Said<'_> {}

/// Why something failed, and what to do next, for a person at a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) what: String,
    pub(super) causes: Vec<String>,
    pub(super) hints: Vec<String>,
}

impl Failure {
    pub(super) fn of(error: &Error) -> Self {
        // What was done before is told by itself.
        if let Error::Unfinished { source, .. } = error {
            return Self::of(source);
        }
        let causes = match error {
            Error::EventsLost { functions } => functions
                .iter()
                .map(|it| format!("{}: {}", it.function, describe::losses(it)))
                .collect(),
            _ => causes(error),
        };
        Self {
            what: error.to_string(),
            causes,
            hints: hint(error).or_else(|| error.hint()).into_iter().collect(),
        }
    }
}

fn causes(error: &Error) -> Vec<String> {
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    causes
}

/// What to do next, where that is to do something on a page; the library knows none.
fn hint(error: &Error) -> Option<String> {
    Some(match error {
        Error::Refused { source, .. } => match source {
            Refusal::Conflict { holder } if holder.kind == OwnerKind::Manual => {
                "A person opened it: a person ends it.".to_owned()
            }
            Refusal::Conflict { .. } => {
                "Wait for the observer to end it; or override it, with a reason, where you exit."
                    .to_owned()
            }
            Refusal::NoEnd => "Give it an expected end.".to_owned(),
            Refusal::StartsInPast { .. } | Refusal::EndsFirst { .. } => {
                "Give a start that is to come, and an end after it.".to_owned()
            }
            Refusal::Overlaps(_) => {
                "Choose another time, or move or cancel the other window first.".to_owned()
            }
            Refusal::TooMany { .. } => "Cancel one of the windows to come first.".to_owned(),
            Refusal::NotScheduled { .. } => {
                "The product's page lists the windows to come.".to_owned()
            }
            Refusal::HasBegun { .. } => {
                "Change its end where you enter maintenance, or exit maintenance.".to_owned()
            }
            _ => "Upgrade maintenance on this server, then try again.".to_owned(),
        },
        Error::OtherProduct { product, .. } => {
            format!("A token for the product {product} ends or changes it.")
        }
        Error::Busy(Holder { until, .. }) => {
            format!("Wait for it to end. If it has died, try again after {until}.")
        }
        Error::LeaseLost { .. } => match error.hint() {
            Some(hint) => format!("To mend it: {hint}. Then try again: it continues with what is left."),
            None => "Try again: it continues with what is left.".to_owned(),
        },
        Error::NoFunctions { looked_for, .. } => format!(
            "Looked for {looked_for}. Check the role's functions, exclude and tags in maintenance.toml, and the app's region and profile."
        ),
        Error::WrongPlace { .. } => {
            "Give the app the profile and the region that turned maintenance on.".to_owned()
        }
        Error::EventsLost { .. } => "Give each function a dead-letter queue or an on-failure destination; or accept the loss where you enter.".to_owned(),
        Error::TooLarge { source, .. } if source.is_of_options() => {
            let over = source.bytes.saturating_sub(source.most);
            format!("Make the reason or the message {over} bytes shorter.")
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use maintenance_flag::{Role, WindowId};

    use super::*;

    #[test]
    fn only_a_newer_version_is_told_to_upgrade() {
        let at = Timestamp::UNIX_EPOCH;
        let window = WindowId::new(at, 1);
        let upgrades = |source| {
            let role = Role::web();
            let hint = hint(&Error::Refused { role, source });
            hint.is_some_and(|it| it.contains("Upgrade"))
        };
        let starts_at = at;
        assert!(upgrades(Refusal::NewerSchema { schema: 9 }));
        for refusal in [
            Refusal::NoEnd,
            Refusal::StartsInPast { starts_at },
            Refusal::EndsFirst {
                starts_at,
                until: at,
            },
            Refusal::TooMany { most: 16 },
            Refusal::NotScheduled {
                window: window.clone(),
            },
            Refusal::HasBegun { window, starts_at },
        ] {
            assert!(!upgrades(refusal.clone()), "{refusal}");
        }
    }

    #[test]
    fn a_moment_is_a_time_that_a_script_can_read_and_says_how_far_away_it_is() {
        let now: Timestamp = "2026-11-22T07:00:00Z".parse().unwrap();
        let at = |text: &str| Moment::new(text.parse().unwrap(), now);
        let later = at("2026-11-22T07:15:07.25Z");
        assert_eq!(
            later.to_string(),
            "<time datetime=\"2026-11-22T07:15:07Z\">2026-11-22 07:15 UTC</time> \
             <span class=\"ago\">(in 15 min)</span>"
        );
        assert_eq!(
            said("a <b> from 2026-11-22T07:15:07Z.")
                .to_string()
                .split(" <span")
                .next(),
            Some(
                "a &#60;b&#62; from <time datetime=\"2026-11-22T07:15:07Z\">2026-11-22 07:15 UTC</time>"
            )
        );
        assert!(
            said("ends 2026-11-22T07:15:07Z).")
                .to_string()
                .ends_with("</span>).")
        );
        assert!(!later.has_passed() && at("2026-11-22T07:00:00Z").has_passed());
    }
}
