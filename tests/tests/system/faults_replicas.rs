//! The rows of the fault matrix about the calls that a replica takes records by: it writes them by the file,
//! where a writer stores them into a map.

use std::io::ErrorKind;

use slipring_journal::__private::storage::Memory;
use slipring_journal::{DiskFull, Event, Origin, Reader, Replica, Stall, SyncError, TakeError};
use slipring_tests::faulty::{Call, Faulty};
use slipring_tests::journals::{BOOT, HEADER_BYTES, Note, RECORD_BYTES, closed, options, read_all, segment};

/// Records of the primary; of a replica's segment there are fewer.
const RECORDS: u64 = 20;
const CAPACITY: u64 = 16;
/// What a replica has taken before a call fails.
const TAKEN: u64 = 5;

/// A primary's identity and its records as they lie.
fn primary() -> (Origin, Vec<u8>) {
    let memory = closed(RECORDS, RECORDS);
    let id = Reader::<Note, Memory>::open_to(memory.clone(), None).unwrap().as_raw().journal_id();
    let file = memory.to_files().remove(&segment(0)).unwrap();
    (Origin::of(id), file[HEADER_BYTES..][..RECORDS as usize * RECORD_BYTES].to_vec())
}

/// A replica that has taken some.
fn begun(faulty: &Faulty, policy: DiskFull, (origin, records): &(Origin, Vec<u8>)) -> Replica<Faulty> {
    let journal = options(CAPACITY).disk_full(policy);
    let (mut replica, _) = journal.replica_on(faulty, &Note::schema(), origin, false).unwrap();
    assert_eq!(replica.try_take(0, None, &records[..TAKEN as usize * RECORD_BYTES]).unwrap(), TAKEN);
    replica
}

/// Has it take those behind the first `TAKEN`, as far as there is room.
fn take_rest(replica: &mut Replica<Faulty>, records: &[u8]) -> Result<u64, TakeError> {
    let before = replica.last().map(|last| (last.epoch, last.crc));
    let at = replica.end_sequence();
    replica.try_take(at, before, &records[at as usize * RECORD_BYTES..])
}

#[test]
fn row_disk_full_said_by_a_write_of_a_replica_waits_for_room() {
    let (faulty, primary) = (Faulty::new(Memory::new(BOOT)), primary());
    let mut replica = begun(&faulty, DiskFull::Wait, &primary);
    faulty.fail(Call::Write, ErrorKind::StorageFull);
    for _ in 0..3 {
        match take_rest(&mut replica, &primary.1) {
            Err(TakeError::Full { sequence: TAKEN, why: Stall::DiskFull }) => {}
            other => panic!("{other:?}"),
        }
    }
    let cursors = replica.cursors();
    assert_eq!((cursors.stalls(), cursors.journalled_end()), (1, TAKEN));
    assert!(cursors.failure().is_none());
    faulty.mend();
    while replica.end_sequence() < RECORDS {
        match take_rest(&mut replica, &primary.1) {
            Ok(end) => assert_eq!(end, RECORDS),
            Err(TakeError::Full { sequence: CAPACITY, why: Stall::Segment }) => {
                assert!(replica.step_preparer());
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(replica.close().unwrap(), RECORDS);
    assert_eq!(read_all(&faulty).unwrap(), RECORDS);
}

/// A write that fails for good: the error stays, and what was taken before becomes durable all the same.
fn fails_for_good(policy: DiskFull, kind: ErrorKind, is_it: impl Fn(&SyncError) -> bool) {
    let (faulty, primary) = (Faulty::new(Memory::new(BOOT)), primary());
    let mut replica = begun(&faulty, policy, &primary);
    faulty.fail(Call::Write, kind);
    for _ in 0..2 {
        match take_rest(&mut replica, &primary.1) {
            Err(TakeError::Failed(error)) => assert!(is_it(&error), "{error}"),
            other => panic!("{other:?}"),
        }
        // It is not tried again.
        faulty.mend();
    }
    let cursors = replica.cursors();
    assert_eq!(cursors.journalled_end(), TAKEN);
    assert!(replica.close().is_err_and(|error| is_it(&error)));
    assert_eq!(cursors.durable_end(), TAKEN);
    assert_eq!(read_all(&faulty).unwrap(), TAKEN);
}

#[test]
fn row_disk_full_said_by_a_write_of_a_replica_halts_by_policy() {
    let is_it = |error: &SyncError| matches!(error, SyncError::DiskFull { .. });
    fails_for_good(DiskFull::Halt, ErrorKind::StorageFull, is_it);
}

#[test]
fn row_a_write_of_a_replica_that_fails_is_terminal() {
    let is_it = |error: &SyncError| matches!(error, SyncError::PrepareFailed { .. });
    fails_for_good(DiskFull::Wait, ErrorKind::Other, is_it);
}
