//! From records to the rows of a structured array: sequence, time and epoch, then the fields that were asked
//! for.

use slipring_journal::{Kind, RawRecord};

use crate::errors::Fault;

/// Bytes of a row in front of the fields: sequence 8, journal time 8, epoch 4, zeros 4.
pub(crate) const ROW_HEADER_BYTES: usize = 24;
/// More than any row of one record takes.
const MOST_ROW_BYTES: usize = 4 << 20;

/// A run of bytes that an event and a row have in common.
#[derive(Clone, Copy, Debug)]
struct Piece {
    from: usize,
    to: usize,
    len: usize,
}

/// How a row is made of a record.
#[derive(Clone, Debug)]
pub(crate) struct RowLayout {
    pieces: Vec<Piece>,
    row_bytes: usize,
    /// How many bytes an event has at least, for all pieces to be there.
    event_bytes: usize,
}

impl RowLayout {
    /// Rows of `row_bytes`, with pieces given as their offset in the event, in the row, and their length.
    pub(crate) fn new(row_bytes: usize, pieces: Vec<(usize, usize, usize)>) -> Result<Self, Fault> {
        let wrong = |what| Err(Fault::Rows { what });
        if !(ROW_HEADER_BYTES..=MOST_ROW_BYTES).contains(&row_bytes) || row_bytes % 8 != 0 {
            return wrong("a row has 24 bytes to 4 MiB, in whole words of 8");
        }
        let mut event_bytes = 0;
        for &(from, to, len) in &pieces {
            let (Some(from_end), Some(to_end)) = (from.checked_add(len), to.checked_add(len)) else {
                return wrong("a field ends nowhere");
            };
            if to < ROW_HEADER_BYTES || to_end > row_bytes {
                return wrong("a field lies outside its row");
            }
            event_bytes = event_bytes.max(from_end);
        }
        let pieces = pieces.into_iter().map(|(from, to, len)| Piece { from, to, len }).collect();
        Ok(RowLayout { pieces, row_bytes, event_bytes })
    }

    fn words(&self) -> usize {
        self.row_bytes / 8
    }

    fn write(&self, record: &RawRecord<'_>, row: &mut [u8]) {
        row[..8].copy_from_slice(&record.sequence.to_le_bytes());
        row[8..16].copy_from_slice(&record.time_ns.to_le_bytes());
        row[16..20].copy_from_slice(&record.epoch.to_le_bytes());
        for &Piece { from, to, len } in &self.pieces {
            let (from, to) = (&record.event[from..from + len], &mut row[to..to + len]);
            // Lengths that the compiler knows take a store, others a call.
            match len {
                8 => to[..8].copy_from_slice(&from[..8]),
                4 => to[..4].copy_from_slice(&from[..4]),
                16 => to[..16].copy_from_slice(&from[..16]),
                _ => to.copy_from_slice(from),
            }
        }
    }
}

/// Rows that are being collected, in words so that they are aligned.
#[derive(Debug)]
pub(crate) struct Rows {
    layout: RowLayout,
    words: Vec<u64>,
}

impl Rows {
    /// Room for so many rows, which may be more than there are: memory that is not written takes none.
    pub(crate) fn with_room(layout: RowLayout, count: u64) -> Result<Self, Fault> {
        let bytes = u128::from(count) * layout.row_bytes as u128;
        let mut words = Vec::new();
        let wanted = usize::try_from(bytes / 8).map_err(|_| Fault::Memory { bytes })?;
        words.try_reserve_exact(wanted).map_err(|_| Fault::Memory { bytes })?;
        Ok(Rows { layout, words })
    }

    /// Takes records of one journal, at most `count`, all but the void ones.
    pub(crate) fn take<'a>(
        &mut self,
        records: impl Iterator<Item = RawRecord<'a>>,
        count: usize,
    ) -> Result<(), Fault> {
        let (row_words, before) = (self.layout.words(), self.words.len());
        let bytes = (before + count * row_words) as u128 * 8;
        self.words.try_reserve(count * row_words).map_err(|_| Fault::Memory { bytes })?;
        self.words.resize(before + count * row_words, 0);
        let rows: &mut [u8] = bytemuck::cast_slice_mut(&mut self.words[before..]);
        let mut rows = rows.chunks_exact_mut(self.layout.row_bytes);
        let mut taken = 0;
        for record in records.filter(|record| record.kind == Kind::Event) {
            if record.event.len() < self.layout.event_bytes {
                return Err(Fault::EventBytes { found: record.event.len() });
            }
            let Some(row) = rows.next() else { break };
            self.layout.write(&record, row);
            taken += 1;
        }
        self.words.truncate(before + taken * row_words);
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    pub(crate) fn into_words(self) -> Vec<u64> {
        self.words
    }
}
