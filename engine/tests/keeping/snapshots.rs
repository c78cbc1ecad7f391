//! Snapshots: where recovery starts, what is refused, what retention leaves.

use super::*;

#[test]
fn a_clean_stop_leaves_a_snapshot_and_nothing_to_replay() {
    let folder = tempfile::tempdir().unwrap();
    let stage = || sum().snapshots(Snapshots::every(1_000_000));
    let (state, replayed) = live(folder.path(), stage(), ReplayFrom::Snapshot, 300);
    assert_eq!((state.total, state.seen, replayed), (total(300), 300, 0));
    let (state, replayed) = live(folder.path(), stage(), ReplayFrom::Snapshot, 10);
    assert_eq!((state.total, state.seen, replayed), (total(310), 310, 0));
    // The same state comes from full history.
    let (state, replayed) = live(folder.path(), stage(), ReplayFrom::Start, 0);
    assert_eq!((state.total, state.seen, replayed), (total(310), 310, 310));
}

#[test]
fn recovery_starts_at_the_newest_snapshot_and_replays_the_tail() {
    let folder = tempfile::tempdir().unwrap();
    let stage = || sum().snapshots(Snapshots::every(100).keep(2).at_shutdown(false));
    for life in 0..4 {
        let mut recovered = with_stage(folder.path(), stage());
        let replayed = recovered.replay(ReplayFrom::Snapshot).unwrap();
        assert_eq!(
            (replayed.end_sequence, replayed.events()),
            (life * 130, (life * 130) % 100),
            "life {life}"
        );
        let (engine, mut publisher) = recovered.go_live().unwrap();
        for id in life * 130..(life + 1) * 130 {
            publisher.publish(trade(id)).unwrap();
            // Let the keeper write each: it leaves one out while the one before is on its way.
            if id % 100 == 99 {
                while engine.kept()[0].snapshot_end < id + 1 {
                    std::thread::yield_now();
                }
            }
        }
        engine.join().unwrap();
    }
    let (state, replayed) = live(folder.path(), stage(), ReplayFrom::Snapshot, 0);
    assert_eq!((state.total, state.seen, replayed), (total(520), 520, 20));
    assert_eq!(snapshot_files(folder.path()).len(), 2);
}

/// A folder lies where a snapshot's file is to be made, and a pipe where the next one's is: nobody waits for
/// either, the first is said among the faults, and the snapshots behind it are written.
#[test]
fn a_snapshot_that_can_not_be_written_holds_neither_stage_nor_ring_up() {
    let folder = tempfile::tempdir().unwrap();
    let stage = sum().snapshots(Snapshots::every(100).at_shutdown(false));
    let mut recovered = with_stage(folder.path(), stage);
    recovered.replay(ReplayFrom::Snapshot).unwrap();
    let (engine, mut publisher) = recovered.go_live().unwrap();
    let in_the_way = folder.path().join("stages/sum/.00000000000000000100.snapshot.tmp");
    std::fs::create_dir(&in_the_way).unwrap();
    let fifo = folder.path().join("stages/sum/.00000000000000000200.snapshot.tmp");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let mut publish = |count: u64| {
        for _ in 0..count {
            let id = publisher.publish(trade(0)).unwrap();
            engine.wait_stage("sum", id).unwrap();
        }
    };
    // Through nine more ends of a snapshot, in a ring of 64.
    publish(1001);
    while engine.kept()[0].snapshots == 0 {
        publish(1);
    }
    let faults = engine.keep_faults();
    assert!(faults.len() == 1 && faults[0].contains("00000000000000000100.snapshot"), "{faults:?}");
    let end = engine.join().unwrap().end_sequence;
    assert!(end > 1000);
    let newest = snapshot_files(folder.path()).pop().unwrap();
    assert!(newest > folder.path().join("stages/sum/00000000000000000200.snapshot"), "{newest:?}");
}

#[test]
fn a_damaged_snapshot_is_refused_for_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let stage = || sum().snapshots(Snapshots::every(1_000_000));
    live(folder.path(), stage(), ReplayFrom::Snapshot, 100);
    live(folder.path(), stage(), ReplayFrom::Snapshot, 100);
    let newest = snapshot_files(folder.path()).pop().unwrap();
    let whole = std::fs::read(&newest).unwrap();
    // Every byte of it counts.
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        std::fs::write(&newest, &bytes).unwrap();
        let mut recovered = with_stage(folder.path(), stage());
        let replayed = recovered.replay(ReplayFrom::Snapshot).unwrap();
        // (The zeros at the header's end are checked too.)
        assert_eq!(replayed.events(), 100, "byte {at}");
        let restored = &recovered.restored()[0];
        assert_eq!((restored.end, restored.refused.len()), (Some(100), 1), "byte {at}");
        assert_eq!(restored.refused[0].path, newest);
        assert!(restored.to_string().contains("refused"), "{restored}");
        assert_eq!(recovered.end_sequence(), 200);
        drop(recovered);
    }
    std::fs::write(&newest, &whole[..whole.len() - 1]).unwrap();
    let (state, replayed) = live(folder.path(), stage(), ReplayFrom::Snapshot, 0);
    assert_eq!((state.total, replayed), (total(200), 100));
}

#[test]
fn a_snapshot_of_another_journal_or_of_lost_history_is_refused() {
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let stage = || sum().snapshots(Snapshots::every(1_000_000));
    live(a.path(), stage(), ReplayFrom::Snapshot, 100);
    live(b.path(), stage(), ReplayFrom::Snapshot, 100);
    let (own, foreign) = (&snapshot_files(a.path())[0], &snapshot_files(b.path())[0]);
    std::fs::copy(foreign, own).unwrap();
    let mut recovered = with_stage(a.path(), stage());
    assert_eq!(recovered.replay(ReplayFrom::Snapshot).unwrap().events(), 100);
    assert!(recovered.restored()[0].refused[0].why.contains("another journal"), "{:?}", recovered.restored());
}

#[test]
fn a_stage_that_keeps_its_state_must_see_all_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let stage = || sum().snapshots(Snapshots::every(1_000_000));
    live(folder.path(), stage(), ReplayFrom::Snapshot, 100);
    let error = with_stage(folder.path(), stage()).replay(ReplayFrom::Sequence(50)).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("stage sum") && text.contains("ReplayFrom::Snapshot"), "{text}");
    let error = with_stage(folder.path(), stage()).without_history().go_live().unwrap_err();
    assert!(error.to_string().contains("must see everything from sequence 0"), "{error}");
}

#[test]
fn retention_behind_snapshots_leaves_what_recovery_needs() {
    let folder = tempfile::tempdir().unwrap();
    let open = |snapshots: bool| {
        let journal = Journal::at(folder.path())
            .segment_records(64)
            .sync(SyncMode::every(Duration::from_millis(1)))
            .retention(Retention::new().only_behind_snapshots());
        let stage = if snapshots { sum().snapshots(Snapshots::every(100).keep(2)) } else { sum() };
        let lane = Lane::named("main").journal().with(stage);
        Engine::builder().ring_capacity(64).journal(journal).lane(lane).open().unwrap()
    };
    let mut first = 0;
    for life in 0..200 {
        let mut recovered = open(true);
        recovered.replay(ReplayFrom::Snapshot).unwrap();
        let (engine, mut publisher) = recovered.go_live().unwrap();
        for id in life * 250..(life + 1) * 250 {
            publisher.publish(trade(id)).unwrap();
        }
        engine.wait_durable((life + 1) * 250 - 1).unwrap();
        std::thread::sleep(Duration::from_millis(5));
        first = engine.retention().unwrap().first_sequence();
        engine.join().unwrap();
        if first > 0 {
            break;
        }
    }
    assert!(first > 0, "nothing was ever retired");
    let mut recovered = open(true);
    recovered.replay(ReplayFrom::Snapshot).unwrap();
    let end = recovered.end_sequence();
    let (engine, _) = recovered.go_live().unwrap();
    let state: Sum = engine.join().unwrap().take(&StageKey::named("sum")).unwrap();
    assert_eq!((state.total, state.seen), (total(end), end));
    // A stage without a snapshot needs what has gone.
    let error = open(false).replay(ReplayFrom::Snapshot).unwrap_err();
    assert!(matches!(error, ReplayError::Keep(KeepError::NeedsHistory { .. })), "{error}");
    assert!(error.to_string().contains("retired"), "{error}");
}

/// A snapshot of another journal under the name of one at `end`, in the folder of the stage "sum".
fn put_foreign_snapshot(journal: &Path, end: u64) {
    let other = tempfile::tempdir().unwrap();
    live(other.path(), sum().snapshots(Snapshots::every(1_000_000)), ReplayFrom::Snapshot, 100);
    let folder = journal.join("stages/sum");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::copy(&snapshot_files(other.path())[0], folder.join(format!("{end:020}.snapshot"))).unwrap();
}

#[test]
fn a_refused_snapshot_ahead_does_not_have_the_new_ones_removed() {
    let folder = tempfile::tempdir().unwrap();
    let stage = || sum().snapshots(Snapshots::every(1_000_000).keep(1));
    live(folder.path(), stage(), ReplayFrom::Snapshot, 100);
    put_foreign_snapshot(folder.path(), 10_000);
    live(folder.path(), stage(), ReplayFrom::Snapshot, 100);
    let (state, replayed) = live(folder.path(), stage(), ReplayFrom::Snapshot, 0);
    assert_eq!((state.total, state.seen, replayed), (total(200), 200, 0));
}

#[test]
fn a_refused_snapshot_lets_retention_remove_nothing() {
    let folder = tempfile::tempdir().unwrap();
    put_foreign_snapshot(folder.path(), 10_000);
    let open = || {
        let journal = Journal::at(folder.path())
            .segment_records(64)
            .sync(SyncMode::every(Duration::from_millis(1)))
            .retention(Retention::new().only_behind_snapshots());
        let often =
            Stage::new("often", Sum::default(), Gate::JOURNALLED).snapshots(Snapshots::every(100).keep(1));
        let seldom = sum().snapshots(Snapshots::every(1_000_000).at_shutdown(false));
        let lane = Lane::named("main").journal().with(often).with(seldom);
        Engine::builder().ring_capacity(64).journal(journal).lane(lane).open().unwrap()
    };
    // "sum" has no snapshot, so it needs all of history.
    three_lives(open, ReplayFrom::Snapshot);
}

/// Opens and replays three times, and publishes until the first stage has a snapshot.
fn three_lives(open: impl Fn() -> Recovered<Trade>, from: ReplayFrom) {
    for _ in 0..3 {
        let mut recovered = open();
        recovered.replay(from).unwrap();
        let end = recovered.end_sequence();
        let (engine, mut publisher) = recovered.go_live().unwrap();
        for id in end..end + 1_000 {
            publisher.publish(trade(id)).unwrap();
        }
        engine.wait_durable(end + 999).unwrap();
        while engine.kept()[0].snapshots == 0 {
            std::thread::yield_now();
        }
        engine.join().unwrap();
    }
}

#[test]
fn what_needs_a_journal_says_so_at_once() {
    let stage = Stage::new("sum", Sum::default(), Gate::PUBLISHED).snapshots(Snapshots::every(10));
    let lane = Lane::named("main").with(stage);
    let error = Engine::builder().lane(lane).open().unwrap_err();
    assert!(error.to_string().contains("stage sum keeps snapshots"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let stage = sum().stateless().digests(Digests::every(1));
    let error = builder(folder.path()).lane(Lane::named("main").journal().with(stage)).open().unwrap_err();
    assert!(error.to_string().contains("stateless and keeps digests"), "{error}");
    let stage = Stage::new("a/b", Sum::default(), Gate::JOURNALLED).digests(Digests::every(1));
    let error = builder(folder.path()).lane(Lane::named("main").journal().with(stage)).open().unwrap_err();
    assert!(error.to_string().contains("a/b"), "{error}");
}

#[test]
fn stages_start_each_where_its_own_is() {
    let folder = tempfile::tempdir().unwrap();
    let calls: [Arc<AtomicU64>; 3] = Default::default();
    let open = || {
        let handler = |index: usize| Sum { calls: Arc::clone(&calls[index]), ..Sum::default() };
        let lane = Lane::named("main")
            .journal()
            .with(
                Stage::new("sum", handler(0), Gate::JOURNALLED)
                    .snapshots(Snapshots::every(100).at_shutdown(false)),
            )
            .with(Stage::new("plain", handler(1), Gate::JOURNALLED))
            .with(Stage::new("print", handler(2), Gate::PUBLISHED.after("sum")).stateless());
        builder(folder.path()).lane(lane).open().unwrap()
    };
    let mut recovered = open();
    recovered.replay(ReplayFrom::Snapshot).unwrap();
    let (engine, mut publisher) = recovered.go_live().unwrap();
    for id in 0..250 {
        publisher.publish(trade(id)).unwrap();
        while id % 100 == 99 && engine.kept()[0].snapshot_end < id + 1 {
            std::thread::yield_now();
        }
    }
    engine.join().unwrap();
    assert_eq!(calls.each_ref().map(|calls| calls.swap(0, Ordering::Relaxed)), [250, 250, 250]);
    let mut recovered = open();
    let replayed = recovered.replay(ReplayFrom::Snapshot).unwrap();
    assert_eq!(replayed.first_sequence, 0, "the plain stage needs all");
    let (engine, _) = recovered.go_live().unwrap();
    let mut report = engine.join().unwrap();
    assert_eq!(calls.each_ref().map(|calls| calls.load(Ordering::Relaxed)), [50, 250, 0]);
    let state: Sum = report.take(&StageKey::named("sum")).unwrap();
    assert_eq!((state.total, state.seen), (total(250), 250));
}

#[test]
fn retention_keeps_what_digests_need() {
    let folder = tempfile::tempdir().unwrap();
    let open = || {
        let journal = Journal::at(folder.path())
            .segment_records(64)
            .sync(SyncMode::every(Duration::from_millis(1)))
            .retention(Retention::new().only_behind_snapshots());
        let often =
            Stage::new("often", Sum::default(), Gate::JOURNALLED).snapshots(Snapshots::every(100).keep(1));
        // Digests are of a state that saw all, and no snapshot holds it.
        let lane = Lane::named("main").journal().with(often).with(sum().digests(Digests::every(10)));
        Engine::builder().ring_capacity(64).journal(journal).lane(lane).open().unwrap()
    };
    three_lives(open, ReplayFrom::Start);
}

#[test]
fn what_was_handed_over_is_on_disk_before_the_next_writer_is_let_in() {
    use slipring_journal::__private::storage::{Files, Storage};
    for life in 0..5 {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::at(folder.path()).segment_records(1 << 14).sync(SyncMode::None);
        let lane = Lane::named("main").journal().with(sum().snapshots(Snapshots::every(1_000_000)));
        let builder = Engine::builder().ring_capacity(64).journal(journal).lane(lane);
        let (engine, mut publisher) = builder.open().unwrap().go_live().unwrap();
        let sequence = publisher.publish(trade(0)).unwrap();
        engine.wait_stage("sum", sequence).unwrap();
        // The one that ends in good order, and the one that is only dropped.
        let ends = std::thread::spawn(move || match life % 2 {
            0 => drop(engine.join().unwrap()),
            _ => drop((engine, publisher)),
        });
        let files = Files::new(folder.path());
        let lock = loop {
            if let Ok(lock) = files.lock() {
                break lock;
            }
            std::hint::spin_loop();
        };
        assert_eq!(snapshot_files(folder.path()).len(), 1, "life {life}");
        drop(lock);
        ends.join().unwrap();
    }
}
