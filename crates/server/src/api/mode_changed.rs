//! What an operation changed, as its answer says it.

use jiff::Timestamp;
use maintenance_control::{Action, Actor};
use maintenance_flag::OwnerKind;
use serde::Serialize;
use utoipa::ToSchema;

use crate::catalog::ManagedProduct;
use crate::operations::{AppResult, Ended, LeftRole, Operation, Request, Success};
use crate::statuses::OperationMode;

/// Who owns a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub(super) enum TriggerSource {
    /// A person.
    Manual,
    /// An observer.
    Observer,
}

impl From<OwnerKind> for TriggerSource {
    fn from(kind: OwnerKind) -> Self {
        match kind {
            OwnerKind::Manual => Self::Manual,
            OwnerKind::Observer => Self::Observer,
        }
    }
}

/// What was changed, or with `dryRun` would be.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ModeChanged {
    /// Always true: what was not carried out wholly is a problem.
    success: bool,
    /// The same in a sentence.
    message: String,
    /// The product.
    product_deployment_id: String,
    /// How it stood before.
    previous_mode: OperationMode,
    /// How it stands now.
    new_mode: OperationMode,
    /// Who asked for it: a person, or an observer.
    trigger_source: TriggerSource,
    /// Always null: nothing else is told of it while the client waits.
    setter_error: Option<String>,
    /// What stays in maintenance though the product left it: it was not turned on for it.
    left_on: Vec<LeftOn>,
    /// When no code of it can still be running: it is safe to migrate after that. Null if that is not known.
    drained_at: Option<Timestamp>,
    /// The operation that did it. Null of a dry run.
    operation_id: Option<String>,
    /// What would be done, of a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: Option<Vec<AppResult>>,
}

/// A role that was not turned on for the product that was left.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct LeftOn {
    /// Its app: `billing-prod`.
    app: String,
    /// The role.
    role: String,
    /// The product that it was turned on for. Null: it was turned on by itself.
    opened_for: Option<String>,
}

fn source(who: &Actor) -> TriggerSource {
    match who {
        Actor::Person | Actor::Clock => TriggerSource::Manual,
        Actor::Observer(_) => TriggerSource::Observer,
    }
}

impl ModeChanged {
    fn new(product: &ManagedProduct, source: TriggerSource, success: &Success) -> Self {
        let left_on = success.left_on.iter().map(|left| LeftOn {
            app: left.app.to_string(),
            role: left.role.to_string(),
            opened_for: left.window.product.as_ref().map(ToString::to_string),
        });
        Self {
            success: true,
            message: String::new(),
            product_deployment_id: product.id.to_string(),
            previous_mode: success.previous,
            new_mode: success.new,
            trigger_source: source,
            setter_error: None,
            left_on: left_on.collect(),
            drained_at: success.drained_at,
            operation_id: None,
            plan: None,
        }
    }

    /// What an operation has changed, or would change.
    pub(super) fn of(
        operation: &Operation,
        ended: &Ended,
        product: &ManagedProduct,
        name: &str,
        success: &Success,
    ) -> Self {
        let who = match &operation.request {
            Request::On(on) => &on.who,
            Request::Off(off) => &off.who,
        };
        let mut changed = Self::new(product, source(who), success);
        if operation.is_dry_run {
            let new = success.new.as_str();
            changed.message = format!("Nothing was changed: {name} would be {new}");
            changed.plan = Some(ended.reports().map(AppResult::from).collect());
        } else {
            changed.message = message(operation.request.action(), name, success);
            changed.operation_id = Some(operation.id.clone());
        }
        changed
    }
}

/// What was changed, in a sentence.
fn message(action: Action, name: &str, success: &Success) -> String {
    let left: Vec<_> = success.left_on.iter().map(LeftRole::why).collect();
    match (action, success.previous) {
        (Action::On, OperationMode::Maintenance) => format!("{name} was in maintenance already"),
        (Action::On, _) => format!("{name} is in maintenance now"),
        (Action::Off, _) if !left.is_empty() => format!(
            "{name} left maintenance, but for {}, which stays on",
            left.join(", ")
        ),
        (Action::Off, OperationMode::Normal) => format!("{name} was not in maintenance"),
        (Action::Off, _) => format!("{name} is back in normal operation"),
    }
}
