//! How an event of an older type becomes one of a newer type.

use std::fmt;

/// One thing that keeps events of an older type from being read as a newer one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The field or variant; empty for the event as a whole.
    pub field: String,
    /// What the journal has; empty if it has no such field.
    pub found: String,
    /// What is wanted; empty if there is no such field any more.
    pub wanted: String,
    /// What to do.
    pub advice: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference { field, found, wanted, advice } = self;
        write!(f, "{field}: is {found}, wanted {wanted}; {advice}")
    }
}

/// Turns the bytes of one event of an older type into those of a newer one.
pub struct Upgrade(Box<dyn Fn(&[u8], &mut [u8]) + Send + Sync>);

impl Upgrade {
    /// By a function from all bytes of an older event to all bytes of the newer one.
    pub fn new(apply: impl Fn(&[u8], &mut [u8]) + Send + Sync + 'static) -> Self {
        Upgrade(Box::new(apply))
    }

    /// Writes into `newer` what `older` is in the newer type. Both have the sizes of their types.
    pub fn apply(&self, older: &[u8], newer: &mut [u8]) {
        (self.0)(older, newer);
    }
}

impl fmt::Debug for Upgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Upgrade")
    }
}
