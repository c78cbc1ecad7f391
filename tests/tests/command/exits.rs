//! Exit statuses: one table for all commands, the same in `--help`, in the manual page and in
//! `docs/reference/command.md`; and what `--help` shows of each command.

use std::os::unix::fs::FileExt;
use std::process::{Command, Output};

const REFERENCE: &str = include_str!("../../../docs/reference/command.md");
const COMMANDS: [&str; 13] = [
    "demo",
    "record",
    "replay",
    "follow",
    "inspect",
    "verify",
    "top",
    "readers",
    "stages",
    "dead-letters",
    "salvage",
    "migrate",
    "schema",
];

fn slipring(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_slipring-under-test")).args(args).output().expect("the command runs")
}

fn out(args: &[&str]) -> String {
    let output = slipring(args);
    assert!(output.status.success(), "{args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// A text without its line breaks.
fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_help_has_an_example_that_can_be_understood_and_the_table() {
    for command in COMMANDS.iter().copied().chain(["completions", "man"]) {
        let help = out(&[command, "--help"]);
        let examples: Vec<&str> = help
            .lines()
            .skip_while(|line| *line != "Examples:")
            .skip(1)
            .take_while(|line| !line.is_empty())
            .collect();
        assert!(!examples.is_empty(), "{command}: {help}");
        for line in examples {
            assert!(line.trim_start().contains(&format!("slipring {command}")), "{command}: {line}");
            understood(line);
        }
        assert!(help.contains("Exit status:"), "{command}: {help}");
        assert!(out(&[command, "-h"]).contains("Examples:"), "{command}");
        assert!(out(&["man", command]).contains("Exit status:"), "{command}");
    }
}

/// The line is no usage error: with `--help` at its end it is read as far as that.
fn understood(line: &str) {
    use slipring_cli::args::Cli;
    let part = line.split('|').find(|part| part.contains("slipring")).expect("the command");
    let part = part.split('#').next().unwrap_or_default().split(" > ").next().unwrap_or_default();
    let words: Vec<String> = shell_words(part.trim());
    let read = <Cli as clap::Parser>::try_parse_from(&words);
    assert!(read.is_ok(), "{line}: {}", read.unwrap_err());
}

/// Words, of which some are quoted by `'`.
fn shell_words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in line.split('\'').enumerate() {
        match index % 2 {
            1 => words.push(part.to_owned()),
            _ => words.extend(part.split_whitespace().map(str::to_owned)),
        }
    }
    words
}

#[test]
fn the_table_is_the_same_in_help_manual_and_reference() {
    let help = flat(&out(&["--help"]));
    let meanings: Vec<String> = (0..4)
        .map(|status| {
            let row = REFERENCE.lines().find(|line| line.starts_with(&format!("| {status} |")));
            let row = row.unwrap_or_else(|| panic!("no row for {status}"));
            row.trim_matches('|').split('|').nth(1).expect("a meaning").trim().to_owned()
        })
        .collect();
    for (status, meaning) in meanings.iter().enumerate() {
        let wanted = flat(&format!("{status} {meaning}"));
        assert!(help.contains(&wanted), "{wanted}: {help}");
        for command in COMMANDS {
            assert!(flat(&out(&[command, "--help"])).contains(&wanted), "{command}: {wanted}");
        }
    }
}

#[test]
fn what_is_not_understood_is_3_for_every_command() {
    for command in COMMANDS {
        let output = slipring(&[command, "--no-such-option"]);
        assert_eq!(output.status.code(), Some(3), "{command}");
    }
    for args in
        [&["nonsense"][..], &["--nonsense"], &["completions", "nonsense"], &["man", "nonsense"], &["record"]]
    {
        assert_eq!(slipring(args).status.code(), Some(3), "{args:?}");
    }
    for args in [&["--help"][..], &["--version"], &["help"], &["help", "record"]] {
        assert_eq!(slipring(args).status.code(), Some(0), "{args:?}");
    }
}

#[test]
fn what_is_not_there_is_3_for_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (nowhere, input, new) = (path("nowhere"), path("no.csv"), path("new"));
    // A file where a folder should be.
    let file = path("file");
    std::fs::write(&file, "text").unwrap();
    for command in ["replay", "follow", "inspect", "verify", "top", "readers", "stages", "dead-letters"] {
        for journal in [&nowhere, &file] {
            let output = slipring(&[command, journal]);
            assert_eq!(output.status.code(), Some(3), "{command} {journal}: {output:?}");
            assert!(!output.stderr.is_empty(), "{command}");
        }
    }
    let lines: [&[&str]; 4] = [
        &["salvage", &nowhere, &new],
        &["record", &new, "--input", &input],
        &["record", &file, "--input", "synthetic:10"],
        &["demo", "--dir", &file],
    ];
    for args in lines {
        let output = slipring(args);
        assert_eq!(output.status.code(), Some(3), "{args:?}: {output:?}");
    }
}

#[test]
fn what_is_damaged_is_2_for_every_command_that_meets_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let journal = path("journal");
    out(&["record", &journal, "--input", "synthetic:100"]);
    let segment = std::fs::File::options().write(true).open(format!("{journal}/{:020}.seg", 0)).unwrap();
    let header = slipring_journal::HEADER_BYTES;
    segment.write_all_at(&[7], header + 50 * 64 + 20).unwrap();
    for args in [&["verify", &journal][..], &["replay", &journal], &["replay", &journal, "--format", "csv"]] {
        assert_eq!(slipring(args).status.code(), Some(2), "{args:?}");
    }
    let output = slipring(&["follow", &journal, "--from-sequence", "0"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let copy = path("copy");
    let output = slipring(&["record", &copy, "--input", &journal]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    // Nobody knows any more how far it goes.
    std::fs::remove_file(format!("{journal}/control")).unwrap();
    for command in ["inspect", "verify", "replay", "follow", "stages", "dead-letters"] {
        let output = slipring(&[command, &journal]);
        assert_eq!(output.status.code(), Some(2), "{command}: {output:?}");
    }
    let output = slipring(&["record", &journal, "--input", "synthetic:100"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}
