//! Tests of records, written by people: `price >= 100 and side == buy`.
//!
//! ```text
//!  text --parse--> syntax --lower--> typed tests, `not` drawn into them --steps--> what runs a record
//! ```
//!
//! - `parse`, `operand`: the grammar.
//! - `field`, `literal`, `pair`, `place`: what the names are in the schema, and the literals in a field's
//!   storage.
//! - `run`: a record through the steps, without allocation.
//! - `exact`, `like`: comparisons that are more than one of integers.
//!
//! The grammar and its rules for people: `docs/reference/where.md`.

mod error;
mod exact;
mod field;
mod like;
mod literal;
mod lower;
mod operand;
mod pair;
mod parse;
mod place;
mod run;
mod steps;
mod syntax;

pub use error::{PredicateError, PredicateFault};

use crate::row::Row;
use crate::table::Table;
use lower::Against;
use run::Step;

/// A test of records, typed against a schema and compiled.
///
/// Whole numbers, decimals and times compare exactly, whatever the literal; nothing becomes a floating-point
/// number. A comparison with a field that the event does not have, for it is of another variant, is neither
/// true nor false, and neither is its `not`; a record passes if the whole is true.
///
/// ```
/// use slipring_journal::Schema;
/// use slipring_schema::{Predicate, Row, Table};
///
/// let schema = "Order 16\nprice i64 0 8\tdecimal=2\nside u8 8 1\tenum=buy:1,sell:2\n_pad [u8;7] 9 7\n";
/// let table = Table::new(&Schema::from_text(schema).unwrap());
/// let predicate = Predicate::parse("price >= 101.255 and side == buy", &table)?;
///
/// let mut event = [0; 16];
/// event[..8].copy_from_slice(&10_126_i64.to_le_bytes());
/// event[8] = 1;
/// assert!(predicate.matches(&Row { sequence: 0, time_ns: 0, epoch: 1, event: &event }));
/// # Ok::<(), slipring_schema::PredicateError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Predicate {
    steps: Box<[Step]>,
    start: u32,
    event_bytes: usize,
}

impl Predicate {
    /// A predicate on the events of a table. A time of day (`'09:30'`) is refused: see
    /// [`Predicate::parse_from`].
    ///
    /// # Errors
    /// What is wrong, and where in the text.
    pub fn parse(text: &str, table: &Table) -> Result<Self, PredicateError> {
        Predicate::compile(text, Against { table, first_ns: None })
    }

    /// A predicate on the records of a journal whose first one is at `first_ns` (nanoseconds since 1970):
    /// times of day are of its day, UTC.
    ///
    /// # Errors
    /// What is wrong, and where in the text.
    pub fn parse_from(text: &str, table: &Table, first_ns: u64) -> Result<Self, PredicateError> {
        Predicate::compile(text, Against { table, first_ns: Some(first_ns) })
    }

    fn compile(text: &str, against: Against<'_>) -> Result<Self, PredicateError> {
        let compiled = parse::parse(text).and_then(|node| against.lower(&node, false));
        let (steps, start) = steps::of(&compiled.map_err(|misread| misread.in_text(text))?);
        Ok(Predicate { steps, start, event_bytes: against.table.event_bytes })
    }

    /// Whether the record passes. An event that is shorter than the schema says does not.
    #[inline]
    pub fn matches(&self, record: &Row<'_>) -> bool {
        record.event.len() >= self.event_bytes && run::run(&self.steps, self.start, record)
    }
}
