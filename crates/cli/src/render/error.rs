//! An error of the library, as an error of the command: its exit code, and what to do next.

use std::error::Error;

use maintenance_control::{LambdaError, SettingError, StoreError};
use maintenance_flag::Refusal;

use crate::error::{AGAIN, CliError};
use crate::exit_code::Outcome;
use crate::suggest;

use super::events::losses;

impl From<SettingError> for CliError {
    fn from(error: SettingError) -> Self {
        let known = error.unknown_profile();
        let near = known.and_then(|(profile, known)| {
            suggest::nearest(profile, known.iter().map(String::as_str))
        });
        let known = known.filter(|(_, known)| near.is_none() && !known.is_empty());
        Self::usage(format!("{} cannot be used", error.name()))
            .cause(error.problem())
            .hint_if(near.map(|profile| format!("did you mean {profile}?")))
            .hint_if(known.map(|(_, known)| format!("the profiles are {}", known.join(", "))))
            .hint_if(near.is_none().then(|| error.hint()))
    }
}

/// What is wrong with a setting, if that is at the bottom of it.
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
        if let Some(setting) = setting_of(&error) {
            return setting.clone().into();
        }
        // The library's errors may grow; what is new is a failure until it gets a code of its own.
        let outcome = match &error {
            // What was asked for makes no sense, whoever holds the window.
            E::Refused {
                source: Refusal::NoEnd,
                ..
            } => Outcome::Usage,
            E::Refused { .. } => Outcome::Refused,
            E::Store(StoreError::NotConfigured(access))
            | E::Lambda(LambdaError::NotConfigured(access))
                if access.is_configuration() =>
            {
                Outcome::Usage
            }
            E::TooLarge { source, .. } if source.is_of_options() => Outcome::Usage,
            E::Busy { .. } => Outcome::Busy,
            E::LeaseLost => Outcome::Partial,
            E::EventsLost { .. } => Outcome::NotConfirmed,
            _ => Outcome::Failed,
        };
        let hint = error.hint().unwrap_or_else(|| AGAIN.to_owned());
        let failure = Self::of(outcome, &error).hint(hint);
        match &error {
            E::EventsLost { functions } => losses(functions).into_iter().fold(failure, Self::cause),
            _ => failure,
        }
    }
}
