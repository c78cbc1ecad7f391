//! The Databento Binary Encoding (DBN), versions 1 to 3, compressed or not.
//!
//! An event is a record as it lies in the file, byte for byte, so that a file that was recorded is given back
//! as it was: the fields are those of the record, named as Databento's own CSV, Parquet and data frames name
//! them (`ts_event`, `bid_px_00`). Prices are decimals of nine digits, times are times, letters are text.
//!
//! - The journal time is `ts_recv`, or `ts_event` in records without one: what DBN sorts by.
//! - What the file says about itself (dataset, symbols, their mappings) is kept in the schema, as the event's
//!   attribute `dbn`. Mappings that are too many for a schema are left out, and [`DbnSource::notices`] says
//!   so.
//! - A journal holds one type of record. Of a file with several, one is asked for by its name.
//! - The first byte of a record, its length, and its reserved bytes are no fields. A journal keeps them as
//!   they were; in events that come from elsewhere they are zeros, and [`DbnSink`] writes the length.

mod definitions;
mod metadata;
mod records;
mod row;
mod sink;
mod source;
mod types;

pub use sink::DbnSink;
pub use source::DbnSource;

/// The event's attribute with the file's metadata.
pub(crate) const METADATA_ATTRIBUTE: &str = "dbn";
/// Where a record's type lies.
pub(crate) const RTYPE_AT: usize = 1;
/// A record's length counts these.
pub(crate) const LENGTH_STEP: usize = 4;
/// Bytes of a record's header.
pub(crate) const RECORD_HEAD_BYTES: usize = 16;
