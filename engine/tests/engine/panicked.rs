//! Panics where nobody looks for them: on a lane's thread outside its stages, in what was thrown, in clocks.
//! The engine halts and says so at once; nobody waits for ever.

use std::panic::panic_any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use slipring::{
    Cause, Context, Engine, Gate, Handler, HandlerError, Journal, KeepError, Lane, PublishError, Publisher,
    Publishers, ReplayError, ShutdownError, Snapshot, Snapshots, Stage, Ticker, TimerError, Timers,
    WaitStrategy,
};

use crate::ticks::{Tick, live, pass};

/// Thrown, it throws again when it is dropped, and so on.
struct Bad;

impl Drop for Bad {
    fn drop(&mut self) {
        panic_any(Bad)
    }
}

/// Publishes until it is refused: it would wait on the full ring for ever if nobody told it.
fn publish_to_the_end(publisher: &mut Publisher<Tick>) -> PublishError<Tick> {
    (0..).find_map(|id| publisher.publish_at(0, Tick { id }).err()).unwrap()
}

#[test]
fn what_a_handler_throws_may_throw_again() {
    for invoked in [false, true] {
        let throws = |tick: &Tick, _: &Context| {
            if tick.id == 5 {
                panic_any(Bad)
            }
        };
        let lane = if invoked { Lane::named("lane").invoked() } else { Lane::named("lane") };
        let lane = lane.stage("a", throws, Gate::PUBLISHED).stage("b", pass, Gate::PUBLISHED);
        let (engine, mut publisher) = live(Engine::builder().ring_capacity(16).lane(lane));
        let error = publish_to_the_end(&mut publisher);
        let PublishError::Halted(halted, _) = error else { panic!("{error}") };
        assert_eq!((&*halted.stage, halted.sequence), ("a", 5));
        assert!(matches!(engine.join(), Err(ShutdownError::Halted(_, _))));
    }
}

/// Panics in one of its calls, or when it is dropped.
struct Strategy {
    in_idle: Arc<AtomicBool>,
    in_worked: bool,
    in_drop: bool,
}

impl WaitStrategy for Strategy {
    fn idle(&mut self, _: u32) {
        if self.in_idle.load(Ordering::Relaxed) {
            panic_any(Bad)
        }
        thread::yield_now();
    }

    fn worked(&mut self, _: u64) {
        if self.in_worked {
            panic_any(Bad)
        }
    }
}

impl Drop for Strategy {
    fn drop(&mut self) {
        if self.in_drop {
            panic_any(Bad)
        }
    }
}

#[test]
fn a_wait_strategy_that_panics_anywhere_halts_the_engine() {
    for (in_idle, in_worked) in [(true, false), (false, true)] {
        for in_drop in [false, true] {
            let idle = Arc::new(AtomicBool::new(in_idle));
            let strategy = Strategy { in_idle: idle, in_worked, in_drop };
            let count = Arc::new(AtomicU64::new(0));
            let counts = Arc::clone(&count);
            let handler = move |_: &Tick, _: &Context| {
                counts.fetch_add(1, Ordering::Relaxed);
            };
            let lane = Lane::named("lane").wait_with(strategy).stage("a", handler, Gate::PUBLISHED);
            let (engine, mut publisher) = live(Engine::builder().ring_capacity(16).lane(lane));
            let mut published = 0;
            let error = loop {
                match publisher.publish_at(0, Tick { id: published }) {
                    Ok(_) => published += 1,
                    Err(error) => break error,
                }
            };
            assert!(
                matches!(error, PublishError::Halted(halted, _) if matches!(halted.cause, Cause::Lane(_)))
            );
            assert!(matches!(engine.join(), Err(ShutdownError::Halted(_, _))));
            assert_eq!(count.load(Ordering::Relaxed), published, "the lane drains what was published");
        }
    }
}

#[test]
fn a_wait_strategy_that_panics_when_its_lane_ends_costs_no_handler() {
    let strategy = Strategy { in_idle: Arc::default(), in_worked: false, in_drop: true };
    let lane = Lane::named("lane").wait_with(strategy).stage("a", pass, Gate::PUBLISHED);
    let (engine, mut publisher) = live(Engine::builder().lane(lane));
    publisher.publish_at(0, Tick { id: 0 }).unwrap();
    let ending = engine.ending();
    let Err(ShutdownError::Halted(halted, _)) = engine.join() else { panic!("it panicked") };
    assert!(matches!(halted.cause, Cause::Lane(_)), "{halted}");
    assert!(ending.undelivered().is_empty());
}

/// A clock that panics when it is told to.
fn clock(panics: &Arc<AtomicBool>) -> impl Fn() -> u64 + Send + Sync + use<> {
    let panics = Arc::clone(panics);
    move || if panics.load(Ordering::Relaxed) { panic_any(Bad) } else { 1_000_000 }
}

#[test]
fn a_clock_that_panics_halts_the_engine_and_gives_the_event_back() {
    for publishers in [Publishers::Single, Publishers::Multi] {
        let panics = Arc::default();
        let builder = Engine::builder().publishers(publishers).clock(clock(&panics));
        let (engine, mut publisher) =
            live(builder.lane(Lane::named("lane").stage("a", pass, Gate::PUBLISHED)));
        publisher.publish(Tick { id: 0 }).unwrap();
        panics.store(true, Ordering::Relaxed);
        match publisher.publish(Tick { id: 1 }) {
            Err(PublishError::Halted(halted, Tick { id: 1 })) => {
                assert!(matches!(halted.cause, Cause::Clock(_)))
            }
            other => panic!("{other:?}"),
        }
        assert!(matches!(publisher.try_publish_all(&[Tick { id: 1 }]), Err(PublishError::Halted(_, 0))));
        assert!(matches!(engine.join(), Err(ShutdownError::Halted(_, _))));
    }
}

fn wait_until(is: impl Fn() -> bool) {
    let since = Instant::now();
    while !is() {
        assert!(since.elapsed() < Duration::from_secs(60), "it hangs");
        thread::yield_now();
    }
}

#[test]
fn a_clock_that_panics_on_a_timer_s_thread_is_told() {
    let panics = Arc::default();
    let builder = Engine::builder().publishers(Publishers::Multi).clock(clock(&panics));
    let (engine, publisher) = live(builder.lane(Lane::named("lane").stage("a", pass, Gate::PUBLISHED)));
    let timers = Timers::start(16).unwrap();
    let schedule = timers.schedule();
    let every = Duration::from_millis(1);
    let ticker = Ticker::start(publisher.try_clone().unwrap(), every, |id| Tick { id }).unwrap();
    timers.arm(publisher.try_clone().unwrap()).unwrap();
    schedule.schedule(1, 2_000_000, Tick { id: 1 }).unwrap();
    panics.store(true, Ordering::Relaxed);
    wait_until(|| engine.halted().is_some() && timers.failure().is_some() && !ticker.is_running());
    assert!(
        matches!(timers.failure(), Some(TimerError::Halted(halted)) if matches!(halted.cause, Cause::Clock(_)))
    );
    assert!(matches!(ticker.stop(), Err(TimerError::Halted(_))));
    assert!(matches!(engine.join(), Err(ShutdownError::Halted(_, _))));
}

#[test]
fn a_tick_s_maker_that_throws_what_throws_is_told() {
    let builder = Engine::builder().publishers(Publishers::Multi);
    let (engine, publisher) = live(builder.lane(Lane::named("lane").stage("a", pass, Gate::PUBLISHED)));
    let clone = publisher.try_clone().unwrap();
    let ticker = Ticker::start(clone, Duration::from_millis(1), |_| -> Tick { panic_any(Bad) }).unwrap();
    wait_until(|| !ticker.is_running());
    assert!(matches!(ticker.stop(), Err(TimerError::Panicked(_))));
    engine.join().unwrap();
}

/// Panics when it is restored.
struct Restored;

impl Handler<Tick> for Restored {
    fn event(&mut self, _: &Tick, _: &Context) -> Result<(), HandlerError> {
        Ok(())
    }
}

impl Snapshot for Restored {
    const VERSION: u32 = 1;

    fn save(&self, state: &mut Vec<u8>) {
        state.push(1);
    }

    fn restore(&mut self, _: u32, _: &[u8]) -> Result<(), HandlerError> {
        panic_any(Bad)
    }
}

#[test]
fn a_panic_in_restore_is_an_error_that_names_the_stage() {
    let folder = tempfile::tempdir().unwrap();
    let build = || {
        let stage = Stage::new("book", Restored, Gate::JOURNALLED).snapshots(Snapshots::every(10));
        Engine::builder().journal(Journal::at(folder.path())).lane(Lane::named("lane").journal().with(stage))
    };
    let mut recovered = build().open().unwrap();
    recovered.replay(slipring::ReplayFrom::Snapshot).unwrap();
    let (engine, mut publisher) = recovered.go_live().unwrap();
    (0..100).for_each(|id| assert!(publisher.publish_at(id, Tick { id }).is_ok()));
    engine.join().unwrap();
    match build().open().unwrap().replay(slipring::ReplayFrom::Snapshot) {
        Err(ReplayError::Keep(KeepError::RestorePanicked { stage, .. })) => assert_eq!(stage, "book"),
        other => panic!("{other:?}"),
    }
}
