//! kill -9 at any moment of lives whose programs become newer: in the opening that ends the older type's last
//! segment too.
//!
//! `SLIPRING_KILL_ROUNDS=5000 cargo test --release -p slipring-tests --test types killed -- --nocapture` for
//! more.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use slipring_journal::{Journal, Status, verify};
use slipring_tests::folders::in_memory;
use slipring_tests::lives::{Life, Message, live_and_die};
use slipring_tests::often::times;
use slipring_tests::types::{Quote1, Quote2, Quote3, Version, Written, check};

/// Lives of one journal.
const LIVES: u64 = 12;

fn spawn(folder: &Path, version: u32, segment_records: u64) -> Child {
    Command::new(env!("CARGO_BIN_EXE_journal_child"))
        .arg("types")
        .arg(folder)
        .args([u64::from(version), segment_records].map(|number| number.to_string()))
        .stdout(Stdio::piped())
        .spawn()
        .expect("the child is built with the test")
}

/// Recovers in this process, as a program of that version.
fn recover<E: Version>(journal: &Journal) {
    let (writer, report) = journal.open::<E>().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(report.valid_discarded, 0, "{report}");
    writer.abandon();
}

fn one_journal(folder: &Path, random: &mut fastrand::Rng) -> usize {
    let segment_records = [5, 16, 64][random.usize(0..3)];
    let journal = Journal::at(folder).segment_records(segment_records);
    let (mut written, mut version): (Written, u32) = (Vec::new(), 1);
    for _ in 0..LIVES {
        if version < 3 && random.u8(0..3) == 0 {
            version += 1;
        }
        let child = spawn(folder, version, segment_records);
        let kill = |child: &mut Child| child.kill().expect("the child is there");
        let Life { said, status, .. } = live_and_die(random, child, 3_000, || (), kill);
        assert!(status.code().is_none(), "the child ended by itself: {status}");
        if random.bool() {
            match version {
                1 => recover::<Quote1>(&journal),
                2 => recover::<Quote2>(&journal),
                _ => recover::<Quote3>(&journal),
            }
        } else if !folder.join("control").exists() {
            assert!(said.is_empty(), "{said:?}, and there is no journal");
            continue;
        }
        let before = written.last().map_or(0, |(end, _)| *end);
        let mut reader = journal.reader::<Quote3>().unwrap_or_else(|error| panic!("{error}"));
        let end = reader.end_sequence();
        assert!(end >= before, "{before} records were there, now {end}");
        for message in &said {
            let (Message::Opened(seen) | Message::Journalled(seen) | Message::Durable(seen)) = *message;
            assert!(seen <= end, "{message:?}, and the journal ends at {end}");
        }
        written.push((end, version));
        check(&mut reader, &written, end);
        let found = verify(folder, |_, _| {}).unwrap();
        assert!(matches!(found.status, Status::Fine | Status::TornTail), "{found:?}");
        assert!(found.warnings.is_empty(), "{found:?}");
    }
    let mut versions: Vec<_> = written.iter().map(|(_, version)| *version).collect();
    versions.dedup();
    versions.len()
}

#[test]
fn row_types_kill_at_any_moment_of_a_journal_whose_events_change() {
    let rounds = times("SLIPRING_KILL_ROUNDS", 200);
    let mut random = fastrand::Rng::with_seed(rounds);
    let (mut types, mut journals) = (0, 0);
    while journals * LIVES < rounds {
        let place = in_memory();
        types += one_journal(&place.path().join("journal"), &mut random);
        journals += 1;
    }
    println!("{} lives of {journals} journals, {types} types in them", journals * LIVES);
    assert!(types as u64 > journals, "none of them changed");
}
