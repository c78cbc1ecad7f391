//! What the events of a slipring journal mean, for whoever knows their schema only when it runs: typed
//! columns over bytes, text in and out.
//!
//! - [`Table`]: an event type as columns, made from the [`Schema`](slipring_journal::Schema) in a segment's
//!   header.
//! - [`Value`]: what a column holds in one event; prints itself for CSV, for JSON and for people.
//! - [`Column::parse`]: text into the event's bytes, exactly or not at all.
//! - [`Column::quick`]: the same for the forms that nearly all values have, by the million.
//!
//! Integers, decimals and times never pass through a floating-point number.
//!
//! ```
//! use slipring_journal::Schema;
//! use slipring_schema::{ParseOptions, Table};
//!
//! let schema = Schema::from_text("Order 16\tts\nts u64 0 8\ttime=ns\nprice i64 8 8\tdecimal=2\n").unwrap();
//! let table = Table::new(&schema);
//! let mut event = vec![0; table.event_bytes];
//! let options = ParseOptions::default();
//! table.columns[0].parse("2024-03-10T09:30:00.000000001Z", &mut event, &options)?;
//! table.columns[1].parse("101.25", &mut event, &options)?;
//! assert_eq!(table.columns[1].value(&event).to_string(), "101.25");
//! assert_eq!(table.columns[0].value(&event).to_string(), "2024-03-10T09:30:00.000000001Z");
//! # Ok::<(), slipring_schema::FieldFault>(())
//! ```

#![deny(missing_docs)]

pub mod codegen;
mod fault;
pub mod file;
pub mod infer;
mod kind;
mod number;
mod parse;
mod predicate;
mod print;
pub mod quick;
mod row;
mod table;
mod time_text;
mod times;
mod tree;
mod value;

pub use fault::FieldFault;
pub use kind::{EnumNames, Integer, Kind, TimeUnit};
pub use parse::{ParseOptions, Parsed};
pub use predicate::{Predicate, PredicateError, PredicateFault};
pub use print::csv_text;
pub use row::Row;
pub use table::{Column, EPOCH, SEQUENCE, TIME, Table, VARIANT, Variant};
pub use time_text::{TimeFault, parse_nanos, show_nanos};
pub use times::{TimeArgument, TimeError, parse_date};
pub use value::{ArrayValue, Value};
