//! Gates are this process's own: what others store into the counters file, or a forked child into its memory,
//! opens none, and tells the engine nothing.

use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use slipring::{Context, CountersReader, Engine, Gate, Journal, Lane, LateConsumer, LateContext, Publisher};
use slipring_tests::journals::{Note, note};

/// Sets on dropping, so that a test that fails ends.
struct Release(Arc<AtomicBool>);

impl Drop for Release {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

struct Pipeline {
    engine: Engine<Note>,
    publisher: Publisher<Note>,
    go_on: Release,
    /// How many events the stage behind the held one has seen, and the one behind durable.
    seen: [Arc<AtomicU64>; 2],
}

/// The stage "held" stands still until told; "behind" waits for it, "durable" for both.
fn start(folder: &Path) -> Pipeline {
    let go_on = Arc::new(AtomicBool::new(false));
    let seen: [Arc<AtomicU64>; 2] = Default::default();
    let wait = Arc::clone(&go_on);
    let held = move |_: &Note, _: &Context| {
        while !wait.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(1));
        }
    };
    let count = |at: usize| {
        let seen = Arc::clone(&seen[at]);
        move |_: &Note, _: &Context| {
            seen.fetch_add(1, Ordering::SeqCst);
        }
    };
    let (engine, publisher) = Engine::builder()
        .ring_capacity(256)
        .journal(Journal::at(folder.join("journal")))
        .counters_at(folder.join("counters"))
        .lane(Lane::named("journal").journal())
        .lane(Lane::named("held").stage("held", held, Gate::PUBLISHED))
        .lane(Lane::named("behind").stage("behind", count(0), Gate::PUBLISHED.after("held")))
        .lane(Lane::named("durable").stage("durable", count(1), Gate::DURABLE.after("held")))
        .open()
        .unwrap()
        .go_live()
        .unwrap();
    Pipeline { engine, publisher, go_on: Release(go_on), seen }
}

fn wait_until(what: &str, is: impl Fn() -> bool) {
    assert!(within_two_minutes(is), "{what}");
}

fn within_two_minutes(mut is: impl FnMut() -> bool) -> bool {
    let since = Instant::now();
    while !is() {
        if since.elapsed() >= Duration::from_secs(120) {
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    true
}

impl Pipeline {
    fn seen(&self) -> [u64; 2] {
        self.seen.each_ref().map(|seen| seen.load(Ordering::SeqCst))
    }

    /// The held stage goes on, and all comes to a good end.
    fn end(self, events: u64) {
        drop(self.go_on);
        let report = self.engine.join().unwrap();
        assert_eq!((report.end_sequence, report.durable_end), (events, Some(events)));
        assert_eq!(self.seen.map(|seen| seen.load(Ordering::SeqCst)), [events, events]);
    }
}

#[test]
fn row_what_another_process_stores_into_the_counters_moves_no_gate() {
    let folder = tempfile::tempdir().unwrap();
    let mut pipeline = start(folder.path());
    for id in 0..10 {
        pipeline.publisher.publish(note(id)).unwrap();
    }
    pipeline.engine.wait_durable(9).unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(folder.path().join("counters")).unwrap();
    let words = (file.metadata().unwrap().len() - 4096) as usize;
    // As often as the lanes copy theirs back.
    for round in 0..50 {
        file.write_all_at(&vec![if round % 2 == 0 { 0xff } else { 0 }; words], 4096).unwrap();
        std::thread::sleep(Duration::from_millis(1));
        assert_eq!(pipeline.seen(), [0, 0], "a gate was opened from without");
    }
    let counters = pipeline.engine.counters();
    assert_eq!((counters.published_end, counters.durable_end, counters.closed), (10, Some(10), false));
    assert_eq!(counters.stages.iter().map(|stage| stage.end).collect::<Vec<_>>(), [10, 0, 0, 0]);
    assert!(pipeline.publisher.is_open() && counters.halted.is_none());
    file.write_all_at(&vec![0xff; words], 4096).unwrap();
    pipeline.publisher.publish(note(10)).unwrap();
    pipeline.end(11);
}

#[test]
fn row_a_forked_child_moves_no_gate_of_its_parent_and_none_of_its_figures() {
    let folder = tempfile::tempdir().unwrap();
    let mut pipeline = start(folder.path());
    for id in 0..10 {
        pipeline.publisher.publish(note(id)).unwrap();
    }
    pipeline.engine.wait_durable(9).unwrap();
    let reader = CountersReader::open(folder.path().join("counters")).unwrap();
    wait_until("the journal's end is shown", || reader.read().unwrap().published_end == 10);
    let before = reader.read().unwrap();
    // SAFETY: the child publishes into its copy of the ring, which neither allocates nor locks, and leaves.
    match unsafe { libc::fork() } {
        0 => {
            for id in 0..200 {
                let _ = pipeline.publisher.try_publish(note(id));
            }
            // Full, and counted as refused, in the child alone.
            while pipeline.publisher.try_publish(note(0)).is_ok() {}
            // SAFETY: it ends the child, and runs nothing of the parent's.
            unsafe { libc::_exit(0) };
        }
        child => {
            let mut status = 0;
            // SAFETY: the status lives through the call.
            assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
            assert_eq!(status, 0, "the child came to its end");
        }
    }
    std::thread::sleep(Duration::from_millis(20));
    let after = reader.read().unwrap();
    assert_eq!(pipeline.seen(), [0, 0]);
    assert_eq!((after.published_end, after.full_refusals), (10, 0));
    assert_eq!((after.closed, &after.stages), (before.closed, &before.stages));
    assert_eq!(pipeline.engine.counters().published_end, 10);
    pipeline.end(10);
}

/// In the child are none of the engine's threads: whatever its drop does there is done by the one that
/// forked. It closes publishing, drains, ends; none of which the parent has done.
#[test]
fn row_a_forked_child_that_drops_its_engine_writes_nothing_into_its_parents_counters() {
    let folder = tempfile::tempdir().unwrap();
    let mut pipeline = start(folder.path());
    for id in 0..10 {
        pipeline.publisher.publish(note(id)).unwrap();
    }
    pipeline.engine.wait_durable(9).unwrap();
    let path = folder.path().join("counters");
    let reader = CountersReader::open(&path).unwrap();
    wait_until("the journal's end is shown", || {
        let shown = reader.read().unwrap();
        (shown.published_end, shown.durable_end, shown.journalled_end) == (10, Some(10), Some(10))
    });
    let before = std::fs::read(&path).unwrap();
    // SAFETY: only this thread used the engine and its publisher, and the allocator is usable in a child of
    // fork.
    let child = match unsafe { libc::fork() } {
        0 => {
            let Pipeline { engine, publisher, .. } = pipeline;
            drop(publisher);
            drop(engine);
            // SAFETY: it ends the child, and runs nothing of the parent's.
            unsafe { libc::_exit(0) };
        }
        child => child,
    };
    let mut status = -1;
    let ended = || {
        // SAFETY: the status lives through the call.
        unsafe { libc::waitpid(child, &mut status, libc::WNOHANG) == child }
    };
    let has_ended = within_two_minutes(ended);
    // SAFETY: a child that has not been waited for still has its number.
    let killed = !has_ended && unsafe { libc::kill(child, libc::SIGKILL) } == 0;
    assert_eq!((killed, status), (false, 0), "the child came to its end");
    assert!(path.exists(), "the child took its parent's file away");
    assert!(std::fs::read(&path).unwrap() == before, "the child wrote into its parent's file");
    let after = reader.read().unwrap();
    assert_eq!((after.published_end, after.closed, after.halted), (10, false, None));
    pipeline.publisher.publish(note(10)).unwrap();
    pipeline.end(11);
}

#[test]
fn row_a_late_consumer_from_a_sequence_that_never_comes_falsifies_no_figure() {
    let folder = tempfile::tempdir().unwrap();
    let mut pipeline = start(folder.path());
    let reader = CountersReader::open(folder.path().join("counters")).unwrap();
    let handles: Vec<_> = [u64::MAX, u64::MAX - 1, 1 << 40]
        .into_iter()
        .map(|sequence| {
            let from = slipring::FollowFrom::Sequence(sequence);
            let consumer = LateConsumer::named(format!("from {sequence}")).from(from);
            pipeline.engine.follow(consumer, |_: &Note, _: &LateContext| {}).unwrap()
        })
        .collect();
    pipeline.publisher.publish(note(0)).unwrap();
    pipeline.engine.wait_durable(0).unwrap();
    wait_until("shown", || reader.read().unwrap().published_end > 0);
    for counters in [pipeline.engine.counters(), reader.read().unwrap()] {
        assert_eq!((counters.published_end, counters.occupancy()), (1, 1), "{counters}");
        assert!(counters.late_consumers.iter().all(|late| late.lag == 0 && !late.failed));
    }
    assert_eq!(pipeline.publisher.remaining_capacity(), 255);
    drop(handles);
    pipeline.end(1);
}
