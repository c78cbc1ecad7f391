//! A process whose counters the tests read from outside: an engine that does what it is told in lines on its
//! standard input, and answers each.
//!
//! ```text
//!  publisher --> ring of 64 --> journal lane --> slow lane: "slow", which stands still when told
//!                                    |
//!                                segment files --> late consumers, as told; they stand still when told
//! ```

use std::collections::HashMap;
use std::io::BufRead;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use slipring::{
    Context, Engine, Gate, Journal, Lane, LateConsumer, LateContext, LateHandle, PublishError, SyncMode,
};
use slipring_tests::journals::{Note, note};

/// The event that the stage fails at.
const POISON: u64 = 1 << 60;

fn main() {
    let folder = std::env::args().nth(1).expect("a folder");
    // The stage stands still at this sequence.
    let stop_at = Arc::new(AtomicU64::new(u64::MAX));
    let stop = Arc::clone(&stop_at);
    let slow = move |event: &Note, context: &Context| {
        while context.sequence() >= stop.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(1));
        }
        if event.id == POISON { Err("told to") } else { Ok(()) }
    };
    let (engine, mut publisher) = Engine::builder()
        .ring_capacity(64)
        .journal(Journal::at(folder).segment_records(1 << 12).sync(SyncMode::EveryBatch))
        .lane(Lane::named("journal lane").journal())
        .lane(Lane::named("slow lane").stage("slow", slow, Gate::JOURNALLED))
        .open()
        .unwrap()
        .without_history()
        .go_live()
        .unwrap();
    println!("live {}", engine.live_from());
    // Late consumers stand still at this sequence.
    let hold_at = Arc::new(AtomicU64::new(u64::MAX));
    let mut late: HashMap<String, LateHandle<_>> = HashMap::new();
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        match line.split_once(' ').unwrap_or((&line, "")) {
            ("publish", count) => {
                let mut last = 0;
                for id in 0..count.parse::<u64>().unwrap() {
                    last = publisher.publish(note(id)).unwrap();
                }
                engine.wait_stage("slow", last).unwrap();
                engine.wait_durable(last).unwrap();
            }
            // Fills the ring behind a stage that stands still, tries once more, and waits once.
            ("fill", _) => {
                let end = engine.counters().published_end;
                stop_at.store(end, Ordering::Relaxed);
                for id in 0..64 {
                    publisher.publish(note(id)).unwrap();
                }
                assert!(matches!(publisher.try_publish(note(0)), Err(PublishError::Full(_))));
                let waited = publisher.publish_timeout(1, note(0), Duration::from_millis(50));
                assert!(matches!(waited, Err(PublishError::TimedOut(_))));
            }
            ("drain", _) => {
                stop_at.store(u64::MAX, Ordering::Relaxed);
                engine.wait_stage("slow", engine.counters().published_end - 1).unwrap();
            }
            ("poison", _) => {
                publisher.publish(note(POISON)).unwrap();
                while engine.halted().is_none() {
                    std::thread::yield_now();
                }
            }
            ("follow", name) => {
                let (hold, fails) = (Arc::clone(&hold_at), name.starts_with("fails"));
                let handler = move |_: &Note, context: &LateContext| {
                    while context.sequence() >= hold.load(Ordering::Relaxed) {
                        std::thread::sleep(Duration::from_millis(1));
                    }
                    if fails && context.sequence() == 5 { Err("told to") } else { Ok(()) }
                };
                let handle = engine.follow(LateConsumer::named(name), handler).unwrap();
                late.insert(name.to_owned(), handle);
            }
            ("hold", sequence) => hold_at.store(sequence.parse().unwrap(), Ordering::Relaxed),
            // Until it stands still before a sequence, or has failed there.
            ("reached", what) => {
                let (name, end) = what.rsplit_once(' ').unwrap();
                let (handle, end) = (&late[name], end.parse().unwrap());
                while handle.end() < end || (name.starts_with("fails") && handle.failure().is_none()) {
                    std::thread::sleep(Duration::from_micros(100));
                }
            }
            ("stop", name) => drop(late.remove(name).unwrap().stop()),
            ("counters", _) => {
                let counters = engine.counters();
                println!("{counters}");
                continue;
            }
            ("end", _) => {
                late.clear();
                engine.join().unwrap();
                return println!("ended");
            }
            other => panic!("{other:?}"),
        }
        println!("done");
    }
}
