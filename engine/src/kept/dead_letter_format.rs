//! The bytes of a log of dead letters.

use slipring_journal::JournalId;

use super::dead_letters::{DeadLetter, DeadLetterKind};

/// Length of what follows 2, its complement 2, checksum 4, journal id 16, sequence 8, epoch 4, kind 4; then
/// the cause.
pub(super) const HEAD_BYTES: usize = 40;
/// Longer causes are cut.
pub(super) const MOST_CAUSE_BYTES: usize = 1000;
/// The kind of a mark: in place of the sequence it has the length that is synced, and no cause.
pub(super) const MARK: u32 = 3;
/// A try that failed, and behind which another comes.
const TRY: u32 = 4;
/// A letter behind more than one try, or one that is due again: before the cause lie [`Tries`].
const TRIED: u32 = 5;
/// A letter that was due again is settled, for its event was published again: [`Again`] in place of a cause.
const AGAIN: u32 = 6;

/// The tries of a letter, in its entry: when it is due again 8 (0: never), tries 4.
const TRIES_BYTES: usize = 12;
/// Sequence of the new event 8, its epoch 4, tries before it 4.
const AGAIN_BYTES: usize = 16;

/// How often an event was tried before it became a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tries {
    pub(crate) made: u32,
    /// Nanoseconds since 1970, never 0; `None` if it has given up.
    pub(crate) due_ns: Option<u64>,
}

/// An event that was published again, and as what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Again {
    /// The new event.
    pub(crate) sequence: u64,
    pub(crate) epoch: u32,
    /// Made before it.
    pub(crate) tries: u32,
}

/// A place in the log of events: whatever lies there later has another epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LetterPlace {
    pub(crate) sequence: u64,
    pub(crate) epoch: u32,
}

/// A letter without more to say than its cause.
pub(crate) fn encode(
    journal_id: JournalId,
    place: LetterPlace,
    kind: DeadLetterKind,
    cause: &str,
) -> Vec<u8> {
    let kind = match kind {
        DeadLetterKind::Refused | DeadLetterKind::SetAside => 0,
        DeadLetterKind::Skipped => 1,
        DeadLetterKind::Settled => 2,
    };
    encode_entry(journal_id, (place.sequence, place.epoch), kind, cut(cause, MOST_CAUSE_BYTES))
}

pub(super) fn encode_try(journal_id: JournalId, place: LetterPlace, cause: &str) -> Vec<u8> {
    encode_entry(journal_id, (place.sequence, place.epoch), TRY, cut(cause, MOST_CAUSE_BYTES))
}

pub(super) fn encode_tried(journal_id: JournalId, place: LetterPlace, tries: Tries, cause: &str) -> Vec<u8> {
    let mut behind = Vec::with_capacity(MOST_CAUSE_BYTES);
    behind.extend_from_slice(&tries.due_ns.unwrap_or(0).to_le_bytes());
    behind.extend_from_slice(&tries.made.to_le_bytes());
    behind.extend_from_slice(cut(cause, MOST_CAUSE_BYTES - TRIES_BYTES));
    encode_entry(journal_id, (place.sequence, place.epoch), TRIED, &behind)
}

pub(super) fn encode_again(journal_id: JournalId, place: LetterPlace, again: Again) -> Vec<u8> {
    let mut behind = [0; AGAIN_BYTES];
    behind[..8].copy_from_slice(&again.sequence.to_le_bytes());
    behind[8..12].copy_from_slice(&again.epoch.to_le_bytes());
    behind[12..].copy_from_slice(&again.tries.to_le_bytes());
    encode_entry(journal_id, (place.sequence, place.epoch), AGAIN, &behind)
}

/// As much of a text as fits.
fn cut(cause: &str, most_bytes: usize) -> &[u8] {
    let mut end = cause.len().min(most_bytes);
    while !cause.is_char_boundary(end) {
        end -= 1;
    }
    &cause.as_bytes()[..end]
}

pub(super) fn encode_entry(
    journal_id: JournalId,
    (word, epoch): (u64, u32),
    kind: u32,
    behind: &[u8],
) -> Vec<u8> {
    let mut entry = vec![0; 8];
    entry[..2].copy_from_slice(&(behind.len() as u16).to_le_bytes());
    entry[2..4].copy_from_slice(&(!(behind.len() as u16)).to_le_bytes());
    entry.extend_from_slice(&journal_id.0);
    entry.extend_from_slice(&word.to_le_bytes());
    entry.extend_from_slice(&epoch.to_le_bytes());
    entry.extend_from_slice(&kind.to_le_bytes());
    entry.extend_from_slice(behind);
    let crc = crc32c::crc32c_append(crc32c::crc32c(&entry[..4]), &entry[8..]);
    entry[4..8].copy_from_slice(&crc.to_le_bytes());
    entry
}

pub(super) fn encode_mark(journal_id: JournalId, synced_bytes: u64) -> Vec<u8> {
    encode_entry(journal_id, (synced_bytes, 0), MARK, &[])
}

pub(super) enum LetterEntry {
    Letter(DeadLetter),
    /// A try that failed.
    Try(LetterPlace),
    /// A letter that is settled, and the new event.
    Again(DeadLetter, Again),
    /// So many bytes from the log's beginning are synced.
    Mark(u64),
    /// Of a later version of slipring.
    Unknown,
}

/// The first entry of `bytes`, with its journal and size, if it validates.
pub(super) fn decode(bytes: &[u8], stage: &str) -> Option<(LetterEntry, JournalId, usize)> {
    let half = |at: usize| Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
    let cause_bytes = half(0)?;
    if cause_bytes != !half(2)? || usize::from(cause_bytes) > MOST_CAUSE_BYTES {
        return None;
    }
    let size = HEAD_BYTES + usize::from(cause_bytes);
    let entry = bytes.get(..size)?;
    if word(entry, 4)? != crc32c::crc32c_append(crc32c::crc32c(&entry[..4]), &entry[8..]) {
        return None;
    }
    let place = LetterPlace { sequence: long(entry, 24)?, epoch: word(entry, 32)? };
    let behind = &entry[HEAD_BYTES..];
    let letter = |kind, tries, cause: String| DeadLetter {
        stage: stage.to_owned(),
        sequence: place.sequence,
        epoch: place.epoch,
        kind,
        tries,
        due_ns: None,
        cause,
    };
    let text = || String::from_utf8_lossy(behind).into_owned();
    let decoded = match word(entry, 36)? {
        0 => LetterEntry::Letter(letter(DeadLetterKind::Refused, 1, text())),
        1 => LetterEntry::Letter(letter(DeadLetterKind::Skipped, 0, text())),
        2 => LetterEntry::Letter(letter(DeadLetterKind::Settled, 0, text())),
        MARK => LetterEntry::Mark(place.sequence),
        TRY => LetterEntry::Try(place),
        TRIED => decode_tried(behind, letter),
        AGAIN => decode_again(behind, letter),
        _ => LetterEntry::Unknown,
    };
    Some((decoded, JournalId(entry[8..24].try_into().ok()?), size))
}

/// A letter with its tries; of a later version if they are not there.
fn decode_tried(behind: &[u8], letter: impl Fn(DeadLetterKind, u32, String) -> DeadLetter) -> LetterEntry {
    let (Some(due_ns), Some(tries)) = (long(behind, 0), word(behind, 8)) else { return LetterEntry::Unknown };
    let Some(cause) = behind.get(TRIES_BYTES..) else { return LetterEntry::Unknown };
    let kind = if due_ns == 0 { DeadLetterKind::Refused } else { DeadLetterKind::SetAside };
    let letter = letter(kind, tries, String::from_utf8_lossy(cause).into_owned());
    LetterEntry::Letter(DeadLetter { due_ns: (due_ns != 0).then_some(due_ns), ..letter })
}

/// A letter that was published again; of a later version if the new event is not there.
fn decode_again(behind: &[u8], letter: impl Fn(DeadLetterKind, u32, String) -> DeadLetter) -> LetterEntry {
    match (long(behind, 0), word(behind, 8), word(behind, 12)) {
        (Some(sequence), Some(epoch), Some(tries)) if behind.len() == AGAIN_BYTES => {
            let letter = letter(DeadLetterKind::Settled, 0, published_again(sequence));
            LetterEntry::Again(letter, Again { sequence, epoch, tries })
        }
        _ => LetterEntry::Unknown,
    }
}

/// How a letter is settled whose event was published again.
pub(crate) fn published_again(sequence: u64) -> String {
    format!("published again at {sequence}")
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn long(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOURNAL: JournalId = JournalId([3; 16]);
    const PLACE: LetterPlace = LetterPlace { sequence: 7, epoch: 2 };

    #[test]
    fn tries_and_what_was_published_again_come_back_as_they_were() {
        let long_cause = "é".repeat(MOST_CAUSE_BYTES);
        for due_ns in [None, Some(u64::MAX)] {
            let tries = Tries { made: 3, due_ns };
            let bytes = encode_tried(JOURNAL, PLACE, tries, &long_cause);
            let (LetterEntry::Letter(letter), JOURNAL, size) = decode(&bytes, "s").unwrap() else { panic!() };
            assert_eq!((size, letter.tries, letter.due_ns), (bytes.len(), 3, due_ns));
            assert_eq!((letter.sequence, letter.epoch), (7, 2));
            assert!(
                letter.cause.len() == MOST_CAUSE_BYTES - TRIES_BYTES && long_cause.starts_with(&letter.cause)
            );
        }
        let again = Again { sequence: 99, epoch: 4, tries: 3 };
        let bytes = encode_again(JOURNAL, PLACE, again);
        let (LetterEntry::Again(letter, found), ..) = decode(&bytes, "s").unwrap() else { panic!() };
        assert_eq!((found, letter.sequence, letter.kind), (again, 7, DeadLetterKind::Settled));
        assert_eq!(letter.cause, "published again at 99");
        let bytes = encode_try(JOURNAL, PLACE, "not yet");
        assert!(matches!(decode(&bytes, "s"), Some((LetterEntry::Try(PLACE), ..))));
    }

    #[test]
    fn what_is_too_short_for_its_kind_is_of_a_later_version() {
        for (kind, length) in [(TRIED, TRIES_BYTES - 1), (AGAIN, AGAIN_BYTES - 1), (AGAIN, AGAIN_BYTES + 1)] {
            let bytes = encode_entry(JOURNAL, (7, 2), kind, &vec![1; length]);
            assert!(matches!(decode(&bytes, "s"), Some((LetterEntry::Unknown, ..))), "{kind} {length}");
        }
    }
}
