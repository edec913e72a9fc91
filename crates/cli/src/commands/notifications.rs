//! Notifications of what a command did: sent while it goes on, and waited for at its end, which they never change.

use std::cell::{OnceCell, RefCell};

use maintenance_control::{Clock, Visitor};
use maintenance_server::notify::{Kind, LAST_WAIT, Notification, Notifier};
use maintenance_server::outbound::Outbound;

use crate::error::CliError;
use crate::exit_code::Outcome;
use crate::output::Output;
use crate::settings::NotifySettings;

/// A client for addresses of the configuration, which goes the way of the calls to AWS.
pub(super) fn outbound(visitor: &Visitor) -> Outbound {
    Outbound::new(|name| std::env::var(name).ok(), visitor.roots())
}

/// Tells receivers of the configuration.
pub(super) fn notifier(settings: &NotifySettings, visitor: &Visitor) -> Notifier {
    match settings.receivers() {
        none if none.is_empty() => Notifier::none(),
        receivers => Notifier::new(receivers, outbound(visitor), Clock::System),
    }
}

/// What a command tells.
#[derive(Debug)]
pub(super) struct Notifications<'a> {
    settings: &'a NotifySettings,
    notifier: OnceCell<Notifier>,
    told: RefCell<Vec<Kind>>,
}

impl<'a> Notifications<'a> {
    pub(super) fn new(settings: &'a NotifySettings) -> Self {
        Self {
            settings,
            notifier: OnceCell::new(),
            told: RefCell::default(),
        }
    }

    /// Sends these in the background.
    pub(super) fn tell(&self, notifications: Vec<Notification>, visitor: &Visitor) {
        let kinds = notifications.iter().map(Notification::kind);
        self.told.borrow_mut().extend(kinds);
        let notifier = || notifier(self.settings, visitor);
        self.notifier.get_or_init(notifier).tell(notifications);
    }

    /// Waits until they have arrived, for five seconds at most, and says what has not. How the command ended is said
    /// before that.
    pub(super) async fn finish(
        self,
        ended: Result<Outcome, CliError>,
        output: &Output,
    ) -> Result<Outcome, CliError> {
        let told = self.told.into_inner();
        if told.is_empty() || self.settings.0.is_empty() {
            return ended;
        }
        let ended = ended.unwrap_or_else(|failure| {
            output.failure(&failure);
            failure.outcome()
        });
        for (receiver, why) in self.settings.disabled() {
            if receiver.on.iter().any(|kind| told.contains(kind)) {
                let name = &receiver.name;
                output.say(format_args!("Warning: {name} was not notified: {why}"));
            }
        }
        if let Some(notifier) = self.notifier.get() {
            for undelivered in notifier.finish(LAST_WAIT).await {
                output.say(format_args!("Warning: {undelivered}"));
            }
        }
        Ok(ended)
    }
}
