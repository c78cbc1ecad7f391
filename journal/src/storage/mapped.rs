//! The open files of a folder, and segments mapped. All the `unsafe` of mapping is in this file.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::sync::atomic::AtomicU64;

use memmap2::{Advice, MmapOptions, MmapRaw, UncheckedAdvice};
use rustix::fs::FallocateFlags;
use rustix::io::{Errno, retry_on_intr};

use super::{SegmentMap, StorageFile, believed, size_limit};
use crate::tools::{FOLIO_BYTES, PAGE_BYTES};

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

    fn allocated_bytes(&self) -> io::Result<u64> {
        Ok(believed::allocated_bytes(&self.file.metadata()?))
    }

    fn next_data(&self, offset: u64) -> io::Result<u64> {
        match rustix::fs::seek(&self.file, rustix::fs::SeekFrom::Data(offset)) {
            Ok(data) => Ok(data),
            Err(Errno::NXIO) => Ok(u64::MAX),
            // A file system that does not tell.
            Err(_) => Ok(offset),
        }
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        let before = self.size()?;
        let allocate = || rustix::fs::fallocate(&self.file, FallocateFlags::empty(), 0, bytes);
        let allocated = size_limit::as_an_error(|| match retry_on_intr(allocate) {
            // A file system without it (some network and overlay ones): write the zeros. Never a hole, for a
            // store into a hole on a full disk is a SIGBUS.
            Err(Errno::OPNOTSUPP) => self.write_zeros(before..bytes, FOLIO_BYTES),
            done => done.map_err(io::Error::from),
        });
        // On a full disk it may have come part of the way.
        allocated.inspect_err(|_| drop(self.file.set_len(before)))
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
        size_limit::as_an_error(|| self.file.write_all_at(bytes, offset))
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    fn sync_data(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn start_sync(&self, bytes: Range<u64>) {
        let (at, count) = (bytes.start as libc::off64_t, (bytes.end - bytes.start) as libc::off64_t);
        // SAFETY: a plain system call on an open descriptor. Without a flag that waits it takes no error away
        // from the sync that follows.
        unsafe {
            libc::sync_file_range(self.file.as_raw_fd(), at, count, libc::SYNC_FILE_RANGE_WRITE);
        }
    }

    fn cache_zeros(&self, bytes: Range<u64>, folio_bytes: u64) -> bool {
        // The kernel makes a folio as large as what is written in one call, if the file system has such.
        size_limit::as_an_error(|| self.write_zeros(bytes, folio_bytes.min(FOLIO_BYTES))).is_ok()
    }

    fn drop_cached(&self, bytes: Range<u64>) {
        let Some(count) = std::num::NonZeroU64::new(bytes.end.saturating_sub(bytes.start)) else { return };
        // A file system that can't keeps its pages, as it would without us.
        let advice = rustix::fs::Advice::DontNeed;
        let _ = rustix::fs::fadvise(&self.file, bytes.start, Some(count), advice);
    }

    fn map_read(&self, bytes: u64) -> io::Result<Option<ReadMap>> {
        // SAFETY: the file is at least `bytes` long and, by the contract of the trait, neither shortened nor
        // changed there while it is mapped: the caller holds the writer's lock for as long as it has the map,
        // and asks only for what is committed.
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

impl ReadMap {
    /// Makes the pages of a byte range present, so that who reads them meets no page fault.
    pub(crate) fn populate(&self, bytes: Range<usize>) -> io::Result<()> {
        let start = bytes.start / PAGE_BYTES as usize * PAGE_BYTES as usize;
        loop {
            match self.map.advise_range(Advice::PopulateRead, start, bytes.end - start) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Kernels before 5.14: the loads fault the pages in, some at a time.
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => return Ok(()),
                done => return done,
            }
        }
    }
}

impl std::ops::Deref for ReadMap {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.map
    }
}

impl MappedFile {
    pub(super) fn new(file: File) -> Self {
        MappedFile { file }
    }

    /// So many bytes a call.
    fn write_zeros(&self, bytes: Range<u64>, call_bytes: u64) -> io::Result<()> {
        static ZEROS: [u8; FOLIO_BYTES as usize] = [0; FOLIO_BYTES as usize];
        for at in bytes.clone().step_by(call_bytes as usize) {
            let count = call_bytes.min(bytes.end - at) as usize;
            self.file.write_all_at(&ZEROS[..count], at)?;
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

    fn let_go(&self, bytes: Range<u64>) {
        let start = bytes.start.next_multiple_of(PAGE_BYTES);
        let end = bytes.end.min(self.bytes) / PAGE_BYTES * PAGE_BYTES;
        if start >= end {
            return;
        }
        // SAFETY: the map is shared, of a file: the pages stay in the page cache with all that was stored,
        // and whoever touches them next finds them there. Of private memory this would take the content.
        let _ = unsafe {
            self.map.unchecked_advise_range(UncheckedAdvice::DontNeed, start as usize, (end - start) as usize)
        };
    }

    fn prefault_together(&self, together: bool) {
        // The kernel makes one folio of several pages where it reads ahead, and does not where it is told
        // that reads are random.
        let _ = self.map.advise(if together { Advice::Normal } else { Advice::Random });
    }
}

impl MappedSegment {
    fn pages(&self, bytes: Range<u64>) -> Range<u64> {
        debug_assert!(bytes.start <= bytes.end && bytes.end <= self.bytes);
        let start = bytes.start / PAGE_BYTES * PAGE_BYTES;
        start..bytes.end.next_multiple_of(PAGE_BYTES).min(self.bytes)
    }
}
