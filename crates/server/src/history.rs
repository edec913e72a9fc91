//! What became of some apps, in pages: for the API and for the console.

use std::sync::Arc;

use futures_util::future::join_all;
use maintenance_control::{Error, History, RoleTransition};
use maintenance_flag::{App, Role, Source};

use crate::catalog::ManagedApp;
use crate::statuses::{Read, Statuses};

/// Which transitions are asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct HistoryFilter {
    /// Of this role alone.
    pub(crate) role: Option<Role>,
    /// Made by this alone.
    pub(crate) source: Option<Source>,
    /// Those that come after the one of this id, which is older ones.
    pub(crate) after: Option<String>,
    /// At most so many.
    pub(crate) limit: usize,
}

/// A page of transitions.
#[derive(Debug)]
pub(crate) struct HistoryPage {
    /// Newest first.
    pub(crate) transitions: Vec<RoleTransition>,
    /// After which one the next page begins. None if there is no more.
    pub(crate) next: Option<String>,
    /// Roles of which older transitions are not kept: `demo-dev/web`.
    pub(crate) cut_off: Vec<String>,
    /// Apps that could not be read.
    pub(crate) unread: Vec<(App, Read<History>)>,
}

impl HistoryPage {
    /// Why nothing at all could be read.
    pub(crate) fn error(&self, apps: &[Arc<ManagedApp>]) -> Option<(&App, &Error)> {
        let (app, read) = self.unread.first()?;
        let error = (**read).as_ref().err()?;
        (self.unread.len() == apps.len()).then_some((app, error))
    }
}

/// The id that a page was asked for after is that of no transition: it is not kept any more, or never was one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NotKept(pub(crate) String);

/// A page of the transitions of these apps.
pub(crate) async fn page(
    statuses: &Statuses,
    apps: &[Arc<ManagedApp>],
    filter: &HistoryFilter,
) -> Result<HistoryPage, NotKept> {
    let reads = join_all(apps.iter().map(|app| statuses.history(app))).await;
    let mut all: Vec<&RoleTransition> = Vec::new();
    let (mut cut_off, mut unread) = (Vec::new(), Vec::new());
    for (app, read) in apps.iter().zip(&reads) {
        match &**read {
            Ok(history) => {
                all.extend(&history.transitions);
                let roles = history.cut_off.iter();
                cut_off.extend(roles.map(|role| format!("{}/{role}", history.app)));
            }
            Err(_) => unread.push((app.app().clone(), Arc::clone(read))),
        }
    }
    all.sort_by_key(|it| std::cmp::Reverse(it.at()));
    if let Some(after) = &filter.after {
        let place = all.iter().position(|it| it.id() == *after);
        let place = place.ok_or_else(|| NotKept(after.clone()))?;
        all.drain(..=place);
    }
    all.retain(|it| {
        let is_of_role = filter.role.as_ref().is_none_or(|role| it.role == *role);
        is_of_role
            && filter
                .source
                .is_none_or(|it_is| it.entry.source == Some(it_is))
    });
    let has_more = all.len() > filter.limit;
    all.truncate(filter.limit);
    Ok(HistoryPage {
        next: all.last().filter(|_| has_more).map(|last| last.id()),
        transitions: all.into_iter().cloned().collect(),
        cut_off,
        unread,
    })
}
