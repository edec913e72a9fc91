//! Writing a role's flag, as often as an operation has something new to say in it.

use jiff::Timestamp;
use maintenance_flag::{Flag, Role};

use crate::control::Control;
use crate::error::Error;
use crate::fence::{AbortReason, Fence};
use crate::report::Warning;
use crate::store::Stored;

/// The flag of a role as it was last read or written, and where it is written.
pub(crate) struct FlagWriter<'a> {
    control: &'a Control,
    role: &'a Role,
    fence: &'a Fence,
    stored: Option<Stored>,
    /// What an operator should know: a write of another client was overwritten.
    pub(crate) warnings: Vec<Warning>,
}

impl<'a> FlagWriter<'a> {
    pub(crate) fn new(
        control: &'a Control,
        role: &'a Role,
        fence: &'a Fence,
        stored: Option<Stored>,
    ) -> Self {
        Self {
            control,
            role,
            fence,
            stored,
            warnings: Vec::new(),
        }
    }

    /// The version of the flag; 0 if there is none.
    pub(crate) fn version(&self) -> u64 {
        self.stored.as_ref().map_or(0, |stored| stored.revision.0)
    }

    pub(crate) async fn write(&mut self, flag: &Flag) -> Result<(), Error> {
        let Self {
            control,
            role,
            fence,
            ..
        } = *self;
        let name = control.names.flag(role);
        let encoded = flag.encode();
        let value = encoded.map_err(|source| control.too_large(role, source))?;
        let seen = self.stored.as_ref();
        let written = control
            .store
            .replace(&name, &value, seen, Some(fence))
            .await?;
        if let Some(between) = written.between {
            let (by, mode) = match Flag::decode(&between.value) {
                Ok(flag) => (flag.by, Ok(flag.mode)),
                Err(error) => (None, Err(error)),
            };
            self.warnings.push(Warning::Overwrote { by, mode });
        }
        self.stored = Some(Stored {
            value,
            revision: written.revision,
        });
        Ok(())
    }

    /// Notes in a flag that is written when its role is drained. On a stop it is only not stored.
    pub(crate) async fn note_drained(
        &mut self,
        flag: &mut Flag,
        drained_at: Option<Timestamp>,
    ) -> Result<(), Error> {
        flag.drained_at = drained_at;
        match self.write(flag).await {
            Err(error) if error.halt() == Some(AbortReason::Stopped) => Ok(()),
            written => written,
        }
    }
}
