//! How things stand, read from the parameter stores and kept for a moment, so that many readers cost no
//! more calls than one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use maintenance_control::{Context, Error, History, Holder, RoleSpec, RoleStatus, State, Workers};
use maintenance_flag::{App, Flag, OwnerKind, Role};
use serde::Serialize;
use tokio::sync::Mutex;
use tokio::time::Instant;
use utoipa::ToSchema;

use crate::catalog::{Catalog, ManagedApp, ManagedProduct};

/// How old the flags of an app may be.
const FLAGS_FOR: Duration = Duration::from_secs(2);
/// How old the state of an app's functions may be: reading it takes a call a function.
const WORKERS_FOR: Duration = Duration::from_secs(20);

/// How old what became of an app may be: reading it takes two calls a role.
const HISTORY_FOR: Duration = Duration::from_secs(10);

/// Whether a product, app or role is in maintenance. Derived from flags, and never stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub enum OperationMode {
    /// No role is in maintenance.
    Normal,
    /// Every role is.
    Maintenance,
    /// Some roles are, or a flag is malformed.
    Partial,
    /// A flag cannot be read.
    Unknown,
}

impl OperationMode {
    /// Each of them.
    pub const ALL: [Self; 4] = [
        Self::Normal,
        Self::Maintenance,
        Self::Partial,
        Self::Unknown,
    ];

    /// Of roles that stand like this.
    pub fn of(states: impl IntoIterator<Item = State>) -> Self {
        let mode = |state| match state {
            State::On => Self::Maintenance,
            State::Off => Self::Normal,
            State::Malformed => Self::Partial,
            State::Unknown => Self::Unknown,
        };
        Self::together(states.into_iter().map(mode))
    }

    /// Of several of them together.
    pub fn together(modes: impl IntoIterator<Item = Self>) -> Self {
        let join = |all, mode| match (all, mode) {
            (Self::Unknown, _) | (_, Self::Unknown) => Self::Unknown,
            (all, mode) if all == mode => all,
            _ => Self::Partial,
        };
        modes.into_iter().reduce(join).unwrap_or(Self::Normal)
    }

    /// As it is shown and sent.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Maintenance => "Maintenance",
            Self::Partial => "Partial",
            Self::Unknown => "Unknown",
        }
    }
}

/// The flags of an app and the lease on it.
#[derive(Debug)]
pub struct AppStatus {
    /// Its roles: those that are configured, and those that only the store knows.
    pub roles: Vec<RoleStatus>,
    /// Who operates on it, or died in the middle.
    pub holder: Option<Holder>,
}

impl AppStatus {
    /// Whether it is in maintenance.
    #[must_use]
    pub fn mode(&self) -> OperationMode {
        OperationMode::of(self.roles.iter().map(|role| role.state))
    }

    /// The flags of the roles that are on.
    pub fn flags_on(&self) -> impl Iterator<Item = &Flag> {
        let on = self.roles.iter().filter(|role| role.state == State::On);
        on.filter_map(|role| role.flag.as_ref())
    }
}

/// A lease is taken for 30 s at a time, and clocks may differ by as much. One that seems to end later does not hold.
const LONGEST_LEASE: SignedDuration = SignedDuration::from_secs(60);

/// What was read of an app, or why it could not be.
pub type Read<T> = Arc<Result<T, Error>>;

/// How a product stands.
#[derive(Debug)]
pub struct ProductStatus {
    /// The product.
    pub product: Arc<ManagedProduct>,
    /// Its apps, in the order of the product's.
    pub apps: Vec<(Arc<ManagedApp>, Read<AppStatus>)>,
}

impl ProductStatus {
    /// Whether it is in maintenance.
    #[must_use]
    pub fn mode(&self) -> OperationMode {
        let mode = |(_, read): &(_, Read<AppStatus>)| {
            let status = (**read).as_ref();
            status.map_or(OperationMode::Unknown, AppStatus::mode)
        };
        OperationMode::together(self.apps.iter().map(mode))
    }

    /// Whether an operation is at work on one of its apps, here or elsewhere: no other can begin.
    #[must_use]
    pub fn is_held(&self, now: Timestamp) -> bool {
        self.apps.iter().any(|(_, read)| {
            let status = (**read).as_ref().ok();
            let holder = status.and_then(|status| status.holder.as_ref());
            // One that died half-way is at work on nothing. Nor does a clock that is ahead say who lives.
            holder.is_some_and(|holder| {
                let left = holder.until.duration_since(now);
                left.is_positive() && left <= LONGEST_LEASE
            })
        })
    }

    /// Whether an operation is on its way into maintenance or out of it: some of its roles are in maintenance, the
    /// others not, and the lease of one of its apps is held.
    #[must_use]
    pub fn is_changing(&self, now: Timestamp) -> bool {
        self.mode() == OperationMode::Partial && self.is_held(now)
    }

    /// The flags of all roles that are on.
    pub fn flags_on(&self) -> impl Iterator<Item = &Flag> {
        let statuses = self
            .apps
            .iter()
            .filter_map(|(_, read)| (**read).as_ref().ok());
        statuses.flat_map(AppStatus::flags_on)
    }

    /// The flag that says who holds it: that of an observer before those of persons, since it decides whether
    /// a person may leave; the oldest of them.
    #[must_use]
    pub fn holder_flag(&self) -> Option<&Flag> {
        let is_observers = |flag: &Flag| {
            let owner = flag.owner.as_ref();
            owner.is_some_and(|owner| owner.kind == OwnerKind::Observer)
        };
        self.flags_on()
            .min_by_key(|flag| (!is_observers(flag), flag.since.unwrap_or(Timestamp::MAX)))
    }

    /// Why nothing of it could be read, and of which app that is said.
    #[must_use]
    pub fn unread(&self) -> Option<(&App, &Error)> {
        let errors = self.apps.iter().map(|(app, read)| {
            let error = (**read).as_ref().err()?;
            Some((app.app(), error))
        });
        let errors: Option<Vec<_>> = errors.collect();
        errors?.into_iter().next()
    }

    /// Why something could not be read.
    #[must_use]
    pub fn error(&self) -> Option<&Error> {
        let mut reads = self.apps.iter();
        reads.find_map(|(_, read)| (**read).as_ref().err())
    }
}

/// A value that is read again when it is older than so long: by one caller, for whom the others wait.
#[derive(Debug)]
struct Cached<T> {
    slot: Mutex<Option<Slot<T>>>,
    /// How often it has changed, as far as this server knows.
    changes: AtomicU64,
}

#[derive(Debug)]
struct Slot<T> {
    at: Instant,
    /// What had changed by the time it began to be read.
    changes: u64,
    value: Read<T>,
}

impl<T> Default for Cached<T> {
    fn default() -> Self {
        Self {
            slot: Mutex::new(None),
            changes: AtomicU64::new(0),
        }
    }
}

impl<T> Cached<T> {
    async fn get(
        &self,
        max_age: Duration,
        read: impl Future<Output = Result<T, Error>>,
    ) -> Read<T> {
        let mut slot = self.slot.lock().await;
        match &*slot {
            Some(slot) if self.is_fresh(slot, max_age) => Arc::clone(&slot.value),
            _ => {
                let changes = self.changes.load(Ordering::SeqCst);
                let value = Arc::new(read.await);
                // An error is kept as well: a store that is down is not asked once a reader.
                *slot = Some(Slot {
                    at: Instant::now(),
                    changes,
                    value: Arc::clone(&value),
                });
                value
            }
        }
    }

    /// What was read last, and whether that is not older than so long; none while it is being read.
    fn last(&self, max_age: Duration) -> Option<(Read<T>, bool)> {
        let slot = self.slot.try_lock().ok()?;
        let slot = slot.as_ref()?;
        Some((Arc::clone(&slot.value), self.is_fresh(slot, max_age)))
    }

    /// It has changed. Waits for no reader: what is being read just now counts as old.
    fn forget(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
    }

    fn is_fresh(&self, slot: &Slot<T>, max_age: Duration) -> bool {
        slot.at.elapsed() < max_age && slot.changes == self.changes.load(Ordering::SeqCst)
    }
}

#[derive(Debug, Default)]
struct OfApp {
    flags: Cached<AppStatus>,
    workers: Cached<Workers>,
    history: Cached<History>,
}

/// How all apps stand.
#[derive(Debug, Clone)]
pub struct Statuses(Arc<BTreeMap<App, OfApp>>);

impl Statuses {
    /// Of the apps of this catalog.
    #[must_use]
    pub fn new(catalog: &Catalog) -> Self {
        let apps = catalog.products().flat_map(|product| &product.apps);
        let apps = apps.map(|app| (app.app().clone(), OfApp::default()));
        Self(Arc::new(apps.collect()))
    }

    /// The flags of an app, at most two seconds old.
    pub async fn app(&self, app: &ManagedApp) -> Read<AppStatus> {
        match self.0.get(app.app()) {
            Some(cached) => cached.flags.get(FLAGS_FOR, read(app)).await,
            None => Arc::new(read(app).await),
        }
    }

    /// The flags of all apps of a product.
    pub async fn product(&self, product: &Arc<ManagedProduct>) -> ProductStatus {
        let read = |app: &Arc<ManagedApp>| {
            let app = Arc::clone(app);
            async move {
                let status = self.app(&app).await;
                (app, status)
            }
        };
        ProductStatus {
            product: Arc::clone(product),
            apps: join_all(product.apps.iter().map(read)).await,
        }
    }

    /// The functions of an app one by one, at most twenty seconds old.
    pub async fn workers(&self, app: &ManagedApp) -> Read<Workers> {
        let read = async {
            app.reads
                .workers(&known_roles(app).await?, &Context::quiet())
                .await
        };
        match self.0.get(app.app()) {
            Some(cached) => cached.workers.get(WORKERS_FOR, read).await,
            None => Arc::new(read.await),
        }
    }

    /// The functions of an app as they were read last, without reading them, and whether that is not older
    /// than twenty seconds and nothing was changed since.
    #[must_use]
    pub fn last_workers(&self, app: &App) -> Option<(Read<Workers>, bool)> {
        self.0.get(app)?.workers.last(WORKERS_FOR)
    }

    /// What became of an app, at most ten seconds old.
    pub async fn history(&self, app: &ManagedApp) -> Read<History> {
        let read = async {
            let roles = known_roles(app).await?.into_iter();
            let roles: Vec<Role> = roles.map(|spec| spec.role).collect();
            app.reads.history(&roles).await
        };
        match self.0.get(app.app()) {
            Some(cached) => cached.history.get(HISTORY_FOR, read).await,
            None => Arc::new(read.await),
        }
    }

    /// Has an app read anew: an operation on it has changed something.
    pub fn forget(&self, app: &App) {
        if let Some(cached) = self.0.get(app) {
            cached.flags.forget();
            cached.workers.forget();
            cached.history.forget();
        }
    }
}

/// The roles of an app: those that are configured, and those that only the store knows.
///
/// # Errors
/// [`Error`].
pub(crate) async fn known_roles(app: &ManagedApp) -> Result<Vec<RoleSpec>, Error> {
    app.reads.known_roles(app.roles.clone()).await
}

async fn read(app: &ManagedApp) -> Result<AppStatus, Error> {
    let roles = known_roles(app).await?;
    Ok(AppStatus {
        roles: app.reads.flags(&roles).await?,
        holder: app.reads.holder().await?,
    })
}
