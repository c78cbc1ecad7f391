//! The command on a journal that a running process writes: it says so, names the process, and is in nobody's
//! way.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use slipring_journal::{Event, Journal, Writer};
use slipring_tests::children::Child;

#[derive(Clone, Copy, Debug, PartialEq, Event)]
#[repr(C)]
struct Tick {
    price: u64,
}

fn slipring(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_slipring-under-test")).args(args).output().expect("the command runs")
}

fn object(args: &[&str]) -> Value {
    let output = slipring(args);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A writer of this process, with ten records in.
fn writer(journal: &Path) -> Writer<Tick> {
    let (mut writer, _) = Journal::at(journal).segment_records(64).open().unwrap();
    for price in 0..10 {
        writer.append(1_000 + price, &Tick { price }).unwrap();
    }
    writer.end_batch();
    writer
}

#[test]
fn inspect_and_verify_say_whose_a_journal_is() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("ticks");
    let place = journal.to_str().unwrap();
    let own = std::process::id();
    let live = writer(&journal);
    for command in ["inspect", "verify"] {
        let output = slipring(&[command, place]);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        let wanted = format!("open, written by process {own}");
        assert!(said(&output).contains(&wanted), "{command}: {}", said(&output));
        let object = object(&[command, place, "--json"]);
        assert_eq!(object["writer"]["state"], "running", "{object}");
        assert_eq!(object["writer"]["process"], own, "{object}");
    }
    live.close().unwrap();
    for command in ["inspect", "verify"] {
        let output = slipring(&[command, place]);
        assert!(said(&output).contains("closed in good order"), "{command}: {}", said(&output));
        assert_eq!(object(&[command, place, "--json"])["writer"]["state"], "closed");
    }
}

#[test]
fn the_writer_that_was_killed_is_told_from_the_one_that_runs() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let place = journal.to_str().unwrap();
    let mut child = Child::start(Command::new(env!("CARGO_BIN_EXE_journal_child")).arg("hold").arg(&journal));
    assert_eq!(child.line().as_deref(), Some("open"));
    let id = child.id();
    let seen = object(&["inspect", place, "--json"]);
    assert_eq!((&seen["writer"]["state"], &seen["writer"]["process"]), (&"running".into(), &id.into()));
    child.kill();
    for command in ["inspect", "verify"] {
        assert_eq!(object(&[command, place, "--json"])["writer"]["state"], "gone");
        let output = slipring(&[command, place]);
        assert!(said(&output).contains("its writer ended without closing it"), "{}", said(&output));
    }
}

#[test]
fn salvage_of_a_live_journal_is_refused_with_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, into) = (folder.path().join("ticks"), folder.path().join("into"));
    let (place, target) = (journal.to_str().unwrap(), into.to_str().unwrap());
    let live = writer(&journal);
    let output = slipring(&["salvage", place, target]);
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    let wanted = format!("process {}", std::process::id());
    assert!(said(&output).contains(&wanted) && said(&output).contains("close"), "{}", said(&output));
    assert!(!said(&output).contains("nothing was lost"), "{}", said(&output));
    assert!(!into.exists());
    let object = object(&["salvage", place, target, "--json"]);
    assert_eq!(object["status"], "unusable", "{object}");
    live.close().unwrap();
    let output = slipring(&["salvage", place, target]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(said(&output).contains("nothing was lost"), "{}", said(&output));
}

/// Whoever asks for the lock takes none: a writer that opens at the same moment finds it free.
#[test]
fn looking_never_makes_an_opening_fail() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("ticks");
    writer(&journal).close().unwrap();
    let place = journal.to_str().unwrap();
    std::thread::scope(|scope| {
        let looks: Vec<_> = ["inspect", "verify"]
            .into_iter()
            .map(|command| scope.spawn(move || (0..20).for_each(|_| drop(slipring(&[command, place])))))
            .collect();
        while looks.iter().any(|look| !look.is_finished()) {
            let (mut writer, _) = Journal::at(&journal).segment_records(64).open().unwrap();
            writer.append(2_000, &Tick { price: 1 }).unwrap();
            writer.close().unwrap();
        }
    });
}
