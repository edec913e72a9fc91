//! Generated fleets: every kind of function in every state, and what somebody does to it meanwhile.

use std::collections::BTreeMap;
use std::time::Duration;

use maintenance_sandbox::{EmptyPages, FunctionSpec, MappingSpec};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};

/// A fleet, and the store that its operators use.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) functions: Vec<FunctionPlan>,
    /// A function that a deploy adds while maintenance is on.
    pub(crate) newcomer: Option<FunctionPlan>,
    /// What somebody does while maintenance is on: to which function, and what.
    pub(crate) edits: Vec<(usize, Edit)>,
    /// How many reads of a parameter still see what was there before its last write.
    pub(crate) read_lag: u32,
    pub(crate) empty_pages: EmptyPages,
    /// Whether the store is a folder.
    pub(crate) in_files: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct FunctionPlan {
    /// Over what is provisioned; none: unset.
    pub(crate) spare: Option<u32>,
    pub(crate) versions: u64,
    pub(crate) provisioned: BTreeMap<&'static str, u32>,
    pub(crate) mappings: Vec<MappingPlan>,
}

/// The state that `on` finds a mapping in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MappingPlan {
    Enabled,
    Disabled,
    Enabling,
    Disabling,
    Updating,
    UpdatingDisabled,
    /// It settles later than the others.
    UpdatingLong,
}

impl MappingPlan {
    /// Whether it is enabled before it moves.
    pub(crate) fn starts_enabled(self) -> bool {
        matches!(
            self,
            Self::Enabled | Self::Disabling | Self::Updating | Self::UpdatingLong
        )
    }

    /// What is asked of it just before `on`.
    pub(crate) fn asked(self) -> Option<bool> {
        match self {
            Self::Enabled | Self::Disabled => None,
            Self::Enabling | Self::Updating | Self::UpdatingLong => Some(true),
            Self::Disabling | Self::UpdatingDisabled => Some(false),
        }
    }

    /// How many times as long as the others it takes.
    pub(crate) fn slowness(self) -> u32 {
        if self == Self::UpdatingLong { 3 } else { 1 }
    }
}

/// What somebody else does by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Edit {
    Reserve(Option<u32>),
    /// On this qualifier; none: nothing any more.
    Provision(&'static str, Option<u32>),
    /// Its n-th mapping.
    EnableMapping(usize),
    /// Its n-th mapping.
    DisableMapping(usize),
    /// Its n-th mapping.
    DeleteMapping(usize),
    DeleteFunction,
}

impl FunctionPlan {
    /// With so much reserved beyond what is provisioned, which is on aliases of a first version.
    pub(crate) fn new(
        spare: Option<u32>,
        provisioned: &[(&'static str, u32)],
        mappings: &[MappingPlan],
    ) -> Self {
        Self {
            spare,
            versions: u64::from(!provisioned.is_empty()),
            provisioned: provisioned.iter().copied().collect(),
            mappings: mappings.to_vec(),
        }
    }

    pub(crate) fn spec(&self, name: &str) -> FunctionSpec {
        let mut spec = FunctionSpec::new(name).versions(self.versions);
        if self.versions > 0 {
            spec = spec.alias("live", 1);
        }
        if self.versions > 1 {
            spec = spec.alias("next", 2);
        }
        let total: u32 = self.provisioned.values().sum();
        if let Some(spare) = self.spare {
            spec = spec.reserved(total + spare);
        }
        for (qualifier, count) in &self.provisioned {
            spec = spec.provisioned(qualifier, *count);
        }
        for (i, mapping) in self.mappings.iter().enumerate() {
            let mut of = match i % 3 {
                0 => MappingSpec::sqs(&format!("{name}-{i}")),
                1 => MappingSpec::kinesis(&format!("{name}-{i}")),
                _ => MappingSpec::dynamodb(&format!("{name}-{i}")),
            };
            if !mapping.starts_enabled() {
                of = of.disabled();
            }
            if i == 1 && self.versions > 0 {
                of = of.qualifier("live");
            }
            spec = spec.mapping(of);
        }
        spec
    }
}

fn mapping() -> impl Strategy<Value = MappingPlan> {
    prop_oneof![
        4 => Just(MappingPlan::Enabled),
        2 => Just(MappingPlan::Disabled),
        1 => Just(MappingPlan::Enabling),
        1 => Just(MappingPlan::Disabling),
        1 => Just(MappingPlan::Updating),
        1 => Just(MappingPlan::UpdatingDisabled),
        1 => Just(MappingPlan::UpdatingLong),
    ]
}

fn function() -> impl Strategy<Value = FunctionPlan> {
    let spare = prop_oneof![Just(None), Just(Some(0)), (1_u32..8).prop_map(Some)];
    let provisioned = (
        proptest::option::weighted(0.3, 1_u32..5),
        proptest::option::weighted(0.15, 1_u32..5),
        proptest::option::weighted(0.15, 1_u32..4),
    );
    (spare, 0_u64..4, provisioned, vec(mapping(), 0..3)).prop_map(
        |(spare, versions, (live, next, third), mappings)| {
            let wanted = [("live", 1, live), ("next", 2, next), ("3", 3, third)];
            let provisioned = wanted
                .into_iter()
                .filter(|(_, needs, _)| versions >= *needs)
                .filter_map(|(qualifier, _, count)| Some((qualifier, count?)))
                .collect();
            FunctionPlan {
                spare,
                versions,
                provisioned,
                mappings,
            }
        },
    )
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        2 => Just(Edit::Reserve(None)),
        3 => (8_u32..20).prop_map(|n| Edit::Reserve(Some(n))),
        2 => (0_usize..2).prop_map(Edit::EnableMapping),
        1 => (0_usize..2).prop_map(Edit::DeleteMapping),
        1 => Just(Edit::DeleteFunction),
    ]
}

/// Fleets of so many functions.
pub(crate) fn fleets(functions: std::ops::RangeInclusive<usize>) -> impl Strategy<Value = Plan> {
    let edits = prop_oneof![
        2 => Just(Vec::new()),
        1 => vec((any::<prop::sample::Index>(), edit()), 1..3),
    ];
    let pages = prop_oneof![
        1 => Just(EmptyPages::Every(3)),
        1 => Just(EmptyPages::Every(1)),
        3 => Just(EmptyPages::Never),
    ];
    let lag = prop_oneof![5 => Just(0_u32), 1 => 1_u32..=5];
    let newcomer = proptest::option::weighted(0.4, function());
    (vec(function(), functions), newcomer, edits, lag, pages).prop_map(
        |(functions, newcomer, edits, read_lag, empty_pages)| {
            let mut edits: Vec<_> = edits
                .into_iter()
                .map(|(at, edit)| (at.index(functions.len()), edit))
                .collect();
            // One hand on a function is enough.
            edits.dedup_by_key(|(at, _)| *at);
            Plan {
                functions,
                newcomer,
                edits,
                read_lag,
                empty_pages,
                in_files: false,
            }
        },
    )
}

/// A runner of one plan, the same every time, unless `PROPTEST_RNG_SEED` is set; `shard` tells one
/// of several from the others.
pub(crate) fn runner(shard: u64, shrinks: u32) -> TestRunner {
    let config = Config::default();
    let seed = match config.rng_seed {
        RngSeed::Fixed(seed) => seed,
        RngSeed::Random => 20_261_121,
    };
    TestRunner::new(Config {
        cases: 1,
        rng_seed: RngSeed::Fixed(seed.wrapping_mul(1_000_003).wrapping_add(shard)),
        failure_persistence: None,
        // Every step of shrinking runs a whole fleet again.
        max_shrink_iters: shrinks,
        ..config
    })
}

/// How long a mapping is on its way in these fleets.
pub(crate) const ON_ITS_WAY: Duration = Duration::from_secs(4);
