//! A journal whose time lies ahead of the clock, because a clock was wrong for a moment: `inspect` and `top`
//! say so.

use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;
use slipring::{CountersReader, Engine, Journal, Lane};
use slipring_tests::children::skipped;
use slipring_tests::journals::{Note, note};

const SLIPRING: &str = env!("CARGO_BIN_EXE_slipring-under-test");
const DAY: u64 = 24 * 3600 * 1_000_000_000;

fn now_ns() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64
}

/// What a command says of a journal.
fn said(command: &str, journal: &Path, more: &[&str]) -> String {
    let output = Command::new(SLIPRING).arg(command).arg(journal).args(more).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn row_a_clock_that_leapt_ahead_is_seen_from_without() {
    let folder = tempfile::tempdir().unwrap();
    let journal = || Journal::at(folder.path()).max_time_step(std::time::Duration::MAX);
    let builder = Engine::<Note>::builder().journal(journal()).lane(Lane::named("main").journal());
    let (engine, mut publisher) = builder.open().unwrap().go_live().unwrap();
    let far = now_ns() + 2_000 * DAY;
    for (id, time) in [now_ns(), far, now_ns(), 5, now_ns()].into_iter().enumerate() {
        engine.wait_durable(publisher.publish_at(time, note(id as u64)).unwrap()).unwrap();
    }
    if let Ok(reader) = CountersReader::of_journal(folder.path()) {
        // The lane says so behind its batch.
        while reader.read().unwrap().journal_time.unwrap().regressions < 3 {
            std::thread::yield_now();
        }
        let text = said("top", folder.path(), &[]);
        assert!(text.contains("ahead of the clock; 3 events came with an earlier time\n"), "{text}");
        let object: Value = serde_json::from_str(&said("top", folder.path(), &["--json"])).unwrap();
        let time = &object["journal_time"];
        assert_eq!((&time["last_ns"], &time["regressions"]), (&far.into(), &3.into()));
        assert!(time["ahead_ns"].as_u64().unwrap() > 1_999 * DAY, "{time}");
    } else {
        skipped(
            "row_a_clock_that_leapt_ahead_is_seen_from_without",
            "no memory takes the counters' file here",
        );
    }
    engine.join().unwrap();
    let text = said("inspect", folder.path(), &[]);
    assert!(text.contains(" ahead of the clock\n"), "{text}");
    let object: Value = serde_json::from_str(&said("inspect", folder.path(), &["--json"])).unwrap();
    assert!(object["ahead_ns"].as_u64().unwrap() > 1_999 * DAY, "{object}");

    let usual = tempfile::tempdir().unwrap();
    let (mut writer, _) = Journal::at(usual.path()).open::<Note>().unwrap();
    writer.append(now_ns(), &note(0)).unwrap();
    writer.close().unwrap();
    assert!(!said("inspect", usual.path(), &[]).contains("ahead"));
}
