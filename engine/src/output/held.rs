//! What the other journal of an output holds, to be compared with what replay puts out again.
//!
//! A count alone can't tell a history that was cut short and went on another way from the one that the other
//! journal has seen: the first would have its events taken for those that are there.

use slipring_journal::__private::storage::Files;
use slipring_journal::{Event, Kind, ReadError, Reader};

/// The other journal's records, read in order.
#[derive(Debug)]
pub(crate) struct OtherJournal<E: Event> {
    reader: Reader<E>,
    /// Number of the first event in the buffer.
    first: u64,
    /// Time and event of each of a chunk; `None` for a void record.
    buffer: Vec<Option<(u64, E)>>,
}

impl<E: Event> OtherJournal<E> {
    pub(crate) fn open(journal: &Files) -> Result<Self, ReadError> {
        Ok(OtherJournal { reader: Reader::open_to(journal.clone(), None)?, first: 0, buffer: Vec::new() })
    }

    /// Whether record `number` is this event at this time. What retention has removed is taken on trust, and
    /// so is what a record of an older type says nothing of: a default stands there.
    pub(crate) fn is(&mut self, number: u64, time_ns: u64, event: &E) -> Result<bool, ReadError> {
        if number < self.reader.first_sequence() {
            return Ok(true);
        }
        let is_there = number.checked_sub(self.first).is_some_and(|at| at < self.buffer.len() as u64);
        if !is_there {
            self.fill(number)?;
        }
        let held = match self.buffer.get((number - self.first) as usize) {
            Some(Some((time, held))) if *time == time_ns => bytemuck::bytes_of(held),
            _ => return Ok(false),
        };
        let event = bytemuck::bytes_of(event);
        if held == event {
            return Ok(true);
        }
        let told = self.reader.as_raw().told_at(number)?;
        Ok(told.iter().zip(held).zip(event).all(|((told, held), event)| (held ^ event) & told == 0))
    }

    #[cold]
    fn fill(&mut self, from: u64) -> Result<(), ReadError> {
        self.buffer.clear();
        self.first = from;
        if let Some(chunk) = self.reader.chunks(from)?.next_chunk()? {
            self.buffer.extend(
                chunk.records.iter().map(|record| {
                    (record.kind() == Kind::Event).then(|| (record.time_ns(), *record.event()))
                }),
            );
        }
        Ok(())
    }
}
