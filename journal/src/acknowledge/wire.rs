//! The bytes of an acknowledgement and of its reply: each of one size, little-endian, checksummed. Every
//! message says all: a connection has no state.
//!
//! ```text
//!  message  0 magic | 8 journal id | 24 sequence | 32 epoch | 36 checksum of the record
//!           | 40 name, zero padded | 144 zeros | 156 CRC
//!  reply    0 magic | 8 sequence | 16 end | 24 code | 28 CRC
//! ```

use super::refusal::Refusal;
use crate::format::{Anchor, JournalId, u32_at, u64_at};
use crate::positions::files::is_name;

/// Bytes of a message.
pub const MESSAGE_BYTES: usize = 160;
/// Bytes of a reply.
pub const REPLY_BYTES: usize = 32;

const MESSAGE_MAGIC: u64 = u64::from_le_bytes(*b"SLIPACK\x01");
const REPLY_MAGIC: u64 = u64::from_le_bytes(*b"SLIPACR\x01");

const NAME_AT: usize = 40;
const NAME_BYTES: usize = 104;
const CRC_BYTES: usize = 4;

/// Up to where events are acknowledged under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The name, which can be a file's.
    pub name: String,
    /// The last event that is acknowledged.
    pub anchor: Anchor,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The sequence that the message said.
    pub sequence: u64,
    /// The sequence behind the last event that is acknowledged; of one beyond the journal's end that end.
    pub end: u64,
    /// Why it was not taken, if it was not.
    pub refusal: Option<Refusal>,
}

/// Puts the checksum behind the rest.
fn seal<const N: usize>(mut bytes: [u8; N]) -> [u8; N] {
    let crc = crc32c::crc32c(&bytes[..N - CRC_BYTES]);
    bytes[N - CRC_BYTES..].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// Whether the bytes begin with `magic` and are whole.
fn is_whole(bytes: &[u8], magic: u64) -> bool {
    let (body, crc) = bytes.split_at(bytes.len() - CRC_BYTES);
    u64_at(bytes, 0) == magic && crc32c::crc32c(body).to_le_bytes() == *crc
}

impl Message {
    /// The message's bytes; `None` if the name can be no file's.
    pub fn encode(&self) -> Option<[u8; MESSAGE_BYTES]> {
        if !is_name(&self.name) {
            return None;
        }
        let mut bytes = [0; MESSAGE_BYTES];
        let mut put = |at: usize, from: &[u8]| bytes[at..at + from.len()].copy_from_slice(from);
        let Anchor { journal_id, sequence, epoch, crc } = self.anchor;
        put(0, &MESSAGE_MAGIC.to_le_bytes());
        put(8, &journal_id.0);
        put(24, &sequence.to_le_bytes());
        put(32, &epoch.to_le_bytes());
        put(36, &crc.to_le_bytes());
        put(NAME_AT, self.name.as_bytes());
        Some(seal(bytes))
    }

    /// From bytes that somebody sent; `None` if they are no message.
    pub fn decode(bytes: &[u8; MESSAGE_BYTES]) -> Option<Self> {
        if !is_whole(bytes, MESSAGE_MAGIC) {
            return None;
        }
        let padded = &bytes[NAME_AT..NAME_AT + NAME_BYTES];
        let end = padded.iter().position(|byte| *byte == 0)?;
        let name = std::str::from_utf8(&padded[..end]).ok().filter(|name| is_name(name))?.to_owned();
        let journal_id = JournalId(bytes[8..24].try_into().ok()?);
        let (sequence, epoch, crc) = (u64_at(bytes, 24), u32_at(bytes, 32), u32_at(bytes, 36));
        Some(Message { name, anchor: Anchor { journal_id, sequence, epoch, crc } })
    }
}

impl Reply {
    /// The reply's bytes.
    pub fn encode(&self) -> [u8; REPLY_BYTES] {
        let mut bytes = [0; REPLY_BYTES];
        let mut put = |at: usize, from: &[u8]| bytes[at..at + from.len()].copy_from_slice(from);
        put(0, &REPLY_MAGIC.to_le_bytes());
        put(8, &self.sequence.to_le_bytes());
        put(16, &self.end.to_le_bytes());
        put(24, &self.refusal.map_or(0, Refusal::code).to_le_bytes());
        seal(bytes)
    }

    /// From bytes that somebody sent; `None` if they are no reply.
    pub fn decode(bytes: &[u8; REPLY_BYTES]) -> Option<Self> {
        if !is_whole(bytes, REPLY_MAGIC) {
            return None;
        }
        let refusal = match u32_at(bytes, 24) {
            0 => None,
            code => Some(Refusal::of(code)?),
        };
        Some(Reply { sequence: u64_at(bytes, 8), end: u64_at(bytes, 16), refusal })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(name: &str) -> Message {
        let anchor = Anchor { journal_id: JournalId([7; 16]), sequence: u64::MAX, epoch: 3, crc: 0xabcd };
        Message { name: name.to_owned(), anchor }
    }

    #[test]
    fn what_is_sent_arrives_and_a_changed_bit_does_not() {
        for name in ["a", "standby", &"n".repeat(100)] {
            let bytes = message(name).encode().unwrap();
            assert_eq!(Message::decode(&bytes), Some(message(name)));
            for bit in 0..MESSAGE_BYTES * 8 {
                let mut flipped = bytes;
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(Message::decode(&flipped), None, "bit {bit}");
            }
        }
        for refusal in [None, Some(Refusal::Busy)] {
            let reply = Reply { sequence: 5, end: 6, refusal };
            let bytes = reply.encode();
            assert_eq!(Reply::decode(&bytes), Some(reply));
            for bit in 0..REPLY_BYTES * 8 {
                let mut flipped = bytes;
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(Reply::decode(&flipped), None, "bit {bit}");
            }
        }
        assert_eq!(Message::decode(&[0; MESSAGE_BYTES]), None);
        assert_eq!(Reply::decode(&[0; REPLY_BYTES]), None);
    }

    #[test]
    fn a_name_that_is_no_files_is_neither_sent_nor_taken() {
        for name in ["", ".", "../x", "a/b", "ä", &"n".repeat(101)] {
            assert_eq!(message(name).encode(), None, "{name}");
        }
        // Whole, and yet no name: nobody that is ours sends it.
        for name in [&b"../x"[..], &[0xff; 3], &[b'n'; NAME_BYTES]] {
            let mut bytes = message("x").encode().unwrap();
            bytes[NAME_AT..NAME_AT + name.len()].copy_from_slice(name);
            assert_eq!(Message::decode(&seal(bytes)), None);
        }
    }
}
