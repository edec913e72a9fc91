//! What opens a window or changes it: who asks, the options that were asked for, those that a role has
//! unless told otherwise, and the hash of a bypass link's token. Nothing is read or written here.

use jiff::Timestamp;
use maintenance_flag::{
    Change, Enter, Event as Transition, Flag, NoRoom, Options, Owner, Step, StoredToken, Token,
    TokenHash, WindowId, next,
};

use super::{Control, On, RoleSpec, Who};
use crate::error::Error;
use crate::report::RoleStatus;

/// The token of a bypass link: one for all roles of an operation, hashed for each. Only the hashes are
/// stored, and the token is shown by nothing in this crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The secret.
    pub token: Token,
    /// When it ends, if the window does not end first. UTC.
    pub until: Timestamp,
}

impl On {
    /// Checks that what is asked for, by itself, has room in a flag: before anything is read. What is
    /// stored, or what the role has by configuration, may leave it less.
    ///
    /// # Errors
    /// [`NoRoom`] says what takes how much.
    pub fn check_room(&self, by: &str, now: Timestamp) -> Result<(), NoRoom> {
        // Whatever is hashed, the hash is as long.
        let options = self.options_for("", "");
        match next(
            &Flag::off(),
            self.entering(by, options, WindowId::new(now, 0), now),
        ) {
            Ok(step) => step.check_room(),
            // Whether it is allowed is asked of the flag that is stored.
            Err(_) => Ok(()),
        }
    }

    fn options_for(&self, app: &str, role: &str) -> Options {
        let mut options = self.options.clone();
        if let Some(link) = &self.link {
            options.token = Change::Set(StoredToken {
                hash: TokenHash::of(app, role, link.token.reveal()),
                until: link.until,
            });
        }
        options
    }

    fn entering(&self, by: &str, options: Options, window: WindowId, at: Timestamp) -> Transition {
        let (owner, by) = match &self.who {
            Who::Person => (Owner::manual(by), by.to_owned()),
            Who::Observer(name) => (Owner::observer(name), name.clone()),
        };
        Transition::Enter(Box::new(Enter {
            owner,
            by,
            reason: self.reason.clone(),
            window,
            at,
            read_only: self.read_only,
            options,
        }))
    }
}

impl Control {
    /// Checks that [`on`](Self::on) is allowed and has room, for roles whose flags are these: before
    /// somebody is asked whether to go on. Nothing is read.
    ///
    /// # Errors
    /// [`Error::Refused`] and [`Error::NoRoom`].
    pub fn check_on(&self, roles: &[RoleSpec], on: &On, flags: &[RoleStatus]) -> Result<(), Error> {
        let now = self.clock.now();
        for spec in roles {
            let status = flags.iter().find(|status| status.role == spec.role);
            // One that is malformed is replaced.
            let flag = status.and_then(|status| status.flag.clone());
            self.enter(spec, on, &flag.unwrap_or_else(Flag::off), now)?;
        }
        Ok(())
    }

    /// What becomes of a role's flag, if that is allowed and what is written can be stored.
    pub(super) fn enter(
        &self,
        spec: &RoleSpec,
        on: &On,
        current: &Flag,
        now: Timestamp,
    ) -> Result<Step, Error> {
        let options = self.options(spec, on, current, now);
        let enter = on.entering(&self.by, options, self.new_window(), now);
        let step = next(current, enter).map_err(|source| Error::Refused {
            role: spec.role.clone(),
            source,
        })?;
        // Where there are functions, something may be noted in a flag that is on already.
        if step.outcome.changed() || spec.functions.is_some() {
            step.check_room()
                .map_err(|source| self.no_room(&spec.role, source))?;
        }
        Ok(step)
    }

    /// The options for a role whose flag is `current`. What the role has by configuration counts only
    /// when a window opens: a window that is open keeps what it has.
    fn options(&self, spec: &RoleSpec, on: &On, current: &Flag, now: Timestamp) -> Options {
        let options = on.options_for(&self.app.to_string(), spec.role.as_str());
        if current.mode_at(now).is_on() {
            options
        } else {
            options.or(spec.options.clone())
        }
    }
}
