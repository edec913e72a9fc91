//! The size of a flag: one parameter holds [`MAX_VALUE_BYTES`].
//!
//! Opening a window never truncates: if its flag would not fit, with the fields that are added later, it
//! is refused before anything is changed ([`Transition::check_size`](crate::Step::check_size)). Closing
//! a window never fails: its flag is truncated until it fits, and the lost fields are named ([`Truncated`]).

use std::fmt;

use jiff::Timestamp;
use serde_json::Value;

use crate::document::{self, MAX_VALUE_BYTES};
use crate::flag::Flag;
use crate::names::WindowId;
use crate::owner::OwnerKind;

/// The most bytes of a reason, [as stored](stored_bytes): with it and the longest names, the flag that
/// closes a window may take two thousand bytes more.
pub const MAX_REASON_BYTES: usize = 1024;

/// The most bytes of the name of an owner or of who asks, [as stored](stored_bytes).
pub const MAX_NAME_BYTES: usize = 256;

/// The most bytes of the windows to come of a flag, as stored: beside them there is room for what closes
/// a window.
pub const MAX_SCHEDULE_BYTES: usize = 2048;

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

/// A flag that does not fit its parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TooLarge {
    /// How many bytes it would take.
    pub bytes: usize,
    /// How many it may take: the size of a parameter, less the fields that are added later.
    pub most: usize,
    /// Its fields, the largest first.
    pub fields: Vec<Field>,
}

/// A field of a flag, and how much of it is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name as stored: `message`, `bypass.paths`.
    pub name: String,
    /// Of its value.
    pub bytes: usize,
    /// Whether an option of `on` sets it. Any other stays as it is: it is of a later version, or was typed by
    /// hand.
    pub is_option: bool,
}

impl TooLarge {
    /// The largest of the options.
    pub fn options(&self) -> impl Iterator<Item = &Field> {
        largest(self.fields.iter().filter(|field| field.is_option))
    }

    /// Whether shorter options would do: else stored fields take too much.
    #[must_use]
    pub fn is_of_options(&self) -> bool {
        let options = self.fields.iter().filter(|field| field.is_option);
        let options = options.fold(0_usize, |sum, field| sum.saturating_add(field.bytes));
        options >= self.bytes.saturating_sub(self.most)
    }
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes, most, .. } = self;
        write!(f, "the flag would take {bytes} bytes, and may take {most}")?;
        for (n, Field { name, bytes, .. }) in largest(self.fields.iter()).enumerate() {
            let before = if n == 0 { ": " } else { ", " };
            write!(f, "{before}{bytes} of them {name:?}")?;
        }
        Ok(())
    }
}

impl std::error::Error for TooLarge {}

/// The first three, but for those that are small beside the first.
fn largest<'a>(fields: impl Iterator<Item = &'a Field> + Clone) -> impl Iterator<Item = &'a Field> {
    let first = fields.clone().next().map_or(0, |field| field.bytes);
    fields.filter(move |field| field.bytes >= first / 8).take(3)
}

/// Something that a flag had to lose to fit.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Truncated {
    /// A whole field, by its name: of a later version, or typed by hand.
    Field(String),
    /// The end of the text in this field.
    EndOf(&'static str),
}

impl fmt::Display for Truncated {
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
    pub fn encode(&self) -> Result<String, TooLarge> {
        let text = self.text();
        if text.len() > MAX_VALUE_BYTES {
            return Err(TooLarge {
                bytes: text.len(),
                most: MAX_VALUE_BYTES,
                fields: Vec::new(),
            });
        }
        Ok(text)
    }
}

/// Checks that a flag can be stored with the fields that are added later: the window of one that was typed by
/// hand, and when it is drained. `opens`: its owner and reason are the ones asked for.
pub(crate) fn check(flag: &Flag, opens: bool) -> Result<(), TooLarge> {
    let mut later = flag.clone();
    // Any will do: what this crate and its callers write is as long.
    let window = || WindowId::new(Timestamp::UNIX_EPOCH, 0);
    later.window.get_or_insert_with(window);
    later.drained_at.get_or_insert(Timestamp::UNIX_EPOCH);
    let (now, later) = (flag.text().len(), later.text().len());
    if later <= MAX_VALUE_BYTES {
        return Ok(());
    }
    Err(TooLarge {
        bytes: now,
        most: MAX_VALUE_BYTES.saturating_sub(later.saturating_sub(now)),
        fields: fields(flag, opens),
    })
}

/// Checks that a flag with a window to come can be stored, now and when each of its windows opens, and that they
/// leave room for what closes one.
pub(crate) fn check_schedule(flag: &Flag) -> Result<(), TooLarge> {
    let scheduled = flag.schedule.to_json();
    let scheduled = scheduled.as_ref().map_or(0, bytes);
    let excess = scheduled.saturating_sub(MAX_SCHEDULE_BYTES);
    if excess > 0 {
        let bytes = flag.text().len();
        let most = bytes.saturating_sub(excess);
        let fields = fields(flag, false);
        return Err(TooLarge {
            bytes,
            most,
            fields,
        });
    }
    check(flag, false)?;
    let windows = flag.schedule.windows.iter();
    let off = Flag {
        schedule: flag.schedule.clone(),
        unknown: flag.unknown.clone(),
        ..Flag::off()
    };
    for window in windows.filter(|window| !window.cancelled) {
        let mut opened = off.at(window.starts_at).into_owned();
        opened.settle(window.starts_at);
        check(&opened, true)?;
    }
    Ok(())
}

/// The fields of a flag, the largest first.
fn fields(flag: &Flag, opens: bool) -> Vec<Field> {
    let field = |name: String, value: Value| Field {
        is_option: match name.as_str() {
            "message" | "bypass.addresses" | "bypass.paths" => true,
            "reason" => opens,
            // A person's name is no option.
            "owner" => {
                let owner = flag.owner.as_ref();
                opens && owner.is_some_and(|owner| owner.kind == OwnerKind::Observer)
            }
            _ => false,
        },
        bytes: value.as_str().map_or_else(|| bytes(&value), stored_bytes),
        name,
    };
    let mut fields = Vec::new();
    for (name, value) in flag.to_map() {
        match value {
            Value::Object(bypass) if name == "bypass" => {
                let named = |(name, value)| field(format!("bypass.{name}"), value);
                fields.extend(bypass.into_iter().map(named));
            }
            value => fields.push(field(name, value)),
        }
    }
    fields.sort_by_key(|field| std::cmp::Reverse(field.bytes));
    fields
}

/// Makes a flag that closes a window fit, and names the lost fields: first it cuts texts that are longer
/// than this version ever writes, then fields that it does not know go, the largest first. What
/// remains after both always fits.
pub(crate) fn fit(mut flag: Flag) -> (Flag, Vec<Truncated>) {
    let mut truncated = Vec::new();
    if flag.text().len() <= MAX_VALUE_BYTES {
        return (flag, truncated);
    }
    let overrode = flag.overrode.as_mut().map(|owner| &mut owner.name);
    for (field, text, most) in [
        ("overrode", overrode, MAX_NAME_BYTES),
        ("reason", flag.reason.as_mut(), MAX_REASON_BYTES),
        ("by", flag.by.as_mut(), MAX_NAME_BYTES),
    ] {
        if text.is_some_and(|text| cut(text, most)) {
            truncated.push(Truncated::EndOf(field));
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
        truncated.push(Truncated::Field(key));
    }
    // Only windows to come that were typed by hand take so much: the last ones go.
    let mut lost_window = false;
    while flag.text().len() > MAX_VALUE_BYTES {
        let schedule = &mut flag.schedule;
        if schedule.unreadable.pop().is_none() && schedule.windows.pop().is_none() {
            break;
        }
        lost_window = true;
    }
    if lost_window {
        truncated.push(Truncated::EndOf("scheduled"));
    }
    (flag, truncated)
}

/// Cuts a text to so many bytes as stored; whether it was longer.
pub(crate) fn cut(text: &mut String, most: usize) -> bool {
    if stored_bytes(text) <= most {
        return false;
    }
    let mut left = most.saturating_sub(CUT.len_utf8());
    let mut kept = String::new();
    for char in text.chars() {
        // The second of two braces is escaped.
        let takes = match char {
            '{' => r"\u007b".len(),
            other => stored_bytes(other.encode_utf8(&mut [0; 4])),
        };
        match left.checked_sub(takes) {
            Some(less) => left = less,
            None => break,
        }
        kept.push(char);
    }
    kept.push(CUT);
    *text = kept;
    true
}
