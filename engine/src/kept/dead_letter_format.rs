//! The bytes of a log of dead letters.

use slipring_journal::JournalId;

use super::dead_letters::{DeadLetter, DeadLetterKind};

/// Length of the cause 2, its complement 2, checksum 4, journal id 16, sequence 8, epoch 4, kind 4; then the
/// cause.
pub(super) const HEAD_BYTES: usize = 40;
/// Longer causes are cut.
pub(super) const MOST_CAUSE_BYTES: usize = 1000;
/// The kind of a mark: in place of the sequence it has the length that is synced, and no cause.
pub(super) const MARK: u32 = 3;

pub(crate) fn encode(
    journal_id: JournalId,
    sequence: u64,
    epoch: u32,
    kind: DeadLetterKind,
    cause: &str,
) -> Vec<u8> {
    let mut cut = cause.len().min(MOST_CAUSE_BYTES);
    while !cause.is_char_boundary(cut) {
        cut -= 1;
    }
    let kind = match kind {
        DeadLetterKind::Refused => 0,
        DeadLetterKind::Skipped => 1,
        DeadLetterKind::Settled => 2,
    };
    encode_entry(journal_id, sequence, epoch, kind, &cause.as_bytes()[..cut])
}

pub(super) fn encode_entry(journal_id: JournalId, word: u64, epoch: u32, kind: u32, cause: &[u8]) -> Vec<u8> {
    let mut entry = vec![0; 8];
    entry[..2].copy_from_slice(&(cause.len() as u16).to_le_bytes());
    entry[2..4].copy_from_slice(&(!(cause.len() as u16)).to_le_bytes());
    entry.extend_from_slice(&journal_id.0);
    entry.extend_from_slice(&word.to_le_bytes());
    entry.extend_from_slice(&epoch.to_le_bytes());
    entry.extend_from_slice(&kind.to_le_bytes());
    entry.extend_from_slice(cause);
    let crc = crc32c::crc32c_append(crc32c::crc32c(&entry[..4]), &entry[8..]);
    entry[4..8].copy_from_slice(&crc.to_le_bytes());
    entry
}

pub(super) fn encode_mark(journal_id: JournalId, synced_bytes: u64) -> Vec<u8> {
    encode_entry(journal_id, synced_bytes, 0, MARK, &[])
}

pub(super) enum LetterEntry {
    Letter(DeadLetter),
    /// So many bytes from the log's beginning are synced.
    Mark(u64),
    /// Of a later version of slipring.
    Unknown,
}

/// The first entry of `bytes`, with its journal and size, if it validates.
pub(super) fn decode(bytes: &[u8], stage: &str) -> Option<(LetterEntry, JournalId, usize)> {
    let half = |at: usize| Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
    let word = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let cause_bytes = half(0)?;
    if cause_bytes != !half(2)? || usize::from(cause_bytes) > MOST_CAUSE_BYTES {
        return None;
    }
    let size = HEAD_BYTES + usize::from(cause_bytes);
    let entry = bytes.get(..size)?;
    if word(4)? != crc32c::crc32c_append(crc32c::crc32c(&entry[..4]), &entry[8..]) {
        return None;
    }
    let sequence = u64::from_le_bytes(entry[24..32].try_into().ok()?);
    let letter = |kind| {
        let cause = String::from_utf8_lossy(&entry[HEAD_BYTES..]).into_owned();
        Some(LetterEntry::Letter(DeadLetter {
            stage: stage.to_owned(),
            sequence,
            epoch: word(32)?,
            kind,
            cause,
        }))
    };
    let decoded = match word(36)? {
        0 => letter(DeadLetterKind::Refused)?,
        1 => letter(DeadLetterKind::Skipped)?,
        2 => letter(DeadLetterKind::Settled)?,
        MARK => LetterEntry::Mark(sequence),
        _ => LetterEntry::Unknown,
    };
    Some((decoded, JournalId(entry[8..24].try_into().ok()?), size))
}
