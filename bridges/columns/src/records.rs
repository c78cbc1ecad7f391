//! Records on their way into a file: where their bytes are, and which of them are meant.

use slipring_journal::{RECORD_HEADER_BYTES, RawChunk};

/// What the journal knows of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// The record's sequence.
    pub sequence: u64,
    /// Journal time in nanoseconds.
    pub time_ns: u64,
    /// The epoch of its writer.
    pub epoch: u32,
}

/// Events that lie in equal steps in memory, and which of them are meant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Records<'a> {
    /// Of those that are meant, in order.
    pub(crate) keys: &'a [Key],
    bytes: &'a [u8],
    /// Bytes from one event to the next.
    step: usize,
    /// Where the first event begins.
    start: usize,
    event_bytes: usize,
    /// Which are meant, by their places; all if not said.
    rows: Option<&'a [u32]>,
}

impl<'a> Records<'a> {
    /// Events one behind the other, all of them.
    pub(crate) fn packed(keys: &'a [Key], events: &'a [u8], event_bytes: usize) -> Self {
        assert_eq!(events.len(), keys.len() * event_bytes, "bytes of events, by the table");
        Records { keys, bytes: events, step: event_bytes, start: 0, event_bytes, rows: None }
    }

    /// Records of a chunk: those of `rows`, of which `keys` are the keys.
    pub(crate) fn of_chunk(
        keys: &'a [Key],
        chunk: &RawChunk<'a>,
        rows: Option<&'a [u32]>,
        event_bytes: usize,
    ) -> Self {
        let (step, start) = (chunk.record_bytes(), RECORD_HEADER_BYTES);
        assert!(chunk.is_empty() || start + event_bytes <= step, "bytes of an event, by the table");
        Records { keys, bytes: chunk.bytes(), step, start, event_bytes, rows }
    }

    /// How many are meant.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The `index`th of those that are meant.
    pub(crate) fn event(&self, index: usize) -> &'a [u8] {
        let row = self.rows.map_or(index, |rows| rows[index] as usize);
        &self.bytes[self.start + row * self.step..][..self.event_bytes]
    }

    /// Calls `take` with the bytes at `offset` in every event that is meant: `items` times `N` bytes that lie one
    /// behind the other. Where `present` says no, they are zeros.
    #[inline(always)]
    pub(crate) fn each<const N: usize>(
        &self,
        offset: usize,
        items: usize,
        present: Option<&[bool]>,
        mut take: impl FnMut([u8; N]),
    ) {
        if let (None, None, 1) = (self.rows, present, items) {
            let at = self.start + offset;
            for index in 0..self.len() {
                take(fixed(&self.bytes[at + index * self.step..]));
            }
            return;
        }
        for index in 0..self.len() {
            if present.is_some_and(|present| !present[index]) {
                (0..items).for_each(|_| take([0; N]));
                continue;
            }
            let event = self.event(index);
            for item in 0..items {
                take(fixed(&event[offset + item * N..]));
            }
        }
    }

    /// As [`Records::each`], for items whose size is known only now; `None` where they are not there.
    pub(crate) fn each_slice(
        &self,
        offset: usize,
        items: usize,
        bytes: usize,
        present: Option<&[bool]>,
        mut take: impl FnMut(usize, Option<&'a [u8]>),
    ) {
        for index in 0..self.len() {
            let event = self.event(index);
            let is_there = present.is_none_or(|present| present[index]);
            for item in 0..items {
                take(index, is_there.then(|| &event[offset + item * bytes..][..bytes]));
            }
        }
    }
}

#[inline(always)]
fn fixed<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[..N]);
    out
}
