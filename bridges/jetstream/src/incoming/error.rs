//! Why a stream can't be followed, or not just now.

use slipring_bridge::wire::{HeadError, PayloadError, Place};
use slipring_journal::{Anchor, JournalId};

/// Why a stream can't be followed.
///
/// [`InError::is_passing`] says whether it may go by itself. All others stay: what is in the stream does not
/// change.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InError {
    /// The server does not answer, or says that it can't just now.
    #[error("{doing}: {source}")]
    Server {
        /// What was asked of it.
        doing: &'static str,
        /// What it said, or that it said nothing.
        source: async_nats::Error,
    },
    /// There is no such stream.
    #[error(
        "the server has no stream {stream:?}: is it the right server, account and \
         name? slipring-bridge out makes it"
    )]
    NoStream {
        /// Its name.
        stream: String,
    },
    /// The stream holds more than one subject, and nobody said which.
    #[error("the stream has subjects {}: say which is the journal's (--subject)", subjects.join(", "))]
    WhichSubject {
        /// Those that it has.
        subjects: Vec<String>,
    },
    /// A message is none of slipring.
    #[error("message {at} of the stream: {source}; something else publishes on this subject")]
    NotOurs {
        /// Its place in the stream.
        at: u64,
        /// What is wrong with it.
        source: HeadError,
    },
    /// What a message carries is not what it says.
    #[error("message {at} of the stream: {source}; it was changed on its way, or made by something else")]
    Damaged {
        /// Its place in the stream.
        at: u64,
        /// What is wrong with it.
        source: PayloadError,
    },
    /// A message is of another journal, or another copy of it.
    #[error(
        "message {at} of the stream is of journal {found}{}, not of {wanted}{}: one stream is of one journal",
        of_branch(found_branch),
        of_branch(wanted_branch)
    )]
    OtherJournal {
        /// Its place in the stream.
        at: u64,
        /// The journal that is followed.
        wanted: JournalId,
        /// Which copy of it.
        wanted_branch: [u8; 16],
        /// The message's.
        found: JournalId,
        /// Which copy of it.
        found_branch: [u8; 16],
    },
    /// Records are missing in the stream.
    #[error(
        "message {at} of the stream goes on with record {found}, where {wanted} comes next: records \
         are missing in the stream"
    )]
    Gap {
        /// The message's place in the stream.
        at: u64,
        /// The record that comes next.
        wanted: u64,
        /// The first that the message has.
        found: u64,
    },
    /// Records come a second time.
    #[error(
        "message {at} of the stream goes back to record {found}, where {wanted} comes next: two \
         writers have published on this subject without the bridge's fence"
    )]
    Doubled {
        /// The message's place in the stream.
        at: u64,
        /// The record that comes next.
        wanted: u64,
        /// The first that the message has.
        found: u64,
    },
    /// An epoch, or a journal time, is lower than one before it.
    #[error(
        "message {at} of the stream: {what} goes back at record {sequence}: another history begins there"
    )]
    Back {
        /// The message's place in the stream.
        at: u64,
        /// Which of them.
        what: &'static str,
        /// The record.
        sequence: u64,
    },
    /// What is wanted was in the stream and has been removed, by its limits or by hand.
    #[error(
        "record {wanted} is not in the stream any more, which begins with {first}: its limits or a purge have \
         taken it; take those records from elsewhere, or begin anew at {first}"
    )]
    Purged {
        /// The record that is wanted.
        wanted: u64,
        /// The first that the stream has.
        first: u64,
    },
    /// The stream ends before what was read of it already.
    #[error(
        "the stream ends before record {end}, and all below {wanted} was taken from it: it was made anew, \
         or has lost what it had acknowledged"
    )]
    Shorter {
        /// The sequence behind the last record taken.
        wanted: u64,
        /// The sequence behind the last record in the stream.
        end: u64,
    },
    /// The record before is another in the stream than here.
    #[error(
        "record {} is of epoch {} and checksum {:08x} in the stream, and {here} here: the histories \
         have parted before it",
        stream.sequence, stream.epoch.unwrap_or(0), stream.crc
    )]
    HistoryDiffers {
        /// The last record here.
        here: Anchor,
        /// What the stream has in its place.
        stream: Place,
    },
    /// The schema of records is gone from the stream.
    #[error(
        "the records of message {at} are of the schema in message {schema}, which is not in the stream any \
         more: begin at a later record; a schema is sent again now and then"
    )]
    SchemaLost {
        /// The place of the records in the stream.
        at: u64,
        /// The place of the schema.
        schema: u64,
    },
}

impl InError {
    /// Whether it may go by itself: then it is tried again.
    pub fn is_passing(&self) -> bool {
        matches!(self, InError::Server { .. })
    }

    /// The server did not do that.
    pub(crate) fn server(doing: &'static str) -> impl FnOnce(async_nats::Error) -> Self {
        move |source| InError::Server { doing, source }
    }
}

fn of_branch(branch: &[u8; 16]) -> String {
    match branch {
        [0, ..] if *branch == [0; 16] => String::new(),
        branch => format!(" (copy {})", JournalId(*branch)),
    }
}
