//! What stages keep beside the journal: snapshots, digests, effects, dead letters; and what recovery makes of it.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use slipring::{
    Cause, Context, DeadLetters, Digest, Digests, Effects, Engine, EngineBuilder, Event, EventKey, Fatal,
    FirstTime, From, Gate, Handler, HandlerError, Journal, KeepError, Lane, OnError, Recovered, ReplayError,
    Retention, Snapshot, Snapshots, Stage, Sync,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Event)]
#[event(pod)]
#[repr(C)]
struct Trade {
    id: u64,
    quantity: u64,
}

fn trade(id: u64) -> Trade {
    Trade { id, quantity: id % 7 + 1 }
}

/// Sums what it sees; counts its calls; refuses or panics at given ids.
#[derive(Default)]
struct Sum {
    total: u64,
    seen: u64,
    calls: Arc<AtomicU64>,
    refuses: Vec<u64>,
    panics_at: Option<u64>,
    /// Not part of the state: makes it non-deterministic.
    noise: Vec<u64>,
}

impl Handler<Trade> for Sum {
    fn event(&mut self, trade: &Trade, _: &Context) -> Result<(), HandlerError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if self.panics_at == Some(trade.id) {
            panic!("poison");
        }
        if self.refuses.contains(&trade.id) {
            return Err(format!("no trade {}", trade.id).into());
        }
        self.total = self.total.wrapping_mul(31).wrapping_add(trade.quantity);
        if self.noise.contains(&trade.id) {
            self.total += 1;
        }
        self.seen += 1;
        Ok(())
    }
}

impl Snapshot for Sum {
    const VERSION: u32 = 7;

    fn save(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.total.to_le_bytes());
        out.extend_from_slice(&self.seen.to_le_bytes());
    }

    fn restore(&mut self, version: u32, bytes: &[u8]) -> Result<(), HandlerError> {
        assert_eq!(version, 7);
        let (total, seen) = bytes.split_at_checked(8).ok_or("too short")?;
        (self.total, self.seen) =
            (u64::from_le_bytes(total.try_into()?), u64::from_le_bytes(seen.try_into()?));
        Ok(())
    }
}

impl Digest for Sum {
    fn digest(&self) -> u64 {
        self.total
    }
}

fn builder(journal: &Path) -> EngineBuilder<Trade> {
    let journal = Journal::at(journal).segment_records(64).sync(Sync::every(Duration::from_millis(1)));
    Engine::builder().ring_capacity(64).journal(journal)
}

fn with_stage<H: Handler<Trade>>(journal: &Path, stage: Stage<H>) -> Recovered<Trade> {
    builder(journal).lane(Lane::named("main").journal().with(stage)).open().unwrap()
}

/// One life: replay, `count` more trades, shutdown; the handler, and how many events were replayed.
fn live<H: Handler<Trade>>(journal: &Path, stage: Stage<H>, from: From, count: u64) -> (H, u64) {
    let mut recovered = with_stage(journal, stage);
    let replayed = recovered.replay(from).unwrap().events();
    let end = recovered.end_sequence();
    let (engine, mut publisher) = recovered.go_live().unwrap();
    for id in end..end + count {
        publisher.publish(trade(id)).unwrap();
    }
    let mut report = engine.shutdown(publisher).unwrap();
    assert_eq!(report.keep_faults, Vec::<String>::new());
    (report.take_handler("sum").unwrap(), replayed)
}

/// The total of the trades in `[0, end)`.
fn total(end: u64) -> u64 {
    (0..end).fold(0, |total: u64, id| total.wrapping_mul(31).wrapping_add(trade(id).quantity))
}

fn sum() -> Stage<Sum> {
    Stage::new("sum", Sum::default(), Gate::JOURNALLED)
}

fn snapshot_files(journal: &Path) -> Vec<std::path::PathBuf> {
    let folder = journal.join("stages/sum");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .map(|entries| entries.map(|entry| entry.unwrap().path()).collect())
        .unwrap_or_default();
    files.retain(|path| path.extension().is_some_and(|suffix| suffix == "snapshot"));
    files.sort();
    files
}

#[test]
fn a_clean_stop_leaves_a_snapshot_and_nothing_to_replay() {
    let folder = tempfile::tempdir().unwrap();
    let stage = || sum().snapshots(Snapshots::every(1_000_000));
    let (state, replayed) = live(folder.path(), stage(), From::Snapshot, 300);
    assert_eq!((state.total, state.seen, replayed), (total(300), 300, 0));
    let (state, replayed) = live(folder.path(), stage(), From::Snapshot, 10);
    assert_eq!((state.total, state.seen, replayed), (total(310), 310, 0));
    // The same state comes from full history.
    let (state, replayed) = live(folder.path(), stage(), From::Start, 0);
    assert_eq!((state.total, state.seen, replayed), (total(310), 310, 310));
}

#[test]
fn recovery_starts_at_the_newest_snapshot_and_replays_the_tail() {
    let folder = tempfile::tempdir().unwrap();
    let stage = || sum().snapshots(Snapshots::every(100).keep(2).at_shutdown(false));
    for life in 0..4 {
        let mut recovered = with_stage(folder.path(), stage());
        let replayed = recovered.replay(From::Snapshot).unwrap();
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
        engine.shutdown(publisher).unwrap();
    }
    let (state, replayed) = live(folder.path(), stage(), From::Snapshot, 0);
    assert_eq!((state.total, state.seen, replayed), (total(520), 520, 20));
    assert_eq!(snapshot_files(folder.path()).len(), 2);
}

#[test]
fn a_damaged_snapshot_is_refused_for_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let stage = || sum().snapshots(Snapshots::every(1_000_000));
    live(folder.path(), stage(), From::Snapshot, 100);
    live(folder.path(), stage(), From::Snapshot, 100);
    let newest = snapshot_files(folder.path()).pop().unwrap();
    let whole = std::fs::read(&newest).unwrap();
    // Every byte of it counts.
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        std::fs::write(&newest, &bytes).unwrap();
        let mut recovered = with_stage(folder.path(), stage());
        let replayed = recovered.replay(From::Snapshot).unwrap();
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
    let (state, replayed) = live(folder.path(), stage(), From::Snapshot, 0);
    assert_eq!((state.total, replayed), (total(200), 100));
}

#[test]
fn a_snapshot_of_another_journal_or_of_lost_history_is_refused() {
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let stage = || sum().snapshots(Snapshots::every(1_000_000));
    live(a.path(), stage(), From::Snapshot, 100);
    live(b.path(), stage(), From::Snapshot, 100);
    let (own, foreign) = (&snapshot_files(a.path())[0], &snapshot_files(b.path())[0]);
    std::fs::copy(foreign, own).unwrap();
    let mut recovered = with_stage(a.path(), stage());
    assert_eq!(recovered.replay(From::Snapshot).unwrap().events(), 100);
    assert!(recovered.restored()[0].refused[0].why.contains("another journal"), "{:?}", recovered.restored());
}

#[test]
fn a_stage_that_keeps_its_state_must_see_all_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let stage = || sum().snapshots(Snapshots::every(1_000_000));
    live(folder.path(), stage(), From::Snapshot, 100);
    let error = with_stage(folder.path(), stage()).replay(From::Sequence(50)).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("stage sum") && text.contains("From::Snapshot"), "{text}");
    let error = with_stage(folder.path(), stage()).go_live().unwrap_err();
    assert!(error.to_string().contains("must see everything from sequence 0"), "{error}");
}

#[test]
fn retention_behind_snapshots_leaves_what_recovery_needs() {
    let folder = tempfile::tempdir().unwrap();
    let open = |snapshots: bool| {
        let journal = Journal::at(folder.path())
            .segment_records(64)
            .sync(Sync::every(Duration::from_millis(1)))
            .retention(Retention::new().only_behind_snapshots());
        let stage = if snapshots { sum().snapshots(Snapshots::every(100).keep(2)) } else { sum() };
        let lane = Lane::named("main").journal().with(stage);
        Engine::builder().ring_capacity(64).journal(journal).lane(lane).open().unwrap()
    };
    let mut first = 0;
    for life in 0..200 {
        let mut recovered = open(true);
        recovered.replay(From::Snapshot).unwrap();
        let (engine, mut publisher) = recovered.go_live().unwrap();
        for id in life * 250..(life + 1) * 250 {
            publisher.publish(trade(id)).unwrap();
        }
        engine.wait_durable((life + 1) * 250 - 1).unwrap();
        std::thread::sleep(Duration::from_millis(5));
        first = engine.retention().unwrap().first_sequence();
        engine.shutdown(publisher).unwrap();
        if first > 0 {
            break;
        }
    }
    assert!(first > 0, "nothing was ever retired");
    let mut recovered = open(true);
    recovered.replay(From::Snapshot).unwrap();
    let end = recovered.end_sequence();
    let (engine, publisher) = recovered.go_live().unwrap();
    let state: Sum = engine.shutdown(publisher).unwrap().take_handler("sum").unwrap();
    assert_eq!((state.total, state.seen), (total(end), end));
    // A stage without a snapshot needs what has gone.
    let error = open(false).replay(From::Snapshot).unwrap_err();
    assert!(matches!(error, ReplayError::Keep(KeepError::NeedsHistory { .. })), "{error}");
    assert!(error.to_string().contains("retired"), "{error}");
}

/// A snapshot of another journal under the name of one at `end`, in the folder of the stage "sum".
fn put_foreign_snapshot(journal: &Path, end: u64) {
    let other = tempfile::tempdir().unwrap();
    live(other.path(), sum().snapshots(Snapshots::every(1_000_000)), From::Snapshot, 100);
    let folder = journal.join("stages/sum");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::copy(&snapshot_files(other.path())[0], folder.join(format!("{end:020}.snapshot"))).unwrap();
}

#[test]
fn a_refused_snapshot_ahead_does_not_have_the_new_ones_removed() {
    let folder = tempfile::tempdir().unwrap();
    let stage = || sum().snapshots(Snapshots::every(1_000_000).keep(1));
    live(folder.path(), stage(), From::Snapshot, 100);
    put_foreign_snapshot(folder.path(), 10_000);
    live(folder.path(), stage(), From::Snapshot, 100);
    let (state, replayed) = live(folder.path(), stage(), From::Snapshot, 0);
    assert_eq!((state.total, state.seen, replayed), (total(200), 200, 0));
}

#[test]
fn a_refused_snapshot_lets_retention_remove_nothing() {
    let folder = tempfile::tempdir().unwrap();
    put_foreign_snapshot(folder.path(), 10_000);
    let open = || {
        let journal = Journal::at(folder.path())
            .segment_records(64)
            .sync(Sync::every(Duration::from_millis(1)))
            .retention(Retention::new().only_behind_snapshots());
        let often =
            Stage::new("often", Sum::default(), Gate::JOURNALLED).snapshots(Snapshots::every(100).keep(1));
        let seldom = sum().snapshots(Snapshots::every(1_000_000).at_shutdown(false));
        let lane = Lane::named("main").journal().with(often).with(seldom);
        Engine::builder().ring_capacity(64).journal(journal).lane(lane).open().unwrap()
    };
    for _ in 0..3 {
        let mut recovered = open();
        // "sum" has no snapshot, so it needs all of history.
        recovered.replay(From::Snapshot).unwrap();
        let end = recovered.end_sequence();
        let (engine, mut publisher) = recovered.go_live().unwrap();
        for id in end..end + 1_000 {
            publisher.publish(trade(id)).unwrap();
        }
        engine.wait_durable(end + 999).unwrap();
        while engine.kept()[0].snapshots == 0 {
            std::thread::yield_now();
        }
        engine.shutdown(publisher).unwrap();
    }
}

/// Emits every event's effect into a list, unless it is known to be done; dies, as it were, before the note of one.
struct Gateway {
    emitted: Arc<Mutex<Vec<EventKey>>>,
    fails_after: Option<u64>,
}

impl Handler<Trade> for Gateway {
    fn event(&mut self, _: &Trade, context: &Context) -> Result<(), HandlerError> {
        if !context.already_done() {
            self.emitted.lock().unwrap().push(context.key().unwrap());
        }
        // The effect is out, and an error keeps the stage from noting it.
        if self.fails_after == Some(context.sequence()) { Err("died".into()) } else { Ok(()) }
    }
}

#[test]
fn effects_come_at_least_once_and_doubles_have_the_same_key() {
    let folder = tempfile::tempdir().unwrap();
    let emitted = Arc::new(Mutex::new(Vec::new()));
    let gateway = |fails_after| {
        let gateway = Gateway { emitted: Arc::clone(&emitted), fails_after };
        Stage::new("gateway", gateway, Gate::DURABLE).effects(Effects::new()).stateless()
    };
    let mut recovered = with_stage(folder.path(), gateway(Some(59)));
    recovered.replay(From::Snapshot).unwrap();
    let (engine, mut publisher) = recovered.go_live().unwrap();
    for id in 0..100 {
        let _ = publisher.publish(trade(id));
    }
    engine.shutdown(publisher).unwrap_err();
    assert_eq!(emitted.lock().unwrap().len(), 60);
    let mut recovered = with_stage(folder.path(), gateway(None));
    let replayed = recovered.replay(From::Snapshot).unwrap();
    assert_eq!(replayed.first_sequence, 59, "only what is due is replayed");
    let end = replayed.end_sequence;
    let (engine, publisher) = recovered.go_live().unwrap();
    engine.shutdown(publisher).unwrap();
    let emitted = emitted.lock().unwrap();
    let sequences: Vec<u64> = emitted.iter().map(|key| key.sequence).collect();
    assert_eq!(sequences, (0..60).chain(59..end).collect::<Vec<_>>());
    assert_eq!(emitted[59], emitted[60], "the double has the key of the first");
    assert!(emitted[0].to_string().ends_with("/1/0"), "{}", emitted[0]);
}

#[test]
fn effects_that_would_be_missed_or_doubled_unknown_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    live(folder.path(), sum(), From::Start, 50);
    let emitted = Arc::new(Mutex::new(Vec::new()));
    let gateway = |effects| {
        let gateway = Gateway { emitted: Arc::clone(&emitted), fails_after: None };
        Stage::new("gateway", gateway, Gate::DURABLE).effects(effects).stateless()
    };
    // Nobody knows whether the fifty were sent.
    let error = with_stage(folder.path(), gateway(Effects::new())).replay(From::Snapshot).unwrap_err();
    assert!(matches!(error, ReplayError::Keep(KeepError::EffectsUnknown { end: 50, .. })), "{error}");
    let all = Effects::new().first_time(FirstTime::EmitAll);
    // Due effects must not be passed over.
    let error = with_stage(folder.path(), gateway(all)).go_live().unwrap_err();
    assert!(error.to_string().contains("have not been emitted"), "{error}");
    with_stage(folder.path(), gateway(all)).replay(From::Snapshot).unwrap();
    assert_eq!(emitted.lock().unwrap().len(), 50);
    // A damaged file is neither "all" nor "nothing".
    let path = folder.path().join("stages/gateway/effects");
    let whole = std::fs::read(&path).unwrap();
    for at in (0..40).step_by(3) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let error = with_stage(folder.path(), gateway(all)).replay(From::Snapshot).unwrap_err();
        assert!(error.to_string().contains("damaged"), "byte {at}: {error}");
    }
    // Of two damaged slots one is enough to go on, an event earlier; both are not.
    let mut bytes = whole.clone();
    bytes[64] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let replayed = with_stage(folder.path(), gateway(all)).replay(From::Snapshot).unwrap().events();
    assert!(replayed <= 1, "{replayed}");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[64] ^= 1;
    bytes[128] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let error = with_stage(folder.path(), gateway(all)).replay(From::Snapshot).unwrap_err();
    assert!(error.to_string().contains("neither of its slots"), "{error}");
    std::fs::remove_file(&path).unwrap();
    let new = Effects::new().first_time(FirstTime::EmitNew);
    let replayed = with_stage(folder.path(), gateway(new)).replay(From::Snapshot).unwrap().events();
    assert_eq!((replayed, emitted.lock().unwrap().len() <= 51), (0, true));
}

#[test]
fn a_refused_event_is_a_dead_letter_and_replay_neither_tries_nor_records_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let calls = Arc::new(AtomicU64::new(0));
    let stage = |refuses: &[u64]| {
        let (calls, refuses) = (Arc::clone(&calls), refuses.to_vec());
        Stage::new("sum", Sum { calls, refuses, ..Sum::default() }, Gate::JOURNALLED)
            .on_error(OnError::DeadLetter)
            .digests(Digests::every(1))
    };
    let (state, _) = live(folder.path(), stage(&[7, 8, 70]), From::Start, 100);
    assert_eq!((state.seen, calls.swap(0, Ordering::Relaxed)), (97, 100));
    let state_then = state.total;
    // In the next life the handler would take them: it is not asked.
    let (state, _) = live(folder.path(), stage(&[]), From::Start, 0);
    assert_eq!((state.seen, state.total), (97, state_then));
    assert_eq!(calls.load(Ordering::Relaxed), 97);
    let mut letters = DeadLetters::of(folder.path()).unwrap();
    let open: Vec<u64> = letters.open().iter().map(|letter| letter.sequence).collect();
    assert_eq!((open, letters.all().len()), (vec![7, 8, 70], 3));
    let letter = letters.open()[1].clone();
    assert_eq!(letter.cause, "no trade 8");
    // Reprocessed as a new event, and settled.
    let event: Trade = *Journal::at(folder.path()).reader().unwrap().at(letter.sequence).unwrap().event();
    assert_eq!(event, trade(8));
    letters.settle(&letter, "published again").unwrap();
    let again = DeadLetters::of(folder.path()).unwrap();
    assert_eq!(again.open().iter().map(|letter| letter.sequence).collect::<Vec<_>>(), [7, 70]);
    let (state, _) = live(folder.path(), stage(&[]), From::Start, 0);
    assert_eq!((state.seen, state.total), (97, state_then), "settled is still skipped");
}

#[test]
fn a_fatal_error_is_no_dead_letter() {
    let folder = tempfile::tempdir().unwrap();
    let handler = |trade: &Trade, _: &Context| -> Result<(), HandlerError> {
        match trade.id {
            3 => Err("refused".into()),
            5 => Err(Fatal("half done".into()).into()),
            _ => Ok(()),
        }
    };
    let stage = Stage::new("sum", handler, Gate::JOURNALLED).on_error(OnError::DeadLetter);
    let (engine, mut publisher) = with_stage(folder.path(), stage).go_live().unwrap();
    for id in 0..10 {
        let _ = publisher.publish(trade(id));
    }
    let error = engine.shutdown(publisher).unwrap_err().to_string();
    assert!(error.contains("sequence 5") && error.contains("half done"), "{error}");
    let letters = DeadLetters::of(folder.path()).unwrap();
    assert_eq!(letters.all().iter().map(|letter| letter.sequence).collect::<Vec<_>>(), [3]);
}

#[test]
fn a_poison_event_is_skipped_by_hand() {
    let folder = tempfile::tempdir().unwrap();
    let stage = |panics_at| {
        let handler = Sum { panics_at, ..Sum::default() };
        Stage::new("sum", handler, Gate::JOURNALLED).on_error(OnError::DeadLetter)
    };
    live(folder.path(), stage(None), From::Start, 50);
    let error = with_stage(folder.path(), stage(Some(20))).replay(From::Start).unwrap_err();
    assert!(error.to_string().contains("sequence 20") && error.to_string().contains("poison"), "{error}");
    let mut recovered = with_stage(folder.path(), stage(Some(20)));
    recovered.skip("sum", 20).unwrap();
    recovered.skip("sum", 20).unwrap();
    assert!(recovered.skip("sum", 50).is_err(), "there is no such event yet");
    let error = recovered.skip("nobody", 1).unwrap_err();
    assert!(matches!(error, ReplayError::Keep(KeepError::NotSkippable { .. })), "{error}");
    recovered.replay(From::Start).unwrap();
    let (engine, publisher) = recovered.go_live().unwrap();
    let state: Sum = engine.shutdown(publisher).unwrap().take_handler("sum").unwrap();
    assert_eq!(state.seen, 49);
    let letters = DeadLetters::of(folder.path()).unwrap();
    assert_eq!(letters.all().len(), 1);
    assert!(letters.all()[0].to_string().contains("skipped by hand"), "{}", letters.all()[0]);
}

#[test]
fn replay_names_the_window_in_which_it_went_another_way() {
    for (every, window) in [(1, 77..78), (10, 70..80), (64, 64..128)] {
        let folder = tempfile::tempdir().unwrap();
        let stage = |noise: Vec<u64>| {
            let handler = Sum { noise, ..Sum::default() };
            Stage::new("sum", handler, Gate::JOURNALLED).digests(Digests::every(every))
        };
        live(folder.path(), stage(Vec::new()), From::Start, 200);
        let (_, replayed) = live(folder.path(), stage(Vec::new()), From::Start, 0);
        assert_eq!(replayed, 200, "the same code comes to the same digests");
        let error = with_stage(folder.path(), stage(vec![77])).replay(From::Start).unwrap_err();
        let ReplayError::Halted(halted) = error else { panic!("{error}") };
        let Cause::Diverged(divergence) = halted.cause else { panic!("{halted}") };
        assert_eq!(divergence.after..divergence.end, window, "every {every}");
        assert_ne!(divergence.logged, divergence.found);
    }
}

#[test]
fn a_divergence_can_be_reported_only() {
    let folder = tempfile::tempdir().unwrap();
    let stage = |noise: Vec<u64>| {
        let handler = Sum { noise, ..Sum::default() };
        Stage::new("sum", handler, Gate::JOURNALLED).digests(Digests::every(10).report_only())
    };
    live(folder.path(), stage(Vec::new()), From::Start, 200);
    let mut recovered = with_stage(folder.path(), stage(vec![77, 150]));
    recovered.replay(From::Start).unwrap();
    let divergences = recovered.divergences();
    assert_eq!(divergences.len(), 1, "the first says it all");
    assert_eq!((divergences[0].after, divergences[0].end), (70, 80));
    assert!(divergences[0].to_string().contains("between sequences 70 and 80"), "{}", divergences[0]);
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
    recovered.replay(From::Snapshot).unwrap();
    let (engine, mut publisher) = recovered.go_live().unwrap();
    for id in 0..250 {
        publisher.publish(trade(id)).unwrap();
        while id % 100 == 99 && engine.kept()[0].snapshot_end < id + 1 {
            std::thread::yield_now();
        }
    }
    engine.shutdown(publisher).unwrap();
    assert_eq!(calls.each_ref().map(|calls| calls.swap(0, Ordering::Relaxed)), [250, 250, 250]);
    let mut recovered = open();
    let replayed = recovered.replay(From::Snapshot).unwrap();
    assert_eq!(replayed.first_sequence, 0, "the plain stage needs all");
    let (engine, publisher) = recovered.go_live().unwrap();
    let mut report = engine.shutdown(publisher).unwrap();
    assert_eq!(calls.each_ref().map(|calls| calls.load(Ordering::Relaxed)), [50, 250, 0]);
    let state: Sum = report.take_handler("sum").unwrap();
    assert_eq!((state.total, state.seen), (total(250), 250));
}

#[test]
fn a_dead_letter_is_not_settled_behind_what_a_crash_left() {
    let folder = tempfile::tempdir().unwrap();
    let stage = || {
        let handler = Sum { refuses: vec![20, 30], ..Sum::default() };
        Stage::new("sum", handler, Gate::JOURNALLED).on_error(OnError::DeadLetter)
    };
    live(folder.path(), stage(), From::Start, 50);
    let path = folder.path().join("stages/sum/dead-letters");
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 3]).unwrap();
    let mut letters = DeadLetters::of(folder.path()).unwrap();
    let letter = letters.open()[0].clone();
    let error = letters.settle(&letter, "sent by hand").unwrap_err();
    assert!(error.to_string().contains("open the engine once"), "{error}");
    // It was left as it was, so opening mends it, and what was not whole is tried again.
    let (state, _) = live(folder.path(), stage(), From::Start, 0);
    assert_eq!(state.seen, 48);
    let mut letters = DeadLetters::of(folder.path()).unwrap();
    assert_eq!(letters.open().len(), 2);
    letters.settle(&letter, "sent by hand").unwrap();
    assert_eq!(DeadLetters::of(folder.path()).unwrap().open().len(), 1);
}

#[test]
fn retention_keeps_what_digests_need() {
    let folder = tempfile::tempdir().unwrap();
    let open = || {
        let journal = Journal::at(folder.path())
            .segment_records(64)
            .sync(Sync::every(Duration::from_millis(1)))
            .retention(Retention::new().only_behind_snapshots());
        let often =
            Stage::new("often", Sum::default(), Gate::JOURNALLED).snapshots(Snapshots::every(100).keep(1));
        // Digests are of a state that saw all, and no snapshot holds it.
        let lane = Lane::named("main").journal().with(often).with(sum().digests(Digests::every(10)));
        Engine::builder().ring_capacity(64).journal(journal).lane(lane).open().unwrap()
    };
    for _ in 0..3 {
        let mut recovered = open();
        recovered.replay(From::Start).unwrap();
        let end = recovered.end_sequence();
        let (engine, mut publisher) = recovered.go_live().unwrap();
        for id in end..end + 1_000 {
            publisher.publish(trade(id)).unwrap();
        }
        engine.wait_durable(end + 999).unwrap();
        while engine.kept()[0].snapshots == 0 {
            std::thread::yield_now();
        }
        engine.shutdown(publisher).unwrap();
    }
}

#[test]
fn what_was_handed_over_is_on_disk_before_the_next_writer_is_let_in() {
    use slipring_journal::storage::{Files, Storage};
    for life in 0..5 {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::at(folder.path()).segment_records(1 << 14).sync(Sync::None);
        let lane = Lane::named("main").journal().with(sum().snapshots(Snapshots::every(1_000_000)));
        let builder = Engine::builder().ring_capacity(64).journal(journal).lane(lane);
        let (engine, mut publisher) = builder.open().unwrap().go_live().unwrap();
        let sequence = publisher.publish(trade(0)).unwrap();
        engine.wait_stage("sum", sequence).unwrap();
        // The one that ends in good order, and the one that is only dropped.
        let ends = std::thread::spawn(move || match life % 2 {
            0 => drop(engine.shutdown(publisher).unwrap()),
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
