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

mod append;
mod companions;
mod error;
mod event;
mod format;
mod judge;
mod live;
mod open;
mod read;
mod retention;
mod salvage;
#[doc(hidden)]
pub mod storage;
mod tools;

#[doc(hidden)]
pub use append::batch::AppendBatch;
pub use append::writer::Writer;
pub use companions::hooks::SealedSegment;
pub use companions::preparer::DiskFull;
pub use companions::syncer::SyncMode;
pub use error::{AppendError, CorruptRecord, IoFault, JournalFault, OpenError, ReadError, Stall, SyncError};
pub use event::record::{RawRecord, Record};
pub use event::{Event, Field, Schema, UnknownTag};
#[doc(hidden)]
pub use format::crc;
#[cfg(feature = "negative-controls")]
#[doc(hidden)]
pub use format::golden;
pub use format::{
    Anchor, BLOCK_BYTES, HEADER_BYTES, JournalId, Kind, MAX_EPOCH, MAX_RECORD_BYTES, MAX_SCHEMA_BYTES,
    RECORD_HEADER_BYTES, VERSION,
};
pub use live::cursors::Cursors;
#[doc(hidden)]
pub use live::progress::Change;
pub use open::journal::Journal;
pub use open::report::RecoveryReport;
pub use read::follow::Follower;
pub use read::inspect::{JournalInfo, SegmentInfo, inspect};
pub use read::raw::RawReader;
pub use read::typed::{Chunk, Chunks, Reader, Unchecked};
#[doc(hidden)]
pub use read::verify::verify_on;
pub use read::verify::{Status, VerifyReport, verify};
pub use retention::holders::{Lease, RetentionHandle};
pub use retention::options::Retention;
#[doc(hidden)]
pub use salvage::salvage_on;
pub use salvage::{Loss, Lost, SalvageError, SalvageOptions, SalvageReport, salvage};
/// Derives [`Event`](trait@Event) for a plain-old-data struct or a tagged one-of enum.
pub use slipring_derive::Event;
pub use storage::{FileKind, NotOurs};
#[doc(hidden)]
pub use tools::{prefetch, protect};

#[doc(hidden)]
pub use event::private as __private;
