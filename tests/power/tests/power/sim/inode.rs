//! A file's bytes: what the page cache holds, what the disk holds for certain, and for every unsynced sector
//! each version that it has had since. A power loss picks one of them for every sector by itself. A sync that
//! fails leaves sectors that the cache takes for clean and the disk does not have, as Linux does.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use slipring_journal::__private::storage::{copy_in, copy_out};

const SECTOR_WORDS: usize = 64;
/// Sectors in front of a segment's records: nobody stores into them through a map.
const HEADER_SECTORS: usize = slipring_journal::HEADER_BYTES as usize / (SECTOR_WORDS * 8);
type Sector = [u64; SECTOR_WORDS];

#[derive(Debug, Default)]
pub(super) struct Inode {
    /// What the page cache holds.
    pub(super) words: Arc<[AtomicU64]>,
    pub(super) bytes: u64,
    /// What the disk holds for certain.
    durable: Vec<Sector>,
    pub(super) durable_bytes: u64,
    /// The cache as last looked at, to notice stores through a map.
    seen: Vec<Sector>,
    /// Sectors that the next sync writes.
    dirty: BTreeSet<usize>,
    /// Every version that a sector has had since it was last synced.
    versions: BTreeMap<usize, Vec<Sector>>,
}

impl Inode {
    fn sector(&self, at: usize) -> Sector {
        std::array::from_fn(|i| {
            self.words.get(at * SECTOR_WORDS + i).map_or(0, |word| word.load(Ordering::Relaxed))
        })
    }

    /// Takes note of what was stored through a map: only records are.
    pub(super) fn observe(&mut self) {
        self.observe_sectors(HEADER_SECTORS..self.seen.len());
    }

    fn observe_sectors(&mut self, sectors: Range<usize>) {
        for at in sectors {
            // Without a branch a word: this loop is most of the simulator's time.
            let words = self.words[at * SECTOR_WORDS..][..SECTOR_WORDS].iter().zip(&self.seen[at]);
            if words.fold(0, |differ, (word, seen)| differ | (word.load(Ordering::Relaxed) ^ seen)) != 0 {
                let now = self.sector(at);
                self.seen[at] = now;
                self.dirty.insert(at);
                self.versions.entry(at).or_default().push(now);
            }
        }
    }

    pub(super) fn grow(&mut self, bytes: u64) {
        let sectors = (bytes as usize).div_ceil(SECTOR_WORDS * 8);
        if sectors * SECTOR_WORDS > self.words.len() {
            let old = Arc::clone(&self.words);
            self.words = (0..sectors * SECTOR_WORDS)
                .map(|i| AtomicU64::new(old.get(i).map_or(0, |word| word.load(Ordering::Relaxed))))
                .collect();
            self.seen.resize(sectors, [0; SECTOR_WORDS]);
            self.durable.resize(sectors, [0; SECTOR_WORDS]);
        }
        self.bytes = self.bytes.max(bytes);
    }

    pub(super) fn read(&self, buffer: &mut [u8], offset: u64) -> usize {
        let count = self.bytes.saturating_sub(offset).min(buffer.len() as u64) as usize;
        copy_out(&self.words, &mut buffer[..count], offset as usize);
        count
    }

    pub(super) fn write(&mut self, bytes: &[u8], offset: u64) {
        self.observe();
        self.grow(offset + bytes.len() as u64);
        copy_in(&self.words, bytes, offset as usize);
        let sector_bytes = SECTOR_WORDS * 8;
        let sectors = offset as usize / sector_bytes..(offset as usize + bytes.len()).div_ceil(sector_bytes);
        self.observe_sectors(sectors.clone());
        // Writing what is there already makes a page dirty as well.
        self.dirty.extend(sectors);
    }

    /// Writes the dirty sectors of a range to disk; or only says so, if `lost`.
    pub(super) fn sync(&mut self, range: Range<u64>, lost: bool) {
        self.observe();
        let sector_bytes = SECTOR_WORDS as u64 * 8;
        let range = (range.start / sector_bytes) as usize..range.end.div_ceil(sector_bytes) as usize;
        let due: Vec<usize> = self.dirty.range(range).copied().collect();
        for at in due {
            self.dirty.remove(&at);
            if !lost {
                self.durable[at] = self.seen[at];
            }
            // The disk has the old version now or the new one, and never again any between.
            self.versions.remove(&at);
        }
    }

    pub(super) fn after_power_loss(&self, random: &mut fastrand::Rng) -> Inode {
        let bytes = if random.bool() { self.bytes } else { self.durable_bytes };
        // Some losses take much, some little.
        let loss = random.u8(0..4);
        let mut durable = self.durable.clone();
        for (at, versions) in &self.versions {
            let old = durable[*at];
            let pick = match loss {
                0 => random.usize(0..=versions.len()),
                1 if random.u8(0..8) > 0 => versions.len(),
                2 if random.u8(0..8) > 0 => 0,
                _ => random.usize(0..=versions.len()),
            };
            let Some(before) = pick.checked_sub(1) else { continue };
            durable[*at] = versions[before];
            // The sector went to disk in the middle of a store: some words are those of the version before.
            if random.u8(0..4) == 0 {
                let earlier = before.checked_sub(1).map_or(old, |at| versions[at]);
                for (word, old) in durable[*at].iter_mut().zip(earlier) {
                    if random.bool() {
                        *word = old;
                    }
                }
            }
        }
        durable.truncate((bytes as usize).div_ceil(SECTOR_WORDS * 8));
        Inode {
            words: durable.iter().flatten().map(|word| AtomicU64::new(*word)).collect(),
            bytes,
            seen: durable.clone(),
            durable,
            durable_bytes: bytes,
            ..Inode::default()
        }
    }
}
