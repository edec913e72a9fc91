//! Changes that another person or a deploy makes, made without a call.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use crate::clock::later;
use crate::lambda::{EventInvoke, Function, Provisioned};
use crate::sandbox::Sandbox;
use crate::settings::Settings;
use crate::ssm::Calendar;
use crate::state::State;

/// There is no function, alias or mapping of that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sandbox has no {0}")]
pub struct NotFound(String);

fn no_such_mapping(uuid: &str) -> NotFound {
    NotFound(format!("event source mapping {uuid}"))
}

impl Sandbox {
    fn edit<T>(
        &self,
        function: &str,
        change: impl FnOnce(&mut Function, &Settings) -> T,
    ) -> Result<T, NotFound> {
        let mut state = self.state();
        let State {
            lambda, settings, ..
        } = &mut *state;
        match lambda.functions.get_mut(function) {
            Some(found) => Ok(change(found, settings)),
            None => Err(NotFound(format!("function {function}"))),
        }
    }

    /// Sets the state of a change calendar, and when it is said to change next.
    pub fn set_calendar(&self, name: &str, is_open: bool, next_transition: Option<Timestamp>) {
        let calendar = Calendar {
            is_open,
            next_transition,
        };
        self.state().ssm.calendars.insert(name.to_owned(), calendar);
    }

    /// Sets or, with `None`, deletes a function's reserved concurrency.
    ///
    /// # Errors
    /// If there is no such function.
    pub fn set_reserved(&self, function: &str, reserved: Option<u32>) -> Result<(), NotFound> {
        self.edit(function, |it, _| it.reserved = reserved)
    }

    /// Sets or, with `None`, deletes provisioned concurrency; it is ready.
    ///
    /// # Errors
    /// If there is no such function.
    pub fn set_provisioned(
        &self,
        function: &str,
        qualifier: &str,
        count: Option<u32>,
    ) -> Result<(), NotFound> {
        self.edit(function, |it, settings| {
            it.provisioned.remove(qualifier);
            let ready = count.map(|count| Provisioned::ready(count, settings.clock.now()));
            let ready = ready.map(|ready| (qualifier.to_owned(), ready));
            it.provisioned.extend(ready);
        })
    }

    /// Sets a function's timeout, in seconds.
    ///
    /// # Errors
    /// If there is no such function.
    pub fn set_timeout(&self, function: &str, seconds: u32) -> Result<(), NotFound> {
        self.edit(function, |it, _| it.latest.timeout = seconds)
    }

    /// Sets or, with `None`, deletes the dead-letter queue of `$LATEST`.
    ///
    /// # Errors
    /// If there is no such function.
    pub fn set_dead_letter(&self, function: &str, arn: Option<&str>) -> Result<(), NotFound> {
        self.edit(function, |it, _| {
            it.latest.dead_letter = arn.map(str::to_owned);
        })
    }

    /// Publishes a version. Returns its number.
    ///
    /// # Errors
    /// If there is no such function.
    pub fn publish_version(&self, function: &str) -> Result<u64, NotFound> {
        self.edit(function, |it, _| it.publish())
    }

    /// Makes an alias send a part of its traffic (0 to 1) to another version, or with `None` no longer.
    ///
    /// # Errors
    /// If there is no such function or alias.
    pub fn shift_traffic(
        &self,
        function: &str,
        alias: &str,
        to: Option<(u64, f64)>,
    ) -> Result<(), NotFound> {
        self.edit(function, |it, _| {
            let found = it.aliases.get_mut(alias);
            let found = found.ok_or_else(|| NotFound(format!("alias {function}:{alias}")))?;
            found.routing = to.map(|(version, weight)| {
                json!({ "AdditionalVersionWeights": { version.to_string(): weight } })
            });
            Ok(())
        })?
    }

    /// Adds a trigger: a service, named by its principal (`s3.amazonaws.com`), may invoke a function or one
    /// of its qualifiers.
    ///
    /// # Errors
    /// If there is no such function.
    pub fn allow(
        &self,
        function: &str,
        qualifier: Option<&str>,
        principal: &str,
    ) -> Result<(), NotFound> {
        self.edit(function, |it, settings| {
            it.allow(settings, qualifier, principal);
        })
    }

    /// Sets the on-failure destination, by its ARN, of a function or one of its qualifiers.
    ///
    /// # Errors
    /// If there is no such function.
    pub fn set_on_failure(
        &self,
        function: &str,
        qualifier: Option<&str>,
        arn: &str,
    ) -> Result<(), NotFound> {
        self.edit(function, |it, settings| {
            let config = EventInvoke {
                on_failure: Some(arn.to_owned()),
                modified: settings.clock.now(),
            };
            let qualifier = qualifier.unwrap_or("$LATEST").to_owned();
            it.event_invoke.insert(qualifier, config);
        })
    }

    /// Begins a deploy: for `lasts`, other writes to the function get 409.
    ///
    /// # Errors
    /// If there is no such function.
    pub fn begin_update(&self, function: &str, lasts: Duration) -> Result<(), NotFound> {
        self.edit(function, |it, settings| {
            it.updating_until = Some(later(settings.clock.now(), lasts));
        })
    }

    /// Deletes the function; its mappings stay, as they do on AWS.
    ///
    /// # Errors
    /// If there is no such function.
    pub fn delete_function(&self, function: &str) -> Result<(), NotFound> {
        self.edit(function, |_, _| ())?;
        self.state().lambda.functions.remove(function);
        Ok(())
    }

    /// Enables or disables a mapping at once.
    ///
    /// # Errors
    /// If there is no such mapping.
    pub fn set_mapping_enabled(&self, uuid: &str, enabled: bool) -> Result<(), NotFound> {
        let mut state = self.state();
        let mapping = state.lambda.mappings.get_mut(uuid);
        let mapping = mapping.ok_or_else(|| no_such_mapping(uuid))?;
        mapping.enabled = enabled;
        mapping.change = None;
        Ok(())
    }

    /// Deletes a mapping at once.
    ///
    /// # Errors
    /// If there is no such mapping.
    pub fn delete_mapping(&self, uuid: &str) -> Result<(), NotFound> {
        let deleted = self.state().lambda.mappings.remove(uuid);
        deleted.map(drop).ok_or_else(|| no_such_mapping(uuid))
    }

    /// Writes a new version of a parameter, or a new `String` parameter, as the root user. Neither name nor value
    /// is checked, and reads do not lag.
    pub fn set_parameter(&self, name: &str, value: &str) {
        let mut state = self.state();
        let now = state.now();
        let root = format!("arn:aws:iam::{}:root", state.settings.account);
        state.ssm.put_raw(name, value, root, now);
    }

    /// Makes a parameter a `SecureString`, as a policy of the organisation would. AWS changes no type in
    /// place (`HierarchyTypeMismatchException`), so it is deleted and created anew: its versions begin at 1
    /// again. Reads do not lag. Returns whether it was there.
    pub fn encrypt_parameter(&self, name: &str) -> bool {
        self.state().ssm.encrypt(name)
    }

    /// Sets the pattern that every later value must match. Returns whether the parameter was there.
    pub fn set_allowed_pattern(&self, name: &str, pattern: &str) -> bool {
        let mut state = self.state();
        let parameter = state.ssm.parameters.get_mut(name);
        let pattern = pattern.to_owned();
        parameter
            .map(|it| it.allowed_pattern = Some(pattern))
            .is_some()
    }

    /// Deletes a parameter. Returns whether it was there. The wait before it is created again applies.
    pub fn delete_parameter(&self, name: &str) -> bool {
        let mut state = self.state();
        let now = state.now();
        state.ssm.delete(name, now)
    }
}
