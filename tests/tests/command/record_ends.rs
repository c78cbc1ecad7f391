//! A recording that ends in every way there is, more than once: what its note says of the input and what the
//! journal holds belong together whenever it ends, so that what follows loses nothing and doubles nothing.

use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use slipring_tests::often::times;

use crate::place::{Place, ended, said};

const SCHEMA: &str = r#"
name = "Tick"
time = "ts"
[fields]
ts = { type = "time", unit = "ns" }
symbol = { type = "text", length = 8 }
price = { type = "decimal", scale = 4 }
qty = "u32"
"#;

const HEADER: &str = "ts,symbol,price,qty\n";
const RECORD: &str = "record j --input in.csv --schema tick.toml";
const RESUME: &str = "record j --input in.csv --schema tick.toml --resume";

/// Two events, a malformed line, one more.
fn small() -> Place {
    let input = format!("{HEADER}1,A,1.5,1\n2,B,1.5,2\nbroken\n3,C,1.5,3\n");
    Place::with(&[("tick.toml", SCHEMA.as_bytes()), ("in.csv", input.as_bytes())])
}

fn symbols(place: &Place, journal: &str) -> Vec<String> {
    place.rows(journal).iter().map(|row| row.split(',').nth(1).unwrap().to_owned()).collect()
}

#[test]
fn a_line_that_is_malformed_again_and_again_doubles_nothing() {
    let place = small();
    place.exits(1, RECORD);
    for _ in 0..3 {
        let told = place.exits(3, RESUME);
        assert!(told.contains("in.csv:4:7") && told.contains("nothing was recorded"), "{told}");
        assert_eq!(symbols(&place, "j"), ["A", "B"]);
    }
    let told = place.exits(3, RECORD);
    assert!(told.contains("was stopped after 2 events: go on with --resume"), "{told}");
    let told = place.exits(1, &format!("{RESUME} --rejects bad"));
    assert!(told.contains("recorded 1 event ") && told.contains("2 events were in already"), "{told}");
    assert_eq!(symbols(&place, "j"), ["A", "B", "C"]);
    assert_eq!(place.read("bad"), format!("{HEADER}broken\n"));
    // The same behind what was all in once, and has grown.
    let place = small();
    place.write("in.csv", place.read("in.csv").replace("broken\n", ""));
    place.fine(RECORD);
    place.write("in.csv", format!("{}broken\n", place.read("in.csv")));
    for _ in 0..2 {
        place.exits(3, RESUME);
    }
    place.write("in.csv", place.read("in.csv").replace("broken", "4,D,1.5,4"));
    assert!(place.fine(RESUME).contains("recorded 1 event "));
    assert_eq!(symbols(&place, "j"), ["A", "B", "C", "D"]);
}

#[test]
fn a_limit_is_no_end_behind_which_all_begins_anew_without_a_word() {
    let place = small();
    place.fine(&format!("{RECORD} --limit 1"));
    let told = place.exits(3, RECORD);
    assert!(told.contains("was stopped after 1 event: go on with --resume"), "{told}");
    place.fine(&format!("{RESUME} --limit 2"));
    place.fine(&format!("{RESUME} --limit 1"));
    place.exits(1, &format!("{RESUME} --rejects bad"));
    assert_eq!(symbols(&place, "j"), ["A", "B", "C"]);
    assert_eq!(place.read("bad"), format!("{HEADER}broken\n"));
}

#[test]
fn what_records_nothing_takes_no_other_recording_its_way_to_go_on() {
    let place = small();
    place.exits(1, RECORD);
    place.write("wrong.csv", format!("{HEADER}what is this?\n"));
    place.write("empty.csv", HEADER);
    for (status, other) in [(3, "wrong.csv"), (1, "wrong.csv --rejects wrong.bad"), (0, "empty.csv")] {
        let told = place.exits(status, &format!("record j --input {other}"));
        assert!(!told.contains("can't be gone on with"), "{told}");
        let told = place.exits(3, RECORD);
        assert!(told.contains("was stopped after 2 events: go on with --resume"), "{told}");
    }
    place.write("in.csv", place.read("in.csv").replace("broken", "2,M,1.5,2"));
    let told = place.fine(RESUME);
    assert!(told.contains("recorded 2 events") && told.contains("2 events were in already"), "{told}");
    // One that records something takes it, and says so.
    let place = small();
    place.exits(1, RECORD);
    place.write("more.csv", format!("{HEADER}what is this?\n9,Z,1.5,1\n"));
    let told = place.exits(1, "record j --input more.csv --rejects more.bad");
    assert!(told.contains("in.csv was stopped, and can't be gone on with any more"), "{told}");
    assert!(place.exits(3, RESUME).contains("more.csv, and in.csv is another file"));
    let told = place.exits(1, "record j --input more.csv --resume --rejects more.bad");
    assert!(told.contains("recorded 0 events") && told.contains("1 event was in already"), "{told}");
    assert_eq!(symbols(&place, "j"), ["A", "B", "Z"]);
    // So does a pipe.
    let place = small();
    place.exits(1, RECORD);
    let piped = |lines: &str| {
        let mut child = place.piped("record j --input - --as csv");
        child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
        String::from_utf8(child.wait_with_output().unwrap().stderr).unwrap()
    };
    assert!(!piped(HEADER).contains("can't be gone on with"));
    let told = piped(&format!("{HEADER}9,Z,1.5,1\n"));
    assert!(told.contains("in.csv was stopped, and can't be gone on with any more"), "{told}");
    place.write("in.csv", place.read("in.csv").replace("broken", "2,M,1.5,2"));
    let told = place.exits(3, RESUME);
    assert!(told.contains("record 2 of the journal is not what in.csv"), "{told}");
    assert_eq!(symbols(&place, "j"), ["A", "B", "Z"]);
}

#[test]
fn a_place_for_malformed_lines_that_can_not_be_is_refused_at_the_start() {
    let place = small();
    let long = "x".repeat(253);
    for bad in ["nope/bad", "in.csv/bad", long.as_str()] {
        let told = place.exits(3, &format!("{RECORD} --rejects {bad}"));
        assert!(told.contains("nothing was recorded") && told.contains("give --rejects"), "{told}");
        assert!(!place.path("j").exists());
    }
    // The journal's folder is made by the recording itself.
    place.exits(1, &format!("{RECORD} --rejects j/bad"));
    assert_eq!(place.read("j/bad"), format!("{HEADER}broken\n"));
    std::fs::remove_dir_all(place.path("j")).unwrap();
    // As long as it holds nothing, another name may be given, or none.
    place.write("in.csv", place.read("in.csv").replace("broken\n", ""));
    std::fs::create_dir(place.path("nope")).unwrap();
    place.fine(&format!("{RECORD} --rejects nope/bad"));
    std::fs::remove_dir(place.path("nope")).unwrap();
    place.write("in.csv", format!("{}broken\n4,D,1.5,4\n", place.read("in.csv")));
    let told = place.exits(3, &format!("{RESUME} --rejects nope/bad"));
    assert!(told.contains("nope/bad") && told.contains("give --rejects"), "{told}");
    place.exits(3, RESUME);
    place.exits(3, &format!("{RESUME} --rejects in.csv"));
    place.exits(1, &format!("{RESUME} --rejects good"));
    assert_eq!(symbols(&place, "j"), ["A", "B", "C", "D"]);
    assert_eq!(place.read("good"), format!("{HEADER}broken\n"));
    // Now it holds something.
    assert!(place.exits(3, &format!("{RESUME} --rejects other")).contains("--rejects good; give the same"));
}

#[test]
fn a_journal_is_not_recorded_into_itself() {
    let place = small();
    place.exits(1, RECORD);
    std::os::unix::fs::symlink(place.path("j"), place.path("link")).unwrap();
    let before = place.records("j");
    for line in [
        "record j --input j",
        "record j --input ./j/",
        "record j --input link",
        "record link --input j",
        "record j --input link --as journal",
        "record j --input j --atomic",
        "record j --input j --resume",
    ] {
        let told = place.exits(3, line);
        assert!(told.contains("is the journal itself") && told.contains("nothing was recorded"), "{told}");
        assert_eq!(place.records("j"), before, "{line}");
    }
    let told = place.exits(3, RECORD);
    assert!(told.contains("go on with --resume"), "{told}");
}

/// As `timeout` sends them: to the process, and to the group that it is in.
#[test]
fn two_signals_at_once_are_one_wish_to_stop() {
    use std::io::Write;
    let place = small();
    for round in 0..10 {
        let journal = format!("j{round}");
        let mut child = place.piped(&format!("record {journal} --input - --as csv --schema tick.toml"));
        let mut pipe = child.stdin.take().unwrap();
        pipe.write_all(format!("{HEADER}1,A,1.5,1\n2,B,1.5,2\n").as_bytes()).unwrap();
        place.wait_for(&journal, 2);
        // Two that differ: of two alike one may be all that comes.
        for signal in [Signal::TERM, Signal::INT] {
            kill_process(Pid::from_child(&child), signal).unwrap();
        }
        let output = ended(child);
        drop(pipe);
        let told = said(&output);
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains("stopped by a signal\nrecorded 2 events, all of them durable"), "{told}");
        let told = place.fine(&format!("inspect {journal}"));
        assert!(!told.contains("without closing it"), "{told}");
    }
}

/// Runs a line and sends it signals after a while; how it ended, with what it said.
fn stopped_after(place: &Place, time: Duration, signals: &[Signal], line: &str) -> Output {
    let mut command = place.command(line);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let deadline = Instant::now() + time;
    while Instant::now() < deadline && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_micros(200));
    }
    if child.try_wait().unwrap().is_none() {
        for signal in signals {
            kill_process(Pid::from_child(&child), *signal).unwrap();
        }
    }
    ended(child)
}

/// Runs a line where no file may be longer than 1 MiB; segments are shorter.
fn tight(place: &Place, line: &str) -> Output {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -f 2048; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_slipring-under-test")]);
    command.args(line.split_whitespace()).current_dir(place.path("")).output().expect("a shell")
}

/// The number of the malformed line that ended a recording, if one did.
fn malformed_line(told: &str) -> Option<usize> {
    let is_one = told.contains("mend it, or set what is malformed aside");
    let told = is_one.then_some(told)?;
    told.split("in.csv:").nth(1)?.split(':').next()?.parse().ok()
}

/// One recording that goes on until all is in, over whatever ends.
struct Ends {
    place: Place,
    random: fastrand::Rng,
    took: Duration,
    /// The input's lines.
    lines: Vec<String>,
    rejects: bool,
    /// How often each of them came: a kill, a signal, a limit, a malformed line, a refusal, a write into the
    /// file of malformed lines that failed.
    counts: [u64; 6],
}

impl Ends {
    fn new(seed: u64, count: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let line = |n: u64, random: &mut fastrand::Rng| match random.u64(0..count / 8) {
            0 => format!("broken {n}"),
            _ => format!("{},S{},{n}.{:04},{}", n * 10, n % 100, n % 10_000, n % 7),
        };
        let mut lines: Vec<String> = (0..count).map(|n| line(n, &mut random)).collect();
        // One that is longer than a file may be where that is limited.
        lines[random.usize(0..count as usize)] = "long".repeat(300_000);
        lines.insert(0, HEADER.trim().to_owned());
        let place = Place::with(&[("tick.toml", SCHEMA.as_bytes())]);
        let rejects = random.bool();
        let ends = Ends { place, random, took: Duration::ZERO, lines, rejects, counts: [0; 6] };
        ends.write();
        ends
    }

    fn write(&self) {
        self.place.write("in.csv", self.lines.join("\n") + "\n");
    }

    /// What it comes to where nothing ends it.
    fn undisturbed(&self) -> Output {
        self.place
            .run("record whole --input in.csv --schema tick.toml --segment-records 8192 --rejects whole.bad")
    }

    /// One life; whether it was the last.
    fn life(&mut self) -> bool {
        let mut line = format!("{RESUME} --segment-records 8192");
        if self.rejects {
            line += " --rejects bad";
        }
        // Up to a third, so that a recording has several lives.
        let moment = self.took.mul_f64(self.random.f64() / 3.0);
        let mut is_tight = false;
        let signals: &[Signal] = match self.random.u32(0..16) {
            0..4 => &[Signal::KILL],
            4..8 => &[Signal::INT],
            8 => &[Signal::TERM, Signal::INT],
            9 => {
                self.counts[2] += 1;
                line += &format!(" --limit {}", self.random.usize(0..self.lines.len()));
                &[]
            }
            10 => return self.refused(),
            kind => {
                is_tight = kind < 13;
                &[]
            }
        };
        let output = match signals {
            [] if is_tight => tight(&self.place, &line),
            [] => self.place.run(&line),
            _ => stopped_after(&self.place, moment, signals, &line),
        };
        let told = said(&output);
        match output.status.code() {
            // Killed, or stopped before it heeded signals.
            None => self.counts[0] += 1,
            Some(1 | 3) if told.contains("stopped by a signal") => self.counts[1] += 1,
            Some(1 | 3) if malformed_line(&told).is_some() => self.malformed(&told),
            Some(1 | 3) if is_tight && told.contains("write bad") => self.counts[5] += 1,
            Some(0 | 1) => return !line.contains("--limit"),
            status => panic!("{line}: {status:?}: {told}"),
        }
        false
    }

    /// The line stays as it is, or is mended, or malformed ones are set aside from here on.
    fn malformed(&mut self, told: &str) {
        self.counts[3] += 1;
        match self.random.u32(0..5) {
            0 | 1 => {}
            2 => self.rejects = true,
            _ => {
                let number = malformed_line(told).unwrap();
                self.lines[number - 1] = format!("{},M,{number}.5,1", number * 10);
                self.write();
            }
        }
    }

    /// What can't be done changes nothing.
    fn refused(&mut self) -> bool {
        self.counts[4] += 1;
        self.place.write("other.csv", format!("{HEADER}broken\n"));
        let line = match self.random.u32(0..3) {
            0 => format!("{RESUME} --rejects nowhere/bad"),
            1 => "record j --input other.csv --schema tick.toml --resume".to_owned(),
            _ => "record j --input j".to_owned(),
        };
        // Nothing may be there yet, of which the other file is begun.
        if self.place.path("j/recording").exists() {
            self.place.exits(3, &line);
        }
        false
    }
}

#[test]
fn whatever_ends_a_recording_over_and_over_it_comes_to_what_one_without_an_end_does() {
    let mut counts = [0; 6];
    for round in 0..times("SLIPRING_RECORD_ENDS", 8) {
        let mut ends = Ends::new(round, 60_000);
        let begun = Instant::now();
        ends.undisturbed();
        ends.took = begun.elapsed();
        std::fs::remove_dir_all(ends.place.path("whole")).unwrap();
        for name in ["whole.bad", "whole.bad.why"] {
            // There is none if no line is malformed.
            let _ = std::fs::remove_file(ends.place.path(name));
        }
        while !ends.life() {}
        ends.undisturbed();
        let place = &ends.place;
        assert!(place.records("j") == place.records("whole"), "another journal in round {round}");
        for (one, other) in [("bad", "whole.bad"), ("bad.why", "whole.bad.why")] {
            assert_eq!(place.path(one).exists(), place.path(other).exists(), "round {round}: {one}");
            if place.path(one).exists() {
                assert_eq!(place.read(one), place.read(other), "round {round}");
            }
        }
        counts.iter_mut().zip(ends.counts).for_each(|(sum, count)| *sum += count);
    }
    let [kills, signals, limits, malformed, refusals, failed] = counts;
    println!(
        "{kills} kills, {signals} signals, {limits} limits, {malformed} malformed, {refusals} refusals, \
         {failed} writes that failed"
    );
    assert!(kills > 0 && signals > 0 && malformed > 0, "{counts:?}");
}
