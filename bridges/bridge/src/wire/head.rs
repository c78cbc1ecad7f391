//! What the headers of a message say, and how it is written.

use slipring_journal::{Anchor, JournalId};

use super::name;

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Records.
    Records,
    /// The schema of the records that follow.
    Schema,
    /// A writer of a newer epoch goes on from here.
    Epoch,
}

impl Kind {
    /// As the header has it.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Records => "records",
            Kind::Schema => "schema",
            Kind::Epoch => "epoch",
        }
    }
}

/// What a message says of itself.
///
/// ```
/// use slipring_bridge::wire::{Head, HeadError, Kind};
/// use slipring_journal::JournalId;
///
/// let head = Head {
///     kind: Kind::Records,
///     journal_id: JournalId([7; 16]),
///     branch: [0; 16],
///     epoch: 3,
///     first: 1_000,
///     count: 64,
///     crc: 0xdead_beef,
///     time_ns: 1_710_063_000_000_000_000,
///     schema: Some(1),
/// };
/// let headers = head.headers();
/// assert_eq!(Head::parse(headers.iter().map(|(name, value)| (*name, value.as_str())))?, head);
/// assert_eq!((head.end(), head.last().unwrap().sequence), (1_064, 1_063));
/// # Ok::<(), HeadError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// What the message is.
    pub kind: Kind,
    /// The journal.
    pub journal_id: JournalId,
    /// Which copy of it; zeros for the one that was made first.
    pub branch: [u8; 16],
    /// The epoch of the last record; of [`Kind::Epoch`] the new one; of [`Kind::Schema`] that of the record
    /// before, 0 if that is not known.
    pub epoch: u32,
    /// The sequence of the first record; else of the next one.
    pub first: u64,
    /// How many records; else 0.
    pub count: u32,
    /// The checksum of the last record; else of the record before, 0 if that is not known.
    pub crc: u32,
    /// Journal time in nanoseconds: of the first record; of [`Kind::Schema`] of the next one; of
    /// [`Kind::Epoch`] of the record before, 0 if there is none.
    pub time_ns: u64,
    /// The stream sequence of the schema that is in force; none of [`Kind::Schema`] itself.
    pub schema: Option<u64>,
}

/// The last record that a message tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its sequence.
    pub sequence: u64,
    /// Its epoch; `None` where the message has a newer one in its place.
    pub epoch: Option<u32>,
    /// Its checksum.
    pub crc: u32,
}

impl Place {
    /// Whether the record at this anchor is the one.
    pub fn is_of(&self, anchor: &Anchor) -> bool {
        self.sequence == anchor.sequence
            && self.crc == anchor.crc
            && self.epoch.is_none_or(|epoch| epoch == anchor.epoch)
    }
}

impl Head {
    /// The sequence behind the last record that the message tells of.
    pub fn end(&self) -> u64 {
        self.first.saturating_add(u64::from(self.count))
    }

    /// The last record that the message tells of; `None` where nobody knows it.
    pub fn last(&self) -> Option<Place> {
        let sequence = self.end().checked_sub(1)?;
        let epoch = match self.kind {
            Kind::Epoch => None,
            Kind::Schema if self.epoch == 0 => return None,
            Kind::Records | Kind::Schema => Some(self.epoch),
        };
        Some(Place { sequence, epoch, crc: self.crc })
    }

    /// Whether both are of one copy of one journal.
    pub fn is_of(&self, journal_id: JournalId, branch: [u8; 16]) -> bool {
        self.journal_id == journal_id && self.branch == branch
    }

    /// The headers, by name and value.
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = Vec::with_capacity(name::HEADERS.len());
        headers.push((name::KIND, self.kind.word().to_owned()));
        headers.push((name::JOURNAL, self.journal_id.to_string()));
        if self.branch != [0; 16] {
            headers.push((name::BRANCH, JournalId(self.branch).to_string()));
        }
        headers.push((name::EPOCH, self.epoch.to_string()));
        headers.push((name::FIRST, self.first.to_string()));
        headers.push((name::COUNT, self.count.to_string()));
        headers.push((name::CRC, format!("{:08x}", self.crc)));
        headers.push((name::TIME, self.time_ns.to_string()));
        headers.extend(self.schema.map(|at| (name::SCHEMA, at.to_string())));
        headers
    }
}
