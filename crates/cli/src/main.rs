//! The maintenance command.

fn main() {}
