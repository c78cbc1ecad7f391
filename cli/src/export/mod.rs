//! Events out of a journal, in formats of the field: the trait of what writes one.

use std::fmt;

/// A format that events are written in, by its name. See [`Formats`](crate::formats::Formats).
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct SinkFormat {
    /// Its name on the command line.
    pub name: &'static str,
    /// What a file's name ends with, without the dot.
    pub extensions: &'static [&'static str],
}

impl fmt::Debug for SinkFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SinkFormat").field("name", &self.name).finish_non_exhaustive()
    }
}
