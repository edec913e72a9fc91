//! How a role answers its visitors.

use std::fmt;

/// How a role answers its visitors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Everything is refused with 503.
    On,
    /// The app serves.
    Off,
    /// Safe methods (GET, HEAD, OPTIONS) pass, everything else is refused with 503.
    ReadOnly,
}

impl Mode {
    /// As it is stored and printed.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
            Self::ReadOnly => "read-only",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "on" => Some(Self::On),
            "off" => Some(Self::Off),
            "read-only" => Some(Self::ReadOnly),
            _ => None,
        }
    }

    /// Whether the role is in maintenance at all.
    #[must_use]
    pub fn is_on(self) -> bool {
        match self {
            Self::On | Self::ReadOnly => true,
            Self::Off => false,
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
