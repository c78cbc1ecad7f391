//! A machine that can lose power: files whose unsynced sectors, sizes and names may or may not be on disk.
//!
//! Names and processes are here, those within a folder `readers` by `readers/..`; what cache and disk hold of
//! a file's bytes is in `inode`. A process that dies leaves both as they are.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use slipring_journal::__private::storage::{LockFault, SegmentMap, Storage, StorageFile, Subfolder};

use super::inode::Inode;

#[derive(Clone, Debug)]
enum FolderChange {
    Link(String, usize),
    Unlink(String),
}

#[derive(Debug, Default)]
struct World {
    inodes: Vec<Inode>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    pending: Vec<FolderChange>,
    /// System calls until the process dies in one; after that all of them fail.
    calls_left: Option<u64>,
    /// The sync of data, counted from 0, that fails.
    fail_sync: Option<u64>,
    boot: u8,
    /// Who holds the folder's lock, and who that of the file that is called LOCK now.
    held: Weak<()>,
    lock_file: Weak<()>,
    /// A control: the folder's lock is not looked at.
    by_file_alone: bool,
}

/// The machine's one journal folder. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sim(Arc<Mutex<World>>);

impl Sim {
    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().expect("the simulator does not panic")
    }

    /// The process dies in the `calls`-th system call from now.
    pub(crate) fn die_after(&self, calls: u64) {
        self.world().calls_left = Some(calls);
    }

    /// It was another process that died, and this one lives on.
    pub(crate) fn live_on(&self) {
        self.world().calls_left = None;
    }

    /// Whether the process has died.
    pub(crate) fn is_dead(&self) -> bool {
        self.world().calls_left == Some(0)
    }

    /// The next sync of data fails, and the pages are clean afterwards.
    pub(crate) fn fail_next_sync(&self) {
        self.fail_sync_after(0);
    }

    /// The sync of data after that many good ones fails, and the pages are clean afterwards.
    pub(crate) fn fail_sync_after(&self, good: u64) {
        self.world().fail_sync = Some(good);
    }

    /// Another file is called LOCK from now on. The folder's own lock still counts, unless a control says
    /// that it does not.
    pub(crate) fn replace_lock_file(&self, folder_counts: bool) {
        let mut world = self.world();
        world.lock_file = Weak::new();
        world.by_file_alone = !folder_counts;
    }

    /// Takes note of what was stored through maps since the last call.
    pub(crate) fn observe(&self) {
        let mut world = self.world();
        // Only what is mapped can have changed since.
        let mapped = world.inodes.iter_mut().filter(|inode| Arc::strong_count(&inode.words) > 1);
        mapped.for_each(Inode::observe);
    }

    /// A new process on the same machine: the cache is as it was.
    pub(crate) fn next_process(&self) {
        let mut world = self.world();
        world.calls_left = None;
        world.fail_sync = None;
        (world.held, world.lock_file) = (Weak::new(), Weak::new());
        world.inodes.iter_mut().for_each(Inode::observe);
    }

    /// The machine after a power loss: of all that was not synced, whatever `random` picks.
    pub(crate) fn lose_power(&self, random: &mut fastrand::Rng) -> Sim {
        let mut world = self.world();
        world.inodes.iter_mut().for_each(Inode::observe);
        let mut names = world.durable_names.clone();
        // Often nothing or all of the folder's changes, else any of them.
        let keep = random.u8(0..4);
        for change in &world.pending {
            if keep == 0 || (keep > 1 && random.bool()) {
                continue;
            }
            match change {
                FolderChange::Link(name, inode) => names.insert(name.clone(), *inode),
                FolderChange::Unlink(name) => names.remove(name),
            };
        }
        let inodes = world.inodes.iter().map(|inode| inode.after_power_loss(random)).collect();
        let boot = world.boot + 1;
        let durable_names = names.clone();
        Sim(Arc::new(Mutex::new(World { inodes, names, durable_names, boot, ..World::default() })))
    }

    /// The files as the process would read them.
    pub(crate) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let world = self.world();
        let content = |inode: &Inode| {
            let mut bytes = vec![0; inode.bytes as usize];
            inode.read(&mut bytes, 0);
            bytes
        };
        world.names.iter().map(|(name, at)| (name.clone(), content(&world.inodes[*at]))).collect()
    }
}

impl World {
    /// Counts a system call; an error if the process is dead.
    fn call(&mut self) -> io::Result<()> {
        match &mut self.calls_left {
            Some(0) => Err(io::Error::other("the process has died")),
            Some(left) => {
                *left -= 1;
                if *left == 0 { Err(io::Error::other("the process has died")) } else { Ok(()) }
            }
            None => Ok(()),
        }
    }

    fn rename(&mut self, from: &str, to: &str, replace: bool) -> io::Result<()> {
        self.call()?;
        if self.names.contains_key(to) && !replace {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let inode = self.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        self.names.insert(to.to_owned(), inode);
        self.pending.push(FolderChange::Unlink(from.to_owned()));
        self.pending.push(FolderChange::Link(to.to_owned(), inode));
        Ok(())
    }

    /// Makes changes of the names in one folder durable.
    fn sync_names(&mut self, is_in: impl Fn(&str) -> bool) -> io::Result<()> {
        self.call()?;
        let there = self.names.iter().filter(|(name, _)| is_in(name));
        let there: Vec<_> = there.map(|(name, inode)| (name.clone(), *inode)).collect();
        self.durable_names.retain(|name, _| !is_in(name));
        self.durable_names.extend(there);
        self.pending.retain(|change| match change {
            FolderChange::Link(name, _) | FolderChange::Unlink(name) => !is_in(name),
        });
        Ok(())
    }
}

impl Storage for Sim {
    type File = SimFile;
    type Lock = Arc<()>;
    type Subfolder = SimFolder;

    fn create_folder(&self) -> io::Result<()> {
        self.world().call()
    }

    fn lock(&self) -> Result<Arc<()>, LockFault> {
        let mut world = self.world();
        world.call().map_err(LockFault::Io)?;
        let folder_held = world.held.strong_count() > 0 && !world.by_file_alone;
        if folder_held || world.lock_file.strong_count() > 0 {
            return Err(LockFault::Held("the writer before".to_owned()));
        }
        let lock = Arc::new(());
        (world.held, world.lock_file) = (Arc::downgrade(&lock), Arc::downgrade(&lock));
        Ok(lock)
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.world().names.keys().filter(|name| !name.contains('/')).cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<SimFile> {
        let mut world = self.world();
        world.call()?;
        if world.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let inode = world.inodes.len();
        world.inodes.push(Inode::default());
        world.names.insert(name.to_owned(), inode);
        world.pending.push(FolderChange::Link(name.to_owned(), inode));
        Ok(SimFile { sim: self.clone(), inode })
    }

    fn open(&self, name: &str, _write: bool) -> io::Result<SimFile> {
        let world = self.world();
        let inode = *world.names.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(SimFile { sim: self.clone(), inode })
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.world().rename(from, to, false)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut world = self.world();
        world.call()?;
        world.names.remove(name).ok_or(io::ErrorKind::NotFound)?;
        world.pending.push(FolderChange::Unlink(name.to_owned()));
        Ok(())
    }

    fn sync_folder(&self) -> io::Result<()> {
        self.world().sync_names(|name| !name.contains('/'))
    }

    fn boot_id(&self) -> [u8; 16] {
        [self.world().boot + 1; 16]
    }

    fn path(&self, name: &str) -> PathBuf {
        PathBuf::from("sim").join(name)
    }

    fn subfolder(&self, name: &str) -> io::Result<Option<SimFolder>> {
        Ok(Some(SimFolder { sim: self.clone(), prefix: format!("{name}/") }))
    }
}

/// A folder within, which is there from the beginning.
#[derive(Debug)]
pub(crate) struct SimFolder {
    sim: Sim,
    prefix: String,
}

impl SimFolder {
    fn inner(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}

impl Subfolder for SimFolder {
    type File = SimFile;

    fn create(&self, name: &str) -> io::Result<SimFile> {
        self.sim.create(&self.inner(name))
    }

    fn open(&self, name: &str) -> io::Result<SimFile> {
        self.sim.open(&self.inner(name), false)
    }

    fn replace(&self, from: &str, to: &str) -> io::Result<()> {
        self.sim.world().rename(&self.inner(from), &self.inner(to), true)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.sim.remove(&self.inner(name))
    }

    fn for_each_name(&self, visit: impl FnMut(&str)) -> io::Result<()> {
        let names = self.sim.world().names.keys().cloned().collect::<Vec<_>>();
        names.iter().filter_map(|name| name.strip_prefix(&self.prefix)).for_each(visit);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        self.sim.world().sync_names(|name| name.starts_with(&self.prefix))
    }
}

#[derive(Debug)]
pub(crate) struct SimFile {
    sim: Sim,
    inode: usize,
}

impl SimFile {
    fn sync_range(&self, range: Range<u64>) -> io::Result<()> {
        let mut world = self.sim.world();
        world.call()?;
        let lost = world.fail_sync == Some(0);
        world.fail_sync = world.fail_sync.and_then(|good| good.checked_sub(1));
        world.inodes[self.inode].sync(range, lost);
        if lost { Err(io::Error::other("the disk failed")) } else { Ok(()) }
    }
}

impl StorageFile for SimFile {
    type Map = SimMap;

    fn size(&self) -> io::Result<u64> {
        Ok(self.sim.world().inodes[self.inode].bytes)
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        let mut world = self.sim.world();
        world.call()?;
        world.inodes[self.inode].grow(bytes);
        Ok(())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        Ok(self.sim.world().inodes[self.inode].read(buffer, offset))
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut world = self.sim.world();
        world.call()?;
        world.inodes[self.inode].write(bytes, offset);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let bytes = self.size()?;
        self.sync_range(0..bytes)?;
        self.sim.world().inodes[self.inode].durable_bytes = bytes;
        Ok(())
    }

    fn map(&self) -> io::Result<SimMap> {
        let mut world = self.sim.world();
        world.call()?;
        let words = Arc::clone(&world.inodes[self.inode].words);
        Ok(SimMap { file: SimFile { sim: self.sim.clone(), inode: self.inode }, words })
    }
}

#[derive(Debug)]
pub(crate) struct SimMap {
    file: SimFile,
    words: Arc<[AtomicU64]>,
}

impl SegmentMap for SimMap {
    fn words(&self) -> &[AtomicU64] {
        &self.words
    }

    fn prefault(&self, _: Range<u64>) -> io::Result<()> {
        Ok(())
    }

    fn sync(&self, bytes: Range<u64>) -> io::Result<()> {
        // Whole pages, as the kernel does.
        self.file.sync_range(bytes.start / 4096 * 4096..bytes.end.next_multiple_of(4096))
    }
}
