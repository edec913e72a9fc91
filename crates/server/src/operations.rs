//! Operations that run in the server: who asked for them, how far they are, and how they ended.
//!
//! An operation belongs to the server and not to the request that began it: a client that hangs up stops
//! nothing. It ends with the process, and so does what is known of it here; what it changed, and how to
//! finish or undo that, is in the parameter store.

mod allowed;
mod counts;
mod patience;
mod progress;
mod result;
mod schedule;
mod told;
mod verdict;

pub(crate) use counts::Counts;
pub use patience::Patience;
pub use progress::{AppProgress, Ended, Phase, Progress, RoleProgress};
pub use result::{
    AppResult, EventsResult, FunctionFailure, FunctionsResult, RoleResult, StepsResult,
};
pub use schedule::Rescheduled;
pub use verdict::{LeftRole, Success};

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::try_join_all;
use jiff::Timestamp;
use maintenance_control::{
    Action, AppRoles, BypassLink, CancellationToken, Context, Error, Event, OffRequest, OnRequest,
    Report, RoleSpec, operate_together, plan_together,
};
use maintenance_flag::{AccessId, Product};
use tokio::sync::{broadcast, watch};
use tokio_util::task::TaskTracker;

use crate::access::Caller;
use crate::catalog::{ManagedApp, ManagedProduct};
use crate::notify::Notifier;
use crate::statuses::{Statuses, known_roles};

/// How many operations are remembered after their end, and as many dry runs.
const REMEMBERED: usize = 100;
/// How often at most the progress of an operation is announced.
const ANNOUNCED_EVERY: Duration = Duration::from_millis(250);
/// How many announcements a slow reader may be behind.
const BACKLOG: usize = 64;

/// What an operation is about: roles of apps.
#[derive(Debug, Clone)]
pub struct Target {
    /// The product, unless it is about one role.
    pub product: Option<Arc<ManagedProduct>>,
    /// The apps, with the roles of each.
    pub apps: Vec<(Arc<ManagedApp>, Vec<RoleSpec>)>,
}

impl Target {
    /// All roles of all apps of a product: those that are configured, and those that only the stores know.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn product(product: &Arc<ManagedProduct>) -> Result<Self, Error> {
        Ok(Self {
            product: Some(Arc::clone(product)),
            apps: try_join_all(product.apps.iter().cloned().map(with_roles)).await?,
        })
    }

    /// One role of an app.
    #[must_use]
    pub fn role(app: Arc<ManagedApp>, role: RoleSpec) -> Self {
        Self {
            product: None,
            apps: vec![(app, vec![role])],
        }
    }

    /// All roles of an app.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn app(app: Arc<ManagedApp>) -> Result<Self, Error> {
        Ok(Self {
            product: None,
            apps: vec![with_roles(app).await?],
        })
    }
}

/// An app with all of its roles.
async fn with_roles(app: Arc<ManagedApp>) -> Result<(Arc<ManagedApp>, Vec<RoleSpec>), Error> {
    let roles = known_roles(&app).await?;
    Ok((app, roles))
}

/// What is asked for.
#[derive(Debug, Clone)]
pub enum Request {
    /// Maintenance on.
    On(Box<OnRequest>),
    /// Maintenance off.
    Off(OffRequest),
}

impl Request {
    /// On or off.
    #[must_use]
    pub fn action(&self) -> Action {
        match self {
            Self::On(_) => Action::On,
            Self::Off(_) => Action::Off,
        }
    }
}

/// An operation, at work or ended.
#[derive(Debug)]
pub struct Operation {
    /// Its id, by which it is asked for.
    pub id: String,
    /// What it is about.
    pub target: Target,
    /// What was asked for.
    pub request: Request,
    /// Whether it only reads, and its reports say what it would do.
    pub is_dry_run: bool,
    /// Who asked for it.
    pub by: String,
    /// By which token, unless a proxy named the person.
    token: Option<AccessId>,
    /// The only products whose windows the caller may change. None: all.
    products: Option<BTreeSet<Product>>,
    /// When it began, UTC.
    pub started: Timestamp,
    progress: watch::Sender<Progress>,
    stop: CancellationToken,
    is_link_shown: AtomicBool,
}

impl Operation {
    /// Whether this caller asked for it: by the same token, or as the same person that a proxy names.
    #[must_use]
    pub fn is_of(&self, caller: &Caller) -> bool {
        (self.by.as_str(), self.token.as_ref()) == (caller.by(), caller.token())
    }

    /// Asks it to stop after the step in hand.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Whether it has a bypass link that was not shown yet.
    #[must_use]
    pub fn has_link(&self) -> bool {
        self.link().is_some() && !self.is_link_shown.load(Ordering::Relaxed)
    }

    /// Its bypass link, to be shown: once.
    pub fn take_link(&self) -> Option<&BypassLink> {
        let link = self.link()?;
        (!self.is_link_shown.swap(true, Ordering::Relaxed)).then_some(link)
    }

    fn link(&self) -> Option<&BypassLink> {
        match &self.request {
            Request::On(on) => on.link.as_ref(),
            Request::Off(_) => None,
        }
    }

    /// How far it is.
    #[must_use]
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// Waits until it has ended.
    pub async fn ended(&self) -> Arc<Ended> {
        let mut progress = self.progress();
        let ended = progress.wait_for(|progress| progress.ended.is_some()).await;
        let ended = ended.ok().and_then(|progress| progress.ended.clone());
        // The sender lives as long as the operation.
        ended.unwrap_or_else(|| Arc::new(Ended::crashed()))
    }
}

/// Something that a page which is open should know.
#[derive(Debug, Clone)]
pub enum Change {
    /// An operation went on.
    Progress(Arc<Operation>),
    /// An operation ended, and flags may have changed.
    Ended(Arc<Operation>),
}

/// The operations of this server.
#[derive(Debug, Clone)]
pub struct Operations(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    known: Mutex<VecDeque<Arc<Operation>>>,
    /// Dry runs: no page and no other operation minds them, so they are kept apart.
    dry_runs: Mutex<VecDeque<Arc<Operation>>>,
    changes: broadcast::Sender<Change>,
    counts: Counts,
    statuses: Statuses,
    notifier: Notifier,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Operations {
    /// None yet. Those that end have `statuses` read anew, and are told by `notifier`.
    #[must_use]
    pub fn new(statuses: Statuses, notifier: Notifier) -> Self {
        Self(Arc::new(Shared {
            known: Mutex::default(),
            dry_runs: Mutex::default(),
            changes: broadcast::Sender::new(BACKLOG),
            counts: Counts::default(),
            statuses,
            notifier,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }))
    }

    /// Begins one. The lease of each app decides whether it may: an app that is operated on ends it with
    /// [`Error::Busy`].
    pub fn start(&self, target: Target, request: Request, caller: &Caller) -> Arc<Operation> {
        self.begin(target, request, caller, false)
    }

    /// Begins to read what the operation would do. It needs no lease, is not announced, and can be asked for by
    /// its id alone.
    pub fn plan(&self, target: Target, request: Request, caller: &Caller) -> Arc<Operation> {
        self.begin(target, request, caller, true)
    }

    fn begin(
        &self,
        target: Target,
        request: Request,
        caller: &Caller,
        is_dry_run: bool,
    ) -> Arc<Operation> {
        let progress = watch::Sender::new(Progress::of(&target));
        let operation = Arc::new(Operation {
            id: new_id(),
            target,
            request,
            is_dry_run,
            by: caller.by().to_owned(),
            token: caller.token().cloned(),
            products: caller.products().cloned(),
            started: Timestamp::now(),
            progress,
            stop: self.0.stop.child_token(),
            is_link_shown: AtomicBool::new(false),
        });
        let known = match is_dry_run {
            true => &self.0.dry_runs,
            false => &self.0.known,
        };
        remember(known, &operation);
        let (shared, started) = (Arc::clone(&self.0), Arc::clone(&operation));
        self.0
            .tasks
            .spawn(async move { shared.see_through(started).await });
        operation
    }

    /// The operation of this id, or the dry run.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<Arc<Operation>> {
        let dry_runs = (self.0.dry_runs.lock()).unwrap_or_else(PoisonError::into_inner);
        let found = dry_runs.iter().find(|operation| operation.id == id);
        let found = found.cloned();
        drop(dry_runs);
        found.or_else(|| self.all().into_iter().find(|operation| operation.id == id))
    }

    /// The operation at work that is about this product as a whole, or the last one that was. Of two at work the
    /// first: it has the lease, and the other one will find that.
    #[must_use]
    pub fn of_product(&self, product: &ManagedProduct) -> Option<Arc<Operation>> {
        let mut all = self.all();
        all.retain(|operation| {
            let of = operation.target.product.as_ref();
            of.is_some_and(|of| of.id == product.id)
        });
        let at_work = |operation: &&Arc<Operation>| !operation.progress.borrow().is_over();
        let at_work = all.iter().find(at_work).cloned();
        at_work.or_else(|| all.pop())
    }

    /// Cancelled when the server is asked to stop: what is sent without end ends then.
    #[must_use]
    pub fn stopping(&self) -> CancellationToken {
        self.0.stop.clone()
    }

    /// How many have ended, and how.
    #[must_use]
    pub(crate) fn counts(&self) -> Counts {
        self.0.counts.clone()
    }

    /// What changes from now on.
    #[must_use]
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.0.changes.subscribe()
    }

    /// Stops those at work after the step in hand, waits until they have given their leases back, and
    /// returns them.
    pub async fn stop(&self) -> Vec<Arc<Operation>> {
        let is_at_work = |operation: &Arc<Operation>| !operation.progress.borrow().is_over();
        let at_work = self.all().into_iter().filter(is_at_work).collect();
        self.0.stop.cancel();
        self.0.tasks.close();
        self.0.tasks.wait().await;
        at_work
    }

    /// All operations that are remembered, the oldest first, without dry runs.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Operation>> {
        let known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().cloned().collect()
    }
}

fn remember(known: &Mutex<VecDeque<Arc<Operation>>>, operation: &Arc<Operation>) {
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    known.push_back(Arc::clone(operation));
    let over = |it: &Arc<Operation>| it.progress.borrow().is_over();
    while known.len() > REMEMBERED {
        let Some(oldest) = known.iter().position(over) else {
            break;
        };
        known.remove(oldest);
    }
}

impl Shared {
    /// Runs the operation to its end, and announces how it goes.
    async fn see_through(self: Arc<Self>, operation: Arc<Operation>) {
        let runs = Arc::clone(&operation);
        // A task of its own, so that a panic in it is an end as any other.
        let mut run = tokio::spawn(async move { run(&runs).await });
        let mut progress = operation.progress();
        let mut every = tokio::time::interval(ANNOUNCED_EVERY);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let ended = loop {
            tokio::select! {
                ended = &mut run => break ended,
                _ = every.tick() => {
                    if progress.has_changed().unwrap_or_default() {
                        progress.borrow_and_update();
                        self.announce(Change::Progress(Arc::clone(&operation)));
                    }
                }
            }
        };
        let ended = match ended {
            Ok(results) => Ended::new(results),
            Err(error) => {
                tracing::error!(operation = operation.id, %error, "the operation crashed");
                Ended::crashed()
            }
        };
        if !operation.is_dry_run {
            for (app, _) in &operation.target.apps {
                self.statuses.forget(app.app());
            }
            counts::count(&self.counts, operation.request.action(), &ended);
            told::tell(&self.notifier, &operation, &ended, &self.statuses).await;
        }
        operation
            .progress
            .send_modify(|progress| progress.end(ended));
        self.announce(Change::Ended(operation));
    }

    fn announce(&self, change: Change) {
        let (Change::Progress(operation) | Change::Ended(operation)) = &change;
        if operation.is_dry_run {
            return;
        }
        // It fails where there is no listener.
        let _ = self.changes.send(change);
    }
}

async fn run(operation: &Operation) -> Vec<Result<Report, Error>> {
    let (target, progress) = (&operation.target, &operation.progress);
    let apps = target.apps.iter();
    let controls = apps.map(|(app, _)| {
        let control = match operation.is_dry_run {
            true => &app.reads,
            false => &app.control,
        };
        let control = control.acting_for(&operation.by);
        match &operation.products {
            // An app can be of several products.
            Some(products) => control.limited_to(products.clone()),
            None => control,
        }
    });
    let controls: Vec<_> = controls.collect();
    let listener = |app: usize| {
        move |event: Event<'_>| {
            progress.send_if_modified(|progress| progress.hear(app, &event));
        }
    };
    let listeners: Vec<_> = (0..controls.len()).map(listener).collect();
    let context = |listen| Context {
        stop: operation.stop.clone(),
        listen,
    };
    let contexts: Vec<Context<'_>> = listeners.iter().map(|it| context(it)).collect();
    let parts = controls.iter().zip(&target.apps).zip(&contexts);
    let parts = parts.map(|((control, (_, roles)), context)| AppRoles {
        control,
        roles,
        context,
    });
    let parts: Vec<_> = parts.collect();
    match (&operation.request, operation.is_dry_run) {
        (Request::On(on), false) => {
            operate_together(&parts, maintenance_control::Request::On(on)).await
        }
        (Request::On(on), true) => {
            plan_together(&parts, maintenance_control::Request::On(on)).await
        }
        (Request::Off(off), false) => {
            operate_together(&parts, maintenance_control::Request::Off(off)).await
        }
        (Request::Off(off), true) => {
            plan_together(&parts, maintenance_control::Request::Off(off)).await
        }
    }
}

/// An id that cannot be guessed from another: 64 random bits.
fn new_id() -> String {
    let random = getrandom::u64().unwrap_or_else(|_| Timestamp::now().as_nanosecond() as u64);
    format!("{random:016x}")
}
