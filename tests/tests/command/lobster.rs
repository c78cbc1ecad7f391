//! LOBSTER files as their publisher writes them: crosses, which have order ids below zero, and times that
//! came out of a float.

use std::process::{Command, Output};

use serde_json::Value;

/// The opening and closing cross, the one of an offering, and the one after a halt.
const CROSSES: &str = "34199.5,6,-1,1000,5850000,-1\n34200.1,1,11,100,5853300,1\n34200.2,6,-2,1000,5853300,-1\n\
                       34200.3,6,-3,1,5853300,1\n34200.4,6,-4,7,5853300,-1\n34200.5,3,11,100,5853300,1\n";
/// Each a line, and what it is rounded to, if it is finer than a nanosecond.
const TIMES: [(&str, Option<&str>); 8] = [
    ("35821.088778455,1,12,100,5853300,1", None),
    ("35821.088778456004,3,12,100,5853300,1", Some("35821.088778456,3,12,100,5853300,1")),
    ("35821.0887784564999,1,13,1,1,1", Some("35821.088778456,1,13,1,1,1")),
    ("35821.0887784565,1,14,1,1,1", Some("35821.088778457,1,14,1,1,1")),
    ("35821.1000000000,1,15,1,1,1", Some("35821.100000000,1,15,1,1,1")),
    ("35821.5,1,16,1,1,1", None),
    ("35821.99999999999999999999999999,1,17,1,1,1", Some("35822.000000000,1,17,1,1,1")),
    ("35822,1,18,1,1,1", None),
];

fn slipring(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_slipring-under-test")).args(args).output().expect("the command runs")
}

/// A journal's folder, and the path of a file with this in it.
fn place(input: &str) -> (tempfile::TempDir, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (journal, file) = (path("journal"), path("input.csv"));
    std::fs::write(&file, input).unwrap();
    (folder, journal, file)
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn crosses_are_recorded_and_given_back_byte_for_byte() {
    let (_folder, journal, file) = place(CROSSES);
    let output = slipring(&["record", &journal, "--input", &file]);
    assert!(output.status.success(), "{}", said(&output));
    let output = slipring(&["replay", &journal, "--format", "lobster"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), CROSSES);
    let output = slipring(&["replay", &journal, "--format", "jsonl"]);
    let text = String::from_utf8_lossy(&output.stdout);
    let ids: Vec<i64> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["order_id"].as_i64().unwrap())
        .collect();
    assert_eq!(ids, [-1, 11, -2, -3, -4, 11]);
    // The book of them is not disturbed by what rests in no book.
    let output = slipring(&["replay", &journal, "--format", "none"]);
    assert!(said(&output).contains("0 orders"), "{}", said(&output));
}

#[test]
fn ids_below_zero_are_those_of_crosses_and_halts_alone() {
    for bad in ["1,6,-5,1,1,1", "1,1,-1,1,1,1", "1,7,-2,1,1,1", "1,4,-4,1,1,1", "1,6,-01,1,1,1"] {
        let (_folder, journal, file) = place(bad);
        let output = slipring(&["record", &journal, "--input", &file]);
        assert_eq!(output.status.code(), Some(3), "{bad}: {}", said(&output));
        assert!(said(&output).contains("input.csv:1:5: "), "{bad}: {}", said(&output));
    }
}

#[test]
fn times_finer_than_a_nanosecond_are_refused_with_the_way_out_and_rounded_if_asked() {
    let input: String = TIMES.iter().map(|(line, _)| format!("{line}\n")).collect();
    let (_folder, journal, file) = place(&input);
    let output = slipring(&["record", &journal, "--input", &file]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let refusal = said(&output);
    assert!(refusal.contains("recorded 1 event, all of them durable"), "{refusal}");
    assert!(refusal.contains("input.csv:2:1: ") && refusal.contains("--round-times"), "{refusal}");
    let output = slipring(&["record", &journal, "--input", &file, "--round-times", "--resume"]);
    assert!(output.status.success(), "{}", said(&output));
    let summary = said(&output);
    assert!(summary.contains("recorded 7 events"), "{summary}");
    assert!(summary.contains("5 with times that were rounded"), "{summary}");
    assert!(summary.contains("not byte for byte"), "{summary}");
    let output = slipring(&["replay", &journal, "--format", "lobster"]);
    let wanted: String =
        TIMES.iter().map(|(line, rounded)| format!("{}\n", rounded.unwrap_or(line))).collect();
    assert_eq!(String::from_utf8_lossy(&output.stdout), wanted);
}

#[test]
fn what_needs_no_rounding_is_not_touched_by_asking_for_it() {
    let (_folder, journal, file) = place(CROSSES);
    let output = slipring(&["record", &journal, "--input", &file, "--round-times"]);
    assert!(output.status.success() && !said(&output).contains("rounded"), "{}", said(&output));
    let output = slipring(&["replay", &journal, "--format", "lobster"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), CROSSES);
    // The day's last nanosecond is the last there is.
    let (_folder, journal, file) = place("86399.9999999999,1,1,1,1,1\n");
    let output = slipring(&["record", &journal, "--input", &file, "--round-times"]);
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(said(&output).contains("0 <= t < 86400"), "{}", said(&output));
    // A long field is not refused for being long, and is still no other number.
    for bad in
        ["1.0000000000x,1,1,1,1,1", "1.,1,1,1,1,1", "01.0000000000,1,1,1,1,1", "-1.0000000000,1,1,1,1,1"]
    {
        let (_folder, journal, file) = place(bad);
        let output = slipring(&["record", &journal, "--input", &file, "--round-times"]);
        assert_eq!(output.status.code(), Some(3), "{bad}: {}", said(&output));
        assert!(said(&output).contains("nothing was recorded"), "{bad}: {}", said(&output));
    }
}

#[test]
fn columns_can_not_be_chosen_of_whole_lines() {
    let place = crate::place::Place::new();
    place.fine("record j --input synthetic:3");
    for command in ["replay j", "follow j --limit 1"] {
        let said = place.exits(3, &format!("{command} --format lobster --fields price"));
        assert!(said.contains("a line of a LOBSTER file has all of its columns: leave --fields out, or print with --format csv"), "{said}");
    }
}
