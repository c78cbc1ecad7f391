//! The calls around an engine's life that a user meets first: to close it, to have its handlers back, to go
//! live.

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use slipring::{
    BuildError, Context, Engine, EngineBuilder, Gate, Handler, HandlerError, Journal, Lane, ManyNames,
    Publisher, ReplayFrom, ShutdownError, StageKey,
};

use crate::ticks::{Tick, pass};

const LONG: Duration = Duration::from_secs(60);

fn live(builder: EngineBuilder<Tick>) -> (Engine<Tick>, Publisher<Tick>) {
    builder.go_live().unwrap()
}

/// A handler says that it is enough: closing does not wait, so a stage may do it.
#[test]
fn a_handler_closes_its_own_engine_and_all_that_was_published_is_handled() {
    let place = Arc::new(Mutex::new(None::<Arc<Engine<Tick>>>));
    let closes = Arc::clone(&place);
    let (done, is_done) = channel();
    let stage = move |tick: &Tick, _: &Context| {
        if tick.id == 3 {
            closes.lock().unwrap().as_ref().unwrap().close();
        }
        let _ = done.send(tick.id);
    };
    let (engine, mut publisher) =
        live(Engine::builder().lane(Lane::named("lane").stage("a", stage, Gate::PUBLISHED)));
    let engine = Arc::new(engine);
    *place.lock().unwrap() = Some(Arc::clone(&engine));
    let published = (0..).map_while(|id| publisher.publish_at(id, Tick { id }).ok()).count();
    for id in 0..published {
        assert_eq!(is_done.recv_timeout(LONG).unwrap(), id as u64);
    }
    assert!(is_done.try_recv().is_err(), "more than was published");
    assert!(published > 3);
    *place.lock().unwrap() = None;
    assert_eq!(Arc::into_inner(engine).unwrap().join().unwrap().end_sequence, published as u64);
}

/// What the reports said could not be had: engine and publisher in one value, which ends by being dropped.
#[test]
fn a_value_that_holds_engine_and_publisher_ends_in_its_drop() {
    struct Feed {
        engine: Option<Engine<Tick>>,
        publisher: Publisher<Tick>,
        end: Arc<OnceLock<u64>>,
    }
    impl Drop for Feed {
        fn drop(&mut self) {
            let report = self.engine.take().unwrap().join().unwrap();
            self.end.set(report.end_sequence).unwrap();
        }
    }
    let (engine, publisher) =
        live(Engine::builder().lane(Lane::named("lane").stage("a", pass, Gate::PUBLISHED)));
    let end = Arc::default();
    let mut feed = Feed { engine: Some(engine), publisher, end: Arc::clone(&end) };
    feed.publisher.publish_at(0, Tick { id: 0 }).unwrap();
    drop(feed);
    assert_eq!(end.get(), Some(&1));
}

struct Summing(u64);

impl Handler<Tick> for Summing {
    fn event(&mut self, tick: &Tick, _: &Context) -> Result<(), HandlerError> {
        self.0 += tick.id;
        if tick.id == 4 { Err("as told".into()) } else { Ok(()) }
    }
}

#[test]
fn handlers_come_back_after_a_halt_too_by_keys_that_know_their_type() {
    let (sum, seen) = (StageKey::named("sum"), StageKey::named("seen"));
    let nothing = |_: &Tick, _: &Context| ();
    let lane = Lane::named("lane").stage(&sum, Summing(0), Gate::PUBLISHED);
    let beside = Lane::named("beside").stage(&seen, nothing, Gate::PUBLISHED.after_only(&sum));
    let (engine, mut publisher) = live(Engine::builder().lane(lane).lane(beside));
    publisher.publish_all(&[0, 1, 2, 3, 4, 5].map(|id| Tick { id })).unwrap();
    let mut error = engine.join().unwrap_err();
    assert!(matches!(&error, ShutdownError::Halted(halted, _) if halted.sequence == 4), "{error}");
    let report = error.report().unwrap();
    assert_eq!(report.end_sequence, 6);
    assert_eq!(report.take(&sum).map(|summing| summing.0), Some(10));
    assert!(report.take(&sum).is_none(), "it was taken");
    assert!(report.take(&StageKey::<Summing>::named("seen")).is_none(), "of another type");
    assert!(report.take(&seen).is_some());
}

#[test]
fn gates_take_names_of_any_kind() {
    let key = StageKey::<Summing>::named("a");
    let owned = vec!["a".to_owned(), "b".to_owned()];
    let both = Gate::PUBLISHED.after(["a", "b"]);
    assert_eq!(both, Gate::PUBLISHED.after(&owned));
    assert_eq!(both, Gate::PUBLISHED.after(owned.iter().map(String::as_str)));
    assert_eq!(both, Gate::PUBLISHED.after(owned));
    let one = Gate::PUBLISHED.after("a");
    assert_eq!(one, Gate::PUBLISHED.after(&key));
    assert_eq!(one, Gate::PUBLISHED.after(&"a".to_owned()));
    assert_eq!(one, Gate::PUBLISHED.after(Some("a")));
    assert_eq!(Gate::PUBLISHED, Gate::PUBLISHED.after::<ManyNames>(Vec::<String>::new()));
}

/// A journal with history, and nobody replayed it: it went live with empty state, and did not say.
#[test]
fn history_is_not_forgotten_unless_it_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("j");
    let builder = || {
        let lane = Lane::named("lane").journal().stage("a", pass, Gate::JOURNALLED);
        Engine::<Tick>::builder().journal(Journal::at(&place).segment_records(1024)).lane(lane)
    };
    // A new journal has none.
    let (engine, mut publisher) = builder().go_live().unwrap();
    publisher.publish_all(&[1, 2, 3].map(|id| Tick { id })).unwrap();
    engine.join().unwrap();
    for forgot in [builder().go_live(), builder().open().unwrap().go_live()] {
        let error = forgot.err().unwrap();
        assert!(matches!(error, BuildError::HistoryNotReplayed { records: 3 }), "{error}");
        assert!(error.to_string().contains("without_history()"), "{error}");
    }
    let (engine, _) = builder().open().unwrap().without_history().go_live().unwrap();
    assert_eq!(engine.live_from(), 3);
    engine.join().unwrap();
    let mut recovered = builder().open().unwrap();
    assert_eq!(recovered.replay(ReplayFrom::Start).unwrap().events(), 3);
    recovered.go_live().unwrap().0.join().unwrap();
}
