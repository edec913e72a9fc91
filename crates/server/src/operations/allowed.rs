//! What an operation would be refused for, from the flags alone: a page and the API offer only what works.

use jiff::Timestamp;
use maintenance_control::{Actor, State};
use maintenance_flag::{Event, Exit, Outcome, next};

use crate::access::Caller;
use crate::problem::Problem;
use crate::statuses::{OperationMode, ProductStatus};

impl ProductStatus {
    /// Whether this caller may put it into maintenance now, and there is something left to put into it.
    #[must_use]
    pub fn may_enter(&self, caller: &Caller, now: Timestamp) -> bool {
        let is_left = matches!(self.mode(), OperationMode::Normal | OperationMode::Partial);
        is_left && !self.is_held(now) && caller.may_write(&self.product.id)
    }

    /// Whether this caller may end its maintenance now, without force, and that would close a window.
    #[must_use]
    pub fn may_exit(&self, caller: &Caller, now: Timestamp) -> bool {
        self.mode() != OperationMode::Unknown
            && !self.is_held(now)
            && caller.may_write(&self.product.id)
            && self.check_exit(&caller.actor(), now).unwrap_or(false)
    }

    /// Whether ending its maintenance would close a window that is open.
    ///
    /// # Errors
    /// Who holds a window that this actor may not close: what the operation would be refused with.
    pub fn check_exit(&self, actor: &Actor, at: Timestamp) -> Result<bool, Box<Problem>> {
        let mut would_close = false;
        for (app, read) in &self.apps {
            let Ok(status) = &**read else { continue };
            for role in &status.roles {
                match (role.state, &role.flag) {
                    // An operation replaces what cannot be read.
                    (State::Malformed, _) => would_close = true,
                    (State::On, Some(flag)) => match next(flag, self.exit(actor, at)) {
                        Ok(step) => would_close |= step.outcome == Outcome::TurnedOff,
                        Err(refusal) => {
                            let app = app.app();
                            let problem =
                                Problem::of_refusal(app, &role.role, &refusal, flag.since);
                            return Err(Box::new(problem));
                        }
                    },
                    _ => {}
                }
            }
        }
        Ok(would_close)
    }

    fn exit(&self, actor: &Actor, at: Timestamp) -> Event {
        let product = self.product.of_windows();
        match actor {
            Actor::Person => Event::Exit(Exit {
                by: String::new(),
                product,
                force: None,
                at,
            }),
            Actor::Observer(observer) => Event::Normal {
                observer: observer.clone(),
                product,
                at,
            },
            Actor::Clock => Event::End {
                by: String::new(),
                at,
            },
        }
    }
}
