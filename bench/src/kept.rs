//! A folder in which files come and go as the segments of a journal with retention: the newest stay, up to a
//! size, and the oldest are unlinked. A bound that removed each file before the next would measure memory and
//! blocks that were free a moment ago.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// What stays, of the journal and of whatever runs beside it: half a minute of any would fill a small disk.
pub const KEPT_BYTES: u64 = 4 << 30;
/// Records in a segment, and in each of these files.
pub const FILE_RECORDS: u64 = 1 << 20;
/// Size of each file; a segment has its header besides.
pub const FILE_BYTES: u64 = FILE_RECORDS * 64;

/// Files of one size.
pub struct Kept {
    folder: TempDir,
    count: u64,
    files: VecDeque<PathBuf>,
}

impl Kept {
    pub fn new(folder: &Path) -> Self {
        let folder = tempfile::tempdir_in(folder).expect("a folder for the files");
        Kept { folder, count: 0, files: VecDeque::new() }
    }

    /// The next file, empty.
    pub fn create(&mut self) -> File {
        let path = self.folder.path().join(self.count.to_string());
        self.count += 1;
        let made = OpenOptions::new().read(true).write(true).create_new(true).open(&path);
        self.files.push_back(path);
        made.expect("a file")
    }

    /// Unlinks the oldest if there are more than are kept.
    pub fn retire(&mut self) {
        if self.files.len() as u64 > KEPT_BYTES / FILE_BYTES
            && let Some(oldest) = self.files.pop_front()
        {
            std::fs::remove_file(oldest).expect("a file that nobody else removes");
        }
    }

    /// Makes all that is left durable.
    pub fn sync(&self) {
        for path in &self.files {
            File::open(path).and_then(|file| file.sync_all()).expect("a disk that syncs");
        }
    }
}
