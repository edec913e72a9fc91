#![doc = include_str!("../../../crates/gate/docs/actix.md")]
