//! The flag that is in effect at a time: the stored one, or a window of its schedule that has opened by itself.

use std::borrow::Cow;

use jiff::Timestamp;

use crate::flag::Flag;
use crate::schedule::ScheduledWindow;

impl Flag {
    /// How the role stands at this time: the flag itself; or, while it is off and the time of a scheduled window has
    /// come, the flag as if that window had been opened at its start. A window that has ended by itself
    /// ([`mode_at`](Self::mode_at)) is as it is stored.
    ///
    /// Gates, transitions and operators all look at this, so that they agree. It becomes the stored flag by the
    /// next event that is allowed ([`next`](crate::next)).
    #[must_use]
    pub fn at(&self, now: Timestamp) -> Cow<'_, Self> {
        match self.due(now) {
            Some(window) => Cow::Owned(Self {
                schema: self.schema,
                schedule: self.schedule.clone(),
                unknown: self.unknown.clone(),
                ..Self::opened(window)
            }),
            None => Cow::Borrowed(self),
        }
    }

    /// The scheduled window that is open at this time though the flag itself is off.
    #[must_use]
    pub fn due(&self, now: Timestamp) -> Option<&ScheduledWindow> {
        if self.own_mode_at(now).is_on() {
            return None;
        }
        self.schedule.due(now)
    }

    /// What holds after each change: the flag itself says how its own window stands, and windows whose end has
    /// passed are forgotten.
    pub(crate) fn settle(&mut self, now: Timestamp) {
        self.schedule.prune(now);
        let window = self.window.as_ref();
        self.schedule.end(|known| Some(&known.window) == window);
    }

    /// When the mode changes next by itself, as far as the flag says.
    #[must_use]
    pub fn changes_at(&self, now: Timestamp) -> Option<Timestamp> {
        let due = self.due(now).map(|window| window.until);
        let end = due.or_else(|| self.opens_at()).filter(|end| *end > now);
        let start = self.schedule.to_come(now).map(|window| window.starts_at);
        end.into_iter().chain(start).min()
    }

    /// A flag as if this window of a schedule had been opened at its start, and no more: see [`at`](Self::at).
    #[must_use]
    pub fn opened(window: &ScheduledWindow) -> Self {
        Self {
            window: Some(window.window.clone()),
            owner: Some(window.owner.clone()),
            product: window.product.clone(),
            by: window.by.clone(),
            reason: window.reason.clone(),
            message: window.message.clone(),
            since: Some(window.starts_at),
            until: Some(window.until),
            auto_off: true,
            retry_after: window.retry_after,
            bypass: window.bypass.clone(),
            ..Self::bare(window.mode)
        }
    }
}
