//! What the fuzz targets do with arbitrary bytes as a note of what is acknowledged, and as a message or a
//! reply of an acknowledgement's socket: they may be refused; they may not panic, open a gate for what the
//! log does not have, or keep a later note from counting.

use std::path::PathBuf;

use slipring::__private::NoteByHand;
use slipring_journal::__private::Confirmer;
use slipring_journal::__private::acknowledge_wire::{MESSAGE_BYTES, Message, REPLY_BYTES, Reply};
use slipring_journal::__private::storage::{Files, Folder, MappedFile};
use slipring_journal::{Anchor, Journal, JournalId, Refusal};
use tempfile::TempDir;

use crate::folders::in_memory;
use crate::fuzzed_files::{change, put};
use crate::journals::{Note, note};

const END: u64 = 60;
const NAME: &str = "server";
const BLOCK_BYTES: usize = 4096;
/// Of a slot before its checksum.
const SUMMED: usize = 72;

/// A journal, and a note beside it of which both slots were written.
struct Place {
    _folder: TempDir,
    journal: Files,
    notes: Folder,
    path: PathBuf,
    whole: Vec<u8>,
    anchors: Vec<Anchor>,
}

thread_local! {
    /// Made once a thread, which it goes with.
    static PLACE: Place = Place::make();
}

impl Place {
    fn make() -> Self {
        let folder = in_memory();
        let at = folder.path().join("j");
        let journal = Journal::at(&at).segment_records(16);
        let (mut writer, _) = journal.open::<Note>().expect("a new journal");
        for id in 0..END {
            writer.append(id, &note(id)).expect("there is room");
        }
        writer.close().expect("nothing is wrong");
        let mut reader = journal.raw_reader().expect("just written");
        let anchors: Vec<_> = (0..END).map(|at| reader.anchor(at).expect("just written")).collect();
        let place = at.join(NoteByHand::<MappedFile>::FOLDER);
        std::fs::create_dir(&place).expect("a folder");
        let notes = Folder::open(&place).expect("just made");
        let mut note = NoteByHand::open(&notes, anchors[0].journal_id, NAME).expect("a new note");
        for sequence in [9, 19, 29] {
            note.write(&anchors[sequence], 25, true).expect("there is room");
        }
        let path = place.join(NAME);
        let whole = std::fs::read(&path).expect("just written");
        Place { _folder: folder, journal: Files::new(at), notes, path, whole, anchors }
    }

    /// Opens the note; up to where all is acknowledged.
    fn open(&self) -> Option<(NoteByHand<MappedFile>, u64)> {
        let id = self.anchors[0].journal_id;
        let mut note = NoteByHand::open(&self.notes, id, NAME).ok()?;
        let end = note.confirmed(&mut Confirmer::new(self.journal.clone(), id), END).ok()?;
        Some((note, end))
    }
}

/// Arbitrary bytes as a note: words of a whole one changed, in either slot, perhaps cut or longer, perhaps
/// with the checksums.
pub fn acknowledged(bytes: &[u8]) {
    let Some((&how, rest)) = bytes.split_first() else { return };
    PLACE.with(|place| {
        let mut file = place.whole.clone();
        let (first, second) = file.split_at_mut(BLOCK_BYTES);
        let (one, other) = rest.split_at(rest.len() / 2);
        change(&mut first[..SUMMED + 4], one);
        change(&mut second[..SUMMED + 4], other);
        for (slot, bit) in [(first, 1), (second, 2)] {
            if how & bit == 0 {
                let crc = crc32c::crc32c(&slot[..SUMMED]);
                slot[SUMMED..SUMMED + 4].copy_from_slice(&crc.to_le_bytes());
            }
        }
        if how & 28 == 0 {
            file.resize((BLOCK_BYTES + usize::from(how)).saturating_sub(128), 0xff);
        }
        put(&place.path, &file);
        if let Some((mut note, end)) = place.open() {
            assert!(end <= END, "the log has no record {end}");
            // What is noted from here on counts, whatever lay there.
            note.write(&place.anchors[END as usize - 1], END, how & 32 == 0).expect("there is room");
            drop(note);
            assert_eq!(place.open().expect("just written").1, END);
        }
        put(&place.path, &place.whole);
        assert_eq!(place.open().expect("it is whole").1, 30);
    });
}

/// Arbitrary bytes as a message and as a reply, as they are or with the magic and the checksum that they call
/// for. What is taken for one says what it says when it is sent on.
pub fn socket(bytes: &[u8]) {
    let Some((&how, rest)) = bytes.split_first() else { return };
    let (mut message, mut reply) = ([0; MESSAGE_BYTES], [0; REPLY_BYTES]);
    let copy = |from: &[u8], to: &mut [u8]| {
        let count = from.len().min(to.len());
        to[..count].copy_from_slice(&from[..count]);
    };
    copy(rest, &mut message);
    copy(rest, &mut reply);
    if how & 1 == 0 {
        let of = Anchor { journal_id: JournalId([0; 16]), sequence: 0, epoch: 0, crc: 0 };
        let whole = Message { name: "a".to_owned(), anchor: of }.encode().expect("a name");
        message[..8].copy_from_slice(&whole[..8]);
        reply[..8].copy_from_slice(&Reply { sequence: 0, end: 0, refusal: None }.encode()[..8]);
    }
    if how & 2 == 0 {
        // A name's letters, as far as it goes.
        for byte in &mut message[40..40 + usize::from(how >> 2)] {
            *byte = b'a' + *byte % 26;
        }
    }
    if how & 4 == 0 {
        seal(&mut message);
        seal(&mut reply);
    }
    if let Some(found) = Message::decode(&message) {
        let name = &found.name;
        assert!(!name.is_empty() && name.len() <= 100 && !name.starts_with('.') && !name.contains('/'));
        let sent = found.encode().expect("what was taken can be sent");
        assert_eq!(Message::decode(&sent).as_ref(), Some(&found));
    }
    if let Some(found) = Reply::decode(&reply) {
        assert_eq!(Reply::decode(&found.encode()), Some(found));
        assert!(found.refusal != Some(Refusal::Garbled) || reply[24] == 8);
    }
}

fn seal(bytes: &mut [u8]) {
    let (body, crc) = bytes.split_at_mut(bytes.len() - 4);
    crc.copy_from_slice(&crc32c::crc32c(body).to_le_bytes());
}
