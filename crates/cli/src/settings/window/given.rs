//! What was typed after `on` about its window, checked before anything is read or changed.

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use maintenance_control::RoleSpec;
use maintenance_flag::{Change, Options};

use crate::args::WindowArgs;
use crate::failure::Failure;

use super::rules;
use crate::settings::source::{Source, Sourced};

/// Now, where the command runs. Without a word about its zone that is UTC, as for every program there.
pub(crate) fn now() -> Zoned {
    let named = std::env::var_os("TZ").is_some();
    let zone = match TimeZone::try_system() {
        Ok(zone) => zone,
        // Rather no zone than a wrong one: a local time is then refused.
        Err(_) if named => TimeZone::unknown(),
        Err(_) => TimeZone::UTC,
    };
    Timestamp::now().to_zoned(zone)
}

/// What was typed after `on` about its window.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Given {
    pub(crate) read_only: bool,
    pub(crate) options: Options,
    /// Whether a bypass link is asked for.
    pub(crate) bypass: bool,
    /// Where it leads.
    pub(crate) url: Option<String>,
}

impl Given {
    /// Checks what was typed. A local time is one of `now`'s zone.
    pub(crate) fn new(args: &WindowArgs, now: &Zoned) -> Result<Self, Failure> {
        let until = match (&args.until, &args.for_) {
            (Some(text), _) => one("--until", text, |text| rules::until(text, now))?,
            (None, Some(text)) => one("--for", text, |text| rules::lasting(text, now))?,
            (None, None) => Change::Keep,
        };
        if args.auto_off && until == Change::Clear {
            return Err(
                Failure::usage("--auto-off needs a time at which to open by itself")
                    .cause("an empty --until or --for takes it away")
                    .hint("give a time, or leave out --auto-off"),
            );
        }
        let message = args.message.as_deref();
        let retry_after = args.retry_after.as_deref();
        let options = Options {
            message: message.map_or(Ok(Change::Keep), |text| {
                one("--message", text, rules::message)
            })?,
            until,
            auto_off: match (args.auto_off, args.no_auto_off) {
                (true, _) => Some(true),
                (false, true) => Some(false),
                (false, false) => None,
            },
            retry_after: retry_after.map_or(Ok(Change::Keep), |text| {
                one("--retry-after", text, rules::retry_after)
            })?,
            token: match args.no_bypass {
                true => Change::Clear,
                false => Change::Keep,
            },
            addresses: each("--allow-ip", &args.allow_ip, rules::address)?,
            paths: each("--allow-path", &args.allow_path, rules::path)?,
        };
        let url = args.url.as_deref();
        Ok(Self {
            read_only: args.read_only,
            options,
            bypass: args.bypass,
            url: url
                .map(|text| rules::url(text).map_err(|broken| refuse("--url", text, &broken)))
                .transpose()?,
        })
    }

    /// Checks that the asked roles can be so. Functions are either paused or not, and nobody would give
    /// them back what they had when a flag opens by itself.
    pub(crate) fn fits(&self, roles: &[RoleSpec]) -> Result<(), Failure> {
        let auto_off = self.options.auto_off == Some(true);
        let Some(scaled) = roles.iter().find(|spec| spec.functions.is_some()) else {
            return Ok(());
        };
        let role = &scaled.role;
        let (option, cause) = match (self.read_only, auto_off) {
            (true, _) => (
                "--read-only",
                format!(
                    "the {role} role selects functions, which on pauses: they cannot go on reading"
                ),
            ),
            (false, true) => (
                "--auto-off",
                format!(
                    "the {role} role selects functions, and nobody would give them back what they had: only off does"
                ),
            ),
            (false, false) => return Ok(()),
        };
        let alone = roles.iter().find(|spec| spec.functions.is_none());
        let failure = Failure::usage(format!("{option} cannot be used for the {role} role"));
        Err(failure.cause(cause).hint(match alone {
            Some(flag) => format!(
                "turn the roles on one by one: `maintenance on --role {} {option}`, then `maintenance on --role {role}`",
                flag.role
            ),
            None => format!("leave out {option}, or name a role of handlers: `maintenance on --role web {option}`"),
        }))
    }
}

/// An empty text takes away what there is.
fn one<T>(
    option: &str,
    text: &str,
    rule: impl Fn(&str) -> Result<T, String>,
) -> Result<Change<T>, Failure> {
    if text.is_empty() {
        return Ok(Change::Clear);
    }
    let value = rule(text).map_err(|broken| refuse(option, text, &broken))?;
    Ok(Change::Set(value))
}

fn each<T: PartialEq>(
    option: &str,
    texts: &[String],
    rule: impl Fn(&str) -> Result<T, String>,
) -> Result<Change<Vec<T>>, Failure> {
    match texts {
        [] => return Ok(Change::Keep),
        [only] if only.is_empty() => return Ok(Change::Clear),
        _ => {}
    }
    let mut list = Vec::with_capacity(texts.len());
    for text in texts {
        let value = rule(text).map_err(|broken| refuse(option, text, &broken))?;
        if !list.contains(&value) {
            list.push(value);
        }
    }
    Ok(Change::Set(list))
}

fn refuse(option: &str, text: &str, broken: &str) -> Failure {
    let shown: String = text.chars().take(80).collect();
    Failure::usage(format!("{option} {shown:?} is not valid"))
        .cause(format!("it {broken}"))
        .hint("see `maintenance on --help`")
}

/// The address that a variable gives.
pub(crate) fn address(given: Option<Sourced<String>>) -> Result<Option<Sourced<String>>, Failure> {
    let check = |text: String, from: &Source| {
        rules::url(&text).map_err(|broken| {
            Failure::usage(format!("{from} cannot be used"))
                .cause(format!("it {broken}"))
                .hint(format!("unset {from}, or give it the site's address"))
        })
    };
    given.map(|given| given.try_map(check)).transpose()
}
