//! The loop that does what is due.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{join_all, select_all};
use jiff::Timestamp;
use maintenance_control::{
    Actor, AddWindow, CancellationToken, Clock, Error, OffRequest, OnRequest, Report, RoleOutcome,
    RoleReport, RoleSpec, ScheduleRequest, in_full,
};
use maintenance_flag::{App, Change, Flag, Options, Role, WindowId};
use tokio::time::Instant;

use super::attempts::Attempts;
use super::due::{Action, Memory, Standing, due, id, next_due};
use super::recurrence::Occurrence;
use super::told::{Told, What, left};
use super::windows::{Place, RecurringWindow};
use crate::AppState;
use crate::access::{AUDIT_TARGET, Caller};
use crate::catalog::{ManagedApp, ManagedProduct};
use crate::operations::{Operation, Patience, Request, Target};

/// How often the flags are looked at: people and other processes schedule windows, too.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// The shortest wait between two looks: what was read for the last one is that old.
const SHORTEST: Duration = Duration::from_secs(2);

/// Keeps recurring windows in the flags, and pauses and restores functions when windows begin and end.
#[derive(Debug)]
pub struct Scheduler {
    state: AppState,
    windows: Vec<RecurringWindow>,
    /// All apps of the products, and of the windows.
    apps: Vec<Arc<ManagedApp>>,
    clock: Clock,
    attempts: Attempts,
    memory: Memory,
    /// Each with the operation that does them: one for each app.
    running: Vec<(Vec<Action>, Arc<Operation>)>,
    /// Whether an operation on a product did nothing, since one app was refused: the others go on without it.
    is_held_up: bool,
    /// Occurrences of windows that the configuration does not have, told once.
    unknown: BTreeSet<WindowId>,
    /// When something is due next, as far as is known.
    next: Option<Timestamp>,
}

/// What an app's status says of its roles, owned.
struct KnownRole {
    place: Place,
    spec: RoleSpec,
    flag: Flag,
    is_open_by_time: bool,
}

impl Scheduler {
    /// Of these windows, and of all apps of the products. `apps` are those of the windows.
    #[must_use]
    pub fn new(
        state: AppState,
        windows: Vec<RecurringWindow>,
        apps: impl IntoIterator<Item = Arc<ManagedApp>>,
        clock: Clock,
    ) -> Self {
        let of_products = state.catalog.products().flat_map(|product| &product.apps);
        let all = of_products.cloned().chain(apps);
        // An app may be of several products.
        let by_name: BTreeMap<App, Arc<ManagedApp>> =
            all.map(|app| (app.app().clone(), app)).collect();
        Self {
            apps: by_name.into_values().collect(),
            state,
            windows,
            clock,
            attempts: Attempts::default(),
            memory: Memory::default(),
            running: Vec::new(),
            is_held_up: false,
            unknown: BTreeSet::new(),
            next: None,
        }
    }

    /// Does what is due, as it comes, until it is asked to stop; then operations end the step in hand and give
    /// their leases back. `tell` hears of everything that is done.
    pub async fn run(mut self, stop: CancellationToken, tell: impl Fn(&Told)) {
        while !stop.is_cancelled() {
            self.round().await.iter().for_each(&tell);
            let wait = self.wait();
            let ended = self.running.iter().map(|(_, it)| Box::pin(it.ended()));
            let ended: Vec<_> = ended.collect();
            let any_ended = async {
                match ended.is_empty() {
                    true => std::future::pending().await,
                    false => drop(select_all(ended).await),
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(wait) => {}
                () = any_ended => {}
            }
        }
        self.running
            .iter()
            .for_each(|(_, operation)| operation.stop());
        self.finish().await.iter().for_each(&tell);
    }

    /// Does all that is due now, waits until it is done, and returns what it did. What fails is not tried again.
    pub async fn once(&mut self) -> Vec<Told> {
        self.once_until(None).await
    }

    /// The same; but where this process is frozen or ends at `deadline`, operations end the step in hand shortly
    /// before.
    pub(crate) async fn once_until(&mut self, deadline: Option<Instant>) -> Vec<Told> {
        let mut told = Vec::new();
        loop {
            let mut now = self.round().await;
            if let Some(deadline) = deadline {
                let patience = Patience::until(deadline);
                let running = self.running.iter();
                join_all(running.map(|(_, operation)| patience.detach(operation))).await;
            }
            now.extend(self.finish().await);
            // What was scheduled may have begun.
            let is_over = now.is_empty() || !self.is_held_up && now.iter().all(Told::is_failure);
            told.extend(now);
            if is_over {
                return told;
            }
        }
    }

    /// Begins what is due now.
    async fn round(&mut self) -> Vec<Told> {
        let mut told = self.reap();
        let roles = self.read().await;
        // As it is when the flags have been read.
        let now = self.clock.now();
        let standing: Vec<Standing<'_>> = roles.iter().map(KnownRole::standing).collect();
        told.extend(self.tell_unknown(&standing, now));
        self.memory.note(&standing);
        let actions = due(&self.windows, &standing, &self.memory, now);
        self.next = next_due(&self.windows, &standing, now);
        self.attempts.keep_only(&actions);
        self.is_held_up = false;
        for mut actions in self.together(actions) {
            actions.retain(|action| !self.is_at_work(action));
            told.extend(self.act(actions).await);
        }
        told
    }

    /// These as far as they may be tried now; those that one operation on a product does together.
    fn together(&self, mut actions: Vec<Action>) -> Vec<Vec<Action>> {
        actions.retain(|action| self.attempts.allows(action));
        let mut groups: Vec<Vec<Action>> = Vec::new();
        for action in actions {
            let shared = action.of_product();
            let mut known = groups.iter_mut();
            let same = |group: &&mut Vec<Action>| group[0].of_product() == shared;
            match known.find(|group| shared.is_some() && same(group)) {
                Some(group) => group.push(action),
                None => groups.push(vec![action]),
            }
        }
        groups
    }

    /// Does what these ask for, or begins it.
    async fn act(&mut self, actions: Vec<Action>) -> Vec<Told> {
        let Some(first) = actions.first() else {
            return Vec::new();
        };
        match first {
            Action::Withdraw { window, .. } => {
                let request = ScheduleRequest::Cancel {
                    window: window.clone(),
                    product: None,
                    withdraw: true,
                };
                let window = window.clone();
                let done = What::Withdrawn { window };
                self.reschedule(actions, request, "schedule".to_owned(), done)
                    .await
            }
            Action::Schedule { of, occurrence, .. } => {
                let window = &self.windows[*of];
                let request = ScheduleRequest::Add(Box::new(add(window, *occurrence)));
                let done = What::Scheduled {
                    recurring: window.name.clone(),
                    starts_at: occurrence.start,
                    until: occurrence.end,
                };
                let by = format!("schedule:{}", window.name);
                self.reschedule(actions, request, by, done).await
            }
            Action::Enter {
                accept_event_loss, ..
            } => {
                let on = OnRequest {
                    accept_event_loss: *accept_event_loss,
                    ..OnRequest::by(Actor::Clock)
                };
                self.begin(actions, Request::On(Box::new(on)))
            }
            Action::Leave { .. } => self.begin(actions, Request::Off(OffRequest::by(Actor::Clock))),
        }
    }

    /// How long until something may be due.
    fn wait(&self) -> Duration {
        let until = |time: Timestamp| {
            let left = time.duration_since(self.clock.now());
            Duration::try_from(left).unwrap_or_default()
        };
        let next = self.next.map(until);
        let next = next.into_iter().chain(self.attempts.next()).min();
        // However far it is, the flags may change before.
        next.unwrap_or(LOOK_EVERY).clamp(SHORTEST, LOOK_EVERY)
    }

    /// How all roles stand, as far as that can be read. The flags of an app that cannot be read stay as they are, and
    /// so do its functions.
    async fn read(&self) -> Vec<KnownRole> {
        let read = self.apps.iter().map(|app| async move {
            let status = self.state.statuses.app(app).await;
            (app, status)
        });
        let mut roles = Vec::new();
        for (app, status) in join_all(read).await {
            let status = match &*status {
                Ok(status) => status,
                Err(error) => {
                    tracing::warn!(app = %app.app(), error = in_full(error), "the schedule cannot be read");
                    continue;
                }
            };
            for role in &status.roles {
                let Some(flag) = &role.flag else { continue };
                roles.push(KnownRole {
                    place: Place {
                        app: app.app().clone(),
                        role: role.role.clone(),
                    },
                    spec: spec(app, &role.role),
                    flag: flag.clone(),
                    is_open_by_time: role.is_open_by_time,
                });
            }
        }
        roles
    }

    fn tell_unknown(&mut self, roles: &[Standing<'_>], now: Timestamp) -> Vec<Told> {
        let mut told = Vec::new();
        for role in roles {
            for entry in role.flag.schedule.to_come(now) {
                let Some(name) = &entry.recurring else {
                    continue;
                };
                let is_known = self.windows.iter().any(|window| window.name == *name);
                if !is_known && self.unknown.insert(entry.window.clone()) {
                    let what = What::Unknown {
                        recurring: name.clone(),
                        window: entry.window.clone(),
                    };
                    told.push(self.told(std::slice::from_ref(role.place), what));
                }
            }
        }
        told
    }

    fn told(&self, places: &[Place], what: What) -> Told {
        let app = places.first().map(|place| place.app.clone());
        Told {
            at: self.clock.now(),
            app: app.unwrap_or_else(|| self.apps[0].app().clone()),
            roles: places.iter().map(|place| place.role.clone()).collect(),
            what,
        }
    }

    /// Whether an operation of ours is at work on its app.
    fn is_at_work(&self, action: &Action) -> bool {
        let mut running = self.running.iter().flat_map(|(actions, _)| actions);
        running.any(|other| other.app() == action.app())
    }

    /// The roles of these.
    fn target(&self, actions: &[Action]) -> Target {
        let apps = actions.iter().filter_map(|action| {
            let name = action.app()?;
            let app = self.apps.iter().find(|app| app.app() == name)?;
            let roles = action.places().iter();
            let roles = roles.map(|place| spec(app, &place.role)).collect();
            Some((Arc::clone(app), roles))
        });
        let apps: Vec<(Arc<ManagedApp>, Vec<RoleSpec>)> = apps.collect();
        let product = actions.first().and_then(|action| match action {
            Action::Schedule { of, .. } => self.windows[*of].product.as_ref(),
            Action::Withdraw { product, .. }
            | Action::Enter { product, .. }
            | Action::Leave { product, .. } => product.as_ref(),
        });
        let is_of = |product: &ManagedProduct| {
            let has = |app: &ManagedApp| product.apps.iter().any(|it| it.app() == app.app());
            apps.iter().all(|(app, _)| has(app))
        };
        let product = product.and_then(|id| {
            let mut products = self.state.catalog.products();
            products.find(|product| product.id == *id && is_of(product))
        });
        Target {
            product: product.cloned(),
            apps,
        }
    }

    /// Changes windows to come. An app for which that is refused does not hold the others up.
    async fn reschedule(
        &mut self,
        mut actions: Vec<Action>,
        request: ScheduleRequest,
        by: String,
        done: What,
    ) -> Vec<Told> {
        let mut told = Vec::new();
        while !actions.is_empty() {
            let target = self.target(&actions);
            let operations = &self.state.operations;
            let Err((app, error)) = operations.reschedule(&target, request.clone(), &by).await
            else {
                // Its time may have come.
                self.next = Some(self.clock.now());
                let done = actions
                    .iter()
                    .map(|action| self.told(action.places(), done.clone()));
                told.extend(done);
                break;
            };
            let is_of = |action: &mut Action| action.app() == Some(app.app());
            for action in actions.extract_if(.., is_of).collect::<Vec<_>>() {
                let places = action.places().to_vec();
                let verb = match &action {
                    Action::Withdraw { .. } => "take a window out of its schedule",
                    _ => "schedule its recurring window",
                };
                let what = self.failed(action, verb, &error);
                told.push(self.told(&places, what));
            }
        }
        told
    }

    /// Begins to pause or restore functions.
    fn begin(&mut self, actions: Vec<Action>, request: Request) -> Vec<Told> {
        let is_on = matches!(request, Request::On(_));
        let target = self.target(&actions);
        let caller = Caller::clock();
        let mode = request.action();
        let apps: Vec<String> = target
            .apps
            .iter()
            .map(|(app, _)| app.app().to_string())
            .collect();
        let operation = self.state.operations.start(target, request, &caller);
        tracing::info!(
            target: AUDIT_TARGET,
            by = caller.by(),
            ?mode,
            app = apps.join(", "),
            operation = operation.id,
            "maintenance by the schedule"
        );
        let told = actions.iter().map(|action| {
            let operation = operation.id.clone();
            let what = match is_on {
                true => What::Entering { operation },
                false => What::Leaving { operation },
            };
            self.told(action.places(), what)
        });
        let told = told.collect();
        self.running.push((actions, operation));
        told
    }

    /// Waits until all operations have ended.
    async fn finish(&mut self) -> Vec<Told> {
        let ended = self.running.iter().map(|(_, operation)| operation.ended());
        join_all(ended).await;
        self.reap()
    }

    /// Takes the operations that have ended.
    fn reap(&mut self) -> Vec<Told> {
        let is_over = |(_, operation): &mut (Vec<Action>, Arc<Operation>)| {
            operation.progress().borrow().is_over()
        };
        let over: Vec<_> = self.running.extract_if(.., is_over).collect();
        let mut told = Vec::with_capacity(over.len());
        for (actions, operation) in over {
            let ended = operation.progress().borrow().ended.clone();
            let Some(ended) = ended else { continue };
            let is_refused = ended.error().is_some();
            for (n, action) in actions.into_iter().enumerate() {
                let result = ended.results.get(n);
                // Another app was refused, and so nothing was changed in this one.
                let begun = |role: &RoleReport| role.outcome != RoleOutcome::NotBegun;
                if is_refused
                    && let Some(Ok(report)) = result
                    && !report.interrupted
                    && !report.roles.iter().any(begun)
                {
                    self.is_held_up = true;
                    continue;
                }
                let places = action.places().to_vec();
                let what = self.judge(action, result);
                told.push(self.told(&places, what));
            }
        }
        told
    }

    /// How it ended for the app of this action. None: the operation crashed.
    fn judge(&mut self, action: Action, result: Option<&Result<Report, Error>>) -> What {
        let (verb, is_on) = match &action {
            Action::Leave { .. } => ("end its window", false),
            _ => ("open its window", true),
        };
        let report = match result {
            Some(Err(error)) => return self.failed(action, verb, error),
            Some(Ok(report)) => Some(report),
            None => None,
        };
        let workers = report.into_iter().flat_map(|report| &report.roles);
        let workers: Vec<_> = workers.filter_map(|role| role.workers.as_ref()).collect();
        if report.is_some_and(Report::is_complete) {
            let changed = workers.iter().map(|workers| workers.changed.len()).sum();
            return match is_on {
                true => What::Entered { paused: changed },
                false => What::Left { restored: changed },
            };
        }
        // Nothing but what stays as it is until a person does something about it.
        let is_lasting = workers.iter().all(|workers| {
            workers.unfinished.is_empty() && workers.failed.iter().all(|it| it.is_lasting)
        });
        let left = left(report.into_iter());
        let retry_seconds = match is_on && is_lasting && !left.is_empty() {
            true => {
                self.attempts.settled(action);
                None
            }
            false => Some(self.attempts.failed(action).as_secs()),
        };
        What::Partial {
            left,
            retry_seconds,
        }
    }

    fn failed(&mut self, action: Action, verb: &'static str, error: &Error) -> What {
        let wait = match error {
            Error::Busy { .. } => self.attempts.postponed(action),
            _ => self.attempts.failed(action),
        };
        What::Failed {
            action: verb,
            error: match error.hint() {
                Some(hint) => format!("{}. To mend it: {hint}", in_full(error)),
                None => in_full(error),
            },
            retry_seconds: wait.as_secs(),
        }
    }
}

impl KnownRole {
    fn standing(&self) -> Standing<'_> {
        Standing {
            place: &self.place,
            spec: &self.spec,
            flag: &self.flag,
            is_open_by_time: self.is_open_by_time,
        }
    }
}

/// A role as it is configured; one that only the store knows has no functions but those that are saved.
fn spec(app: &ManagedApp, role: &Role) -> RoleSpec {
    app.role(role).cloned().unwrap_or_else(|| RoleSpec {
        role: role.clone(),
        functions: None,
        drain: Default::default(),
        options: Options::default(),
    })
}

/// An occurrence of a recurring window.
fn add(window: &RecurringWindow, occurrence: Occurrence) -> AddWindow {
    let on = OnRequest {
        who: Actor::Person,
        product: window.product.clone(),
        reason: window.reason.clone(),
        read_only: window.read_only,
        options: Options {
            message: match &window.message {
                Some(message) => Change::Set(message.clone()),
                None => Change::Keep,
            },
            ..Options::default()
        },
        link: None,
        accept_event_loss: window.accept_event_loss,
        shown: None,
    };
    AddWindow {
        on,
        starts_at: occurrence.start,
        until: occurrence.end,
        recurring: Some((window.name.clone(), id(window, occurrence.start))),
    }
}
