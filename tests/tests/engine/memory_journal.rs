//! A journal on a memory file system: the pure in-memory mode. It takes no more memory than it is told to
//! keep, its history can be followed and replayed, it survives the process, and nothing of the journal needs
//! to know.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::process::Signal;
use slipring::{
    Context, Engine, Gate, Journal, Lane, LateConsumer, LateContext, ReplayFrom, Retention, RunningDigest,
    SyncMode, bytemuck,
};
use slipring_tests::children::{Child, skipped};
use slipring_tests::journals::{Note, note, time};
use slipring_tests::lives::note_of_round;

const TMPFS: i64 = 0x0102_1994;
const RAMFS: i64 = 0x8584_58f6;

/// A folder in memory.
fn in_memory(test: &str) -> Option<tempfile::TempDir> {
    let place = Path::new("/dev/shm");
    let kind = rustix::fs::statfs(place).map(|about| about.f_type);
    if !kind.is_ok_and(|kind| kind == TMPFS || kind == RAMFS) {
        skipped(test, "/dev/shm is no memory file system");
        return None;
    }
    tempfile::tempdir_in(place).map_err(|error| skipped(test, &format!("/dev/shm: {error}"))).ok()
}

/// Bytes that the files in a folder take.
fn bytes_in(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    // A file may go between the listing and the look.
    entries.filter_map(|entry| entry.metadata().ok()).map(|about| about.len()).sum()
}

const SEGMENT_RECORDS: u64 = 4_096;
const SEGMENT_BYTES: u64 = 8_192 + SEGMENT_RECORDS * 64;
const KEPT_SEGMENTS: u64 = 4;

#[test]
fn it_keeps_recent_history_in_bounded_memory_in_every_sync_mode() {
    const COUNT: u64 = 60 * SEGMENT_RECORDS;
    for sync in [SyncMode::None, SyncMode::every(Duration::from_millis(5)), SyncMode::EveryBatch] {
        let Some(folder) = in_memory("memory_journal::bounded") else { return };
        let retention = Retention::new().keep_bytes(KEPT_SEGMENTS * SEGMENT_BYTES).lease_bytes(SEGMENT_BYTES);
        let journal =
            Journal::at(folder.path()).segment_records(SEGMENT_RECORDS).sync(sync).retention(retention);
        let open = || {
            let digest = Arc::new(AtomicU64::new(0));
            let (told, mut running) = (Arc::clone(&digest), RunningDigest::new());
            let fold = move |event: &Note, context: &Context| {
                running.word(context.sequence() ^ context.time_ns());
                running.bytes(bytemuck::bytes_of(event));
                told.store(running.value(), Ordering::Relaxed);
            };
            let lane = Lane::named("main").journal().stage("fold", fold, Gate::JOURNALLED);
            (Engine::builder().journal(journal.clone()).lane(lane).open().unwrap(), digest)
        };
        let (engine, mut publisher) = open().0.go_live().unwrap();
        let seen = engine.follow(LateConsumer::named("seen"), |event: &Note, context: &LateContext| {
            assert_eq!(*event, note(context.sequence()));
        });
        let mut most_bytes = 0;
        for id in 0..COUNT {
            publisher.publish_at(time(id), note(id)).unwrap();
            if id % 1_000 == 0 {
                most_bytes = most_bytes.max(bytes_in(folder.path()));
            }
        }
        engine.wait_durable(COUNT - 1).unwrap();
        engine.join().unwrap();
        let seen = seen.unwrap().join();
        assert!(seen.failure.is_some() || seen.end == COUNT, "evicted, or it has seen all: {seen:?}");
        // Unlinking trails the writer by as much as its thread is kept from a core; without it all 60 would
        // be there.
        let bound = 40 * SEGMENT_BYTES;
        assert!(most_bytes <= bound, "{sync:?}: {most_bytes} bytes of {bound}");
        // At the end: what is kept, the active one, and what the last sync made due.
        let (left, bound) = (bytes_in(folder.path()), (KEPT_SEGMENTS + 3) * SEGMENT_BYTES);
        assert!(left <= bound, "{sync:?}: {left} bytes of {bound} at the end");

        // The next process finds recent history, and replays it as from any disk.
        let first = journal.reader::<Note>().unwrap().first_sequence();
        assert!(first > COUNT / 2, "{first}");
        let (mut recovered, digest) = open();
        let report = recovered.replay(ReplayFrom::Start).unwrap();
        assert_eq!((report.first_sequence, report.end_sequence), (first, COUNT));
        let mut wanted = RunningDigest::new();
        for id in first..COUNT {
            wanted.word(id ^ time(id));
            wanted.bytes(bytemuck::bytes_of(&note(id)));
        }
        assert_eq!(digest.load(Ordering::Relaxed), wanted.value());
    }
}

#[test]
fn it_survives_the_process() {
    let Some(folder) = in_memory("memory_journal::kill") else { return };
    let place = folder.path().join("journal");
    let mut command = Command::new(env!("CARGO_BIN_EXE_journal_child"));
    let mut child = Child::start(command.arg("live").arg(&place).arg("400000"));
    let line = child.line().expect("it says when a quarter is durable");
    let acknowledged: u64 = line.strip_prefix("durable ").expect("durable first").parse().unwrap();
    child.signal(Signal::KILL);
    let (_, status) = child.rest();
    assert!(status.code().is_none(), "it ended by itself: {status}");
    let journal = Journal::at(&place);
    let (writer, report) = slipring_journal::Journal::at(&place).segment_records(16).open::<Note>().unwrap();
    assert!(report.end_sequence >= acknowledged, "{report}");
    assert_eq!(report.valid_discarded, 0, "{report}");
    drop(writer);
    let mut reader = journal.reader::<Note>().unwrap();
    for sequence in 0..report.end_sequence {
        assert_eq!(*reader.at(sequence).unwrap().event(), note_of_round(sequence, 0));
    }
}

/// A restart of the machine leaves nothing: the folder is gone, and what is opened then is a new journal with
/// another identity, so that no position saved elsewhere can be taken for one in it.
#[test]
fn behind_a_restart_it_is_another_journal() {
    let Some(folder) = in_memory("memory_journal::restart") else { return };
    let place = folder.path().join("journal");
    let mut ids = BTreeSet::new();
    for _ in 0..2 {
        let (mut writer, report) = Journal::at(&place).open::<Note>().unwrap();
        assert!(report.created, "{report}");
        writer.append(time(0), &note(0)).unwrap();
        writer.close().unwrap();
        let anchor = Journal::at(&place).reader::<Note>().unwrap().as_raw().anchor(0).unwrap();
        ids.insert(anchor.journal_id);
        // As a restart does.
        std::fs::remove_dir_all(&place).unwrap();
    }
    assert_eq!(ids.len(), 2);
}
