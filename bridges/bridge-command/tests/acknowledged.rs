//! A program's events wait until the stream has them: the bridge tells it over a Unix socket.
#![forbid(unsafe_code)]

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use slipring::prelude::*;
use slipring::{FollowFrom, LateConsumer, LateContext};
use slipring_test_servers::nats::{Nats, Options};

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Tick {
    price: u64,
}

fn wait_for(seen: &AtomicU64, count: u64) {
    while seen.load(Ordering::Relaxed) < count {
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_late_consumer_sees_what_the_stream_has_and_waits_while_there_is_no_server() {
    let Some(mut nats) = Nats::start(Options::one_node()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("acknowledge");
    let journal = Journal::at(folder.path().join("ticks"));
    let lane = Lane::named("main").journal();
    let (engine, mut publisher) = Engine::builder().journal(journal).lane(lane).go_live().unwrap();
    let seen = Arc::<AtomicU64>::default();
    let count = Arc::clone(&seen);
    let out = LateConsumer::named("out").from(FollowFrom::Start).acknowledged("standby");
    let out = engine
        .follow(out, move |_: &Tick, _: &LateContext| {
            count.fetch_add(1, Ordering::Relaxed);
        })
        .unwrap();
    // The bridge is there first, and tries until the program listens.
    let mut bridge = Command::new(env!("CARGO_BIN_EXE_slipring-bridge"))
        .args(["out", "ticks", "--stream", "TICKS", "--server", &nats.url()])
        .args(["--acknowledge", "standby=acknowledge"])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    (0..500).for_each(|price| drop(publisher.publish(Tick { price })));
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(seen.load(Ordering::Relaxed), 0);
    let listener = engine.listen_for_acknowledgements(&socket).unwrap();
    wait_for(&seen, 500);
    nats.kill(0);
    (500..900).for_each(|price| drop(publisher.publish(Tick { price })));
    engine.wait_durable(899).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(seen.load(Ordering::Relaxed), 500);
    nats.start_again(0);
    wait_for(&seen, 900);
    engine.join().unwrap();
    assert_eq!(out.join().end, 900);
    drop(listener);
    bridge.kill().unwrap();
    bridge.wait().unwrap();
}
