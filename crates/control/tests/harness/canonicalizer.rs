//! What two runs have in common: requests and answers without the times and random numbers in them.
//!
//! Of a time only this is kept: whether it is before a pause, in it or after it. Nothing else of a time
//! decides anything, as long as an operation takes less than the ten seconds after which it renews its
//! lease: in a pause every timer falls due, and else none does. Were that wrong, the same state would
//! go on in two ways, and whoever explores the orders would say so.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

/// What one run has seen so far.
#[derive(Debug, Default)]
pub(crate) struct Canonicalizer {
    state: Mutex<State>,
    /// When an operator looked at the lease before it took it makes no difference, and when it has
    /// ended only how.
    looks_alike: bool,
}

#[derive(Debug, Default)]
struct State {
    /// The windows, in the order in which they were seen first.
    windows: Vec<String>,
    pause: Option<(Timestamp, Timestamp)>,
}

impl Canonicalizer {
    pub(crate) fn new(looks_alike: bool) -> Self {
        Self {
            looks_alike,
            ..Self::default()
        }
    }

    pub(crate) fn looks_alike(&self) -> bool {
        self.looks_alike
    }

    /// Whether with this answer nothing counts any more of what an operator learned before, but for
    /// the answer just before it.
    pub(crate) fn forgets_before(&self, asked: &str, answer: &str) -> bool {
        let in_ssm = asked.contains("PutParameter")
            && asked.contains(r#""Overwrite":false"#)
            && answer.starts_with("200");
        let in_files = asked.starts_with("create ") && answer.starts_with("Ok(New");
        self.looks_alike && (in_ssm || in_files) && asked.contains("/lease/")
    }

    /// Whether this is a look at the lease of which only the last counts, and how many there were, until
    /// the one who looks has taken it.
    pub(crate) fn is_look(&self, asked: &str) -> bool {
        let lists = asked.contains("GetParametersByPath") || asked.starts_with("list ");
        self.looks_alike && lists && asked.contains("/lease")
    }

    /// Everybody paused from then till then.
    pub(crate) fn paused(&self, from: Timestamp, till: Timestamp) {
        self.state().pause = Some((from, till));
    }

    pub(crate) fn has_paused(&self) -> bool {
        self.state().pause.is_some()
    }

    /// A request or an answer without what differs from run to run.
    pub(crate) fn of(&self, text: &str) -> String {
        let mut like = String::with_capacity(text.len());
        let mut rest = text;
        let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '.' | '+' | '-');
        while !rest.is_empty() {
            let word = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            self.add(&rest[..word], &mut like);
            rest = &rest[word..];
            let between = rest.find(is_word).unwrap_or(rest.len());
            like.push_str(&rest[..between]);
            rest = &rest[between..];
        }
        like
    }

    fn add(&self, word: &str, like: &mut String) {
        // A number in JSON follows a colon.
        let bare = word.trim_start_matches(':');
        if is_window(bare) {
            let windows = &mut self.state().windows;
            let n = windows.iter().position(|it| it == bare).unwrap_or_else(|| {
                windows.push(bare.to_owned());
                windows.len() - 1
            });
            like.push_str(&format!("<window {n}>"));
        } else if let Ok(time) = bare.parse::<Timestamp>() {
            let when = match self.state().pause {
                Some((_, till)) if time >= till => "after",
                Some((from, _)) if time >= from => "in",
                _ => "before",
            };
            like.push_str(&format!("<{when}>"));
        } else if is_id(bare) || is_seconds(bare) {
            like.push_str("<>");
        } else {
            like.push_str(word);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As in `20261121T080000Z-0123abcd`.
fn is_window(word: &str) -> bool {
    let parts = word.split_once("Z-").zip(word.split_once('T'));
    parts.is_some_and(|((time, id), (day, _))| time.len() == 15 && id.len() == 8 && day.len() == 8)
}

/// A lease's id.
fn is_id(word: &str) -> bool {
    word.len() == 16 && word.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Seconds since 1970.
fn is_seconds(word: &str) -> bool {
    word.parse().is_ok_and(|n: f64| n > 1e9)
}

#[test]
fn times_and_random_numbers_are_left_out_and_nothing_else() {
    let canonicalizer = Canonicalizer::default();
    let body = r#"{\"id\":\"0123456789abcdef\",\"left\":{\"20261121T080000Z-0123abcd\":\"1\"},"at":1795248000.5,"n":12,"since":"2026-11-21T08:00:01.5Z"}"#;
    let like =
        r#"{\"id\":\"<>\",\"left\":{\"<window 0>\":\"1\"},"at"<>,"n":12,"since":"<before>"}"#;
    assert_eq!(canonicalizer.of(body), like);
    assert_eq!(canonicalizer.of("20261121T080001Z-0123abcd"), "<window 1>");
    let time = |text: &str| text.parse().expect("a time");
    canonicalizer.paused(time("2026-11-21T08:00:01Z"), time("2026-11-21T08:01:01Z"));
    assert_eq!(canonicalizer.of(body), like.replace("before", "in"));
}
