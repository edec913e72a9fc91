//! One app on one sandbox, the operators that come and go, and what else befalls it. What must be true
//! at the end is said elsewhere ([`crate::verdict`]).

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_credential_types::Credentials;
use jiff::SignedDuration;
use maintenance_control::{
    Clock, Context, Control, Error, FileStore, Fleet as Lambda, Holder, InvokeReport,
    InvokeRequest, OffRequest, RateLimiter, Report, RoleSpec, SsmStore, Store,
};
use maintenance_flag::{Capacity, CapacityDoc, Flag, Lease, Prefix};
use maintenance_sandbox::{Fleet, FunctionState, Sandbox, Settings};
use tempfile::TempDir;

use crate::fleet::{Edit, MappingPlan, ON_ITS_WAY, Plan};
use crate::scheduler::Scheduler;
use crate::support::OneApp as _;
use crate::support::{self, off_wish, on_wish, worker};
use crate::wire::{Broken, Call, FileCalls, Wire};

/// Longer than a lease lasts.
pub(crate) const LEASE_IS_OVER: Duration = Duration::from_secs(60);

/// An app on a sandbox.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    /// The store, if it is a folder.
    folder: Option<TempDir>,
    file_calls: Arc<FileCalls>,
    broken: Option<Broken>,
    /// How every function should be at the end.
    pub(crate) expected: Fleet,
    mappings: BTreeMap<String, Vec<String>>,
    pub(crate) edited: BTreeMap<String, Edited>,
    pub(crate) reports: Mutex<Vec<Report>>,
    /// Edited functions that were finished with by a process that died before its report: nothing
    /// is saved of them any more.
    forgotten: Mutex<BTreeSet<String>>,
    /// Functions whose mapping somebody enabled before another `on` saved it with the rest: it is
    /// theirs no more than what a deploy adds is.
    adopted: Mutex<BTreeSet<String>>,
}

/// What somebody else did to a function.
#[derive(Debug)]
pub(crate) struct Edited {
    pub(crate) edit: Edit,
    /// Something was saved of what it changed when it happened.
    pub(crate) was_saved: bool,
}

/// One process of the command.
#[derive(Debug)]
pub(crate) struct Operator {
    control: Control,
    pub(crate) wire: Arc<Wire>,
}

/// What must not be.
pub(crate) type Violation = String;

impl Operator {
    pub(crate) async fn on(&self, roles: &[RoleSpec]) -> Result<Report, Error> {
        self.control.on(roles, &on_wish(), &Context::quiet()).await
    }

    pub(crate) async fn off(&self, roles: &[RoleSpec]) -> Result<Report, Error> {
        self.off_as(roles, &off_wish()).await
    }

    /// Lets a function of a role run once.
    pub(crate) async fn invoke(
        &self,
        role: &RoleSpec,
        request: &InvokeRequest,
    ) -> Result<InvokeReport, Error> {
        let (roles, context) = (std::slice::from_ref(role), Context::quiet());
        let function = &request.function;
        let plan = self.control.plan_invoke(roles, function, &context).await?;
        self.control.invoke(&plan, request, &context).await
    }

    pub(crate) async fn unlock(&self) -> Result<Option<Holder>, Error> {
        match self.control.holder().await? {
            Some(holder) => self.control.unlock(&holder, &Context::quiet()).await,
            None => Ok(None),
        }
    }

    pub(crate) async fn off_as(
        &self,
        roles: &[RoleSpec],
        off: &OffRequest,
    ) -> Result<Report, Error> {
        self.control.off(roles, off, &Context::quiet()).await
    }
}

impl World {
    /// As planned, with the mappings on their way that should be.
    pub(crate) async fn new(plan: &Plan, broken: Option<Broken>) -> Self {
        let sandbox = Sandbox::new(Settings {
            clock: maintenance_sandbox::Clock::tokio_from(support::start()),
            ..Settings::quick()
        });
        sandbox.configure(|settings| {
            settings.ssm.read_lag = plan.read_lag;
            settings.ssm.empty_pages = plan.empty_pages;
            settings.lambda.mapping_change = ON_ITS_WAY;
            settings.lambda.mapping_disable = ON_ITS_WAY;
        });
        let mut world = Self {
            sandbox,
            folder: plan.in_files.then(folder),
            file_calls: Arc::default(),
            broken,
            expected: Fleet::new(),
            mappings: BTreeMap::new(),
            edited: BTreeMap::new(),
            reports: Mutex::default(),
            forgotten: Mutex::default(),
            adopted: Mutex::default(),
        };
        for (i, function) in plan.functions.iter().enumerate() {
            let name = name(i);
            let uuids = world.sandbox.seed(function.spec(&name));
            world.set_going(&uuids, &function.mappings).await;
            world.mappings.insert(name, uuids);
        }
        world.expected = world.settled();
        world.sandbox.reset_calls();
        world
    }

    async fn set_going(&self, uuids: &[String], plans: &[MappingPlan]) {
        let moving = uuids.iter().zip(plans);
        let moving: Vec<_> = moving
            .filter_map(|(uuid, plan)| Some((uuid, plan, plan.asked()?)))
            .collect();
        if moving.is_empty() {
            return;
        }
        let lambda = support::clients(&self.sandbox).lambda;
        for (uuid, plan, enabled) in moving {
            self.sandbox.configure(|settings| {
                settings.lambda.mapping_change = ON_ITS_WAY * plan.slowness();
            });
            let update = lambda.update_event_source_mapping();
            let update = update.uuid(uuid).enabled(enabled).send().await;
            update.expect("the mapping is at rest");
        }
        self.sandbox
            .configure(|settings| settings.lambda.mapping_change = ON_ITS_WAY);
    }

    /// A new process. It remembers nothing of any other.
    pub(crate) fn operator(&self, by: &str) -> Operator {
        self.operator_at(by, None, SignedDuration::ZERO)
    }

    /// A new process that makes its calls when it is let, and whose clock differs by so much.
    pub(crate) fn operator_at(
        &self,
        by: &str,
        scheduler: Option<Arc<Scheduler>>,
        skew: SignedDuration,
    ) -> Operator {
        let wire = Wire::new(
            &self.sandbox,
            by,
            self.folder.as_ref().map(TempDir::path),
            self.file_calls.clone(),
            self.broken,
            scheduler,
        );
        let credentials = Credentials::from_keys(by, "secret", None);
        let clients = support::clients_over(&wire.http_client(), &credentials);
        let clock = Clock::virtual_from(self.sandbox.settings().clock.now() + skew);
        let store = match &self.folder {
            None => Store::Ssm(SsmStore::new(clients.ssm)),
            Some(folder) => {
                let store = FileStore::new(folder.path().to_owned());
                Store::File(store.with_hooks(wire.clone()))
            }
        };
        let lambda = Lambda::new(clients.lambda, RateLimiter::per_second(10.0))
            .with_identity(clients.identity);
        let by = who(by);
        let control = Control::new(support::app(), &Prefix::default(), store, lambda, by);
        Operator {
            control: control.with_clock(clock),
            wire,
        }
    }

    /// An operation of the worker role that must end well, as somebody else's edits allow.
    pub(crate) fn note(
        &self,
        what: &str,
        result: Result<Report, Error>,
    ) -> Result<Report, Violation> {
        let report = result.map_err(|error| format!("{what}: {error:?}"))?;
        self.reports
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(report.clone());
        self.adopt();
        if !report.is_complete() && self.edited.is_empty() {
            return Err(format!("{what} is not complete: {report:?}"));
        }
        Ok(report)
    }

    /// The same for one whose report nobody needs. An `on` may find that somebody deleted every function
    /// before any was saved, and says so.
    pub(crate) fn note_end(
        &self,
        what: &str,
        result: Result<Report, Error>,
    ) -> Result<(), Violation> {
        match result {
            Err(Error::NoFunctions { .. }) if self.sandbox.fleet().is_empty() => Ok(()),
            result => self.note(what, result).map(drop),
        }
    }

    pub(crate) async fn on(&self) -> Result<(), Violation> {
        self.note_end("on", self.operator("ben").on(&[worker()]).await)
    }

    pub(crate) async fn off(&self) -> Result<Report, Violation> {
        self.note("off", self.operator("cleo").off(&[worker()]).await)
    }

    /// A deploy adds a function.
    pub(crate) fn arrive(&mut self, plan: &Plan) {
        if let Some(newcomer) = &plan.newcomer {
            let at_rest = crate::fleet::FunctionPlan {
                mappings: vec![MappingPlan::Enabled; newcomer.mappings.len()],
                ..newcomer.clone()
            };
            let uuids = self.sandbox.seed(at_rest.spec(NEWCOMER));
            self.mappings.insert(NEWCOMER.to_owned(), uuids);
            let now = self.settled();
            self.expected
                .extend(now.into_iter().filter(|(name, _)| name == NEWCOMER));
        }
    }

    /// Somebody does what the plan has them do.
    pub(crate) fn edit(&mut self, plan: &Plan) {
        for (at, edit) in &plan.edits {
            self.edit_function(&name(*at), edit);
        }
    }

    /// Somebody changes a function.
    pub(crate) fn edit_function(&mut self, name: &str, edit: &Edit) {
        let uuids = self.mappings.get(name).cloned().unwrap_or_default();
        let was_saved = self.is_saved(name, &uuids, edit);
        let Some(expected) = self.expected.get_mut(name) else {
            return;
        };
        if mapping_of(edit).is_some_and(|n| n >= uuids.len()) {
            return;
        }
        let before = expected.clone();
        change(expected, &uuids, edit);
        let sets_what_was = *expected == before;
        if *edit == Edit::DeleteFunction {
            self.expected.remove(name);
        }
        perform(&self.sandbox, name, &uuids, edit).expect("it is there");
        if sets_what_was {
            return;
        }
        let edited = Edited {
            edit: edit.clone(),
            was_saved,
        };
        self.edited.insert(name.to_owned(), edited);
    }

    /// The functions of which something is saved.
    pub(crate) fn saved(&self) -> BTreeSet<String> {
        let saved = self.saved_capacities().into_iter();
        saved.map(|(name, _)| name).collect()
    }

    /// Whether something is saved of what an edit is about. A mapping that was disabled is nobody's
    /// business: whoever deletes it is not told of.
    fn is_saved(&self, name: &str, uuids: &[String], edit: &Edit) -> bool {
        let mut saved = self.saved_capacities().into_iter();
        saved.any(|(function, capacity)| {
            let deleted = match edit {
                Edit::DeleteMapping(n) => uuids.get(*n),
                _ => None,
            };
            function == name && deleted.is_none_or(|uuid| capacity.mappings.contains(uuid))
        })
    }

    fn saved_capacities(&self) -> Vec<(String, Capacity)> {
        self.parameters("capacity")
            .into_values()
            .filter_map(|value| CapacityDoc::decode(&value).ok())
            .flat_map(|document| document.functions)
            .collect()
    }

    /// Notes which mappings that somebody enabled are saved by now.
    fn adopt(&self) {
        for (name, capacity) in self.saved_capacities() {
            let theirs = self
                .edited
                .get(&name)
                .and_then(|it| self.enabled_by_hand(&name, it));
            if theirs.is_some_and(|uuid| capacity.mappings.contains(uuid)) {
                self.adopted().insert(name);
            }
        }
    }

    fn enabled_by_hand(&self, name: &str, edited: &Edited) -> Option<&String> {
        match edited.edit {
            Edit::EnableMapping(n) => self.mappings.get(name)?.get(n),
            _ => None,
        }
    }

    pub(crate) fn adopted(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.adopted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The parameters below a part of the app's.
    pub(crate) fn parameters(&self, part: &str) -> BTreeMap<String, String> {
        let below = format!("/maintenance/demo-dev/{part}/");
        if let Some(folder) = &self.folder {
            let mut found = BTreeMap::new();
            read_all(folder.path(), &below, &mut found);
            return found;
        }
        let all = self.sandbox.parameters().into_iter();
        all.filter(|(name, _)| name.starts_with(&below))
            .map(|(name, parameter)| (name, parameter.value))
            .collect()
    }

    /// Deletes a parameter by hand.
    pub(crate) fn delete_parameter(&self, name: &str) {
        match &self.folder {
            None => drop(self.sandbox.delete_parameter(name)),
            Some(folder) => {
                let path = folder.path().join(name.trim_start_matches('/'));
                std::fs::remove_file(path).expect("it is there");
            }
        }
    }

    /// The calls made so far, to AWS and to the folder, in order.
    pub(crate) fn calls(&self) -> Vec<Call> {
        let made = self.sandbox.calls().into_iter().map(|record| {
            let changed = record.call.write && record.took_effect;
            let call = Call {
                by: record.call.caller,
                operation: record.call.operation.to_owned(),
                target: record.call.target.unwrap_or_default(),
                changed,
            };
            (record.call.seq, call)
        });
        let mut all: Vec<(u64, Call)> = made.collect();
        all.extend(self.file_calls.all().iter().cloned());
        all.sort_by_key(|(seq, _)| *seq);
        all.into_iter().map(|(_, call)| call).collect()
    }

    /// What was changed so far, in order.
    pub(crate) fn changes(&self) -> impl Iterator<Item = Call> {
        self.calls().into_iter().filter(|call| call.changed)
    }

    pub(crate) fn flag(&self, role: &str) -> Flag {
        self.parameters("flags")
            .get(&format!("/maintenance/demo-dev/flags/{role}"))
            .map_or_else(Flag::off, |value| Flag::decode(value).expect("a flag"))
    }

    /// Every function, with its mappings where they are going.
    pub(crate) fn settled(&self) -> Fleet {
        let mut fleet = self.sandbox.fleet();
        let mappings = fleet.values_mut().flat_map(|f| f.mappings.values_mut());
        for mapping in mappings {
            mapping.state = if mapping.enabled {
                "Enabled"
            } else {
                "Disabled"
            }
            .to_owned();
        }
        fleet
    }

    /// The newest lease: only that one counts.
    pub(crate) fn lease(&self) -> Option<Lease> {
        let leases = self.parameters("lease").into_iter();
        let number = |name: &str| name.rsplit('/').next().and_then(|n| n.parse::<u64>().ok());
        let (_, newest) = leases.max_by_key(|(name, _)| number(name))?;
        Some(Lease::decode(&newest).expect("a lease"))
    }

    pub(crate) fn now(&self) -> jiff::Timestamp {
        self.sandbox.settings().clock.now()
    }

    /// A process has died, and its lease ends.
    pub(crate) async fn expire_lease(&self) {
        tokio::time::advance(LEASE_IS_OVER).await;
        self.adopt();
        let saved = self.saved();
        let edited = self.edited.iter().filter(|(_, edited)| edited.was_saved);
        let lost = edited
            .map(|(name, _)| name)
            .filter(|name| !saved.contains(*name));
        self.forgotten().extend(lost.cloned());
    }

    pub(crate) fn forgotten(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.forgotten
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A folder, in memory if there is such a place: nothing is flushed to a disk there.
fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        TempDir::new_in(memory)
    } else {
        TempDir::new()
    }
    .expect("a folder")
}

/// Every file below a name of the store at `root`.
fn read_all(root: &Path, name: &str, found: &mut BTreeMap<String, String>) {
    let folder = root.join(name.trim_matches('/'));
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let entry = entry.expect("an entry");
        let file = entry.file_name().into_string().expect("a name");
        let name = format!("{name}{file}");
        if entry.path().is_dir() {
            read_all(root, &format!("{name}/"), found);
        } else if !file.starts_with('.') {
            // It may be deleted just now.
            if let Ok(value) = std::fs::read_to_string(entry.path()) {
                found.insert(name, value);
            }
        }
    }
}

/// What an edit makes of a function that is not paused.
pub(crate) fn change(function: &mut FunctionState, uuids: &[String], edit: &Edit) {
    match edit {
        Edit::Reserve(limit) => function.reserved = *limit,
        Edit::Provision(qualifier, Some(count)) => {
            function.provisioned.insert((*qualifier).to_owned(), *count);
        }
        Edit::Provision(qualifier, None) => {
            function.provisioned.remove(*qualifier);
        }
        Edit::EnableMapping(n) | Edit::DisableMapping(n) => {
            let enabled = matches!(edit, Edit::EnableMapping(_));
            if let Some(mapping) = uuids.get(*n).and_then(|it| function.mappings.get_mut(it)) {
                mapping.enabled = enabled;
                mapping.state = if enabled { "Enabled" } else { "Disabled" }.to_owned();
            }
        }
        Edit::DeleteMapping(n) => {
            if let Some(uuid) = uuids.get(*n) {
                function.mappings.remove(uuid);
            }
        }
        Edit::DeleteFunction => function.reserved = Some(u32::MAX),
    }
}

/// Which of a function's mappings an edit is about.
fn mapping_of(edit: &Edit) -> Option<usize> {
    match edit {
        Edit::EnableMapping(n) | Edit::DisableMapping(n) | Edit::DeleteMapping(n) => Some(*n),
        Edit::Reserve(_) | Edit::Provision(..) | Edit::DeleteFunction => None,
    }
}

/// Does it.
pub(crate) fn perform(
    sandbox: &Sandbox,
    name: &str,
    uuids: &[String],
    edit: &Edit,
) -> Result<(), maintenance_sandbox::NotFound> {
    match edit {
        Edit::Reserve(limit) => sandbox.set_reserved(name, *limit),
        Edit::Provision(qualifier, count) => sandbox.set_provisioned(name, qualifier, *count),
        Edit::EnableMapping(n) => sandbox.set_mapping_enabled(&uuids[*n], true),
        Edit::DisableMapping(n) => sandbox.set_mapping_enabled(&uuids[*n], false),
        Edit::DeleteMapping(n) => sandbox.delete_mapping(&uuids[*n]),
        Edit::DeleteFunction => sandbox.delete_function(name),
    }
}

/// Each operator has a machine of its own.
pub(crate) fn who(name: &str) -> String {
    format!("{name}@{name}s-laptop")
}

/// The name of the n-th function of a plan.
pub(crate) fn name(n: usize) -> String {
    format!("demo-dev-{n:02}")
}

const NEWCOMER: &str = "demo-dev-new";
