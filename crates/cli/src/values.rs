//! The values of options and settings. Each type has one rule, wherever its value was given: as an option,
//! in a variable or in maintenance.toml. Its errors follow a name: `must be …`.

use std::fmt::{self, Display};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use maintenance_control::{Selection, limits};
use maintenance_flag::{App, Change, NameError};
use maintenance_server::schedule::time_zone;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use url::Url;

/// AWS allows 15 calls a second for all callers together, and does not raise it.
const MAX_RATE: f64 = 15.0;
/// The longest title or version of a product, bytes: it is shown on one line.
const MAX_LABEL: usize = 80;

/// Types that are made of a text, which is checked.
macro_rules! checked {
    ($($(#[$meta:meta])* $name:ident($inner:ty): $check:expr;)*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone)]
        pub(crate) struct $name(pub(crate) $inner);

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                let check: fn(&str) -> Result<$inner, String> = $check;
                check(text).map(Self)
            }
        }
    )*};
}
pub(crate) use checked;

/// Those that are a text themselves.
macro_rules! texts {
    ($($(#[$meta:meta])* $name:ident: $check:expr;)*) => {$(
        checked! {
            $(#[$meta])*
            #[derive(PartialEq, Eq)]
            $name(String): $check;
        }

        impl Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

texts! {
    /// The name of an app.
    AppName: |text| App::new(text, "x").map(|app| app.name().to_owned()).map_err(rule);
    /// The environment of an app.
    EnvName: |text| App::new("x", text).map(|app| app.env().to_owned()).map_err(rule);
    /// A glob over names of functions.
    FunctionGlob: |text| {
        let valid = Selection::new(&[text.to_owned()], &[], Default::default());
        valid.map_err(|error| error.reason().to_owned())?;
        Ok(text.to_owned())
    };
    /// The name of a function.
    FunctionName: function_name;
    /// One line for visitors.
    Message: |text| match limits::message(text) {
        Ok(text) => Ok(text.to_owned()),
        Err(broken) => Err(broken.to_string()),
    };
    /// Why maintenance is on.
    Reason: |text| limits::reason(text).map(str::to_owned).map_err(|broken| broken.to_string());
    /// The title or the version of a product.
    Label: |text| one_line(text, MAX_LABEL);
    /// A region or a profile.
    AwsName: |text| one_line(text, 255);
    /// The address of the site, without a query: the bypass link adds one.
    SiteUrl: site_url;
}

fn function_name(text: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    match text {
        "" => Err("must not be empty".to_owned()),
        _ if text.contains(':') => {
            Err("must be a function's name, without ARN; an alias goes to --qualifier".to_owned())
        }
        _ if !text.chars().all(is_plain) => {
            Err("may hold only letters, digits, '-' and '_'".to_owned())
        }
        _ if text.len() > 64 => Err("may have at most 64 characters".to_owned()),
        _ => Ok(text.to_owned()),
    }
}

/// Where what a function is given comes from: a file (`@FILE`), standard input (`-`), or here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PayloadSource {
    File(PathBuf),
    Stdin,
    Text(String),
}

impl FromStr for PayloadSource {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match (text, text.strip_prefix('@')) {
            ("-", _) => Self::Stdin,
            (_, Some(path)) => Self::File(PathBuf::from(path)),
            (text, None) => Self::Text(text.to_owned()),
        })
    }
}

fn rule(error: NameError) -> String {
    error.rule().to_owned()
}

pub(crate) fn one_line(text: &str, most: usize) -> Result<String, String> {
    let line = limits::line(text, most);
    line.map(str::to_owned).map_err(|broken| broken.to_string())
}

/// An address to listen on. Names are not looked up: one can be several addresses.
pub(crate) fn listen_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        let port = text.rsplit_once(':').map_or(text, |(_, port)| port);
        let port = port.parse::<u16>().unwrap_or(8642);
        format!("must be an IP address and a port, such as 127.0.0.1:{port} for this machine alone or [::1]:{port}")
    })
}

fn site_url(text: &str) -> Result<String, String> {
    let text = text.trim();
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
        .ok_or("must begin with https:// or http://")?;
    let (host, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if host.is_empty() || host.contains('@') {
        return Err("must name a host, and no user".to_owned());
    }
    if path.contains(['?', '#']) {
        return Err("must have no query and no fragment: the link adds its own".to_owned());
    }
    if !text.chars().all(|c| c.is_ascii_graphic()) {
        return Err("must be plain ASCII, without spaces".to_owned());
    }
    let slash = if path.is_empty() { "/" } else { "" };
    Ok(format!("{text}{slash}"))
}

/// An address that can be requested. The rule that it breaks does not repeat it.
pub(crate) fn http_url(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).ok();
    let url = url.filter(|url| ["http", "https"].contains(&url.scheme()) && url.has_host());
    url.ok_or("must be a URL that begins with https:// or http://")
}

/// An address as others may see it: no user, and no password.
pub(crate) fn without_user(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let host = rest[..end].rfind('@').map_or(0, |at| at + 1);
    format!("{scheme}://{}", &rest[host..])
}

/// The same without the query, in which a secret may be, too.
pub(crate) fn without_secrets(url: &str) -> String {
    match url.split_once('?') {
        Some((place, _)) => format!("{}?***", without_user(place)),
        None => without_user(url),
    }
}

/// Calls to AWS Lambda a second.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(try_from = "f64", expecting = "a number")]
pub(crate) struct Rate(pub(crate) f64);

impl TryFrom<f64> for Rate {
    type Error = String;

    fn try_from(rate: f64) -> Result<Self, String> {
        match rate > 0.0 && rate <= MAX_RATE {
            true => Ok(Self(rate)),
            false => Err(format!(
                "must be more than 0 and at most {MAX_RATE}, AWS's limit for all callers together"
            )),
        }
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rate = text.parse::<f64>();
        rate.map_err(|_| "must be a number of calls a second".to_owned())?
            .try_into()
    }
}

/// Where the parameters are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StoreChoice {
    /// Parameter Store.
    Ssm,
    /// A folder.
    File(PathBuf),
}

impl FromStr for StoreChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("file:") {
            Some(path) if !path.is_empty() => Ok(Self::File(path.into())),
            _ if text == "ssm" => Ok(Self::Ssm),
            _ => Err("must be ssm or file:PATH".to_owned()),
        }
    }
}

impl Display for StoreChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ssm => f.write_str("ssm"),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

/// A time, as typed: what a local time means depends on the zone and on now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimeArg {
    At(Timestamp),
    Local(DateTime),
    /// The next time that clocks show this.
    Clock(Time),
}

impl FromStr for TimeArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Ok(timestamp) = text.parse() {
            return Ok(Self::At(timestamp));
        }
        let digits = |c: char| c.is_ascii_digit() || c == ':';
        let padded = match text.find(':') {
            Some(1) => format!("0{text}"),
            _ => text.to_owned(),
        };
        let parsed = match padded.chars().all(digits) {
            true => padded.parse().ok().map(Self::Clock),
            false => text.parse().ok().map(Self::Local),
        };
        // A date alone would be its first second, and one with a zone would lose it.
        let is_whole = text.contains(':') && !text.contains(['[', 'Z', 'z', '+']);
        parsed.filter(|_| is_whole).ok_or_else(|| {
            "must be a time such as 09:00, \"2026-11-22 09:00\" or 2026-11-22T09:00:00Z".to_owned()
        })
    }
}

checked! {
    /// Seconds for `Retry-After`.
    #[derive(Copy, PartialEq, Eq)]
    RetryAfter(u32): |text| {
        // What is no number breaks the same rule.
        let seconds = text.trim().parse().unwrap_or_default();
        limits::retry_after(seconds).map_err(|broken| broken.to_string())
    };
    /// A time zone, by its name in the time zone database.
    Zone(TimeZone): time_zone;
    /// A length of time.
    #[derive(Copy)]
    Length(Span): |text| {
        let span = text.trim().parse();
        span.map_err(|_| "must be a length of time such as 30m or \"1h 15m\"".to_owned())
    };
}

impl Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.iana_name().unwrap_or_default())
    }
}

/// An option of a window, which an empty value takes away.
pub(crate) fn or_clear<T: FromStr>(text: &str) -> Result<Change<T>, T::Err> {
    match text.is_empty() {
        true => Ok(Change::Clear),
        false => text.parse().map(Change::Set),
    }
}

/// A text of the configuration file that is parsed as the option of its name is.
#[derive(Debug, Clone)]
pub(crate) struct Parsed<T>(pub(super) T);

impl<'de, T: FromStr<Err: Display>> Deserialize<'de> for Parsed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(D::Error::custom)
    }
}

/// A list or a table of the file: an empty one would look like a choice and be none.
#[derive(Debug, Clone)]
pub(crate) struct NonEmpty<C>(pub(super) C);

impl<'de, C: Deserialize<'de>> Deserialize<'de> for NonEmpty<C>
where
    for<'a> &'a C: IntoIterator,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let all = C::deserialize(deserializer)?;
        let is_empty = (&all).into_iter().next().is_none();
        match is_empty {
            false => Ok(Self(all)),
            true => Err(D::Error::custom("must not be empty")),
        }
    }
}

/// Seconds, up to what AWS or a gate takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seconds<const MAX: u64>(pub(super) u64);

impl<'de, const MAX: u64> Deserialize<'de> for Seconds<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match i64::deserialize(deserializer)?.try_into() {
            Ok(seconds) if seconds <= MAX => Ok(Self(seconds)),
            _ => Err(D::Error::custom(format!(
                "must be a whole number of seconds, 0 to {MAX}"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_to_listen_on_is_an_ip_address_and_another_says_which() {
        for good in ["127.0.0.1:0", "[::1]:8642", "0.0.0.0:80"] {
            assert_eq!(listen_address(good).unwrap().to_string(), good);
        }
        for (bad, says) in [
            ("localhost:8080", "such as 127.0.0.1:8080"),
            ("8080", "such as 127.0.0.1:8080"),
            ("127.0.0.1", "such as 127.0.0.1:8642"),
            ("127.0.0.1:99999", "such as 127.0.0.1:8642"),
        ] {
            let refused = listen_address(bad).unwrap_err();
            assert!(refused.contains(says), "{bad}: {refused}");
        }
    }

    #[test]
    fn a_site_has_an_address_that_takes_a_query() {
        for (typed, leads) in [
            ("https://example.com", "https://example.com/"),
            ("https://example.com/shop", "https://example.com/shop"),
            ("http://127.0.0.1:3000/", "http://127.0.0.1:3000/"),
        ] {
            assert_eq!(typed.parse(), Ok(SiteUrl(leads.to_owned())));
        }
        for bad in [
            "",
            "example.com",
            "ftp://example.com",
            "https://",
            "https:///x",
            "https://me:secret@example.com",
            "https://example.com/?a=b",
            "https://example.com#top",
            "https://example.com/a b",
        ] {
            assert!(bad.parse::<SiteUrl>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_message_is_a_line_that_fits() {
        let message = |text: &str| text.parse::<Message>();
        assert_eq!(
            message(" Back soon. "),
            Ok(Message("Back soon.".to_owned()))
        );
        for bad in ["", " ", "two\nlines", "\u{1b}[31mred", &"x".repeat(1025)] {
            assert!(message(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn numbers_have_their_limits() {
        assert_eq!("120".parse(), Ok(RetryAfter(120)));
        for bad in ["0", "-5", "1.5", "soon", "2592001", ""] {
            assert!(bad.parse::<RetryAfter>().is_err(), "{bad}");
        }
        assert_eq!("2.5".parse(), Ok(Rate(2.5)));
        for bad in ["0", "-1", "15.5", "fast", "NaN", "inf", ""] {
            assert!(bad.parse::<Rate>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_end_is_an_instant_a_local_time_or_the_next_time_that_clocks_show() {
        for (typed, end) in [
            (
                " 2026-11-22T09:00:00+01:00 ",
                TimeArg::At("2026-11-22T08:00:00Z".parse().unwrap()),
            ),
            (
                "2026-11-22 09:00",
                TimeArg::Local("2026-11-22T09:00:00".parse().unwrap()),
            ),
            ("9:00", TimeArg::Clock("09:00:00".parse().unwrap())),
        ] {
            assert_eq!(typed.parse(), Ok(end), "{typed}");
        }
        for bad in [
            "",
            "soon",
            "9",
            "2026",
            "2026-11-22",
            "25:00",
            "2026-02-30 09:00",
            "2026-11-22 09:00[Mars/Base]",
        ] {
            assert!(bad.parse::<TimeArg>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_address_is_shown_without_its_secrets() {
        for (url, user, secrets) in [
            ("http://127.0.0.1:4566", "http://127.0.0.1:4566", None),
            ("http://me:pass@host:1/x@y", "http://host:1/x@y", None),
            ("https://me:p@ss@host", "https://host", None),
            ("host", "host", None),
            (
                "https://me@host/x?key=s",
                "https://host/x?key=s",
                Some("https://host/x?***"),
            ),
        ] {
            assert_eq!(without_user(url), user);
            assert_eq!(without_secrets(url), secrets.unwrap_or(user));
        }
    }
}
