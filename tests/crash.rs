//! kill -9 at any moment: a child opens, appends, rolls and syncs, and says through a pipe what it has seen
//! acknowledged; the test kills it, and whatever was acknowledged must be there, with nothing else.
//!
//! A thousand rounds in the ordinary run; as many as wanted by
//! `SLIPRING_KILL_ROUNDS=20000 cargo test --release -p slipring-tests --test crash -- --ignored --nocapture`.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use slipring_journal::storage::{Files, Storage};
use slipring_journal::{Journal, Reader};
use slipring_tests::journals::{Note, RECORD_BYTES, time};
use slipring_tests::lives::{Message, note_of_round};

/// Rounds on one journal, so that it does not grow for ever.
const ROUNDS_A_JOURNAL: u64 = 25;

/// What the rounds so far say of one journal.
#[derive(Debug, Default)]
struct Journalled {
    /// The round in which each record was written.
    rounds: Vec<u64>,
}

#[derive(Debug, Default)]
struct Counts {
    in_open: u64,
    in_life: u64,
    recovered: u64,
    partial_slots: u64,
    records: u64,
}

fn spawn(folder: &Path, round: u64, segment_records: u64, mode: u64) -> (Child, ChildStdout) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_journal_child"))
        .arg("append")
        .arg(folder)
        .args([round, segment_records, mode].map(|number| number.to_string()))
        .stdout(Stdio::piped())
        .spawn()
        .expect("the child is built with the test");
    let pipe = child.stdout.take().expect("just piped");
    (child, pipe)
}

/// Lets a child live for a while and kills it; everything that it said.
fn live_and_die(random: &mut fastrand::Rng, (mut child, mut pipe): (Child, ChildStdout)) -> Vec<Message> {
    let mut said = Vec::new();
    let mut message = [0; Message::BYTES];
    // Some die while they start and recover, some as soon as they are open, some later.
    let longest_us = match random.u8(0..4) {
        0 => 4_000,
        kind => {
            pipe.read_exact(&mut message).expect("the child opens the journal");
            said.push(Message::from_bytes(message));
            if kind == 1 { 200 } else { 3_000 }
        }
    };
    std::thread::sleep(Duration::from_micros(random.u64(0..longest_us)));
    child.kill().expect("the child is there");
    // A message is written at once or not at all, and stays in the pipe.
    while pipe.read_exact(&mut message).is_ok() {
        said.push(Message::from_bytes(message));
    }
    let status = child.wait().expect("the child is ours");
    assert!(status.code().is_none(), "the child ended by itself: {status}");
    said
}

impl Journalled {
    /// Checks the journal against what was acknowledged in `round`, and takes it as the truth.
    fn check(&mut self, reader: &mut Reader<Note>, said: &[Message], round: u64) {
        let end = reader.end_sequence();
        let before = self.rounds.len() as u64;
        for message in said {
            let (Message::Opened(seen) | Message::Journalled(seen) | Message::Durable(seen)) = *message;
            assert!(seen <= end, "I2, round {round}: {message:?}, and the journal ends at {end}");
        }
        assert!(end >= before, "I2, round {round}: {before} records were there, now {end}");
        if let Some(Message::Opened(opened)) = said.first() {
            assert_eq!(*opened, before, "I1, round {round}");
        }
        self.rounds.resize(end as usize, round);
        let mut next = 0;
        let mut chunks = reader.chunks(0).expect("from the first");
        while let Some(chunk) = chunks.next_chunk().expect("I1: every record is whole") {
            for record in chunk.records {
                let wanted = note_of_round(next, self.rounds[next as usize]);
                assert_eq!((*record.event(), record.time_ns()), (wanted, time(next)), "I3, round {round}");
                next += 1;
            }
        }
        assert_eq!(next, end);
    }
}

fn rounds(wanted: u64) {
    let mut random = fastrand::Rng::with_seed(wanted);
    let mut counts = Counts::default();
    let on_disk = tempfile::tempdir().expect("a folder");
    let in_memory = tempfile::tempdir_in("/dev/shm").ok();
    let mut round = 0;
    for number in 0.. {
        if round >= wanted {
            break;
        }
        // Memory is quicker, the disk more like it.
        let place =
            in_memory.as_ref().filter(|_| number % 4 != 0).map_or(on_disk.path(), |place| place.path());
        let folder = place.join(format!("journal-{number}"));
        let segment_records = [5, 16, 64, 300][random.usize(0..4)];
        one_journal(&folder, segment_records, &mut round, &mut random, &mut counts);
        std::fs::remove_dir_all(&folder).expect("the journal is ours");
    }
    println!("{round} kill -9 rounds: {counts:?}");
}

fn one_journal(
    folder: &PathBuf,
    segment_records: u64,
    round: &mut u64,
    random: &mut fastrand::Rng,
    counts: &mut Counts,
) {
    let journal = Journal::at(folder).segment_records(segment_records);
    let storage = Files::new(folder);
    let mut journalled = Journalled::default();
    for _ in 0..ROUNDS_A_JOURNAL {
        *round += 1;
        let child = spawn(folder, *round, segment_records, random.u64(0..3));
        let said = live_and_die(random, child);
        *(if said.is_empty() { &mut counts.in_open } else { &mut counts.in_life }) += 1;
        // Every other time the next child does the recovery, and may be killed in it.
        if random.bool() {
            let (writer, report) = journal.open_on::<Note, Files>(&storage, false).expect("recovers");
            writer.abandon();
            counts.recovered += 1;
            assert_eq!(report.valid_discarded, 0, "{report}");
            if let Some(saved) = &report.discarded_saved_to {
                counts.partial_slots += 1;
                let bytes = saved.metadata().expect("just saved").len();
                assert!(bytes <= RECORD_BYTES as u64, "more than one partial slot: {bytes} bytes, {report}");
            }
            assert!(report.warnings.is_empty(), "{report}");
        } else if !storage.list().is_ok_and(|names| names.iter().any(|name| name == "control")) {
            assert!(said.is_empty(), "{said:?}, and there is no journal");
            continue;
        }
        let mut reader = journal.reader::<Note>().expect("readable");
        journalled.check(&mut reader, &said, *round);
    }
    counts.records += journalled.rounds.len() as u64;
}

#[test]
fn kill_at_any_moment_keeps_what_was_acknowledged() {
    rounds(1_000);
}

#[test]
#[ignore = "long: SLIPRING_KILL_ROUNDS rounds, 20,000 if not set"]
fn kill_at_any_moment_keeps_what_was_acknowledged_many_rounds() {
    let text = std::env::var("SLIPRING_KILL_ROUNDS").unwrap_or_default();
    rounds(text.parse().unwrap_or(20_000));
}
