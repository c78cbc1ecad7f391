//! From records to the rows of a structured array: sequence, time and epoch, then the fields that were asked
//! for.

use slipring_journal::{Kind, RawRecord};

use crate::errors::Fault;

/// Bytes of a row in front of the fields: sequence 8, journal time 8, epoch 4, zeros 4.
pub(crate) const ROW_HEADER_BYTES: usize = 24;
/// Rows that are filled at a time: they stay in the first-level cache meanwhile.
const BLOCK_ROWS: usize = 128;
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

    /// Bytes from one row to the next.
    pub(crate) fn row_bytes(&self) -> usize {
        self.row_bytes
    }

    /// Writes records of one journal, all but the void ones, into rows that are zero; how many rows that
    /// were. There must be a row for each record.
    pub(crate) fn fill<'a>(
        &self,
        records: impl Iterator<Item = RawRecord<'a>>,
        rows: &mut [u8],
    ) -> Result<usize, Fault> {
        let (mut block, mut taken) = (Vec::with_capacity(BLOCK_ROWS), 0);
        let mut free = rows;
        for record in records.filter(|record| record.kind == Kind::Event) {
            if record.event.len() < self.event_bytes {
                return Err(Fault::EventBytes { found: record.event.len() });
            }
            let Some(row) =
                free.get_mut(block.len() * self.row_bytes..).filter(|row| row.len() >= self.row_bytes)
            else {
                return Err(Fault::Rows { what: "there are more records than rows" });
            };
            row[..8].copy_from_slice(&record.sequence.to_le_bytes());
            row[8..16].copy_from_slice(&record.time_ns.to_le_bytes());
            row[16..20].copy_from_slice(&record.epoch.to_le_bytes());
            block.push(record.event);
            if block.len() == BLOCK_ROWS {
                free = self.copy(&block, free);
                taken += block.len();
                block.clear();
            }
        }
        self.copy(&block, free);
        Ok(taken + block.len())
    }

    /// Copies the fields of a block of events, a field at a time; gives the rows behind it.
    fn copy<'r>(&self, events: &[&[u8]], rows: &'r mut [u8]) -> &'r mut [u8] {
        let (mine, rest) = rows.split_at_mut(events.len() * self.row_bytes);
        for &piece in &self.pieces {
            let rows = mine.chunks_exact_mut(self.row_bytes);
            // Lengths that the compiler knows take a few moves, others a call.
            match piece.len {
                1 => copy_piece::<1>(piece, events, rows),
                2 => copy_piece::<2>(piece, events, rows),
                4 => copy_piece::<4>(piece, events, rows),
                8 => copy_piece::<8>(piece, events, rows),
                16 => copy_piece::<16>(piece, events, rows),
                24 => copy_piece::<24>(piece, events, rows),
                32 => copy_piece::<32>(piece, events, rows),
                40 => copy_piece::<40>(piece, events, rows),
                48 => copy_piece::<48>(piece, events, rows),
                64 => copy_piece::<64>(piece, events, rows),
                len => {
                    for (event, row) in events.iter().zip(rows) {
                        row[piece.to..][..len].copy_from_slice(&event[piece.from..][..len]);
                    }
                }
            }
        }
        rest
    }
}

fn copy_piece<'r, const LEN: usize>(
    piece: Piece,
    events: &[&[u8]],
    rows: impl Iterator<Item = &'r mut [u8]>,
) {
    for (event, row) in events.iter().zip(rows) {
        row[piece.to..][..LEN].copy_from_slice(&event[piece.from..][..LEN]);
    }
}
