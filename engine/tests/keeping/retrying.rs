//! Tries: what a handler sees of them, what they leave, and events that are set aside and come again.

use std::collections::HashMap;
use std::sync::Mutex;

use slipring::{BackOff, DeadLetterKind, Publisher};

use super::*;

/// A place outside the process that refuses each trade so many times, whoever asks.
#[derive(Default)]
struct Outside {
    refuses: HashMap<u64, u32>,
    calls: HashMap<u64, u32>,
}

type Shared = Arc<Mutex<Outside>>;

fn outside(refuses: impl IntoIterator<Item = (u64, u32)>) -> Shared {
    Arc::new(Mutex::new(Outside { refuses: refuses.into_iter().collect(), calls: HashMap::new() }))
}

fn calls(outside: &Shared, id: u64) -> u32 {
    outside.lock().unwrap().calls.get(&id).copied().unwrap_or(0)
}

/// Sends each trade outside, unless an earlier life has.
fn sending(outside: &Shared, on_error: OnError) -> Stage<impl Handler<Trade> + use<>> {
    let outside = Arc::clone(outside);
    let send = move |trade: &Trade, context: &Context| -> Result<(), HandlerError> {
        if context.already_done() {
            return Ok(());
        }
        let mut outside = outside.lock().unwrap();
        let calls = outside.calls.entry(trade.id).or_default();
        *calls += 1;
        let calls = *calls;
        if calls <= outside.refuses.get(&trade.id).copied().unwrap_or(0) {
            return Err(format!("call {calls} of trade {} is refused", trade.id).into());
        }
        Ok(())
    };
    Stage::new("send", send, Gate::JOURNALLED).on_error(on_error).effects(Effects::new())
}

/// An engine whose clock is this.
fn open(
    journal: &Path,
    clock: &Arc<AtomicU64>,
    outside: &Shared,
    on_error: OnError,
) -> (Engine<Trade>, Publisher<Trade>) {
    let clock = Arc::clone(clock);
    let lane = Lane::named("main").journal().with(sending(outside, on_error));
    let builder = builder(journal).clock(move || clock.load(Ordering::Relaxed)).lane(lane);
    let mut recovered = builder.open().unwrap();
    recovered.replay(ReplayFrom::Start).unwrap();
    recovered.go_live().unwrap()
}

const SECOND_NS: u64 = 1_000_000_000;

/// A second, two, four, then five; nothing inline.
fn slow(times: u32) -> OnError {
    let second = Duration::from_secs(1);
    OnError::retry(times, BackOff::doubling(second, second * 5).inline_at_most(Duration::ZERO))
}

fn open_letters(journal: &Path) -> Vec<(u64, DeadLetterKind, u32)> {
    let letters = DeadLetters::of(journal).unwrap();
    letters.open().into_iter().map(|letter| (letter.sequence, letter.kind, letter.tries)).collect()
}

#[test]
fn what_is_set_aside_comes_again_when_it_is_due_and_gives_up_behind_the_last_try() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(AtomicU64::new(100 * SECOND_NS));
    let outside = outside([(3, 2), (5, u32::MAX)]);
    let (engine, mut publisher) = open(folder.path(), &clock, &outside, slow(3));
    for id in 0..10 {
        publisher.publish(trade(id)).unwrap();
    }
    engine.wait_stage("send", 9).unwrap();
    assert_eq!(
        open_letters(folder.path()),
        [(3, DeadLetterKind::SetAside, 1), (5, DeadLetterKind::SetAside, 1)]
    );
    let letters = DeadLetters::of(folder.path()).unwrap();
    assert_eq!(letters.open()[0].due_ns, Some(101 * SECOND_NS));
    assert_eq!(
        letters.open()[0].to_string(),
        "send: sequence 3 (epoch 1) set aside: call 1 of trade 3 is refused"
    );
    // Not before its time.
    assert_eq!(engine.publish_due(&mut publisher).unwrap(), []);
    // Each round: how far the clock goes, and what is published again as what.
    let mut again = |by_ns: u64, wanted: &[(u64, u64)]| {
        clock.fetch_add(by_ns, Ordering::Relaxed);
        let done = engine.publish_due(&mut publisher).unwrap();
        let done: Vec<_> = done.iter().map(|done| (done.letter.sequence, done.sequence)).collect();
        assert_eq!(done, wanted);
        if let Some((_, last)) = wanted.last() {
            engine.wait_stage("send", *last).unwrap();
        }
    };
    again(SECOND_NS, &[(3, 10), (5, 11)]);
    again(SECOND_NS, &[]);
    again(SECOND_NS, &[(10, 12), (11, 13)]);
    again(4 * SECOND_NS, &[(13, 14)]);
    again(100 * SECOND_NS, &[]);
    assert_eq!((calls(&outside, 3), calls(&outside, 5)), (3, 4), "the first and three more at most");
    assert_eq!(open_letters(folder.path()), [(14, DeadLetterKind::Refused, 4)]);
    let counters = engine.counters();
    let stage = &counters.stages[1];
    assert_eq!((stage.dead_letters, stage.set_aside, stage.retries, stage.retry_wait_ns), (6, 5, 0, 0));
    engine.join().unwrap();
    // Replay asks nobody.
    let (engine, mut publisher) = open(folder.path(), &clock, &outside, slow(3));
    clock.fetch_add(100 * SECOND_NS, Ordering::Relaxed);
    assert_eq!(engine.publish_due(&mut publisher).unwrap(), []);
    engine.join().unwrap();
    assert_eq!((calls(&outside, 3), calls(&outside, 5)), (3, 4));
    assert_eq!(open_letters(folder.path()), [(14, DeadLetterKind::Refused, 4)]);
}

#[test]
fn a_given_up_letter_that_is_reprocessed_by_hand_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(AtomicU64::new(SECOND_NS));
    let outside = outside([(0, 3)]);
    let (engine, mut publisher) = open(folder.path(), &clock, &outside, OnError::retry(1, BackOff::none()));
    publisher.publish(trade(0)).unwrap();
    engine.wait_stage("send", 0).unwrap();
    assert_eq!(open_letters(folder.path()), [(0, DeadLetterKind::Refused, 2)]);
    let mut letters = DeadLetters::of(folder.path()).unwrap();
    assert_eq!(
        letters.open()[0].to_string(),
        "send: sequence 0 (epoch 1) refused after 2 tries: call 2 of trade 0 is refused"
    );
    letters.reprocess(&engine, &mut publisher, |_| true).unwrap();
    engine.wait_stage("send", 1).unwrap();
    assert_eq!((open_letters(folder.path()), calls(&outside, 0)), (vec![], 4));
    engine.join().unwrap();
}

#[test]
fn tries_before_a_death_count_behind_it() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(AtomicU64::new(SECOND_NS));
    // A life ends behind each round: what was published again is known from the log alone.
    let outside = outside([(0, u32::MAX)]);
    let mut rounds = 0;
    for life in 0..8 {
        let (engine, mut publisher) = open(folder.path(), &clock, &outside, slow(4));
        if life == 0 {
            publisher.publish(trade(0)).unwrap();
        }
        clock.fetch_add(100 * SECOND_NS, Ordering::Relaxed);
        rounds += engine.publish_due(&mut publisher).unwrap().len();
        engine.join().unwrap();
    }
    // Of the first life's two tries one may come in the next.
    assert_eq!((rounds, calls(&outside, 0)), (4, 5));
    assert_eq!(open_letters(folder.path()), [(4, DeadLetterKind::Refused, 5)]);
}

#[test]
fn a_try_sees_its_number_and_what_the_one_before_wrote_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let found = Arc::new(Mutex::new(Vec::new()));
    let open = || {
        let column = Column::<u64>::named("tries");
        let (written, read, finds) = (column.clone(), column.clone(), Arc::clone(&found));
        let write = move |trade: &Trade, context: &Context| -> Result<(), HandlerError> {
            if context.read(&written).is_some() {
                return Err(Fatal("a try sees what the one before wrote".into()).into());
            }
            context.write(&written, u64::from(context.attempt()));
            let is_refused = trade.id == 2 && context.attempt() == 1 || trade.id == 3;
            if is_refused { Err("not yet".into()) } else { Ok(()) }
        };
        let reader = move |_: &Trade, context: &Context| finds.lock().unwrap().push(context.read(&read));
        let stage = Stage::new("write", write, Gate::JOURNALLED)
            .on_error(OnError::retry(1, BackOff::none()))
            .writes(&column);
        let reader = Stage::new("read", reader, Gate::JOURNALLED.after("write")).reads(&column);
        builder(folder.path()).lane(Lane::named("main").journal().with(stage).with(reader)).open().unwrap()
    };
    let (engine, mut publisher) = open().go_live().unwrap();
    publisher.publish_all(&[0, 1, 2, 3, 4].map(trade)).unwrap();
    engine.join().unwrap();
    let wanted = vec![Some(1), Some(1), Some(2), None, Some(1)];
    assert_eq!(std::mem::take(&mut *found.lock().unwrap()), wanted);
    open().replay(ReplayFrom::Start).unwrap();
    assert_eq!(*found.lock().unwrap(), wanted, "replay says the try that came out well");
}

#[test]
fn fatal_errors_and_panics_are_never_tried_again() {
    for panics in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let calls = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&calls);
        let handler = move |_: &Trade, context: &Context| -> Result<(), HandlerError> {
            counted.fetch_add(1, Ordering::Relaxed);
            match context.attempt() {
                1 => Err("once more".into()),
                _ if panics => panic!("poison"),
                _ => Err(Fatal("half done".into()).into()),
            }
        };
        let stage = Stage::new("sum", handler, Gate::JOURNALLED).on_error(OnError::retry(9, BackOff::none()));
        let (engine, mut publisher) = with_stage(folder.path(), stage).go_live().unwrap();
        publisher.publish(trade(0)).unwrap();
        let error = engine.wait_stage("sum", 0).unwrap_err().to_string();
        assert!(
            error.contains("sequence 0") && error.contains(["half done", "poison"][usize::from(panics)]),
            "{error}"
        );
        assert_eq!(calls.load(Ordering::Relaxed), 2);
        drop(engine);
        assert!(DeadLetters::of(folder.path()).unwrap().all().is_empty());
    }
}

#[test]
fn two_stages_that_set_one_event_aside_have_it_published_once_with_the_tries_of_each() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(AtomicU64::new(SECOND_NS));
    let refuses = |most: u32, calls: &Arc<AtomicU64>| {
        let calls = Arc::clone(calls);
        let second = Duration::from_secs(1);
        let back_off = BackOff::fixed(second).inline_at_most(Duration::ZERO);
        let handler = move |_: &Trade, _: &Context| -> Result<(), HandlerError> {
            calls.fetch_add(1, Ordering::Relaxed);
            Err("no".into())
        };
        (handler, OnError::retry(most, back_off))
    };
    let counts = [0, 1].map(|_| Arc::new(AtomicU64::new(0)));
    let ((a, on_a), (b, on_b)) = (refuses(1, &counts[0]), refuses(2, &counts[1]));
    let lane = Lane::named("main")
        .journal()
        .with(Stage::new("a", a, Gate::JOURNALLED).on_error(on_a))
        .with(Stage::new("b", b, Gate::JOURNALLED).on_error(on_b));
    let told = Arc::clone(&clock);
    let builder = builder(folder.path()).clock(move || told.load(Ordering::Relaxed)).lane(lane);
    let (engine, mut publisher) = builder.open().unwrap().go_live().unwrap();
    publisher.publish(trade(7)).unwrap();
    for (round, wanted) in [2, 2, 0].into_iter().enumerate() {
        for stage in ["a", "b"] {
            engine.wait_stage(stage, round as u64).unwrap();
        }
        clock.fetch_add(SECOND_NS, Ordering::Relaxed);
        assert_eq!(engine.publish_due(&mut publisher).unwrap().len(), wanted, "round {round}");
    }
    // The tries are the event's: it does not come for ever, to the one because of the other.
    assert_eq!(open_letters(folder.path()), [(2, DeadLetterKind::Refused, 3); 2]);
    assert_eq!(counts.map(|count| count.load(Ordering::Relaxed)), [3, 3]);
    assert_eq!(engine.join().unwrap().end_sequence, 3);
}

#[test]
fn an_event_that_can_not_be_had_holds_up_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(AtomicU64::new(SECOND_NS));
    let outside = outside([(3, 1), (5, 1)]);
    let (engine, mut publisher) = open(folder.path(), &clock, &outside, slow(3));
    (0..10).for_each(|id| drop(publisher.publish(trade(id))));
    engine.wait_stage("send", 9).unwrap();
    // The first letter is of an epoch that never was: the journal has lost its event.
    let log = folder.path().join("stages/send/dead-letters");
    let mut entries = std::fs::read(&log).unwrap();
    entries[32] += 1;
    let length = 40 + usize::from(u16::from_le_bytes([entries[0], entries[1]]));
    let crc = crc32c::crc32c_append(crc32c::crc32c(&entries[..4]), &entries[8..length]);
    entries[4..8].copy_from_slice(&crc.to_le_bytes());
    std::fs::write(&log, &entries).unwrap();
    clock.fetch_add(SECOND_NS, Ordering::Relaxed);
    let error = engine.publish_due(&mut publisher).unwrap_err();
    assert!(
        matches!(&error, slipring::ReprocessError::NoEvent { letter, .. } if letter.sequence == 3),
        "{error}"
    );
    engine.wait_stage("send", 10).unwrap();
    assert_eq!((calls(&outside, 3), calls(&outside, 5)), (1, 2));
    let open: Vec<_> = open_letters(folder.path()).into_iter().map(|letter| letter.0).collect();
    assert_eq!(open, [3]);
    engine.join().unwrap();
}

/// Up to 32 are out before any of them is settled: so many, and no more, come once more behind a failure
/// there.
#[test]
fn many_that_are_due_are_published_together() {
    const LETTERS: u64 = 40;
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(AtomicU64::new(SECOND_NS));
    let outside = outside((0..LETTERS).map(|id| (id, 1)));
    let (engine, mut publisher) = open(folder.path(), &clock, &outside, slow(3));
    (0..LETTERS).for_each(|id| drop(publisher.publish(trade(id))));
    engine.wait_stage("send", LETTERS - 1).unwrap();
    clock.fetch_add(SECOND_NS, Ordering::Relaxed);
    // The log can't be appended to.
    let log = folder.path().join("stages/send/dead-letters");
    let whole = std::fs::read(&log).unwrap();
    std::fs::write(&log, [&whole[..], b"torn"].concat()).unwrap();
    let error = engine.publish_due(&mut publisher).unwrap_err();
    assert!(
        matches!(&error, slipring::ReprocessError::NotSettled { letter, sequence: LETTERS, .. } if letter.sequence == 0),
        "{error}"
    );
    assert_eq!(engine.counters().published_end, LETTERS + 32);
    std::fs::write(&log, &whole).unwrap();
    let done = engine.publish_due(&mut publisher).unwrap();
    let done: Vec<_> = done.iter().map(|done| (done.letter.sequence, done.sequence)).collect();
    assert_eq!(done, (0..LETTERS).map(|id| (id, LETTERS + 32 + id)).collect::<Vec<_>>());
    assert_eq!(engine.publish_due(&mut publisher).unwrap(), []);
    engine.wait_stage("send", 2 * LETTERS + 31).unwrap();
    assert!((0..LETTERS).all(|id| calls(&outside, id) == 2 + u32::from(id < 32)));
    engine.join().unwrap();
    assert_eq!(open_letters(folder.path()), []);
}

#[test]
fn several_that_publish_again_at_once_publish_each_event_once() {
    const LETTERS: u64 = 12;
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(AtomicU64::new(SECOND_NS));
    let outside = outside((0..LETTERS).map(|id| (id, 1)));
    let lane = Lane::named("main").journal().with(sending(&outside, slow(3)));
    let now = Arc::clone(&clock);
    let builder = builder(folder.path()).clock(move || now.load(Ordering::Relaxed)).lane(lane);
    let (engine, mut publisher) =
        builder.publishers(slipring::Publishers::Multi).open().unwrap().go_live().unwrap();
    (0..LETTERS).for_each(|id| drop(publisher.publish(trade(id))));
    engine.wait_stage("send", LETTERS - 1).unwrap();
    clock.fetch_add(SECOND_NS, Ordering::Relaxed);
    let begin = std::sync::Barrier::new(3);
    let done = std::thread::scope(|scope| {
        let due = [(); 2].map(|()| {
            let mut publisher = publisher.try_clone().unwrap();
            let (engine, begin) = (&engine, &begin);
            scope.spawn(move || {
                begin.wait();
                engine.publish_due(&mut publisher).unwrap().len()
            })
        });
        let mut letters = DeadLetters::of(folder.path()).unwrap();
        begin.wait();
        let by_hand = letters.reprocess(&engine, &mut publisher, |_| true).unwrap().len();
        by_hand + due.map(|thread| thread.join().unwrap()).iter().sum::<usize>()
    });
    assert_eq!((done as u64, engine.counters().published_end), (LETTERS, 2 * LETTERS));
    drop(publisher);
    engine.join().unwrap();
    assert_eq!(open_letters(folder.path()), []);
}
