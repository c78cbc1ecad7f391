//! A journal that has no room for now: the lane that runs it leaves its core to others.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use slipring::{Engine, Gate, Journal, Lane, Wait, WaitStrategy};

use crate::ticks::{Tick, live, pass};

/// How often a lane's thread has gone to sleep, by the kernel.
fn sleeps_of_lane(name: &str) -> u64 {
    let mut total = 0;
    for task in std::fs::read_dir("/proc/self/task").unwrap() {
        let Ok(status) = std::fs::read_to_string(task.unwrap().path().join("status")) else { continue };
        if status.lines().next().is_some_and(|line| line.ends_with(&format!("\t{name}"))) {
            let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
            total += line.unwrap().trim().parse::<u64>().unwrap();
        }
    }
    total
}

/// Ends what is under way, when it is dropped.
struct Ends(Arc<AtomicBool>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Gives a lane its wait.
type With = fn(Lane<Tick>) -> Lane<Tick>;

struct Looks;

impl WaitStrategy for Looks {
    fn idle(&mut self, _: u32) {}
}

/// The kernel's thread that ends the sync may want the very core that the lane would spin on.
#[test]
fn a_lane_without_room_in_the_journal_sleeps_however_it_waits() {
    let waits: [(&str, With); 3] = [
        ("full-spin", |lane| lane.wait(Wait::Spin)),
        ("full-auto", |lane| lane.wait(Wait::Auto)),
        ("full-own", |lane| lane.wait_with(Looks)),
    ];
    for (name, wait) in waits {
        let folder = tempfile::tempdir().unwrap();
        // The first sync is as it were under way until it is told to end.
        let ends = Arc::new(AtomicBool::new(false));
        let has_ended = Arc::clone(&ends);
        let journal =
            Journal::at(folder.path()).segment_records(1 << 12).window_records(64).on_durable(move |_| {
                while !has_ended.load(Ordering::Relaxed) {
                    std::thread::sleep(Duration::from_millis(1));
                }
            });
        let lane = wait(Lane::named(name)).journal().stage("a", pass, Gate::JOURNALLED);
        let (engine, mut publisher) =
            live(Engine::builder().ring_capacity(1 << 12).journal(journal).lane(lane));
        let ends = Ends(ends);
        (0..1_000).for_each(|id| assert_eq!(publisher.publish_at(id, Tick { id }).unwrap(), id));
        let deadline = Instant::now() + Duration::from_secs(20);
        while engine.counters().journal_stalls.unwrap().window == 0 {
            assert!(Instant::now() < deadline, "{name} finds no full window");
        }
        let before = sleeps_of_lane(name);
        while sleeps_of_lane(name) < before + 20 {
            assert!(Instant::now() < deadline, "{name} does not sleep");
        }
        drop(ends);
        engine.wait_stage("a", 999).unwrap();
        engine.join().unwrap();
    }
}
