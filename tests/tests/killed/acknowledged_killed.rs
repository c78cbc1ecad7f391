//! Effects that wait for acknowledgements, in a process that is killed at any moment: none comes before its
//! event was acknowledged, in whatever life; what was taken counts in the next; and in the end each has come.
//!
//! As many kills as wanted by `SLIPRING_STAGE_KILLS=5000 cargo test --release -p slipring-tests --test killed
//! acknowledged_killed`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use fastrand::Rng;
use slipring::{AcknowledgementSender, Journal, NotAcknowledged, Refusal};
use slipring_cli::exchange::tape::Printed;
use slipring_tests::deaths::{End, Life, Said, kills, live};
use slipring_tests::folders::in_memory;
use slipring_tests::journals::Note;

/// What a bridge has said and heard, over all lives of the program.
#[derive(Default)]
struct Bridge {
    stop: AtomicBool,
    /// Events below it were said to be acknowledged, raised before they were.
    said: AtomicU64,
    /// Of those below it the program has said that it took them.
    taken: AtomicU64,
}

struct Trial {
    place: tempfile::TempDir,
    how: &'static str,
    random: Rng,
    seen: BTreeMap<u64, Printed>,
    doubles: u64,
    /// Effects that came before their events were acknowledged.
    early: u64,
    bridge: Bridge,
}

impl Trial {
    fn new(how: &'static str, seed: u64) -> Self {
        let (place, random, bridge) = (in_memory(), Rng::with_seed(seed), Bridge::default());
        Trial { place, how, random, seen: BTreeMap::new(), doubles: 0, early: 0, bridge }
    }

    fn journal(&self) -> PathBuf {
        self.place.path().join("journal")
    }

    /// Lets a program live, with a bridge beside it that acknowledges up to events at random, or all.
    fn life(&mut self, budget: u64, end: End) -> Life {
        let (journal, socket) = (self.journal(), self.place.path().join("socket"));
        let from = self.seen.len() as u64;
        let mut child = Command::new(env!("CARGO_BIN_EXE_acknowledged_child"));
        child.args([&journal, &socket]).arg(self.how).args([from.to_string(), budget.to_string()]);
        let before = self.bridge.taken.load(Ordering::SeqCst);
        self.bridge.stop.store(false, Ordering::SeqCst);
        let mut random = self.random.fork();
        let (bridge, journal) = (&self.bridge, Journal::at(journal));
        let life = std::thread::scope(|scope| {
            scope.spawn(move || {
                while !bridge.stop.load(Ordering::SeqCst) {
                    let _ = tell(bridge, &journal, &socket, budget == 0, &mut random);
                    std::thread::sleep(Duration::from_micros(200));
                }
            });
            let life = live(&mut child, end);
            bridge.stop.store(true, Ordering::SeqCst);
            life
        });
        self.listen(&life, before);
        life
    }

    fn listen(&mut self, life: &Life, taken_before: u64) {
        let said = self.bridge.said.load(Ordering::SeqCst);
        let mut last = None;
        for heard in &life.said {
            match heard {
                Said::Opened { restored, .. } if self.how != "hasty" => {
                    let known = restored.expect("one name");
                    assert!(taken_before <= known && known <= said, "{taken_before} <= {known} <= {said}");
                }
                Said::Effect(printed) => {
                    assert_eq!(printed.trade.maker, printed.sequence, "the effect of another event");
                    assert!(last < Some(printed.sequence), "out of order, or twice in one life");
                    last = Some(printed.sequence);
                    self.early += u64::from(printed.sequence >= said);
                    if let Some(before) = self.seen.insert(printed.sequence, *printed) {
                        assert_eq!(before, *printed, "a double with another key");
                        self.doubles += 1;
                    }
                }
                _ => {}
            }
        }
    }

    /// Has so many programs die, then one end in good order.
    fn run(mut self, kills: u64) {
        for _ in 0..kills {
            let some_ms = Duration::from_micros(self.random.u64(0..6_000));
            let end =
                if self.random.u8(0..6) == 0 { End::AfterStart(some_ms) } else { End::AfterOpening(some_ms) };
            let life = self.life(1 << 20, end);
            assert!(life.was_killed(), "the child ended by itself: {}", life.status);
        }
        let last = self.life(0, End::ByItself);
        assert!(last.status.success(), "{}", last.status);
        assert_eq!(self.early, 0);
        let mut reader = Journal::at(self.journal()).reader::<Note>().unwrap();
        let end = reader.end_sequence();
        assert_eq!(
            self.seen.keys().copied().collect::<Vec<_>>(),
            (0..end).collect::<Vec<_>>(),
            "none is missed"
        );
        for (sequence, printed) in &self.seen {
            assert_eq!(reader.at(*sequence).unwrap().epoch(), printed.epoch, "not the record's key");
        }
        // The effect of the event in hand.
        assert!(self.doubles <= kills, "{}", self.doubles);
        assert!(end > kills, "something was published: {end}");
        println!("{}: {kills} kills, {end} events, {} doubles", self.how, self.doubles);
    }
}

/// Acknowledges once, if the program listens: up to an event at random between the last and the newest, or
/// the newest.
fn tell(
    bridge: &Bridge,
    journal: &Journal,
    socket: &std::path::Path,
    all: bool,
    random: &mut Rng,
) -> Result<(), slipring::Error> {
    let mut sender = AcknowledgementSender::connect(socket, "standby")?;
    loop {
        let mut reader = journal.raw_reader()?;
        let (first, end) = (bridge.taken.load(Ordering::SeqCst), reader.end_sequence());
        if bridge.stop.load(Ordering::SeqCst) || first >= end {
            return Ok(());
        }
        let sequence = if all { end - 1 } else { random.u64(first..end) };
        let anchor = reader.anchor(sequence)?;
        bridge.said.fetch_max(sequence + 1, Ordering::SeqCst);
        match sender.acknowledge(&anchor) {
            Ok(taken) => bridge.taken.fetch_max(taken, Ordering::SeqCst),
            // It was taken in a life before, and the reply was lost.
            Err(NotAcknowledged::Refused { why: Refusal::GoesBack, end, .. }) => {
                bridge.taken.fetch_max(end, Ordering::SeqCst)
            }
            Err(error) => return Err(error.into()),
        };
        std::thread::sleep(Duration::from_micros(random.u64(0..500)));
    }
}

#[test]
fn no_effect_comes_before_its_acknowledgement_and_none_is_missed() {
    let kills = kills() / 2;
    for how in ["stage", "late"] {
        Trial::new(how, kills).run(kills);
    }
}

/// Negative control: a stage that waits for nobody's word is seen to be early.
#[test]
fn a_stage_that_does_not_wait_is_early() {
    let mut trial = Trial::new("hasty", 3);
    for _ in 0..100 {
        trial.life(1 << 20, End::AfterOpening(Duration::from_millis(3)));
        if trial.early > 0 {
            return;
        }
    }
    panic!("it was never early");
}
