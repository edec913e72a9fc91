//! How things stand. Reads only.

use jiff::Timestamp;

use super::read::Read;
use super::{Control, RoleSpec};
use crate::error::Error;
use crate::report::{RoleStatus, State, Status, Workers};
use crate::workers::{Look, Saved, rows, status, survey};

impl Control {
    /// The flags of these roles, and nothing about their functions: what has to be known before
    /// somebody is asked whether to go on.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn flags(&self, roles: &[RoleSpec]) -> Result<Vec<RoleStatus>, Error> {
        let reads = roles.iter().map(|spec| async move {
            let read = self.read(&spec.role).await?;
            Ok::<_, Error>(flag_status(spec, read, self.clock.now()))
        });
        futures_util::future::try_join_all(reads).await
    }

    /// How these roles stand.
    ///
    /// # Errors
    /// [`Error`]. A flag that cannot be read is no error: its role's state says so.
    pub async fn status(&self, roles: &[RoleSpec]) -> Result<Status, Error> {
        let mut all = self.flags(roles).await?;
        for (spec, role) in roles.iter().zip(&mut all) {
            if role.state == State::Off && spec.functions.is_none() {
                continue;
            }
            self.add_workers(spec, role).await?;
        }
        Ok(Status {
            app: self.app.clone(),
            roles: all,
        })
    }

    /// The functions of these roles, one by one: those that a role selects, and those saved for it.
    ///
    /// # Errors
    /// [`Error`]; saved capacity that cannot be read is one too, since the table would not be true.
    pub async fn workers(&self, roles: &[RoleSpec]) -> Result<Workers, Error> {
        let mut workers = Vec::new();
        for spec in roles {
            let read = self.read(&spec.role).await?;
            let now = self.clock.now();
            let on = !matches!(&read.flag, Ok(flag) if !flag.mode_at(now).is_on());
            let mut saved = Saved::load(&self.store, &self.names, &spec.role).await?;
            if let Some((name, source)) = saved.unreadable.pop() {
                return Err(Error::Unreadable { name, source });
            }
            let survey = survey(
                &self.fleet,
                spec.functions.as_ref(),
                &saved,
                Look::default(),
            )
            .await?;
            workers.extend(rows(&survey, &saved, &spec.role, on));
        }
        Ok(Workers {
            app: self.app.clone(),
            workers,
        })
    }

    async fn add_workers(&self, spec: &RoleSpec, role: &mut RoleStatus) -> Result<(), Error> {
        let saved = Saved::load(&self.store, &self.names, &spec.role).await?;
        for (name, error) in &saved.unreadable {
            role.warnings.push(format!("cannot read {name}: {error}"));
        }
        let on = role.state != State::Off;
        if saved.is_empty() && (!on || spec.functions.is_none()) {
            return Ok(());
        }
        // What is selected matters while it should be paused; what is saved matters always.
        let selection = spec.functions.as_ref().filter(|_| on);
        let survey = survey(&self.fleet, selection, &saved, Look::default()).await?;
        role.workers = Some(status(&survey, &saved));
        if !on {
            role.warnings.push(format!(
                "it is off, but what {} functions had is still saved: run maintenance off --role {}",
                saved.functions.len(),
                spec.role
            ));
        }
        Ok(())
    }
}

fn flag_status(spec: &RoleSpec, read: Read, now: Timestamp) -> RoleStatus {
    let (state, flag, warning) = match read.flag {
        Ok(flag) if flag.mode_at(now).is_on() => (State::On, Some(flag), None),
        Ok(flag) => (State::Off, Some(flag), None),
        Err(error) => (State::Malformed, None, Some(error.to_string())),
    };
    RoleStatus {
        role: spec.role.clone(),
        state,
        flag,
        workers: None,
        warnings: warning.into_iter().collect(),
    }
}
