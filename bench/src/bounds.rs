//! What the machine itself can do: copy records into mapped, prefaulted memory, with and without the checksum.
//! Nothing that keeps records in a file can be faster than these.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use memmap2::{Advice, MmapOptions, MmapRaw};
use slipring_journal::crc::RecordCrc;

use crate::event::Order;
use crate::harness::Sample;

const RECORD_WORDS: usize = 8;

/// A mapped file with room for a number of records, all of its pages present, and as much again behind it: like a
/// journal's reserve, so that the pages written first are no longer in any cache.
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
        Room { map, records: records as usize, _file: file }
    }

    fn words(&self) -> &[AtomicU64] {
        // SAFETY: the mapping is page-aligned, writable, twice `records * 64` bytes long and lives as long as `self`;
        // the file has no name, so nobody shortens it.
        unsafe { std::slice::from_raw_parts(self.map.as_ptr().cast(), self.records * RECORD_WORDS) }
    }

    /// Makes every page present and writable, outside the time measured.
    pub fn prefault(&self) {
        let _ = self.map.advise(Advice::PopulateWrite);
    }

    /// Copies a record's worth of words into every slot, as the journal stores them; with `CRC` also its
    /// checksum, by the same routine.
    pub fn copy<const CRC: bool>(&self) -> Vec<Sample> {
        self.prefault();
        let crc = RecordCrc::new([7; 16]);
        let started = Instant::now();
        if crc.hardware() {
            copy::<CRC, true>(self.words(), &crc);
        } else {
            copy::<CRC, false>(self.words(), &crc);
        }
        Sample::throughput(self.records as u64, started.elapsed())
    }
}

fn copy<const CRC: bool, const HARDWARE: bool>(words: &[AtomicU64], crc: &RecordCrc) {
    for (n, slot) in words.chunks_exact(RECORD_WORDS).enumerate() {
        let event = Order::nth(n as u64);
        let bytes = bytemuck::bytes_of(&event);
        let mut sum = crc.start::<HARDWARE>();
        if CRC {
            sum.word(n as u64);
            sum.word(n as u64);
            sum.word(17);
        }
        slot[0].store(n as u64, Ordering::Relaxed);
        for (place, bytes) in slot[2..].iter().zip(bytes.as_chunks::<8>().0) {
            let word = u64::from_le_bytes(*bytes);
            if CRC {
                sum.word(word);
            }
            place.store(word, Ordering::Relaxed);
        }
        let commit = if CRC { u64::from(sum.finish()) << 32 } else { 17 };
        slot[1].store(commit, Ordering::Release);
    }
}
