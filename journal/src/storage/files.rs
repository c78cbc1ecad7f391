//! Production storage: files of a folder, segments mapped. All the `unsafe` of mapping is in this file.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;

use memmap2::{Advice, MmapOptions, MmapRaw};
use rustix::fs::{FallocateFlags, FlockOperation, RenameFlags};

use super::{LockFault, SegmentMap, Storage, StorageFile, open_regular};
use crate::format::LOCK_NAME;

const PAGE_BYTES: u64 = 4096;

/// The files of one folder.
#[derive(Clone, Debug)]
pub struct Files {
    folder: PathBuf,
}

impl Files {
    /// The journal folder `folder`, which need not exist yet.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Files { folder: folder.into() }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Adds a line to the LOCK file, for whoever holds the lock; the next holder's replace it.
    pub fn note_in_lock(&self, line: &str) -> io::Result<()> {
        let mut file = open_regular(&self.path(LOCK_NAME), OpenOptions::new().append(true))?;
        file.write_all(format!("{line}\n").as_bytes())
    }

    /// The LOCK file, and what its last holder wrote into it.
    pub fn lock_lines(&self) -> (PathBuf, io::Result<Vec<String>>) {
        let path = self.path(LOCK_NAME);
        let read = open_regular(&path, OpenOptions::new().read(true)).and_then(|file| {
            let mut text = String::new();
            file.take(1 << 16).read_to_string(&mut text)?;
            Ok(text.lines().map(str::to_owned).collect())
        });
        (path, read)
    }
}

/// The empty path is what is left of a relative one: the current folder.
fn is_there(folder: &Path) -> bool {
    folder.as_os_str().is_empty() || folder.is_dir()
}

/// The locked LOCK file. The lock is the file description's: it goes with the process, however that ends.
#[derive(Debug)]
pub struct FilesLock {
    file: File,
    process: u32,
}

impl Drop for FilesLock {
    /// Closing is not enough: a child of fork() shares the description, and would hold the lock on after a close
    /// in good order. That child's own copy of this value must not let go of it.
    fn drop(&mut self) {
        if self.process == std::process::id() {
            let _ = rustix::fs::flock(&self.file, FlockOperation::Unlock);
        }
    }
}

impl Storage for Files {
    type File = MappedFile;
    type Lock = FilesLock;

    fn create_folder(&self) -> io::Result<()> {
        if self.folder.is_dir() {
            return Ok(());
        }
        // Of each folder that is made here the entry is made durable, not only of the last one.
        let made: Vec<_> = self.folder.ancestors().take_while(|folder| !is_there(folder)).collect();
        std::fs::create_dir_all(&self.folder)?;
        for folder in made {
            match folder.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all()?,
                _ => File::open(".")?.sync_all()?,
            }
        }
        Ok(())
    }

    fn lock(&self) -> Result<FilesLock, LockFault> {
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false);
        let mut file = open_regular(&self.path(LOCK_NAME), options).map_err(LockFault::Io)?;
        match rustix::io::retry_on_intr(|| rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive))
        {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let mut holder = String::new();
                let read = file.take(256).read_to_string(&mut holder);
                let first = holder.lines().next().unwrap_or_default().trim();
                return Err(LockFault::Held(match read {
                    Ok(_) if !first.is_empty() => first.to_owned(),
                    _ => "another process".to_owned(),
                }));
            }
            Err(error) => return Err(LockFault::Io(error.into())),
        }
        let process = std::process::id();
        let mut note = || -> io::Result<()> {
            file.set_len(0)?;
            file.seek(SeekFrom::Start(0))?;
            writeln!(file, "process {process}")
        };
        note().map_err(LockFault::Io)?;
        Ok(FilesLock { file, process })
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        self.for_each_name(|name| names.push(name.to_owned()))?;
        Ok(names)
    }

    fn for_each_name(&self, mut visit: impl FnMut(&str)) -> io::Result<()> {
        // The standard library retries an interrupted open of a file, not one of a folder.
        let entries = loop {
            match std::fs::read_dir(&self.folder) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                entries => break entries?,
            }
        };
        for entry in entries {
            // A name that is no UTF-8 is none of ours.
            entry?.file_name().to_str().into_iter().for_each(&mut visit);
        }
        Ok(())
    }

    fn create(&self, name: &str) -> io::Result<MappedFile> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(self.path(name))?;
        Ok(MappedFile { file })
    }

    fn open(&self, name: &str, write: bool) -> io::Result<MappedFile> {
        Ok(MappedFile { file: open_regular(&self.path(name), OpenOptions::new().read(true).write(write))? })
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let folder = File::open(&self.folder)?;
        match rustix::fs::renameat_with(&folder, from, &folder, to, RenameFlags::NOREPLACE) {
            // Some file systems do not know the flag. There the look before the rename is enough: the lock
            // keeps other writers away.
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
                if self.path(to).exists() {
                    return Err(io::ErrorKind::AlreadyExists.into());
                }
                std::fs::rename(self.path(from), self.path(to))
            }
            done => Ok(done?),
        }
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.path(name))
    }

    fn sync_folder(&self) -> io::Result<()> {
        File::open(&self.folder)?.sync_all()
    }

    fn boot_id(&self) -> [u8; 16] {
        // No boot id known: zeros, which recovery takes for another boot, the careful reading.
        let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
        u128::from_str_radix(&digits, 16).unwrap_or(0).to_be_bytes()
    }

    fn path(&self, name: &str) -> PathBuf {
        if name.is_empty() { self.folder.clone() } else { self.folder.join(name) }
    }
}

/// An open file of a journal folder.
#[derive(Debug)]
pub struct MappedFile {
    file: File,
}

impl StorageFile for MappedFile {
    type Map = MappedSegment;

    fn size(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn allocated(&self) -> io::Result<u64> {
        Ok(super::allocated_bytes(&self.file.metadata()?))
    }

    fn next_data(&self, offset: u64) -> io::Result<u64> {
        match rustix::fs::seek(&self.file, rustix::fs::SeekFrom::Data(offset)) {
            Ok(data) => Ok(data),
            Err(rustix::io::Errno::NXIO) => Ok(u64::MAX),
            // A file system that does not tell.
            Err(_) => Ok(offset),
        }
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        loop {
            match rustix::fs::fallocate(&self.file, FallocateFlags::empty(), 0, bytes) {
                Err(rustix::io::Errno::INTR) => {}
                // A file system without it (some network and overlay ones): write the zeros. Never a hole,
                // for a store into a hole on a full disk is a SIGBUS.
                Err(rustix::io::Errno::OPNOTSUPP) => return self.write_zeros(bytes),
                done => return Ok(done?),
            }
        }
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut read = 0;
        while read < buffer.len() {
            match self.file.read_at(&mut buffer[read..], offset + read as u64) {
                Ok(0) => break,
                Ok(count) => read += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(read)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    fn start_sync(&self) {
        // SAFETY: a plain system call on an open descriptor. Without a flag that waits it takes no error away from the
        // sync that follows.
        unsafe { libc::sync_file_range(self.file.as_raw_fd(), 0, 0, libc::SYNC_FILE_RANGE_WRITE) };
    }

    fn drop_cached(&self) {
        // A file system that can't keeps its pages, as it would without us.
        let _ = rustix::fs::fadvise(&self.file, 0, None, rustix::fs::Advice::DontNeed);
    }

    fn map_read(&self, bytes: u64) -> io::Result<Option<ReadMap>> {
        // SAFETY: the file is at least `bytes` long and, by the contract of the trait, neither shortened nor
        // changed there while it is mapped: the caller holds the writer's lock and asks only for what is
        // committed.
        let map = unsafe { MmapOptions::new().len(bytes as usize).map(&self.file)? };
        let _ = map.advise(Advice::Sequential);
        Ok(Some(ReadMap { map }))
    }

    fn map(&self) -> io::Result<MappedSegment> {
        let bytes = self.size()?;
        let map = MmapOptions::new().map_raw(&self.file)?;
        // A child of fork() must not write into the journal: there the map is gone, and a store is a fault.
        let _ = map.advise(Advice::DontFork);
        debug_assert!(map.as_ptr() as usize % align_of::<AtomicU64>() == 0);
        Ok(MappedSegment { map, bytes })
    }
}

/// The start of a file, mapped for reading.
#[derive(Debug)]
pub struct ReadMap {
    map: memmap2::Mmap,
}

impl std::ops::Deref for ReadMap {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.map
    }
}

impl MappedFile {
    fn write_zeros(&self, bytes: u64) -> io::Result<()> {
        let zeros = vec![0; 1 << 20];
        let mut at = self.size()?;
        while at < bytes {
            let count = (bytes - at).min(zeros.len() as u64);
            self.file.write_all_at(&zeros[..count as usize], at)?;
            at += count;
        }
        Ok(())
    }
}

/// A mapped segment file.
#[derive(Debug)]
pub struct MappedSegment {
    map: MmapRaw,
    bytes: u64,
}

impl SegmentMap for MappedSegment {
    #[inline]
    fn words(&self) -> &[AtomicU64] {
        let count = self.bytes as usize / size_of::<AtomicU64>();
        // SAFETY: the mapping is page-aligned, readable and writable, `bytes` long, and lives as long as
        // `self`. It is shared memory: every access in this process is through these atomics, so a store here
        // or by the kernel is no data race. The file is allocated to its whole length and, by the contract of
        // the LOCK file, nobody shortens it while it is mapped.
        unsafe { std::slice::from_raw_parts(self.map.as_ptr().cast::<AtomicU64>(), count) }
    }

    fn prefault(&self, bytes: Range<u64>) -> io::Result<()> {
        let Range { start, end } = self.pages(bytes);
        loop {
            match self.map.advise_range(Advice::PopulateWrite, start as usize, (end - start) as usize) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Kernels before 5.14: the stores fault the pages in one by one, slower and no less right.
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => return Ok(()),
                done => return done,
            }
        }
    }

    fn sync(&self, bytes: Range<u64>) -> io::Result<()> {
        let Range { start, end } = self.pages(bytes);
        self.map.flush_range(start as usize, (end - start) as usize)
    }

    fn prefer_large_pages(&self) {
        // Refused by kernels built without them.
        let _ = self.map.advise(Advice::HugePage);
    }
}

impl MappedSegment {
    fn pages(&self, bytes: Range<u64>) -> Range<u64> {
        debug_assert!(bytes.start <= bytes.end && bytes.end <= self.bytes);
        let start = bytes.start / PAGE_BYTES * PAGE_BYTES;
        start..bytes.end.next_multiple_of(PAGE_BYTES).min(self.bytes)
    }
}
