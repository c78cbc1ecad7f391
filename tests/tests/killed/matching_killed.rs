//! The example's matching engine, killed again and again: it must end with the book, the trades and the
//! digest of a run that was never stopped, and the other side must have seen every trade.
//!
//! Half of the deaths are at an exact place in the handling of an event drawn at random (before it, between
//! two of its trades, behind them, in the middle of a snapshot), the others at any moment, also in recovery.
//! Every now and then the newest snapshot is damaged before the next life. Retention runs along, so the
//! beginning of the journal is gone long before the end: only snapshots can lead there.
//!
//! 200 kills on each flow in the ordinary run; as many as wanted by
//! `SLIPRING_STAGE_KILLS=5000 cargo test --release -p slipring-tests --test killed matching_killed`.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use fastrand::Rng;
use slipring::Journal;
use slipring_cli::exchange::command::{CommandEvent, Trade};
use slipring_cli::exchange::matching::MatchingBook;
use slipring_cli::exchange::tape::Printed;
use slipring_tests::deaths::{Death, End, Life, MISSED_DEATH, Point, Said, kills, live, write_input};
use slipring_tests::folders::in_memory;
use slipring_tests::matching::{Timed, commands, real_file};

/// A flow, and what a run that is never stopped makes of it.
struct Wanted {
    commands: Vec<Timed>,
    /// By sequence and index.
    trades: Vec<((u64, u32), Trade)>,
    state: Vec<u8>,
    digest: u64,
}

impl Wanted {
    fn of(file: Option<&Path>, count: usize) -> Self {
        let (mut book, mut trades, mut made) = (MatchingBook::new(), Vec::new(), Vec::new());
        let commands = commands(file, count);
        for (sequence, (_, command)) in (0..).zip(&commands) {
            made.clear();
            book.apply(command, &mut made).expect("the flow is well-formed");
            trades.extend((0..).zip(&made).map(|(index, trade)| ((sequence, index), *trade)));
        }
        let mut state = Vec::new();
        book.save(&mut state);
        let timed = |(time_ns, command)| Timed { time_ns, command: CommandEvent::from(command) };
        Wanted { commands: commands.into_iter().map(timed).collect(), trades, state, digest: book.digest() }
    }

    fn len(&self) -> u64 {
        self.commands.len() as u64
    }

    /// The first sequence at or behind this one that makes trades.
    fn trading(&self, sequence: u64) -> Option<u64> {
        let at = self.trades.partition_point(|((trading, _), _)| *trading < sequence);
        self.trades.get(at).map(|((trading, _), _)| *trading)
    }
}

#[derive(Debug, Default)]
struct Counts {
    kills: u64,
    /// Those at an exact place: before an event, between its trades, behind it, in a snapshot.
    at_places: [u64; 4],
    /// Lives that died before they were open.
    in_recovery: u64,
    /// Lives that began with a snapshot.
    restored: u64,
    damaged: u64,
    /// Trades that came again.
    doubles: u64,
    first_sequence: u64,
}

/// One journal and what the other side has seen.
struct Trial<'a> {
    wanted: &'a Wanted,
    place: tempfile::TempDir,
    how: &'static str,
    random: Rng,
    seen: BTreeMap<(u64, u32), Printed>,
    counts: Counts,
}

impl<'a> Trial<'a> {
    /// In memory it is quicker; on a disk it is more like it, and syncs take their time.
    fn new(wanted: &'a Wanted, on_disk: bool, how: &'static str, seed: u64) -> Self {
        let place = if on_disk { tempfile::tempdir().expect("a folder") } else { in_memory() };
        write_input(&place.path().join("input"), &wanted.commands);
        let (seen, counts) = (BTreeMap::new(), Counts::default());
        Trial { wanted, place, how, random: Rng::with_seed(seed), seen, counts }
    }

    fn journal(&self) -> PathBuf {
        self.place.path().join("journal")
    }

    /// Where the journal begins and ends; nowhere if no child got so far as to make one.
    fn range(&self) -> (u64, u64) {
        let reader = Journal::at(self.journal()).reader::<CommandEvent>();
        reader.map_or((0, 0), |reader| (reader.first_sequence(), reader.end_sequence()))
    }

    /// Files of the stage with this extension, by name.
    fn files(&self, extension: &str) -> Vec<PathBuf> {
        let folder = self.journal().join("stages/stage");
        let mut files: Vec<_> = std::fs::read_dir(folder)
            .into_iter()
            .flatten()
            .map(|entry| entry.expect("an entry").path())
            .collect();
        files.retain(|path| path.extension().is_some_and(|found| found == extension));
        files.sort();
        files
    }

    fn life(&self, budget: u64, death: Death, end: End, how: &str) -> Life {
        let mut child = Command::new(env!("CARGO_BIN_EXE_stage_child"));
        child.arg("matching").arg(self.journal()).arg(self.place.path().join("input"));
        child.args([&budget.to_string(), &death.to_argument(), &format!("{},{how}", self.how)]);
        live(&mut child, end)
    }

    /// Takes what a child said.
    fn hear(&mut self, life: &Life) -> Result<(), String> {
        let mut is_open = false;
        for said in &life.said {
            match said {
                Said::Opened { restored, .. } => {
                    is_open = true;
                    self.counts.restored += u64::from(restored.is_some());
                }
                Said::Effect(printed) => match self.seen.entry((printed.sequence, printed.index)) {
                    Entry::Vacant(entry) => drop(entry.insert(*printed)),
                    Entry::Occupied(entry) if entry.get() == printed => self.counts.doubles += 1,
                    Entry::Occupied(entry) => {
                        return Err(format!("{:?} came again as {printed:?}", entry.get()));
                    }
                },
                Said::Diverged { after, end } => return Err(format!("diverged between {after} and {end}")),
                Said::Finished { .. } => {}
            }
        }
        self.counts.in_recovery += u64::from(!is_open);
        Ok(())
    }

    /// One death, at `end` commands so far.
    fn kill(&mut self, end: u64, budget: u64) -> Result<(), String> {
        let random = &mut self.random;
        let some_ms = Duration::from_micros(random.u64(0..8_000));
        let (death, how_it_ends) = match random.u8(0..8) {
            0 => (Death(None), End::AfterStart(some_ms)),
            1..4 => (Death(None), End::AfterOpening(some_ms)),
            kind => {
                // In what will be replayed, or in what is new.
                let at = random.u64(end.saturating_sub(64)..end + budget);
                let trading = || self.wanted.trading(at).unwrap_or(at);
                let death = match kind {
                    4 => (Point::BeforeEvent, if random.bool() { at } else { trading() }),
                    5 => (Point::AfterFirstEffect, trading()),
                    6 => (Point::AfterEvent, trading()),
                    _ => (Point::InSnapshot, at),
                };
                (Death(Some(death)), End::ByItself)
            }
        };
        let life = self.life(budget, death, how_it_ends, "");
        self.hear(&life)?;
        if life.was_killed() {
            self.counts.kills += 1;
            if let Death(Some((point, _))) = death {
                self.counts.at_places[point as usize] += 1;
            }
        } else if life.status.code() != Some(MISSED_DEATH) {
            return Err(format!("the child ended by itself: {}", life.status));
        }
        Ok(())
    }

    /// Damages the newest snapshot: the next life must take the one before, and say so.
    fn damage(&mut self, budget: u64) -> Result<(), String> {
        let snapshots = self.files("snapshot");
        let [.., before, newest] = &snapshots[..] else { return Ok(()) };
        let mut bytes = std::fs::read(newest).expect("just listed");
        let at = self.random.usize(0..bytes.len());
        bytes[at] ^= 1 << self.random.u8(0..8);
        std::fs::write(newest, &bytes).expect("ours to damage");
        let life = self.life(budget, Death(None), End::AfterOpening(Duration::from_millis(3)), "");
        self.hear(&life)?;
        let name = before.file_stem().and_then(|name| name.to_str()).expect("digits");
        let opened = life.said.iter().find_map(|said| match *said {
            Said::Opened { restored, refused, replayed_from, .. } => Some((restored, refused, replayed_from)),
            _ => None,
        });
        let covers: u64 = name.parse().expect("a number");
        if opened != Some((Some(covers), 1, covers)) {
            return Err(format!("byte {at} of {} flipped, and: {opened:?}", newest.display()));
        }
        self.counts.damaged += 1;
        self.counts.kills += u64::from(life.was_killed());
        // Unless the life wrote it anew.
        if std::fs::read(newest).is_ok_and(|found| found == bytes) {
            std::fs::remove_file(newest).expect("ours");
        }
        Ok(())
    }

    /// Kills so often, lets the last life end in good order, and compares.
    fn run(mut self, kills: u64) -> Result<Counts, String> {
        while self.counts.kills < kills {
            let (_, end) = self.range();
            // So that the flow lasts as long as the kills.
            let mean = (self.wanted.len() - end) / (kills - self.counts.kills);
            let budget = self.random.u64(0..mean * 2 + 2).min(self.wanted.len() - end);
            if self.random.u8(0..16) == 0 { self.damage(budget)? } else { self.kill(end, budget.max(1))? }
        }
        // As a death in writing a snapshot leaves it; that moment is short.
        let half = self.journal().join("stages/stage/.00000000000000000007.snapshot.tmp");
        std::fs::write(half, "half of it").expect("some life made the folder");
        let last = self.life(u64::MAX, Death(None), End::ByItself, "last");
        self.hear(&last)?;
        let (first, end) = self.range();
        self.counts.first_sequence = first;
        let unfinished = self.files("tmp");
        if !unfinished.is_empty() {
            return Err(format!("left by lives that died in writing them: {unfinished:?}"));
        }
        if !last.status.success() || end != self.wanted.len() {
            return Err(format!("{}, and the journal ends at {end}", last.status));
        }
        let seen = self.seen.iter().map(|(key, printed)| (*key, printed.trade));
        if !seen.eq(self.wanted.trades.iter().copied()) {
            return Err(format!(
                "{} trades, not the {} of a whole run",
                self.seen.len(),
                self.wanted.trades.len()
            ));
        }
        let state = std::fs::read(self.place.path().join("journal.state")).expect("the last life wrote it");
        let digest = self.wanted.digest;
        match last.said.last() {
            Some(Said::Finished { digest: found }) if *found == digest && state == self.wanted.state => {
                Ok(self.counts)
            }
            Some(Said::Finished { digest: found }) => Err(format!("digest {found:#x}, not {digest:#x}")),
            other => Err(format!("the last said was {other:?}")),
        }
    }
}

/// A run of the flow takes 200 deaths; more deaths are more runs, each with deaths of its own.
fn killed(name: &str, wanted: &Wanted, on_disk: bool) {
    const KILLS: u64 = 200;
    for round in 0..kills().div_ceil(KILLS) {
        let counts = Trial::new(wanted, on_disk, "", round).run(KILLS).unwrap();
        println!("{name}, seed {round}: {} trades, {counts:?}", wanted.trades.len());
        // Else it was no trial.
        assert!(counts.at_places.iter().all(|count| *count > 0), "{counts:?}");
        assert!(counts.in_recovery > 0 && counts.restored > KILLS / 4, "{counts:?}");
        assert!(counts.damaged > 0 && counts.doubles > 0 && counts.first_sequence > 0, "{counts:?}");
    }
}

#[test]
fn killed_on_a_made_up_flow_it_ends_as_if_never_stopped() {
    killed("made-up flow", &Wanted::of(None, 60_000), false);
}

#[test]
fn killed_on_the_real_messages_it_ends_as_if_never_stopped() {
    let Some(file) = real_file() else {
        println!("skipped: the file of real messages is not there");
        return;
    };
    killed("real messages", &Wanted::of(Some(&file), usize::MAX), true);
}

/// Negative control: a snapshot that lacks one order, and nothing else.
#[test]
fn a_snapshot_that_loses_one_order_is_noticed() {
    let wanted = Wanted::of(None, 6_000);
    // By the digests, at the first restored life that replays as far as one.
    let error = Trial::new(&wanted, false, "forgets", 1).run(20).unwrap_err();
    assert!(error.starts_with("diverged between "), "{error}");
    // And without them by the comparison at the end.
    let error = Trial::new(&wanted, false, "forgets,no-digests", 1).run(20).unwrap_err();
    let seen = ["came again as", "trades, not the", "digest 0x"];
    assert!(seen.iter().any(|what| error.contains(what)), "{error}");
    // The same without the loss is fine.
    Trial::new(&wanted, false, "", 1).run(20).unwrap();
}
