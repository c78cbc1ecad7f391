//! What the machine itself does at this work with nothing around it: records stored into mapped, prefaulted
//! memory, with and without the checksum, events added up from memory, files copied out of the page cache.
//! Measures to read slipring's figures by: plain loops, no proof that nothing could be faster.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use memmap2::{Advice, MmapOptions, MmapRaw};
use slipring_journal::__private::crc::RecordCrc;
use slipring_journal::__private::prefetch;

use crate::event::Order;
use crate::host::Cores;
use crate::stats::Sample;

/// A record's worth of words, as the journal lays them out.
type Record = [u64; 8];

/// A mapped file with room for a number of records, all of its pages present, and as much again behind it:
/// like a journal's reserve, so that the pages written first are no longer in any cache.
pub struct Room {
    map: MmapRaw,
    records: usize,
    _file: std::fs::File,
}

impl Room {
    pub fn new(folder: &std::path::Path, records: u64) -> Self {
        let file = tempfile::tempfile_in(folder).expect("a file for the bound");
        let bytes = 2 * records * 64;
        rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, bytes)
            .expect("room on the disk");
        let map = MmapOptions::new().map_raw(&file).expect("a mapping");
        // As the journal asks; refused by kernels built without them.
        let _ = map.advise(Advice::HugePage);
        Room { map, records: records as usize, _file: file }
    }

    /// Makes every page present and writable, outside the time measured.
    pub fn prefault(&self) {
        let _ = self.map.advise(Advice::PopulateWrite);
    }

    /// Stores a record into every slot, whole and plain, where the journal stores word by word with atomics;
    /// with `CRC` also its checksum, by the same routine.
    pub fn copy<const CRC: bool>(&self, cores: Cores) -> Vec<Sample> {
        self.prefault();
        cores.pin_publisher();
        let crc = RecordCrc::new([7; 16]);
        let started = Instant::now();
        if crc.hardware() {
            self.fill::<CRC, true>(&crc);
        } else {
            self.fill::<CRC, false>(&crc);
        }
        Sample::throughput(self.records as u64, started.elapsed())
    }

    fn fill<const CRC: bool, const HARDWARE: bool>(&self, crc: &RecordCrc) {
        for n in 0..self.records {
            self.store(n, &record::<CRC, HARDWARE>(n as u64, n as u64, &Order::nth(n as u64), crc));
        }
    }

    #[inline(always)]
    fn store(&self, n: usize, record: &Record) {
        assert!(n < self.records, "room for the record");
        let slots: *mut Record = self.map.as_mut_ptr().cast();
        // As the journal does: a bound that leaves out what helps is none.
        prefetch::to_write(slots.wrapping_add(n + AHEAD));
        // SAFETY: the mapping is page-aligned, writable, twice `records * 64` bytes long and lives as long as
        // `self`; nobody else has it, and the file has no name, so nobody shortens it.
        unsafe { slots.add(n).copy_from_nonoverlapping(record, 1) };
    }

    /// The least of a home-made log, for a handler: stores each event with its checksum, and no more.
    pub fn into_log(self) -> impl FnMut(u64, u64, &Order) + Send {
        let crc = RecordCrc::new([7; 16]);
        move |n, time_ns, event| {
            let record = match crc.hardware() {
                true => record::<true, true>(n, time_ns, event, &crc),
                false => record::<true, false>(n, time_ns, event, &crc),
            };
            self.store(n as usize, &record);
        }
    }
}

/// Records ahead that their line is asked for.
const AHEAD: usize = 16;

#[inline(always)]
fn record<const CRC: bool, const HARDWARE: bool>(
    n: u64,
    time_ns: u64,
    event: &Order,
    crc: &RecordCrc,
) -> Record {
    let mut record = [time_ns, 17, 0, 0, 0, 0, 0, 0];
    for (place, bytes) in record[2..].iter_mut().zip(bytemuck::bytes_of(event).as_chunks::<8>().0) {
        *place = u64::from_le_bytes(*bytes);
    }
    if CRC {
        let mut sum = crc.start::<HARDWARE>();
        sum.word(n);
        sum.word(time_ns);
        sum.word(17);
        record[2..].iter().for_each(|word| sum.word(*word));
        record[1] = u64::from(sum.finish()) << 32;
    }
    record
}

/// Adds up every word of the events as they lie in memory, one after the other.
pub fn read(events: &[Order], cores: Cores) -> Vec<Sample> {
    cores.pin_publisher();
    let words: &[u64] = bytemuck::cast_slice(events);
    let started = Instant::now();
    let sum = words.iter().fold(0u64, |sum, word| sum.wrapping_add(*word));
    std::hint::black_box(sum);
    Sample::throughput(events.len() as u64, started.elapsed())
}

/// Bytes of a call, as a reader's.
const PREAD_BYTES: usize = 128 << 10;
const PAGE_BYTES: usize = 4096;

/// Reads the first segments of a journal, as many bytes as `records` take, by `pread` into memory that is
/// used again, and looks at nothing.
pub fn pread(folder: &Path, records: u64, cores: Cores) -> Vec<Sample> {
    cores.pin_publisher();
    let entries = std::fs::read_dir(folder).expect("the journal's folder");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("a name").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "seg"));
    // Behind them lies one that is empty, and not in the page cache.
    paths.sort();
    let files: Vec<File> = paths.iter().map(|path| File::open(path).expect("a segment")).collect();
    // As a reader's buffer, in the middle of a page.
    let mut memory = vec![0u8; PREAD_BYTES + 2 * PAGE_BYTES];
    let start = PAGE_BYTES + PAGE_BYTES / 2 - memory.as_ptr() as usize % PAGE_BYTES;
    let buffer = &mut memory[start..][..PREAD_BYTES];
    let (started, mut left) = (Instant::now(), records * size_of::<Record>() as u64);
    for file in files {
        let mut at = 0;
        while left > 0
            && let read @ 1.. = file.read_at(buffer, at).expect("a segment that can be read") as u64
        {
            (at, left) = (at + read, left.saturating_sub(read));
        }
    }
    assert!(left == 0, "so many records in the journal");
    std::hint::black_box(buffer);
    Sample::throughput(records, started.elapsed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_stores_what_the_journal_stores() {
        let crc = RecordCrc::new([7; 16]);
        let plain = record::<false, false>(5, 5, &Order::nth(5), &crc);
        assert_eq!((plain[0], plain[1], plain[2]), (5, 17, 5));
        assert_eq!(bytemuck::cast_slice::<u64, u8>(&plain[2..]), bytemuck::bytes_of(&Order::nth(5)));
        let summed = record::<true, false>(5, 5, &Order::nth(5), &crc);
        assert_eq!(summed[2..], plain[2..]);
        assert_ne!(summed[1], plain[1]);
        if crc.hardware() {
            assert_eq!(record::<true, true>(5, 5, &Order::nth(5), &crc), summed);
        }
    }

    #[test]
    fn as_many_bytes_are_read_as_the_records_take() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("0.seg"), vec![1; 3 * 64]).expect("room on the disk");
        std::fs::write(folder.path().join("control"), vec![1; 3 * 64]).expect("room on the disk");
        let read = |records| pread(folder.path(), records, Cores::find().without_pins());
        assert!(read(3)[0].value > 0.0);
        assert!(std::panic::catch_unwind(|| read(4)).is_err());
    }

    #[test]
    fn every_slot_of_the_room_is_stored() {
        let folder = tempfile::tempdir().expect("a folder");
        let room = Room::new(folder.path(), 1_000);
        assert!(room.copy::<false>(Cores::find().without_pins())[0].value > 0.0);
        let last = room.map.as_ptr().cast::<Record>().wrapping_add(999);
        // SAFETY: the mapping is twice 1,000 records long, and nobody writes any more.
        assert_eq!(unsafe { last.read() }[0], 999);
    }
}
