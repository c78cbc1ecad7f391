//! A thread of the journal panics: whoever appends, waits or closes is told which and why, nothing is called
//! durable that may not be, and what can still be made durable is.
//!
//! `close` once gave `Ok` when the syncer's thread had panicked, and an append waited for ever.

use std::time::{Duration, Instant};

use slipring_journal::__private::storage::Memory;
use slipring_journal::{AppendError, Retention, SyncError, Writer};
use slipring_tests::faulty::Faulty;
use slipring_tests::journals::{BOOT, Note, note, open, options, read_all, time};

const CAPACITY: u64 = 8;
/// Far more than it takes; only so that a test that hangs says where.
const LONG: Duration = Duration::from_secs(60);

/// With threads of its own, and a retention that gives the sweeper something to unlink.
fn opened(faulty: &Faulty) -> Writer<Note, Faulty> {
    let journal = options(CAPACITY).retention(Retention::new().keep_records(CAPACITY));
    journal.open_on::<Note, Faulty>(faulty, true).expect("nothing fails yet").0
}

/// Appends until the journal fails.
fn failure_of(writer: &mut Writer<Note, Faulty>) -> SyncError {
    let deadline = Instant::now() + LONG;
    loop {
        let id = writer.end_sequence();
        match writer.try_append(time(id), &note(id)) {
            Ok(_) => {}
            Err(AppendError::Full { .. }) => std::thread::yield_now(),
            Err(AppendError::Failed(error)) => return error,
            Err(error) => panic!("{error}"),
        }
        assert!(Instant::now() < deadline, "the journal goes on without one of its threads, at {id}");
    }
}

fn check(error: &SyncError, wanted: &str) -> u64 {
    let SyncError::ThreadPanicked { thread, cause, durable_end } = error else { panic!("{error:?}") };
    assert_eq!(thread, wanted);
    assert!(cause.contains("panicked as told"), "{cause}");
    let text = error.to_string();
    assert!(text.contains(wanted) && text.contains(cause) && text.contains("reopen"), "{text}");
    *durable_end
}

#[test]
fn row_a_thread_that_panics_fails_the_journal_and_the_rest_of_closing_is_done() {
    for thread in ["slipring-prepare", "slipring-make", "slipring-sweep", "slipring-sync"] {
        let faulty = Faulty::new(Memory::new(BOOT));
        let mut writer = opened(&faulty);
        let cursors = writer.cursors();
        faulty.panic_in(thread);
        check(&failure_of(&mut writer), thread);
        let (end, durable) = (writer.end_sequence(), cursors.durable_end());
        if durable < end {
            check(&cursors.wait_durable(end - 1, LONG).expect_err("it has failed"), thread);
        }
        check(&writer.close().expect_err("a thread panicked"), thread);
        assert!(cursors.is_closed(), "{thread}");
        faulty.mend();
        let (again, report) =
            open(&options(CAPACITY), &faulty).expect("the lock is free, the files are in order");
        assert_eq!((report.end_sequence, report.was_closed), (end, false), "{thread}");
        if thread == "slipring-sync" {
            // What the sync that it panicked in came to, nobody knows.
            assert_eq!((report.durable_end, cursors.durable_end()), (durable, durable));
        } else {
            assert_eq!((report.durable_end, cursors.durable_end()), (end, end), "{thread}");
        }
        again.abandon();
        assert_eq!(read_all(&faulty).expect("all of it"), end);
    }
}

#[test]
fn row_a_panic_in_close_itself_is_an_error_and_lets_go_of_the_lock() {
    let this_thread = std::thread::current().name().expect("the test's").to_owned();
    for dropped in [false, true] {
        let faulty = Faulty::new(Memory::new(BOOT));
        let mut writer = opened(&faulty);
        writer.append(time(0), &note(0)).expect("there is room");
        let cursors = writer.cursors();
        faulty.panic_in(&this_thread);
        if dropped {
            drop(writer);
        } else {
            check(&writer.close().expect_err("it could not do it all"), &this_thread);
        }
        assert!(cursors.is_closed());
        faulty.mend();
        let report = open(&options(CAPACITY), &faulty).expect("the lock is free").1;
        assert_eq!((report.end_sequence, report.was_closed), (1, false));
    }
}
