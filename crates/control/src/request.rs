//! What is asked of [`Control`](crate::Control): the roles, and how they are turned on or off.

use jiff::{SignedDuration, Timestamp};
use maintenance_flag::{
    App, Change, Enter, Event as FlagEvent, Exit, Flag, Force, Options, Owner, Product, Role,
    StoredToken, Token, TokenHash, TooLarge, WindowId, next,
};

use crate::drain::Drain;
use crate::events::FunctionEvents;
use crate::selection::Selection;

/// A role as the configuration has it.
#[derive(Debug, Clone)]
pub struct RoleSpec {
    /// The role.
    pub role: Role,
    /// Its functions. None: the role is a flag alone.
    pub functions: Option<Selection>,
    /// How long its handlers may go on after its flag has turned on.
    pub drain: Drain,
    /// What a window of it has when it opens, where [`OnRequest::options`] do not say otherwise.
    pub options: Options,
}

impl RoleSpec {
    /// A role that is a flag alone, as far as is known.
    #[must_use]
    pub fn flag_alone(role: Role) -> Self {
        Self {
            role,
            functions: None,
            drain: Drain::default(),
            options: Options::default(),
        }
    }

    /// Whether handlers behind a gate are of this role, as far as that is known: those of web are, and
    /// those whose timeout the configuration says.
    pub(crate) fn has_gates(&self) -> bool {
        self.role == Role::web() || self.drain.timeout.is_some()
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// A person (the `by` of [`Control::new`](crate::Control::new)).
    Person,
    /// An observer, by name.
    Observer(String),
    /// The clock: it opens scheduled windows whose time has come, and closes windows whose end has come, whoever
    /// opened them; other roles it leaves as they are. What else a request says does not count but for
    /// [`OnRequest::accept_event_loss`]: without it, functions that would lose events are not paused, and are
    /// reported as failed; the others are.
    Clock,
}

/// The wish to turn maintenance on.
#[derive(Debug, Clone, PartialEq)]
pub struct OnRequest {
    /// Who asks, and so owns the window.
    pub who: Actor,
    /// The product that the windows are opened for. A window that is open for something else stays as it is.
    pub product: Option<Product>,
    /// Why, for the team.
    pub reason: Option<String>,
    /// Let safe methods (GET, HEAD, OPTIONS) pass.
    pub read_only: bool,
    /// What visitors are told, and who may pass. Of a window that is open, those options are changed.
    pub options: Options,
    /// Let requests with this token pass, and those with an earlier one no more.
    pub link: Option<BypassLink>,
    /// Go on though asynchronous events will be lost. [`operate_together`](crate::operate_together) then does not even read whether
    /// that is so; without it, it refuses with [`Error::EventsLost`](crate::Error::EventsLost) before anything is changed.
    pub accept_event_loss: bool,
    /// What was shown when a person was asked whether to go on: a yes accepts these losses, and no others.
    /// The flags of roles without functions then turn on before functions are read again. None: no person was
    /// asked, so that everything is read before anything is changed.
    pub shown: Option<Vec<FunctionEvents>>,
}

/// The wish to turn maintenance off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OffRequest {
    /// Who asks. For an observer it means that it sees all is normal.
    pub who: Actor,
    /// Close only the windows that were opened for this product.
    pub product: Option<Product>,
    /// Override an observer that holds the window, for this reason.
    pub force: Option<String>,
    /// Restore what was saved even over what another client set while a function was paused.
    pub restore_saved: bool,
}

/// The token of a bypass link: one for all roles of an operation, hashed for each. Only the hashes are
/// stored, and the token is shown by nothing in this crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BypassLink {
    /// The secret.
    pub token: Token,
    /// When it ends, if the window does not end first. UTC.
    pub until: Timestamp,
}

impl BypassLink {
    /// How long a link is good, if its window does not end first.
    const LONGEST: SignedDuration = SignedDuration::from_hours(24);

    /// A new one, which is good from now on.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub fn random(now: Timestamp) -> Result<Self, getrandom::Error> {
        let mut random = [0; Token::LEN];
        getrandom::fill(&mut random)?;
        Ok(Self::new(Token::from_random(random), now))
    }

    /// A link that is good from now on.
    #[must_use]
    pub fn new(token: Token, now: Timestamp) -> Self {
        let end = now.checked_add(Self::LONGEST).unwrap_or(Timestamp::MAX);
        let until = Timestamp::from_second(end.as_second()).unwrap_or(end);
        Self { token, until }
    }
}

impl OnRequest {
    /// One that says no more than who asks.
    #[must_use]
    pub fn by(who: Actor) -> Self {
        Self {
            who,
            product: None,
            reason: None,
            read_only: false,
            options: Options::default(),
            link: None,
            accept_event_loss: false,
            shown: None,
        }
    }

    /// Checks that what is asked for, by itself, has room in a flag: before anything is read. What is
    /// stored, or what the role has by configuration, may leave it less.
    ///
    /// # Errors
    /// [`TooLarge`] says what takes how much.
    pub fn check_size(&self, by: &str, now: Timestamp) -> Result<(), TooLarge> {
        // Whatever is hashed, the hash is as long.
        let options = self.options_for("", "");
        match next(
            &Flag::off(),
            self.event(by, options, WindowId::new(now, 0), now),
        ) {
            Ok(step) => step.check_size(),
            // Whether it is allowed is asked of the flag that is stored.
            Err(_) => Ok(()),
        }
    }

    pub(crate) fn options_for(&self, app: &str, role: &str) -> Options {
        let mut options = self.options.clone();
        if let Some(link) = &self.link {
            options.token = Change::Set(StoredToken {
                hash: TokenHash::of(app, role, link.token.reveal()),
                until: link.until,
            });
        }
        options
    }

    /// What it makes of a flag. `by` is the person who asks.
    pub(crate) fn event(
        &self,
        by: &str,
        options: Options,
        window: WindowId,
        at: Timestamp,
    ) -> FlagEvent {
        match &self.who {
            Actor::Clock => FlagEvent::Start { at },
            _ => FlagEvent::Enter(Box::new(self.enter(by, options, window, at))),
        }
    }

    /// The window that it opens in a flag. `by` is the person who asks.
    pub(crate) fn enter(
        &self,
        by: &str,
        options: Options,
        window: WindowId,
        at: Timestamp,
    ) -> Enter {
        let (owner, by) = match &self.who {
            Actor::Person => (Owner::manual(by), by.to_owned()),
            Actor::Observer(name) => (Owner::observer(name), name.clone()),
            // By the configuration: what is recurring is scheduled by the process that reads it.
            Actor::Clock => (Owner::manual(by), by.to_owned()),
        };
        Enter {
            owner,
            by,
            product: self.product.clone(),
            reason: self.reason.clone(),
            window,
            at,
            read_only: self.read_only,
            options,
        }
    }

    /// Whether the question showed all that a function loses.
    pub(crate) fn has_shown(&self, events: &FunctionEvents) -> bool {
        let mut shown = self.shown.iter().flatten();
        let shown = shown.find(|shown| shown.function == events.function);
        shown.is_some_and(|shown| events.loses_no_more_than(shown))
    }

    /// Whether the question showed just this.
    pub(crate) fn has_shown_exactly(&self, events: &FunctionEvents) -> bool {
        self.shown.iter().flatten().any(|shown| shown == events)
    }
}

/// The options of a new window of a role: those asked for, and where they say nothing those that the role has by
/// configuration.
pub(crate) fn options_for_new_window(on: &OnRequest, app: &App, spec: &RoleSpec) -> Options {
    let options = on.options_for(&app.to_string(), spec.role.as_str());
    options.or(spec.options.clone())
}

impl OffRequest {
    /// One that says no more than who asks.
    #[must_use]
    pub fn by(who: Actor) -> Self {
        Self {
            who,
            product: None,
            force: None,
            restore_saved: false,
        }
    }

    /// What it makes of a flag. `by` is the person who asks.
    pub(crate) fn event(&self, by: &str, at: Timestamp) -> FlagEvent {
        match &self.who {
            Actor::Person => FlagEvent::Exit(Exit {
                by: by.to_owned(),
                product: self.product.clone(),
                force: self.force.clone().map(|reason| Force { reason }),
                at,
            }),
            Actor::Observer(observer) => FlagEvent::Normal {
                observer: observer.clone(),
                product: self.product.clone(),
                at,
            },
            Actor::Clock => FlagEvent::End {
                by: by.to_owned(),
                at,
            },
        }
    }
}
