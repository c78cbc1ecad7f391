//! A journal that fails at a record of one's choice: something else has the name of the segment that begins
//! there.

use std::path::{Path, PathBuf};

use crate::journals::segment;

/// How many segments of a journal that was just opened are made, or about to be, at most.
const MADE: u64 = 3;

/// In the way of a segment, until it is dropped.
#[derive(Debug)]
pub struct Blocked(PathBuf);

impl Blocked {
    /// Records a segment must have for the journal to fail at the record `sequence`, a multiple of three.
    pub fn segment_records(sequence: u64) -> u64 {
        assert!(sequence > 0 && sequence % MADE == 0, "{sequence} is no multiple of {MADE}");
        sequence / MADE
    }

    /// Lets the journal in `folder`, just opened for the first time, fail at the record `sequence`.
    pub fn at(folder: &Path, sequence: u64) -> Self {
        let path = folder.join(segment(sequence));
        std::fs::create_dir(&path).expect("its segment is not made yet");
        Blocked(path)
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.0);
    }
}
