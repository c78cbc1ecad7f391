//! What two cores are to each other: how far apart, and what one gets done while the other is busy. Two cores
//! of a virtual machine may be two threads of one core of its host, two cores of one cache, or of two,
//! whatever the machine shows, and the host may change that several times a second. Of two threads of one
//! core each has half of what it computes with: a bound measured while the other core sleeps has all of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::distance::round_trip;
use crate::harness::{Output, Tally};
use crate::host::{Cores, pin_to};
use crate::stats::Sample;

/// Words of the memory that is stored to: 4 KiB, which lies in the nearest cache of every core.
const WORDS: usize = 512;
/// Lines stored in one look.
const LINES: u64 = 1 << 20;
/// Between two rounds: the host needs time to change its mind in.
const REST: Duration = Duration::from_millis(50);

/// Stores every line of a nearest cache's worth, word by word as the journal does.
fn store_all(memory: &[AtomicU64; WORDS], value: u64) {
    // Relaxed: nobody else looks.
    memory.iter().for_each(|word| word.store(value, Ordering::Relaxed));
}

fn memory() -> [AtomicU64; WORDS] {
    [const { AtomicU64::new(0) }; WORDS]
}

/// A thread that stores to its own memory for as long as this lives.
pub struct Neighbour {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Neighbour {
    /// At work on `core`, or wherever there is room, when this returns.
    pub fn on(core: Option<usize>) -> Self {
        let (stop, works) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (stopped, begun) = (Arc::clone(&stop), Arc::clone(&works));
        let thread = std::thread::spawn(move || {
            pin_to(core);
            let memory = memory();
            let mut value = 0;
            // Relaxed: a flag, and nothing goes with it; so is the next.
            while !stopped.load(Ordering::Relaxed) {
                store_all(std::hint::black_box(&memory), value);
                value += 1;
                begun.store(true, Ordering::Relaxed);
            }
        });
        while !works.load(Ordering::Relaxed) {
            std::thread::yield_now();
        }
        Neighbour { stop, thread: Some(thread) }
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        // Relaxed: see above.
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Millions of lines a second.
fn lines(core: usize) -> f64 {
    pin_to(Some(core));
    let memory = memory();
    let started = Instant::now();
    for value in 0..LINES / (WORDS as u64 / 8) {
        store_all(std::hint::black_box(&memory), value);
    }
    LINES as f64 / started.elapsed().as_secs_f64() / 1e6
}

/// `neighbour`: the first two cores, alone and beside each other.
pub fn bench(output: &mut Output, cores: Cores, quick: bool) {
    let (Some(core), Some(other)) = (cores.publisher, cores.consumer) else {
        return output.skip("neighbour", "needs two cores");
    };
    let rounds = if quick { 21 } else { 101 };
    let mut tally = Tally::default();
    output.note("neighbour");
    for round in 0..rounds {
        let beside = || {
            let _neighbour = Neighbour::on(Some(other));
            lines(core)
        };
        // Neither always comes first.
        let (alone, beside) = if round % 2 == 0 {
            let alone = lines(core);
            (alone, beside())
        } else {
            let beside = beside();
            (lines(core), beside)
        };
        let sample = |metric, unit, value| Sample { metric, unit, value };
        tally.take(vec![
            sample("alone", "M/s", alone),
            sample("beside", "M/s", beside),
            sample("share", "x", beside / alone),
            sample("round-trip", "ns", round_trip(core, other)),
        ]);
        std::thread::sleep(REST);
    }
    cores.unpin();
    let topology = format!(
        "lines of 64 bytes stored to the nearest cache on core {core}, alone and while core {other} does the same, and a word \
         that goes from one to the other and back, by turns"
    );
    let rows = tally.rows("neighbour", "machine", &topology, &[]);
    output.add("neighbour", &topology, rows);
    output.say(
        "  share: what a core gets done beside the other, of what it does alone. Near 1: two cores. Near a half: two threads \
         of one core, whatever the machine shows.\n  round-trip: some 50 ns between two threads of one core, 100 to 200 \
         between cores of one cache, 300 and more beyond. Where the spread is wide, the host moves the\n  cores about, and \
         what goes from core to core is as wide.\n",
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_neighbour_works_until_it_is_dropped() {
        let neighbour = Neighbour::on(None);
        assert!(!neighbour.thread.as_ref().expect("a thread").is_finished());
        let stop = Arc::clone(&neighbour.stop);
        drop(neighbour);
        assert!(stop.load(Ordering::Relaxed));
        // The thread is gone: nobody else holds the flag.
        assert_eq!(Arc::strong_count(&stop), 1);
    }
}
