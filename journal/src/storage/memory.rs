//! Storage in memory, for tests: it keeps everything, is never slow, and can be copied at any moment.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};

use super::{Folder, LockFault, SegmentMap, Storage, StorageFile};

/// A journal folder in memory. Clones are the same folder.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    files: Arc<Mutex<BTreeMap<String, MemoryFile>>>,
    held: Arc<Mutex<Weak<()>>>,
    boot_id: [u8; 16],
}

impl Memory {
    /// An empty folder on a machine with this boot id.
    pub fn new(boot_id: [u8; 16]) -> Self {
        Memory { boot_id, ..Memory::default() }
    }

    /// A folder with the files given.
    pub fn from_files(files: impl IntoIterator<Item = (String, Vec<u8>)>, boot_id: [u8; 16]) -> Self {
        let memory = Memory::new(boot_id);
        for (name, bytes) in files {
            memory.put(&name, &bytes);
        }
        memory
    }

    /// A copy of every file as it is now.
    pub fn to_files(&self) -> BTreeMap<String, Vec<u8>> {
        self.lock_files().iter().map(|(name, file)| (name.clone(), file.bytes())).collect()
    }

    /// Puts a file there or replaces it.
    pub fn put(&self, name: &str, bytes: &[u8]) {
        let file = MemoryFile::default();
        file.write(bytes, 0);
        self.lock_files().insert(name.to_owned(), file);
    }

    /// Cuts a file off behind `bytes`, for whoever has it open too. Maps taken before keep all of it.
    pub fn cut(&self, name: &str, bytes: u64) {
        if let Some(file) = self.lock_files().get(name) {
            let mut content = file.words.lock().expect("no panic inside");
            content.bytes = content.bytes.min(bytes);
        }
    }

    fn lock_files(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, MemoryFile>> {
        self.files.lock().expect("no test panics while it holds this")
    }
}

impl Storage for Memory {
    type File = MemoryFile;
    type Lock = Arc<()>;
    type Subfolder = Folder;

    fn create_folder(&self) -> io::Result<()> {
        Ok(())
    }

    fn lock(&self) -> Result<Self::Lock, LockFault> {
        let mut held = self.held.lock().expect("no panic inside");
        if held.strong_count() > 0 {
            return Err(LockFault::Held("another writer in memory".to_owned()));
        }
        let lock = Arc::new(());
        *held = Arc::downgrade(&lock);
        Ok(lock)
    }

    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.lock_files().keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<MemoryFile> {
        let mut files = self.lock_files();
        if files.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let file = MemoryFile::default();
        files.insert(name.to_owned(), file.clone());
        Ok(file)
    }

    fn open(&self, name: &str, _write: bool) -> io::Result<MemoryFile> {
        self.lock_files().get(name).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut files = self.lock_files();
        if files.contains_key(to) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let file = files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        files.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.lock_files().remove(name).map(|_| ()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn sync_folder(&self) -> io::Result<()> {
        Ok(())
    }

    fn boot_id(&self) -> [u8; 16] {
        self.boot_id
    }

    fn path(&self, name: &str) -> PathBuf {
        PathBuf::from("memory").join(name)
    }
}

/// A file in memory; clones are the same file.
#[derive(Clone, Debug, Default)]
pub struct MemoryFile {
    words: Arc<Mutex<Content>>,
}

#[derive(Debug, Default)]
struct Content {
    words: Arc<[AtomicU64]>,
    bytes: u64,
}

impl MemoryFile {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.size().expect("memory") as usize];
        self.read_at(&mut bytes, 0).expect("memory");
        bytes
    }

    fn write(&self, bytes: &[u8], offset: u64) {
        let end = offset + bytes.len() as u64;
        let mut content = self.words.lock().expect("no panic inside");
        content.grow(end);
        copy_in(&content.words, bytes, offset as usize);
    }
}

impl Content {
    /// Makes the file at least `bytes` long. A map taken before keeps the old words: as with real files, a
    /// journal never grows a file that is mapped.
    fn grow(&mut self, bytes: u64) {
        let count = bytes.div_ceil(8) as usize;
        if count > self.words.len() {
            let old = Arc::clone(&self.words);
            self.words = (0..count)
                .map(|i| AtomicU64::new(old.get(i).map_or(0, |word| word.load(Ordering::Relaxed))))
                .collect();
        }
        self.bytes = self.bytes.max(bytes);
    }
}

impl StorageFile for MemoryFile {
    type Map = MemoryMap;

    fn size(&self) -> io::Result<u64> {
        Ok(self.words.lock().expect("no panic inside").bytes)
    }

    fn allocate(&self, bytes: u64) -> io::Result<()> {
        self.words.lock().expect("no panic inside").grow(bytes);
        Ok(())
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let content = self.words.lock().expect("no panic inside");
        let count = content.bytes.saturating_sub(offset).min(buffer.len() as u64) as usize;
        copy_out(&content.words, &mut buffer[..count], offset as usize);
        Ok(count)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write(bytes, offset);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn map(&self) -> io::Result<MemoryMap> {
        Ok(MemoryMap { words: Arc::clone(&self.words.lock().expect("no panic inside").words) })
    }
}

/// Reads bytes of words that others may store to meanwhile, a word at a time where it can.
pub fn copy_out(words: &[AtomicU64], buffer: &mut [u8], offset: usize) {
    let (before, whole) = parts(offset, buffer.len());
    let (first, rest) = buffer.split_at_mut(before);
    let (middle, last) = rest.split_at_mut(whole * 8);
    let part = |bytes: &mut [u8], at: usize| {
        if !bytes.is_empty() {
            let word = words[at / 8].load(Ordering::Relaxed).to_le_bytes();
            bytes.copy_from_slice(&word[at % 8..][..bytes.len()]);
        }
    };
    part(first, offset);
    for (bytes, word) in
        middle.as_chunks_mut::<8>().0.iter_mut().zip(whole_words(words, offset + before, whole))
    {
        *bytes = word.load(Ordering::Relaxed).to_le_bytes();
    }
    part(last, offset + before + whole * 8);
}

/// Writes bytes into words, a word at a time where it can.
pub fn copy_in(words: &[AtomicU64], bytes: &[u8], offset: usize) {
    let (before, whole) = parts(offset, bytes.len());
    let (first, rest) = bytes.split_at(before);
    let (middle, last) = rest.split_at(whole * 8);
    let part = |bytes: &[u8], at: usize| {
        if !bytes.is_empty() {
            let mut word = words[at / 8].load(Ordering::Relaxed).to_le_bytes();
            word[at % 8..][..bytes.len()].copy_from_slice(bytes);
            words[at / 8].store(u64::from_le_bytes(word), Ordering::Relaxed);
        }
    };
    part(first, offset);
    for (bytes, word) in middle.as_chunks::<8>().0.iter().zip(whole_words(words, offset + before, whole)) {
        word.store(u64::from_le_bytes(*bytes), Ordering::Relaxed);
    }
    part(last, offset + before + whole * 8);
}

/// So many words from an offset on. None may be asked for behind the end.
fn whole_words(words: &[AtomicU64], offset: usize, count: usize) -> &[AtomicU64] {
    if count == 0 { &[] } else { &words[offset / 8..][..count] }
}

/// Of so many bytes there: those in front of the first whole word, and the whole words.
fn parts(offset: usize, bytes: usize) -> (usize, usize) {
    let before = (offset.next_multiple_of(8) - offset).min(bytes);
    (before, (bytes - before) / 8)
}

/// The words of a file in memory.
#[derive(Debug)]
pub struct MemoryMap {
    words: Arc<[AtomicU64]>,
}

impl SegmentMap for MemoryMap {
    fn words(&self) -> &[AtomicU64] {
        &self.words
    }

    fn prefault(&self, _: Range<u64>) -> io::Result<()> {
        Ok(())
    }

    fn sync(&self, _: Range<u64>) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_any_range_are_copied_in_and_out_and_no_others() {
        for (offset, count) in (0..24).flat_map(|offset| (0..32).map(move |count| (offset, count))) {
            let words: Vec<AtomicU64> = (0..8).map(|n| AtomicU64::new(n * 0x0101_0101_0101_0101)).collect();
            let mut wanted: Vec<u8> =
                words.iter().flat_map(|word| word.load(Ordering::Relaxed).to_le_bytes()).collect();
            let new: Vec<u8> = (100..100 + count as u8).collect();
            wanted[offset..offset + count].copy_from_slice(&new);
            copy_in(&words, &new, offset);
            let mut all = vec![0; 64];
            copy_out(&words, &mut all, 0);
            assert_eq!(all, wanted, "{count} bytes from {offset}");
            let mut some = vec![0; count];
            copy_out(&words, &mut some, offset);
            assert_eq!(some, new, "{count} bytes from {offset}");
        }
        copy_in(&[], &[], 4096);
        copy_out(&[], &mut [], 4096);
    }
}
