//! Shared harness of the black-box tests: the real binary, with a cleared environment, in a folder of
//! its own, against a local AWS of its own.
//!
//! Reading order: `scene` (where a command runs), `ran` (what it did), `terminal` (a person at it), `network`
//! (what stands between it and AWS), `stub` (what else it asks).

mod binary;
mod local_server;
mod network;
mod ran;
mod running;
mod scene;
mod screen;
mod stub;
mod terminal;

pub use binary::binary;
pub use network::Network;
pub use ran::Ran;
pub use running::Running;
pub use scene::{Scene, quick_sandbox};
pub use stub::Stub;
pub use terminal::{Terminal, dead_terminal};

/// The README's code compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
