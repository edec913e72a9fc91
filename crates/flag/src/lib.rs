//! The names and rules of maintenance mode.
//!
//! Everything that an operator's command and a web handler's gate have to agree on lives here: how
//! things are named ([`App`], [`Role`], [`Parameters`]), the stored documents ([`Flag`], [`CapacityDoc`],
//! [`Lease`]) and which change is allowed ([`next`]). [`Flag::mode_at`] says whether a role is in maintenance at a time,
//! and [`Flag::at`] by which flag: the stored one, or a scheduled window that has started. The crate is
//! pure: no I/O, no clock, no randomness, no async. Times and identifiers are passed in.
//!
//! Reading order: `names`, `mode`, `owner`, `schedule`, `flag`, `effective`, `bypass`; then, in `operator`,
//! `transition`, `history`, `size`, `capacity`, `lease` and `access_token`.
//!
//! ```
//! use maintenance_flag::{Flag, Mode};
//!
//! // What an operator typed into the AWS console at three in the morning:
//! assert_eq!(Flag::decode("on")?.mode, Mode::On);
//! // Any other text than a flag, `on` or `off` is malformed, and never read as `off`.
//! assert!(Flag::decode("offf").is_err());
//! # Ok::<(), maintenance_flag::DecodeError>(())
//! ```

// A gate reads its flag with this crate: it must not end the process of the app.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::arithmetic_side_effects
    )
)]

mod bypass;
mod document;
mod effective;
mod flag;
mod mode;
mod names;
mod operator;
mod owner;
mod schedule;
mod serialize;
mod timestamp;

pub use bypass::{
    AddressError, AddressRange, Bypass, PathError, PathPattern, StoredToken, Token, TokenHash,
};
pub use document::{DecodeError, MAX_VALUE_BYTES, SCHEMA};
pub use flag::Flag;
pub use mode::Mode;
pub use names::{
    AccessId, AccessKind, App, NameError, ObserverName, Parameters, Prefix, Product, Role,
    TokenName, WindowId,
};
pub use operator::{
    AccessSecret, AccessToken, CancelWindow, Capacity, CapacityDoc, Change, Enter, Event, Exit,
    Field, Force, Lease, LeaseRecord, MAX_NAME_BYTES, MAX_REASON_BYTES, MAX_SCHEDULE_BYTES,
    MAX_SCHEDULED, MoveWindow, Observation, Options, Outcome, Overlap, PackError, Refusal,
    Reserved, ScheduleEvent, ScheduleOutcome, ScheduleTransition, ScheduleWindow, Scope, Session,
    TooLarge, Transition, Truncated, Verdict, next, pack, reschedule, stored_bytes,
};
pub use operator::{
    FlagVersion, HistoryEntry, HistoryKind, HistoryResult, RecordedMode, Source, Times, transitions,
};
pub use owner::{Owner, OwnerKind};
pub use schedule::{Schedule, ScheduledWindow};
