//! The words and the rules of maintenance mode.
//!
//! Everything that an operator's command and a web handler's gate have to agree on lives here: how
//! things are named ([`App`], [`Role`], [`Parameters`]), what is stored ([`Flag`], [`CapacityDoc`],
//! [`Lease`]) and which change is allowed ([`next`]). It is pure: no I/O, no clock, no randomness, no
//! async. Times and identifiers are passed in.
//!
//! Reading order: `names`, `flag`, `transition`, `room`, `bypass`, then `capacity` and `lease`.
//!
//! ```
//! use maintenance_flag::{Flag, Mode};
//!
//! // What somebody typed into the AWS console at three in the morning:
//! assert_eq!(Flag::decode("on")?.mode, Mode::On);
//! // What is neither a flag nor `on` nor `off` is malformed, and never read as `off`.
//! assert!(Flag::decode("offf").is_err());
//! # Ok::<(), maintenance_flag::DecodeError>(())
//! ```

// A gate reads what is stored with this crate: nothing of it may end somebody else's process.
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
mod capacity;
mod document;
mod flag;
mod lease;
mod moment;
mod names;
mod room;
mod transition;

pub use bypass::{
    AddressError, AddressRange, Bypass, PathError, PathPattern, StoredToken, Token, TokenHash,
};
pub use capacity::{Capacity, CapacityDoc, PackError, Reserved, pack};
pub use document::{DecodeError, MAX_VALUE_BYTES, SCHEMA};
pub use flag::{Flag, Mode, Owner, OwnerKind};
pub use lease::{Lease, Left};
pub use names::{App, NameError, Parameters, Prefix, Role, WindowId};
pub use room::{LeftOut, MAX_NAME_BYTES, MAX_REASON_BYTES, NoRoom, Part, stored_bytes};
pub use transition::{Change, Enter, Event, Exit, Force, Options, Outcome, Refusal, Step, next};
