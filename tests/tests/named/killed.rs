//! kill -9 of named readers, of their writer, of both: nothing is lost, and nothing is handed out again that
//! was committed. Retention takes all that they do not hold.
//!
//! Some kills in the ordinary run; as many as wanted by
//! `SLIPRING_KILL_ROUNDS=200 cargo test -p slipring-tests --test named killed -- --ignored --nocapture`.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use slipring_journal::{Journal, ReaderStart};
use slipring_tests::children::Child;
use slipring_tests::folders::in_memory;
use slipring_tests::journals::Note;
use slipring_tests::often::times;

const CHILD: &str = env!("CARGO_BIN_EXE_reader_child");

/// Records that a reader has handed out at most before it commits them: a chunk, or a range.
const IN_HAND: u64 = 60;

/// Starts a process; it is at work when this returns.
fn start(mode: &str, journal: &Path, others: &[String]) -> Child {
    let mut child = Child::start(Command::new(CHILD).arg(mode).arg(journal).args(others));
    assert_eq!(child.line().as_deref(), Some("open"), "{mode}");
    child
}

/// How the readers work.
#[derive(Clone, Copy, Debug)]
enum Work {
    /// One, that commits so many records at once.
    Alone(u64),
    /// So many that share the name.
    Shared(usize),
}

/// What the log says, which is the order in which it happened.
#[derive(Debug, Default)]
struct Told {
    read: Vec<bool>,
    done: Vec<bool>,
    again: u64,
}

impl Told {
    fn take(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        let [what, start, end] = words[..] else { panic!("{line:?}") };
        let (start, end): (usize, usize) = (start.parse().unwrap(), end.parse().unwrap());
        self.read.resize(self.read.len().max(end), false);
        self.done.resize(self.read.len(), false);
        for sequence in start..end {
            match what {
                "read" => {
                    assert!(
                        !self.done[sequence],
                        "{sequence} was committed, and is handed out again: {line}"
                    );
                    self.again += u64::from(std::mem::replace(&mut self.read[sequence], true));
                }
                "done" => {
                    assert!(self.read[sequence], "{line}");
                    self.done[sequence] = true;
                }
                other => panic!("{other}"),
            }
        }
    }
}

fn rounds(kills: u64, work: Work) {
    let folder = in_memory();
    let (journal, log) = (folder.path().join("journal"), folder.path().join("log"));
    let mut random = fastrand::Rng::with_seed(kills);
    let mut seed = 0;
    let mut spawn = |mode: &str| {
        seed += 1;
        let log = log.to_str().expect("a path of text").to_owned();
        match work {
            _ if mode == "write" => start(mode, &journal, &[seed.to_string()]),
            Work::Alone(batch) => start("alone", &journal, &[log, seed.to_string(), batch.to_string()]),
            Work::Shared(_) => start("share", &journal, &[log, seed.to_string()]),
        }
    };
    let count = if let Work::Shared(count) = work { count } else { 1 };
    // The name is there before anything can go.
    Journal::at(&journal).open::<Note>().expect("a new journal").0.close().expect("it closes");
    Journal::at(&journal).set_reader("killed", ReaderStart::First).expect("it is made");
    let mut writer = spawn("write");
    let mut readers: Vec<Child> = (0..count).map(|_| spawn("read")).collect();
    let mut readers_killed = 0;
    for kill in 0..kills {
        std::thread::sleep(Duration::from_micros(random.u64(500..25_000)));
        // The readers, the writer, both.
        if kill % 3 != 1 {
            let victim = random.usize(0..readers.len());
            readers.swap_remove(victim).kill();
            readers_killed += 1;
        }
        if kill % 3 != 0 {
            writer.kill();
            writer = spawn("write");
        }
        while readers.len() < count {
            readers.push(spawn("read"));
        }
    }
    writer.kill();
    let end = Journal::at(&journal).raw_reader().expect("it is whole").end_sequence();
    let position = || Journal::at(&journal).readers().expect("it is there")[0].position.expect("it is whole");
    // Those that are left do the rest, or have said why not.
    while position() < end {
        std::thread::sleep(Duration::from_millis(5));
        assert!(readers.iter().all(is_alive), "a reader has ended by itself: see above");
    }
    readers.into_iter().for_each(Child::kill);
    let mut told = Told::default();
    let text = std::fs::read_to_string(&log).expect("they have written it");
    text.lines().for_each(|line| told.take(line));
    let lost: Vec<usize> = (0..end as usize).filter(|at| told.read.get(*at) != Some(&true)).collect();
    assert!(lost.is_empty(), "never handed out: {lost:?}");
    let batch = if let Work::Alone(batch) = work { batch } else { 0 };
    let most = readers_killed * (IN_HAND + batch);
    assert!(told.again <= most, "{} handed out again after {readers_killed} deaths", told.again);
    let first = Journal::at(&journal).raw_reader().unwrap().first_sequence();
    assert!(first > 0, "retention had its way, and {end} records");
    println!("{work:?}: {kills} kills, {end} records, {} handed out again", told.again);
}

fn is_alive(child: &Child) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap_or_default();
    state.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

#[test]
fn some_kills_of_one_alone() {
    rounds(24, Work::Alone(0));
}

#[test]
fn some_kills_of_one_that_commits_in_batches() {
    rounds(12, Work::Alone(200));
}

#[test]
fn some_kills_of_three_that_share_a_name() {
    rounds(24, Work::Shared(3));
}

#[test]
#[ignore = "the long form"]
fn many_kills() {
    let kills = times("SLIPRING_KILL_ROUNDS", 200);
    for work in [Work::Alone(0), Work::Alone(200), Work::Shared(2), Work::Shared(5)] {
        rounds(kills, work);
    }
}
