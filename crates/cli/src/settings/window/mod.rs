//! What a window gets: what visitors are told, and who may pass.
//!
//! `rules` are the rules of each value, `given` what was typed after `on`, `standing` what the
//! configuration file says of a role.

mod given;
mod rules;
mod standing;

pub(crate) use given::{Given, address, now};
pub(crate) use standing::Standing;
