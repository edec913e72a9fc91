//! How many operations have ended, and how.

use maintenance_control::Action;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use super::Ended;

/// Operations that have ended, by what was asked for and how they ended.
pub(crate) type Counts = Family<Labels, Counter>;

/// What an operation is counted by.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Labels {
    action: &'static str,
    result: &'static str,
}

/// Counts one that has ended.
pub(super) fn count(counts: &Counts, action: Action, ended: &Ended) {
    let action = match action {
        Action::On => "on",
        Action::Off => "off",
    };
    let result = match () {
        () if ended.is_complete() => "succeeded",
        () if ended.is_refusal() => "refused",
        () if ended.results.is_empty() => "crashed",
        () => "partial",
    };
    counts.get_or_create(&Labels { action, result }).inc();
}
