//! Late consumers over the files alone: of a journal that another process writes, of one whose history power
//! loss has changed behind them, of large records. In the writer's process:
//! `tests/tests/engine/late_consumers.rs`.

use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use slipring::{Event, Journal, LateConsumer, LateContext, LateError, LateHandle, ReadError};
use slipring_tests::children::Child;
use slipring_tests::folders::in_memory;
use slipring_tests::journals::{Note, time};
use slipring_tests::lives::note_of_round;

fn wait_for<H>(handle: &LateHandle<H>, end: u64) {
    while handle.end() < end {
        assert!(handle.is_running() || handle.end() >= end, "{:?}", handle.failure());
        std::thread::sleep(Duration::from_micros(100));
    }
}

#[test]
fn it_follows_what_another_process_writes() {
    const COUNT: u64 = 5_000;
    let folder = in_memory();
    let place = folder.path().join("journal");
    let mut command = Command::new(env!("CARGO_BIN_EXE_journal_child"));
    let child = Child::start(command.arg("live").arg(&place).arg(COUNT.to_string()));
    let journal = Journal::at(&place);
    let next = Arc::new(AtomicU64::new(0));
    let handler = {
        let next = Arc::clone(&next);
        move |event: &Note, context: &LateContext| {
            let wanted = next.load(Ordering::Relaxed);
            assert_eq!((context.sequence(), context.time_ns()), (wanted, time(wanted)));
            assert_eq!(*event, note_of_round(wanted, 0));
            next.store(wanted + 1, Ordering::Relaxed);
        }
    };
    let handle = loop {
        match LateConsumer::named("other").follow::<Note, _>(&journal, handler.clone()) {
            Ok(handle) => break handle,
            // The child has not made it yet.
            Err(LateError::Start { .. }) => std::thread::sleep(Duration::from_micros(200)),
            Err(error) => panic!("{error}"),
        }
    };
    let (lines, status) = child.rest();
    assert!(status.success(), "{lines:?}");
    assert_eq!(lines.last().unwrap(), &format!("closed {COUNT}"));
    wait_for(&handle, COUNT);
    assert_eq!(handle.lag(), None);
    // It waits for the next life.
    let (mut writer, _) = journal.open::<Note>().unwrap();
    writer.append(time(COUNT), &note_of_round(COUNT, 0)).unwrap();
    wait_for(&handle, COUNT + 1);
    writer.close().unwrap();
    let stopped = handle.stop();
    assert!(stopped.failure.is_none(), "{:?}", stopped.failure);
    assert_eq!(next.load(Ordering::Relaxed), COUNT + 1);
}

#[test]
fn it_is_told_when_power_loss_has_changed_history_behind_it() {
    let folder = in_memory();
    let journal = Journal::at(folder.path()).segment_records(1_000);
    let append = |round: u64, ids: std::ops::Range<u64>, opened: &mut dyn FnMut()| {
        let (mut writer, _) = journal.open::<Note>().unwrap();
        opened();
        for id in ids {
            assert_eq!(writer.append(time(id), &note_of_round(id, round)).unwrap(), id);
        }
        writer.close().unwrap();
    };
    append(1, 0..10, &mut || ());
    let mut on_disk = Vec::new();
    append(2, 10..20, &mut || {
        // What the disk holds when the power fails before anything more is synced.
        for entry in std::fs::read_dir(folder.path()).unwrap().map(Result::unwrap) {
            if !entry.file_name().to_string_lossy().contains("LOCK") {
                on_disk.push((entry.path(), std::fs::read(entry.path()).unwrap()));
            }
        }
    });
    // It stands in the last record while all that happens.
    let ((says, hears), (lets, let_go)) = (channel(), channel::<()>());
    let let_go = Mutex::new(let_go);
    let handler = move |_: &Note, context: &LateContext| {
        if context.sequence() == 19 {
            says.send(()).unwrap();
            let _ = let_go.lock().unwrap().recv();
        }
    };
    let seen = LateConsumer::named("seen").follow::<Note, _>(&journal, handler).unwrap();
    hears.recv().unwrap();
    for (path, bytes) in on_disk {
        std::fs::write(path, bytes).unwrap();
    }
    append(3, 10..40, &mut || ());
    lets.send(()).unwrap();
    let ended = seen.join();
    let failure = ended.failure.unwrap();
    let changed =
        matches!(&failure, LateError::Read { source: ReadError::HistoryChanged { .. }, sequence: 20, .. });
    assert!(changed, "{failure}");
}

/// A record larger than what a follower reads at a time: it once read none of it, for ever.
#[test]
fn records_larger_than_a_read_come_too() {
    #[derive(Clone, Copy, Event)]
    #[repr(C)]
    struct Large {
        words: [u64; 40_000],
    }
    let folder = in_memory();
    let journal = Journal::at(folder.path()).segment_records(4);
    let (mut writer, _) = journal.open::<Large>().unwrap();
    let mut event = Box::new(Large { words: [0; 40_000] });
    for id in 0..6 {
        event.words[39_999] = id;
        writer.append(id, &event).unwrap();
    }
    let mut follower = journal.follow::<Large>(0).unwrap();
    let mut seen = Vec::new();
    while let Some(chunk) = follower.next_chunk().unwrap() {
        seen.extend(chunk.records.iter().map(|record| record.event().words[39_999]));
    }
    assert_eq!(seen, [0, 1, 2, 3, 4, 5]);
}
