//! Whatever a handler does within a batch (ends it, refuses an event), and wherever it comes from (the ring,
//! or the journal on the same lane): it sees every event once, in order, at the running time, and is told of
//! each batch's beginning and end.
//!
//! Most of a batch goes through a loop of its own, which knows nothing of first and last events; the bursts
//! here are short and long, so that every event is tried in both places.

use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use slipring::{
    Batch, Context, DeadLetters, Effects, Engine, Gate, Handler, HandlerError, Journal, Lane, OnError,
    Publishers, Stage, SyncMode,
};
use slipring_tests::folders::in_memory;
use slipring_tests::handlers::live;
use slipring_tests::journals::{Note, note};

/// What the handler does with an event.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Does {
    refuses: bool,
    releases: bool,
}

fn does() -> impl Strategy<Value = Does> {
    (prop::bool::weighted(0.05), prop::bool::weighted(0.05))
        .prop_map(|(refuses, releases)| Does { refuses, releases })
}

#[derive(Debug, Default)]
struct Seen {
    /// Sequence and time of each event.
    events: Vec<(u64, u64)>,
    /// How many events each batch was to have, had when it ended.
    batches: Vec<(u64, u64)>,
    /// Of the batch under way; `None` between two.
    under_way: Option<(u64, u64)>,
}

struct Checking {
    plan: Vec<Does>,
    seen: Arc<Mutex<Seen>>,
}

impl Handler<Note> for Checking {
    fn batch_start(&mut self, batch: &Batch<'_>) {
        let mut seen = self.seen.lock().unwrap();
        assert_eq!(seen.under_way, None, "a batch begins behind the end of the one before");
        assert_eq!(batch.first_sequence(), seen.events.len() as u64);
        seen.under_way = Some((batch.size(), 0));
    }

    fn event(&mut self, event: &Note, context: &Context) -> Result<(), HandlerError> {
        let mut seen = self.seen.lock().unwrap();
        let (size, had) = seen.under_way.expect("events come in batches");
        assert_eq!((event.id, context.sequence()), (seen.events.len() as u64, seen.events.len() as u64));
        seen.under_way = Some((size, had + 1));
        seen.events.push((event.id, context.time_ns()));
        assert_eq!(context.end_of_batch(), had + 1 == size);
        let does = self.plan[event.id as usize];
        if does.releases {
            context.release();
        }
        if does.refuses { Err("as planned".into()) } else { Ok(()) }
    }

    fn batch_end(&mut self) {
        let mut seen = self.seen.lock().unwrap();
        let ended = seen.under_way.take().expect("a batch ends once");
        seen.batches.push(ended);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_handler_sees_every_event_once_whatever_it_does(
        events in prop::collection::vec((0u64..1_000, does()), 1..900),
        bursts in prop::collection::vec(1usize..150, 1..20),
        is_fused in any::<bool>(),
        has_effects in any::<bool>(),
        publishers in prop::sample::select(vec![Publishers::Single, Publishers::Multi]),
        batch_cap in prop::option::of(1u64..100),
    ) {
        let place = in_memory();
        let journal = Journal::at(place.path()).segment_records(256).sync(SyncMode::None);
        let plan: Vec<Does> = events.iter().map(|(_, does)| *does).collect();
        let seen: Arc<Mutex<Seen>> = Arc::default();
        let gate = if is_fused { Gate::JOURNALLED } else { Gate::PUBLISHED };
        let handler = Checking { plan: plan.clone(), seen: Arc::clone(&seen) };
        let mut stage = Stage::new("check", handler, gate).on_error(OnError::DeadLetter);
        if has_effects {
            stage = stage.effects(Effects::new());
        }
        let main = Lane::named("main").invoked();
        let mut builder = Engine::builder().ring_capacity(1024).journal(journal).publishers(publishers);
        if let Some(cap) = batch_cap {
            builder = builder.batch_cap(cap);
        }
        builder = match is_fused {
            true => builder.lane(main.journal().with(stage)),
            false => builder.lane(main.with(stage)).lane(Lane::named("journal").invoked().journal()),
        };
        let (engine, mut publisher) = live(builder);
        let mut next = 0;
        for burst in bursts.iter().cycle() {
            let end = (next + burst).min(events.len());
            let burst: Vec<(u64, Note)> = (next..end).map(|id| (events[id].0, note(id as u64))).collect();
            publisher.publish_all_at(&burst).unwrap();
            engine.invoke();
            next = end;
            if next == events.len() {
                break;
            }
        }
        engine.join().unwrap();

        let seen = seen.lock().unwrap();
        let mut time_ns = 0;
        let wanted = events.iter().enumerate().map(|(id, (event_ns, _))| {
            time_ns = time_ns.max(*event_ns);
            (id as u64, time_ns)
        });
        prop_assert_eq!(&seen.events, &wanted.collect::<Vec<_>>());
        prop_assert_eq!(seen.under_way, None);
        // A batch ends where it was said to, or where the handler wanted.
        let mut end = 0;
        for (size, had) in &seen.batches {
            end += *had as usize;
            prop_assert!(had == size || had < size && plan[end - 1].releases, "{} of {} to {}", had, size, end);
        }
        prop_assert!((1..end).all(|at| !plan[at - 1].releases || ends(&seen.batches, at)));
        let letters = DeadLetters::of(place.path()).unwrap();
        let refused: Vec<u64> = letters.open().iter().map(|letter| letter.sequence).collect();
        let wanted = (0..).zip(&plan).filter(|(_, does)| does.refuses).map(|(at, _)| at);
        prop_assert_eq!(refused, wanted.collect::<Vec<u64>>());
    }
}

/// Whether a batch ends behind so many events.
fn ends(batches: &[(u64, u64)], at: usize) -> bool {
    let mut end = 0;
    batches.iter().any(|(_, had)| {
        end += *had as usize;
        end == at
    })
}
