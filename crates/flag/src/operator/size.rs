//! The size of a flag: one parameter holds [`MAX_VALUE_BYTES`].
//!
//! On the way in nothing is left out: a window whose flag would not fit, with the fields that are
//! added later, is refused before anything is changed ([`Step::check_room`](crate::Step::check_room)). On the
//! way out nothing may stand in the way: the flag that closes a window is always made to fit, and what was
//! left out for that is named ([`LeftOut`]).

use std::fmt;

use jiff::Timestamp;
use serde_json::Value;

use crate::bypass::{ADDRESSES, PATHS, TOKEN, TOKEN_UNTIL};
use crate::document::{self, MAX_VALUE_BYTES};
use crate::flag::{Flag, Owner, OwnerKind};
use crate::names::WindowId;

/// The most bytes of a reason, [as stored](stored_bytes): with it and the longest names, the flag that
/// closes a window has room for two thousand bytes more.
pub const MAX_REASON_BYTES: usize = 1024;

/// The most bytes of the name of an owner or of who asks, [as stored](stored_bytes).
pub const MAX_NAME_BYTES: usize = 256;

/// What shows that a text was cut.
const CUT: char = '…';

/// How many bytes a text takes in a stored document, between its quotes: an escaped character
/// takes more than it does elsewhere.
#[must_use]
pub fn stored_bytes(text: &str) -> usize {
    bytes(&Value::from(text)).saturating_sub(2)
}

fn bytes(value: &Value) -> usize {
    document::escape(value.to_string()).len()
}

/// A flag that one parameter has no room for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoRoom {
    /// How many bytes it would take.
    pub bytes: usize,
    /// How many it may take: the size of a parameter, less the fields that are added later.
    pub most: usize,
    /// What takes them, with how many, the most first.
    pub parts: Vec<(Part, usize)>,
}

impl NoRoom {
    /// The largest of the options, with how many bytes.
    pub fn options(&self) -> impl Iterator<Item = (&Part, usize)> {
        let options = self.parts.iter().filter(|(part, _)| !part.is_stored());
        much(options).map(|(part, bytes)| (part, *bytes))
    }

    /// Whether shorter options would do: else stored fields take the room.
    #[must_use]
    pub fn is_of_options(&self) -> bool {
        let options = self.parts.iter().filter(|(part, _)| !part.is_stored());
        let options = options.fold(0_usize, |sum, (_, bytes)| sum.saturating_add(*bytes));
        options >= self.bytes.saturating_sub(self.most)
    }
}

impl fmt::Display for NoRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes, most, parts } = self;
        write!(f, "the flag would take {bytes} bytes, and may take {most}")?;
        for (n, (part, bytes)) in much(parts.iter()).enumerate() {
            let before = if n == 0 { ": " } else { ", " };
            write!(f, "{before}{bytes} of them {part}")?;
        }
        Ok(())
    }
}

impl std::error::Error for NoRoom {}

/// The first three, but for those that are small beside the first.
fn much<'a>(
    parts: impl Iterator<Item = &'a (Part, usize)> + Clone,
) -> impl Iterator<Item = &'a (Part, usize)> {
    let largest = parts.clone().next().map_or(0, |(_, bytes)| *bytes);
    parts
        .filter(move |(_, bytes)| *bytes >= largest / 8)
        .take(3)
}

/// Something that takes room in a flag.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// The observer that opens the window.
    Observer,
    /// The reason of the window that opens.
    Reason,
    /// What visitors are told.
    Message,
    /// The addresses that may pass.
    Addresses,
    /// The paths that may pass.
    Paths,
    /// A field that is stored, by its name, and stays as it is: of a later version, or typed by hand.
    Stored(String),
}

impl Part {
    /// Whether it is there whatever is asked for.
    #[must_use]
    pub fn is_stored(&self) -> bool {
        matches!(self, Self::Stored(_))
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Observer => f.write_str("the observer"),
            Self::Reason => f.write_str("the reason"),
            Self::Message => f.write_str("the message"),
            Self::Addresses => f.write_str("the addresses that pass"),
            Self::Paths => f.write_str("the paths that pass"),
            Self::Stored(field) => write!(f, "the stored {field:?}"),
        }
    }
}

/// Something that a flag had no room for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum LeftOut {
    /// A whole field, by its name: of a later version, or typed by hand.
    Field(String),
    /// The end of the text in this field.
    EndOf(&'static str),
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Field(field) => write!(f, "{field:?}"),
            Self::EndOf(field) => write!(f, "the end of {field:?}"),
        }
    }
}

impl Flag {
    /// The bytes to store.
    ///
    /// # Errors
    /// If they are more than [`MAX_VALUE_BYTES`].
    pub fn encode(&self) -> Result<String, NoRoom> {
        let text = self.text();
        if text.len() > MAX_VALUE_BYTES {
            return Err(NoRoom {
                bytes: text.len(),
                most: MAX_VALUE_BYTES,
                parts: Vec::new(),
            });
        }
        Ok(text)
    }
}

/// Checks that a flag can be stored with the fields that are added later: the window of one that was typed by
/// hand, and when it is drained. `opens`: its owner and reason are the ones asked for.
pub(crate) fn check(flag: &Flag, opens: bool) -> Result<(), NoRoom> {
    let mut later = flag.clone();
    // Any will do: what this crate and its callers write is as long.
    let window = || WindowId::new(Timestamp::UNIX_EPOCH, 0);
    later.window.get_or_insert_with(window);
    later.drained_at.get_or_insert(Timestamp::UNIX_EPOCH);
    let (now, later) = (flag.text().len(), later.text().len());
    if later <= MAX_VALUE_BYTES {
        return Ok(());
    }
    Err(NoRoom {
        bytes: now,
        most: MAX_VALUE_BYTES.saturating_sub(later.saturating_sub(now)),
        parts: parts(flag, opens),
    })
}

fn parts(flag: &Flag, opens: bool) -> Vec<(Part, usize)> {
    let asked = |part, field: &str| {
        if opens {
            part
        } else {
            Part::Stored(field.to_owned())
        }
    };
    let text = |text: &Option<String>| text.as_deref().map_or(0, stored_bytes);
    let name = |owner: &Option<Owner>| owner.as_ref().map_or(0, |it| stored_bytes(&it.name));
    let mut parts = vec![
        (Part::Message, text(&flag.message)),
        (asked(Part::Reason, "reason"), text(&flag.reason)),
        (Part::Stored("overrode".to_owned()), name(&flag.overrode)),
    ];
    match &flag.owner {
        // A person's name is no option.
        Some(owner) if opens && owner.kind == OwnerKind::Manual => {}
        owner => parts.push((asked(Part::Observer, "owner"), name(owner))),
    }
    match &flag.bypass {
        Some(Value::Object(bypass)) => {
            let of = |value: Option<&Value>| value.map_or(0, bytes);
            parts.push((Part::Addresses, of(bypass.get(ADDRESSES))));
            parts.push((Part::Paths, of(bypass.get(PATHS))));
            let ours = [TOKEN, TOKEN_UNTIL, ADDRESSES, PATHS];
            let others = bypass
                .iter()
                .filter(|(key, _)| !ours.contains(&key.as_str()));
            parts.extend(
                others.map(|(key, value)| (Part::Stored(format!("bypass.{key}")), bytes(value))),
            );
        }
        Some(other) => parts.push((Part::Stored("bypass".to_owned()), bytes(other))),
        None => {}
    }
    let unknown = flag.unknown.iter();
    parts.extend(unknown.map(|(key, value)| (Part::Stored(key.clone()), bytes(value))));
    parts.retain(|(_, bytes)| *bytes > 0);
    parts.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    parts
}

/// Makes a flag that closes a window fit, and says what was left out for that: first it cuts texts that are longer
/// than this version ever writes, then fields that it does not know go, the largest first. What
/// remains after both always fits.
pub(crate) fn fit(mut flag: Flag) -> (Flag, Vec<LeftOut>) {
    let mut left_out = Vec::new();
    if flag.text().len() <= MAX_VALUE_BYTES {
        return (flag, left_out);
    }
    let overrode = flag.overrode.as_mut().map(|owner| &mut owner.name);
    for (field, text, most) in [
        ("overrode", overrode, MAX_NAME_BYTES),
        ("reason", flag.reason.as_mut(), MAX_REASON_BYTES),
        ("by", flag.by.as_mut(), MAX_NAME_BYTES),
    ] {
        if text.is_some_and(|text| cut(text, most)) {
            left_out.push(LeftOut::EndOf(field));
        }
    }
    let mut fields: Vec<(usize, String)> = flag
        .unknown
        .iter()
        .map(|(key, value)| {
            // `,"key":value`
            let key_bytes = bytes(&Value::from(key.as_str()));
            let entry = key_bytes.saturating_add(bytes(value)).saturating_add(2);
            (entry, key.clone())
        })
        .collect();
    fields.sort_by_key(|(entry, _)| std::cmp::Reverse(*entry));
    let mut excess = flag.text().len().saturating_sub(MAX_VALUE_BYTES);
    for (entry, key) in fields {
        if excess == 0 {
            break;
        }
        excess = excess.saturating_sub(entry);
        document::remove(&mut flag.unknown, &key);
        left_out.push(LeftOut::Field(key));
    }
    (flag, left_out)
}

/// Cuts a text to so many bytes as stored; whether it was longer.
pub(crate) fn cut(text: &mut String, most: usize) -> bool {
    if stored_bytes(text) <= most {
        return false;
    }
    let mut room = most.saturating_sub(CUT.len_utf8());
    let mut kept = String::new();
    for char in text.chars() {
        // The second of two braces is escaped.
        let takes = match char {
            '{' => r"\u007b".len(),
            other => stored_bytes(other.encode_utf8(&mut [0; 4])),
        };
        match room.checked_sub(takes) {
            Some(left) => room = left,
            None => break,
        }
        kept.push(char);
    }
    kept.push(CUT);
    *text = kept;
    true
}
