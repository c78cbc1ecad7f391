//! The stores as contenders of the benches `replay` and `seek`: filled once, then read back in every round.

use std::cell::RefCell;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::harness::Contender;
use crate::peers::{BATCH, Peer, Take, files, filled, kv, memory, parquet_file, replay, sql, time_of};
use crate::random::Random;
use crate::stats::{Sample, histogram};

/// What reads events back; a [`Peer`] without its type.
pub trait Replayed {
    fn replay(&mut self, time_ns: u64, take: &mut Take<'_>);
}

impl<P: Peer> Replayed for P {
    fn replay(&mut self, time_ns: u64, take: &mut Take<'_>) {
        Peer::replay(self, time_ns, take);
    }
}

/// The stores by name.
pub type Stores = RefCell<Vec<(&'static str, Box<dyn Replayed>)>>;

/// Fills each store with `events` events.
pub fn filled_for_replay(folder: &Path, events: u64) -> Stores {
    fn one<P: Peer + 'static>(folder: &Path, events: u64) -> Box<dyn Replayed> {
        // Its folder goes with `folder`.
        let (place, peer) = filled::<P>(folder, events);
        let _ = place.keep();
        Box::new(peer)
    }
    RefCell::new(vec![
        ("sqlite", one::<sql::Sqlite<BATCH>>(folder, events)),
        ("jsonl", one::<files::JsonLines>(folder, events)),
        ("postcard", one::<files::Postcard>(folder, events)),
        ("redb", one::<kv::Redb>(folder, events)),
        ("parquet", one::<parquet_file::ParquetFile>(folder, events)),
        ("binaryheap", one::<memory::Heap>(folder, events)),
        ("vecdeque", one::<memory::Queue>(folder, events)),
    ])
}

fn each<'a>(
    stores: &'a Stores,
    run: impl Fn(&mut dyn Replayed) -> Vec<Sample> + Copy + 'a,
) -> Vec<Contender<'a>> {
    let names: Vec<&'static str> = stores.borrow().iter().map(|(name, _)| *name).collect();
    let contender =
        |(at, name): (usize, _)| Contender::new(name, move || run(&mut *stores.borrow_mut()[at].1));
    names.into_iter().enumerate().map(contender).collect()
}

/// From the first event to the last.
pub fn replay_contenders(stores: &Stores, events: u64) -> Vec<Contender<'_>> {
    each(stores, move |store| replay(store, 0, events))
}

/// From a random time until the first event is there. Some read from the start, some copy everything first:
/// so probes are made for a while, and one at least.
pub fn seek_contenders(stores: &Stores, events: u64) -> Vec<Contender<'_>> {
    const PROBES: usize = 5_000;
    const WHILE: Duration = Duration::from_millis(200);
    each(stores, move |store| {
        let (mut histogram, mut random) = (histogram(), Random::new());
        let begun = Instant::now();
        for _ in 0..PROBES {
            let wanted = random.below(events);
            let mut found = None;
            let started = Instant::now();
            store.replay(time_of(wanted), &mut |event| {
                found = Some(event.id);
                ControlFlow::Break(())
            });
            histogram.saturating_record(started.elapsed().as_nanos() as u64);
            assert_eq!(found, Some(wanted));
            if begun.elapsed() > WHILE {
                break;
            }
        }
        let at = |metric, at| Sample { metric, unit: "ns", value: histogram.value_at_quantile(at) as f64 };
        vec![at("p50", 0.5), at("p90", 0.9), at("p99", 0.99)]
    })
}
