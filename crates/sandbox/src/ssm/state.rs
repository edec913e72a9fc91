//! The state of Parameter Store, and what a read sees of it while reads lag.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Versions kept of one parameter.
const MAX_VERSIONS: usize = 100;

/// All parameters of the account in the region.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct SsmState {
    pub(crate) parameters: BTreeMap<String, Parameter>,
    /// The change calendars, by name.
    #[serde(default)]
    pub(crate) calendars: BTreeMap<String, Calendar>,
    /// When each name was last deleted.
    pub(crate) deleted: BTreeMap<String, Timestamp>,
    /// Names that were created again too early, and the time until which no read shows them.
    #[serde(default)]
    hidden: BTreeMap<String, Timestamp>,
    /// What reads still see of names written lately. Not saved: no read lags that long.
    #[serde(skip)]
    lagging: BTreeMap<String, Lag>,
    /// The number of pages served, which decides which are empty.
    #[serde(skip)]
    pub(crate) pages: u64,
}

#[derive(Debug)]
struct Lag {
    reads_left: u32,
    before: Option<Parameter>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Parameter {
    pub(crate) kind: Kind,
    /// The pattern that every later value must match, until another is given.
    #[serde(default)]
    pub(crate) allowed_pattern: Option<String>,
    /// Oldest first, at most a hundred, never empty.
    pub(crate) versions: VecDeque<Version>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    String,
    StringList,
    SecureString,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Version {
    pub(crate) version: i64,
    pub(crate) value: String,
    pub(crate) modified: Timestamp,
    /// The ARN of the caller. None in a state that was saved before this was kept.
    #[serde(default)]
    pub(crate) user: Option<String>,
}

/// A parameter as a test sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParameterState {
    /// The newest value.
    pub value: String,
    /// Its version, counted from 1.
    pub version: i64,
    /// `String`, `StringList` or `SecureString`.
    pub kind: String,
}

impl Kind {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "String" => Some(Self::String),
            "StringList" => Some(Self::StringList),
            "SecureString" => Some(Self::SecureString),
            _ => None,
        }
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::String => "String",
            Self::StringList => "StringList",
            Self::SecureString => "SecureString",
        }
    }
}

impl Parameter {
    pub(crate) fn new(kind: Kind) -> Self {
        Self {
            kind,
            allowed_pattern: None,
            versions: VecDeque::new(),
        }
    }

    /// The number of the newest version; 0 if nothing is written yet.
    pub(crate) fn newest(&self) -> i64 {
        self.versions.back().map_or(0, |it| it.version)
    }

    /// Writes a new version and returns its number.
    pub(crate) fn write(&mut self, value: &str, user: String, now: Timestamp) -> i64 {
        let version = self.newest() + 1;
        if self.versions.len() == MAX_VERSIONS {
            self.versions.pop_front();
        }
        self.versions.push_back(Version {
            version,
            value: value.to_owned(),
            modified: now,
            user: Some(user),
        });
        version
    }
}

impl SsmState {
    /// Lets the next reads of `name` see its current value. Called before each write.
    pub(crate) fn remember(&mut self, name: &str, reads: u32) {
        if reads == 0 {
            return;
        }
        let before = self.parameters.get(name).cloned();
        self.lagging
            .entry(name.to_owned())
            .and_modify(|lag| lag.reads_left = reads)
            .or_insert(Lag {
                reads_left: reads,
                before,
            });
    }

    /// Hides a name that was created again too early.
    pub(crate) fn hide(&mut self, name: &str, until: Timestamp) {
        self.hidden.insert(name.to_owned(), until);
    }

    /// Reads `name`: the parameter as this read sees it. Reduces the number of reads that lag.
    pub(crate) fn see(&mut self, name: &str, now: Timestamp) -> Option<Parameter> {
        if self.hidden.get(name).is_some_and(|until| now < *until) {
            return None;
        }
        if let Some(lag) = self.lagging.get_mut(name) {
            let seen = lag.before.clone();
            lag.reads_left -= 1;
            if lag.reads_left == 0 {
                self.lagging.remove(name);
            }
            return seen;
        }
        self.parameters.get(name).cloned()
    }

    /// Every name that a read could see, including deleted names while reads lag.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .parameters
            .keys()
            .chain(self.lagging.keys())
            .cloned()
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Writes a value without checks and without lag.
    pub(crate) fn put_raw(&mut self, name: &str, value: &str, user: String, now: Timestamp) {
        let parameter = self.parameters.entry(name.to_owned());
        let parameter = parameter.or_insert_with(|| Parameter::new(Kind::String));
        parameter.write(value, user, now);
    }

    /// Deletes a parameter, without lag. Returns whether it was there.
    pub(crate) fn delete(&mut self, name: &str, now: Timestamp) -> bool {
        let was_there = self.parameters.remove(name).is_some();
        if was_there {
            self.deleted.insert(name.to_owned(), now);
        }
        was_there
    }

    /// Deletes a parameter and creates it anew as a `SecureString` with the same value.
    pub(crate) fn encrypt(&mut self, name: &str) -> bool {
        let Some(parameter) = self.parameters.get_mut(name) else {
            return false;
        };
        parameter.kind = Kind::SecureString;
        let newest = parameter.versions.drain(..).next_back();
        parameter.versions.extend(newest.map(|newest| Version {
            version: 1,
            ..newest
        }));
        true
    }

    /// The newest state of every parameter.
    pub(crate) fn snapshot(&self) -> BTreeMap<String, ParameterState> {
        let parameters = self.parameters.iter().filter_map(|(name, parameter)| {
            let newest = parameter.versions.back()?;
            let state = ParameterState {
                value: newest.value.clone(),
                version: newest.version,
                kind: parameter.kind.as_str().to_owned(),
            };
            Some((name.clone(), state))
        });
        parameters.collect()
    }
}

/// A change calendar as a test sets it: GetCalendarState answers it whatever the time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Calendar {
    pub(crate) is_open: bool,
    pub(crate) next_transition: Option<Timestamp>,
}
