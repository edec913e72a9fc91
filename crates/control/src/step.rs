//! The steps that pause and restore a function, in the order in which they are made.

use maintenance_flag::Reserved;
use serde::Serialize;

/// One change of a function, or of a part of it.
///
/// To pause a function, in this order (planned by `plan::plan_pause`):
///
/// | | step | why there | way back |
/// |---|---|---|---|
/// | 1 | [`DisableMapping`](Self::DisableMapping) | a mapping that polls for a function at 0 uses up its messages' receive counts | [`EnableMapping`](Self::EnableMapping) |
/// | | [`AwaitDisabled`](Self::AwaitDisabled) | another client disabled it, and it still delivers | none: it was not enabled |
/// | 2 | [`DeleteProvisioned`](Self::DeleteProvisioned) | a reservation may not be below the provisioned concurrency | [`PutProvisioned`](Self::PutProvisioned) |
/// | 3 | [`ReserveZero`](Self::ReserveZero) | now nothing starts any more | [`RestoreReserved`](Self::RestoreReserved) |
///
/// To restore it (planned by `plan::plan_restore`):
///
/// | | step | why there |
/// |---|---|---|
/// | 1 | [`RestoreReserved`](Self::RestoreReserved) | the rest needs a function that may run |
/// | 2 | [`PutProvisioned`](Self::PutProvisioned) | waits until it is ready, which may take minutes or fail |
/// | 3 | [`EnableMapping`](Self::EnableMapping) | work arrives again, also where AWS failed to provision |
///
/// A function is saved before its first step; a step may be repeated. A setting is read again just before
/// its write, and a value that is not the expected one is another client's: while it is only saved and not
/// yet changed by us, it is saved anew, else it is drift and kept. With `overwrite`, it is not kept.
///
/// To add a step: a variant here, its place in `plan/function.rs`, an arm of `make` in `execute/function.rs`,
/// and its call in `fleet/write.rs`. One that takes a new setting away also needs a field in the saved
/// `Capacity`, in `observe/function.rs` and in `plan/drift.rs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// Disables an event source mapping and waits until it is disabled.
    DisableMapping {
        /// The mapping's UUID.
        uuid: String,
    },
    /// Waits until an event source mapping that is being disabled has been.
    AwaitDisabled {
        /// The mapping's UUID.
        uuid: String,
    },
    /// Deletes the provisioned concurrency of an alias or version.
    DeleteProvisioned {
        /// The alias or version.
        qualifier: String,
        /// How much is provisioned there.
        was: u32,
        /// Whatever is provisioned there by then.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        overwrite: bool,
    },
    /// Reserves 0.
    ReserveZero {
        /// What is reserved now: a number, or `unset`.
        was: Reserved,
    },
    /// Reserves what was saved, or deletes the reservation where none was.
    RestoreReserved {
        /// What was saved: a number, or `unset`.
        saved: Reserved,
        /// Whatever is reserved by then.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        overwrite: bool,
        /// `invoke` may have reserved 1, which is no other client's.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        invoking: bool,
    },
    /// Provisions what was saved on an alias or version, and waits until it is ready.
    PutProvisioned {
        /// The alias or version.
        qualifier: String,
        /// How much.
        concurrency: u32,
        /// Whatever is provisioned there by then.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        overwrite: bool,
    },
    /// Enables an event source mapping and waits until it is enabled.
    EnableMapping {
        /// The mapping's UUID.
        uuid: String,
    },
}

impl Step {
    /// Whether it may be made side by side with others of its kind: mappings do not depend on each other.
    pub(crate) fn is_of_mapping(&self) -> bool {
        match self {
            Self::DisableMapping { .. }
            | Self::AwaitDisabled { .. }
            | Self::EnableMapping { .. } => true,
            Self::DeleteProvisioned { .. }
            | Self::ReserveZero { .. }
            | Self::RestoreReserved { .. }
            | Self::PutProvisioned { .. } => false,
        }
    }

    /// Whether the steps after it need it. A function whose concurrency AWS fails to provision may run all
    /// the same.
    pub(crate) fn is_needed(&self) -> bool {
        match self {
            Self::PutProvisioned { .. } => false,
            Self::DisableMapping { .. }
            | Self::AwaitDisabled { .. }
            | Self::DeleteProvisioned { .. }
            | Self::ReserveZero { .. }
            | Self::RestoreReserved { .. }
            | Self::EnableMapping { .. } => true,
        }
    }

    /// Whether it changes something, rather than waits.
    pub(crate) fn changes(&self) -> bool {
        match self {
            Self::AwaitDisabled { .. } => false,
            Self::DisableMapping { .. }
            | Self::DeleteProvisioned { .. }
            | Self::ReserveZero { .. }
            | Self::RestoreReserved { .. }
            | Self::PutProvisioned { .. }
            | Self::EnableMapping { .. } => true,
        }
    }
}
