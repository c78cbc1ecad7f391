//! A recording that is stopped: by a kill at any moment, by a signal, by a line that is malformed. What
//! follows loses nothing and doubles nothing, or says why it can't go on.

use std::io::Write;
use std::time::Instant;

use slipring_journal::Journal;
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

/// Lines of which some are malformed, some quoted over two lines, and some have a time before the last one's.
fn lines(count: u64) -> String {
    let mut text = String::from("ts,symbol,price,qty\n");
    let mut random = fastrand::Rng::with_seed(7);
    for n in 0..count {
        let ts = 1_700_000_000_000_000_000 + n * 10 - random.u64(0..15);
        match random.u32(0..1_000) {
            0 => text.push_str("what is this?\n"),
            1 => text.push_str(&format!("{ts},\"A\nB\",{n}.5,x\n")),
            2 => text.push_str(&format!("{ts},\"A\nB\",{n}.5,1\n")),
            _ => text.push_str(&format!("{ts},S{},{n}.{:04},{}\n", n % 100, n % 10_000, n % 7)),
        }
    }
    text
}

#[test]
fn kills_at_random_moments_change_nothing() {
    let count = 400_000;
    let place = Place::with(&[("tick.toml", SCHEMA.as_bytes()), ("in.csv", lines(count).as_bytes())]);
    let record = |journal: &str, rejects: &str| {
        format!(
            "record {journal} --input in.csv --schema tick.toml --rejects {rejects} --segment-records 65536"
        )
    };
    let begun = Instant::now();
    place.exits(1, &record("whole", "whole.bad"));
    let took = begun.elapsed();
    let wanted = place.records("whole");
    assert!(wanted.len() > 390_000 && place.read("whole.bad.why").lines().count() > 500);
    let most = times("SLIPRING_KILL_ROUNDS", 30);
    let mut random = fastrand::Rng::with_seed(21);
    let (mut kills, mut lives, mut resumed) = (0, 0, 0);
    while kills < most {
        lives += 1;
        let (journal, rejects) = (format!("j{lives}"), format!("bad{lives}"));
        loop {
            let line = format!("{} --resume", record(&journal, &rejects));
            // Up to a fifth, so that a recording has several lives.
            let moment = took.mul_f64(random.f64() / 5.0);
            let Some(output) = place.killed_after(moment, kills < most, &line) else {
                kills += 1;
                resumed += u64::from(
                    Journal::at(place.path(&journal)).raw_reader().is_ok_and(|r| r.end_sequence() > 0),
                );
                continue;
            };
            assert_eq!(output.status.code(), Some(1), "{}", said(&output));
            break;
        }
        assert!(place.records(&journal) == wanted, "after {kills} kills another journal");
        assert_eq!(place.read(&rejects), place.read("whole.bad"));
        assert_eq!(place.read(&format!("{rejects}.why")), place.read("whole.bad.why"));
        std::fs::remove_dir_all(place.path(&journal)).unwrap();
    }
    println!("{kills} kills in {lives} recordings, {resumed} with records in the journal");
    assert!(3 * resumed > kills, "{resumed} of {kills} kills left something to go on with");
}

fn small() -> Place {
    let input = "ts,symbol,price,qty\n1,A,1.5,1\n2,B,1.5,2\nbroken\n3,C,1.5,3\n";
    Place::with(&[("tick.toml", SCHEMA.as_bytes()), ("in.csv", input.as_bytes())])
}

const RECORD: &str = "record j --input in.csv --schema tick.toml";

#[test]
fn a_line_that_was_mended_is_gone_on_with() {
    let place = small();
    place.exits(1, RECORD);
    place.write("in.csv", place.read("in.csv").replace("broken", "2,M,1.5,2"));
    let told = place.fine(&format!("{RECORD} --resume"));
    assert!(told.contains("recorded 2 events") && told.contains("2 events were in already"), "{told}");
    let symbols: Vec<String> =
        place.rows("j").iter().map(|row| row.split(',').nth(1).unwrap().to_owned()).collect();
    assert_eq!(symbols, ["A", "B", "M", "C"]);
    // All is in: nothing more happens, until there is more.
    assert!(place.fine(&format!("{RECORD} --resume")).contains("recorded 0 events"));
    let mut file = std::fs::OpenOptions::new().append(true).open(place.path("in.csv")).unwrap();
    file.write_all(b"4,D,1.5,4\n").unwrap();
    assert!(place.fine("record j --input in.csv --resume").contains("recorded 1 event"));
    assert_eq!(place.records("j").len(), 5);
    // Without --resume a file that is all in is recorded once more.
    place.fine(RECORD);
    assert_eq!(place.records("j").len(), 10);
}

#[test]
fn what_is_set_aside_only_when_it_is_gone_on_is_set_aside_once() {
    let place = small();
    place.exits(1, RECORD);
    place.exits(1, &format!("{RECORD} --resume --rejects bad"));
    assert_eq!(place.read("bad"), "ts,symbol,price,qty\nbroken\n");
    assert_eq!(place.records("j").len(), 3);
    // They go where they went.
    let mut file = std::fs::OpenOptions::new().append(true).open(place.path("in.csv")).unwrap();
    file.write_all(b"worse\n").unwrap();
    for other in ["", " --rejects other"] {
        let told = place.exits(3, &format!("{RECORD} --resume{other}"));
        assert!(told.contains("--rejects bad; give the same"), "{told}");
    }
    place.exits(1, &format!("{RECORD} --resume --rejects bad"));
    assert_eq!(place.read("bad"), "ts,symbol,price,qty\nbroken\nworse\n");
}

#[test]
fn a_file_that_is_not_the_same_is_not_gone_on_with() {
    let refused = |change: &dyn Fn(&Place), line: &str, wanted: &str| {
        let place = small();
        place.exits(1, RECORD);
        change(&place);
        let before = place.records("j");
        let told = place.exits(3, line);
        assert!(told.contains(wanted) && told.contains("nothing more was recorded"), "{wanted}: {told}");
        assert_eq!(place.records("j"), before, "{wanted}");
    };
    let resume = format!("{RECORD} --resume");
    let none = |_: &Place| {};
    refused(&none, RECORD, "was stopped after 2 events: go on with --resume");
    refused(
        &|place| place.write("other.csv", place.read("in.csv")),
        "record j --input other.csv --resume",
        "other.csv is another file",
    );
    refused(
        &|place| place.write("in.csv", "ts,symbol,price,qty\n"),
        &resume,
        "is not what in.csv:its end says",
    );
    refused(
        &|place| place.write("in.csv", place.read("in.csv").replace("1,A", "1,X")),
        &resume,
        "record 0 of the journal is not what in.csv:2:1 says",
    );
    refused(
        &|place| place.write("in.csv", place.read("in.csv").replace("ts,symbol", "ts,symbo1")),
        &format!("{RECORD} --header ts,symbol,price,qty --resume"),
        "in.csv has changed since it was recorded",
    );
    refused(&none, "record j --input in.csv --as jsonl --resume", "--as csv; give the same");
    refused(&none, "record j --input - --as csv --resume", "needs a plain file or a journal to go on in");
    refused(&|place| place.write("j/recording", "{}"), &resume, "recording is damaged");
    refused(
        &|place| {
            place.write("more.csv", "ts,symbol,price,qty\n9,Z,1,1\n");
            place.fine("record j --input more.csv");
        },
        &resume,
        "more.csv, and in.csv is another file",
    );
    // A journal without a note.
    let place = small();
    place.exits(1, RECORD);
    std::fs::remove_file(place.path("j/recording")).unwrap();
    assert!(place.exits(3, &resume).contains("no note of a recording"));
    // One that is not there is begun.
    let place = small();
    place.exits(1, &resume);
    assert_eq!(place.records("j").len(), 2);
}

#[test]
fn a_note_that_is_something_else_is_neither_followed_nor_waited_for() {
    let resume = format!("{RECORD} --resume");
    let place = small();
    place.exits(1, RECORD);
    let note = place.path("j/recording");
    let whole = std::fs::read_to_string(&note).unwrap();
    // What another life has left is no hindrance, and what it leads to is left alone.
    place.write("mine", "mine");
    std::os::unix::fs::symlink(place.path("mine"), place.path("j/recording.new")).unwrap();
    place.exits(3, &resume);
    assert_eq!(place.read("mine"), "mine");
    for damaged in [&whole[..whole.len() / 2], "", &whole.replace("\"recorded\":0", "\"recorded\":1")] {
        std::fs::write(&note, damaged).unwrap();
        assert!(place.exits(3, &resume).contains("recording is damaged"), "{damaged}");
    }
    std::fs::remove_file(&note).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, &note, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    assert!(place.exits(3, &resume).contains("recording is damaged"));
    std::fs::remove_file(&note).unwrap();
    std::os::unix::fs::symlink("/dev/zero", &note).unwrap();
    assert!(place.exits(3, &resume).contains("recording"));
    assert_eq!(place.records("j").len(), 2);
}

#[test]
fn a_last_line_that_was_gone_on_with_is_refused() {
    let place =
        Place::with(&[("tick.toml", SCHEMA.as_bytes()), ("in.csv", b"ts,symbol,price,qty\n1,A,1.5,1")]);
    place.fine(RECORD);
    place.write("in.csv", "ts,symbol,price,qty\n1,A,1.5,12\n");
    let told = place.exits(3, &format!("{RECORD} --resume"));
    assert!(told.contains("its last line had no end, is in, and has been gone on with"), "{told}");
}

#[test]
fn what_comes_through_a_pipe_is_there_at_once_and_a_signal_ends_it_in_good_order() {
    let place = small();
    let mut child = place.piped("record j --input - --as csv --schema tick.toml");
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(b"ts,symbol,price,qty\n1,A,1.5,1\n2,\"B").unwrap();
    place.wait_for("j", 1);
    pipe.write_all(b"\",1.5,2\n").unwrap();
    place.wait_for("j", 2);
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let output = ended(child);
    drop(pipe);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(
        said(&output).contains("stopped by a signal\nrecorded 2 events, all of them durable"),
        "{}",
        said(&output)
    );
    assert!(place.fine("verify j").contains("fine"));
    // The same with JSON lines, to its end.
    let mut child = place.piped("record k --input - --as jsonl --schema tick.toml");
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(b"{\"ts\":1,\"symbol\":\"A\",\"price\":1.5,\"qty\":1}\n{\"ts\":2,").unwrap();
    place.wait_for("k", 1);
    pipe.write_all(b"\"symbol\":\"B\",\"price\":1.5,\"qty\":2}").unwrap();
    drop(pipe);
    assert!(ended(child).status.success());
    assert_eq!(place.rows("k"), place.rows("j"));
}

#[test]
fn all_or_nothing() {
    let place = small();
    let told = place.exits(3, &format!("{RECORD} --atomic"));
    assert!(told.contains("in.csv:4:7") && told.contains("nothing was recorded"), "{told}");
    assert_eq!(place.names(), ["in.csv", "tick.toml"]);
    // What is set aside is no reason.
    place.exits(1, &format!("{RECORD} --atomic --rejects bad"));
    assert_eq!(place.records("j").len(), 3);
    assert_eq!(place.names(), ["bad", "bad.why", "in.csv", "j", "tick.toml"]);
    // A journal that is there keeps what it has.
    let told = place.exits(3, &format!("{RECORD} --atomic"));
    assert!(told.contains("in.csv:4:7") && told.contains("nothing was recorded"), "{told}");
    assert_eq!(place.records("j").len(), 3);
    place.write("in.csv", place.read("in.csv").replace("broken\n", ""));
    place.fine(&format!("{RECORD} --atomic"));
    assert_eq!(place.records("j").len(), 6);
    assert!(place.fine("verify j").contains("fine"));
    let told = place.exits(3, "record j --input - --as csv --atomic");
    assert!(told.contains("nothing was recorded") || told.contains("empty"), "{told}");
}

#[test]
fn commands_that_are_files_of_their_own_are_found() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    std::fs::create_dir(place.path("bin")).unwrap();
    let script = |name: &str| {
        place.write(&format!("bin/{name}"), "#!/bin/sh\necho \"$0 has\" \"$@\"\nexit 7\n");
        std::fs::set_permissions(place.path(&format!("bin/{name}")), PermissionsExt::from_mode(0o755))
            .unwrap();
    };
    let run = |line: &str| place.command(line).env("PATH", place.path("bin")).output().unwrap();
    let columns = "record j --input x.parquet --limit 3";
    for (line, name, without) in [
        (columns, "slipring-columns", "cargo install --path bridges/columns"),
        ("bridge a --b", "slipring-bridge", "cargo install --path bridges/bridge-command"),
        ("hello a --b", "slipring-hello", "unrecognized subcommand"),
    ] {
        let output = run(line);
        assert_eq!(output.status.code(), Some(3), "{}", said(&output));
        assert!(said(&output).contains(without), "{}", said(&output));
        script(name);
        let output = run(line);
        assert_eq!(output.status.code(), Some(7), "{}", said(&output));
        let passed = if name == "slipring-columns" { line } else { "a --b" };
        assert!(said(&output).contains(&format!("{name} has {passed}\n")), "{}", said(&output));
    }
}

#[test]
fn a_schema_in_the_words_of_others() {
    let place = small();
    place.exits(1, RECORD);
    for (language, wanted) in [
        ("rust", "pub struct Tick {"),
        ("c", "uint64_t ts;"),
        ("numpy", "\"price\""),
        ("sql", "CREATE TABLE \"Tick\""),
        ("toml", "price = { type = \"decimal\", scale = 4 }"),
    ] {
        let of_journal = place.fine(&format!("schema {language} j"));
        assert!(of_journal.contains(wanted), "{of_journal}");
        assert_eq!(of_journal, place.fine(&format!("schema {language} tick.toml")));
    }
    place.write("again.toml", place.fine("schema toml j"));
    place.exits(1, "record k --input in.csv --schema again.toml");
    assert!(place.exits(3, "schema rust nowhere").contains("nowhere"));
}
