//! What a journal's child process tells the test that kills it, and the records that it writes.

use crate::journals::{Note, note};

/// A note that says in which life it was written, so that one of an earlier life can't pass for it.
pub fn note_of_round(id: u64, round: u64) -> Note {
    let mut note = note(id);
    note.rest[0] = round;
    note
}

/// What the child says in the pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// The journal is open, and ends here.
    Opened(u64),
    /// Every record below is appended.
    Journalled(u64),
    /// Every record below is durable.
    Durable(u64),
}

impl Message {
    /// Bytes of a message: less than a pipe writes at once.
    pub const BYTES: usize = 9;

    /// As it goes into the pipe.
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let (tag, end) = match self {
            Message::Opened(end) => (0, end),
            Message::Journalled(end) => (1, end),
            Message::Durable(end) => (2, end),
        };
        let mut bytes = [tag; Self::BYTES];
        bytes[1..].copy_from_slice(&end.to_le_bytes());
        bytes
    }

    /// As it comes out of the pipe.
    ///
    /// # Panics
    /// If no child wrote it.
    pub fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        let end = u64::from_le_bytes(bytes[1..].try_into().expect("eight bytes"));
        match bytes[0] {
            0 => Message::Opened(end),
            1 => Message::Journalled(end),
            2 => Message::Durable(end),
            tag => panic!("no message has tag {tag}"),
        }
    }
}
