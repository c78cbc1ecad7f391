//! Code from a schema: the type of an event in other languages, and in Rust.
//!
//! ```text
//! names.rs     identifiers, comments, and the columns that people see
//! rust.rs      structs and enums that derive `Event`
//! c.rs         a header
//! numpy.rs     a dtype of the whole record
//! sql.rs       a table
//! ```

mod c;
mod names;
mod numpy;
mod rust;
mod rust_options;
mod sql;

use slipring_journal::Schema;

/// Rust: a struct that derives `Event`, or for a one-of event an enum, whose schema is this one, attributes
/// included.
///
/// ```
/// let schema = slipring_schema::file::from_toml("name = \"Order\"\n[fields]\nid = \"u64\"")?;
/// let code = slipring_schema::codegen::rust(&schema);
/// assert!(code.contains("pub struct Order {"));
/// # Ok::<(), slipring_schema::file::SchemaFileError>(())
/// ```
///
/// A name that Rust can't have gets another, and `#[event(name = "..")]`. What the derive can't say, of a
/// schema that it did not write, is said in a comment on top.
pub fn rust(schema: &Schema) -> String {
    rust::generate(schema)
}

/// A header for C11 and C++11: structs of the event and of a whole record, with the compiler's word on sizes
/// and offsets.
///
/// ```
/// let schema = slipring_schema::file::from_toml("name = \"Order\"\n[fields]\nid = \"u64\"")?;
/// let header = slipring_schema::codegen::c(&schema);
/// assert!(header.contains("uint64_t id;"));
/// # Ok::<(), slipring_schema::file::SchemaFileError>(())
/// ```
pub fn c(schema: &Schema) -> String {
    c::generate(schema)
}

/// Python: a numpy dtype of a whole record, for `np.memmap` over a segment's records.
///
/// ```
/// let schema = slipring_schema::file::from_toml("name = \"Order\"\n[fields]\nid = \"u64\"")?;
/// let module = slipring_schema::codegen::numpy(&schema);
/// assert!(module.contains("\"id\""));
/// # Ok::<(), slipring_schema::file::SchemaFileError>(())
/// ```
pub fn numpy(schema: &Schema) -> String {
    numpy::generate(schema)
}

/// SQL: a table for the events, in words that SQLite, PostgreSQL and DuckDB take; the journal's own columns
/// first.
///
/// ```
/// let schema = slipring_schema::file::from_toml("name = \"Order\"\n[fields]\nid = \"u32\"")?;
/// let table = slipring_schema::codegen::sql(&schema);
/// assert!(table.contains("\"id\" BIGINT NOT NULL"));
/// # Ok::<(), slipring_schema::file::SchemaFileError>(())
/// ```
pub fn sql(schema: &Schema) -> String {
    sql::generate(schema)
}
