//! A gateway, killed again and again between an event's gate and the note of its effect: every effect must
//! reach the other side, in order; those that come twice must be alike to the last bit of their key.
//!
//! 100 kills between gate and effect and 100 between effect and note behind each gate in the ordinary run,
//! and some at any moment; as many as wanted by `SLIPRING_STAGE_KILLS=5000 cargo test --release -p
//! slipring-tests --test killed gateway_killed`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use fastrand::Rng;
use slipring::Journal;
use slipring_cli::exchange::tape::Printed;
use slipring_tests::deaths::{Death, End, Life, Point, Said, kills, live};
use slipring_tests::folders::in_memory;
use slipring_tests::journals::Note;

/// Events that a life publishes at most.
const MOST: u64 = 60;

#[derive(Debug, Default)]
struct Counts {
    kills: u64,
    /// Killed with the event journalled and its effect not out.
    before_effect: u64,
    /// Killed with the effect out and not noted.
    after_effect: u64,
    /// Effects that came again.
    doubles: u64,
    /// Sequences that never came.
    missed: u64,
    events: u64,
}

struct Trial {
    place: tempfile::TempDir,
    how: &'static str,
    random: Rng,
    seen: BTreeMap<u64, Printed>,
    counts: Counts,
}

impl Trial {
    fn new(how: &'static str, seed: u64) -> Self {
        let (place, random) = (in_memory(), Rng::with_seed(seed));
        Trial { place, how, random, seen: BTreeMap::new(), counts: Counts::default() }
    }

    fn journal(&self) -> PathBuf {
        self.place.path().join("journal")
    }

    fn end(&self) -> u64 {
        Journal::at(self.journal()).reader::<Note>().map_or(0, |reader| reader.end_sequence())
    }

    /// Lets a child live, and takes what it said: the sequences of its effects.
    fn life(&mut self, budget: u64, death: Death, end: End, how: &str) -> (Life, Vec<u64>) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_stage_child"));
        child.arg("gateway").arg(self.journal());
        child.args([&budget.to_string(), &death.to_argument(), &format!("{},{how}", self.how)]);
        let life = live(&mut child, end);
        let mut sequences = Vec::new();
        for said in &life.said {
            let Said::Effect(printed) = said else { continue };
            assert_eq!(printed.trade.maker, printed.sequence, "the effect of another event");
            sequences.push(printed.sequence);
            if let Some(before) = self.seen.insert(printed.sequence, *printed) {
                assert_eq!(before, *printed, "a double with another key");
                self.counts.doubles += 1;
            }
        }
        assert!(sequences.is_sorted_by(|a, b| a < b), "out of order, or twice in one life: {sequences:?}");
        (life, sequences)
    }

    /// Has so many children die between gate and effect, and as many between effect and note.
    fn run(mut self, kills: u64) -> Counts {
        // What the next life that gets so far must emit first.
        let mut due = None;
        loop {
            let before_is_due = self.counts.before_effect < kills;
            let after_is_due = self.counts.after_effect < kills;
            if !before_is_due && !after_is_due {
                break;
            }
            let end = self.end();
            let budget = self.random.u64(1..MOST);
            let at = self.random.u64(end..end + budget);
            let some_ms = Duration::from_micros(self.random.u64(0..4_000));
            let (death, how_it_ends) = match self.random.u8(0..8) {
                0 => (None, End::AfterStart(some_ms)),
                1 => (None, End::AfterOpening(some_ms)),
                2..5 if before_is_due => (Some((Point::BeforeEvent, at)), End::ByItself),
                _ if !after_is_due => (Some((Point::BeforeEvent, at)), End::ByItself),
                _ => (Some((Point::AfterEvent, at)), End::ByItself),
            };
            let (life, sequences) = self.life(budget, Death(death), how_it_ends, "");
            assert!(life.was_killed(), "the child ended by itself: {}", life.status);
            self.counts.kills += 1;
            if let (Some(due), Some(first)) = (due, sequences.first()) {
                assert_eq!(
                    *first, due,
                    "the first effect of a life is that which the death before left open"
                );
            }
            match death {
                Some((Point::BeforeEvent, at)) => {
                    assert!(!self.seen.contains_key(&at));
                    self.counts.before_effect += 1;
                    due = Some(at);
                }
                Some((_, at)) => {
                    assert_eq!(sequences.last(), Some(&at));
                    self.counts.after_effect += 1;
                    due = Some(at);
                }
                // A kill from outside may fall anywhere.
                None if sequences.is_empty() => {}
                None => due = None,
            }
            if self.how.contains("mutes-replay") {
                due = None;
            }
        }
        let (last, _) = self.life(0, Death(None), End::ByItself, "last");
        assert!(last.status.success(), "{}", last.status);
        let mut reader = Journal::at(self.journal()).reader::<Note>().unwrap();
        let mut counts = self.counts;
        counts.events = reader.end_sequence();
        for sequence in 0..counts.events {
            let Some(printed) = self.seen.get(&sequence) else {
                counts.missed += 1;
                continue;
            };
            let epoch = reader.at(sequence).unwrap().epoch();
            let journal_id = reader.as_raw().journal_id().0;
            assert_eq!((printed.epoch, printed.journal_id), (epoch, journal_id), "not the record's key");
        }
        counts
    }
}

#[test]
fn every_effect_comes_out_and_doubles_have_the_same_key() {
    for how in ["", "durable"] {
        let counts = Trial::new(how, kills()).run(kills());
        println!("{}: {counts:?}", if how.is_empty() { "journalled" } else { how });
        assert_eq!(counts.missed, 0);
        // Each death behind an effect makes a double of it, and there are few others.
        assert!(counts.doubles >= counts.after_effect, "{counts:?}");
        assert_eq!((counts.before_effect, counts.after_effect), (kills(), kills()), "{counts:?}");
    }
}

/// Negative control: a gateway that mutes its effects by `is_replay` alone misses every one that was due.
#[test]
fn muting_by_is_replay_alone_loses_effects() {
    let counts = Trial::new("mutes-replay", 7).run(20);
    println!("{counts:?}");
    assert!(counts.missed >= counts.before_effect && counts.before_effect > 0, "{counts:?}");
}
