//! What a fuzz target does with arbitrary bytes as the file of a named reader: it may be refused; it may not
//! panic, go back, or hand out what is committed.

use std::ops::Range;
use std::path::PathBuf;

use slipring_journal::{Journal, NamedReaderError};
use tempfile::TempDir;

use crate::folders::in_memory;
use crate::fuzzed_files::{change, put};
use crate::journals::{BLOCK_BYTES, Note, mend_checksum, note};

const END: u64 = 60;

/// A journal with one reader alone, and one that several share.
struct Place {
    _folder: TempDir,
    journal: Journal,
    files: [(&'static str, PathBuf, Vec<u8>); 2],
}

thread_local! {
    /// Made once a thread, which it goes with.
    static PLACE: Place = Place::make();
}

impl Place {
    fn make() -> Self {
        let folder = in_memory();
        let path = folder.path().join("j");
        let journal = Journal::at(&path).segment_records(16);
        let (mut writer, _) = journal.open::<Note>().expect("a new journal");
        for id in 0..END {
            writer.append(id, &note(id)).expect("there is room");
        }
        writer.close().expect("nothing is wrong");
        let mut alone = journal.named_reader_raw("alone").expect("a new reader");
        while alone.next_sequence() < 20 {
            alone.next_chunk_below(20).expect("it reads");
        }
        alone.commit(20).expect("it is written");
        // Something done, something in hand, something done behind it.
        let mut others = [(); 3].map(|()| journal.shared_reader_raw("shared").expect("a new reader"));
        for (number, other) in others.iter_mut().enumerate() {
            let range = other.claim(7).expect("it is noted").expect("there is some");
            while other.next_chunk().expect("it reads").is_some() {}
            if number != 1 {
                other.commit(range.end - number as u64).expect("it is written");
            }
        }
        others.into_iter().for_each(slipring_journal::RawSharedReader::abandon);
        let files = ["alone", "shared"].map(|name| {
            let file = path.join("readers").join(name);
            let whole = std::fs::read(&file).expect("just written");
            (name, file, whole)
        });
        Place { _folder: folder, journal, files }
    }
}

/// Arbitrary bytes as a named reader's file: words of a whole one changed, perhaps cut or longer, perhaps
/// with the checksum.
pub fn reader(bytes: &[u8]) {
    let Some((&how, rest)) = bytes.split_first() else { return };
    PLACE.with(|place| {
        let (name, path, whole) = &place.files[usize::from(how & 2 == 0)];
        let mut file = whole.clone();
        change(&mut file, rest);
        if how & 1 == 0 {
            mend_checksum(&mut file);
        }
        if how & 28 == 0 {
            file.resize((BLOCK_BYTES + usize::from(how)).saturating_sub(128), 0xff);
        }
        put(path, &file);
        look(&place.journal, name);
        put(path, whole);
    });
}

/// Looks at a reader in each way that there is.
fn look(journal: &Journal, name: &str) {
    let infos = journal.readers().expect("a reader can't spoil the others");
    let info = infos.iter().find(|info| info.name == name).expect("its file is there");
    assert!(info.lag <= END, "{info:?}");
    let before = info.position;
    let ranges: Vec<Range<u64>> = info.claimed.iter().chain(&info.done).cloned().collect();
    assert!(ranges.iter().all(|range| before.is_some_and(|at| at <= range.start) && range.start < range.end));
    if let Ok(mut shared) = journal.shared_reader_raw(name) {
        work(|| {
            let Some(range) = shared.claim(3)? else { return Ok(()) };
            assert!(range.end <= END && before.is_some_and(|at| at <= range.start), "{range:?}");
            let mut next = range.start;
            while let Some(chunk) = shared.next_chunk()? {
                assert_eq!(chunk.first_sequence(), next);
                next += chunk.len() as u64;
            }
            assert_eq!(next, range.end);
            shared.commit(range.end)
        });
        shared.abandon();
    }
    if let Ok(mut alone) = journal.named_reader_raw(name) {
        let from = alone.position();
        work(|| {
            while let Some(chunk) = alone.next_chunk()? {
                assert!(chunk.first_sequence() >= from, "it is committed");
                let end = chunk.first_sequence() + chunk.len() as u64;
                alone.commit(end)?;
            }
            Ok(())
        });
        assert!(alone.position() >= from);
        alone.abandon();
    }
}

/// What is done until something is refused.
fn work(work: impl FnOnce() -> Result<(), NamedReaderError>) {
    let _ = work();
}
