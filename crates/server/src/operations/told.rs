//! What is told of an operation that ended: from here, whoever asked for it.

use std::sync::Arc;

use jiff::Timestamp;
use maintenance_control::State;

use super::{Ended, Operation, Request};
use crate::notify::{About, Notification, Notifier, Source};
use crate::statuses::Statuses;

impl Operation {
    fn about(&self, at: Timestamp) -> About<'_> {
        let (who, reason) = match &self.request {
            Request::On(on) => (&on.who, on.reason.as_deref()),
            Request::Off(off) => (&off.who, off.force.as_deref()),
        };
        let apps = self.target.apps.iter();
        About {
            at,
            action: self.request.action(),
            product: self.target.product.as_ref().map(|product| &product.id),
            apps: apps
                .map(|(app, roles)| (app.app(), roles.iter().map(|spec| &spec.role).collect()))
                .collect(),
            by: &self.by,
            source: Source::from(who),
            reason,
        }
    }
}

/// Tells it, and once they are drained, that the roles are.
pub(super) async fn tell(
    notifier: &Notifier,
    operation: &Arc<Operation>,
    ended: &Ended,
    statuses: &Statuses,
) {
    if notifier.is_empty() {
        return;
    }
    let about = operation.about(ended.at);
    notifier.tell(Notification::of_operation(&about, &ended.results));
    if let Some((at, drained)) = Notification::drained(&about, &ended.results) {
        let still = still_on(Arc::clone(operation), drained.windows(), statuses.clone());
        notifier.tell_at(at, drained, still);
    }
    notifier.before_answer().await;
}

/// Whether each of these windows, of an app and a role, is open still. What cannot be read is not known to be.
async fn still_on(
    operation: Arc<Operation>,
    windows: Vec<(String, String, Option<String>)>,
    statuses: Statuses,
) -> bool {
    for (app, _) in &operation.target.apps {
        let status = statuses.app(app).await;
        let Ok(status) = &*status else {
            return false;
        };
        let name = app.app().to_string();
        for (_, role, window) in windows.iter().filter(|(of, ..)| *of == name) {
            let mut roles = status.roles.iter();
            let status = roles.find(|status| status.role.as_str() == role);
            let is_on = status.is_some_and(|status| status.state == State::On);
            let flag = status.and_then(|status| status.flag.as_ref());
            let id = flag
                .and_then(|flag| flag.window.as_ref())
                .map(ToString::to_string);
            if !is_on || id != *window {
                return false;
            }
        }
    }
    true
}
