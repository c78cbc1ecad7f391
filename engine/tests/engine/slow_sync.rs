//! A sync that takes long: the lane that waits for it, for room in the journal or for what is to be durable,
//! leaves its core to others.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::thread::CpuSet;
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

/// A journal whose second sync is as it were under way until `ends` is set.
fn slow_to_sync(folder: &Path, ends: &Arc<AtomicBool>) -> Journal {
    let has_ended = Arc::clone(ends);
    Journal::at(folder).segment_records(1 << 12).on_durable(move |_| {
        while !has_ended.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(1));
        }
    })
}

/// Waits until the lane's thread has gone to sleep twenty times more.
fn see_asleep(name: &str, mut meanwhile: impl FnMut()) {
    let (before, deadline) = (sleeps_of_lane(name), Instant::now() + Duration::from_secs(20));
    while sleeps_of_lane(name) < before + 20 {
        assert!(Instant::now() < deadline, "{name} does not sleep");
        meanwhile();
    }
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
        let ends = Arc::default();
        let journal = slow_to_sync(folder.path(), &ends).window_records(64);
        let lane = wait(Lane::named(name)).journal().stage("a", pass, Gate::JOURNALLED);
        let (engine, mut publisher) =
            live(Engine::builder().ring_capacity(1 << 12).journal(journal).lane(lane));
        let ends = Ends(ends);
        (0..1_000).for_each(|id| assert_eq!(publisher.publish_at(id, Tick { id }).unwrap(), id));
        let deadline = Instant::now() + Duration::from_secs(20);
        while engine.counters().journal_stalls.unwrap().window == 0 {
            assert!(Instant::now() < deadline, "{name} finds no full window");
        }
        see_asleep(name, || ());
        drop(ends);
        engine.wait_stage("a", 999).unwrap();
        engine.join().unwrap();
    }
}

/// Has this thread, and those that it starts, run on two cores, on any machine.
fn take_two_cores() {
    let mut cores = rustix::thread::sched_getaffinity(None).unwrap();
    let allowed: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|core| cores.is_set(*core)).collect();
    allowed.iter().skip(2).for_each(|core| cores.unset(*core));
    rustix::thread::sched_setaffinity(None, &cores).unwrap();
}

/// Whether there are events to be journalled besides or not.
#[test]
fn a_lane_that_waits_for_a_sync_sleeps_where_no_core_is_spare() {
    std::thread::spawn(see_unsynced_asleep).join().unwrap();
}

fn see_unsynced_asleep() {
    take_two_cores();
    let folder = tempfile::tempdir().unwrap();
    let ends = Arc::default();
    let journal = slow_to_sync(folder.path(), &ends);
    let lane = Lane::named("unsynced").journal().stage("a", pass, Gate::DURABLE);
    let (engine, mut publisher) = live(Engine::builder().ring_capacity(1 << 16).journal(journal).lane(lane));
    let ends = Ends(ends);
    publisher.publish_at(0, Tick { id: 0 }).unwrap();
    // The hook is called behind the first sync.
    engine.wait_stage("a", 0).unwrap();
    publisher.publish_at(1, Tick { id: 1 }).unwrap();
    see_asleep("unsynced", || ());
    // And while events come.
    let mut next = 2;
    see_asleep("unsynced", || {
        next += u64::from(publisher.try_publish_at(next, Tick { id: next }).is_ok());
    });
    drop(ends);
    engine.wait_stage("a", next - 1).unwrap();
    engine.join().unwrap();
}
