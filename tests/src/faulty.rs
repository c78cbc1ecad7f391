//! Storage in memory whose calls fail when a test says so, and that counts them.

use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard};

use slipring_journal::__private::storage::{
    Folder, LockFault, Memory, MemoryFile, MemoryMap, SegmentMap, Storage, StorageFile,
};

/// A call that storage makes of the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Making the folder.
    CreateFolder,
    /// Taking the lock.
    Lock,
    /// Listing the folder.
    List,
    /// Making a file.
    Create,
    /// Opening a file.
    Open,
    /// Renaming a file.
    Rename,
    /// Removing a file.
    Remove,
    /// Syncing the folder.
    SyncFolder,
    /// Reserving a file's space.
    Allocate,
    /// Reading.
    Read,
    /// Writing.
    Write,
    /// Syncing a file.
    SyncFile,
    /// Mapping a file.
    Map,
    /// Prefaulting a range of a map.
    Prefault,
    /// Syncing a range of a map.
    SyncMap,
}

#[derive(Debug, Default)]
struct Rules {
    made: Vec<Call>,
    fail_calls: Vec<(Call, io::ErrorKind)>,
    fail_nth: Option<(usize, io::ErrorKind)>,
    panics_in: Option<String>,
    record_reads: u64,
    largest_file_bytes: Option<u64>,
}

/// [`Memory`] with failing calls. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Faulty {
    /// The files.
    pub memory: Memory,
    rules: Arc<Mutex<Rules>>,
}

impl Faulty {
    /// Over these files, with no call failing yet.
    pub fn new(memory: Memory) -> Self {
        Faulty { memory, rules: Arc::default() }
    }

    /// Every call of this kind fails from now on.
    pub fn fail(&self, call: Call, kind: io::ErrorKind) {
        self.rules().fail_calls.push((call, kind));
    }

    /// The `n`-th call from now fails, of whatever kind it is, and no other.
    pub fn fail_nth(&self, n: usize, kind: io::ErrorKind) {
        let mut rules = self.rules();
        rules.fail_nth = Some((rules.made.len() + n, kind));
    }

    /// Every call from a thread of this name panics from now on.
    pub fn panic_in(&self, thread: &str) {
        self.rules().panics_in = Some(thread.to_owned());
    }

    /// No call fails any more.
    pub fn mend(&self) {
        let mut rules = self.rules();
        rules.panics_in = None;
        rules.fail_calls.clear();
        rules.fail_nth = None;
    }

    /// Files can be no larger than this: allocating more or writing behind it finds the disk full.
    pub fn limit_files(&self, bytes: u64) {
        self.rules().largest_file_bytes = Some(bytes);
    }

    /// How many calls of this kind were made so far, failed ones included.
    pub fn count(&self, call: Call) -> usize {
        self.rules().made.iter().filter(|made| **made == call).count()
    }

    /// All calls made so far, in order.
    pub fn calls(&self) -> Vec<Call> {
        self.rules().made.clone()
    }

    /// How many reads touched the records of a segment.
    pub fn record_reads(&self) -> u64 {
        self.rules().record_reads
    }

    fn check_room(&self, file_bytes: u64) -> io::Result<()> {
        match self.rules().largest_file_bytes {
            Some(most) if file_bytes > most => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }

    fn rules(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().expect("nothing panics while it holds this")
    }

    fn call(&self, call: Call) -> io::Result<()> {
        let mut rules = self.rules();
        let index = rules.made.len();
        rules.made.push(call);
        let panics =
            rules.panics_in.as_deref().is_some_and(|name| std::thread::current().name() == Some(name));
        if panics {
            drop(rules);
            panic!("{call:?} panicked as told");
        }
        if let Some((_, kind)) = rules.fail_calls.iter().find(|(failing, _)| *failing == call) {
            return Err((*kind).into());
        }
        match rules.fail_nth {
            Some((nth, kind)) if nth == index => Err(kind.into()),
            _ => Ok(()),
        }
    }
}

impl Storage for Faulty {
    type File = FaultyFile;
    type Lock = <Memory as Storage>::Lock;
    type Subfolder = Folder;

    fn create_folder(&self) -> io::Result<()> {
        self.call(Call::CreateFolder)
    }

    fn lock(&self) -> Result<Self::Lock, LockFault> {
        self.call(Call::Lock).map_err(LockFault::Io)?;
        self.memory.lock()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.call(Call::List)?;
        self.memory.list()
    }

    fn create(&self, name: &str) -> io::Result<FaultyFile> {
        self.call(Call::Create)?;
        Ok(FaultyFile { file: self.memory.create(name)?, faulty: self.clone() })
    }

    fn open(&self, name: &str, write: bool) -> io::Result<FaultyFile> {
        self.call(Call::Open)?;
        Ok(FaultyFile { file: self.memory.open(name, write)?, faulty: self.clone() })
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.call(Call::Rename)?;
        self.memory.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.call(Call::Remove)?;
        self.memory.remove(name)
    }

    fn sync_folder(&self) -> io::Result<()> {
        self.call(Call::SyncFolder)
    }

    fn boot_id(&self) -> [u8; 16] {
        self.memory.boot_id()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.memory.path(name)
    }
}

/// A file of [`Faulty`].
#[derive(Debug)]
pub struct FaultyFile {
    file: MemoryFile,
    faulty: Faulty,
}

impl StorageFile for FaultyFile {
    type Map = FaultyMap;

    fn size(&self) -> io::Result<u64> {
        self.file.size()
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        self.faulty.call(Call::Allocate)?;
        self.faulty.check_room(bytes)?;
        self.file.allocate(bytes)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.faulty.call(Call::Read)?;
        if offset + buffer.len() as u64 > crate::journals::HEADER_BYTES as u64 {
            self.faulty.rules().record_reads += 1;
        }
        self.file.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.faulty.call(Call::Write)?;
        self.faulty.check_room(offset.saturating_add(bytes.len() as u64))?;
        self.file.write_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.faulty.call(Call::SyncFile)
    }

    fn map(&self) -> io::Result<FaultyMap> {
        self.faulty.call(Call::Map)?;
        Ok(FaultyMap { map: self.file.map()?, faulty: self.faulty.clone() })
    }
}

/// A map of a file of [`Faulty`].
#[derive(Debug)]
pub struct FaultyMap {
    map: MemoryMap,
    faulty: Faulty,
}

impl SegmentMap for FaultyMap {
    fn words(&self) -> &[AtomicU64] {
        self.map.words()
    }

    fn prefault(&self, _: Range<u64>) -> io::Result<()> {
        self.faulty.call(Call::Prefault)
    }

    fn sync(&self, _: Range<u64>) -> io::Result<()> {
        self.faulty.call(Call::SyncMap)
    }
}
