//! What `word` and `turn`, which threads share, are built from. Apart, so that the package in `models`
//! can put loom's in its place and try every order of their steps.
//!
//! The gate has no unsafe code, since a lint of the workspace forbids it: so there is nothing in it for
//! miri to find.

pub(crate) use std::sync::atomic::{AtomicU64, Ordering};
pub(crate) use std::sync::{Mutex, PoisonError};
