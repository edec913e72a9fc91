//! The windows to come of a product, as its pages and the API show them: each once, with all roles that it is for.

use maintenance_flag::{App, Role, ScheduledWindow};

use super::windows::Place;
use crate::statuses::ProductStatus;

/// A window to come.
#[derive(Debug, Clone, PartialEq)]
pub struct Coming {
    /// The window, as the first of its roles has it.
    pub window: ScheduledWindow,
    /// The roles that it is for.
    pub places: Vec<Place>,
}

/// The windows to come of all apps of a product, by their start. Roles that have the same window at another time, as
/// one that was moved half-way, are shown apart.
#[must_use]
pub fn coming(status: &ProductStatus) -> Vec<Coming> {
    let apps = status.apps.iter();
    let roles = apps.flat_map(|(app, read)| {
        let roles = (**read).as_ref().map_or(&[][..], |status| &status.roles);
        roles.iter().map(move |role| (app.app(), role))
    });
    let windows = roles.flat_map(|(app, role)| {
        let windows = role.scheduled.iter();
        windows.map(move |window| (app, &role.role, window))
    });
    let mut all: Vec<Coming> = Vec::new();
    for (app, role, window) in windows {
        add(&mut all, app, role, window);
    }
    all.sort_by(|a, b| key(&a.window).cmp(&key(&b.window)));
    all
}

fn key(window: &ScheduledWindow) -> impl Ord + '_ {
    (window.starts_at, window.until, &window.window)
}

fn add(all: &mut Vec<Coming>, app: &App, role: &Role, window: &ScheduledWindow) {
    let place = Place {
        app: app.clone(),
        role: role.clone(),
    };
    match all.iter_mut().find(|it| key(&it.window) == key(window)) {
        Some(known) => known.places.push(place),
        None => all.push(Coming {
            window: window.clone(),
            places: vec![place],
        }),
    }
}
