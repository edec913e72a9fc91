//! An error of the library, as an error of the command: its exit code, and what to do next.

use std::error::Error;

use maintenance_control::{AccessError, Holder, InvokeRefusal, SettingError, StoreError};
use maintenance_flag::{OwnerKind, Refusal, TooLarge};

use crate::error::{AGAIN, CliError};
use crate::exit_code::Outcome;
use crate::suggest;

use super::events::losses;

impl From<SettingError> for CliError {
    fn from(error: SettingError) -> Self {
        let name = match error.name() {
            option @ ("profile" | "region") => format!("--{option}"),
            other => other.to_owned(),
        };
        Self::of_setting(&error, &name)
    }
}

impl CliError {
    /// The error of a setting, which is called so where it was given.
    pub(crate) fn of_setting(error: &SettingError, name: &str) -> Self {
        let known = error.unknown_profile();
        let near = known.and_then(|(profile, known)| {
            suggest::nearest(profile, known.iter().map(String::as_str))
        });
        let known = known.filter(|(_, known)| near.is_none() && !known.is_empty());
        Self::usage(format!("{name} cannot be used"))
            .cause(error.problem())
            .hint_if(near.map(|profile| format!("did you mean {profile}?")))
            .hint_if(known.map(|(_, known)| format!("the profiles are {}", known.join(", "))))
            .hint_if(near.is_none().then(|| error.hint()))
    }
}

/// The setting that caused the error, if one did.
fn setting_of<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a SettingError> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(setting) = error.downcast_ref() {
            return Some(setting);
        }
        next = error.source();
    }
    None
}

impl From<maintenance_control::Error> for CliError {
    fn from(error: maintenance_control::Error) -> Self {
        use maintenance_control::Error as E;
        // A lost lease is one, whatever prevented the look at it.
        let is_lease_lost = matches!(error, E::LeaseLost { .. });
        if let Some(setting) = setting_of(&error).filter(|_| !is_lease_lost) {
            return setting.clone().into();
        }
        // The library may add errors; a new one is a failure until it gets a code of its own.
        let outcome = match &error {
            // The request makes no sense, with any holder of the window.
            E::Refused {
                source:
                    Refusal::NoEnd
                    | Refusal::StartsInPast { .. }
                    | Refusal::EndsFirst { .. }
                    | Refusal::NotScheduled { .. },
                ..
            } => Outcome::Usage,
            E::Refused { .. } => Outcome::Refused,
            _ if error.access().is_some_and(AccessError::is_configuration) => Outcome::Usage,
            E::TooLarge { source, .. } if source.is_of_options() => Outcome::Usage,
            E::Busy { .. } => Outcome::Busy,
            E::LeaseLost { .. } => Outcome::Partial,
            E::EventsLost { .. } => Outcome::NotConfirmed,
            _ => Outcome::Failed,
        };
        let hint = hint(&error).or_else(|| error.hint());
        let failure = Self::of(outcome, &error)
            .hint_if(error.hint().filter(|_| is_lease_lost))
            .hint(hint.as_deref().unwrap_or(AGAIN));
        match &error {
            E::EventsLost { functions } => losses(functions).into_iter().fold(failure, Self::cause),
            _ => failure,
        }
    }
}

/// What to do next, where that is to type another command or option; the library knows neither.
fn hint(error: &maintenance_control::Error) -> Option<String> {
    use maintenance_control::Error as E;
    Some(match error {
        E::Refused { source, .. } => match source {
            Refusal::Conflict { holder } if holder.kind == OwnerKind::Manual => {
                "a person turned it on: a person ends it with `maintenance off`"
            }
            // An observer may have been refused, which cannot force anything.
            Refusal::Conflict { .. } => {
                "wait for the observer to end it; a person may override it with `maintenance off --force --reason WHY`"
            }
            Refusal::NoEnd => {
                "give it an end with --until or --for, or have it stay on with --no-auto-off"
            }
            Refusal::StartsInPast { .. } => {
                "pass a future time to --at; without --at, `maintenance on` turns it on now"
            }
            Refusal::EndsFirst { .. } => "give an end after the start",
            Refusal::Overlaps(_) => {
                "choose another time, or move or cancel the other one: `maintenance schedule` lists the scheduled windows"
            }
            Refusal::TooMany { .. } => {
                "cancel one first: `maintenance schedule` lists the scheduled windows"
            }
            Refusal::NotScheduled { .. } => "`maintenance schedule` lists the scheduled windows",
            Refusal::HasBegun { .. } => {
                "change its end with `maintenance on --until TIME`, or end it with `maintenance off`"
            }
            _ => "upgrade maintenance, then try again",
        }
        .to_owned(),
        E::Busy(Holder { until, .. }) => format!(
            "wait for it to end; if it has died, run `maintenance unlock`, or this command again after {until}"
        ),
        E::Unfinished { source, .. } => return hint(source),
        E::LeaseLost { .. } => "run the same command again: it continues".to_owned(),
        E::NoFunctions { looked_for, .. } => format!(
            "looked for {looked_for}; check the role's functions, exclude and tags, and --region and --profile"
        ),
        E::WrongPlace { .. } => {
            "use the --profile and --region that turned maintenance on".to_owned()
        }
        E::EventsLost { functions } => {
            let is_unread = functions.iter().any(|it| !it.unread.is_empty());
            let read = match is_unread {
                true => "run the same command again to read what failed; ",
                false => "",
            };
            format!(
                "{read}give each function a dead-letter queue or an on-failure destination, or pass --accept-event-loss to allow it"
            )
        }
        E::NotInvocable { function, source } => return not_invocable(function, source),
        E::TooLarge { name, source, .. } => too_large(name, source),
        E::Store(StoreError::Unusable { .. }) => format!(
            "check --store, MAINTENANCE_STORE and the path in maintenance.toml; {}",
            error.hint()?
        ),
        _ if matches!(error.access(), Some(AccessError::NoRegion)) => {
            "name one with --region or AWS_REGION, or set region in the profile".to_owned()
        }
        _ => return None,
    })
}

fn not_invocable(function: &str, why: &InvokeRefusal) -> Option<String> {
    use InvokeRefusal as R;
    Some(match why {
        R::NotSelected | R::Missing => {
            "`maintenance workers` lists the functions of all roles".to_owned()
        }
        R::RoleOff { .. } => format!(
            "it is not paused: invoke it with `aws lambda invoke --function-name {function} …`"
        ),
        R::NotPaused { role } => {
            format!("`maintenance on --role {role}` pauses it; then try again")
        }
        R::Drifted(_) => {
            "set its reserved concurrency to 0 again, or use what it has now".to_owned()
        }
        _ => return None,
    })
}

/// Which options to shorten so that a flag fits or, where stored fields are too large, what to do about
/// them.
fn too_large(name: &str, refused: &TooLarge) -> String {
    let over = refused.bytes.saturating_sub(refused.most);
    if !refused.is_of_options() {
        return format!(
            "shorten {name} by {over} bytes by hand, or store the word off there; then run the same command again"
        );
    }
    let options = refused.options().filter_map(|field| {
        let option = match field.name.as_str() {
            "owner" => "--observer",
            "reason" => "--reason",
            "message" => "--message",
            "bypass.addresses" => "--allow-ip",
            "bypass.paths" => "--allow-path",
            _ => return None,
        };
        Some(format!("{option} ({} bytes)", field.bytes))
    });
    format!(
        "shorten {} by {over} bytes, or the role's keys in maintenance.toml",
        options.collect::<Vec<_>>().join(" or ")
    )
}
