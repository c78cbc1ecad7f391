//! What is too large is refused, and what is only large works.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use slipring::{BuildError, Context, Engine, Event, Gate, Lane, Publishers, TimerError, Timers};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Event)]
#[repr(C)]
struct Tick {
    id: u64,
}

fn pass(_: &Tick, _: &Context) {}

/// The memory was asked for first, and the process aborted, or was ended by the system when it came to be
/// used.
#[test]
fn a_ring_that_does_not_fit_into_memory_is_refused_before_any_is_taken() {
    for publishers in [Publishers::Single, Publishers::Multi] {
        for bits in [32, 31, 30] {
            let lane = Lane::named("lane").stage("a", pass, Gate::PUBLISHED);
            let builder = Engine::builder().ring_capacity(1 << bits).publishers(publishers).lane(lane);
            match builder.open().map(drop) {
                Err(BuildError::RingTooLarge { capacity, bytes, available }) => {
                    assert!(capacity == 1 << bits && bytes > available, "{bytes} {available}");
                }
                // A machine of so much memory may have it.
                Ok(()) => {}
                Err(error) => panic!("{error}"),
            }
        }
        let lane = Lane::named("lane").stage("a", pass, Gate::PUBLISHED);
        let too_many = Engine::builder().ring_capacity(1 << 63).publishers(publishers).lane(lane).open();
        assert!(matches!(too_many, Err(BuildError::BadCapacity { .. })));
    }
}

#[test]
fn a_queue_of_commands_that_does_not_fit_into_memory_is_refused() {
    for capacity in [usize::MAX, 1 << 60, 1 << 40] {
        assert!(matches!(Timers::<Tick>::start(capacity), Err(TimerError::TooMuchRoom { .. })));
    }
}

/// A chain of twenty thousand stages on a thread of little stack, described forwards or backwards; how many
/// events they had.
fn chain(backwards: bool, events: u64) -> u64 {
    const STAGES: u64 = 20_000;
    let count = Arc::new(AtomicU64::new(0));
    let order: Box<dyn Iterator<Item = u64>> =
        if backwards { Box::new((0..STAGES).rev()) } else { Box::new(0..STAGES) };
    let lane = order.fold(Lane::named("lane"), |lane, index| {
        let before = index.checked_sub(1).map(|before| format!("s{before}"));
        let gate = before.map_or(Gate::PUBLISHED, |before| Gate::PUBLISHED.after(&*before));
        let counts = Arc::clone(&count);
        let handler = move |_: &Tick, _: &Context| {
            counts.fetch_add(1, Ordering::Relaxed);
        };
        lane.stage(format!("s{index}"), handler, gate)
    });
    let run = move || {
        let builder = Engine::builder().ring_capacity(64).lane(lane.invoked());
        let (engine, mut publisher) = builder.open().unwrap().go_live().unwrap();
        (0..events).for_each(|id| assert!(publisher.publish_at(0, Tick { id }).is_ok()));
        engine.join().unwrap();
    };
    std::thread::Builder::new().stack_size(256 << 10).spawn(run).unwrap().join().unwrap();
    count.load(Ordering::Relaxed) / STAGES
}

/// The walk over the graph went as deep as the graph, and with it the stack.
#[test]
fn twenty_thousand_stages_in_a_chain_are_no_deeper_than_one() {
    // The last comes first: nothing is known yet of what it waits for. Events would pass a stage a turn.
    assert_eq!(chain(true, 0), 0);
    assert_eq!(chain(false, 3), 3);
}

#[test]
fn a_cycle_of_twenty_thousand_stages_is_refused() {
    const STAGES: u64 = 20_000;
    let lane = (0..STAGES).fold(Lane::named("lane"), |lane, index| {
        let after = format!("s{}", (index + 1) % STAGES);
        lane.stage(format!("s{index}"), pass, Gate::PUBLISHED.after(&*after))
    });
    let run = move || matches!(Engine::builder().lane(lane).open().unwrap_err(), BuildError::Cycle { path } if path.len() as u64 == STAGES + 1);
    assert!(std::thread::Builder::new().stack_size(256 << 10).spawn(run).unwrap().join().unwrap());
}
