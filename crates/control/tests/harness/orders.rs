//! In which orders operators race: of the smallest fleets in all of them, and where those are too many,
//! or time decides how many calls there are, at random.
//!
//! An ordinary run leaves out, of all the orders of two operators, those that differ only in when or how
//! often one of them looked at the lease while another held it: what it saw is the same. That whoever
//! does not hold it does nothing but look is checked at each call. The long run leaves out none of them;
//! it adds three operators, and two with a pause at every moment, but for looks alike.

use std::collections::BTreeMap;

use maintenance_control::RoleSpec;
use maintenance_sandbox::EmptyPages;
use proptest::strategy::{Strategy, ValueTree};

use crate::canonicalizer::Canonicalizer;
use crate::crashes::Operation::{self, Off, On};
use crate::explore::{Choice, Graph};
use crate::fleet::{FunctionPlan, MappingPlan, Plan, fleets, runner};
use crate::parallel;
use crate::races::{Ended, Race};
use crate::scheduler::Patience;
use crate::support::{web, worker};
use crate::wire::Broken;
use crate::world::Violation;

fn plan(functions: Vec<FunctionPlan>) -> Plan {
    Plan {
        functions,
        newcomer: None,
        edits: Vec::new(),
        read_lag: 0,
        empty_pages: EmptyPages::Never,
        in_files: false,
    }
}

fn function(mappings: Vec<MappingPlan>) -> Plan {
    plan(vec![FunctionPlan {
        spare: Some(4),
        versions: 0,
        provisioned: BTreeMap::new(),
        mappings,
    }])
}

/// Runs it inside a `LocalSet` of its own, on a paused clock of its own.
fn alone<T>(seed: usize, work: impl Future<Output = T>) -> T {
    parallel::alone(seed, tokio::task::LocalSet::new().run_until(work))
}

/// A kind of race of which every order is tried.
struct Every {
    what: &'static str,
    plan: Plan,
    role: RoleSpec,
    operations: Vec<Operation>,
    /// Leave out orders that differ only in when or how often somebody looked at another's lease.
    reduced: bool,
    /// One pause that is longer than a lease lasts, at any moment, too.
    pauses: bool,
    broken: Option<Broken>,
}

/// What trying them came to.
#[derive(Debug, Default)]
struct Explored {
    graph: Graph,
    runs: usize,
    /// What became of the operators.
    ends: Vec<Vec<Ended>>,
}

impl Every {
    fn of_a_flag(operations: &[Operation]) -> Self {
        Self {
            what: "a flag",
            plan: plan(Vec::new()),
            role: web(),
            operations: operations.to_vec(),
            reduced: false,
            pauses: false,
            broken: None,
        }
    }

    fn of_a_function(operations: &[Operation]) -> Self {
        Self {
            what: "a function",
            plan: function(Vec::new()),
            role: worker(),
            ..Self::of_a_flag(operations)
        }
    }

    fn reduced(self) -> Self {
        Self {
            reduced: true,
            ..self
        }
    }

    fn in_files(mut self) -> Self {
        self.plan.in_files = true;
        self
    }

    fn broken(self, broken: Broken) -> Self {
        Self {
            broken: Some(broken),
            ..self
        }
    }

    fn with_a_pause(self) -> Self {
        Self {
            pauses: true,
            ..self
        }
    }

    fn explore(&self) -> Result<Explored, Violation> {
        let mut explored = Explored::default();
        let mut next = Some(Vec::new());
        while let Some(path) = next {
            let mut went = Vec::new();
            let walked = alone(0, self.walk(&mut explored, &path, &mut went));
            walked.map_err(|it| format!("{:?} as {went:?}: {it}", self.operations))?;
            explored.runs += 1;
            if explored.runs.is_multiple_of(500) {
                let (what, states) = (self.what, explored.graph.states());
                println!("{:?} on {what}: {states} states until now", self.operations);
            }
            next = explored.graph.open_path();
        }
        Ok(explored)
    }

    fn ways(&self, race: &Race) -> Vec<Choice> {
        if self.pauses {
            race.ways_in_time()
        } else {
            race.ways()
        }
    }

    /// Follows `path`, whose last choice is new, then goes where nobody went, until nothing is new.
    async fn walk(
        &self,
        explored: &mut Explored,
        path: &[Choice],
        went: &mut Vec<Choice>,
    ) -> Result<(), Violation> {
        let canonicalizer = Canonicalizer::new(self.reduced);
        let (plan, role, operations) = (&self.plan, &self.role, &self.operations);
        let mut race = Race::new(
            plan,
            role,
            operations,
            Patience::LONG,
            canonicalizer,
            self.broken,
        )
        .await?;
        let graph = &mut explored.graph;
        let known = path.len().saturating_sub(1);
        for choice in &path[..known] {
            race.choose(*choice).await;
            went.push(*choice);
        }
        let mut from = None;
        let mut state = race.state();
        let mut next = path.get(known).copied();
        loop {
            graph.arrive(from, went, state, self.ways(&race))?;
            let Some(choice) = next.take().or_else(|| graph.untried(state)) else {
                break;
            };
            went.push(choice);
            self.choose(&mut race, choice, graph, state).await?;
            race.check_one_at_a_time()?;
            from = Some(state);
            state = race.state();
        }
        if race.ways().is_empty() {
            explored.ends.push(race.check_end(false).await?);
        }
        Ok(())
    }

    async fn choose(
        &self,
        race: &mut Race,
        choice: Choice,
        graph: &mut Graph,
        state: u64,
    ) -> Result<(), Violation> {
        // Before the pause it makes a difference what who waits has seen when it comes.
        if !self.reduced || (self.pauses && !race.has_paused()) {
            race.choose(choice).await;
            return Ok(());
        }
        let alike = race.choose_apart(choice).await?;
        if let (true, Choice::Go(operator, _)) = (alike, choice) {
            graph.leave_others(state, operator);
        }
        Ok(())
    }
}

/// Tries all of them, says what that came to, and returns how many orders and states there are. Of each
/// there are so many orders at least.
fn explore_all(least: u128, all: &[Every]) -> (u128, usize) {
    let mut sum = (0, 0);
    let explored = parallel::each(all.len(), |n| all[n].explore());
    for (every, explored) in all.iter().zip(explored) {
        let explored = explored.unwrap_or_else(|violation| panic!("{violation}"));
        let orders = explored.graph.orders();
        let ended = |how: Ended| explored.ends.iter().filter(|it| it.contains(&how)).count();
        let (refused, lost) = (ended(Ended::Refused), ended(Ended::Lost));
        let Every {
            what, operations, ..
        } = every;
        println!(
            "{orders} interleavings of {operations:?} on {what}{}{}, all there are{}: {} states, {} runs, \
             {} ends, {refused} with one refused, {lost} with a lease lost",
            if every.plan.in_files { " in files" } else { "" },
            if every.pauses { " with a pause" } else { "" },
            if every.reduced {
                " but for looks alike"
            } else {
                ""
            },
            explored.graph.states(),
            explored.runs,
            explored.ends.len(),
        );
        sum.0 += orders;
        sum.1 += explored.graph.states();
        assert!(orders >= least, "only {orders} interleavings");
        assert!(refused > 0, "nobody was refused");
        assert_eq!(lost > 0, every.pauses, "{lost} lost the lease");
    }
    sum
}

/// Of two operators. Where the first is `off`, maintenance is on.
const PAIRS: [[Operation; 2]; 4] = [[On, On], [On, Off], [Off, On], [Off, Off]];

#[test]
fn two_operators_in_every_order_but_for_looks_alike() {
    let all: Vec<Every> = of_each(&PAIRS).collect();
    let (orders, states) = explore_all(400, &all);
    assert_eq!(orders, 19_128, "docs/guarantees.md says how many there are");
    assert_eq!(states, 3_278);
}

#[test]
fn two_operators_in_every_order_but_for_looks_alike_in_files() {
    let all: Vec<Every> = of_each(&PAIRS).map(Every::in_files).collect();
    let (orders, states) = explore_all(400, &all);
    assert_eq!(orders, 16_224, "docs/guarantees.md says how many there are");
    assert_eq!(states, 3_188);
}

/// What goes wrong in some order of the operators of a broken build.
fn caught(every: &Every) -> Violation {
    match every.explore() {
        Err(violation) => violation,
        Ok(explored) => panic!("not seen in {} orders", explored.graph.orders()),
    }
}

#[test]
fn a_store_that_creates_a_lease_twice_is_caught() {
    for every in [
        Every::of_a_flag(&[On, On]),
        Every::of_a_flag(&[On, On]).in_files(),
    ] {
        let violation = caught(&every.reduced().broken(Broken::OverwritesLease));
        let seen = violation.contains("somebody else has the lease");
        assert!(seen && violation.contains("/lease/1"), "{violation}");
    }
}

#[test]
fn a_file_store_that_does_not_look_at_the_lease_under_its_lock_is_caught() {
    let every = Every::of_a_flag(&[On, Off]).in_files().with_a_pause();
    let violation = caught(&every.reduced().broken(Broken::SkipsLeaseUnderLock));
    let seen = violation.contains("ben has the lease") && violation.contains("/flags/web");
    assert!(seen, "{violation}");
}

#[test]
#[ignore = "takes minutes: for the long run"]
fn two_operators_in_every_order() {
    explore_all(100_000, &of_each_unreduced().collect::<Vec<_>>());
}

#[test]
#[ignore = "takes minutes: for the long run"]
fn two_operators_in_every_order_in_files() {
    let all: Vec<Every> = of_each_unreduced().map(Every::in_files).collect();
    explore_all(100_000, &all);
}

fn of_each_unreduced() -> impl Iterator<Item = Every> {
    let flags = PAIRS.iter().map(|it| Every::of_a_flag(it));
    flags.chain(PAIRS.iter().map(|it| Every::of_a_function(it)))
}

/// Of a flag, and of a function.
fn of_each<const N: usize>(operations: &[[Operation; N]]) -> impl Iterator<Item = Every> {
    let flags = operations.iter().map(|it| Every::of_a_flag(it).reduced());
    flags.chain(
        operations
            .iter()
            .map(|it| Every::of_a_function(it).reduced()),
    )
}

#[test]
#[ignore = "takes minutes: for the long run"]
fn two_operators_in_every_order_with_a_pause_at_any_moment_but_for_looks_alike() {
    let all: Vec<Every> = of_each(&PAIRS).map(Every::with_a_pause).collect();
    explore_all(1_000_000, &all);
}

#[test]
#[ignore = "takes minutes: for the long run"]
fn two_operators_in_every_order_with_a_pause_at_any_moment_but_for_looks_alike_in_files() {
    let all = of_each(&PAIRS)
        .map(Every::in_files)
        .map(Every::with_a_pause);
    explore_all(1_000_000, &all.collect::<Vec<_>>());
}

#[test]
#[ignore = "takes minutes: for the long run"]
fn three_operators_in_every_order_but_for_looks_alike() {
    let triples = [
        [On, On, On],
        [On, On, Off],
        [On, Off, Off],
        [Off, On, On],
        [Off, Off, On],
        [Off, Off, Off],
    ];
    let all: Vec<Every> = of_each(&triples).collect();
    explore_all(100_000, &all);
}

/// Lets operators go on at random, so many times, and then each to its end. What became of them.
///
/// After as many times as `pause` says, they are all frozen, or get no answer, for longer than a lease
/// lasts.
async fn at_random(
    plan: &Plan,
    operations: &[Operation],
    steps: usize,
    pause: Option<usize>,
) -> Result<Vec<Ended>, Violation> {
    let canonicalizer = Canonicalizer::default();
    let mut race = Race::new(
        plan,
        &worker(),
        operations,
        Patience::SHORT,
        canonicalizer,
        None,
    )
    .await?;
    for step in 0..steps {
        let ways = race.ways();
        if ways.is_empty() {
            break;
        }
        if Some(step) == pause {
            race.choose(if fastrand::bool() {
                Choice::Freeze
            } else {
                Choice::Hang
            })
            .await;
        }
        race.choose(ways[fastrand::usize(..ways.len())]).await;
    }
    for operator in 0..operations.len() {
        race.finish(operator).await;
    }
    race.check_end(plan.read_lag > 0).await
}

#[test]
fn operators_of_generated_fleets_in_random_orders() {
    generated_fleets_in_random_orders(80, false);
}

#[test]
fn operators_of_generated_fleets_in_random_orders_on_files() {
    generated_fleets_in_random_orders(40, true);
}

fn generated_fleets_in_random_orders(races: usize, in_files: bool) {
    let operations = [[On, On, Off], [On, Off, Off], [Off, On, On], [Off, Off, On]];
    let races = parallel::each(races, |n| {
        let tree = fleets(2..=6).new_tree(&mut runner(n as u64, 0));
        let plan = Plan {
            edits: Vec::new(),
            in_files,
            ..tree.expect("a fleet").current()
        };
        let operators = if n < 20 { 2 } else { 3 };
        // A pause in every other race, at one of its first sixty moments.
        let pause = (n % 2 == 1).then_some(n * 17 % 60);
        let race = at_random(&plan, &operations[n / 2 % 4][..operators], 400, pause);
        alone(n, race).map_err(|violation| format!("race {n}: {violation}"))
    });
    let races: Result<Vec<Vec<Ended>>, Violation> = races.into_iter().collect();
    let races = races.unwrap_or_else(|violation| panic!("{violation}"));
    let lost = races.iter().filter(|it| it.contains(&Ended::Lost)).count();
    let all = races.len();
    println!("{all} random interleavings on generated fleets, {lost} with a lease lost in a pause");
    assert!(lost > 5, "only {lost} lost a lease");
}

/// One operator gets no answer to its `nth` call for longer than its lease; another works meanwhile, to
/// its end; then the first goes on. What became of the first; none if it had ended before.
async fn frozen(
    first: Operation,
    second: Operation,
    nth: usize,
    in_files: bool,
) -> Result<Option<Ended>, Violation> {
    let plan = Plan {
        in_files,
        ..function(vec![MappingPlan::Enabled])
    };
    let (operations, canonicalizer) = ([first, second], Canonicalizer::default());
    let mut race = Race::new(
        &plan,
        &worker(),
        &operations,
        Patience::SHORT,
        canonicalizer,
        None,
    )
    .await?;
    for _ in 0..nth {
        if race.has_ended(0) {
            return Ok(None);
        }
        race.choose(Choice::Go(0, 0)).await;
    }
    race.choose(Choice::Hang).await;
    race.finish(1).await;
    race.finish(0).await;
    let ended = race.check_end(false).await?;
    if ended[1] == Ended::Worked {
        Ok(Some(ended[0]))
    } else {
        Err(format!("{:?} for the one who took over", ended[1]))
    }
}

#[test]
fn who_was_frozen_for_longer_than_its_lease_changes_nothing_more() {
    frozen_at_every_call(false);
}

#[test]
fn who_was_frozen_for_longer_than_its_lease_changes_nothing_more_in_files() {
    frozen_at_every_call(true);
}

fn frozen_at_every_call(in_files: bool) {
    let counts = parallel::each(PAIRS.len(), |n| {
        let [first, second] = PAIRS[n];
        let mut lost = 0;
        for nth in 1.. {
            let ended = alone(nth, frozen(first, second, nth, in_files));
            match ended.map_err(|it| format!("{first:?} frozen at {nth}, {second:?}: {it}"))? {
                // It may have had no work left, or have taken another lease.
                Some(ended) => lost += usize::from(ended == Ended::Lost),
                None if lost > 3 => return Ok(nth - 1),
                None => return Err(format!("{first:?} lost only {lost} leases")),
            }
        }
        Ok(0)
    });
    let counts: Result<Vec<usize>, Violation> = counts.into_iter().collect();
    let counts = counts.unwrap_or_else(|violation| panic!("{violation}"));
    println!("{} moments to be frozen in", counts.iter().sum::<usize>());
}
