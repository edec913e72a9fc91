//! One at a time: whose turn it is to refresh, or to build the app, and who waits until it is over.
//!
//! A small lock for async code without a runtime. It is given back when its holder is dropped, so a
//! request that its client abandons never blocks the others.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::sync::{Mutex, PoisonError};

#[derive(Debug, Default)]
pub(crate) struct Turn(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    taken: bool,
    waiting: Vec<Waker>,
}

impl Turn {
    /// Takes the turn, unless somebody has it.
    pub(crate) fn try_take(self: &Arc<Self>) -> Option<Taken> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.taken {
            return None;
        }
        state.taken = true;
        Some(Taken(Arc::clone(self)))
    }

    /// Completes when nobody has the turn.
    pub(crate) fn over(self: &Arc<Self>) -> Over {
        Over {
            turn: Arc::clone(self),
            registered: None,
        }
    }
}

/// The turn, until dropped.
#[derive(Debug)]
pub(crate) struct Taken(Arc<Turn>);

impl Drop for Taken {
    fn drop(&mut self) {
        let waiting = {
            let mut state = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
            state.taken = false;
            std::mem::take(&mut state.waiting)
        };
        for waker in waiting {
            waker.wake();
        }
    }
}

pub(crate) struct Over {
    turn: Arc<Turn>,
    registered: Option<Waker>,
}

impl Future for Over {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let turn = Arc::clone(&self.turn);
        let mut state = turn.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.taken {
            return Poll::Ready(());
        }
        // Wakers leave the list only when the turn is over and all are woken. Whoever lost the race
        // for the next turn is polled because of that wake, and so must register again.
        let known = self
            .registered
            .as_ref()
            .is_some_and(|waker| waker.will_wake(cx.waker()))
            && state.waiting.iter().any(|w| w.will_wake(cx.waker()));
        if !known {
            state.waiting.push(cx.waker().clone());
            self.registered = Some(cx.waker().clone());
        }
        Poll::Pending
    }
}

/// A value made at most once, by async code that may fail; a failure leaves it to the next caller.
pub(crate) struct Once<T> {
    value: Mutex<Option<T>>,
    turn: Arc<Turn>,
}

impl<T> Once<T> {
    pub(crate) fn new(value: Option<T>) -> Self {
        Self {
            value: Mutex::new(value),
            turn: Arc::default(),
        }
    }
}

impl<T: Clone> Once<T> {
    pub(crate) fn get(&self) -> Option<T> {
        self.value
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The value; if there is none yet, the first caller makes it and the others wait for it.
    pub(crate) async fn get_or_make<F, Fut, E>(&self, make: F) -> Result<T, E>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        loop {
            if let Some(value) = self.get() {
                return Ok(value);
            }
            let Some(_turn) = self.turn.try_take() else {
                self.turn.over().await;
                continue;
            };
            if let Some(value) = self.get() {
                return Ok(value);
            }
            let value = make().await?;
            let mut place = self.value.lock().unwrap_or_else(PoisonError::into_inner);
            return Ok(place.insert(value).clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_dropped_turn_wakes_all_who_wait() {
        let turn = Arc::new(Turn::default());
        let taken = turn.try_take().unwrap();
        assert!(turn.try_take().is_none());
        let waiting: Vec<_> = (0..20).map(|_| tokio::spawn(turn.over())).collect();
        tokio::task::yield_now().await;
        drop(taken);
        for task in waiting {
            task.await.unwrap();
        }
        assert!(turn.try_take().is_some());
    }

    #[tokio::test]
    async fn many_callers_make_one_value() {
        let once = Arc::new(Once::new(None));
        let made = Arc::new(AtomicUsize::new(0));
        let tasks: Vec<_> = (0..50)
            .map(|_| {
                let (once, made) = (Arc::clone(&once), Arc::clone(&made));
                tokio::spawn(async move {
                    once.get_or_make(|| async {
                        made.fetch_add(1, Ordering::SeqCst);
                        tokio::task::yield_now().await;
                        Ok::<_, Infallible>(7)
                    })
                    .await
                })
            })
            .collect();
        for task in tasks {
            assert_eq!(task.await.unwrap(), Ok(7));
        }
        assert_eq!(made.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn after_a_failure_or_a_dropped_attempt_the_next_caller_tries_again() {
        let once = Once::new(None);
        assert_eq!(
            once.get_or_make(|| async { Err("no database") }).await,
            Err("no database")
        );
        let abandoned = tokio::time::timeout(
            std::time::Duration::ZERO,
            once.get_or_make(std::future::pending::<Result<u8, &str>>),
        );
        assert!(abandoned.await.is_err());
        assert_eq!(once.get_or_make(|| async { Ok::<_, &str>(1) }).await, Ok(1));
        assert_eq!(
            once.get_or_make(|| async { Err("never called") }).await,
            Ok(1)
        );
    }
}
