//! A scheduled window, as pages show it.

use jiff::Timestamp;
use maintenance_flag::Mode;

use super::text::Moment;
use crate::schedule::{Coming, coming};
use crate::statuses::ProductStatus;

/// A window to come.
pub(super) struct ComingView {
    pub(super) id: String,
    pub(super) starts: Moment,
    pub(super) until: Moment,
    pub(super) reason: Option<String>,
    pub(super) message: Option<String>,
    pub(super) by: Option<String>,
    pub(super) recurring: Option<String>,
    pub(super) is_read_only: bool,
    /// The roles that it is for, if these are not all of the product.
    pub(super) roles: Option<String>,
}

impl ComingView {
    pub(super) fn all(status: &ProductStatus, now: Timestamp) -> Vec<Self> {
        let roles = status.apps.iter().filter_map(|(_, read)| {
            let status = (**read).as_ref().ok()?;
            Some(status.roles.len())
        });
        let count: usize = roles.sum();
        let view = |coming: &Coming| Self::new(coming, count, now);
        coming(status).iter().map(view).collect()
    }

    fn new(coming: &Coming, count: usize, now: Timestamp) -> Self {
        let Coming { window, places } = coming;
        let mut apps: Vec<(String, Vec<&str>)> = Vec::new();
        for place in places {
            let (app, role) = (place.app.to_string(), place.role.as_str());
            match apps.iter_mut().find(|(known, _)| *known == app) {
                Some((_, roles)) => roles.push(role),
                None => apps.push((app, vec![role])),
            }
        }
        let names = apps
            .iter()
            .map(|(app, roles)| format!("{app} ({})", roles.join(", ")));
        let names: Vec<_> = names.collect();
        Self {
            id: window.window.to_string(),
            starts: Moment::new(window.starts_at, now),
            until: Moment::new(window.until, now),
            reason: window.reason.clone(),
            message: window.message.clone(),
            by: window.by.clone().filter(|_| window.recurring.is_none()),
            recurring: window.recurring.clone(),
            is_read_only: window.mode == Mode::ReadOnly,
            roles: (places.len() < count).then(|| names.join(", ")),
        }
    }
}
