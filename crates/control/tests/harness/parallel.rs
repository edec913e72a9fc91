//! The same work on every core, each on a paused clock of its own.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Runs `work` for each of `0..count` on as many threads as there are cores, and returns what they
/// returned, in order.
pub(crate) fn each<T: Send>(count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    let next = AtomicUsize::new(0);
    let mut done: Vec<(usize, T)> = std::thread::scope(|scope| {
        let thread = || {
            let mut done = Vec::new();
            loop {
                let n = next.fetch_add(1, Ordering::SeqCst);
                if n >= count {
                    return done;
                }
                done.push((n, work(n)));
            }
        };
        let threads: Vec<_> = (0..threads.min(count))
            .map(|_| scope.spawn(thread))
            .collect();
        let ended = threads.into_iter().map(|thread| thread.join());
        ended
            .flat_map(|done| done.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    done.sort_by_key(|(n, _)| *n);
    done.into_iter().map(|(_, value)| value).collect()
}

/// Runs a future on a paused clock of its own, with the same randomness every time.
pub(crate) fn alone<T>(seed: usize, work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    fastrand::seed(seed as u64);
    runtime.block_on(work)
}
