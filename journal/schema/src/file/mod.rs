//! Schema files: an event's fields in TOML, for people to write; read into a [`Schema`] and written from one.
//!
//! ```text
//! toml.rs      the values of a TOML file, with the places for errors
//! read.rs      the event: fields, structs, variants
//! types.rs     the types and options of a field
//! versions.rs  what was before
//! default.rs   whether a default is a value of its field
//! write.rs     from a schema to a file
//! error.rs     what can be wrong
//! ```
//! # The file
//! ```toml
//! name = "Order"
//! time = "ts"                                   # this field is the journal time; may be left out
//!
//! [fields]                                      # the order is that of the layout
//! ts = { type = "time", unit = "ns" }           # s, ms, us, ns; a u64, with `signed = true` an i64
//! sent = { type = "time", input = "s" }         # in files a bare number counts seconds: 1700000001.25
//! symbol = { type = "text", length = 8 }
//! side = { type = "enum", values = { buy = 1, sell = 2 } }
//! price = { type = "decimal", scale = 2 }       # an i64, or `storage = "i128"`
//! qty = { type = "u32", unit = "shares", source = "Size", default = 0 }
//! ids = "[u64;4]"
//! live = "bool"
//! leg.px = "i64"                                # a struct `leg`; or `leg = { fields = { px = "i64" } }`
//! legs = { count = 2, fields = { px = "i64" } } # an array of structs
//! ```
//! A one-of event has `[variants.Add]` with `tag = 1` and `[variants.Add.fields]` in place of `[fields]`, or
//! `value = "f64"` for a variant that holds a single number, or `tag` alone.
//!
//! Of what changes `version = 2` says which version the event is, `was = "Trade"` what the event, a field, a
//! struct or a variant was called before (several in a list), `since = 2` in which version a field came.
//!
//! Fields lie at their natural alignment, as `repr(C)` has it; what would be a gap becomes a field `_pad`.
//! `packed = true` leaves the gaps out, `align = 16` aligns the whole to 16.

mod default;
mod error;
#[cfg(test)]
mod random_tests;
mod read;
#[cfg(test)]
mod tests;
mod toml;
mod types;
mod versions;
mod write;

pub use error::{Problem, SchemaFileError};
pub(crate) use read::is_name;
pub(crate) use types::OWN_ATTRIBUTES;
pub(crate) use versions::{are_names, is_since, is_version};

use slipring_journal::Schema;

/// Reads a schema file.
///
/// ```
/// let schema = slipring_schema::file::from_toml(
///     r#"
///     name = "Order"
///     time = "ts"
///     [fields]
///     ts = { type = "time", unit = "ns" }
///     price = { type = "decimal", scale = 2 }
///     qty = "u32"
///     "#,
/// )?;
/// assert_eq!(schema.size, 24);
/// assert_eq!(schema.fields[1].attribute("decimal"), Some("2"));
/// assert_eq!(schema.fields[3].name, "_pad");
///
/// let error = slipring_schema::file::from_toml("name = \"Order\"\n[fields]\nqty = \"int\"").unwrap_err();
/// assert_eq!((error.line, error.column), (3, 7));
/// # Ok::<(), slipring_schema::file::SchemaFileError>(())
/// ```
///
/// # Errors
/// What is wrong, where, and what to write.
pub fn from_toml(text: &str) -> Result<Schema, SchemaFileError> {
    read::read(text)
}

/// Writes a schema file, from which [`from_toml`] reads the same schema.
///
/// That holds for every schema that a file or `#[derive(Event)]` says. Of one with bytes of no field, and of
/// one with attributes that make no sense, it holds as far as it can; the file then says so in a comment.
///
/// ```
/// # use slipring_journal::Event;
/// #[derive(Clone, Copy, Debug, Event)]
/// #[repr(C)]
/// struct Order { id: u64, price: i64 }
///
/// let text = slipring_schema::file::to_toml(&Order::schema());
/// assert_eq!(text, "name = \"Order\"\n\n[fields]\nid = \"u64\"\nprice = \"i64\"\n");
/// assert_eq!(slipring_schema::file::from_toml(&text)?, Order::schema());
/// # Ok::<(), slipring_schema::file::SchemaFileError>(())
/// ```
pub fn to_toml(schema: &Schema) -> String {
    write::write(schema)
}
