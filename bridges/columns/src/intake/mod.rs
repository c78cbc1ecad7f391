//! What is in files, into the bytes of events: exactly, or not at all.
//!
//! - Integers, decimals and times are never taken through a floating-point number.
//! - A floating-point number goes into another field than `f32` and `f64` only if it is exactly a value of
//!   it: 2.5 into a decimal, 1710063000.5 seconds into a time; not 0.1, which no such number is.
//! - A time without a zone is UTC. A number in a column of times counts the field's input unit.
//! - Text goes into any field as it would from a cell of CSV.

pub(crate) mod bulk;
pub(crate) mod cell;
pub(crate) mod infer;
pub(crate) mod leaf;
pub(crate) mod store;
pub(crate) mod target;

use std::collections::BTreeMap;

use slipring_schema::Parsed;

use crate::error::RowFault;

/// Events read from a file, a batch at a time.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// The events, one behind the other; padding is zero. Those of rows with a fault are of no use.
    pub events: Vec<u8>,
    /// Their journal times in nanoseconds, where the file has a column `_time`.
    pub times: Vec<Option<u64>>,
    /// Rows that are no events, by their places in this batch: what is wrong first.
    pub faults: BTreeMap<usize, RowFault>,
    /// Rows in which values were made to fit.
    pub parsed: BTreeMap<usize, Parsed>,
    /// How many rows of the file come before these.
    pub first_row: u64,
}

impl Rows {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// Makes room for so many events of zeros.
    pub(crate) fn reset(&mut self, first_row: u64, rows: usize, event_bytes: usize) {
        self.events.clear();
        self.events.resize(rows * event_bytes, 0);
        self.times.clear();
        self.times.resize(rows, None);
        self.faults.clear();
        self.parsed.clear();
        self.first_row = first_row;
    }
}
