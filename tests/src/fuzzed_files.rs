//! What the fuzz targets do with arbitrary bytes as a file beside a journal: a stage's snapshot, an engine's
//! counters. The bodies of `fuzzed.rs` have their folders in memory, these two a file on disk, for that is
//! where such files are read from.

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use slipring::{
    Context, CountersError, CountersReader, Engine, FollowFrom, Gate, Journal, KeptInfo, Lane, LateConsumer,
    LateContext, ReplayFrom, Snapshots, SyncMode,
};
use tempfile::TempDir;

use crate::journals::{Note, note};
use crate::keeps_all;

const STATIC_FIELDS: usize = 128;
const STAGE_NAMES: usize = 128;
const BLOCK_BYTES: usize = 4096;
const SNAPSHOT_HEADER: usize = 64;

/// A journal with one snapshot, and an engine's counters beside it.
struct Place {
    _folder: TempDir,
    journal: PathBuf,
    snapshot: PathBuf,
    whole_snapshot: Vec<u8>,
    counters: PathBuf,
    whole_counters: Vec<u8>,
}

thread_local! {
    /// Made once a thread, which it goes with.
    static PLACE: Place = Place::make();
}

impl Place {
    fn make() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (journal, counters) = (folder.path().join("j"), folder.path().join("counters"));
        let whole_counters = live(&journal, &counters);
        let kept = KeptInfo::of(&journal).expect("just written");
        let snapshot = kept[0].snapshots.last().expect("taken at shutdown").path.clone();
        let whole_snapshot = std::fs::read(&snapshot).expect("just written");
        Place { _folder: folder, journal, snapshot, whole_snapshot, counters, whole_counters }
    }
}

/// The bytes of the counters file of an engine of this process: three stages, a late consumer, sixty events.
/// It counts for the file that the engine made, whatever file its bytes are written to.
pub fn whole_counters() -> Vec<u8> {
    PLACE.with(|place| place.whole_counters.clone())
}

/// Has whole counters say that the engine has halted in its stage "other": the words are as
/// docs/reference/counters.md says.
pub fn halt(counters: &mut [u8]) {
    const FATE: usize = BLOCK_BYTES + 640;
    let cause = b"told to";
    for (word, value) in [1, 2, 30, cause.len() as u64].into_iter().enumerate() {
        counters[FATE + 8 * word..][..8].copy_from_slice(&value.to_le_bytes());
    }
    counters[BLOCK_BYTES + 768..][..cause.len()].copy_from_slice(cause);
}

/// Lives once, and gives what the counters were at the end.
fn live(journal: &Path, counters: &Path) -> Vec<u8> {
    let mut recovered = Engine::builder()
        .ring_capacity(64)
        .journal(Journal::at(journal).segment_records(64).sync(SyncMode::every(Duration::from_millis(1))))
        .counters_at(counters)
        .lane(Lane::named("main").journal().with(keeps_all::stage(Snapshots::every(1 << 40))))
        .lane(Lane::named("other").stage("other", |_: &Note, _: &Context| {}, Gate::PUBLISHED))
        .open()
        .expect("a new journal");
    recovered.replay(ReplayFrom::Snapshot).expect("there is nothing");
    let (engine, mut publisher) = recovered.go_live().expect("replayed");
    let consumer = LateConsumer::named("late").from(FollowFrom::Start);
    let late = engine.follow(consumer, |_: &Note, _: &LateContext| {}).expect("it has a journal");
    for id in 0..60 {
        publisher.publish(note(id)).expect("it runs");
    }
    let reader = CountersReader::open(counters).expect("just made");
    // What others are shown may trail by a batch.
    while reader.read().expect("it runs").stages.iter().any(|stage| stage.end < 60) {
        std::thread::yield_now();
    }
    let mut bytes = std::fs::read(counters).expect("it lives");
    drop(late);
    engine.join().expect("nothing is wrong");
    // No engine's file any more: it may be read wherever it lies.
    bytes[120..128].fill(0);
    mend_counters(&mut bytes);
    bytes
}

/// Gives the part of a counters file that never changes the checksum that its bytes call for, if it lies in
/// the file.
pub fn mend_counters(bytes: &mut [u8]) {
    let Some(stages) = bytes.get(104..108).and_then(|stages| stages.try_into().ok()) else { return };
    let names = STAGE_NAMES.saturating_mul(u32::from_le_bytes(stages) as usize);
    let length = (STATIC_FIELDS + names + 4).next_multiple_of(BLOCK_BYTES);
    if let Some(part) = bytes.get_mut(..length) {
        let crc = crc32c::crc32c(&part[..length - 4]);
        part[length - 4..].copy_from_slice(&crc.to_le_bytes());
    }
}

/// Arbitrary bytes as a counters file: words of a whole one changed, perhaps cut or longer, perhaps with the
/// checksum.
pub fn counters(bytes: &[u8]) {
    let Some((&how, rest)) = bytes.split_first() else { return };
    PLACE.with(|place| {
        let mut file = place.whole_counters.clone();
        if how & 16 == 0 {
            halt(&mut file);
        }
        change(&mut file, rest);
        if how & 1 == 0 {
            mend_counters(&mut file);
        }
        if how & 14 == 0 {
            file.resize((file.len() + usize::from(how)).saturating_sub(128), 0xff);
        }
        put(&place.counters, &file);
        let _ = look_at_counters(&place.counters);
    });
}

/// Opens a counters file and reads it in each way that there is. What is taken for one says no more than the
/// file has room for.
pub fn look_at_counters(path: &Path) -> Result<(), CountersError> {
    let length = std::fs::metadata(path).expect("it is there").len() as usize;
    let reader = CountersReader::open(path)?;
    let last = reader.last();
    let read = reader.read();
    for counters in std::iter::once(&last).chain(read.as_ref().ok()) {
        let names = counters.stages.iter().map(|stage| stage.name.len() + stage.lane.len());
        let late = counters.late_consumers.iter().map(|late| late.name.len());
        let acknowledged = counters.acknowledged.iter().map(|one| one.name.len());
        let cause = counters.halted.as_ref().map_or(0, |halted| halted.cause.len());
        // What is no UTF-8 takes three bytes for one.
        assert!(names.chain(late).chain(acknowledged).sum::<usize>() + cause <= 3 * length, "{counters}");
        assert!(counters.stages.len() * STAGE_NAMES <= length && counters.late_consumers.len() <= 16);
        assert!(counters.acknowledged.len() <= 8, "{counters}");
        assert!(counters.stages.iter().all(|stage| stage.end <= counters.published_end), "{counters}");
        assert!(!counters.to_string().is_empty());
    }
    read.map(drop)
}

/// Arbitrary bytes as a stage's snapshot: a whole one's header changed, its state too, cut or longer, with
/// the length and the checksum that its bytes call for, or not. What is taken for one is of the record that
/// the log has.
pub fn snapshot(bytes: &[u8]) {
    let Some((&how, rest)) = bytes.split_first() else { return };
    PLACE.with(|place| {
        let mut file = place.whole_snapshot.clone();
        if how & 6 == 0 {
            file.resize((file.len() + usize::from(how >> 3)).saturating_sub(16), 0xff);
        }
        change(&mut file, rest);
        if how & 1 == 0 {
            mend_snapshot(&mut file);
        }
        put(&place.snapshot, &file);
        let kept = KeptInfo::of(&place.journal).expect("a snapshot can't spoil the journal");
        let found = kept[0].snapshots.last().expect("it is there");
        assert_eq!((found.bytes, found.version.is_none()), (file.len() as u64, found.fault.is_some()));
        if let Some(version) = found.version {
            let state_bytes = (file.len() - SNAPSHOT_HEADER) as u64;
            assert_eq!(file[..12], place.whole_snapshot[..12], "magic and format");
            assert_eq!(file[12..16], version.to_le_bytes());
            assert_eq!(file[16..48], place.whole_snapshot[16..48], "where it was taken");
            assert_eq!(file[48..56], state_bytes.to_le_bytes());
        } else {
            assert!(how & 1 != 0 || file != place.whole_snapshot, "refused: {:?}", found.fault);
        }
    });
}

/// Gives a snapshot the length and the checksum that its bytes call for.
fn mend_snapshot(file: &mut [u8]) {
    let Some((header, state)) = file.split_at_mut_checked(SNAPSHOT_HEADER) else { return };
    header[48..56].copy_from_slice(&(state.len() as u64).to_le_bytes());
    let crc = crc32c::crc32c_append(crc32c::crc32c(&header[..56]), state);
    header[56..60].copy_from_slice(&crc.to_le_bytes());
}

/// Writes a file anew. Not cut to nothing first: file systems then write it to the disk at once.
pub fn put(path: &Path, bytes: &[u8]) {
    let options = std::fs::OpenOptions::new().write(true).create(true).truncate(false).open(path);
    let file = options.expect("it is ours");
    file.write_all_at(bytes, 0).expect("there is room");
    file.set_len(bytes.len() as u64).expect("there is room");
}

/// Numbers that a length, a count or an offset should not be taken for.
const NUMBERS: [u64; 8] = [0, 1, u64::MAX, u64::MAX - 1, 1 << 16, (1 << 16) + 1, 1 << 32, 1 << 63];

/// Changes words of a file: four bytes of the input say which and to what. An edit of zeros changes nothing.
fn change(file: &mut [u8], edits: &[u8]) {
    let words = file.len() / 4;
    for edit in edits.chunks_exact(4).filter(|edit| **edit != [0; 4] && words > 0) {
        // Half of the edits hit the first bytes, where the lengths are.
        let most = if edit[3] & 1 == 0 { words.min(32) } else { words };
        let at = 4 * (usize::from(u16::from_le_bytes([edit[0], edit[1]])) % most);
        let bytes = if edit[3] & 2 == 0 { 4 } else { 8.min(file.len() - at) };
        let number = match edit[3] & 4 {
            0 => NUMBERS[usize::from(edit[2]) % NUMBERS.len()],
            _ => u64::from(edit[2]),
        };
        file[at..at + bytes].copy_from_slice(&number.to_le_bytes()[..bytes]);
    }
}
