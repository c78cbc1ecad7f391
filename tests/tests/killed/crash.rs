//! kill -9 at any moment: a child opens, appends, rolls and syncs, and says through a pipe what it has seen
//! acknowledged; the test kills it, and whatever was acknowledged must be there, with nothing else.
//!
//! Some hundred rounds in the ordinary run; as many as wanted by `SLIPRING_KILL_ROUNDS=20000 cargo test
//! --release -p slipring-tests --test killed crash -- --ignored --nocapture`.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use slipring_journal::__private::storage::{Files, Storage};
use slipring_journal::Journal;
use slipring_tests::journals::{Note, RECORD_BYTES};
use slipring_tests::lives::{Journalled, Life, live_and_die};
use slipring_tests::often::times;

/// Rounds on one journal, so that it does not grow for ever.
const ROUNDS_A_JOURNAL: u64 = 25;

#[derive(Debug, Default)]
struct Counts {
    in_open: u64,
    in_life: u64,
    recovered: u64,
    partial_slots: u64,
    records: u64,
}

fn spawn(folder: &Path, round: u64, segment_records: u64, mode: u64) -> Child {
    Command::new(env!("CARGO_BIN_EXE_journal_child"))
        .arg("append")
        .arg(folder)
        .args([round, segment_records, mode].map(|number| number.to_string()))
        .stdout(Stdio::piped())
        .spawn()
        .expect("the child is built with the test")
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
            in_memory.as_ref().filter(|_| number % 8 != 0).map_or(on_disk.path(), |place| place.path());
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
        let kill = |child: &mut Child| child.kill().expect("the child is there");
        let Life { said, status, .. } = live_and_die(random, child, 3_000, || (), kill);
        assert!(status.code().is_none(), "the child ended by itself: {status}");
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
        journalled.check(&mut reader, &said, *round, false);
    }
    counts.records += journalled.rounds.len() as u64;
}

#[test]
fn kill_at_any_moment_keeps_what_was_acknowledged() {
    rounds(400);
}

#[test]
#[ignore = "long: SLIPRING_KILL_ROUNDS rounds, 20,000 if not set"]
fn kill_at_any_moment_keeps_what_was_acknowledged_many_rounds() {
    rounds(times("SLIPRING_KILL_ROUNDS", 20_000));
}
