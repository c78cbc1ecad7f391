//! `slipring record` on a disk that is too small: what fits is recorded, and whatever happens it is counted.

use std::process::{Command, Output};

use slipring_tests::children::{Mount, skipped};

const SLIPRING: &str = env!("CARGO_BIN_EXE_slipring-under-test");
/// 64 bytes each.
const SEGMENT: u64 = 65_536;

fn record(journal: &str, messages: u64) -> Output {
    let input = format!("synthetic:{messages}");
    let segment = SEGMENT.to_string();
    let args = ["record", journal, "--input", &input, "--segment-records", &segment];
    Command::new(SLIPRING).args(args).output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A small disk, and a journal's place on it.
fn disk(test: &str, bytes: u64) -> Option<(Mount, String)> {
    match Mount::tmpfs(bytes) {
        Ok(mount) => {
            let journal = mount.path().join("journal").to_str().unwrap().to_owned();
            Some((mount, journal))
        }
        Err(reason) => {
            skipped(test, &reason);
            None
        }
    }
}

#[test]
fn row_disk_full_for_the_next_segment_is_no_failure_of_what_fits() {
    // Room for four segments of 4 MiB and a bit; 200,000 messages take a little more than three.
    let Some((_mount, journal)) =
        disk("row_disk_full_for_the_next_segment_is_no_failure_of_what_fits", 18 << 20)
    else {
        return;
    };
    let output = record(&journal, 200_000);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("recorded 200,000 events"), "{}", said(&output));
    let info = slipring_journal::inspect(&journal).unwrap();
    assert_eq!((info.end_sequence, info.durable_end, info.closed), (200_000, 200_000, true));
}

#[test]
fn row_disk_full_for_more_than_fits_counts_what_is_recorded_and_durable() {
    let Some((_mount, journal)) =
        disk("row_disk_full_for_more_than_fits_counts_what_is_recorded_and_durable", 18 << 20)
    else {
        return;
    };
    let output = record(&journal, 400_000);
    let fits = 4 * SEGMENT;
    assert_eq!(output.status.code(), Some(1), "a part is in: {}", said(&output));
    let wanted = "recorded 262,144 events, all of them durable";
    assert!(said(&output).contains(wanted), "{wanted} in {}", said(&output));
    let info = slipring_journal::inspect(&journal).unwrap();
    assert_eq!((info.end_sequence, info.durable_end), (fits, fits));
    // Not one more fits, and that is counted too.
    let output = record(&journal, 10);
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(said(&output).contains("nothing was recorded"), "{}", said(&output));
}
