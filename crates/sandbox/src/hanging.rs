//! Calls that are held and never answered, so that a test can kill their caller at that very point.
//!
//! It only holds, tells and lets go; which call hangs is a fault's business.

use std::sync::{Condvar, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::calls::{CallInfo, Outcome};
use crate::sandbox::Sandbox;
use crate::world::World;

/// The bells of those who wait.
#[derive(Debug)]
pub(crate) struct Hangs {
    /// Rings when a call starts or stops hanging.
    starts: watch::Sender<u64>,
    /// The same, for threads that wait.
    for_threads: Condvar,
    /// Rings when hanging calls are let go.
    releases: watch::Sender<u64>,
}

impl Default for Hangs {
    fn default() -> Self {
        Self {
            starts: watch::Sender::new(0),
            for_threads: Condvar::new(),
            releases: watch::Sender::new(0),
        }
    }
}

impl Hangs {
    fn tick(&self) {
        self.starts
            .send_modify(|ticks| *ticks = ticks.wrapping_add(1));
        self.for_threads.notify_all();
    }
}

impl Sandbox {
    /// Holds the call until it is let go, or its caller is gone.
    pub(crate) async fn hang(&self, call: &CallInfo) {
        let mut releases = self.hangs().releases.subscribe();
        {
            let mut world = self.world();
            world.calls.end(call.seq, Outcome::Hanging);
            world.hanging.push(call.clone());
        }
        self.hangs().tick();
        let _held = Held {
            sandbox: self,
            seq: call.seq,
        };
        // The sender lives as long as `self`, so this ends only by a release.
        let _ = releases.changed().await;
    }

    /// Waits until a call numbered above `after` hangs, and returns all that do, oldest first.
    /// With `after` 0 any call will do; the number of a call is [`CallInfo::seq`].
    pub async fn hanging(&self, after: u64) -> Vec<CallInfo> {
        let mut hangs = self.hangs().starts.subscribe();
        loop {
            let held: Vec<CallInfo> = {
                let world = self.world();
                let newer = world.hanging.iter().filter(|call| call.seq > after);
                newer.cloned().collect()
            };
            if !held.is_empty() {
                return held;
            }
            if hangs.changed().await.is_err() {
                return Vec::new();
            }
        }
    }

    /// As [`Sandbox::hanging`], for a test that blocks its thread: the oldest call that hangs, or
    /// `None` if none does within `patience`. The sandbox has to be served on another thread.
    pub fn wait_for_hang(&self, after: u64, patience: Duration) -> Option<CallInfo> {
        let newer = |world: &World| world.hanging.iter().find(|it| it.seq > after).cloned();
        let (world, _) = self
            .hangs()
            .for_threads
            .wait_timeout_while(self.world(), patience, |world| newer(world).is_none())
            .unwrap_or_else(PoisonError::into_inner);
        newer(&world)
    }

    /// Lets go of every hanging call: each loses its connection.
    pub fn release_hanging(&self) {
        self.hangs()
            .releases
            .send_modify(|ticks| *ticks = ticks.wrapping_add(1));
    }
}

/// A held call; when it goes, whichever way, it no longer hangs.
struct Held<'a> {
    sandbox: &'a Sandbox,
    seq: u64,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let mut world = self.sandbox.world();
        world.hanging.retain(|call| call.seq != self.seq);
        drop(world);
        self.sandbox.hangs().tick();
    }
}
