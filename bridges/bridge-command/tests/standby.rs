//! `slipring-bridge standby`, `promote`, `rejoin` and `set-aside`, as a user runs them.
#![forbid(unsafe_code)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use slipring_journal::{Event, Journal};
use slipring_test_servers::nats::{Nats, Options};

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Tick {
    own: u64,
}

fn append(journal: &Path, count: u64) {
    let (mut writer, _) = Journal::at(journal).open::<Tick>().unwrap();
    let first = writer.end_sequence();
    (first..first + count).for_each(|own| assert_eq!(writer.append(own, &Tick { own }).unwrap(), own));
    writer.close().unwrap();
}

fn bridge(place: &Path, url: &str, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slipring-bridge"));
    command.args(args).current_dir(place).env("NATS_URL", url).stdin(Stdio::null());
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

fn run(place: &Path, url: &str, args: &[&str], status: i32) -> String {
    let output = bridge(place, url, args).output().unwrap();
    assert_eq!(output.status.code(), Some(status), "{args:?}: {}", said(&output));
    said(&output)
}

fn signal(child: &Child, signal: &str) {
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// What it says as JSON, until something of that name comes.
fn until(lines: &mut impl Iterator<Item = std::io::Result<String>>, name: &str) -> Value {
    lines
        .map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap())
        .find(|value| value.get(name).is_some())
        .unwrap_or_else(|| panic!("it ended before it said {name}"))
}

#[test]
fn a_standby_is_told_to_promote_by_a_signal_and_the_old_primary_rejoins() {
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let (folder, url) = (tempfile::tempdir().unwrap(), nats.url());
    let place = folder.path();
    append(&place.join("a"), 1_000);
    run(place, &url, &["out", "a", "--stream", "TICKS", "--once"], 0);
    let mut standby = bridge(place, &url, &["standby", "b", "--stream", "TICKS", "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(standby.stdout.take().unwrap()).lines();
    let progress = until(&mut lines, "progress");
    assert_eq!((&progress["progress"]["end"], &progress["progress"]["lag"]), (&1_000.into(), &0.into()));
    // Its folder is taken.
    run(place, &url, &["promote", "b", "--stream", "TICKS"], 3);
    signal(&standby, "-USR1");
    let promoted = until(&mut lines, "promoted");
    assert_eq!(
        (&promoted["promoted"]["epoch"], &promoted["promoted"]["first"]),
        (&1_024.into(), &1_000.into())
    );
    assert!(standby.wait().unwrap().success());

    append(&place.join("b"), 10);
    run(place, &url, &["out", "b", "--stream", "TICKS", "--once"], 0);
    append(&place.join("a"), 3);
    let fenced = run(place, &url, &["out", "a", "--stream", "TICKS", "--once"], 4);
    assert!(fenced.contains("fenced") && fenced.contains("rejoin"), "{fenced}");
    let rejoined = run(place, &url, &["rejoin", "a", "--stream", "TICKS", "--json"], 0);
    let rejoined: Value = serde_json::from_str(rejoined.lines().next().unwrap()).unwrap();
    assert_eq!((&rejoined["fork"], &rejoined["epoch"]), (&999.into(), &1_025.into()));
    let files = &rejoined["rejoined"]["set_aside"];
    assert_eq!((&files[0]["first"], &files[0]["end"]), (&1_000.into(), &1_003.into()));
    let listed = run(place, &url, &["set-aside", "a", "--records", "--json"], 0);
    let sequences: Vec<u64> = listed
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["sequence"].as_u64().unwrap())
        .collect();
    assert_eq!(sequences, [1_000, 1_001, 1_002]);
    assert!(run(place, &url, &["set-aside", "a"], 0).contains("3 records"));
    run(place, &url, &["in", "--stream", "TICKS", "--into", "a", "--once"], 0);
    let bytes = |name: &str| {
        let mut reader = Journal::at(place.join(name)).raw_reader().unwrap();
        (0..1_010).map(|at| reader.anchor(at).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(bytes("a"), bytes("b"));
}

#[test]
fn statuses_say_why_not() {
    let Some(nats) = Nats::start(Options::one_node()) else { return };
    let (folder, url) = (tempfile::tempdir().unwrap(), nats.url());
    let place = folder.path();
    append(&place.join("a"), 100);
    run(place, &url, &["promote", "none", "--stream", "TICKS"], 3);
    run(place, &url, &["out", "a", "--stream", "TICKS", "--once"], 0);
    // A primary is no standby, and does not rejoin while nobody was promoted over it.
    run(place, &url, &["promote", "a", "--stream", "TICKS"], 3);
    run(place, &url, &["rejoin", "a", "--stream", "TICKS"], 1);
    let promoted = run(place, &url, &["promote", "b", "--stream", "TICKS", "--json"], 0);
    assert!(promoted.contains("1024"), "{promoted}");
    let another = run(place, &url, &["promote", "c", "--stream", "TICKS"], 4);
    assert!(another.contains("--over 1024"), "{another}");
    assert!(
        run(place, &url, &["promote", "c", "--stream", "TICKS", "--over", "1024", "--json"], 0)
            .contains("2048")
    );
    run(place, &url, &["rejoin", "b", "--stream", "TICKS"], 0);
    run(place, &url, &["in", "--stream", "TICKS", "--into", "b", "--once"], 0);
    let mut standby = bridge(place, &url, &["standby", "b", "--stream", "TICKS"]).spawn().unwrap();
    while !place.join("b").join("LOCK").exists() {
        std::thread::yield_now();
    }
    std::thread::sleep(std::time::Duration::from_millis(300));
    signal(&standby, "-TERM");
    assert!(standby.wait().unwrap().success(), "a signal that says stop is no failure");
}
