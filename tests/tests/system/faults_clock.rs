//! The rows of the fault matrix about a clock that misbehaves.

use std::time::Duration;

use slipring_journal::__private::storage::Memory;
use slipring_journal::{AppendError, Reader};
use slipring_tests::journals::{BOOT, Note, note, open, options};

use crate::faults_calls::CAPACITY;

#[test]
fn row_clock_steps_back_and_equal_times() {
    let memory = Memory::new(BOOT);
    let (mut writer, _) = open(&options(CAPACITY), &memory).unwrap();
    let times = [50, 50, 40, 0, 51, 51, 7, 60];
    for (id, time) in times.into_iter().enumerate() {
        writer.append(time, &note(id as u64)).unwrap();
    }
    assert_eq!((writer.regressions(), writer.last_time_ns()), (3, Some(60)));
    writer.close().unwrap();
    let mut reader = Reader::<Note, Memory>::open_to(memory.clone(), None).unwrap();
    let journal_times: Vec<u64> = (0..8).map(|sequence| reader.at(sequence).unwrap().time_ns()).collect();
    assert_eq!(journal_times, [50, 50, 50, 50, 51, 51, 51, 60]);
    assert_eq!(reader.lower_bound(50).unwrap(), 0);
    assert_eq!(reader.lower_bound(51).unwrap(), 4);
    assert_eq!(reader.upper_bound(51).unwrap(), 7);
    // A restart with the clock set back goes on from the journal's time.
    let (mut writer, report) = open(&options(CAPACITY), &memory).unwrap();
    assert_eq!(report.last_time_ns, Some(60));
    writer.append(3, &note(8)).unwrap();
    assert_eq!((writer.regressions(), writer.last_time_ns()), (1, Some(60)));
}

#[test]
fn row_clock_extremes() {
    let memory = Memory::new(BOOT);
    let journal = options(CAPACITY).max_time_step(Duration::MAX);
    let (mut writer, _) = open(&journal, &memory).unwrap();
    for (id, time) in [0, 0, u64::MAX - 1, u64::MAX, u64::MAX, 0].into_iter().enumerate() {
        writer.append(time, &note(id as u64)).unwrap();
    }
    writer.close().unwrap();
    let mut reader = Reader::<Note, Memory>::open_to(memory.clone(), None).unwrap();
    assert_eq!((reader.lower_bound(0).unwrap(), reader.upper_bound(0).unwrap()), (0, 2));
    assert_eq!((reader.lower_bound(u64::MAX).unwrap(), reader.upper_bound(u64::MAX).unwrap()), (3, 6));
    // The next life takes it from there, with whatever step.
    let (mut writer, report) = open(&options(CAPACITY), &memory).unwrap();
    assert_eq!((report.last_time_ns, report.truncated_at), (Some(u64::MAX), None));
    writer.append(12, &note(6)).unwrap();
    assert_eq!(writer.last_time_ns(), Some(u64::MAX));
}

#[test]
fn row_a_time_far_in_the_future_is_refused() {
    let (mut writer, _) = open(&options(CAPACITY), &Memory::new(BOOT)).unwrap();
    for time in [u64::MAX, u64::MAX / 2] {
        assert!(matches!(writer.append(time, &note(0)), Err(AppendError::TimeTooFar { .. })));
    }
    assert_eq!((writer.end_sequence(), writer.last_time_ns()), (0, None), "it did not pin the time");
    writer.append(5, &note(0)).unwrap();
    match writer.append(u64::MAX / 2, &note(1)) {
        Err(AppendError::TimeTooFar { time_ns, last_ns: 5, max_step_ns }) => {
            assert_eq!((time_ns, max_step_ns), (u64::MAX / 2, 24 * 3600 * 1_000_000_000));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!((writer.append(6, &note(1)).unwrap(), writer.last_time_ns()), (1, Some(6)));
}
