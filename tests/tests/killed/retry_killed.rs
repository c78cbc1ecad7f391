//! Tries that are killed: an event that gives up is one dead letter whatever the deaths between its tries, no
//! try that failed and was noted is made again, and what was published before a death is a double behind it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use fastrand::Rng;
use slipring::{DeadLetterKind, DeadLetters, Journal};
use slipring_tests::children::Child;
use slipring_tests::deaths::kills;
use slipring_tests::folders::in_memory;
use slipring_tests::journals::Note;
use slipring_tests::tries::{INLINE_TIMES, SEND_TIMES, sends, take_fails};

const ORDERS: u64 = 240;

/// A call of a handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Call {
    sequence: u64,
    id: u64,
    attempt: u32,
}

/// What a child said.
#[derive(Debug, Default)]
struct Said {
    take: Vec<Call>,
    send: Vec<Call>,
    /// Doubles, and the digest of the state.
    end: Option<(u64, u64)>,
}

impl Said {
    fn hear(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |at: usize| words[at].parse::<u64>().unwrap();
        match words[..] {
            // The last line of a life may be cut short.
            ["call", stage, _, _, _] if words[4].parse::<u32>().is_ok() => {
                let call = Call { sequence: number(2), id: number(3), attempt: number(4) as u32 };
                if stage == "take" { self.take.push(call) } else { self.send.push(call) }
            }
            ["end", _, _] => self.end = Some((number(1), number(2))),
            _ => {}
        }
    }
}

fn life(journal: &Path, dies_at: u64, how: &str, outside: Option<Duration>) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_retry_child"));
    command.arg(journal).args([&ORDERS.to_string(), &dies_at.to_string(), how]);
    let mut child = Child::start(&mut command);
    let mut said = Said::default();
    if let Some(after) = outside {
        std::thread::sleep(after);
        child.signal(rustix::process::Signal::KILL);
    }
    while let Some(line) = child.line() {
        said.hear(&line);
    }
    let (_, status) = child.rest();
    assert_eq!(status.success(), how == "last", "{status}");
    said
}

fn ids(journal: &Path) -> Vec<u64> {
    let Ok(mut reader) = Journal::at(journal).reader::<Note>() else { return Vec::new() };
    (0..reader.end_sequence()).map(|sequence| reader.at(sequence).unwrap().event().id).collect()
}

/// A try that failed, and was not the last call of its life, is noted: no later life makes it again. How many
/// a death cut short that were made again.
fn check_no_try_twice(lives: &[Vec<Call>], fails: impl Fn(&Call) -> bool) -> u64 {
    let (mut noted, mut cut_short, mut again) = (BTreeSet::new(), BTreeSet::new(), 0);
    for calls in lives {
        for call in calls {
            assert!(!noted.contains(call), "{call:?} had failed and was noted");
            again += u64::from(cut_short.contains(call));
        }
        let all_but_last = calls.iter().rev().skip(1);
        noted.extend(all_but_last.filter(|call| fails(call)).copied());
        cut_short.extend(calls.last().filter(|call| fails(call)).copied());
    }
    again
}

#[test]
fn tries_that_are_killed_go_on_where_they_were() {
    let place = in_memory();
    let journal = place.path().join("journal");
    let mut random = Rng::with_seed(23);
    let mut lives = Vec::new();
    let mut killed = 0;
    while killed < kills() {
        // A life that is not cut short after some calls may get through all of it.
        let is_from_outside = killed >= 60 && random.u8(0..4) == 0;
        let outside = is_from_outside.then(|| Duration::from_micros(random.u64(0..30_000)));
        // Every third dies between a try and its note, wherever that is.
        let (how, calls) = if killed % 3 == 2 { ("dies-trying", 4) } else { ("dies", 40) };
        let dies_at = if outside.is_some() { u64::MAX } else { random.u64(1..calls) };
        lives.push(life(&journal, dies_at, how, outside));
        killed += 1;
    }
    let known: BTreeSet<u64> = ids(&journal).into_iter().collect();
    let last = life(&journal, u64::MAX, "last", None);
    let (doubles, digest) = last.end.expect("it ended in good order");
    lives.push(last);
    assert_eq!(
        doubles,
        known.iter().filter(|id| **id < ORDERS).count() as u64,
        "all that was there is a double"
    );

    let state = (0..ORDERS).filter(|id| take_fails(*id) <= INLINE_TIMES);
    assert_eq!(digest, state.fold(0u64, |sum, id| sum.wrapping_mul(31).wrapping_add(id)));
    let (takes, sent): (Vec<_>, Vec<_>) = lives.into_iter().map(|said| (said.take, said.send)).unzip();
    let again = check_no_try_twice(&takes, |call| call.attempt <= take_fails(call.id));
    assert!(again > 0, "no death fell between a try and its note");
    check_no_try_twice(&sent, |call| !sends(call.id));

    let mut records: BTreeMap<u64, u64> = BTreeMap::new();
    ids(&journal).into_iter().for_each(|id| *records.entry(id).or_default() += 1);
    let letters = DeadLetters::of(&journal).unwrap();
    let mut reader = Journal::at(&journal).reader::<Note>().unwrap();
    let mut found: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for letter in letters.open() {
        assert_eq!((letter.kind, letter.due_ns), (DeadLetterKind::Refused, None), "{letter}");
        let times = if letter.stage == "take" { INLINE_TIMES } else { SEND_TIMES };
        assert_eq!(letter.tries, times + 1, "{letter}");
        found.entry(&letter.stage).or_default().push(reader.at(letter.sequence).unwrap().event().id);
    }
    // What is tried on the lane is one event, and one letter in every life.
    let refused: Vec<u64> = (0..ORDERS).filter(|id| take_fails(*id) > INLINE_TIMES).collect();
    assert_eq!(found["take"], refused);
    assert_eq!(letters.all().iter().filter(|letter| letter.stage == "take").count(), refused.len());
    // What is published again, is so once more for each death in between, up to 32 at once, and each of these
    // gives up.
    let unsent: Vec<u64> = (0..ORDERS).filter(|id| !sends(*id)).collect();
    let given_up: BTreeSet<u64> = found["send"].iter().copied().collect();
    assert_eq!(given_up.into_iter().collect::<Vec<_>>(), unsent);
    assert!((found["send"].len() as u64) <= unsent.len() as u64 + 32 * killed, "{found:?}");
    for id in 0..ORDERS {
        let least = if sends(id) { 1 } else { u64::from(SEND_TIMES) + 1 };
        assert!(records[&id] >= least && (records[&id] == 1 || !sends(id)), "{id}: {}", records[&id]);
    }
}
