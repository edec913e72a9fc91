//! How things stand. Reads only, and says what it could: a part that cannot be read hides no other.

mod functions;

use std::time::Duration;

use futures_util::future::{join_all, try_join_all};
use jiff::Timestamp;
use maintenance_flag::{App, Role};

use crate::control::Control;
use crate::error::Error;
use crate::event::Context;
use crate::fleet::LambdaError;
use crate::fleet::Versions;
use crate::observe::{Account, ObserveOptions};
use crate::parameters::Read;
use crate::report::{Part, RoleStatus, State, Status, Unread, Warning, Workers, WorkersStatus};
use crate::request::RoleSpec;
use crate::saved::Saved;
use crate::store::Stored;
use crate::text::in_full;
use functions::{rows, status};

/// How long Lambda may let no call through before how functions stand counts as unreadable.
const PATIENCE: Duration = Duration::from_secs(30);

impl Control {
    /// The flags of these roles, and nothing about their functions: what has to be known before
    /// a person is asked whether to go on.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn flags(&self, roles: &[RoleSpec]) -> Result<Vec<RoleStatus>, Error> {
        try_join_all(roles.iter().map(|spec| self.flag_status(spec))).await
    }

    /// How these roles stand, as far as it can be read: the rest is in [`RoleStatus::unread`]. Tells how many
    /// functions have been read: of roles side by side.
    ///
    /// The functions of a role that is off are looked at only if it is the only one asked for: that takes a
    /// call each, to find those at 0 that no window explains.
    ///
    /// # Errors
    /// [`Error`], if no flag at all can be read. A malformed one is no error: its role's state says so.
    pub async fn status(&self, roles: &[RoleSpec], context: &Context<'_>) -> Result<Status, Error> {
        let flags = join_all(roles.iter().map(|spec| self.flag_status(spec))).await;
        let is_any_known = flags.iter().any(Result::is_ok);
        let mut all = Vec::with_capacity(roles.len());
        for (spec, flag) in roles.iter().zip(flags) {
            all.push(match flag {
                Err(error) if is_any_known => unknown(spec, &error),
                flag => flag?,
            });
        }
        // Side by side, so that where AWS throttles no role waits for another.
        let scaled = roles.iter().zip(&mut all).filter(|(spec, role)| {
            let is_on = matches!(role.state, State::On | State::Malformed);
            is_on || role.state == State::Off && spec.functions.is_some()
        });
        let scaled: Vec<_> = scaled.collect();
        if !scaled.is_empty() {
            let stored = self.store.list(&self.names.all_capacities()).await;
            let stored = stored.map_err(Error::from);
            let stored = stored.as_deref();
            let alone = roles.len() == 1;
            let account = self.account(roles, context);
            let account = &account;
            let added = scaled
                .into_iter()
                .map(|(spec, role)| self.add_workers(spec, role, stored, alone, account));
            join_all(added).await;
        }
        Ok(Status {
            app: self.app.clone(),
            roles: all,
        })
    }

    /// The functions of these roles, one by one: those that a role selects, and those saved for it. Tells how many
    /// have been read.
    ///
    /// # Errors
    /// [`Error`]; saved capacity that cannot be read is one too, since the table would not be true. A
    /// function that cannot be read is none: it is in [`Workers::unread`].
    pub async fn workers(
        &self,
        roles: &[RoleSpec],
        context: &Context<'_>,
    ) -> Result<Workers, Error> {
        let mut workers = Vec::new();
        let mut unread = Vec::new();
        let stored = self.store.list(&self.names.all_capacities()).await?;
        let explained = Saved::functions_in(&stored);
        let account = self.account(roles, context);
        for spec in roles {
            let read = self.read(&spec.role).await?;
            let now = self.clock.now();
            let on = !matches!(&read.flag, Ok(flag) if !flag.mode_at(now).is_on());
            let mut saved = Saved::of_role(&self.names, &spec.role, &stored);
            if let Some((name, source)) = saved.unreadable.pop() {
                return Err(Error::Unreadable { name, source });
            }
            let options = ObserveOptions {
                role: &spec.role,
                selection: spec.functions.as_ref(),
                events: false,
            };
            let inventory = account.observe(&saved, options).await?;
            workers.extend(rows(&inventory, &saved, &explained, &spec.role, on));
            unread.extend(inventory.failures());
        }
        Ok(Workers {
            app: self.app.clone(),
            workers,
            unread,
        })
    }

    fn account<'a>(&'a self, roles: &'a [RoleSpec], context: &'a Context<'a>) -> Account<'a> {
        let selections = roles.iter().filter_map(|spec| spec.functions.as_ref());
        Account::new(&self.fleet, selections, Versions::All, None, context)
    }

    pub(crate) async fn flag_status(&self, spec: &RoleSpec) -> Result<RoleStatus, Error> {
        let read = self.read(&spec.role).await?;
        Ok(flag_status(&spec.role, read, self.clock.now()))
    }

    /// Adds what there is to say of what is saved of a role, of all that is `stored`, and returns it.
    pub(crate) fn add_saved(&self, role: &mut RoleStatus, stored: &[(String, Stored)]) -> Saved {
        let mut saved = Saved::of_role(&self.names, &role.role, stored);
        if role.state == State::Off && !saved.functions.is_empty() {
            role.warnings.push(Warning::StillSaved {
                role: role.role.clone(),
                functions: saved.functions.len(),
            });
        }
        let damaged = std::mem::take(&mut saved.unreadable).into_iter();
        let damaged = damaged.map(|(name, source)| Error::Unreadable { name, source });
        let damaged = damaged.map(|error| unread(Part::Saved, &error));
        role.unread.extend(damaged);
        saved
    }

    /// Adds how the functions of a role stand, or why that is not known. `stored` is what is saved of all
    /// roles.
    async fn add_workers(
        &self,
        spec: &RoleSpec,
        role: &mut RoleStatus,
        stored: Result<&[(String, Stored)], &Error>,
        alone: bool,
        account: &Account<'_>,
    ) {
        let stored = match stored {
            Ok(stored) => stored,
            Err(error) => return role.unread.push(unread(Part::Saved, error)),
        };
        let saved = self.add_saved(role, stored);
        let on = role.state != State::Off;
        // Without all that is saved, a paused function looks like one that another client set to zero.
        let is_all_known = role.unread.is_empty();
        let is_idle = !on && saved.is_empty();
        if !is_all_known || saved.is_empty() && spec.functions.is_none() || is_idle && !alone {
            return;
        }
        let standing = workers_status(account, spec, &saved, stored, on);
        let standing = tokio::select! {
            biased;
            standing = standing => standing,
            // What is known is told all the same.
            () = self.fleet.is_silent_for(PATIENCE) => return role.unread.push(unanswered()),
        };
        match standing {
            Ok((workers, unread)) => {
                let is_any_pending = workers.as_ref().is_some_and(|it| !it.pending.is_empty());
                if role.is_open_by_time && is_any_pending {
                    role.warnings.push(Warning::NotPausedYet(spec.role.clone()));
                }
                role.workers = workers;
                role.unread.extend(unread);
            }
            // It is off, and nothing is saved of it: that is all there is to know for sure.
            Err(error) if is_idle => tracing::debug!(%error, "could not look for functions at 0"),
            Err(error) => {
                let error = Error::from(error);
                role.unread.push(unread(Part::Functions, &error));
            }
        }
    }
}

/// How the functions of a role stand; none if it is off, and there is nothing to say of them.
async fn workers_status(
    account: &Account<'_>,
    spec: &RoleSpec,
    saved: &Saved,
    stored: &[(String, Stored)],
    on: bool,
) -> Result<(Option<WorkersStatus>, Vec<Unread>), LambdaError> {
    let explained = Saved::functions_in(stored);
    if on || !saved.is_empty() {
        let options = ObserveOptions {
            role: &spec.role,
            // What is selected matters while it should be paused; what is saved matters always.
            selection: spec.functions.as_ref().filter(|_| on),
            events: false,
        };
        let inventory = account.observe(saved, options).await?;
        let unread = inventory.failures().map(|failure| Unread {
            part: Part::Functions,
            function: Some(failure.function),
            error: failure.error,
            hint: failure.hint,
        });
        let unread = unread.collect();
        return Ok((Some(status(&inventory, saved, &explained)), unread));
    }
    let Some(selection) = &spec.functions else {
        return Ok((None, Vec::new()));
    };
    let unexplained = account.unexplained(selection, &explained).await?;
    let workers = WorkersStatus {
        selected: unexplained.len(),
        unexplained,
        ..WorkersStatus::default()
    };
    let workers = Some(workers).filter(|workers| workers.selected > 0);
    Ok((workers, Vec::new()))
}

pub(crate) fn flag_status(role: &Role, read: Read, now: Timestamp) -> RoleStatus {
    let flag = match read.flag {
        Ok(flag) => flag,
        Err(error) => {
            return RoleStatus {
                warnings: vec![Warning::Malformed(error)],
                ..RoleStatus::new(role.clone(), State::Malformed)
            };
        }
    };
    let state = match flag.mode_at(now).is_on() {
        true => State::On,
        false => State::Off,
    };
    let unreadable = flag.schedule.errors().map(Warning::UnreadableWindow);
    RoleStatus {
        scheduled: flag.schedule.to_come(now).cloned().collect(),
        is_open_by_time: flag.due(now).is_some(),
        warnings: unreadable.collect(),
        flag: Some(flag.at(now).into_owned()),
        ..RoleStatus::new(role.clone(), state)
    }
}

/// Of a role for whose functions Lambda answers no call.
fn unanswered() -> Unread {
    Unread {
        part: Part::Functions,
        function: None,
        error: format!(
            "AWS Lambda has let no call through for {} s",
            PATIENCE.as_secs()
        ),
        hint: Some("try again".to_owned()),
    }
}

impl Status {
    /// Of an app of which nothing can be read, for this reason.
    #[must_use]
    pub fn unknown(app: &App, roles: &[RoleSpec], error: &Error) -> Self {
        Self {
            app: app.clone(),
            roles: roles.iter().map(|spec| unknown(spec, error)).collect(),
        }
    }
}

/// Of a role whose flag cannot be read.
fn unknown(spec: &RoleSpec, error: &Error) -> RoleStatus {
    RoleStatus {
        unread: vec![unread(Part::Flag, error)],
        ..RoleStatus::new(spec.role.clone(), State::Unknown)
    }
}

fn unread(part: Part, error: &Error) -> Unread {
    Unread {
        part,
        function: None,
        error: in_full(error),
        hint: error.hint(),
    }
}
