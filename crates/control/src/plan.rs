//! Plan: what an operation does, as a pure function of what is asked for, observed and saved.
//!
//! A dry run, the question before `on`, and the execution all use the same plan. For each role it is the
//! next flag and, for each function, a list of [`Step`](crate::Step)s; [`execute`](crate::execute) makes them:
//!
//! | `on`, role by role | `off`, role by role |
//! |---|---|
//! | write the flag | restore each function: reservation, provisioned concurrency, mappings |
//! | save what the functions have (create-only) | delete what was saved of functions that are restored |
//! | pause each function: mappings, provisioned concurrency, reservation | write the flag, once all of it is restored |
//! | note in the flag when the role is drained | |
//!
//! The steps of one function, and why they are in that order, are at [`Step`](crate::Step).

mod drift;
mod function;
mod functions;
mod role;

pub(crate) use drift::{drift, provisioned_drift, reserved_drift};
pub(crate) use function::{FunctionPlan, plan_pause};
pub(crate) use functions::{FunctionsPlan, PausePlan, RestorePlan};
pub(crate) use role::{RolePlan, RoleState, plan_off, plan_on, refused, with_lost};
