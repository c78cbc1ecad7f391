//! What is wrong with a schema file.

use crate::tree::layout::TooLarge;

/// A schema file that says nothing sensible, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {problem}")]
pub struct SchemaFileError {
    /// Counted from 1.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
    /// What is wrong there.
    pub problem: Problem,
}

/// What is wrong in a schema file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The file is not TOML.
    #[error("this is no TOML: {0}")]
    NotToml(String),
    /// The file is longer than any schema.
    #[error("a schema file has at most {0} bytes")]
    FileTooLong(usize),
    /// A key that has to be there is not.
    #[error("`{key}` is missing; write `{example}`")]
    Missing {
        /// The key.
        key: &'static str,
        /// What to write.
        example: &'static str,
    },
    /// A key that nobody knows.
    #[error(
        "`{key}` means nothing here; there are {known} (a nested field of that name stands in `fields = {{ .. }}`)"
    )]
    UnknownKey {
        /// The key.
        key: String,
        /// Those that there are.
        known: &'static str,
    },
    /// A value of another sort than the key wants.
    #[error("`{key}` must be {wanted}")]
    NotThat {
        /// The key.
        key: String,
        /// What it must be.
        wanted: &'static str,
    },
    /// Neither fields nor variants, or none in them.
    #[error("there are no fields; write them under `[fields]` as `price = \"i64\"`")]
    NoFields,
    /// Both fields and variants.
    #[error("an event has either `fields` or `variants`: take one away")]
    FieldsAndVariants,
    /// No variant holds a value.
    #[error(
        "no variant holds a value, so this is a number: write one field of type `enum`, or give a variant `fields`"
    )]
    NoValues,
    /// A name that can't be one.
    #[error("`{name}` can't be a name: {why}")]
    Name {
        /// The name.
        name: String,
        /// Why it can't.
        why: &'static str,
    },
    /// A name that is there already.
    #[error("`{0}` stands here twice")]
    Twice(String),
    /// A type that nobody knows.
    #[error(
        "`{0}` is no type; there are u8 to u128, i8 to i128, f32, f64, arrays such as \"[u64;4]\", and bool, \
         time, decimal, text, enum"
    )]
    UnknownType(String),
    /// A number type that can't hold what the field is to mean.
    #[error("`{storage}` can't hold this: {wanted}")]
    Storage {
        /// The number type.
        storage: String,
        /// What to write.
        wanted: &'static str,
    },
    /// A name of an enum that can't be one.
    #[error("{0:?} can't be the name of a value: take one without `,` `:` `\"` and control characters")]
    EnumName(String),
    /// A value of an enum that the number can't hold.
    #[error("`{value}` does not go into `{storage}`: take a smaller number, or a larger `storage`")]
    EnumValue {
        /// The value.
        value: String,
        /// The number type.
        storage: &'static str,
    },
    /// The tag of a variant that is 0, or no `u32`.
    #[error("a tag is a number from 1 to 4294967295; 0 is what an empty slot holds")]
    Tag,
    /// Two variants of one tag.
    #[error("the tag {0} belongs to two variants: count on")]
    TagTwice(u32),
    /// The time of the event is no field.
    #[error("`time` names `{0}`, which is no field of this event")]
    TimeField(String),
    /// The time of the event is a field that is no time.
    #[error("`time` names `{0}`, which is no time: write `{0} = {{ type = \"time\", unit = \"ns\" }}`")]
    NoTime(String),
    /// A former name that is another's.
    #[error("`{name}` can't have been `{was}`, which another is or was: an older `{was}` could be either")]
    Was {
        /// The name now.
        name: String,
        /// The name before.
        was: String,
    },
    /// A field that came after the version that the event has.
    #[error("`{field}` is there since version {since}, and this is version {version}: count on")]
    Since {
        /// The field.
        field: String,
        /// Its version.
        since: u32,
        /// The event's.
        version: u32,
    },
    /// A default that the field can't hold.
    #[error("the default {text:?} is not {wanted}")]
    Default {
        /// The default.
        text: String,
        /// What the field takes.
        wanted: String,
    },
    /// No journal can hold it.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
}
