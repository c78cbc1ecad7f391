//! `slipring-bench compare` on recorded runs: two equal ones raise no alarm, one that was slowed down on purpose
//! (`--inject-slow-down`) does. Nothing is timed here.

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
