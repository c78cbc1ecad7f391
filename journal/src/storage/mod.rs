//! What the journal asks of a medium, as thin as it can be, so that the same code runs on mapped files, in
//! memory, in the power-loss simulator and with calls that fail.
//!
//! Hidden from the docs: a seam for tests, not a promise. The folder knows names of files and nothing of what
//! is in the files.
//!
//! | file | idea |
//! |---|---|
//! | `folder` | a folder held by a handle; no link in it is followed |
//! | `lock`, `holder` | the one writer, and how it is named |
//! | `name_lock` | who holds a reader's name, and which of those that share it live |
//! | `files` | files of a folder |
//! | `mapped` | open files and mapped segments, with all `unsafe` of mapping |
//! | `believed` | what a file claims, against what the disk holds |
//! | `size_limit` | the limit on the size of files, as an error |
//! | `memory` | for tests |

mod believed;
mod files;
mod folder;
pub mod holder;
mod lock;
mod mapped;
mod memory;
mod name_lock;
pub mod size_limit;

use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;

pub use believed::{believed_bytes, most_bytes};
pub use files::Files;
pub(crate) use files::JournalPlace;
pub use folder::{Access, FileKind, Folder, Identity, NotOurs};
pub use lock::FilesLock;
pub use mapped::{MappedFile, MappedSegment, ReadMap};
pub use memory::{Memory, MemoryFile, MemoryMap, copy_in, copy_out};
pub use name_lock::{HeldBy, LockTurn, MOST_MEMBERS, NameLock};

/// A folder that holds one journal.
pub trait Storage: Clone + Send + Sync + std::fmt::Debug + 'static {
    /// An open file.
    type File: StorageFile;
    /// Held while this process is the writer; dropping it lets the next writer in.
    type Lock: Send + Sync + std::fmt::Debug + 'static;
    /// A folder within.
    type Subfolder: Subfolder;

    /// Makes the folder if it is not there yet.
    fn create_folder(&self) -> io::Result<()>;
    /// Takes the writer's lock or says who holds it.
    fn lock(&self) -> Result<Self::Lock, LockFault>;
    /// Who holds the lock. Takes none, so that whoever asks is in no writer's way.
    fn holder(&self) -> Holder {
        Holder::Unknown
    }
    /// The names of the files in the folder, in no order.
    fn list(&self) -> io::Result<Vec<String>>;
    /// Shows each of those names, without a list of them all: there may be very many.
    fn for_each_name(&self, mut visit: impl FnMut(&str)) -> io::Result<()> {
        self.list()?.iter().for_each(|name| visit(name));
        Ok(())
    }
    /// Makes an empty file; fails with `AlreadyExists` if there is one.
    fn create(&self, name: &str) -> io::Result<Self::File>;
    /// Opens a file; `write` also for writing.
    fn open(&self, name: &str, write: bool) -> io::Result<Self::File>;
    /// Renames a file; fails with `AlreadyExists` rather than replace another.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file's name.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Makes creates, renames and removes so far survive power loss.
    fn sync_folder(&self) -> io::Result<()>;
    /// Identity of this boot of the machine: memory, and so the page cache, lasts as long as it.
    fn boot_id(&self) -> [u8; 16];
    /// Where a file lies, for messages.
    fn path(&self, name: &str) -> PathBuf;
    /// The folder of this name within; `None` if there is none, or the medium knows no folders.
    fn subfolder(&self, _name: &str) -> io::Result<Option<Self::Subfolder>> {
        Ok(None)
    }
    /// Whether the folder's name has come to mean another folder, or none. What is done here goes on in the
    /// one that was opened.
    fn is_moved(&self) -> bool {
        false
    }
    /// Bytes that may still be allocated; `None` if nobody knows.
    fn free_bytes(&self) -> io::Result<Option<u64>> {
        Ok(None)
    }
}

/// A folder of small files, each of which is written whole.
pub trait Subfolder: std::fmt::Debug {
    /// An open file.
    type File: StorageFile;

    /// Makes an empty file; fails with `AlreadyExists` if there is anything.
    fn create(&self, name: &str) -> io::Result<Self::File>;
    /// Opens a plain file for reading.
    fn open(&self, name: &str) -> io::Result<Self::File>;
    /// Opens a plain file for reading and writing.
    fn open_to_write(&self, name: &str) -> io::Result<Self::File> {
        self.open(name)
    }
    /// Renames a file; a plain file of the new name is replaced, and anything else there refused.
    fn replace(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file's name.
    fn remove(&self, name: &str) -> io::Result<()>;
    /// Shows each name within, in no order.
    fn for_each_name(&self, visit: impl FnMut(&str)) -> io::Result<()>;
    /// Makes creates, renames and removes so far survive power loss.
    fn sync(&self) -> io::Result<()>;
}

impl Subfolder for Folder {
    type File = MappedFile;

    fn create(&self, name: &str) -> io::Result<MappedFile> {
        self.create_file(name).map(MappedFile::new)
    }

    fn open(&self, name: &str) -> io::Result<MappedFile> {
        self.open_file(name, Access::Read).map(MappedFile::new)
    }

    fn open_to_write(&self, name: &str) -> io::Result<MappedFile> {
        self.open_file(name, Access::Write).map(MappedFile::new)
    }

    fn replace(&self, from: &str, to: &str) -> io::Result<()> {
        Folder::replace(self, from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        Folder::remove(self, name)
    }

    fn for_each_name(&self, visit: impl FnMut(&str)) -> io::Result<()> {
        Folder::for_each_name(self, visit)
    }

    fn sync(&self) -> io::Result<()> {
        Folder::sync(self)
    }
}

/// Who holds a writer's lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// Nobody does.
    Nobody,
    /// A writer; what that one wrote about itself.
    Somebody(String),
    /// It can't be found out.
    Unknown,
}

/// Why the lock could not be had.
#[derive(Debug)]
pub enum LockFault {
    /// Another writer holds it; what that one wrote about itself.
    Held(String),
    /// What lies where the lock file should be is no lock file: it was left as it is.
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it is.
        what: String,
    },
    /// The lock file could not be opened or locked.
    Io(io::Error),
}

/// One open file of a journal.
pub trait StorageFile: Send + Sync + std::fmt::Debug + 'static {
    /// A mapping of a whole segment file.
    type Map: SegmentMap;

    /// Length in bytes.
    fn size(&self) -> io::Result<u64>;
    /// Bytes of it that have their place on the disk: fewer than its length if it has holes.
    fn allocated_bytes(&self) -> io::Result<u64> {
        self.size()
    }
    /// The first place at or behind `offset` that is in no hole; [`u64::MAX`] if all of the rest is one. A
    /// medium that does not know says `offset`.
    fn next_data(&self, offset: u64) -> io::Result<u64> {
        Ok(offset)
    }
    /// Sets the length and reserves the space, filled with zeros, so that no later store can find the disk
    /// full.
    fn allocate(&self, bytes: u64) -> io::Result<()>;
    /// Reads until `buffer` is full or the file ends; the count of bytes read.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes all of `bytes`.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Makes content and length survive power loss.
    fn sync(&self) -> io::Result<()>;
    /// Makes content survive power loss, and of what is known of the file only its length.
    fn sync_data(&self) -> io::Result<()> {
        self.sync()
    }
    /// Begins to write to disk what was stored into a byte range, and does not wait for it. Only a hint: what
    /// it meets, `sync` says.
    fn start_sync(&self, _bytes: Range<u64>) {}
    /// Has the page cache hold the zeros of a byte range, which was never written, in folios of so many
    /// bytes; nobody has the file mapped. Whether it does: only a hint.
    fn cache_zeros(&self, _bytes: Range<u64>, _folio_bytes: u64) -> bool {
        false
    }
    /// Gives back the memory that caches a byte range, as far as it is on disk and not mapped. Only a hint.
    fn drop_cached(&self, _bytes: Range<u64>) {}
    /// Maps the first `bytes` of the file for reading, if this medium can; the caller holds the writer's lock
    /// for as long as it has the map, and knows that those bytes are committed.
    fn map_read(&self, _bytes: u64) -> io::Result<Option<ReadMap>> {
        Ok(None)
    }
    /// Maps the whole file for reading and writing.
    fn map(&self) -> io::Result<Self::Map>;
}

/// The mapped words of a segment.
pub trait SegmentMap: Send + Sync + std::fmt::Debug + 'static {
    /// The whole file as words; the same memory for as long as the map lives.
    fn words(&self) -> &[AtomicU64];
    /// Makes the pages of a byte range present and writable, so that a later store meets no page fault.
    fn prefault(&self, bytes: Range<u64>) -> io::Result<()>;
    /// Makes the stores into a byte range survive power loss.
    fn sync(&self, bytes: Range<u64>) -> io::Result<()>;
    /// Unmaps the pages that lie wholly in a byte range, until somebody touches them again. What was stored
    /// is in the file. Only a hint.
    fn let_go(&self, _bytes: Range<u64>) {}
    /// How pages are made present from here on: one by one, or several together, which is quicker, but is
    /// written, and write-protected, together too. Only a hint.
    fn prefault_together(&self, _together: bool) {}
}
