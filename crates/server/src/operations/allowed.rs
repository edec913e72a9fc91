//! What an operation would be refused for, from the flags alone: a page and the API offer only what works.

use jiff::Timestamp;
use maintenance_control::{Actor, OnRequest, State};
use maintenance_flag::{App, Event, Exit, Flag, Mode, Options, Outcome, Product, Role, next};
use serde_json::json;

use super::{Request, Target};
use crate::access::Caller;
use crate::problem::{Code, Problem};
use crate::statuses::{OperationMode, ProductStatus};

impl Target {
    /// Refuses what would change the window of a product that this caller may not change: an app can be of
    /// several products, and a window of a role or an app is closed whatever it was opened for.
    ///
    /// # Errors
    /// 409 `owner`, with the product; or why the flags cannot be read.
    pub async fn check_windows(&self, request: &Request, caller: &Caller) -> Result<(), Problem> {
        // An operation on a product leaves the windows of others alone.
        if request.product().is_some() || caller.may_write_all() {
            return Ok(());
        }
        for (app, roles) in &self.apps {
            let statuses = app.reads.flags(roles).await;
            let app = app.app();
            let statuses = statuses.map_err(|error| Problem::of_error(app, &error, None))?;
            for status in &statuses {
                if status.state == State::On
                    && let Some(flag) = &status.flag
                    && let Some(product) = &flag.product
                    && !caller.may_write(product)
                    && request.would_change(flag)
                {
                    return Err(of_another(app, &status.role, flag, product, caller));
                }
            }
        }
        Ok(())
    }
}

impl Request {
    /// The product that its windows belong to.
    fn product(&self) -> Option<&Product> {
        match self {
            Self::On(on) => on.product.as_ref(),
            Self::Off(off) => off.product.as_ref(),
        }
    }

    /// Whether it says anything new of a window that is open.
    fn would_change(&self, flag: &Flag) -> bool {
        match self {
            Self::On(on) => {
                let OnRequest {
                    reason,
                    read_only,
                    options,
                    link,
                    ..
                } = &**on;
                reason.is_some()
                    || link.is_some()
                    || *options != Options::default()
                    || *read_only != (flag.mode == Mode::ReadOnly)
            }
            Self::Off(_) => true,
        }
    }
}

fn of_another(app: &App, role: &Role, flag: &Flag, product: &Product, caller: &Caller) -> Problem {
    let by = caller.name();
    let detail = format!(
        "{app}: the {role} window was opened for the product {product}, and {by} is limited to other products. \
         A token for {product} ends or changes it"
    );
    let mut problem = Problem::new(Code::Owner, detail)
        .with("app", app.to_string())
        .with("role", role.as_str())
        .with("product", product.as_str());
    if let Some(owner) = &flag.owner {
        let owner = json!({"kind": owner.kind.as_str(), "name": owner.name});
        problem = problem.with("owner", owner);
    }
    match flag.since {
        Some(since) => problem.with("sinceUtc", since.to_string()),
        None => problem,
    }
}

impl ProductStatus {
    /// Whether this caller may put it into maintenance, and there is something left to put into it.
    #[must_use]
    pub fn may_enter(&self, caller: &Caller) -> bool {
        let is_left = matches!(self.mode(), OperationMode::Normal | OperationMode::Partial);
        is_left && caller.may_write(&self.product.id)
    }

    /// Whether this caller may end its maintenance, without force, and that would close a window.
    #[must_use]
    pub fn may_exit(&self, caller: &Caller) -> bool {
        self.mode() != OperationMode::Unknown
            && caller.may_write(&self.product.id)
            && self
                .check_exit(&caller.actor(), Timestamp::now())
                .unwrap_or(false)
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
