//! Times that are wrong: refused at the call, by every way of publishing, and nothing that a publish accepted
//! is refused later. A clock that goes back holds no timer up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use slipring::{
    Context, Engine, EngineBuilder, Event, Gate, Journal, Lane, Output, Publisher, Publishers, ReplayFrom,
    Timers,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Event)]
#[repr(C)]
struct Tick {
    id: u64,
    kind: u64,
}

fn tick(id: u64) -> Tick {
    Tick { id, kind: 0 }
}

const SECOND: u64 = 1_000_000_000;
const DAY: u64 = 24 * 3600 * SECOND;
const HOUR: u64 = 3600 * SECOND;
/// Against a hang only.
const PATIENCE: Duration = Duration::from_secs(120);

fn system_ns() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64
}

fn journalled(folder: &std::path::Path) -> EngineBuilder<Tick> {
    let lane = Lane::named("main").journal().stage("see", |_: &Tick, _: &Context| {}, Gate::PUBLISHED);
    Engine::builder().journal(Journal::at(folder)).lane(lane)
}

fn bare() -> EngineBuilder<Tick> {
    Engine::builder().lane(Lane::named("main").stage("see", |_: &Tick, _: &Context| {}, Gate::PUBLISHED))
}

/// Tries every way to publish at a bad time; each gives the event back, and none is published.
fn try_all_ways(publisher: &mut Publisher<Tick>, bad: u64) {
    assert_eq!(publisher.publish_at(bad, tick(1)).unwrap_err().into_event(), tick(1));
    assert_eq!(publisher.try_publish_at(bad, tick(2)).unwrap_err().into_event(), tick(2));
    let waited = publisher.publish_timeout(bad, tick(3), Duration::from_secs(1));
    assert_eq!(waited.unwrap_err().into_event(), tick(3));
    let now = system_ns();
    let mixed = [(now, tick(4)), (bad, tick(5)), (now, tick(6))];
    assert_eq!(publisher.publish_all_at(&mixed).unwrap_err().into_event(), 0);
    assert_eq!(publisher.try_publish_all_at(&mixed).unwrap_err().into_event(), 0);
}

#[test]
fn a_bad_time_is_refused_at_the_call_by_every_way_and_the_engine_goes_on() {
    for publishers in [Publishers::Single, Publishers::Multi] {
        let folder = tempfile::tempdir().unwrap();
        let builder = journalled(folder.path()).publishers(publishers);
        let (engine, mut publisher) = builder.open().unwrap().go_live().unwrap();
        for bad in [u64::MAX, u64::MAX - 1, u64::MAX / 2, system_ns() + 2 * DAY] {
            try_all_ways(&mut publisher, bad);
        }
        let mut last = 0;
        for id in 0..5_000 {
            last = publisher.publish(tick(id)).unwrap();
        }
        try_all_ways(&mut publisher, u64::MAX);
        engine.wait_durable(last).unwrap();
        assert_eq!((last, engine.halted().is_none()), (4_999, true));
        assert_eq!(engine.join().unwrap().durable_end, Some(5_000));
    }
}

#[test]
fn without_a_journal_a_bad_time_is_refused_too() {
    for publishers in [Publishers::Single, Publishers::Multi] {
        let (engine, mut publisher) = bare().publishers(publishers).open().unwrap().go_live().unwrap();
        try_all_ways(&mut publisher, u64::MAX);
        publisher.publish(tick(1)).unwrap();
        try_all_ways(&mut publisher, u64::MAX);
        assert_eq!(engine.join().unwrap().end_sequence, 1);
    }
}

#[test]
fn extremes_and_times_that_go_back_are_taken() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, mut publisher) = journalled(folder.path()).open().unwrap().go_live().unwrap();
    let now = system_ns();
    for time in [0, 1, now, 0, now + DAY / 2, now, 1, now + DAY / 2] {
        publisher.publish_at(time, tick(time)).unwrap();
    }
    publisher.publish_all_at(&[(0, tick(1)), (now, tick(2)), (0, tick(3))]).unwrap();
    assert_eq!(engine.join().unwrap().durable_end, Some(11));
    let mut reader = Journal::at(folder.path()).reader::<Tick>().unwrap();
    assert_eq!(reader.at(10).unwrap().time_ns(), now + DAY / 2, "the journal's time never goes back");
}

#[test]
fn a_clock_that_leaps_ahead_and_back_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let now_ns = Arc::new(AtomicU64::new(system_ns()));
    let clock = Arc::clone(&now_ns);
    let builder = journalled(folder.path()).clock(move || clock.load(Ordering::SeqCst));
    let (engine, mut publisher) = builder.open().unwrap().go_live().unwrap();
    let start = now_ns.load(Ordering::SeqCst);
    let time = |engine: &Engine<Tick>| engine.counters().journal_time.unwrap();
    for id in 0..10 {
        engine.wait_durable(publisher.publish(tick(id)).unwrap()).unwrap();
    }
    wait_until("the lane has said so", || time(&engine).last_ns == start);
    assert_eq!((time(&engine).regressions, time(&engine).ahead_ns), (0, 0));
    // Six years ahead, for one event.
    now_ns.fetch_add(6 * 365 * DAY, Ordering::SeqCst);
    engine.wait_durable(publisher.publish(tick(10)).unwrap()).unwrap();
    now_ns.store(start + 5, Ordering::SeqCst);
    for id in 11..20 {
        engine.wait_durable(publisher.publish(tick(id)).unwrap()).unwrap();
    }
    wait_until("all that came later is counted", || time(&engine).regressions == 9);
    let time = time(&engine);
    assert_eq!((time.last_ns, time.ahead_ns), (start + 6 * 365 * DAY, 6 * 365 * DAY - 5));
    assert!(engine.counters().to_string().contains("ahead of the clock"), "{}", engine.counters());
    engine.join().unwrap();
    let info = slipring_journal::inspect(folder.path()).unwrap();
    assert!(info.ahead_ns > 5 * 365 * DAY, "{}", info.ahead_ns);
}

/// One slip of a clock, which it does not stand by: refused, and nothing is held anywhere.
#[test]
fn a_clock_that_slips_for_a_moment_is_refused_that_once() {
    for slip in [u64::MAX, system_ns() + 100 * DAY] {
        let (folder, slips) = (tempfile::tempdir().unwrap(), Arc::new(AtomicU64::new(0)));
        let once = Arc::clone(&slips);
        let builder = journalled(folder.path()).clock(move || match once.swap(0, Ordering::SeqCst) {
            0 => system_ns(),
            slip => slip,
        });
        let (engine, mut publisher) = builder.open().unwrap().go_live().unwrap();
        publisher.publish(tick(0)).unwrap();
        slips.store(slip, Ordering::SeqCst);
        assert_eq!(publisher.publish(tick(1)).unwrap_err().into_event(), tick(1));
        slips.store(slip, Ordering::SeqCst);
        assert_eq!(publisher.publish_all(&[tick(1); 3]).unwrap_err().into_event(), 0);
        slips.store(slip, Ordering::SeqCst);
        assert!(publisher.try_publish_with(|event| event.id = 1).is_err());
        publisher.publish(tick(1)).unwrap();
        assert_eq!(engine.join().unwrap().durable_end, Some(2));
    }
}

#[test]
fn a_time_a_step_behind_the_last_is_taken_one_by_one_and_in_a_batch() {
    for publishers in [Publishers::Single, Publishers::Multi] {
        let folder = tempfile::tempdir().unwrap();
        let builder = journalled(folder.path()).publishers(publishers);
        let (engine, mut publisher) = builder.open().unwrap().go_live().unwrap();
        let start = system_ns();
        let mut at = start;
        // Each a step behind the one before: far beyond the clock in the end, and never too far.
        for id in 0..50 {
            at += DAY;
            publisher.publish_at(at, tick(id)).unwrap();
        }
        assert!(publisher.publish_at(at + DAY + 1, tick(0)).is_err(), "a step and a bit");
        let batch: Vec<_> = (1..=300).map(|n| (at + n * DAY, tick(n))).collect();
        publisher.publish_all_at(&batch).unwrap();
        assert!(publisher.publish_all_at(&[(at + 301 * DAY + 1, tick(0))]).is_err());
        publisher.publish_at(at + 301 * DAY, tick(0)).unwrap();
        assert_eq!(engine.join().unwrap().durable_end, Some(351));
    }
}

#[test]
fn what_several_publishers_were_told_ok_the_journal_takes() {
    const EACH: u64 = 2_000;
    let folder = tempfile::tempdir().unwrap();
    let lane = Lane::named("main").journal();
    let journal = Journal::at(folder.path()).max_time_step(Duration::from_millis(1)).segment_records(512);
    let builder =
        Engine::builder().publishers(Publishers::Multi).ring_capacity(64).journal(journal).lane(lane);
    // A clock that says nothing: each publisher has its own last time to go by.
    let (engine, publisher) = builder.clock(|| 0).open().unwrap().go_live().unwrap();
    let start = system_ns() + HOUR;
    let taken: u64 = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..3u64)
            .map(|own| {
                let mut publisher = publisher.try_clone().unwrap();
                scope.spawn(move || {
                    let mut random = 88_172_645_463_325_252_u64 ^ own;
                    let (mut taken, mut at) = (0, system_ns());
                    for id in 0..EACH {
                        random ^= random << 13;
                        random ^= random >> 7;
                        random ^= random << 17;
                        let wanted = match random % 8 {
                            0 => start + random % DAY,
                            1 => at.saturating_sub(random % HOUR),
                            2 => 0,
                            3 => u64::MAX - random % 3,
                            _ => at.saturating_add(random % 2_000_000),
                        };
                        if publisher.publish_at(wanted, tick(id)).is_ok() {
                            taken += 1;
                            at = at.max(wanted);
                        }
                    }
                    taken
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert!(taken > 0 && taken < 3 * EACH, "some were taken and some refused: {taken}");
    assert_eq!(engine.join().unwrap().durable_end, Some(taken));
}

#[test]
fn what_lies_in_the_journal_is_replayed_whatever_its_times_and_publishing_goes_on_from_there() {
    let folder = tempfile::tempdir().unwrap();
    let far = system_ns() + 400 * 365 * DAY;
    let journal = Journal::at(folder.path()).max_time_step(Duration::MAX);
    let (mut writer, _) = journal.open::<Tick>().unwrap();
    for id in 0..100 {
        writer.append(far + id, &tick(id)).unwrap();
    }
    writer.close().unwrap();
    let mut recovered = journalled(folder.path()).open().unwrap();
    assert_eq!(recovered.replay(ReplayFrom::Start).unwrap().events(), 100);
    let (engine, mut publisher) = recovered.go_live().unwrap();
    publisher.publish(tick(100)).unwrap();
    publisher.publish_at(far + DAY / 2, tick(101)).unwrap();
    try_all_ways(&mut publisher, u64::MAX);
    assert_eq!(engine.join().unwrap().durable_end, Some(102));
    // The same without a replay.
    let recovered = journalled(folder.path()).open().unwrap().without_history();
    let (engine, mut publisher) = recovered.go_live().unwrap();
    publisher.publish_at(far + DAY, tick(102)).unwrap();
    assert_eq!(engine.join().unwrap().durable_end, Some(103));
    let backtest = bare().backtest(&Journal::at(folder.path())).unwrap();
    assert_eq!(backtest.run(ReplayFrom::Start).unwrap().replay.events(), 103);
}

#[test]
fn an_output_says_that_the_other_engine_finds_the_time_too_far() {
    let folder = tempfile::tempdir().unwrap();
    let (other, orders) = journalled(&folder.path().join("orders")).open().unwrap().go_live().unwrap();
    let mut output = Output::only("orders", orders).unwrap();
    let said = Arc::new(std::sync::Mutex::new(String::new()));
    let text = Arc::clone(&said);
    let put = move |event: &Tick, context: &Context| {
        if let Err(error) = output.emit(context, *event) {
            *text.lock().unwrap() = error.to_string();
        }
    };
    let lane = Lane::named("main").journal().stage("put", put, Gate::JOURNALLED);
    let journal = Journal::at(folder.path().join("ticks")).max_time_step(Duration::MAX);
    let (engine, mut publisher) =
        Engine::builder().journal(journal).lane(lane).open().unwrap().go_live().unwrap();
    let sequence = publisher.publish_at(u64::MAX / 2, tick(1)).unwrap();
    engine.wait_stage("put", sequence).unwrap();
    let said = said.lock().unwrap().clone();
    assert!(said.contains("output orders") && said.contains(&(u64::MAX / 2).to_string()), "{said}");
    engine.join().unwrap();
    assert!(other.halted().is_none());
}

const ASK: u64 = 1;
const FIRED: u64 = 2;

/// An engine whose stage schedules a timer of `id` nanoseconds for each `ASK`, by a clock that `ahead` moves.
fn timed(journal: Option<Journal>, ahead: &Arc<AtomicU64>) -> (Engine<Tick>, Publisher<Tick>, Timers<Tick>) {
    let timers = Timers::start(64).unwrap();
    let schedule = timers.schedule();
    let mut token = 0;
    let handle = move |event: &Tick, context: &Context| match event.kind {
        ASK => {
            token += 1;
            schedule.schedule(token, context.time_ns() + event.id, Tick { id: token, kind: FIRED })
        }
        FIRED => schedule.fired(context, event.id, event),
        _ => Ok(()),
    };
    let ahead = Arc::clone(ahead);
    let mut lane = Lane::named("main");
    let mut builder = Engine::builder().publishers(Publishers::Multi);
    if let Some(journal) = journal {
        lane = lane.journal();
        builder = builder.journal(journal);
    }
    let builder = builder.lane(lane.stage("handle", handle, Gate::PUBLISHED)).max_time_step(Duration::MAX);
    // The system's clock, moved: it starts ten days behind, so that it can be moved both ways.
    let clock = move || system_ns() - 10 * DAY + ahead.load(Ordering::SeqCst);
    let mut recovered = builder.clock(clock).open().unwrap();
    if recovered.recovery().is_some() {
        recovered.replay(ReplayFrom::Start).unwrap();
    }
    let (engine, publisher) = recovered.go_live().unwrap();
    timers.arm(publisher.try_clone().unwrap()).unwrap();
    (engine, publisher, timers)
}

fn ask(delay: Duration) -> Tick {
    Tick { id: delay.as_nanos() as u64, kind: ASK }
}

fn wait_until(what: &str, is: impl Fn() -> bool) {
    let since = Instant::now();
    while !is() {
        assert!(since.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_clock_that_goes_back_holds_no_timer_up() {
    let folder = tempfile::tempdir().unwrap();
    for journal in [Some(Journal::at(folder.path()).max_time_step(Duration::MAX)), None] {
        let ahead = Arc::new(AtomicU64::new(5 * DAY));
        let (engine, mut publisher, timers) = timed(journal, &ahead);
        publisher.publish(ask(Duration::from_millis(50))).unwrap();
        wait_until("it is scheduled", || timers.pending() == 1 || timers.went_off() == 1);
        ahead.fetch_sub(HOUR, Ordering::SeqCst);
        wait_until("it goes off though the clock went back", || timers.went_off() == 1);
        // And those that are asked for while the engine's time is held where it was.
        publisher.publish(ask(Duration::from_millis(50))).unwrap();
        wait_until("asked for behind the step", || timers.went_off() == 2);
        // One an hour away does not go off at once for that.
        publisher.publish(ask(Duration::from_secs(3600 * 5))).unwrap();
        wait_until("the long one is scheduled", || timers.pending() == 1);
        publisher.publish(ask(Duration::from_millis(20))).unwrap();
        wait_until("the short one", || timers.went_off() == 3);
        // The clock is mended: what is hours away stays so.
        ahead.fetch_add(HOUR, Ordering::SeqCst);
        publisher.publish(ask(Duration::from_millis(20))).unwrap();
        wait_until("the short one behind it", || timers.went_off() == 4);
        assert_eq!(timers.pending(), 1);
        // A clock that is set ahead has passed its time.
        ahead.fetch_add(6 * HOUR, Ordering::SeqCst);
        wait_until("the long one", || timers.went_off() == 5);
        engine.join().unwrap();
    }
}

#[test]
fn what_is_pending_over_a_restart_goes_off_though_the_clock_went_back_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let journal = || Some(Journal::at(folder.path()).max_time_step(Duration::MAX));
    let ahead = Arc::new(AtomicU64::new(5 * DAY));
    let (engine, mut publisher, timers) = timed(journal(), &ahead);
    publisher.publish(ask(Duration::from_millis(400))).unwrap();
    wait_until("it is scheduled", || timers.pending() + timers.went_off() == 1);
    engine.join().unwrap();
    let before = timers.went_off();
    drop(timers);
    ahead.fetch_sub(DAY, Ordering::SeqCst);
    let (engine, _, timers) = timed(journal(), &ahead);
    wait_until("it goes off in the next life", || before + timers.went_off() == 1);
    engine.join().unwrap();
    drop(timers);
    // Once, whatever the clock says: its event is in the journal, not before its time.
    let (engine, _, timers) = timed(journal(), &ahead);
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!((timers.went_off(), timers.pending()), (0, 0));
    engine.join().unwrap();
}
