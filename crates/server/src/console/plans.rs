//! Plans that pages show. Reading hundreds of functions takes longer than a person waits for a page, or a
//! request may take: a plan is a dry run, as the API begins them, and who asks again finds it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use maintenance_control::{Actor, Error, Report};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::AppState;
use crate::access::Caller;
use crate::catalog::ManagedProduct;
use crate::operations::{Ended, Operations, Request, Target};

/// How long a page waits for a plan before it says that the functions are being read.
const WITHIN: Duration = Duration::from_secs(2);
/// How old a plan may be that a page shows: who reloads a page that was being made finds it.
const FRESH_FOR: Duration = Duration::from_secs(10);
/// How long a request waits for the plan that it checks before it starts an operation.
const CHECK_WITHIN: Duration = Duration::from_secs(20);

/// A plan, and what it is about.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) target: Target,
    ended: Arc<Ended>,
}

impl Planned {
    /// What it would do: one result an app.
    pub(super) fn results(&self) -> &[Result<Report, Error>] {
        &self.ended.results
    }
}

type Made = Arc<Result<Planned, Error>>;
/// Which plan it is: the product, what is asked for, and the observer that asks, if one does. What an observer may
/// exit, a person may not.
type Key = (String, String, &'static str, Option<String>);

/// The plans that are being made, or were made just now.
#[derive(Debug, Clone, Default)]
pub(super) struct Plans(Arc<Mutex<HashMap<Key, Slot>>>);

#[derive(Debug)]
struct Slot {
    made: Receiver,
    /// The newest operation on the product when it was begun, and whether that had ended.
    after: Option<(String, bool)>,
    /// The one before, until this one is there.
    before: Option<Made>,
}

type Receiver = watch::Receiver<Option<(Instant, Made)>>;

impl Plans {
    /// What `request` would do, if that is known soon. `kind` names the request: plans of the same kind for the
    /// same product and actor are the same.
    pub(super) async fn soon(
        &self,
        state: &AppState,
        product: &Arc<ManagedProduct>,
        kind: &'static str,
        request: Request,
        caller: &Caller,
    ) -> Option<Made> {
        let operations = &state.operations;
        let newest = operations.of_product(product);
        let after = newest.map(|it| (it.id.clone(), it.progress().borrow().is_over()));
        let mut made = {
            let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let slot = slots.entry(key(product, kind, who(&request)));
            let slot = slot.or_insert_with(|| Slot {
                made: make(operations, product, request.clone(), caller),
                after: after.clone(),
                before: None,
            });
            if slot.is_old() || slot.after != after {
                *slot = Slot {
                    made: make(operations, product, request, caller),
                    after,
                    before: slot.last(),
                };
            }
            slot.made.clone()
        };
        wait(&mut made, WITHIN).await
    }

    /// The last plan of this kind, however old: what a page has shown.
    pub(super) fn last(
        &self,
        product: &ManagedProduct,
        kind: &'static str,
        who: &Actor,
    ) -> Option<Made> {
        let slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slots.get(&key(product, kind, who))?.last()
    }
}

fn key(product: &ManagedProduct, kind: &'static str, who: &Actor) -> Key {
    let observer = match who {
        Actor::Person | Actor::Clock => None,
        Actor::Observer(name) => Some(name.clone()),
    };
    let (environment, id) = (product.environment.clone(), product.id.to_string());
    (environment, id, kind, observer)
}

fn who(request: &Request) -> &Actor {
    match request {
        Request::On(on) => &on.who,
        Request::Off(off) => &off.who,
    }
}

impl Slot {
    fn last(&self) -> Option<Made> {
        let made = self
            .made
            .borrow()
            .as_ref()
            .map(|(_, made)| Arc::clone(made));
        made.or_else(|| self.before.clone())
    }

    fn is_old(&self) -> bool {
        match &*self.made.borrow() {
            Some((at, _)) => at.elapsed() > FRESH_FOR,
            // Its task has ended without a plan.
            None => self.made.has_changed().is_err(),
        }
    }
}

/// What `request` would do just now. None: reading takes longer than a request may. The operation itself then
/// refuses what was not shown.
pub(super) async fn now(
    state: &AppState,
    product: &Arc<ManagedProduct>,
    request: Request,
    caller: &Caller,
) -> Option<Made> {
    let mut made = make(&state.operations, product, request, caller);
    wait(&mut made, CHECK_WITHIN).await
}

fn make(
    operations: &Operations,
    product: &Arc<ManagedProduct>,
    request: Request,
    caller: &Caller,
) -> Receiver {
    let (sender, receiver) = watch::channel(None);
    let (operations, product) = (operations.clone(), Arc::clone(product));
    let caller = caller.clone();
    tokio::spawn(async move {
        let made = match Target::product(&product).await {
            Ok(target) => {
                let dry_run = operations.plan(target.clone(), request, &caller);
                let ended = dry_run.ended().await;
                if ended.results.is_empty() {
                    // It crashed, and there is no plan.
                    return;
                }
                Ok(Planned { target, ended })
            }
            Err(error) => Err(error),
        };
        sender.send_replace(Some((Instant::now(), Arc::new(made))));
    });
    receiver
}

async fn wait(made: &mut Receiver, within: Duration) -> Option<Made> {
    let made = tokio::time::timeout(within, made.wait_for(Option::is_some)).await;
    let made = made.ok()?.ok()?;
    made.as_ref().map(|(_, made)| Arc::clone(made))
}
