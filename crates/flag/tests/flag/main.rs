//! The stored documents, and which change is allowed. The fixtures beside this are bytes as schema 1 writes
//! them: whatever a later version writes, these it must read, for ever.

mod fixtures;
mod generated;
mod history;
mod leases;
mod options;
mod pack;
mod room;
mod schedule;
mod stored;
mod transitions;
mod windows;
