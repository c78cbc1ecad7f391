//! More segments than file handles: a journal stays usable, whatever is asked of it, and its memory is
//! counted.
//!
//! The ordinary run has 1,100 segments. The whole thing, 100,000 of them (1.2 GB under the temporary folder,
//! minutes): `cargo test -p slipring-tests --test many_segments -- --ignored`

use std::process::Command;

use slipring_journal::__private::storage::{Memory, Storage};
use slipring_journal::{Reader, Retention};
use slipring_tests::children::Child;
use slipring_tests::counting::{self, Counting};
use slipring_tests::journals::{BOOT, Note, append_to, open, options};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What a process with 64 handles can do with so many segments; it says each step.
fn all_of_it(segments: u64) {
    let place = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_journal_child"));
    let child = Child::start(command.arg("many-segments").arg(place.path()).arg(segments.to_string()));
    let (lines, status) = child.rest();
    println!("{lines:#?}");
    assert!(status.success(), "{status}: {lines:?}");
    let steps: Vec<_> = lines.iter().map(|line| line.split(':').next().unwrap_or_default()).collect();
    let wanted = [
        "made",
        "opened",
        "replayed",
        "sought",
        "verified",
        "inspected",
        "followed",
        "salvaged",
        "retired",
        "reopened",
    ];
    assert_eq!(steps, wanted);
}

#[test]
fn more_segments_than_handles_open_read_verify_follow_salvage_and_retire() {
    all_of_it(1_100);
}

#[test]
#[ignore = "100,000 segments: 1.2 GB and minutes"]
fn a_hundred_thousand_segments_with_64_handles() {
    all_of_it(100_000);
}

/// Segments that the syncer has not got to hold handles: the writer waits for it rather than use them all up.
#[test]
fn segments_that_are_not_durable_yet_do_not_use_up_the_handles() {
    let place = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_journal_child"));
    let (lines, status) = Child::start(command.arg("tiny-segments").arg(place.path()).arg("64")).rest();
    assert!(status.success(), "{status}: {lines:?}");
    assert_eq!(lines.last().map(String::as_str), Some("closed 500"), "{lines:?}");
}

/// The chain's memory, and the retainer's, by the number of segments.
#[test]
fn a_segment_takes_at_most_64_bytes_of_memory() {
    let storage = Memory::new(BOOT);
    let journal = options(1);
    let (mut writer, _) = open(&journal, &storage).unwrap();
    for end in 1..=2_000 {
        append_to(&mut writer, end);
        while writer.step_syncer() {}
    }
    writer.close().unwrap();
    let before = counting::held_bytes();
    let mut reader = Reader::<Note, _>::open_to(storage.clone(), None).unwrap();
    assert_eq!(reader.lower_bound(u64::MAX).unwrap(), 2_000);
    let bytes = counting::held_bytes() - before;
    // The buffer of one chunk and the handles of the oldest are there once.
    let once = 40 << 10;
    assert!(bytes < 64 * 2_000 + once, "a reader holds {bytes} bytes");
    drop(reader);
    let before = counting::held_bytes();
    let retention = Retention::new().keep_age(std::time::Duration::from_secs(1 << 20));
    let (writer, _) = open(&options(1).retention(retention), &storage).unwrap();
    let bytes = counting::held_bytes() - before;
    assert!(bytes < 64 * 2_000 + once, "a writer holds {bytes} bytes");
    drop(writer);
    assert!(storage.list().unwrap().len() > 2_000);
}
