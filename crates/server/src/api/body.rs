//! What a request asks for: the body of `PUT …/operation-mode`, checked as the command checks its options.

use std::fmt;

use jiff::Timestamp;
use jiff::fmt::temporal::Pieces;
use jiff::tz::TimeZone;
use maintenance_control::limits::{self, Invalid};
use maintenance_control::{OffRequest, OnRequest};
use maintenance_flag::{Change, Options, Product};
use serde::de::{Deserializer, Error as _, IgnoredAny};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::access::Caller;
use crate::operations::{Request, Target};
use crate::problem::{Code, Problem};

/// Which operation mode is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub(super) enum WantedMode {
    /// No maintenance.
    Normal,
    /// Maintenance.
    Maintenance,
}

impl<'de> Deserialize<'de> for WantedMode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let is = |mode: &str| text.eq_ignore_ascii_case(mode);
        match () {
            () if is("Maintenance") => Ok(Self::Maintenance),
            () if is("Normal") => Ok(Self::Normal),
            () => Err(D::Error::custom(format!(
                "mode must be Maintenance or Normal, and is {text:?}"
            ))),
        }
    }
}

/// The operation mode that is asked for, and what else is said of it. Only `mode` and `reason` may stand
/// beside `Normal`, and `force` and `dryRun`; `force` only there.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SetOperationMode {
    /// `Maintenance` or `Normal`, in any case.
    #[schema(
        value_type = String,
        pattern = "^([Mm][Aa][Ii][Nn][Tt][Ee][Nn][Aa][Nn][Cc][Ee]|[Nn][Oo][Rr][Mm][Aa][Ll])$"
    )]
    mode: WantedMode,
    /// Why, for the team: one line.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 1024)]
    reason: Option<String>,
    /// What visitors are told: one line. Null takes it away.
    #[serde(default, deserialize_with = "change")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 1024)]
    message: Change<String>,
    /// When the maintenance is expected to end: RFC 3339, within 30 days. Null takes it away.
    #[serde(default, deserialize_with = "change")]
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Change<String>,
    /// Let readers (GET, HEAD, OPTIONS) pass. Roles with functions cannot.
    #[serde(default)]
    read_only: bool,
    /// What `Retry-After` says, seconds. Null takes it away: it then counts down to `until`.
    #[serde(default, deserialize_with = "change")]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 2592000)]
    retry_after: Change<Whole>,
    /// Go on though asynchronous events will be lost.
    #[serde(default)]
    accept_event_loss: bool,
    /// Change nothing, and answer what would be done.
    #[serde(default)]
    dry_run: bool,
    /// End the maintenance though an observer holds it: with a `reason`, and a token of scope write.
    #[serde(default)]
    force: bool,
    /// Ignored: clients of other servers send it. Who asks is the token's.
    #[serde(default, rename = "source")]
    #[schema(value_type = Option<String>)]
    _source: IgnoredAny,
}

/// A whole number. For JSON Schema `90.0` is one, too.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whole(pub(super) u32);

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(deserializer)?;
        let whole = number.as_f64().filter(|it| it.fract() == 0.0);
        let whole = whole.filter(|it| (0.0..=f64::from(u32::MAX)).contains(it));
        // Within its range, and without a fraction.
        let whole = whole.map(|it| Self(it as u32));
        whole.ok_or_else(|| D::Error::custom(format!("expected a whole number, found {number}")))
    }
}

/// Null takes away; a value sets.
fn change<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Change<T>, D::Error> {
    let value = Option::deserialize(deserializer)?;
    Ok(value.map_or(Change::Clear, Change::Set))
}

/// A request that has passed every check that needs no look at what is stored.
#[derive(Debug, Clone)]
pub(super) struct Wish {
    pub(super) request: Request,
    pub(super) dry_run: bool,
    /// Why, as the audit log has it.
    pub(super) reason: Option<String>,
}

impl Wish {
    /// On or off, and nothing else said.
    pub(super) fn plain(mode: WantedMode, caller: &Caller, product: Option<Product>) -> Self {
        let request = match mode {
            WantedMode::Maintenance => Request::On(Box::new(OnRequest {
                who: caller.actor(),
                product,
                reason: None,
                read_only: false,
                options: Options::default(),
                link: None,
                accept_event_loss: false,
                shown: None,
            })),
            WantedMode::Normal => Request::Off(OffRequest {
                who: caller.actor(),
                product,
                force: None,
                restore_saved: false,
            }),
        };
        Self {
            request,
            dry_run: false,
            reason: None,
        }
    }

    /// Refuses what the roles cannot be.
    pub(super) fn check_roles(&self, target: &Target) -> Result<(), Problem> {
        if !matches!(&self.request, Request::On(on) if on.read_only) {
            return Ok(());
        }
        for (app, roles) in &target.apps {
            if let Some(spec) = roles.iter().find(|spec| spec.functions.is_some()) {
                let (app, role) = (app.app(), &spec.role);
                return Err(unprocessable(format!(
                    "the {role} role of {app} selects functions, and a paused function cannot go on reading. Leave \
                     out readOnly, or send it for the web role alone: PUT /api/environments/{}/apps/{app}/roles/web/operation-mode",
                    app.env()
                )));
            }
        }
        Ok(())
    }
}

impl SetOperationMode {
    /// What is asked for. `product` is the one that windows belong to, `of` the one whose permissions count.
    pub(super) fn into_wish(
        self,
        caller: &Caller,
        product: Option<Product>,
        of: &Product,
    ) -> Result<Wish, Problem> {
        let reason = self.reason.as_deref().map(limits::reason).transpose();
        let reason = reason.map_err(|broken| invalid("reason", &broken))?;
        let reason = reason.map(str::to_owned);
        let mut wish = Wish::plain(self.mode, caller, product);
        wish.dry_run = self.dry_run;
        wish.reason.clone_from(&reason);
        match &mut wish.request {
            Request::On(on) => {
                if self.force {
                    return Err(unprocessable(
                        "force ends a maintenance that an observer holds: send it with \"mode\": \"Normal\"",
                    ));
                }
                let now = Timestamp::now();
                on.reason = reason;
                on.read_only = self.read_only;
                on.accept_event_loss = self.accept_event_loss;
                on.options = Options {
                    message: map("message", self.message, |text| {
                        limits::message(&text).map(str::to_owned)
                    })?,
                    until: until(self.until, now)?,
                    retry_after: map("retryAfter", self.retry_after, |Whole(seconds)| {
                        limits::retry_after(seconds)
                    })?,
                    ..Options::default()
                };
                on.check_size(caller.by(), now).map_err(|large| {
                    unprocessable(format!("{large}. Shorten the reason or the message"))
                })?;
            }
            Request::Off(off) => {
                if let Some(name) = self.first_of_on() {
                    return Err(unprocessable(format!(
                        "{name} says something of a maintenance that begins: leave it out, or send \"mode\": \"Maintenance\""
                    )));
                }
                if self.force {
                    caller.check_force(of)?;
                    off.force = Some(reason.ok_or_else(|| {
                        unprocessable(
                            "force needs a reason, which is recorded: send \"reason\", too",
                        )
                    })?);
                }
            }
        }
        Ok(wish)
    }

    /// What is said of a window that opens.
    fn first_of_on(&self) -> Option<&'static str> {
        let said = [
            ("message", matches!(self.message, Change::Set(_))),
            ("until", matches!(self.until, Change::Set(_))),
            ("retryAfter", matches!(self.retry_after, Change::Set(_))),
            ("readOnly", self.read_only),
            ("acceptEventLoss", self.accept_event_loss),
        ];
        said.into_iter()
            .find_map(|(name, is_said)| is_said.then_some(name))
    }
}

fn until(change: Change<String>, now: Timestamp) -> Result<Change<Timestamp>, Problem> {
    let text = match change {
        Change::Keep => return Ok(Change::Keep),
        Change::Clear => return Ok(Change::Clear),
        Change::Set(text) => text,
    };
    let end = instant("until", &text)?;
    let end = limits::end(end, &now.to_zoned(TimeZone::UTC));
    end.map(Change::Set)
        .map_err(|broken| invalid("until", &broken))
}

/// A time with an offset.
pub(super) fn instant(name: &str, text: &str) -> Result<Timestamp, Problem> {
    text.parse().map_err(|_| match Pieces::parse(text) {
        // A time that is out of range is one all the same.
        Ok(pieces) if pieces.offset().is_some() => invalid(name, &Invalid::TooFar),
        _ => Problem::new(
            Code::BadRequest,
            format!("{name} must be a time such as 2026-11-22T09:00:00Z, and is {text:?}"),
        ),
    })
}

fn map<T, U>(
    name: &str,
    change: Change<T>,
    check: impl FnOnce(T) -> Result<U, Invalid>,
) -> Result<Change<U>, Problem> {
    Ok(match change {
        Change::Keep => Change::Keep,
        Change::Clear => Change::Clear,
        Change::Set(value) => Change::Set(check(value).map_err(|broken| invalid(name, &broken))?),
    })
}

pub(super) fn invalid(name: &str, broken: &dyn fmt::Display) -> Problem {
    unprocessable(format!("{name} {broken}"))
}

pub(super) fn unprocessable(detail: impl Into<String>) -> Problem {
    Problem::new(Code::Unprocessable, detail)
}
