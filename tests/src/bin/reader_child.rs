//! The processes of a named reader that tests kill. What each does it says in a log that all of them append
//! to, a line a call of the system, so that the log has everything in the order in which it happened:
//!
//! ```text
//! read A B    the records A to B were handed out, B excluded, and are being done
//! done A B    their commit has returned
//! ```

use std::fs::File;
use std::io::Write;
use std::time::Duration;

use slipring_journal::{Journal, NamedReaderError, RawRecord, Retention, SyncMode};
use slipring_tests::journals::{Note, note, time};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let text = |index: usize| arguments.get(index).map_or("", String::as_str);
    let number = |index: usize| text(index).parse::<u64>().unwrap_or_else(|_| panic!("{arguments:?}"));
    match text(0) {
        "write" => write(text(1), number(2)),
        "alone" => alone(text(1), &Log::open(text(2)), number(3), number(4)),
        "share" => share(text(1), &Log::open(text(2)), number(3)),
        "fork" => fork(text(1)),
        other => panic!("no mode {other:?}"),
    }
}

struct Log(File);

impl Log {
    fn open(path: &str) -> Self {
        Log(File::options().append(true).create(true).open(path).expect("the log"))
    }

    fn say(&self, what: &str, start: u64, end: u64) {
        (&self.0).write_all(format!("{what} {start} {end}\n").as_bytes()).expect("the log takes it");
    }
}

/// Appends until it is killed. Everything goes that no reader holds.
fn write(folder: &str, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let retention = Retention::new().keep_records(0).reader_bytes(1 << 30);
    let journal = Journal::at(folder).segment_records(64).sync(SyncMode::EveryBatch).retention(retention);
    let (mut writer, _) = journal.open::<Note>().expect("it opens");
    println!("open");
    loop {
        for _ in 0..random.u64(1..40) {
            let id = writer.end_sequence();
            writer.append(time(id), &note(id)).expect("it appends");
        }
        writer.end_batch();
        std::thread::sleep(Duration::from_micros(random.u64(100..2_000)));
    }
}

fn check<'a>(records: impl Iterator<Item = RawRecord<'a>>) {
    for record in records {
        assert_eq!(record.event, bytemuck::bytes_of(&note(record.sequence)), "{}", record.sequence);
    }
}

/// Reads alone until it is killed, and commits every chunk; in batches, if told so.
fn alone(folder: &str, log: &Log, seed: u64, batch: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut reader =
        Journal::at(folder).named_reader_raw("killed").expect("nobody has it").commit_every(batch);
    println!("open");
    loop {
        let before = reader.position();
        let most = reader.next_sequence() + random.u64(1..50);
        match reader.next_chunk_below(most).unwrap_or_else(|error| panic!("{error}")) {
            Some(chunk) => {
                let (start, end) = (chunk.first_sequence(), chunk.first_sequence() + chunk.len() as u64);
                check(chunk.records());
                log.say("read", start, end);
                // Sometimes a part first.
                let part = random.u64(start..=end);
                reader.commit(part).unwrap_or_else(|error| panic!("{error}"));
                reader.commit(end).unwrap_or_else(|error| panic!("{error}"));
            }
            None => {
                reader.flush().unwrap_or_else(|error| panic!("{error}"));
                std::thread::sleep(Duration::from_micros(200));
            }
        }
        if reader.position() > before {
            log.say("done", before, reader.position());
        }
    }
}

/// Shares the work until it is killed.
fn share(folder: &str, log: &Log, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut reader = Journal::at(folder).shared_reader_raw("killed").expect("it is shared");
    println!("open");
    loop {
        let claimed = reader.claim(random.u64(1..60)).unwrap_or_else(|error| panic!("{error}"));
        let Some(mut left) = claimed else {
            std::thread::sleep(Duration::from_micros(300));
            continue;
        };
        if random.u64(0..20) == 0 {
            reader.release().unwrap_or_else(|error| panic!("{error}"));
            continue;
        }
        while let Some(chunk) = reader.next_chunk().unwrap_or_else(|error| panic!("{error}")) {
            check(chunk.records());
            log.say("read", chunk.first_sequence(), chunk.first_sequence() + chunk.len() as u64);
        }
        while left.start < left.end {
            let part = random.u64(left.start..left.end) + 1;
            reader.commit(part).unwrap_or_else(|error| panic!("{error}"));
            log.say("done", left.start, part);
            left.start = part;
        }
    }
}

/// A fork has no reader, and its end takes nothing from its parent's.
fn fork(folder: &str) {
    let journal = Journal::at(folder);
    let mut reader = journal.named_reader_raw("forked").expect("nobody has it").commit_every(5);
    let read = reader.next_chunk().expect("it reads").map_or(0, |chunk| chunk.len() as u64);
    reader.commit(3).expect("it is noted");
    // SAFETY: this process has one thread, so the child has all that the parent has.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let is_refused = |error| matches!(error, Err(NamedReaderError::Forked { .. }));
        let refused = [
            is_refused(reader.commit(read)),
            is_refused(reader.flush()),
            is_refused(reader.next_chunk().map(drop)),
        ];
        drop(reader);
        // SAFETY: ends the child alone, and nothing of the parent's is run.
        unsafe { libc::_exit(i32::from(refused != [true; 3])) };
    }
    let mut status = 0;
    // SAFETY: the status lives through the call.
    let waited = unsafe { libc::waitpid(child, &raw mut status, 0) };
    assert_eq!((waited, status), (child, 0), "the child was refused");
    assert_eq!(reader.position(), 0, "and wrote nothing");
    let error = journal.named_reader_raw("forked").expect_err("the name is still held");
    assert!(matches!(error, NamedReaderError::Held { .. }), "{error}");
    reader.commit(read).expect("it is written");
    println!("committed {}", reader.position());
}
