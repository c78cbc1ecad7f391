//! The follower is killed again and again in mid-stream.

use std::process::{Child, Stdio};
use std::time::Duration;

use slipring_journal::Journal;
use slipring_test_servers::long::times;
use slipring_test_servers::nats::{Nats, Options};

use crate::{append, assert_equal, bridge, done};

const KILLS: u64 = 20;

/// Until the replica has grown beyond that.
fn grows_beyond(standby: &std::path::Path, end: u64, child: &mut Child) -> u64 {
    loop {
        let now = Journal::at(standby).raw_reader().map_or(0, |reader| reader.end_sequence());
        if now > end {
            return now;
        }
        assert!(child.try_wait().unwrap().is_none(), "it has ended by itself");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn killed(options: Options) {
    let Some(nats) = Nats::start(options) else { return };
    let replicas = nats.node_count().to_string();
    let folder = tempfile::tempdir().unwrap();
    let (journal, standby) = (folder.path().join("orders"), folder.path().join("standby"));
    append(&journal, 1_000);
    let out = ["out", journal.to_str().unwrap(), "--stream", "ORDERS", "--replicas", &replicas];
    let mut outgoing =
        bridge(&nats, &[&out[..], &["--once"]].concat()).stderr(Stdio::null()).spawn().unwrap();
    assert!(outgoing.wait().unwrap().success());
    let mut outgoing = bridge(&nats, &out).stderr(Stdio::null()).spawn().unwrap();
    let words = ["in", "--stream", "ORDERS", "--into", standby.to_str().unwrap()];
    let mut end = 0;
    for kill in 0..times(KILLS) {
        let mut child = bridge(&nats, &words).spawn().unwrap();
        append(&journal, 10_000);
        end = grows_beyond(&standby, end, &mut child);
        std::thread::sleep(Duration::from_millis(kill % 5));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let total = 1_000 + times(KILLS) * 10_000;
    // All is out before it is followed to its end.
    outgoing.kill().unwrap();
    outgoing.wait().unwrap();
    done(bridge(&nats, &[&out[..], &["--once"]].concat()));
    done(bridge(&nats, &[&words[..], &["--once"]].concat()));
    assert_eq!(Journal::at(&standby).raw_reader().unwrap().end_sequence(), total);
    assert_equal(&journal, &standby);
}

#[test]
fn over_one_node() {
    killed(Options::one_node());
}

#[test]
fn over_three_nodes() {
    killed(Options::three_nodes());
}
