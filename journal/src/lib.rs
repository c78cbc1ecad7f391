//! The journal of slipring: fixed-size records in preallocated, memory-mapped segment files.
//!
//! - Append at memory speed: words stored into pages that are already there, a checksum, a cursor. No system
//!   call, no allocation, no lock.
//! - Three levels of safety, which are cursors: *journalled* records survive the death of the process, *durable*
//!   ones power loss.
//! - Recovery that can itself be killed anywhere and run again.
//! - Seek by time, across segments and within one, by a few reads.
//!
//! The journal knows nothing of rings; `slipring` puts it behind one. The format is in `docs/reference/format.md`, the
//! promises are in `docs/reference/guarantees.md`.
//!
//! Start with [`Journal`].

#![deny(missing_docs)]

// The derive writes `::slipring_journal::..`, in this crate's own tests and docs too.
extern crate self as slipring_journal;

mod ahead;
mod anchor;
mod append_batch;
mod behind;
mod bonds;
mod chain;
mod control;
#[doc(hidden)]
pub mod crc;
mod discarded;
mod error;
mod event;
mod follow;
mod format;
mod hooks;
mod inspect;
mod journal;
mod judge;
mod pace;
#[doc(hidden)]
pub mod prefetch;
mod prepare;
mod progress;
#[doc(hidden)]
pub mod protect;
mod reader;
mod record;
mod recovery;
mod report;
mod retention;
mod room;
mod salvage;
mod scan;
mod segments;
#[doc(hidden)]
pub mod storage;
mod syncer;
mod threads;
mod verify;
mod writer;

pub use anchor::Anchor;
#[doc(hidden)]
pub use append_batch::AppendBatch;
pub use error::{
    AppendError, CorruptRecord, IoFault, JournalFault, OpenError, ReadError, SalvageError, Stall, SyncError,
};
pub use event::{Event, Field, Schema, UnknownTag};
pub use follow::Follower;
#[cfg(feature = "negative-controls")]
#[doc(hidden)]
pub use format::golden;
pub use format::{
    BLOCK_BYTES, HEADER_BYTES, JournalId, Kind, MAX_EPOCH, MAX_RECORD_BYTES, MAX_SCHEMA_BYTES,
    RECORD_HEADER_BYTES, VERSION,
};
pub use hooks::SealedSegment;
pub use inspect::{JournalInfo, SegmentInfo, inspect};
pub use journal::Journal;
pub use prepare::DiskFull;
#[doc(hidden)]
pub use progress::Change;
pub use progress::Cursors;
pub use reader::{Chunk, Chunks, RawReader, Reader, Unchecked};
pub use record::{RawRecord, Record};
pub use report::RecoveryReport;
pub use retention::{Lease, Retention, RetentionHandle};
#[doc(hidden)]
pub use salvage::salvage_on;
pub use salvage::{Loss, Lost, SalvageOptions, SalvageReport, salvage};
/// Derives [`Event`](trait@Event) for a plain-old-data struct or a tagged one-of enum.
pub use slipring_derive::Event;
pub use storage::{FileKind, NotOurs};
pub use syncer::Sync;
#[doc(hidden)]
pub use verify::verify_on;
pub use verify::{Status, VerifyReport, verify};
pub use writer::Writer;

#[doc(hidden)]
pub use event::private as __private;
