//! The flag that is in effect at a time: the stored one, or a window of its schedule that has started by itself.

use std::borrow::Cow;

use jiff::Timestamp;

use crate::flag::Flag;
use crate::mode::Mode;
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

    /// The mode at this time, and the scheduled window that it is from.
    #[must_use]
    pub fn mode_and_due(&self, now: Timestamp) -> (Mode, Option<&ScheduledWindow>) {
        let own = self.own_mode_at(now);
        let due = match own.is_on() {
            true => None,
            false => self.schedule.due(now),
        };
        (due.map_or(own, |window| window.mode), due)
    }

    /// The scheduled window that is open at this time though the flag itself is off.
    #[must_use]
    pub fn due(&self, now: Timestamp) -> Option<&ScheduledWindow> {
        self.mode_and_due(now).1
    }

    /// What holds after each change: the flag itself says how its own window stands, and windows whose end has
    /// passed are forgotten.
    pub(crate) fn settle(&mut self, now: Timestamp) {
        self.forget_past(now);
        let (window, is_on) = (self.window.as_ref(), self.mode.is_on());
        self.schedule.end_but(
            |known| Some(&known.window) == window,
            |known| is_on && known.accept_event_loss,
        );
    }

    /// Forgets the windows whose end has passed, but for what was accepted for the one that is open.
    pub(crate) fn forget_past(&mut self, now: Timestamp) {
        let (window, is_on) = (self.window.as_ref(), self.mode.is_on());
        self.schedule.windows.retain(|known| {
            let is_open = is_on && Some(&known.window) == window;
            now < known.until || is_open && known.accept_event_loss
        });
    }

    /// Whether functions may be paused in the window that is open, or was last, though events will be lost: it was
    /// scheduled so.
    #[must_use]
    pub fn accepts_event_loss(&self) -> bool {
        let mut known = self.schedule.windows.iter();
        let own = known.find(|known| Some(&known.window) == self.window.as_ref());
        own.is_some_and(|own| own.accept_event_loss)
    }

    /// When visitors are served again, as far as that is known: at the end of the window that is open, or of the last
    /// of those that begin by the time that the one before them ends.
    #[must_use]
    pub fn serves_at(&self) -> Option<Timestamp> {
        let end = self.until?;
        Some(self.schedule.serves_at(end, self.mode))
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
