//! The command line: what goes in comes out byte for byte, what is malformed leaves nothing behind, exit
//! statuses mean what the help says, and the demo proves what it claims.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const FIXTURE: &str = include_str!("../../../cli/fixtures/synthetic_500_seed_1.csv");
const HEADER_BYTES: u64 = slipring_journal::HEADER_BYTES;
const RECORD_BYTES: u64 = 64;

fn command() -> Command {
    Command::new(env!("CARGO_BIN_EXE_slipring-under-test"))
}

fn slipring<A: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = A>) -> Output {
    command().args(args).output().expect("the command runs")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

/// Runs it and insists that it succeeds.
fn fine(args: &[&str]) -> Vec<u8> {
    let output = slipring(args);
    assert!(output.status.success(), "{args:?}: {:?}\n{}", output.status, text(&output.stderr));
    output.stdout
}

/// A folder for one test, with an input in it.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Place(tempfile::tempdir().expect("a temporary folder"))
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().expect("UTF-8").to_owned()
    }

    /// Writes `input` and records it into the journal `journal`.
    fn recorded(input: &[u8]) -> Self {
        let place = Place::new();
        std::fs::write(place.path("input.csv"), input).expect("written");
        fine(&["record", &place.path("journal"), "--input", &place.path("input.csv")]);
        place
    }
}

/// The public sample, which lies beside the project and is no part of it.
fn real_file() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/aapl_2012-06-21_messages.csv");
    if path.exists() {
        return Some(path);
    }
    println!("skipped: {} is not there", path.display());
    None
}

/// Nanoseconds after midnight of a line, by another way than the command's.
fn time_ns(line: &str) -> u64 {
    let time = line.split(',').next().expect("a time");
    let (seconds, fraction) = time.split_once('.').unwrap_or((time, ""));
    format!("{seconds}{fraction:0<9}").parse().expect("a number")
}

fn clock(time_ns: u64) -> String {
    let (seconds, fraction) = (time_ns / 1_000_000_000, time_ns % 1_000_000_000);
    format!("{:02}:{:02}:{:02}.{fraction:09}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[test]
fn replay_gives_back_what_was_recorded_byte_for_byte() {
    let carriage_returns = FIXTURE.replace('\n', "\r\n");
    let open_end = FIXTURE.trim_end();
    let halts = "36000,7,0,0,-1,-1\n36001.50,7,0,0,0,-1\r\n36002,6,-1,1000,100,1\n86399.999999999,5,0,1,1,-1";
    for input in [FIXTURE, &carriage_returns, open_end, halts] {
        let place = Place::recorded(input.as_bytes());
        let output = fine(&["replay", &place.path("journal"), "--format", "lobster"]);
        assert!(output == input.as_bytes(), "{}", text(&output));
    }
    if let Some(path) = real_file() {
        let place = Place::recorded(&std::fs::read(&path).expect("readable"));
        let output = fine(&["replay", &place.path("journal"), "--format", "lobster"]);
        assert!(output == std::fs::read(&path).expect("readable"), "the real file came back changed");
    }
}

#[test]
fn the_synthetic_flow_is_the_fixture() {
    let place = Place::new();
    fine(&["record", &place.path("journal"), "--input", "synthetic:500", "--seed", "1"]);
    let output = fine(&["replay", &place.path("journal"), "--format", "lobster"]);
    assert!(output == FIXTURE.as_bytes());
}

#[test]
fn malformed_input_is_refused_with_line_and_column_and_nothing_is_recorded() {
    let lines: Vec<&str> = FIXTURE.lines().collect();
    for (bad, column) in [("34200.9,1,x,100,5853300,1", 11), ("", 1), ("34200.0384854560040,1,2,3,4,1", 1)] {
        let mut broken = lines.clone();
        broken[399] = bad;
        let place = Place::recorded(FIXTURE.as_bytes());
        let input = place.path("broken.csv");
        std::fs::write(&input, broken.join("\n")).expect("written");
        let (new, old) = (place.path("new"), place.path("journal"));
        for journal in [&new, &old] {
            let output = slipring(["record", journal, "--input", &input, "--date", "1970-01-02", "--atomic"]);
            assert_eq!(output.status.code(), Some(3));
            let said = text(&output.stderr);
            assert!(said.contains(&format!("broken.csv:400:{column}: ")), "{said}");
        }
        assert!(!Path::new(&new).exists(), "a journal was begun");
        assert!(fine(&["replay", &old, "--format", "lobster"]) == FIXTURE.as_bytes());
        // Without it what is before the line is in.
        let output = slipring(["record", &new, "--input", &input]);
        assert_eq!(output.status.code(), Some(1));
        let said = text(&output.stderr);
        assert!(
            said.contains(&format!("broken.csv:400:{column}: ")) && said.contains("recorded 399 events"),
            "{said}"
        );
        assert!(
            fine(&["replay", &new, "--format", "lobster"])
                == format!("{}\n", lines[..399].join("\n")).as_bytes()
        );
    }
}

#[test]
fn a_journal_goes_on_only_forward() {
    let place = Place::recorded(FIXTURE.as_bytes());
    let (journal, input) = (place.path("journal"), place.path("input.csv"));
    let again = slipring(["record", &journal, "--input", &input]);
    assert_eq!(again.status.code(), Some(3));
    assert!(text(&again.stderr).contains("begins before that"), "{}", text(&again.stderr));
    fine(&["record", &journal, "--input", &input, "--date", "1970-01-02"]);
    let output = fine(&["replay", &journal, "--format", "lobster"]);
    assert!(output == format!("{FIXTURE}{FIXTURE}").as_bytes());
    let second = fine(&["replay", &journal, "--format", "lobster", "--from", "1970-01-02T00:00:00Z"]);
    assert!(second == FIXTURE.as_bytes());
}

#[test]
fn replay_from_and_to_agree_with_a_walk_through_the_input() {
    let mut inputs = vec![(FIXTURE.to_owned(), 40)];
    if let Some(path) = real_file() {
        inputs.push((std::fs::read_to_string(path).expect("readable"), 4));
    }
    for (input, steps) in inputs {
        let place = Place::recorded(input.as_bytes());
        let journal = place.path("journal");
        let lines: Vec<&str> = input.lines().collect();
        let (first, last) = (time_ns(lines[0]), time_ns(lines[lines.len() - 1]));
        for step in 0..=steps {
            // Before the first, on it, in between, on the last, behind it; on a message and just off it.
            let near = time_ns(lines[step * (lines.len() - 1) / steps]);
            for from in [first - 1, near, near + 1, last + 1] {
                let wanted = |to: u64| -> String {
                    let inside = |line: &&&str| (from..to).contains(&time_ns(line));
                    lines.iter().filter(inside).map(|line| format!("{line}\n")).collect()
                };
                let replay = |more: &[&str]| {
                    let mut args = vec!["replay", &journal, "--format", "lobster"];
                    args.extend(more);
                    fine(&args)
                };
                assert!(replay(&["--from", &from.to_string()]) == wanted(u64::MAX).as_bytes(), "{from}");
                if step % 4 == 0 {
                    assert!(replay(&["--from", &clock(from)]) == wanted(u64::MAX).as_bytes(), "{from}");
                    let rfc = format!("1970-01-01T{}Z", clock(from));
                    let (to, to_clock) = (from + 1_000_000, clock(from + 1_000_000));
                    assert!(replay(&["--from", &rfc, "--to", &to_clock]) == wanted(to).as_bytes(), "{from}");
                }
            }
        }
    }
}

#[test]
fn json_lines_say_what_the_csv_says() {
    let place = Place::recorded(FIXTURE.as_bytes());
    let output = fine(&["replay", &place.path("journal"), "--format", "jsonl"]);
    let objects: Vec<Value> = text(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(objects.len(), 500);
    for (sequence, (object, line)) in objects.iter().zip(FIXTURE.lines()).enumerate() {
        assert_eq!(object["_sequence"], sequence, "{object}");
        let cells: Vec<&str> = line.split(',').collect();
        let seconds = time_ns(line) / 1_000_000_000;
        assert!(object["_time"].as_str().unwrap().starts_with("1970-01-01T"), "{object}");
        assert!(object["_time"].as_str().unwrap().contains(&format!(":{:02}", seconds % 60)), "{object}");
        assert_eq!(
            (&object["order_id"].to_string(), &object["size"].to_string()),
            (&cells[2].to_owned(), &cells[3].to_owned())
        );
        let price: f64 = cells[4].parse().unwrap();
        assert_eq!(object["price"].as_f64(), Some(price / 10_000.0), "{object}");
        assert_eq!(object["direction"], if cells[5] == "1" { "buy" } else { "sell" });
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let place = Place::new();
    let journal = place.path("journal");
    fine(&["record", &journal, "--input", "synthetic:20000"]);
    for format in ["lobster", "jsonl", "csv", "table"] {
        let mut child = command()
            .args(["replay", &journal, "--format", format])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command runs");
        let mut line = String::new();
        BufReader::with_capacity(64, child.stdout.take().unwrap()).read_line(&mut line).expect("a line");
        let head = ["34200.", "{", "_sequence", "("];
        assert!(head.iter().any(|head| line.starts_with(head)), "{line}");
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).expect("UTF-8");
        assert!(child.wait().expect("it ends").success() && said.is_empty(), "{said}");
    }
}

#[test]
fn salvage_exits_as_documented_and_replay_reads_what_it_kept() {
    let place = Place::recorded(FIXTURE.as_bytes());
    let journal = place.path("journal");
    let salvage = |into: &str, more: &[&str], wanted: i32| {
        let mut args = vec!["salvage".to_owned(), journal.clone(), place.path(into)];
        args.extend(more.iter().map(|arg| (*arg).to_owned()));
        let output = slipring(args);
        assert_eq!(output.status.code(), Some(wanted), "{}{}", text(&output.stdout), text(&output.stderr));
        output
    };
    let replayed = |into: &str| fine(&["replay", &place.path(into), "--format", "lobster"]);
    let lines: Vec<&str> = FIXTURE.split_inclusive('\n').collect();
    // Nothing wrong with it: a copy.
    let output = salvage("copy", &[], 0);
    assert!(text(&output.stdout).contains("nothing was lost"), "{}", text(&output.stdout));
    assert!(replayed("copy") == FIXTURE.as_bytes());
    salvage("copy", &[], 3);
    salvage("new", &["--no-such-option"], 3);
    // Two records damaged and no control file: the journal itself is refused, with the way out in the
    // message.
    let segment = format!("{journal}/{:020}.seg", 0);
    let file = std::fs::OpenOptions::new().read(true).write(true).open(&segment).expect("the segment");
    for sequence in [250, 260] {
        file.write_all_at(&[7], HEADER_BYTES + sequence * RECORD_BYTES + 20).expect("written");
    }
    std::fs::remove_file(format!("{journal}/control")).expect("there was one");
    let refused = slipring(["replay", &journal]);
    assert!(text(&refused.stderr).contains("slipring salvage"), "{}", text(&refused.stderr));
    let before = std::fs::read(&segment).expect("readable");
    let output = salvage("prefix", &["--json"], 1);
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&report["records"], &report["whole_not_kept"]), (&250.into(), &248.into()), "{report}");
    assert!(replayed("prefix") == lines[..250].concat().as_bytes());
    let output = salvage("skipped", &["--skip-damaged"], 1);
    assert!(text(&output.stdout).contains("record 260: the bytes"), "{}", text(&output.stdout));
    let kept = [&lines[..250], &lines[251..260], &lines[261..]].concat().concat();
    assert!(replayed("skipped") == kept.as_bytes(), "void records are not replayed");
    assert_eq!(std::fs::read(&segment).expect("readable"), before, "the damaged journal was written to");
    fine(&["verify", &place.path("skipped")]);
    // Nothing left to read.
    for entry in std::fs::read_dir(&journal).expect("readable").map(|entry| entry.expect("readable").path()) {
        if entry.extension().is_some_and(|ending| ending == "seg") {
            let file = std::fs::OpenOptions::new().write(true).open(entry).expect("a segment");
            file.write_all_at(&[0; HEADER_BYTES as usize], 0).expect("written");
        }
    }
    salvage("nothing", &["--json", "--skip-damaged"], 2);
    assert!(!Path::new(&place.path("nothing")).exists());
    let gone = slipring(["salvage", &place.path("no journal"), &place.path("nothing")]);
    assert_eq!(gone.status.code(), Some(3));
}

#[test]
fn verify_and_inspect_exit_as_documented() {
    let place = Place::recorded(FIXTURE.as_bytes());
    let journal = place.path("journal");
    let segment = format!("{journal}/{:020}.seg", 0);
    let file = std::fs::OpenOptions::new().read(true).write(true).open(segment).expect("the segment");
    let verify = |wanted: i32, status: &str| {
        let output = slipring(["verify", &journal]);
        assert_eq!(output.status.code(), Some(wanted), "{}", text(&output.stdout));
        let output = slipring(["verify", &journal, "--json"]);
        assert_eq!(output.status.code(), Some(wanted));
        let object: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(object["status"], status, "{object}");
    };
    verify(0, "fine");
    let info: Value = serde_json::from_slice(&fine(&["inspect", &journal, "--json"])).expect("JSON");
    assert_eq!((&info["end_sequence"], &info["event"]), (&500.into(), &"OrderMessage".into()));
    assert!(text(&fine(&["inspect", &journal])).contains("time_ns: u64"));
    // A record that was only half written behind the last.
    file.write_all_at(&[7; 10], HEADER_BYTES + 500 * RECORD_BYTES).expect("written");
    verify(1, "torn-tail");
    assert_eq!(slipring(["inspect", &journal]).status.code(), Some(0));
    // A bit that flipped in the middle.
    file.write_all_at(&[7], HEADER_BYTES + 250 * RECORD_BYTES + 20).expect("written");
    verify(2, "corrupt");
    let said = slipring(["verify", &journal]);
    let wanted = "499 records are whole of 500 that were looked at and 500 that should be there";
    assert!(text(&said.stdout).contains(wanted), "{}", text(&said.stdout));
    let replay = slipring(["replay", &journal, "--format", "lobster"]);
    assert_eq!(replay.status.code(), Some(2));
    assert_eq!(text(&replay.stdout).lines().count(), 250, "all whole records before the damage");
    assert!(text(&replay.stderr).contains("record 250"), "{}", text(&replay.stderr));
    // The control file gone: no journal can do without.
    std::fs::remove_file(format!("{journal}/control")).expect("there was one");
    verify(2, "corrupt");
    assert_eq!(slipring(["inspect", &journal]).status.code(), Some(2));
    // Nothing there; words that make no sense.
    let nowhere = place.path("nowhere");
    for args in [&["verify", &nowhere][..], &["inspect", &nowhere], &["verify"], &["inspect", "--nonsense"]] {
        assert_eq!(slipring(args).status.code(), Some(3), "{args:?}");
    }
    assert_eq!(slipring(["verify", "--help"]).status.code(), Some(0));
    assert_eq!(slipring(["replay", "--nonsense"]).status.code(), Some(3));
}

#[test]
fn manual_and_completions_are_written() {
    assert!(text(&fine(&["man"])).contains(".TH slipring 1"));
    assert!(text(&fine(&["man", "replay"])).contains("slipring\\-replay"));
    assert!(text(&fine(&["completions", "bash"])).contains("complete"));
    assert_eq!(slipring(["man", "nothing"]).status.code(), Some(3));
    assert!(!text(&fine(&["--help"])).contains("demo-child"));
}

/// Runs a demo and gives the objects that it said.
fn demo(place: &Place, args: &[&str]) -> Vec<Value> {
    let folder = place.path("demo");
    let mut all = vec!["demo", "--json", "--dir", &folder];
    all.extend(args);
    let output = fine(&all);
    text(&output).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn check_demo(said: &[Value], total: u64, kills: usize) {
    let events = |name: &str| said.iter().filter(|object| object["event"] == name).collect::<Vec<_>>();
    let killed = events("kill");
    assert_eq!(killed.len(), kills);
    for kill in &killed {
        let journalled = kill["journalled"].as_u64().unwrap();
        assert!(0 < journalled && journalled < total, "{kill}");
    }
    let places: Vec<&str> = killed.iter().map(|kill| kill["place"].as_str().unwrap()).collect();
    assert!(places.contains(&"roll"), "{places:?}");
    assert!(places.contains(&"recovery") || places.contains(&"replay"), "{places:?}");
    assert!(events("proof").iter().all(|proof| proof["held"] == true));
    assert!(!events("recovery").is_empty() && !events("latency").is_empty());
    assert_eq!(events("result")[0]["held"], true);
}

#[test]
fn the_demo_proves_itself_on_a_short_flow() {
    let place = Place::new();
    check_demo(&demo(&place, &["--events", "3000", "--kills", "6", "--seed", "7"]), 3000, 6);
    let journal = place.path("demo/journal");
    assert_eq!(slipring(["verify", &journal]).status.code(), Some(0));
    let output = slipring(["demo", "--dir", &place.path("demo")]);
    assert_eq!(output.status.code(), Some(3), "a folder in use is refused");
}

#[test]
fn the_demo_proves_itself_on_a_file() {
    let place = Place::new();
    let input = place.path("input.csv");
    std::fs::write(&input, FIXTURE).expect("written");
    check_demo(&demo(&place, &["--input", &input, "--kills", "4"]), 500, 4);
    if let Some(path) = real_file() {
        let place = Place::new();
        check_demo(&demo(&place, &["--input", path.to_str().unwrap(), "--kills", "20"]), 60_000, 20);
    }
}

/// SIGTERM: what is appended is drained and synced, the journal sealed, and the rest is said to be missing.
#[test]
fn row_signals_sigterm_drains_syncs_and_seals() {
    let place = Place::new();
    let journal = place.path("journal");
    let mut child = command()
        .args(["record", &journal, "--input", "synthetic:3000000"])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    // Once it appends it listens.
    let appends = || {
        let reader = slipring_journal::Journal::at(&journal).raw_reader();
        reader.is_ok_and(|reader| reader.end_sequence() > 0)
    };
    while !appends() {
        assert!(child.try_wait().expect("ours").is_none(), "ended before it began");
    }
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("ours");
    let output = child.wait_with_output().expect("ends by itself");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let info = slipring_journal::inspect(&journal).expect("a journal");
    assert!(info.closed && info.durable_end == info.end_sequence, "{info:?}");
    assert!(info.end_sequence > 0 && info.end_sequence < 3_000_000);
    let counted = info.end_sequence.to_string();
    let said: String = text(&output.stderr).chars().filter(|c| *c != ',').collect();
    assert!(said.contains(&counted), "{said}");
    assert!(slipring(["verify", &journal]).status.success());
}
