//! The tutorial: its program is the one that is built here, and its console shows what the program prints.

use std::fs;
use std::path::{Path, PathBuf};

use slipring_tests::pages::{bin, blocks, shell};

fn tutorial() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/tutorial.md")).unwrap()
}

/// Code without what rustfmt's width decides.
fn tokens(code: &str) -> String {
    let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    code.replace(",}", "}").replace(",)", ")")
}

#[test]
fn its_program_is_the_one_that_is_built_here() {
    let page = tutorial();
    let block = blocks(&page).into_iter().find(|block| block.language.starts_with("rust")).unwrap();
    let built = include_str!("../../src/bin/trades.rs");
    let (_, built) = built.split_once("\n\n").expect("a line that says what it is");
    assert!(tokens(&block.text) == tokens(built), "tests/src/bin/trades.rs differs from docs/tutorial.md");
}

/// Ends a program as the page does, but when it has said something rather than after a time.
const KILLED: &str = "trades 1000000 >said & until grep -q 'is durable' said; do sleep 0.1; done; kill -9 $!; wait || true; cat said";

/// A block's commands as a script that shows each before what it prints.
fn script(block: &str) -> String {
    let mut script = String::new();
    for command in block.lines().filter_map(|line| line.strip_prefix("$ ")) {
        script.push_str(&format!("echo '$ {command}'\n"));
        let command = match command {
            "timeout -s KILL 3 target/debug/trades 1000000" => KILLED.to_owned(),
            _ if command.starts_with("cargo install") => continue,
            _ => command.replace("cargo run -q --", "trades"),
        };
        script.push_str(&format!("{command}\n"));
    }
    script
}

/// A word without what differs from run to run.
fn plain_word(word: &str) -> String {
    if word.starts_with('/') && word.contains("/journal") {
        return "JOURNAL".to_owned();
    }
    if word.len() == 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return "ID".to_owned();
    }
    if ["ns", "us", "ms", "s"].contains(&word.trim_end_matches([')', ',', ':'])) {
        return "UNIT".to_owned();
    }
    let mut plain = String::new();
    for c in word.chars() {
        match c {
            '0'..='9' if plain.ends_with('#') => {}
            '0'..='9' => plain.push('#'),
            // Within a number: its point, its commas, what a time has.
            '.' | ',' | ':' | '-' | 'T' if plain.ends_with('#') && !word.ends_with(c) => {}
            c => plain.push(c),
        }
    }
    plain
}

/// Lines without what differs from run to run; several of one kind are one.
fn plain(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        // Behind the epoch it says what of the last moments was kept: after a kill now and then nothing.
        let line = if line.starts_with("journal /") { line.split(", epoch").next().unwrap() } else { line };
        let line = line.replace(" k/s", "/s").replace(" M/s", "/s");
        let line = line.split_whitespace().map(plain_word).collect::<Vec<_>>().join(" ");
        // A shell has its own word for a kill; an empty segment is there if there was time to make one.
        let is_passed_over = line.contains("Killed") || line.ends_with(" empty");
        if !is_passed_over && lines.last() != Some(&line) {
            lines.push(line);
        }
    }
    lines
}

/// What the stage came to, by its own words.
fn positions(text: &str) -> Vec<&str> {
    text.lines().filter(|line| line.starts_with("Positions")).collect()
}

#[test]
fn its_console_shows_what_the_program_prints() {
    let commands = [
        ("trades", PathBuf::from(env!("CARGO_BIN_EXE_trades"))),
        ("slipring", PathBuf::from(env!("CARGO_BIN_EXE_slipring-under-test"))),
    ];
    let (folder, bin) = (tempfile::tempdir().unwrap(), bin(&commands).unwrap());
    let page = tutorial();
    let consoles: Vec<_> = blocks(&page).into_iter().filter(|block| block.language == "console").collect();
    assert_eq!(consoles.len(), 5);
    for block in consoles {
        let printed = shell(&script(&block.text), folder.path(), bin.path()).unwrap();
        assert_eq!(plain(&printed), plain(&block.text), "docs/tutorial.md:{}\n{printed}", block.line);
        let (seen, said) = (positions(&printed), positions(&block.text));
        // How many came before a kill nobody knows.
        if block.text.contains("new journal") {
            assert_eq!(seen, said);
        } else if block.text.contains("since") {
            assert_eq!(seen.last(), said.last());
        }
    }
}
