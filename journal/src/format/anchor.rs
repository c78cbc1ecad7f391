//! A saved position that can tell when the log no longer agrees with it.

use std::fmt;

use crate::format::{Bond, JournalId};

/// A position in a journal's history: not only where, but what lay there.
///
/// After power loss the log may be shorter and go on differently. A sequence alone would then point at
/// another record; an anchor is refused.
///
/// See the example of [`Follower`](crate::Follower).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
pub struct Anchor {
    /// The journal.
    pub journal_id: JournalId,
    /// The record's sequence.
    pub sequence: u64,
    /// The record's epoch.
    pub epoch: u32,
    /// The record's checksum.
    pub crc: u32,
}

impl Anchor {
    /// Of the record of that sequence.
    pub(crate) fn at(journal_id: JournalId, sequence: u64, record: Bond) -> Self {
        Anchor { journal_id, sequence, epoch: record.epoch, crc: record.crc }
    }

    /// The record, where its place is known.
    pub(crate) fn bond(&self) -> Bond {
        Bond { epoch: self.epoch, crc: self.crc }
    }
}

impl fmt::Display for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Anchor { journal_id, sequence, epoch, crc } = self;
        write!(f, "sequence {sequence} of journal {journal_id} (epoch {epoch}, checksum {crc:#010x})")
    }
}
