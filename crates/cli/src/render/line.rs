//! A line for a person, with a label that may be in colour.

use std::fmt;

use owo_colors::AnsiColors;

/// A line for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// What it begins with, in bold if it has a colour.
    pub(crate) label: String,
    pub(crate) colour: Option<AnsiColors>,
    pub(crate) text: String,
}

impl Line {
    pub(crate) fn labelled(
        label: impl Into<String>,
        colour: AnsiColors,
        text: impl Into<String>,
    ) -> Self {
        Self {
            label: label.into(),
            colour: Some(colour),
            text: text.into(),
        }
    }
}

impl From<String> for Line {
    fn from(text: String) -> Self {
        match text.strip_prefix("Warning:") {
            Some(text) => Self::labelled("Warning:", AnsiColors::Yellow, text),
            None => Self {
                label: String::new(),
                colour: None,
                text,
            },
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.label, self.text)
    }
}
