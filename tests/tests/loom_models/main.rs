//! Our own atomics under loom: each model mirrors the orderings of one protocol of the code, named beside it,
//! and loom tries every interleaving and every value that a load may see. Each has a control: with one
//! ordering weakened, loom must find the fault.
//!
//! The models mirror the code by hand, for loom's atomics can't lie in a mapped file. Whoever changes an
//! ordering changes the model named in docs/reference/memory-model.md.

mod closing;
mod late_place;
mod park;
mod scout;

use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use loom::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering, fence};
use loom::thread;

/// Every execution with at most so many preemptions; more than any of the protocols needs to go wrong.
const PREEMPTIONS: usize = 3;

fn explore(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(PREEMPTIONS);
    builder.check(model);
}

/// Loom must find a fault.
fn finds_a_fault(model: impl Fn() + Sync + Send + 'static) {
    let explored = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| explore(model)));
    assert!(explored.is_err(), "loom found nothing wrong with the weakened ordering");
}

/// R, `journal/src/append/batch.rs` `store`: a record's words are relaxed, its commit word comes last with
/// release. Whoever acquires the commit word sees the record.
fn commit_word(store: Ordering) {
    let record: Arc<[AtomicU64; 3]> = Arc::new(std::array::from_fn(|_| AtomicU64::new(0)));
    let writer = {
        let record = Arc::clone(&record);
        thread::spawn(move || {
            record[0].store(7, Relaxed);
            record[2].store(8, Relaxed);
            record[1].store(1, store);
        })
    };
    if record[1].load(Acquire) == 1 {
        assert_eq!((record[0].load(Relaxed), record[2].load(Relaxed)), (7, 8));
    }
    writer.join().unwrap();
}

#[test]
fn commit_word_r() {
    explore(|| commit_word(Release));
}

#[test]
fn control_commit_word_r_relaxed() {
    finds_a_fault(|| commit_word(Relaxed));
}

/// J, `journal/src/live/progress.rs` `set_journalled_end`: the syncer that sees the cursor syncs words that
/// are stored, for each of two records.
fn journalled_end(store: Ordering, load: Ordering) {
    let words: Arc<[AtomicU64; 2]> = Arc::new(std::array::from_fn(|_| AtomicU64::new(0)));
    let end = Arc::new(AtomicU64::new(0));
    let writer = {
        let (words, end) = (Arc::clone(&words), Arc::clone(&end));
        thread::spawn(move || {
            for (at, word) in words.iter().enumerate() {
                word.store(1, Relaxed);
                end.store(at as u64 + 1, store);
            }
        })
    };
    let end = end.load(load) as usize;
    assert!(words[..end].iter().all(|word| word.load(Relaxed) == 1));
    writer.join().unwrap();
}

#[test]
fn journalled_end_j() {
    explore(|| journalled_end(Release, Acquire));
}

#[test]
fn control_journalled_end_j_relaxed() {
    finds_a_fault(|| journalled_end(Relaxed, Acquire));
    finds_a_fault(|| journalled_end(Release, Relaxed));
}

/// P, `engine/src/cursors/cursor.rs` `set` and `end`, `engine/src/cursors/watch.rs` `Watch::end`: a stage
/// gated after two others sees what both did for the event.
fn gate(store: Ordering, load: Ordering) {
    let cursors: Arc<[AtomicU64; 2]> = Arc::new(std::array::from_fn(|_| AtomicU64::new(0)));
    let state: Arc<[UnsafeCell<u64>; 2]> = Arc::new(std::array::from_fn(|_| UnsafeCell::new(0)));
    let stages: Vec<_> = (0..2)
        .map(|at| {
            let (cursors, state) = (Arc::clone(&cursors), Arc::clone(&state));
            thread::spawn(move || {
                // SAFETY: only this stage writes it, and the gated one reads behind its cursor. Loom checks
                // it.
                state[at].with_mut(|place| unsafe { *place = 9 });
                cursors[at].store(1, store);
            })
        })
        .collect();
    let end = cursors.iter().map(|cursor| cursor.load(load)).min();
    if end == Some(1) {
        for state in state.iter() {
            // SAFETY: the stage has finished with it: the cursor says so. Loom checks it.
            assert_eq!(state.with(|place| unsafe { *place }), 9);
        }
    }
    stages.into_iter().for_each(|stage| stage.join().unwrap());
}

#[test]
fn gate_p() {
    explore(|| gate(Release, Acquire));
}

#[test]
fn control_gate_p_relaxed() {
    finds_a_fault(|| gate(Relaxed, Acquire));
    finds_a_fault(|| gate(Release, Relaxed));
}

/// H, `engine/src/cursors/status.rs` `halt`, `refuse`, `halted`: who sees the bit sees the cause, also when a
/// shutdown has set its own bit since.
fn halt_word(set: Ordering) {
    const HALTED: u32 = 1;
    const CLOSED: u32 = 2;
    let word = Arc::new(AtomicU32::new(0));
    let cause = Arc::new(UnsafeCell::new(0));
    let failing = {
        let (word, cause) = (Arc::clone(&word), Arc::clone(&cause));
        thread::spawn(move || {
            // SAFETY: one stage fails here, and readers look behind the bit. Loom checks it.
            cause.with_mut(|place| unsafe { *place = 5 });
            word.fetch_or(HALTED, set);
        })
    };
    let closing = {
        let word = Arc::clone(&word);
        thread::spawn(move || {
            word.fetch_or(CLOSED, Release);
        })
    };
    if word.load(Acquire) & HALTED != 0 {
        // SAFETY: the bit says that the cause is there. Loom checks it.
        assert_eq!(cause.with(|place| unsafe { *place }), 5);
    }
    failing.join().unwrap();
    closing.join().unwrap();
}

#[test]
fn halt_word_h() {
    explore(|| halt_word(Release));
}

#[test]
fn control_halt_word_h_relaxed() {
    finds_a_fault(|| halt_word(Relaxed));
}

/// C, `engine/src/publish/outlet.rs` `settled_end`, `engine/src/cursors/status.rs` `close` and `final_end`:
/// the end covers what both publishers published, and a stage that sees the end finds it. Each says by its
/// claim that it is done (X has the rest).
fn final_end(settle: Ordering, close: Ordering) {
    const OPEN: u64 = u64::MAX;
    let slots: Arc<[AtomicU64; 2]> = Arc::new(std::array::from_fn(|_| AtomicU64::new(0)));
    let claims: Arc<[AtomicU64; 2]> = Arc::new(std::array::from_fn(|_| AtomicU64::new(0)));
    let final_end = Arc::new(AtomicU64::new(OPEN));
    let publisher = |at: usize| {
        let (slots, claims) = (Arc::clone(&slots), Arc::clone(&claims));
        move || {
            slots[at].store(1, Relaxed);
            claims[at].store(at as u64 + 1, settle);
        }
    };
    let other = thread::spawn(publisher(1));
    let stage = {
        let (slots, final_end) = (Arc::clone(&slots), Arc::clone(&final_end));
        thread::spawn(move || {
            let end = final_end.load(Acquire);
            if end != OPEN {
                assert_eq!(end, 2, "the end covers every publish");
                assert!(slots.iter().all(|slot| slot.load(Relaxed) == 1), "and all of it is there");
            }
        })
    };
    publisher(0)();
    // Who closes looks again until it is so; here only the executions count in which it is.
    let ends: Vec<u64> = claims.iter().map(|claim| claim.load(Acquire)).collect();
    if ends.iter().all(|end| *end > 0) {
        final_end.store(ends.into_iter().max().unwrap(), close);
    }
    other.join().unwrap();
    stage.join().unwrap();
}

#[test]
fn final_end_c() {
    explore(|| final_end(Release, Release));
}

#[test]
fn control_final_end_c_relaxed() {
    finds_a_fault(|| final_end(Relaxed, Release));
    finds_a_fault(|| final_end(Release, Relaxed));
}

/// G, `engine/src/cursors/status.rs` `leave` and `is_gone`, `engine/src/cursors/watch.rs` `is_hopeless`: who
/// sees that a stage is gone finds its cursor where it stays, and gives up on nothing that it did.
fn gone(leave: Ordering, is_gone: Ordering) {
    let cursor = Arc::new(AtomicU64::new(0));
    let gone = Arc::new(AtomicBool::new(false));
    let stage = {
        let (cursor, gone) = (Arc::clone(&cursor), Arc::clone(&gone));
        thread::spawn(move || {
            cursor.store(1, Release);
            gone.store(true, leave);
        })
    };
    let is_hopeless = gone.load(is_gone) && cursor.load(Acquire) == 0;
    assert!(!is_hopeless, "it gives up on an event that the stage has finished");
    stage.join().unwrap();
}

#[test]
fn gone_g() {
    explore(|| gone(Release, Acquire));
}

#[test]
fn control_gone_g_relaxed() {
    finds_a_fault(|| gone(Relaxed, Acquire));
    finds_a_fault(|| gone(Release, Relaxed));
}

/// S, `journal/src/live/asked.rs` `wake_syncer` and `syncer_sleep`: no wake-up is lost. Either the syncer
/// sees the news before it parks, or the writer sees that it sleeps and unparks it.
fn syncer_sleeps(order: Ordering) {
    let sleeps = Arc::new(AtomicBool::new(false));
    let journalled_end = Arc::new(AtomicU64::new(0));
    let syncer = {
        let (sleeps, journalled_end) = (Arc::clone(&sleeps), Arc::clone(&journalled_end));
        thread::spawn(move || {
            sleeps.store(true, Relaxed);
            fence(order);
            // Parks if it is not so.
            journalled_end.load(Acquire) == 1
        })
    };
    journalled_end.store(1, Release);
    fence(order);
    let unparks = sleeps.load(Relaxed) && sleeps.swap(false, Relaxed);
    let sees = syncer.join().unwrap();
    assert!(sees || unparks, "it sleeps and nobody wakes it");
}

#[test]
fn syncer_sleeps_s() {
    explore(|| syncer_sleeps(SeqCst));
}

#[test]
fn control_syncer_sleeps_s_acq_rel() {
    finds_a_fault(|| syncer_sleeps(AcqRel));
}

/// A, `journal/src/live/segments.rs` `set_active_base` and `active_base`: the writer's last store into a
/// segment comes before the preparer unmaps it.
fn active_base(store: Ordering, load: Ordering) {
    let map = Arc::new(UnsafeCell::new(0));
    let base = Arc::new(AtomicU64::new(0));
    let writer = {
        let (map, base) = (Arc::clone(&map), Arc::clone(&base));
        thread::spawn(move || {
            // SAFETY: mapped until the base has moved on. Loom checks it.
            map.with_mut(|place| unsafe { *place = 1 });
            base.store(100, store);
        })
    };
    if base.load(load) == 100 {
        // SAFETY: the writer has let go of the segment: nobody else has it. Loom checks it.
        map.with_mut(|place| unsafe { *place = u64::MAX });
    }
    writer.join().unwrap();
}

#[test]
fn active_base_a() {
    explore(|| active_base(Release, Acquire));
}

#[test]
fn control_active_base_a_relaxed() {
    finds_a_fault(|| active_base(Relaxed, Acquire));
    finds_a_fault(|| active_base(Release, Relaxed));
}
