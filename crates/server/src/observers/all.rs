//! All observers of a configuration: what the API, the pages and the command see of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use maintenance_control::CancellationToken;
use maintenance_flag::Verdict;
use tokio::sync::broadcast;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::watch::{Setup, Watched};
use super::{Configured, View};
use crate::operations::{Operation, Patience};

/// How many changes a slow listener may be behind.
const BACKLOG: usize = 64;

/// All observers. Clones share them.
#[derive(Debug, Clone)]
pub struct Observers(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    all: Vec<One>,
    changes: broadcast::Sender<View>,
    loops: TaskTracker,
}

#[derive(Debug)]
enum One {
    Watched(Arc<Watched>),
    Disabled(Box<View>),
}

impl One {
    fn view(&self) -> View {
        match self {
            Self::Watched(watched) => watched.view(),
            Self::Disabled(view) => View::clone(view),
        }
    }
}

/// A check by hand, and what it began.
#[derive(Debug)]
pub struct Checked {
    watched: Arc<Watched>,
    operation: Option<Arc<Operation>>,
}

impl Default for Observers {
    fn default() -> Self {
        Self::of(Vec::new(), broadcast::Sender::new(1))
    }
}

impl Observers {
    /// These. They do nothing until [`start`](Self::start) or [`check`](Self::check).
    #[must_use]
    pub fn new(configured: Vec<Configured>, setup: &Setup) -> Self {
        let changes = broadcast::Sender::new(BACKLOG);
        let one = |configured| {
            let view = View::of(&configured);
            match configured {
                Configured::Enabled(observer) => {
                    let (setup, changes) = (setup.clone(), changes.clone());
                    One::Watched(Arc::new(Watched::new(*observer, view, setup, changes)))
                }
                Configured::Disabled { .. } => One::Disabled(Box::new(view)),
            }
        };
        Self::of(configured.into_iter().map(one).collect(), changes)
    }

    fn of(all: Vec<One>, changes: broadcast::Sender<View>) -> Self {
        Self(Arc::new(Shared {
            all,
            changes,
            loops: TaskTracker::new(),
        }))
    }

    /// All of them as they are now, in the order of the configuration.
    #[must_use]
    pub fn views(&self) -> Vec<View> {
        self.0.all.iter().map(One::view).collect()
    }

    /// The observer of this name.
    #[must_use]
    pub fn view(&self, name: &str) -> Option<View> {
        self.find(name).map(One::view)
    }

    /// Each as it is after a check, and after what it began has ended, from now on.
    #[must_use]
    pub fn changes(&self) -> broadcast::Receiver<View> {
        self.0.changes.subscribe()
    }

    /// Has each check every so often, until `stop`.
    pub fn start(&self, stop: &CancellationToken) {
        for one in &self.0.all {
            if let One::Watched(watched) = one {
                let (watched, stop) = (Arc::clone(watched), stop.clone());
                self.0.loops.spawn(watched.run(stop));
            }
        }
        self.0.loops.close();
    }

    /// Waits until all of them have stopped.
    pub async fn stopped(&self) {
        self.0.loops.wait().await;
    }

    /// Checks once, now. None: there is no such observer, or it is disabled.
    pub async fn check(&self, name: &str) -> Option<Checked> {
        match self.find(name)? {
            One::Disabled(_) => None,
            One::Watched(watched) => Some(Checked {
                operation: watched.check().await,
                watched: Arc::clone(watched),
            }),
        }
    }

    /// Checks each once, one after the other, and waits for what that begins; but where this process is frozen or
    /// ends at `deadline`, only until shortly before.
    pub(crate) async fn check_all(
        &self,
        deadline: Option<Instant>,
    ) -> BTreeMap<String, &'static str> {
        let mut results = BTreeMap::new();
        for view in self.views() {
            let name = view.name.as_str();
            let Some(checked) = self.check(name).await else {
                results.insert(name.to_owned(), "disabled");
                continue;
            };
            if let (Some(operation), Some(deadline)) = (checked.operation(), deadline) {
                Patience::until(deadline).detach(operation).await;
            }
            checked.ended().await;
            let last = checked.view().last;
            let verdict = last.map_or(Verdict::Unknown, |(_, last)| last.verdict);
            results.insert(name.to_owned(), verdict.as_str());
        }
        results
    }

    fn find(&self, name: &str) -> Option<&One> {
        let mut all = self.0.all.iter();
        all.find(|one| one.view().name.as_str() == name)
    }
}

impl Checked {
    /// What the check has begun.
    #[must_use]
    pub fn operation(&self) -> Option<&Arc<Operation>> {
        self.operation.as_ref()
    }

    /// The observer as it is now.
    #[must_use]
    pub fn view(&self) -> View {
        self.watched.view()
    }

    /// Waits for what the check has begun.
    pub async fn ended(&self) {
        if let Some(operation) = &self.operation {
            self.watched.follow(operation).await;
        }
    }

    /// Goes on without waiting for it.
    pub fn detach(self) {
        tokio::spawn(async move { self.ended().await });
    }
}
