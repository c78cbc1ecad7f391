//! The rows of the fault matrix that are about failing system calls, on storage whose calls fail when told:
//! so every call can fail in its turn.

use std::io::ErrorKind;
use std::time::Duration;

use proptest::prelude::*;
use slipring_journal::__private::storage::{Memory, Storage};
use slipring_journal::{AppendError, Cursors, DiskFull, OpenError, Stall, SyncError, Writer};
use slipring_tests::faulty::{Call, Faulty};
use slipring_tests::journals::{
    BOOT, HEADER_BYTES, NEXT_BOOT, Note, RECORD_BYTES, append_to, closed, died, note, open, options,
    read_all, segment, time,
};

pub const CAPACITY: u64 = 8;
const SOON: Duration = Duration::from_secs(600);

pub fn opened(faulty: &Faulty) -> Writer<Note, Faulty> {
    open(&options(CAPACITY), faulty).expect("nothing fails yet").0
}

/// After a failed sync: nothing is appended, nothing waited for, nothing tried again, D stays.
fn check_terminal(mut writer: Writer<Note, Faulty>, faulty: &Faulty, durable: u64) {
    let cursors: Cursors = writer.cursors();
    let failed = |error: &SyncError| matches!(error, SyncError::SyncFailed { durable_end, .. } if *durable_end == durable);
    assert!(cursors.failure().is_some_and(|error| failed(&error)), "{cursors:?}");
    // The disk is well again: that must not matter.
    faulty.mend();
    let syncs = (faulty.count(Call::SyncMap), faulty.count(Call::SyncFile), faulty.count(Call::Write));
    let end = writer.end_sequence();
    for _ in 0..3 {
        assert!(!writer.step_syncer());
        match writer.append(time(end), &note(end)) {
            Err(AppendError::Failed(error)) => assert!(failed(&error), "{error}"),
            other => panic!("{other:?}"),
        }
        match cursors.wait_durable(durable, SOON) {
            Err(error) => assert!(failed(&error), "{error}"),
            Ok(()) => panic!("durable after a failed sync"),
        }
    }
    assert_eq!(cursors.durable_end(), durable);
    let closed = writer.close();
    assert!(closed.as_ref().is_err_and(failed), "{closed:?}");
    assert_eq!(
        syncs,
        (faulty.count(Call::SyncMap), faulty.count(Call::SyncFile), faulty.count(Call::Write)),
        "a sync was tried again"
    );
}

#[test]
fn row_fsync_or_msync_error_is_terminal() {
    let faulty = Faulty::new(Memory::new(BOOT));
    let mut writer = opened(&faulty);
    append_to(&mut writer, 5);
    assert!(writer.step_syncer());
    append_to(&mut writer, 7);
    faulty.fail(Call::SyncMap, ErrorKind::Other);
    writer.step_syncer();
    check_terminal(writer, &faulty, 5);
    // Only the process knew; the next one recovers all that is in the files.
    let (writer, report) = open(&options(CAPACITY), &faulty).unwrap();
    assert_eq!((report.durable_end, report.end_sequence, report.was_closed), (5, 7, false));
    writer.abandon();
}

#[test]
fn row_fsync_error_of_the_control_file_is_terminal() {
    for call in [Call::SyncFile, Call::Write] {
        let faulty = Faulty::new(Memory::new(BOOT));
        let mut writer = opened(&faulty);
        append_to(&mut writer, 3);
        writer.step_syncer();
        append_to(&mut writer, 5);
        faulty.fail(call, ErrorKind::Other);
        writer.step_syncer();
        // The data is on disk, so the gate is open for it; D there is not, and stays.
        check_terminal(writer, &faulty, 5);
        assert_eq!(open(&options(CAPACITY), &faulty).unwrap().1.end_sequence, 5);
    }
}

#[test]
fn row_fsync_error_in_close_is_told() {
    let faulty = Faulty::new(Memory::new(BOOT));
    let mut writer = opened(&faulty);
    append_to(&mut writer, 5);
    faulty.fail(Call::SyncMap, ErrorKind::Other);
    assert!(matches!(writer.close(), Err(SyncError::SyncFailed { durable_end: 0, .. })));
    faulty.mend();
    assert!(!open(&options(CAPACITY), &faulty).unwrap().1.was_closed);
}

#[test]
fn row_every_call_of_an_open_fails_in_turn_and_nothing_is_half_made() {
    // A new journal; one that was closed; one with a tail to cut, records to rewrite and segments to remove.
    let torn = || {
        let mut files = died(CAPACITY, 20, 10).to_files();
        files.get_mut(&segment(8)).unwrap()[HEADER_BYTES + 6 * RECORD_BYTES] ^= 1;
        files.insert(format!("{}.tmp", segment(32)), vec![1; 9]);
        Memory::from_files(files, NEXT_BOOT)
    };
    let cases: [(&str, &dyn Fn() -> Memory, u64); 3] =
        [("new", &|| Memory::new(BOOT), 0), ("closed", &|| closed(CAPACITY, 20), 20), ("torn", &torn, 14)];
    for (name, start, end) in cases {
        for (call, kind) in (0..).flat_map(|call| {
            [ErrorKind::StorageFull, ErrorKind::PermissionDenied, ErrorKind::Other].map(|kind| (call, kind))
        }) {
            let faulty = Faulty::new(start());
            faulty.fail_nth(call, kind);
            let failed = open(&options(CAPACITY), &faulty);
            let calls = faulty.calls();
            if calls.len() <= call {
                // No such call any more: all of them have had their turn.
                failed.unwrap().0.abandon();
                assert!(call > 10, "{name}: {calls:?}");
                break;
            }
            match failed {
                Err(OpenError::Journal(fault)) => {
                    let text = fault.to_string();
                    assert!(text.contains("memory"), "{name}: no path in {text:?}");
                }
                other => panic!("{name}: call {call}, {:?}, failed unseen: {other:?}", calls[call]),
            }
            let half_made = faulty.memory.list().unwrap().iter().any(|file| file.ends_with(".tmp"));
            assert!(!half_made || name == "torn", "{name}: {:?} failed and left a temporary", calls[call]);
            faulty.mend();
            let (mut writer, report) = open(&options(CAPACITY), &faulty)
                .unwrap_or_else(|error| panic!("{name}: after {:?} had failed: {error}", calls[call]));
            assert_eq!(report.end_sequence, end, "{name}: after {:?} had failed", calls[call]);
            // Across a roll; no further, for nobody syncs, and a writer maps no more than three segments.
            append_to(&mut writer, end + 10);
            writer.close().unwrap();
            assert_eq!(read_all(&faulty).unwrap(), end + 10);
            let names = faulty.list().unwrap();
            assert!(!names.iter().any(|name| name.ends_with(".tmp")), "{name}: {names:?}");
        }
    }
}

#[test]
fn row_no_file_handles_for_the_next_segment_is_typed_and_final_once_it_is_needed() {
    for call in [Call::Create, Call::Allocate, Call::Write, Call::Rename, Call::Map] {
        let faulty = Faulty::new(Memory::new(BOOT));
        let mut writer = opened(&faulty);
        faulty.fail(call, ErrorKind::Other);
        while writer.step_preparer() {}
        append_to(&mut writer, CAPACITY);
        while writer.step_preparer() {}
        assert!(writer.cursors().failure().is_none(), "{call:?}: nobody needs it yet");
        let full = writer.try_append(time(CAPACITY), &note(CAPACITY));
        assert!(matches!(full, Err(AppendError::Full { why: Stall::Segment, .. })), "{call:?}: {full:?}");
        while writer.step_preparer() {}
        faulty.mend();
        for _ in 0..3 {
            let failed = writer.append(time(CAPACITY), &note(CAPACITY));
            assert!(
                matches!(&failed, Err(AppendError::Failed(SyncError::PrepareFailed { .. }))),
                "{call:?}: {failed:?}"
            );
            while writer.step_preparer() {}
        }
        // What was appended becomes durable all the same, before the close and by it.
        let cursors = writer.cursors();
        assert!(writer.step_syncer());
        cursors.wait_durable(CAPACITY - 1, SOON).unwrap();
        assert!(matches!(writer.close(), Err(SyncError::PrepareFailed { .. })));
        append_to(&mut opened_again(&faulty, CAPACITY), 20);
    }
}

/// Every call that a preparation makes, with every kind of fault, under both policies: what was appended is
/// whole, durable, and closed in good order, as long as nobody needed the room.
#[test]
fn row_a_fault_in_work_done_ahead_is_no_failure_of_what_was_appended() {
    for policy in [DiskFull::Wait, DiskFull::Halt] {
        for kind in [ErrorKind::StorageFull, ErrorKind::PermissionDenied, ErrorKind::Other] {
            let mut nth = 0;
            loop {
                let faulty = Faulty::new(Memory::new(BOOT));
                let (mut writer, _) = open(&options(CAPACITY).disk_full(policy), &faulty).unwrap();
                for id in 0..3 {
                    writer.append(time(id), &note(id)).unwrap();
                }
                let before = faulty.calls().len();
                let calls = [
                    Call::Create,
                    Call::Allocate,
                    Call::Write,
                    Call::SyncFile,
                    Call::Rename,
                    Call::SyncFolder,
                    Call::Map,
                    Call::Prefault,
                ];
                let Some(call) = calls.get(nth) else { break };
                faulty.fail(*call, kind);
                for _ in 0..3 {
                    while writer.step_preparer() {}
                }
                let tried = faulty.calls().len() > before;
                faulty.mend();
                let end = writer.end_sequence();
                let closed = writer.close();
                // A sync that fails says of the disk that it loses what it is given.
                let is_sync =
                    matches!(call, Call::SyncFile | Call::SyncFolder) && kind != ErrorKind::StorageFull;
                if is_sync {
                    assert!(matches!(closed, Err(SyncError::PrepareFailed { .. })), "{kind:?} {call:?}");
                } else {
                    assert_eq!(closed.as_ref().ok(), Some(&end), "{policy:?} {kind:?} {call:?}: {closed:?}");
                }
                let (writer, report) = open(&options(CAPACITY), &faulty).unwrap();
                assert!(report.was_closed != is_sync && tried, "{policy:?} {kind:?} {call:?}");
                assert_eq!((report.durable_end, report.end_sequence), (end, end));
                writer.abandon();
                nth += 1;
            }
        }
    }
}

/// The file that the preparer could not make is made when it can be.
#[test]
fn row_no_file_handles_for_a_moment_is_not_noticed() {
    let faulty = Faulty::new(Memory::new(BOOT));
    let mut writer = opened(&faulty);
    for call in [Call::Create, Call::Map, Call::Rename] {
        faulty.fail(call, ErrorKind::Other);
        while writer.step_preparer() {}
        faulty.mend();
        let end = writer.end_sequence() + 2 * CAPACITY;
        append_to(&mut writer, end);
        while writer.step_syncer() {}
    }
    writer.close().unwrap();
    assert_eq!(read_all(&faulty).unwrap(), 6 * CAPACITY);
}

pub fn opened_again(faulty: &Faulty, end: u64) -> Writer<Note, Faulty> {
    let (writer, report) = open(&options(CAPACITY), faulty).expect("the disk is well again");
    assert_eq!(report.end_sequence, end);
    writer
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// One call of a life fails, whichever: what was acknowledged is there afterwards.
    #[test]
    fn row_any_call_of_a_life_fails(call in 0usize..120, full in any::<bool>(), records in 1u64..60) {
        let faulty = Faulty::new(Memory::new(BOOT));
        let mut writer = opened(&faulty);
        faulty.fail_nth(call, if full { ErrorKind::StorageFull } else { ErrorKind::Other });
        let cursors = writer.cursors();
        for turn in 0..records * 4 {
            let id = writer.end_sequence();
            if id < records && matches!(writer.try_append(time(id), &note(id)), Err(AppendError::Failed(_))) {
                break;
            }
            while writer.step_preparer() {}
            if turn % 3 == 0 {
                writer.step_syncer();
            }
        }
        let (end, durable) = (writer.end_sequence(), cursors.durable_end());
        prop_assert!(durable <= end);
        prop_assert!(end == records || cursors.failure().is_some());
        let _ = writer.close();
        faulty.mend();
        prop_assert_eq!(open(&options(CAPACITY), &faulty).unwrap().1.end_sequence, end);
        prop_assert_eq!(read_all(&faulty).unwrap(), end);
    }
}
