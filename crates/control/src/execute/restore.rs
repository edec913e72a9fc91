//! Restoring the functions that are saved for a role.

use std::collections::BTreeSet;

use futures_util::{FutureExt as _, StreamExt as _, stream};
use maintenance_flag::{Role, WindowId};

use super::function::FunctionRun;
use super::run_all;
use crate::event::Context;
use crate::fence::{AbortReason, Fence};
use crate::fleet::{Fleet, LAG};
use crate::plan::RestorePlan;
use crate::report::{Action, WorkersReport};
use crate::store::Store;
use crate::store::StoreError;

/// What came of restoring a role.
#[derive(Debug)]
pub(crate) struct Restored {
    pub(crate) report: WorkersReport,
    /// What is still saved.
    pub(crate) saved: BTreeSet<(WindowId, u32)>,
    /// An error if the lease was lost before all was done, or what was saved could not be deleted.
    pub(crate) end: Result<(), StoreError>,
}

/// Restores, then deletes what was saved of functions that are restored.
pub(crate) async fn restore(
    plan: &RestorePlan,
    fleet: &Fleet,
    store: &Store,
    role: &Role,
    fence: &Fence,
    context: &Context<'_>,
) -> Restored {
    let functions = plan.plans().map(|(name, plan)| (name.clone(), plan));
    let functions = functions.collect::<Vec<_>>();
    let total = functions.len();
    let work = stream::iter(functions).map(|(name, plan)| {
        async move {
            let outcome = FunctionRun::new(fleet, fence, &name, None).run(plan).await;
            (name, outcome)
        }
        .boxed()
    });
    let (report, end) = run_all(fleet, Action::Off, role, context, total, work).await;
    let failed = report
        .failed
        .iter()
        .map(|failure| failure.function.as_str());
    let unfinished = report.unfinished.iter().map(String::as_str);
    let (done, mut saved) = plan.restored_documents(failed.chain(unfinished));
    if end.is_ok() && plan.saved.invoking().next().is_some() {
        // Once no mark says whose it is, no read may show the 1 of `invoke` any more. A stop shows below.
        let _ = fence.until_stopped(tokio::time::sleep(LAG)).await;
    }
    // An interrupted operation leaves even a finished document for the next one.
    let mut end = match end.and_then(|()| fence.check_known()) {
        Ok(()) => store.delete(&done, Some(fence)).await,
        Err(halt) => Err(StoreError::Halted(halt)),
    };
    if matches!(end, Err(StoreError::Halted(AbortReason::Stopped))) {
        saved.clone_from(&plan.saved.numbers);
        end = Ok(());
    }
    Restored {
        report: plan.complete(report),
        saved,
        end,
    }
}
