//! What a mapping does, for people.

use std::fmt;

/// One thing that becomes otherwise when an older event is read as a newer one. [`Mapping::changes`] lists
/// them.
///
/// See the example of [`Mapping`].
///
/// [`Mapping`]: super::Mapping
/// [`Mapping::changes`]: super::Mapping::changes
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// The field had another name.
    Renamed {
        /// The newer name.
        field: String,
        /// The older one.
        was: String,
    },
    /// The field has a wider kind, or counts something finer.
    Converted {
        /// The newer name.
        field: String,
        /// What it was.
        found: String,
        /// What it is.
        wanted: String,
    },
    /// Older events have no such field.
    Added {
        /// The field.
        field: String,
        /// What it is in them; `None` for zero.
        default: Option<String>,
    },
    /// Newer events have no such field. It stays in the older segments.
    Removed {
        /// The field.
        field: String,
        /// What it was.
        found: String,
    },
    /// The variant has another number.
    Tagged {
        /// The newer name of the variant.
        variant: String,
        /// The older number.
        was: u32,
        /// The newer one.
        is: u32,
    },
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Change::Renamed { field, was } => write!(f, "{field}: was called {was}"),
            Change::Converted { field, found, wanted } => write!(f, "{field}: {found} becomes {wanted}"),
            Change::Added { field, default: None } => write!(f, "{field}: added, zero in older events"),
            Change::Added { field, default: Some(default) } => {
                write!(f, "{field}: added, {default:?} in older events")
            }
            Change::Removed { field, found } => write!(f, "{field}: left out ({found})"),
            Change::Tagged { variant, was, is } => write!(f, "{variant}: its tag was {was} and is {is}"),
        }
    }
}
