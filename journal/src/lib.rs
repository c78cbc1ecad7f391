//! The journal of slipring: fixed-size records in preallocated, memory-mapped segment files.
//!
//! - Append at memory speed: words stored into pages that are already there, a checksum, a cursor. No system
//!   call, no allocation, no lock.
//! - Two cursors say what is safe: *journalled* records survive the death of the process, *durable* ones
//!   power loss too.
//! - Recovery that can itself be killed anywhere and run again.
//! - Seek by time, across segments and within one, by a few reads.
//!
//! The journal knows nothing of rings; the crate `slipring` puts a journal behind a ring. Start with
//! [`Journal`].
//!
//! The bytes on disk: [format]. The promises: [guarantees].
//!
//! [format]: https://github.com/slipring/slipring/blob/main/docs/reference/format.md
//! [guarantees]: https://github.com/slipring/slipring/blob/main/docs/reference/guarantees.md

#![deny(missing_docs)]

// The derive writes `::slipring_journal::..`, in this crate's own tests and docs too.
extern crate self as slipring_journal;

mod acknowledge;
mod append;
mod companions;
mod error;
mod event;
mod format;
mod judge;
mod live;
mod named;
mod open;
mod positions;
mod read;
mod retention;
mod salvage;
mod storage;
mod tools;

pub use acknowledge::refusal::Refusal;
pub use acknowledge::sender::{AcknowledgementSender, NotAcknowledged};
pub use append::raw_writer::RawWriter;
pub use append::writer::Writer;
pub use companions::hooks::SealedSegment;
pub use companions::preparer::DiskFull;
pub use companions::syncer::SyncMode;
pub use error::{
    AppendError, CorruptRecord, IoFault, JournalFault, NamedReaderError, NextTypeError, OpenError, ReadError,
    RejoinError, Stall, SyncError, TakeError,
};
pub use event::identified::Identified;
pub use event::record::{RawRecord, Record};
pub use event::{
    Change, Difference, DifferenceTable, Event, Field, Mapping, Schema, UnknownTag, Upcast, Upgrade,
};
pub use format::{
    Anchor, BLOCK_BYTES, HEADER_BYTES, JournalId, Kind, MAX_EPOCH, MAX_RECORD_BYTES, MAX_SCHEMA_BYTES,
    RECORD_HEADER_BYTES, VERSION,
};
pub use live::cursors::Cursors;
pub use named::list::{ReaderInfo, ReaderStatus};
pub use named::raw::RawNamedReader;
pub use named::raw_shared::RawSharedReader;
pub use named::start::ReaderStart;
pub use named::stored::StoredReader;
pub use named::typed::{NamedReader, SharedReader};
pub use open::journal::Journal;
pub use open::opening::promotion_epoch;
pub use open::rejoin::RejoinReport;
pub use open::replica::{Origin, Replica};
pub use open::report::RecoveryReport;
pub use open::set_aside::SetAside;
pub use read::follow::RawFollower;
pub use read::inspect::{FieldInfo, JournalInfo, SegmentInfo, inspect};
pub use read::raw::RawReader;
pub use read::raw_chunk::RawChunk;
pub use read::stored::{JournalIdentity, StoredFault, StoredRun};
pub use read::typed::{Chunk, Chunks, Reader, Unchecked};
pub use read::typed_follow::Follower;
pub use read::verify::{Status, VerifyReport, verify};
pub use read::whose::WriterState;
pub use retention::holders::{Lease, RetentionHandle};
pub use retention::options::Retention;
pub use salvage::{Loss, Lost, SalvageError, SalvageOptions, SalvageReport, salvage};
/// Derives [`Event`](trait@Event) for a plain-old-data struct or a tagged one-of enum.
pub use slipring_derive::Event;
pub use storage::{FileKind, HeldBy, NotOurs};
pub use tools::whole_calls::WholeCall;
/// What the derive writes, and what this workspace's engine, tests and benchmarks share. It changes without
/// notice.
#[doc(hidden)]
pub mod __private {
    pub use crate::acknowledge::wire as acknowledge_wire;
    pub use crate::append::batch::AppendBatch;
    pub use crate::event::private::*;
    pub use crate::event::shown::{Shown, ShownHeader};
    pub use crate::format::crc;
    #[cfg(feature = "negative-controls")]
    pub use crate::format::golden;
    pub use crate::live::progress::CursorChange;
    #[cfg(debug_assertions)]
    pub use crate::open::built_here;
    #[cfg(feature = "negative-controls")]
    pub use crate::positions::by_hand::ByHand;
    pub use crate::read::confirm::Confirmer;
    pub use crate::read::verify::verify_on;
    pub use crate::salvage::salvage_on;
    pub use crate::tools::text::{counted, per_second};
    pub use crate::tools::{prefetch, protect};

    /// Where the files of a journal lie.
    pub mod storage {
        pub use crate::storage::*;
    }
}
