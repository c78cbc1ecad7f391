//! A reader looks at a folder while a writer makes files in it. A list of the folder that was made meanwhile
//! may have the later of two files and lack the earlier one: then the reader looks again, and nothing is
//! missing.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use slipring_journal::__private::storage::{Folder, LockFault, Memory, MemoryFile, Storage};
use slipring_journal::{Event, Journal, JournalFault, ReadError, Reader};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Event)]
#[repr(C)]
struct Tick {
    id: u64,
}

/// A folder whose first so many lists lack one file.
#[derive(Clone, Debug)]
struct Listed {
    folder: Memory,
    lacking: String,
    lists: Arc<AtomicU32>,
}

impl Storage for Listed {
    type File = MemoryFile;
    type Lock = Arc<()>;
    type Subfolder = Folder;

    fn create_folder(&self) -> io::Result<()> {
        self.folder.create_folder()
    }
    fn lock(&self) -> Result<Arc<()>, LockFault> {
        self.folder.lock()
    }
    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = self.folder.list()?;
        if self.lists.load(Ordering::Relaxed) > 0 {
            self.lists.fetch_sub(1, Ordering::Relaxed);
            names.retain(|name| *name != self.lacking);
        }
        Ok(names)
    }
    fn create(&self, name: &str) -> io::Result<MemoryFile> {
        self.folder.create(name)
    }
    fn open(&self, name: &str, write: bool) -> io::Result<MemoryFile> {
        self.folder.open(name, write)
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.folder.rename(from, to)
    }
    fn remove(&self, name: &str) -> io::Result<()> {
        self.folder.remove(name)
    }
    fn sync_folder(&self) -> io::Result<()> {
        self.folder.sync_folder()
    }
    fn boot_id(&self) -> [u8; 16] {
        self.folder.boot_id()
    }
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path(name)
    }
}

#[test]
fn a_segment_that_a_list_lacks_is_looked_for_again() {
    let folder = Memory::new([1; 16]);
    let journal = Journal::at("unused").segment_records(4).window_records(100);
    let (mut writer, _) = journal.open_on::<Tick, _>(&folder, false).expect("a new journal opens");
    // Nothing is synced: all of it lies above D.
    for id in 0..12 {
        while writer.try_append(id, &Tick { id }).is_err() {
            writer.step_preparer();
        }
    }
    let lacking = format!("{:020}.seg", 4);
    let open = |lists| {
        let lists = Arc::new(AtomicU32::new(lists));
        Reader::<Tick, _>::open_to(Listed { folder: folder.clone(), lacking: lacking.clone(), lists }, None)
    };
    assert_eq!(open(0).expect("it reads").end_sequence(), 12);
    assert_eq!(open(1).expect("it looks again").end_sequence(), 12);
    match open(u32::MAX) {
        Err(ReadError::Journal(JournalFault::MissingSegment { expected_base: 4, .. })) => {}
        other => panic!("a segment that stays away is missing: {other:?}"),
    }
    writer.abandon();
}
