//! How names and words stand in what operators get to read, reports and answers of an API. What is stored is written by
//! the types themselves.

use serde::{Serialize, Serializer};

use super::capacity::Reserved;
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

/// A number, or `unset`.
impl Serialize for Reserved {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Unset => serializer.serialize_str("unset"),
            Self::Limit(n) => serializer.serialize_u32(*n),
        }
    }
}
