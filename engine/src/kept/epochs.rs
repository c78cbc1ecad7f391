//! Which life journalled which sequence. Epochs never decrease along sequences, so a list of where they
//! change says it all, and binary search finds them.

use slipring_journal::{RawReader, ReadError};

/// The epochs of the sequences from a replay's start on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Epochs {
    /// First sequences and the epoch from there on, rising.
    changes: Vec<(u64, u32)>,
}

impl Epochs {
    /// Those of the records in `[from, end)`, behind which nothing comes.
    pub(crate) fn of(reader: &mut RawReader, from: u64, end: u64) -> Result<Self, ReadError> {
        let mut changes = Vec::new();
        let mut at = from;
        while at < end {
            let epoch = reader.anchor(at)?.epoch;
            changes.push((at, epoch));
            at = first_above(reader, at, end, epoch)?;
        }
        Ok(Epochs { changes })
    }

    /// Those of the records in `[from, end)`, then `live_epoch`.
    pub(crate) fn find(
        reader: &mut RawReader,
        from: u64,
        end: u64,
        live_epoch: u32,
    ) -> Result<Self, ReadError> {
        let mut epochs = Self::of(reader, from, end)?;
        epochs.changes.push((end, live_epoch));
        Ok(epochs)
    }

    /// Adds one that begins at `from`, behind all that are known.
    pub(crate) fn add(&mut self, from: u64, epoch: u32) {
        debug_assert!(self.changes.last().is_none_or(|(last, _)| *last <= from));
        self.changes.push((from, epoch));
    }

    /// The last of them; 0 if there is none.
    pub(crate) fn last(&self) -> u32 {
        self.changes.last().map_or(0, |(_, epoch)| *epoch)
    }

    /// Without a journal there is one life.
    pub(crate) fn none() -> Self {
        Epochs { changes: vec![(0, 0)] }
    }

    /// The epoch at a sequence, and the next sequence where it changes.
    pub(crate) fn at(&self, sequence: u64) -> (u32, u64) {
        let next = self.changes.partition_point(|(first, _)| *first <= sequence);
        let epoch = next.checked_sub(1).map_or(0, |at| self.changes[at].1);
        (epoch, self.changes.get(next).map_or(u64::MAX, |(first, _)| *first))
    }
}

/// The first sequence in `[from, end)` whose epoch is above `epoch`; `end` if there is none.
pub(crate) fn first_above(reader: &mut RawReader, from: u64, end: u64, epoch: u32) -> Result<u64, ReadError> {
    let (mut low, mut high) = (from, end);
    while low < high {
        let middle = low + (high - low) / 2;
        if reader.anchor(middle)?.epoch > epoch { high = middle } else { low = middle + 1 }
    }
    Ok(low)
}

/// Whether the log's record at `sequence` is of this epoch. What retention has removed is believed.
pub(crate) fn is_of(reader: &mut RawReader, sequence: u64, epoch: u32) -> Result<bool, ReadError> {
    if sequence < reader.first_sequence() {
        return Ok(true);
    }
    Ok(sequence < reader.end_sequence() && reader.anchor(sequence)?.epoch == epoch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_epoch_at_a_sequence_and_its_next_change() {
        let epochs = Epochs { changes: vec![(10, 3), (14, 5), (20, 6)] };
        assert_eq!(epochs.at(10), (3, 14));
        assert_eq!(epochs.at(13), (3, 14));
        assert_eq!(epochs.at(14), (5, 20));
        assert_eq!(epochs.at(99), (6, u64::MAX));
        assert_eq!(Epochs::none().at(7), (0, u64::MAX));
    }
}
