//! Named readers from the command: listed, set, removed, followed by name.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rustix::process::Signal;
use serde_json::Value;
use slipring_journal::{Journal, Retention, SyncMode};
use slipring_tests::children::{Child, skipped};
use slipring_tests::folders::in_memory;
use slipring_tests::journals::{Note, note};

/// 2024-03-10T09:29:00Z, and a record a second from there on.
const START_NS: u64 = 1_710_062_940_000_000_000;
const SECOND_NS: u64 = 1_000_000_000;

fn command() -> Command {
    Command::new(env!("CARGO_BIN_EXE_slipring-under-test"))
}

fn append(journal: &Journal, end: u64) {
    let (mut writer, _) = journal.open::<Note>().unwrap();
    for id in writer.end_sequence()..end {
        writer.append(START_NS + id * SECOND_NS, &note(id)).unwrap();
    }
    writer.close().unwrap();
}

fn at(journal: &Path) -> Journal {
    Journal::at(journal).segment_records(8)
}

struct Place {
    journal: PathBuf,
    _folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = in_memory();
        let journal = folder.path().join("orders");
        append(&at(&journal), 120);
        Place { journal, _folder: folder }
    }

    fn run(&self, first: &str, line: &str) -> Output {
        command().arg(first).arg(&self.journal).args(line.split_whitespace()).output().unwrap()
    }

    /// Runs it and insists on the exit status; what it says on both outputs.
    fn says(&self, status: i32, first: &str, line: &str) -> String {
        let output = self.run(first, line);
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
        assert_eq!(output.status.code(), Some(status), "{first} {line}: {said}");
        said
    }

    fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.says(0, "readers", line)).unwrap()
    }

    /// Follows by name until so many records are printed; their sequences.
    fn follow(&self, line: &str) -> Vec<u64> {
        let said = self.says(0, "follow", &format!("--format jsonl {line}"));
        said.lines().map(sequence).collect()
    }
}

fn sequence(line: &str) -> u64 {
    serde_json::from_str::<Value>(line).unwrap()["_sequence"].as_u64().unwrap()
}

#[test]
fn a_reader_is_set_by_time_listed_and_removed() {
    let place = Place::new();
    assert!(place.says(0, "readers", "").contains("has no named reader"));
    for (to, position) in [
        ("--to 09:30", 60),
        ("--to 2024-03-10T09:29:30.5Z", 31),
        ("--to-sequence 7", 7),
        ("--to-start", 0),
        ("--to 2024-03-11", 120),
        ("--to-end", 120),
        ("--to 09:30:01", 61),
    ] {
        assert_eq!(
            place.says(0, "readers", &format!("set billing {to}")),
            format!("billing goes on at {position}\n")
        );
    }
    assert_eq!(place.json("set other --to-end --json")["position"], 120);
    let listed = place.json("--json");
    let billing = &listed[0];
    assert_eq!(
        (&billing["name"], &billing["position"], &billing["lag"]),
        (&"billing".into(), &61.into(), &59.into())
    );
    assert_eq!((&billing["lag_ns"], &billing["status"]), (&(58 * SECOND_NS).into(), &"fine".into()));
    assert_eq!((&billing["held"], &billing["missed"]), (&"nobody".into(), &0.into()));
    let text = place.says(0, "readers", "");
    let billing = text.lines().nth(1).unwrap().split_whitespace().collect::<Vec<_>>();
    assert_eq!(billing, ["billing", "61", "59", "58.00", "s", "-", "fine"]);
    assert!(place.says(0, "inspect", "").contains(text.lines().nth(1).unwrap()));
    let inspected: Value = serde_json::from_str(&place.says(0, "inspect", "--json")).unwrap();
    assert_eq!((&inspected["readers"], &inspected["readers_fault"]), (&listed, &Value::Null));
    assert_eq!(place.says(0, "readers", "remove other"), "other is removed\n");
    assert_eq!(place.json("--json").as_array().unwrap().len(), 1);
    // Refused: what is not there, what makes no sense, what somebody holds.
    assert!(place.says(3, "readers", "remove other").contains("no reader of"));
    assert!(place.says(3, "readers", "set billing --to-sequence 121").contains("outside the journal"));
    assert!(place.says(3, "readers", "set a/b --to-end").contains("no reader's name"));
    for wrong in ["set billing", "set billing --to-end --to-start", "set billing --to yesterday"] {
        place.says(3, "readers", wrong);
    }
    let held = Journal::at(&place.journal).named_reader::<Note>("billing").unwrap();
    assert!(place.says(3, "readers", "set billing --to-end").contains("held by another"));
    assert!(place.says(3, "follow", "--reader billing").contains("held by another"));
    assert!(place.says(0, "readers", "").contains("by one"));
    drop(held);
    std::fs::write(place.journal.join("readers/junk"), "junk").unwrap();
    assert!(place.says(2, "readers", "").contains("damaged: it is no reader's file"));
}

#[test]
fn follow_goes_on_behind_what_it_wrote_out() {
    let place = Place::new();
    let all = |from: u64, end: u64| Vec::from_iter(from..end);
    assert_eq!(place.follow("--reader a --limit 0"), all(0, 0));
    assert_eq!(place.follow("--reader a --limit 10"), all(0, 10));
    assert_eq!(place.follow("--reader a --limit 5"), all(10, 15));
    // To a place; what does not pass is done too, up to the last that did.
    assert_eq!(place.follow("--reader a --to-sequence 20"), all(15, 20));
    assert_eq!(place.follow("--reader a --limit 1 --fields _sequence,id --to 09:29:30"), [20]);
    let output = command()
        .arg("follow")
        .arg(&place.journal)
        .args(["--reader", "a", "--limit", "2", "--format", "jsonl"])
        .args(["--where", "id >= 40"])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().map(sequence).collect::<Vec<_>>(), [40, 41]);
    assert_eq!(place.follow("--reader a --to 09:30"), all(42, 60));
    for wrong in ["--from 09:30", "--from-sequence 3", "--last 3"] {
        place.says(3, "follow", &format!("--reader a {wrong}"));
    }
    // Until a signal says stop.
    let mut child = Child::start(
        command().arg("follow").arg(&place.journal).args(["--reader", "a", "--format", "jsonl"]),
    );
    for wanted in 60..120 {
        assert_eq!(sequence(&child.line().unwrap()), wanted);
    }
    append(&at(&place.journal), 130);
    for wanted in 120..130 {
        assert_eq!(sequence(&child.line().unwrap()), wanted);
    }
    child.signal(Signal::TERM);
    let (rest, status) = child.rest();
    assert_eq!((rest.len(), status.code()), (0, Some(0)));
    assert_eq!(place.json("--json")[0]["position"], 130);
    append(&at(&place.journal), 131);
    assert_eq!(place.follow("--reader a --limit 1"), [130]);
}

/// Killed at any moment: what it had not noted is printed again, and nothing is left out.
#[test]
fn follow_by_name_is_killed_and_loses_nothing() {
    let place = Place::new();
    let (mut printed, mut end) = (0, 120);
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..10 {
        let mut child =
            Child::start(command().arg("follow").arg(&place.journal).args(["--reader", "a", "--json"]));
        let mut next = None;
        let mut lines: Vec<String> =
            (0..random.u64(1..60).min(end - printed)).map(|_| child.line().unwrap()).collect();
        child.signal(Signal::KILL);
        lines.extend(child.rest().0);
        // A line that the kill cut off was not printed.
        for sequence in lines.iter().filter(|line| line.ends_with('}')).map(|line| sequence(line)) {
            assert!(
                next.is_none_or(|next| next == sequence) && sequence <= printed,
                "{sequence} of {printed}"
            );
            next = Some(sequence + 1);
            printed = printed.max(sequence + 1);
        }
        end += 20;
        append(&at(&place.journal), end);
    }
    // What is left, of one that is left alone.
    let left = place.follow(&format!("--reader a --to-sequence {end}"));
    let start = left.first().copied().unwrap_or(end);
    assert!(start <= printed, "{start} of {printed}");
    assert_eq!(left, Vec::from_iter(start..end));
    assert_eq!(place.json("--json")[0]["position"], end);
}

#[test]
fn one_that_was_too_slow_is_told_what_it_missed_and_how_to_go_on() {
    let place = Place::new();
    place.says(0, "readers", "set a --to-sequence 5");
    let retention = Retention::new().keep_records(0).reader_bytes(64 * 10);
    let journal = at(&place.journal).sync(SyncMode::EveryBatch).retention(retention);
    append(&journal, 400);
    let first = journal.raw_reader().unwrap().first_sequence();
    assert!(first > 5);
    let said = place.says(3, "follow", "--reader a");
    assert!(
        said.contains(&format!("records 5 to {first}")) && said.contains("slipring readers JOURNAL set a"),
        "{said}"
    );
    assert!(said.contains("what it missed came between 2024-03-10T09:29:04Z and 2024-03-10T09:3"), "{said}");
    let listed = place.json("--json");
    assert_eq!((&listed[0]["status"], &listed[0]["first"]), (&"evicted".into(), &first.into()));
    assert!(place.says(0, "readers", "").contains("evicted: the journal begins at"));
    place.says(0, "readers", "set a --to-start");
    assert_eq!(place.follow("--reader a --limit 1"), [first]);
    assert!(Path::new(&place.journal).join("readers/a").is_file());
}

/// Whoever made the folder may have died before it had synced its name.
#[test]
fn the_name_of_the_folder_is_synced_also_where_another_made_it() {
    let place = Place::new();
    std::fs::create_dir(place.journal.join("readers")).unwrap();
    let mut strace = Command::new("strace");
    strace.args(["-f", "-y", "-e", "trace=fsync"]).arg(env!("CARGO_BIN_EXE_slipring-under-test"));
    strace.args(["follow", "--reader", "billing", "--limit", "1"]).arg(&place.journal);
    let traced = match strace.output() {
        Ok(output) if output.status.success() => String::from_utf8(output.stderr).unwrap(),
        other => {
            let reason = format!("strace can't trace it: {other:?}");
            return skipped("the_name_of_the_folder_is_synced_also_where_another_made_it", &reason);
        }
    };
    let is_of = |line: &str, folder: &Path| {
        line.contains("fsync(") && line.contains(&format!("<{}>", folder.display()))
    };
    let first = traced.lines().position(|line| is_of(line, &place.journal));
    let commit = traced.lines().position(|line| is_of(line, &place.journal.join("readers")));
    assert!(first.is_some_and(|first| commit.is_some_and(|commit| first < commit)), "{traced}");
}
