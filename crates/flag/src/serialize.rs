//! How names and words stand in what operators get to read, reports and answers of an API. What is stored is written by
//! the types themselves.

use std::fmt::Display;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::mode::Mode;
use crate::names::{App, Product, Role, WindowId};

macro_rules! as_text {
    ($($of:ty),+) => {$(
        impl Serialize for $of {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )+};
}

as_text!(App, Role, Product, WindowId, Mode);

pub(crate) fn text<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

pub(crate) fn text_of_some<T: Display, S: Serializer>(
    value: &Option<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    value
        .as_ref()
        .map(ToString::to_string)
        .serialize(serializer)
}

pub(crate) fn seconds<S: Serializer>(
    value: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    value.map(|it| it.as_secs()).serialize(serializer)
}
