//! kill -9 of an engine in the middle of opening, replay, a snapshot and publishing, while its program
//! becomes newer: from version 1 by two upcasts, or by mappings, to version 3.
//!
//! For more, with `--nocapture`:
//! `SLIPRING_KILL_ROUNDS=5000 cargo test --release -p slipring-tests-aged`.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use fastrand::Rng;
use rustix::process::Signal;
use slipring_journal::__private::protect;
use slipring_journal::{Journal, Kind, Status, verify};
use slipring_tests::children::Child;
use slipring_tests::deaths::{Death, Point};
use slipring_tests::folders::in_memory;
use slipring_tests::often::times;
use slipring_tests::types::{Written, writer_of};
use slipring_tests_aged::fold::model;
use slipring_tests_aged::{Aged, Family, messages, orders, time};

/// Deaths of one journal.
const LIVES: u64 = 15;

/// How a life is to go.
struct Plan {
    version: u32,
    from_start: bool,
    budget: u64,
    death: Death,
    outside: Option<Duration>,
    is_last: bool,
    /// Protections that the openings go without.
    off: u64,
}

impl Plan {
    /// Dies by itself in the replay of what is there, or behind it; or from outside at any moment.
    fn any(random: &mut Rng, version: u32, end: u64, off: u64) -> Self {
        let from_start = random.u8(0..3) == 0;
        let point = [Point::BeforeEvent, Point::AfterEvent, Point::InSnapshot][random.usize(0..3)];
        let (death, outside) = match random.u8(0..4) {
            0 => (Death(None), Some(Duration::from_micros(random.u64(0..15_000)))),
            1 if from_start => (Death(Some((point, random.u64(0..=end)))), None),
            1 => (Death(Some((point, end.saturating_sub(random.u64(1..20))))), None),
            2 => (Death(Some((point, end + random.u64(0..60)))), None),
            _ => (Death(None), None),
        };
        Plan { version, from_start, budget: random.u64(1..70), death, outside, is_last: false, off }
    }

    fn last(off: u64) -> Self {
        let death = Death(None);
        Plan { version: 3, from_start: false, budget: 10, death, outside: None, is_last: true, off }
    }
}

/// What a child said.
#[derive(Debug, Default)]
struct Said {
    opened: Option<u64>,
    /// The version of the state that a snapshot gave.
    restored: Option<u32>,
    is_live: bool,
    /// Events in the state, and its digest.
    end: Option<(u64, u64)>,
}

fn life(family: Family, folder: &Path, plan: &Plan) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aged_child"));
    command.args([family.name(), &plan.version.to_string()]).arg(folder);
    command.args([if plan.from_start { "start" } else { "snapshot" }, &plan.budget.to_string()]);
    command.args([plan.death.to_argument().as_str(), if plan.is_last { "last" } else { "dies" }]);
    command.arg(plan.off.to_string());
    let mut child = Child::start(&mut command);
    if let Some(after) = plan.outside {
        std::thread::sleep(after);
        child.signal(Signal::KILL);
    }
    let mut said = Said::default();
    while let Some(line) = child.line() {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |at: usize| words[at].parse::<u64>().expect("whole lines");
        match words[..] {
            ["open", _] => said.opened = Some(number(1)),
            ["restored", _, _] => said.restored = Some(number(1) as u32),
            ["live"] => said.is_live = true,
            ["end", _, _] => said.end = Some((number(1), number(2))),
            _ => panic!("{line}"),
        }
    }
    let (_, status) = child.rest();
    assert_eq!(status.success(), plan.is_last, "{status}");
    assert!(plan.is_last || status.code().is_none(), "it was not killed: {status}");
    said
}

/// Every record is seen as an event of the newest type, of the version that wrote it. Where the journal ends.
fn check<Newest: Aged>(folder: &Path, written: &mut Written, version: u32) -> u64 {
    let before = written.last().map_or(0, |(end, _)| *end);
    if !folder.join("control").exists() {
        assert_eq!(before, 0, "the journal has gone");
        return 0;
    }
    let mut reader = Journal::at(folder).reader::<Newest>().unwrap_or_else(|error| panic!("{error}"));
    let end = reader.end_sequence();
    assert!(end >= before, "{before} records were there, now {end}");
    written.push((end, version));
    let mut id = 0;
    let mut chunks = reader.chunks(0).expect("from the first");
    while let Some(chunk) = chunks.next_chunk().unwrap_or_else(|error| panic!("{error}")) {
        for record in chunk.records {
            assert_eq!((record.kind(), record.time_ns()), (Kind::Event, time(id)));
            assert_eq!(*record.event(), Newest::seen(id, writer_of(written, id)));
            id += 1;
        }
    }
    assert_eq!(id, end);
    let found = verify(folder, |_, _| {}).unwrap();
    assert!(matches!(found.status, Status::Fine | Status::TornTail), "{found:?}");
    end
}

/// What the deaths met.
#[derive(Debug, Default)]
struct Met {
    kills: u64,
    in_replay: u64,
    live: u64,
    /// Snapshots restored that the same version had taken, and an older one.
    same_age: u64,
    older_age: u64,
}

impl Met {
    fn all(&self) -> bool {
        [self.in_replay, self.live, self.same_age, self.older_age].iter().all(|met| *met > 0)
    }
}

fn one_journal<Newest: Aged>(family: Family, random: &mut Rng, met: &mut Met, off: u64) {
    let place = in_memory();
    let folder = place.path().join("journal");
    // When version 2 and version 3 come; at the same time, and nobody ever runs version 2.
    let mut changes = [random.u64(1..LIVES - 1), random.u64(2..LIVES)];
    changes.sort_unstable();
    let (mut written, mut end): (Written, u64) = (Vec::new(), 0);
    for life_number in 0..LIVES {
        let version = 1 + changes.iter().filter(|change| **change <= life_number).count() as u32;
        let said = life(family, &folder, &Plan::any(random, version, end, off));
        assert!(said.opened.is_none_or(|opened| opened == end), "{said:?}, and it ended at {end}");
        let restored = said.restored;
        met.kills += 1;
        met.in_replay += u64::from(said.opened.is_some() && !said.is_live);
        met.live += u64::from(said.is_live);
        met.same_age += u64::from(restored == Some(version));
        met.older_age += u64::from(restored.is_some_and(|restored| restored < version));
        end = check::<Newest>(&folder, &mut written, version);
    }
    let said = life(family, &folder, &Plan::last(off));
    end = check::<Newest>(&folder, &mut written, 3);
    let state = model::<Newest>((0..end).map(|id| (id, writer_of(&written, id))));
    assert_eq!(said.end, Some((end, state)), "events and state");
}

#[test]
fn row_types_kill_an_engine_whose_program_becomes_newer() {
    let rounds = times("SLIPRING_KILL_ROUNDS", 60);
    let mut random = Rng::with_seed(rounds);
    let mut met = Met::default();
    // When a life is killed from outside is the machine's to decide: a few more, until all was met.
    while met.kills < rounds || !met.all() && met.kills < 10 * rounds {
        one_journal::<orders::Order>(Family::Orders, &mut random, &mut met, 0);
        one_journal::<messages::MessageEvent>(Family::Messages, &mut random, &mut met, 0);
    }
    println!("{met:?}");
    assert!(met.all(), "{met:?}");
}

/// Whether a journal comes out wrong without some protections.
fn turns_red(off: u64) -> bool {
    (0..30).any(|seed| {
        let mut random = Rng::with_seed(seed);
        let died = std::panic::catch_unwind(move || {
            one_journal::<orders::Order>(Family::Orders, &mut random, &mut Met::default(), off);
        });
        died.is_err()
    })
}

/// The older type's last segment ends where D is: behind a D that recovery has not raised, records that were
/// journalled are cut off with it.
#[test]
fn control_raise_d_before_a_newer_type() {
    assert!(turns_red(protect::RAISE_D), "records that a newer type's seal cut off went unnoticed");
}

#[test]
fn control_scan_of_a_killed_engine() {
    assert!(turns_red(protect::SCAN), "records behind D that nobody looked for went unnoticed");
}
