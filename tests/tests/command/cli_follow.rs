//! `slipring follow`: it prints what is there and what comes, each message once, whoever writes and whenever
//! it is started, and a signal ends it in good order.

use std::path::Path;
use std::process::Command;

use rustix::process::Signal;
use serde_json::Value;
use slipring_tests::children::Child;

const FIXTURE: &str = include_str!("../../../cli/fixtures/synthetic_500_seed_1.csv");

fn command() -> Command {
    Command::new(env!("CARGO_BIN_EXE_slipring-under-test"))
}

fn record(journal: &Path, lines: &[&str], date: &str) {
    let input = journal.with_extension("csv");
    std::fs::write(&input, format!("{}\n", lines.join("\n"))).unwrap();
    let mut record = command();
    let done = record.arg("record").arg(journal).arg("--input").arg(&input).args(["--date", date]).output();
    let done = done.unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

fn follow(journal: &Path, args: &[&str]) -> Child {
    Child::start(command().arg("follow").arg(journal).args(args))
}

/// Stops it; what it had still to say.
fn stop(child: Child, signal: Signal) -> Vec<String> {
    child.signal(signal);
    let (lines, status) = child.rest();
    assert_eq!(status.code(), Some(0), "it ends in good order");
    lines
}

#[test]
fn what_is_there_and_what_comes_and_a_signal_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let lines: Vec<&str> = FIXTURE.lines().collect();
    record(&journal, &lines[..200], "1970-01-01");
    let mut all = follow(&journal, &["--format", "lobster", "--from-sequence", "0"]);
    let mut last = follow(&journal, &["--format", "lobster"]);
    let mut none = follow(&journal, &["--last", "0", "--json"]);
    let mut ahead = follow(&journal, &["--format", "lobster", "--from-sequence", "250"]);
    // On the second day, which has not begun.
    let mut later = follow(&journal, &["--from", "1970-01-02T00:00:00Z", "--json"]);
    for line in &lines[..200] {
        assert_eq!(all.line().as_deref(), Some(*line));
    }
    for line in &lines[190..200] {
        assert_eq!(last.line().as_deref(), Some(*line));
    }
    // Nothing has come for the others yet; what tells that they are there is that the next lives reach them.
    record(&journal, &lines[200..300], "1970-01-01");
    for line in &lines[200..300] {
        assert_eq!(all.line().as_deref(), Some(*line));
        assert_eq!(last.line().as_deref(), Some(*line));
    }
    for line in &lines[250..300] {
        assert_eq!(ahead.line().as_deref(), Some(*line));
    }
    record(&journal, &lines[300..], "1970-01-02");
    let first: Value = serde_json::from_str(&later.line().unwrap()).unwrap();
    assert_eq!((first["_sequence"].as_u64(), first["_epoch"].as_u64()), (Some(300), Some(3)));
    for line in &lines[300..] {
        for child in [&mut all, &mut last, &mut ahead] {
            assert_eq!(child.line().as_deref(), Some(*line));
        }
    }
    // It was at the end when it started, be that before or after the second life.
    let first: Value = serde_json::from_str(&none.line().unwrap()).unwrap();
    let mut next = first["_sequence"].as_u64().unwrap();
    assert!([200, 300].contains(&next), "{first}");
    while next < lines.len() as u64 - 1 {
        let message: Value = serde_json::from_str(&none.line().unwrap()).unwrap();
        next += 1;
        assert_eq!(message["_sequence"].as_u64(), Some(next));
    }
    for (child, signal) in
        [(all, Signal::INT), (last, Signal::TERM), (ahead, Signal::INT), (none, Signal::INT)]
    {
        assert_eq!(stop(child, signal), Vec::<String>::new());
    }
    assert_eq!(stop(later, Signal::INT).len(), lines.len() - 301);
}

#[test]
fn what_can_not_be_followed_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let output = command().arg("follow").arg(folder.path().join("nothing")).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no journal at"), "{output:?}");
    let journal = folder.path().join("journal");
    let both = command().arg("follow").arg(journal).args(["--from", "1", "--last", "1"]).output();
    assert_eq!(both.unwrap().status.code(), Some(3));
}

/// `rm -rf j; record j` under a follower: it says so and ends, and takes nothing of the other journal for
/// damage.
#[test]
fn another_journal_in_its_place_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let lines: Vec<&str> = FIXTURE.lines().collect();
    record(&journal, &lines[..100], "1970-01-01");
    let mut child = follow(&journal, &["--format", "lobster", "--from-sequence", "0"]);
    for line in &lines[..100] {
        assert_eq!(child.line().as_deref(), Some(*line));
    }
    std::fs::remove_dir_all(&journal).unwrap();
    record(&journal, &lines[..300], "1970-01-01");
    let (more, status) = child.rest();
    assert_eq!((more.len(), status.code()), (0, Some(3)), "{more:?}");
}
