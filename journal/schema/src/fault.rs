//! What is wrong with a value, in words.

/// Why a text is no value of a field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FieldFault {
    /// There is none.
    #[error("{field} has no value; give the field a `default` in the schema to take one where there is none")]
    Missing {
        /// The field.
        field: String,
    },
    /// It would say of which variant the event is.
    #[error("{field} has no value: expected {expected}")]
    NoVariant {
        /// The field.
        field: String,
        /// What it should be.
        expected: String,
    },
    /// A column of the journal's own has none, which no schema gives a default.
    #[error("{field} has no value: give each event one, or leave it out of all")]
    Empty {
        /// The column.
        field: String,
    },
    /// It is something else.
    #[error("{field} is {text:?}: expected {expected}")]
    NotA {
        /// The field.
        field: String,
        /// The text.
        text: String,
        /// What it should be.
        expected: String,
    },
    /// The field has no room for it.
    #[error("{field} is {text:?}: that does not fit into {kind}")]
    OutOfRange {
        /// The field.
        field: String,
        /// The text.
        text: String,
        /// How the field lies in the event.
        kind: &'static str,
    },
    /// It has more decimals than the field keeps.
    #[error("{field} is {text:?}: the field keeps {kept}; give it more in the schema{way_out}")]
    TooFine {
        /// The field.
        field: String,
        /// The text.
        text: String,
        /// What it keeps.
        kept: String,
        /// What else can be done.
        way_out: &'static str,
    },
    /// Text that is too long.
    #[error(
        "{field} is {text:?}: {bytes} bytes, and the field has {most}; give it more in the schema, or cut it with \
         --truncate-text"
    )]
    TooLong {
        /// The field.
        field: String,
        /// The text.
        text: String,
        /// Its bytes.
        bytes: usize,
        /// Bytes of the field.
        most: usize,
    },
    /// A field of another variant has a value.
    #[error("{field} is {text:?}, but the event is of another variant: leave it empty")]
    OtherVariant {
        /// The field.
        field: String,
        /// The text.
        text: String,
    },
}
