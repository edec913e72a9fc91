//! The gate's code that threads share, in every order in which its steps can happen: checked by loom.
//!
//! ```text
//! cargo run --locked --manifest-path crates/gate/models/Cargo.toml --target-dir target/models
//! ```
//!
//! It is the code itself (`word` and `turn`), with loom's atomics and locks under it. In place of the
//! `ArcSwap` that holds the state stands an atomic number, the number of the state, with the orderings
//! that arc-swap promises at least.

#[path = "../../src/turn.rs"]
mod turn;
#[expect(dead_code, reason = "the gate uses the rest")]
#[path = "../../src/word.rs"]
mod word;

/// What loom can steer, in place of the standard library's.
mod sync {
    pub(crate) use loom::sync::Mutex;
    pub(crate) use loom::sync::atomic::{AtomicU64, Ordering};
    pub(crate) use std::sync::PoisonError;
}

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use loom::future::block_on;
use loom::thread;
use maintenance_flag::Mode;

use crate::sync::{AtomicU64, Ordering};
use crate::turn::{Once, Turn};
use crate::word::{AtomicWord, Word};

fn main() {
    check(
        "whoever reads the word finds a state at least as new",
        || {
            let gate = Arc::new(Gate::default());
            let refreshes = [
                spawn(&gate, |gate| gate.refresh()),
                spawn(&gate, |gate| gate.refresh()),
            ];
            let mut before = 0;
            for _ in 0..2 {
                let by_word = gate.known();
                let state = gate.state.load(Ordering::Acquire);
                assert!(
                    state >= by_word,
                    "the word says {by_word}, the state is {state}"
                );
                assert!(by_word >= before, "the word went back");
                before = by_word;
            }
            all_end(refreshes);
            assert!(gate.known() >= 1);
            assert_eq!(gate.known(), gate.state.load(Ordering::Acquire));
        },
    );

    check("whoever waits for a turn is woken when it is over", || {
        let turn = Arc::new(Turn::default());
        let taken = turn.try_take().unwrap();
        let waiters = [(); 2].map(|()| {
            spawn(&turn, |turn| {
                // As a request does that waits for another's refresh.
                loop {
                    block_on(turn.over());
                    if let Some(_taken) = turn.try_take() {
                        return;
                    }
                }
            })
        });
        drop(taken);
        all_end(waiters);
        assert!(turn.try_take().is_some());
    });

    check("many make one value", || {
        let shared = Arc::new((Once::new(None), AtomicUsize::new(0)));
        let make = |shared: &Arc<(Once<usize>, AtomicUsize)>| {
            let made = block_on(shared.0.get_or_make(|| async {
                Ok::<_, Infallible>(shared.1.fetch_add(1, Ordering::SeqCst))
            }));
            assert_eq!(made, Ok(0));
        };
        let makers = [(); 2].map(|()| spawn(&shared, make));
        all_end(makers);
        assert_eq!(shared.1.load(Ordering::SeqCst), 1);
    });
}

/// Runs a model in every order, with at most three switches of threads against their will: what more of
/// them find is rare, and takes hours.
fn check(what: &str, model: impl Fn() + Send + Sync + 'static) {
    let orders = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&orders);
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        model();
    });
    println!("{what}: {} orders", orders.load(Ordering::Relaxed));
}

fn spawn<T: Send + Sync + 'static>(
    shared: &Arc<T>,
    work: impl FnOnce(&Arc<T>) + Send + 'static,
) -> thread::JoinHandle<()> {
    let shared = Arc::clone(shared);
    thread::spawn(move || work(&shared))
}

fn all_end<const N: usize>(threads: [thread::JoinHandle<()>; N]) {
    for thread in threads {
        thread.join().unwrap();
    }
}

/// The parts of the gate that a refresh writes and a request reads.
struct Gate {
    turn: Arc<Turn>,
    state: AtomicU64,
    word: AtomicWord,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            turn: Arc::default(),
            state: AtomicU64::new(0),
            word: AtomicWord::new(Word::UNKNOWN),
        }
    }
}

/// The modes, by the number of the state in which they were learnt.
const MODES: [Option<Mode>; 3] = [None, Some(Mode::Off), Some(Mode::On)];

impl Gate {
    /// As the gate learns a new state: by whoever has the turn, and the state before the word.
    fn refresh(&self) {
        let Some(_turn) = self.turn.try_take() else {
            return;
        };
        let next = self.state.load(Ordering::Acquire) + 1;
        self.state.store(next, Ordering::Release);
        let mode = MODES[usize::try_from(next).unwrap()];
        self.word.store(Word::new(mode, 0, 1));
    }

    /// The number of the state that the word speaks of.
    fn known(&self) -> u64 {
        let known = self.word.load().known();
        let number = MODES.iter().position(|mode| *mode == known);
        u64::try_from(number.unwrap()).unwrap()
    }
}
