//! The bytes of the counters file, all of them; in words in docs/reference/counters.md.
//!
//! ```text
//!  0                           static bytes       + 1024            + 3200         + 4224    + 256 a stage
//!  | header, stage names, CRC | published | durable | late consumers | acknowledged | stage 0         | ..
//!  |   never changes          | journal .. | fate   | 16 places      | 8 places     | cursor, batches
//! ```
//!
//! What changes is 8-byte words, each stored and loaded whole. Words of different writers never share 128
//! bytes: that is what the two promised processors fetch at a time.

//!
//! `words` has what changes and where it lies, `fixed` what does not.

mod fixed;
mod words;

pub use fixed::CountersFault;
pub(crate) use fixed::{Process, Static, place};
pub(crate) use words::*;

pub(crate) const BLOCK_BYTES: usize = 4096;
/// Bytes that a writer has to itself.
pub(crate) const LINE_BYTES: usize = 128;
/// Longest name that the file holds; a longer one is cut.
pub(crate) const NAME_BYTES: usize = 64;

/// Of the part that never changes: its header, what each stage has in it, and its checksum.
const HEADER_BYTES: usize = 128;
const STAGE_ENTRY_BYTES: usize = 128;
const CRC_BYTES: usize = 4;

const _: () = assert!(BLOCK_BYTES % LINE_BYTES == 0 && NAME_BYTES < STAGE_ENTRY_BYTES);

/// As much of a text as fits into so many bytes.
pub(crate) fn cut(text: &str, bytes: usize) -> &str {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// A text that zeros follow.
pub(crate) fn text(padded: &[u8]) -> String {
    let end = padded.iter().position(|byte| *byte == 0).unwrap_or(padded.len());
    String::from_utf8_lossy(&padded[..end]).into_owned()
}
