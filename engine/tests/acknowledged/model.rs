//! Acknowledgements against a plain model: random publishes, acknowledgements good and bad, restarts.

use proptest::prelude::*;
use slipring::{Counters, ShutdownError, StageCounters};

use super::*;

#[derive(Clone, Debug)]
enum Step {
    /// Publishes so many, as far as the ring takes them.
    Publish(u64),
    /// Acknowledges the event so many behind the last that is; beyond the journal at times.
    Acknowledge(u64),
    /// Says what is wrong of such an event.
    Lie(u64, Lie),
    /// Ends the engine, joined or dropped, and opens it again.
    Restart { joined: bool },
}

#[derive(Clone, Copy, Debug)]
enum Lie {
    Epoch,
    Crc,
    Journal,
    Back,
}

fn step() -> impl Strategy<Value = Step> {
    let lie = prop_oneof![Just(Lie::Epoch), Just(Lie::Crc), Just(Lie::Journal), Just(Lie::Back)];
    prop_oneof![
        4 => (1..80_u64).prop_map(Step::Publish),
        4 => (0..40_u64).prop_map(Step::Acknowledge),
        2 => ((0..40_u64), lie).prop_map(|(at, lie)| Step::Lie(at, lie)),
        1 => any::<bool>().prop_map(|joined| Step::Restart { joined }),
    ]
}

/// What is known without slipring.
#[derive(Default)]
struct Model {
    published: u64,
    acknowledged: u64,
}

/// A life of the engine.
struct Life {
    engine: Engine<Trade>,
    publisher: Publisher<Trade>,
    seen: Seen,
}

impl Life {
    /// As long as it takes: the engine's own waits are short here, and so is its end.
    fn wait_for(&self, what: impl Fn(&Counters) -> bool) {
        while !what(&self.engine.counters()) {
            std::thread::yield_now();
        }
    }
}

struct Trial {
    place: Journal,
    model: Model,
    /// The stage may see what is below: raised right before it is acknowledged.
    allowed: Arc<AtomicU64>,
    segment_records: u64,
}

impl Trial {
    fn open(&self) -> Life {
        let (seen, allowed) = (Seen::default(), Arc::clone(&self.allowed));
        let mut note = take_note(&seen);
        let out = move |trade: &Trade, context: &Context| {
            assert!(context.sequence() < allowed.load(Ordering::SeqCst), "it is not acknowledged");
            note(trade, context);
        };
        let lane = Lane::named("main").journal().stage("out", out, held());
        let journal = self.place.clone().segment_records(self.segment_records);
        let builder = Engine::builder().ring_capacity(CAPACITY).journal(journal).lane(lane);
        let mut recovered = builder.wait_timeout(Duration::from_millis(100)).open().unwrap();
        recovered.replay(ReplayFrom::Start).unwrap();
        assert_eq!(recovered.acknowledged()[0].set_back, None);
        assert_eq!(end(&recovered.acknowledged()), self.model.acknowledged);
        assert_eq!(list(&seen), (0..self.model.acknowledged).collect::<Vec<_>>());
        let (engine, publisher) = recovered.go_live().unwrap();
        Life { engine, publisher, seen }
    }

    fn publish(&mut self, life: &mut Life, count: u64) {
        for _ in 0..count {
            let room = self.model.published - self.model.acknowledged < CAPACITY as u64;
            match life.publisher.try_publish(trade(self.model.published)) {
                Ok(sequence) => {
                    assert!(room);
                    assert_eq!(sequence, self.model.published);
                    self.model.published += 1;
                }
                // What is acknowledged its stage may not have given back yet.
                Err(PublishError::Full(_)) if room => {
                    life.publisher.publish(trade(self.model.published)).unwrap();
                    self.model.published += 1;
                }
                Err(PublishError::Full(_)) => break,
                Err(error) => panic!("{error}"),
            }
        }
        life.wait_for(|counters| counters.journalled_end == Some(self.model.published));
    }

    /// An anchor as a bridge would have it; of what is not there yet one with a checksum of nothing.
    fn anchor(&self, sequence: u64) -> Anchor {
        let mut reader = self.place.raw_reader().unwrap();
        let journal_id = reader.journal_id();
        reader.anchor(sequence).unwrap_or(Anchor { journal_id, sequence, epoch: 1, crc: 7 })
    }

    fn acknowledge(&mut self, life: &Life, ahead: u64) {
        let sequence = self.model.acknowledged + ahead;
        let anchor = self.anchor(sequence);
        let is_there = sequence < self.model.published;
        if is_there {
            self.allowed.store(sequence + 1, Ordering::SeqCst);
        }
        match life.engine.acknowledge(NAME, anchor) {
            Ok(end) => {
                assert!(is_there && end == sequence + 1);
                self.model.acknowledged = end;
                let out = |stage: &StageCounters| stage.name == "out" && stage.end == end;
                life.wait_for(|counters| counters.stages.iter().any(out));
            }
            Err(AcknowledgeError::BeyondJournalled { journalled_end, .. }) => {
                assert!(!is_there && journalled_end == self.model.published);
            }
            Err(error) => panic!("{error}"),
        }
    }

    fn lie(&self, life: &Life, ahead: u64, lie: Lie) {
        let Model { acknowledged, published } = self.model;
        let sequence = match lie {
            Lie::Back if acknowledged < 2 => return,
            Lie::Back => (acknowledged - 2).saturating_sub(ahead),
            _ => acknowledged + ahead,
        };
        if sequence >= published {
            return;
        }
        let good = self.anchor(sequence);
        let error = life.engine.acknowledge(
            NAME,
            match lie {
                Lie::Epoch => Anchor { epoch: good.epoch + 1, ..good },
                Lie::Crc => Anchor { crc: good.crc ^ 4, ..good },
                Lie::Journal => Anchor { journal_id: JournalId([1; 16]), ..good },
                Lie::Back => good,
            },
        );
        match (lie, error.unwrap_err()) {
            (Lie::Epoch | Lie::Crc, AcknowledgeError::NotConfirmed { .. }) => {}
            (Lie::Journal, AcknowledgeError::AnotherJournal { .. }) => {}
            (Lie::Back, AcknowledgeError::GoesBack { .. }) => {}
            (_, error) => panic!("{lie:?}: {error}"),
        }
    }

    fn end(&self, life: Life, joined: bool) {
        let Model { acknowledged, published } = self.model;
        assert_eq!(list(&life.seen), (0..acknowledged).collect::<Vec<_>>());
        let ending = life.engine.ending();
        let left = published - acknowledged;
        if joined {
            match life.engine.join() {
                Ok(report) => {
                    let unacknowledged: u64 = report.unacknowledged.iter().map(|name| name.count).sum();
                    assert_eq!((unacknowledged, report.end_sequence), (left, published));
                }
                // The machine was busy: it has ended as if it were dropped.
                Err(ShutdownError::TimedOut { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        } else {
            drop(life.engine);
        }
        let undelivered: u64 = ending.undelivered().iter().map(|stage| stage.count).sum();
        assert_eq!(undelivered, left);
        assert_eq!(list(&life.seen), (0..acknowledged).collect::<Vec<_>>());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn stages_see_what_the_model_has_acknowledged(
        steps in prop::collection::vec(step(), 1..40),
        segment_records in prop_oneof![Just(8), Just(100), Just(1 << 10)],
    ) {
        let folder = tempfile::tempdir().unwrap();
        let (place, allowed) = (journal(folder.path()), Arc::default());
        let mut trial = Trial { place, model: Model::default(), allowed, segment_records };
        let mut life = trial.open();
        for step in steps {
            match step {
                Step::Publish(count) => trial.publish(&mut life, count),
                Step::Acknowledge(ahead) => trial.acknowledge(&life, ahead),
                Step::Lie(ahead, lie) => trial.lie(&life, ahead, lie),
                Step::Restart { joined } => {
                    // A drop waits five seconds for what does not come.
                    let joined = joined || trial.model.published > trial.model.acknowledged;
                    trial.end(life, joined);
                    life = trial.open();
                }
            }
        }
        trial.end(life, true);
    }
}
