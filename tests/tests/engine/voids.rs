//! Void records in the ring: replay leaves them in slots, and what is published into those slots later is
//! handled all the same. A single publisher does not say of each event that it is not void, so it has to know
//! where replay has been.

use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use slipring::{Context, Engine, Event, Gate, Journal, Lane, Pace, Publishers, Replay, ReplayFrom};
use slipring_tests::folders::in_memory;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Event)]
#[repr(C)]
struct Tick {
    id: u64,
}

/// What is published after replay: events one by one, or as many at once.
#[derive(Clone, Copy, Debug)]
enum Put {
    One,
    OneIfRoom,
    All(usize),
    AllIfRoom(usize),
}

fn put() -> impl Strategy<Value = Put> {
    // Mostly one by one: a batch clears many slots.
    prop_oneof![
        20 => Just(Put::One),
        20 => Just(Put::OneIfRoom),
        1 => (0..40_usize).prop_map(Put::All),
        1 => (0..40_usize).prop_map(Put::AllIfRoom),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn what_is_published_where_void_records_were_is_handled(
        voids in prop::collection::vec(any::<bool>(), 0..300),
        puts in prop::collection::vec(put(), 0..300),
        several in any::<bool>(),
        at_once in any::<bool>(),
    ) {
        let folder = in_memory();
        let journal = Journal::at(folder.path().join("ticks")).segment_records(512);
        let (mut writer, _) = journal.open::<Tick>().unwrap();
        for (id, is_void) in (0..).zip(&voids) {
            match is_void {
                true => writer.append_void(id).unwrap(),
                false => writer.append(id, &Tick { id }).unwrap(),
            };
        }
        writer.close().unwrap();

        let seen: Arc<Mutex<Vec<(u64, u64)>>> = Arc::default();
        let keep = Arc::clone(&seen);
        let handler = move |tick: &Tick, context: &Context| {
            keep.lock().unwrap().push((context.sequence(), tick.id));
        };
        let publishers = if several { Publishers::Multi } else { Publishers::Single };
        let mut recovered = Engine::builder()
            .ring_capacity(64)
            .publishers(publishers)
            .journal(journal)
            .lane(Lane::named("main").journal().stage("seen", handler, Gate::JOURNALLED))
            .open()
            .unwrap();
        let pace = if at_once { Pace::Max } else { Pace::Times(1e9) };
        recovered.replay(Replay::new(ReplayFrom::Start).pace(pace)).unwrap();
        let (engine, mut publisher) = recovered.go_live().unwrap();

        let mut next = voids.len() as u64;
        for put in puts {
            let events: Vec<(u64, Tick)> = match put {
                Put::One | Put::OneIfRoom => vec![(next, Tick { id: next })],
                Put::All(count) | Put::AllIfRoom(count) => {
                    (next..).map(|id| (id, Tick { id })).take(count).collect()
                }
            };
            let published = match put {
                Put::One => publisher.publish_at(next, events[0].1).map(|_| 1).unwrap(),
                Put::OneIfRoom => publisher.try_publish_at(next, events[0].1).map_or(0, |_| 1),
                Put::All(count) => publisher.publish_all_at(&events).map(|_| count).unwrap(),
                Put::AllIfRoom(count) => publisher.try_publish_all_at(&events).map_or(0, |_| count),
            };
            next += published as u64;
        }
        engine.join().unwrap();

        let replayed = (0..).zip(&voids).filter(|(_, is_void)| !**is_void).map(|(id, _)| id);
        let wanted: Vec<(u64, u64)> = replayed.chain(voids.len() as u64..next).map(|id| (id, id)).collect();
        prop_assert_eq!(&*seen.lock().unwrap(), &wanted);
    }
}
