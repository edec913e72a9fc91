//! Whatever befalls the store, the network or the clock: what visitors get, how long they wait, and how
//! often the store is asked. Visitors speak HTTP over TCP to a server behind the layer, and the gate
//! reads its flag over TCP.
//!
//! Nothing here sleeps or measures time. The clock is steered, and the end of the budget is a bell that
//! the test rings: an answer that comes after the bell, while the store still says nothing, has waited
//! for the budget and no longer.

mod clocks;
mod crowd;
mod lags;
mod scaling;
mod snapshot;
mod support;
mod table;
mod troubles;
