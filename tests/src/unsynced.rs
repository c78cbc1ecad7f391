//! The files of a folder without a sync: for tests that need very many of them and take no power away.

use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;

use slipring_journal::__private::storage::{
    Files, FilesLock, Folder, LockFault, MappedFile, MappedSegment, SegmentMap, Storage, StorageFile,
};

/// [`Files`] whose syncs do nothing.
#[derive(Clone, Debug)]
pub struct Unsynced(pub Files);

/// A file of it.
#[derive(Debug)]
pub struct UnsyncedFile(MappedFile);

/// A map of it.
#[derive(Debug)]
pub struct UnsyncedMap(MappedSegment);

impl Storage for Unsynced {
    type File = UnsyncedFile;
    type Lock = FilesLock;
    type Subfolder = Folder;

    fn boot_id(&self) -> [u8; 16] {
        self.0.boot_id()
    }

    fn create_folder(&self) -> io::Result<()> {
        self.0.create_folder()
    }

    fn lock(&self) -> Result<FilesLock, LockFault> {
        self.0.lock()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.0.list()
    }

    fn create(&self, name: &str) -> io::Result<UnsyncedFile> {
        self.0.create(name).map(UnsyncedFile)
    }

    fn open(&self, name: &str, write: bool) -> io::Result<UnsyncedFile> {
        self.0.open(name, write).map(UnsyncedFile)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.0.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.0.remove(name)
    }

    fn sync_folder(&self) -> io::Result<()> {
        Ok(())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path(name)
    }
}

impl StorageFile for UnsyncedFile {
    type Map = UnsyncedMap;

    fn size(&self) -> io::Result<u64> {
        self.0.size()
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        self.0.allocate(bytes)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn map(&self) -> io::Result<UnsyncedMap> {
        self.0.map().map(UnsyncedMap)
    }
}

impl SegmentMap for UnsyncedMap {
    fn words(&self) -> &[AtomicU64] {
        self.0.words()
    }

    fn prefault(&self, _bytes: Range<u64>) -> io::Result<()> {
        Ok(())
    }

    fn sync(&self, _bytes: Range<u64>) -> io::Result<()> {
        Ok(())
    }
}
