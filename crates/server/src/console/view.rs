//! How products, apps and roles stand, as pages show it.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use maintenance_control::{
    Action, BypassReport, Holder, RoleStatus, State, Worker, WorkerState, Workers, describe,
};
use maintenance_flag::{Flag, Mode, OwnerKind, Role};

use super::coming::ComingView;
use super::text::{Failure, Moment};
use crate::AppState;
use crate::access::Caller;
use crate::catalog::{ManagedApp, ManagedProduct};
use crate::operations::Operation;
use crate::statuses::{AppStatus, OperationMode, ProductStatus, Read};

/// How long a page waits for the functions to be read. What takes longer is shown by the next one.
const WORKERS_WITHIN: Duration = Duration::from_millis(1500);

/// A product and how it stands.
pub(super) struct ProductView {
    pub(super) path: String,
    pub(super) environment: String,
    pub(super) title: String,
    pub(super) version: Option<String>,
    pub(super) mode: &'static str,
    pub(super) window: Option<WindowView>,
    /// The windows to come.
    pub(super) coming: Vec<ComingView>,
    pub(super) apps: Vec<AppView>,
    /// An operation of this server on it.
    pub(super) at_work: Option<AtWork>,
}

/// An operation that is at work.
pub(super) struct AtWork {
    pub(super) path: String,
    pub(super) what: &'static str,
    pub(super) by: String,
    pub(super) started: Moment,
}

/// The window that says who holds a product.
pub(super) struct WindowView {
    /// Who opened it: `ana`, `the observer healthcheck`.
    pub(super) owner: String,
    pub(super) is_observers: bool,
    /// Who changed it last, if that is another.
    pub(super) by: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) since: Option<Moment>,
    pub(super) until: Option<Moment>,
    /// When no code of any role can still be running.
    pub(super) drained_at: Option<Moment>,
}

pub(super) struct AppView {
    pub(super) name: String,
    pub(super) mode: &'static str,
    pub(super) url: Option<String>,
    /// Why its flags could not be read.
    pub(super) failure: Option<Failure>,
    pub(super) roles: Vec<RoleView>,
    pub(super) holder: Option<HolderView>,
    pub(super) functions: Functions,
}

/// Who operates on an app.
pub(super) struct HolderView {
    pub(super) by: String,
    pub(super) operation: String,
    pub(super) since: Moment,
    /// Until then nothing else can be started; after that, what is started waits and watches it.
    pub(super) until: Moment,
}

pub(super) struct RoleView {
    pub(super) name: String,
    pub(super) state: &'static str,
    pub(super) notes: Vec<String>,
    pub(super) drained_at: Option<Moment>,
    pub(super) is_on: bool,
    pub(super) is_read_only: bool,
    /// It is on, and not for this product: who turned it on.
    pub(super) by_itself: Option<String>,
}

/// The functions of an app.
pub(super) enum Functions {
    /// It has none.
    None,
    /// They are being read.
    Reading,
    /// They could not be read.
    Failed(Failure),
    /// By state.
    Read {
        total: usize,
        groups: Vec<Group>,
        unread: Vec<String>,
    },
}

/// Functions in the same state.
pub(super) struct Group {
    pub(super) state: &'static str,
    pub(super) is_wrong: bool,
    pub(super) names: Vec<String>,
}

/// The path of a product's page.
pub(super) fn path_of(product: &ManagedProduct) -> String {
    format!("/products/{}/{}", product.environment, product.id)
}

/// What an operation does, while it does it.
pub(super) fn doing(action: Action) -> &'static str {
    match action {
        Action::On => "Entering maintenance",
        Action::Off => "Exiting maintenance",
    }
}

impl ProductView {
    /// Without its functions.
    pub(super) async fn new(state: &AppState, product: &Arc<ManagedProduct>) -> Self {
        let status = state.statuses.product(product).await;
        Self::of(state, &status, Timestamp::now())
    }

    pub(super) fn of(state: &AppState, status: &ProductStatus, now: Timestamp) -> Self {
        let product = &status.product;
        let operation = state.operations.of_product(product);
        let at_work = operation.filter(|it| !it.progress().borrow().is_over());
        Self {
            path: path_of(product),
            environment: product.environment.clone(),
            title: product.title.clone(),
            version: product.version.clone(),
            mode: status.mode().as_str(),
            window: WindowView::of(status, now),
            coming: ComingView::all(status, now),
            apps: status
                .apps
                .iter()
                .map(|it| AppView::of(product, it, now))
                .collect(),
            at_work: at_work.map(|operation| AtWork::of(product, &operation, now)),
        }
    }

    /// With the functions of its apps, as far as they are read soon.
    pub(super) async fn read_functions(&mut self, state: &AppState, product: &ManagedProduct) {
        let reads = product.apps.iter().map(|app| functions(state, app));
        let read = futures_util::future::join_all(reads).await;
        for (app, functions) in self.apps.iter_mut().zip(read) {
            app.functions = functions;
        }
    }

    pub(super) fn is_reading(&self) -> bool {
        self.apps
            .iter()
            .any(|app| matches!(app.functions, Functions::Reading))
    }

    /// Reads pass somewhere.
    pub(super) fn has_read_only(&self) -> bool {
        let mut roles = self.apps.iter().flat_map(|app| &app.roles);
        roles.any(|role| role.is_read_only)
    }

    /// Functions that are not paused though their role is on.
    pub(super) fn has_unpaused(&self) -> bool {
        let on = self
            .apps
            .iter()
            .filter(|app| app.roles.iter().any(|role| role.is_on));
        on.filter_map(|app| match &app.functions {
            Functions::Read { groups, .. } => Some(groups),
            _ => None,
        })
        .flatten()
        .any(|group| matches!(group.state, "pausing" | "not paused"))
    }
}

impl AtWork {
    pub(super) fn of(product: &ManagedProduct, operation: &Operation, now: Timestamp) -> Self {
        Self {
            path: format!("{}/operations/{}", path_of(product), operation.id),
            what: doing(operation.request.action()),
            by: operation.by.clone(),
            started: Moment::new(operation.started, now),
        }
    }
}

impl WindowView {
    pub(super) fn of(status: &ProductStatus, now: Timestamp) -> Option<Self> {
        let flag = status.holder_flag()?;
        let moment = |at: Option<Timestamp>| at.map(|at| Moment::new(at, now));
        let drained: Option<Vec<_>> = status.flags_on().map(|flag| flag.drained_at).collect();
        let owner = flag.owner.as_ref();
        let is_other = |by: &&String| owner.is_some_and(|owner| owner.name != **by);
        Some(Self {
            owner: owner_of(flag),
            is_observers: owner.is_some_and(|owner| owner.kind == OwnerKind::Observer),
            by: flag.by.as_ref().filter(is_other).cloned(),
            reason: flag.reason.clone(),
            since: moment(flag.since),
            until: moment(flag.until),
            drained_at: moment(drained.and_then(|all| all.into_iter().max())),
        })
    }
}

/// Who opened a window.
pub(super) fn owner_of(flag: &Flag) -> String {
    let owner = flag.owner.as_ref().map(ToString::to_string);
    owner
        .or_else(|| flag.by.clone())
        .unwrap_or_else(|| "a person who set the flag by hand".to_owned())
}

impl AppView {
    fn of(
        product: &ManagedProduct,
        (app, read): &(Arc<ManagedApp>, Read<AppStatus>),
        now: Timestamp,
    ) -> Self {
        let status = (**read).as_ref();
        let role = |role: &RoleStatus| RoleView::of(product, role, now);
        Self {
            name: app.app().to_string(),
            mode: status
                .map_or(OperationMode::Unknown, AppStatus::mode)
                .as_str(),
            url: app.url.clone(),
            failure: status.err().map(Failure::of),
            roles: status.map_or_else(|_| Vec::new(), |it| it.roles.iter().map(role).collect()),
            holder: status
                .ok()
                .and_then(|it| it.holder.as_ref())
                .map(|it| HolderView::of(it, now)),
            functions: Functions::None,
        }
    }
}

impl HolderView {
    pub(super) fn of(holder: &Holder, now: Timestamp) -> Self {
        Self {
            by: holder.by.clone(),
            operation: holder.operation.clone(),
            since: Moment::new(holder.since, now),
            until: Moment::new(holder.until, now),
        }
    }
}

impl RoleView {
    fn of(product: &ManagedProduct, status: &RoleStatus, now: Timestamp) -> Self {
        let flag = status.flag.as_ref().filter(|_| status.state == State::On);
        let of_windows = product.of_windows();
        let is_read_only = flag.is_some_and(|flag| flag.mode == Mode::ReadOnly);
        let by_itself = flag.filter(|flag| of_windows.is_some() && flag.product != of_windows);
        Self {
            name: status.role.to_string(),
            state: match status.state {
                State::On if is_read_only => "read-only",
                State::On => "on",
                State::Off => "off",
                State::Malformed => "malformed",
                State::Unknown => "unknown",
            },
            notes: notes(status, now),
            drained_at: flag
                .and_then(|flag| flag.drained_at)
                .map(|at| Moment::new(at, now)),
            is_on: status.state == State::On,
            is_read_only,
            by_itself: by_itself.map(owner_of),
        }
    }
}

/// What visitors are told, and what may pass.
fn notes(status: &RoleStatus, now: Timestamp) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(options) = status.options() {
        if options.mode == Mode::ReadOnly {
            notes.push("GET, HEAD and OPTIONS requests pass".to_owned());
        }
        notes.extend(
            options
                .message
                .map(|message| format!("Visitors are told: {message}")),
        );
        if options.auto_off {
            notes.push("Turns off by itself at its expected end".to_owned());
        }
        notes.extend(
            options
                .retry_after
                .map(|seconds| format!("Retry-After: {seconds} s")),
        );
        let BypassReport {
            token_until,
            addresses,
            paths,
        } = options.bypass;
        notes.extend(token_until.map(|end| match end <= now {
            true => "The bypass link has expired".to_owned(),
            false => format!(
                "Requests with the bypass link pass; it ends {}",
                describe::relative(end, now)
            ),
        }));
        for (name, list) in [("addresses", addresses), ("paths", paths)] {
            if !list.is_empty() {
                notes.push(format!("Allowed {name}: {}", list.join(", ")));
            }
        }
    }
    notes.extend(status.warnings.iter().map(ToString::to_string));
    notes.extend(status.unread.iter().map(|it| it.error.clone()));
    notes
}

/// The functions of an app. They are read in a task, so that what takes long is there for the next page.
async fn functions(state: &AppState, app: &Arc<ManagedApp>) -> Functions {
    if app.roles.iter().all(|role| role.functions.is_none()) {
        return Functions::None;
    }
    let (statuses, of) = (state.statuses.clone(), Arc::clone(app));
    let read = tokio::spawn(async move { statuses.workers(&of).await });
    let Ok(read) = tokio::time::timeout(WORKERS_WITHIN, read).await else {
        return Functions::Reading;
    };
    let Ok(read) = read else {
        return Functions::Reading;
    };
    let status = state.statuses.app(app).await;
    let is_on = |role: &Role| {
        let roles = (*status).as_ref().map(|status| status.roles.iter());
        let mut roles = roles.into_iter().flatten();
        roles.any(|it| it.role == *role && it.state == State::On)
    };
    match &*read {
        Ok(workers) => Functions::of(workers, is_on),
        Err(error) => Functions::Failed(Failure::of(error)),
    }
}

impl Functions {
    fn of(workers: &Workers, is_on: impl Fn(&Role) -> bool) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        for worker in &workers.workers {
            let (state, is_wrong) = state_of(worker, is_on(&worker.role));
            let name = worker.function.clone();
            match groups.iter_mut().find(|group| group.state == state) {
                Some(group) => group.names.push(name),
                None => groups.push(Group {
                    state,
                    is_wrong,
                    names: vec![name],
                }),
            }
        }
        groups.sort_by_key(|group| !group.is_wrong);
        let unread = workers.unread.iter();
        Self::Read {
            total: workers.workers.len() + workers.unread.len(),
            groups,
            unread: unread
                .map(|it| format!("{}: {}", it.function, it.error))
                .collect(),
        }
    }
}

/// How a function stands, and whether that needs a look.
fn state_of(worker: &Worker, is_on: bool) -> (&'static str, bool) {
    match worker.state {
        WorkerState::Running | WorkerState::Restored if is_on => ("not paused", true),
        WorkerState::Running | WorkerState::Restored => ("running", false),
        WorkerState::Paused => ("paused", false),
        WorkerState::Pausing => ("pausing", false),
        WorkerState::Invoking => ("running once: invoke", false),
        WorkerState::Restoring => ("restoring", false),
        WorkerState::Drifted => ("drifted: changed while paused", true),
        WorkerState::Gone => ("gone: saved, and no longer exists", true),
        WorkerState::Unexplained => ("at 0, and nothing is saved for it", false),
    }
}

/// What this caller may do with a product.
pub(super) struct Offers {
    pub(super) may_enter: bool,
    pub(super) may_exit: bool,
    /// It may only be exited by overriding the observer that holds it.
    pub(super) may_override: bool,
    /// Why something is not offered.
    pub(super) why_not: Option<String>,
}

impl Offers {
    pub(super) fn of(status: &ProductStatus, caller: &Caller, is_at_work: bool) -> Self {
        let nothing = |why_not: Option<String>| Self {
            may_enter: false,
            may_exit: false,
            may_override: false,
            why_not,
        };
        let product = &status.product;
        if !caller.may_write(&product.id) {
            let scope = caller.scope();
            return nothing(Some(format!(
                "Your token has scope {scope}, which may look and change nothing. To enter or exit maintenance, sign in with a token of scope write."
            )));
        }
        let now = Timestamp::now();
        // Who operates on it elsewhere is said with its app.
        if is_at_work || status.is_held(now) {
            return nothing(None);
        }
        if status.mode() == OperationMode::Unknown {
            return nothing(Some(
                "Nothing can be done before all of it can be read.".to_owned(),
            ));
        }
        let is_off = status.flags_on().next().is_none() && status.mode() == OperationMode::Normal;
        match status.check_exit(&caller.actor(), now) {
            Ok(may_exit) => Self {
                may_enter: true,
                may_exit,
                may_override: false,
                why_not: (!may_exit && !is_off).then(|| {
                    let ends = others(status);
                    format!(
                        "Nothing here was turned on for this product, so that exiting it would change nothing. {ends}"
                    )
                }),
            },
            Err(problem) => Self {
                may_enter: true,
                may_exit: false,
                may_override: caller.may_force(&product.id),
                why_not: Some(held(status).unwrap_or(problem.detail)),
            },
        }
    }
}

/// How the windows are ended that were not opened for this product.
fn others(status: &ProductStatus) -> String {
    let mut ends: Vec<String> = Vec::new();
    for (app, read) in &status.apps {
        let roles = (**read).as_ref().map(|it| it.roles.iter());
        for role in roles
            .into_iter()
            .flatten()
            .filter(|it| it.state == State::On)
        {
            let product = role.flag.as_ref().and_then(|flag| flag.product.as_ref());
            let end = match product {
                Some(product) => format!("Exit the product {product}."),
                None => {
                    let (app, role) = (app.app().name(), &role.role);
                    format!("Run maintenance off --app {app} --role {role}.")
                }
            };
            if !ends.contains(&end) {
                ends.push(end);
            }
        }
    }
    ends.join(" ")
}

/// Who holds a product, if that keeps others from leaving.
fn held(status: &ProductStatus) -> Option<String> {
    let owner = status.holder_flag()?.owner.as_ref()?;
    Some(match owner.kind {
        OwnerKind::Observer => format!(
            "The observer {} holds this maintenance, and ends it when it sees that all is normal.",
            owner.name
        ),
        OwnerKind::Manual => format!("{} holds this maintenance: a person ends it.", owner.name),
    })
}
