//! What can go wrong, a type for each direction.

use std::io;
use std::path::PathBuf;

use slipring_schema::FieldFault;

/// Why a file could not be written. Nothing of it is left.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The system says no.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What it says.
        source: io::Error,
    },
    /// A value that the format has no room for.
    #[error(
        "sequence {sequence}: {column} {misfit}; leave the column out with --fields, or the event with --where"
    )]
    Value {
        /// The record.
        sequence: u64,
        /// The column.
        column: String,
        /// What is wrong with it.
        misfit: Misfit,
    },
    /// A chosen column that the table has not.
    #[error("there is no column {column}; the columns are {}", there.join(", "))]
    NoColumn {
        /// What was asked for.
        column: String,
        /// What there is.
        there: Vec<String>,
    },
    /// A way of compressing that the format has not.
    #[error("{format} can't be compressed with {asked}; it can with {can}")]
    Compression {
        /// The format.
        format: &'static str,
        /// What was asked for.
        asked: &'static str,
        /// What it can do.
        can: &'static str,
    },
    /// The events are no records of DBN.
    #[error("the events of {name} are no records of DBN: {what}; record a DBN file to have such events")]
    NoDbn {
        /// The event type.
        name: String,
        /// What speaks against it.
        what: &'static str,
    },
    /// What the crate for Parquet says.
    #[error("write Parquet: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// What the crate for Arrow says.
    #[error("write Arrow: {0}")]
    Arrow(#[from] arrow_schema::ArrowError),
    /// What the crate for Avro says.
    #[error("write Avro: {0}")]
    Avro(#[from] arrow_avro::errors::AvroError),
    /// What SQLite says.
    #[error("write SQLite: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// What the crate for DBN says.
    #[error("write DBN: {0}")]
    Dbn(#[from] dbn::Error),
}

/// Why a value has no room in a file's column.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Misfit {
    /// A byte that is neither 0 nor 1.
    #[error("is {0}, and a truth value is 0 or 1")]
    Bool(u8),
    /// Bytes that are no text.
    #[error("holds bytes that are no text (UTF-8 without zeros in it)")]
    Text,
    /// A time that 64 bits with a sign have no room for.
    #[error("is a time of {count} {unit}, and a column of times ends in the year 2262")]
    Time {
        /// Units since 1970.
        count: i128,
        /// The unit's sign.
        unit: &'static str,
    },
    /// A decimal of more than 38 digits.
    #[error("has more than the 38 digits that a column of decimals has")]
    Decimal,
    /// The number of an enum that reads like another value's name.
    #[error("is {0}, which has no name, and reads like the name of another value")]
    Enum(i128),
}

/// Why a file can't be read, or not any further.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The system says no.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What it says.
        source: io::Error,
    },
    /// Fields without a column.
    #[error(
        "there is no column for {}; the columns are {}: name the column in the field's `source`, or give the field \
         a `default`",
        missing.join(", "), there.join(", ")
    )]
    NoColumn {
        /// The fields.
        missing: Vec<String>,
        /// What the file has.
        there: Vec<String>,
    },
    /// Two columns of one name.
    #[error("the file has two columns named {column}: which is meant?")]
    TwoColumns {
        /// The name.
        column: String,
    },
    /// A column whose type a field can't be read from.
    #[error("the column {column} is {found}, and the field is {expected}: change the schema")]
    OtherType {
        /// The column.
        column: String,
        /// Its type in the file.
        found: String,
        /// What the field is.
        expected: &'static str,
    },
    /// A schema can't be made of the file.
    #[error("{what}: write a schema by hand, and leave that column out or name it in a field's `source`")]
    NoSchema {
        /// What stands in the way.
        what: String,
    },
    /// It is another format.
    #[error("this is no {expected}: {what}")]
    NotThis {
        /// What it should be.
        expected: &'static str,
        /// What is wrong.
        what: String,
    },
    /// The file has several tables.
    #[error("the file has the tables {}: say which, with --from-table", there.join(", "))]
    WhichTable {
        /// Their names.
        there: Vec<String>,
    },
    /// A record of another type than the first.
    #[error(
        "record {record} is of type {found:#04x} and {found_bytes} bytes, and the schema is of type {wanted}: a journal holds one \
         type; part the file (`dbn --split`), or say which type to take"
    )]
    OtherRecord {
        /// Which record, from 1.
        record: u64,
        /// Its type.
        found: u8,
        /// Its size.
        found_bytes: usize,
        /// What the schema is of.
        wanted: String,
    },
    /// What the crate for Parquet says.
    #[error("read Parquet: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// What the crate for Arrow says.
    #[error("read Arrow: {0}")]
    Arrow(#[from] arrow_schema::ArrowError),
    /// What the crate for Avro says.
    #[error("read Avro: {0}")]
    Avro(#[from] arrow_avro::errors::AvroError),
    /// What SQLite says.
    #[error("read SQLite: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// What the crate for DBN says.
    #[error("read DBN: {0}")]
    Dbn(#[from] dbn::Error),
}

/// Why a row of a file is no event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RowFault {
    /// A value that is none of the field.
    #[error("{0}")]
    Field(#[from] FieldFault),
    /// A floating-point number that the field can't hold as it is.
    #[error(
        "{field} is the floating-point number {text}, which is not exactly a value of the field; declare the field as \
         f64, or have the file hold a decimal, an integer or text"
    )]
    Float {
        /// The field.
        field: String,
        /// The number, as it is usually written.
        text: String,
    },
    /// Bytes of another length, or that are no text.
    #[error("{field} is {bytes} bytes, and the field has {wanted}")]
    Bytes {
        /// The field.
        field: String,
        /// What the file has.
        bytes: usize,
        /// What the field has.
        wanted: usize,
    },
    /// A list of another length.
    #[error("{field} is a list of {values} values, and the field has {wanted}")]
    List {
        /// The field.
        field: String,
        /// What the file has.
        values: usize,
        /// What the field has.
        wanted: usize,
    },
    /// A journal time that no journal holds.
    #[error("_time is {0}: a journal's times are nanoseconds from 1970 on, in 64 bits")]
    Time(String),
    /// A value of a type that the field is not read from.
    #[error("{field} is {found}, and the field is {expected}")]
    Type {
        /// The field.
        field: String,
        /// What the file has.
        found: &'static str,
        /// What the field is.
        expected: &'static str,
    },
}
