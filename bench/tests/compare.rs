//! `slipring-bench compare` on recorded runs: two equal ones raise no alarm, one that was slowed down on
//! purpose (`--inject-slow-down`) does. Nothing is timed here.

use std::path::Path;
use std::process::{Command, Output};

fn compare(a: &str, b: &str, more: &[&str]) -> Output {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    Command::new(env!("CARGO_BIN_EXE_slipring-bench"))
        .arg("compare")
        .args([data.join(a), data.join(b)])
        .args(more)
        .output()
        .expect("the command runs")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn two_equal_runs_raise_no_alarm() {
    for (a, b) in [("run-a.json", "run-b.json"), ("run-b.json", "run-a.json"), ("run-a.json", "run-a.json")] {
        let output = compare(a, b, &[]);
        assert_eq!(output.status.code(), Some(0), "{a} {b}: {}", text(&output));
        assert!(text(&output).contains("0 slower"), "{}", text(&output));
    }
}

#[test]
fn an_injected_slow_down_is_flagged_where_it_was_injected() {
    let output = compare("run-a.json", "run-slow.json", &[]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let text = text(&output);
    let slower: Vec<&str> = text.lines().filter(|line| line.starts_with("SLOWER")).collect();
    for bench in ["ring/b1", "ring/b64", "journalled/b1", "journalled/b64"] {
        assert!(slower.iter().any(|line| line.contains(&format!(" {bench} "))), "{bench}: {text}");
    }
    // Nothing was done to these.
    for bench in ["append ", "seek "] {
        assert!(!slower.iter().any(|line| line.contains(&format!(" {bench}"))), "{bench}: {text}");
    }
    // The other way round it got faster, which is no alarm.
    let back = compare("run-slow.json", "run-a.json", &[]);
    assert_eq!(back.status.code(), Some(0));
}

#[test]
fn what_is_no_run_is_refused_with_the_reason() {
    let output = compare("run-a.json", "nothing.json", &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("can't read"));
    let output = compare("run-a.json", "../compare.rs", &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("line 1"));
}

/// A summary with one figure.
fn summary(folder: &Path, name: &str, cpu: &str, quick: bool) -> std::path::PathBuf {
    let row = r#"{"bench":"append","contender":"slipring","metric":"throughput","unit":"M/s","median":2,"min":2,"max":2,"rounds":5}"#;
    let text = format!(r#"{{"quick":{quick},"machine":{{"cpu":"{cpu}","cores":[0,1]}},"rows":[{row}]}}"#);
    let path = folder.join(name);
    std::fs::write(&path, text).expect("room on the disk");
    path
}

#[test]
fn runs_that_are_not_alike_are_refused_unless_told_otherwise() {
    let folder = tempfile::tempdir().expect("a folder");
    let full = summary(folder.path(), "full.json", "one", false);
    for (other, reason) in [
        (summary(folder.path(), "quick.json", "one", true), "length: full in A, --quick in B"),
        (summary(folder.path(), "other.json", "other", false), "processor: one in A, other in B"),
    ] {
        let (full, other) = (full.to_str().expect("a name"), other.to_str().expect("a name"));
        let refused = compare(full, other, &[]);
        assert_eq!(refused.status.code(), Some(2));
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(said.contains(reason) && said.contains("--anyway"), "{said}");
        assert_eq!(compare(full, other, &["--anyway"]).status.code(), Some(0));
    }
    let same = full.to_str().expect("a name");
    assert_eq!(compare(same, same, &[]).status.code(), Some(0));
}
