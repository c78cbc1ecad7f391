//! Whether what lies at the other end is this journal's, and where to go on behind it.

use slipring_journal::{Anchor, Journal, JournalFault, JournalId, ReadError};

use crate::wire::Head;

/// What the other end has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamEnd {
    /// Nothing, and it never had anything.
    New,
    /// Nothing any more: what it had has gone.
    Emptied,
    /// This message came last.
    Last(Head),
}

/// Where to go on in the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GoOn {
    /// The sequence of the next record.
    pub sequence: u64,
    /// The record before it, if the journal still has that.
    pub behind: Option<Anchor>,
}

/// Why the other end can't be gone on with.
///
/// See the example of [`Judge`].
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum HistoryError {
    /// The journal can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It is another journal's.
    #[error("the stream is of journal {found}, and this is {own}: give this one a stream of its own")]
    OtherJournal {
        /// Whose it is.
        found: JournalId,
        /// The one that is here.
        own: JournalId,
    },
    /// It is another copy's of the journal.
    #[error(
        "the stream is of {}, and this is {}: both were one journal once, and have gone on apart; give this one a \
         stream of its own",
        copy(found),
        copy(own)
    )]
    OtherBranch {
        /// Whose it is.
        found: [u8; 16],
        /// The one that is here.
        own: [u8; 16],
    },
    /// A writer of a newer epoch goes on there.
    #[error(
        "fenced: the stream goes on in epoch {epoch}, and this journal is in {own}: another was promoted in its place; \
         nothing more of this one gets there: end its program, and let it rejoin (slipring-bridge rejoin)"
    )]
    Fenced {
        /// The stream's epoch.
        epoch: u32,
        /// The journal's.
        own: u32,
    },
    /// The journal ends before the stream does.
    #[error(
        "the stream has records up to {stream_end}, and the journal ends at {journal_end}: power loss took its tail, or \
         an older copy was put back; take the records back from the stream before the program goes on (slipring-bridge \
         recover), or give this journal a stream of its own"
    )]
    JournalShorter {
        /// The sequence behind the stream's last record.
        stream_end: u64,
        /// The sequence behind the journal's.
        journal_end: u64,
    },
    /// Another record lies at that place in the journal.
    #[error(
        "the history differs: the stream's last record is {sequence} of checksum {stream:08x}, and the journal's is of \
         {journal:08x} there: both were one once, and have gone on apart; give this journal a stream of its own"
    )]
    Differs {
        /// The record's sequence.
        sequence: u64,
        /// Its checksum in the stream.
        stream: u32,
        /// Its checksum in the journal.
        journal: u32,
    },
    /// Retention has taken the record by which it could be told.
    #[error(
        "the stream ends at {stream_end}, and the journal begins at {first}: retention has taken what lies between, and \
         the stream would have a gap; begin a new stream, and let a named reader hold what is not out yet"
    )]
    Gone {
        /// The sequence behind the stream's last record.
        stream_end: u64,
        /// The first sequence that is kept.
        first: u64,
    },
    /// The stream has less than it has acknowledged.
    #[error(
        "the stream ends at {stream_end}, and has acknowledged records up to {acknowledged}: it has lost some, or is \
         another; if it is to have them again, set the reader back (slipring readers JOURNAL set NAME --to-sequence \
         {stream_end})"
    )]
    StreamShorter {
        /// The sequence behind the stream's last record.
        stream_end: u64,
        /// Up to where records were acknowledged.
        acknowledged: u64,
    },
    /// Nothing in the stream says where it ended.
    #[error(
        "the stream holds no message, and the named reader stands at {position}: nothing there says whether all before \
         was sent and nothing behind; say so if you know it (--trust-position), or begin a new stream and set the \
         reader back"
    )]
    NothingToGoBy {
        /// The reader's position.
        position: u64,
    },
}

impl HistoryError {
    /// Whether another writer's records are there, or others than this one sent.
    pub fn is_other_history(&self) -> bool {
        !matches!(self, HistoryError::Read(_) | HistoryError::NothingToGoBy { .. })
    }

    /// Whether it is the journal that is damaged.
    pub fn is_damage(&self) -> bool {
        matches!(self, HistoryError::Read(ReadError::Journal(fault)) if JournalFault::is_damage(fault))
    }
}

fn copy(branch: &[u8; 16]) -> String {
    match branch {
        [0, ..] if *branch == [0; 16] => "the copy that was made first".to_owned(),
        branch => format!("the copy {}", JournalId(*branch)),
    }
}

/// Looks whether what the other end has is this journal's.
///
/// ```
/// use slipring_bridge::history::{HistoryError, Judge, StreamEnd};
/// use slipring_bridge::wire::{Head, Kind};
/// # use slipring_journal::{Event, Journal};
/// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Tick { price: u64 }
/// # let folder = tempfile::tempdir()?;
/// # let journal = Journal::at(folder.path());
/// # let (mut writer, _) = journal.open::<Tick>()?;
/// # (0..3).try_for_each(|n| writer.append(n, &Tick { price: n }).map(drop))?;
/// # writer.close()?;
/// let (id, last) = (journal.raw_reader()?.journal_id(), journal.raw_reader()?.anchor(1)?);
/// let judge = Judge::new(journal, 0, None);
/// let (kind, crc, epoch) = (Kind::Records, last.crc, last.epoch);
/// let (branch, time_ns, schema) = ([0; 16], 0, Some(1));
/// let head = Head { kind, journal_id: id, branch, epoch, first: 0, count: 2, crc, time_ns, schema };
/// assert_eq!(judge.go_on(StreamEnd::Last(head), 0, false)?.sequence, 2);
/// let fenced = judge.go_on(StreamEnd::Last(Head { epoch: 9, ..head }), 0, false);
/// assert!(matches!(fenced, Err(HistoryError::Fenced { epoch: 9, own: 1 })));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Judge {
    journal: Journal,
    position: u64,
    position_anchor: Option<Anchor>,
}

impl Judge {
    /// Of a journal whose named reader stands at `position`, behind that record if it is known.
    pub fn new(journal: Journal, position: u64, position_anchor: Option<Anchor>) -> Self {
        Judge { journal, position, position_anchor }
    }

    /// Where the journal goes on behind what the other end has, which must be at least `acknowledged`. The
    /// other end may be empty if the reader stands at the journal's beginning, or `trust_position`.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub fn go_on(
        &self,
        stream: StreamEnd,
        acknowledged: u64,
        trust_position: bool,
    ) -> Result<GoOn, HistoryError> {
        let position = self.position.max(acknowledged);
        let head = match stream {
            StreamEnd::Last(head) => head,
            StreamEnd::New if position == 0 || trust_position => return Ok(self.at(position)),
            StreamEnd::Emptied if trust_position => return Ok(self.at(position)),
            StreamEnd::New | StreamEnd::Emptied => return Err(HistoryError::NothingToGoBy { position }),
        };
        let mut reader = self.journal.raw_reader()?;
        let identity = reader.identity();
        if head.journal_id != identity.journal_id {
            return Err(HistoryError::OtherJournal { found: head.journal_id, own: identity.journal_id });
        }
        if head.branch != identity.branch {
            return Err(HistoryError::OtherBranch { found: head.branch, own: identity.branch });
        }
        if head.epoch > identity.epoch {
            return Err(HistoryError::Fenced { epoch: head.epoch, own: identity.epoch });
        }
        let (stream_end, first, journal_end) = (head.end(), reader.first_sequence(), reader.end_sequence());
        if stream_end > journal_end {
            return Err(HistoryError::JournalShorter { stream_end, journal_end });
        }
        if stream_end < position {
            return Err(HistoryError::StreamShorter { stream_end, acknowledged: position });
        }
        let here = match stream_end.checked_sub(1) {
            Some(sequence) if sequence >= first => Some(reader.anchor(sequence)?),
            _ => self.position_anchor.filter(|anchor| anchor.sequence + 1 == stream_end),
        };
        if let (Some(there), Some(here)) = (head.last(), here)
            && !there.is_of(&here)
        {
            let (sequence, stream, journal) = (there.sequence, there.crc, here.crc);
            return Err(HistoryError::Differs { sequence, stream, journal });
        }
        // What nobody can compare is taken only where the journal goes on without a gap.
        if stream_end < first || here.is_none() && head.last().is_some() {
            return Err(HistoryError::Gone { stream_end, first });
        }
        Ok(GoOn { sequence: stream_end, behind: here })
    }

    fn at(&self, position: u64) -> GoOn {
        let behind = self.position_anchor.filter(|anchor| anchor.sequence + 1 == position);
        GoOn { sequence: position, behind }
    }
}
