//! Late consumers that wait for acknowledgements: they hold nobody up.

use slipring::CountersReader;

use super::*;

fn live(journal: Journal) -> (Engine<Trade>, Publisher<Trade>) {
    let builder = Engine::builder().ring_capacity(CAPACITY).journal(journal);
    builder.lane(Lane::named("main").journal()).open().unwrap().go_live().unwrap()
}

fn consumer(from: FollowFrom) -> LateConsumer {
    LateConsumer::named("out").from(from).acknowledged(NAME)
}

fn late_note(seen: &Seen) -> impl FnMut(&Trade, &LateContext) + Send + 'static + use<> {
    let seen = Arc::clone(seen);
    move |trade, context| {
        assert_eq!(trade.id, context.sequence());
        seen.lock().unwrap().push(trade.id);
    }
}

fn wait_for(what: impl Fn() -> bool) {
    while !what() {
        std::thread::sleep(Duration::from_micros(200));
    }
}

#[test]
fn it_sees_what_is_acknowledged_while_publishers_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let journal = journal(folder.path());
    let (engine, mut publisher) = live(journal.clone());
    let seen = Seen::default();
    let unknown = engine.acknowledger(NAME).unwrap_err();
    assert!(matches!(unknown, AcknowledgeError::UnknownName { .. }), "nobody waits yet: {unknown}");
    let out = engine.follow(consumer(FollowFrom::Start), late_note(&seen)).unwrap();
    // Many times the ring, and nobody acknowledges.
    publish(&mut publisher, 0..1_000);
    engine.wait_durable(999).unwrap();
    assert_eq!((out.end(), out.lag(), list(&seen)), (0, Some(1_000), vec![]));
    engine.acknowledge(NAME, anchor(&journal, 499)).unwrap();
    wait_for(|| out.end() == 500);

    let reader = CountersReader::of_journal(folder.path()).unwrap();
    for counters in [engine.counters(), reader.read().unwrap()] {
        let [one] = &counters.acknowledged[..] else { panic!("{counters:?}") };
        assert_eq!((&*one.name, one.end, one.lag), (NAME, 500, 500));
        assert!(counters.to_string().contains("acknowledged standby 500 (lag 500)"), "{counters}");
    }
    let report = engine.join().unwrap();
    assert_eq!(report.undelivered, []);
    let [left] = &report.unacknowledged[..] else { panic!("{:?}", report.unacknowledged) };
    assert_eq!((&*left.name, left.from, left.count), (NAME, 500, 500));
    let ended = out.join();
    assert_eq!((ended.end, ended.unacknowledged, ended.failure.is_none()), (500, 500, true));
    assert_eq!(list(&seen), (0..500).collect::<Vec<_>>());

    // The next life: what was acknowledged is known, and no server is waited for.
    let (engine, _publisher) = live(journal.clone());
    let seen = Seen::default();
    let out = engine.follow(consumer(FollowFrom::Sequence(450)), late_note(&seen)).unwrap();
    wait_for(|| out.end() == 500);
    assert_eq!(end(&engine.acknowledged()), 500);
    let back = engine.acknowledge(NAME, anchor(&journal, 498)).unwrap_err();
    assert!(matches!(back, AcknowledgeError::GoesBack { end: 500, .. }), "{back}");
    engine.acknowledge(NAME, anchor(&journal, 999)).unwrap();
    engine.join().unwrap();
    let ended = out.join();
    assert_eq!((ended.end, ended.unacknowledged), (1_000, 0));
    assert_eq!(list(&seen), (450..1_000).collect::<Vec<_>>());
}

#[test]
fn several_wait_for_one_name_or_each_for_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let journal = journal(folder.path());
    let (engine, mut publisher) = live(journal.clone());
    let follow = |name: &str, acknowledged: &str| {
        let consumer = LateConsumer::named(name).from(FollowFrom::Start).acknowledged(acknowledged);
        engine.follow(consumer, late_note(&Seen::default())).unwrap()
    };
    let (one, two, other) = (follow("one", "a"), follow("two", "a"), follow("other", "b"));
    publish(&mut publisher, 0..10);
    engine.wait_durable(9).unwrap();
    engine.acknowledge("a", anchor(&journal, 4)).unwrap();
    wait_for(|| one.end() == 5 && two.end() == 5);
    engine.acknowledge("b", anchor(&journal, 8)).unwrap();
    wait_for(|| other.end() == 9);
    assert_eq!((one.end(), two.end()), (5, 5));
    let known = engine.acknowledged();
    let known: Vec<_> = known.iter().map(|known| (&*known.name, known.end)).collect();
    assert_eq!(known, [("a", 5), ("b", 9)]);
    engine.join().unwrap();
    assert_eq!([one.join(), two.join(), other.join()].map(|ended| ended.unacknowledged), [5, 5, 1]);
}

#[test]
fn one_that_can_never_be_given_anything_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let journal = journal(folder.path());
    let (engine, _publisher) = live(journal.clone());
    let handler = || late_note(&Seen::default());
    let over_files = consumer(FollowFrom::Start).follow(&journal, handler()).unwrap_err();
    assert!(
        matches!(&over_files, LateError::AcknowledgedElsewhere { acknowledged, .. } if acknowledged == NAME)
    );
    let bad = LateConsumer::named("out").acknowledged("../standby");
    let bad = engine.follow(bad, handler()).unwrap_err();
    assert!(matches!(bad, LateError::BadAcknowledgedName { .. }), "{bad}");
    std::fs::create_dir(folder.path().join("acknowledged")).unwrap();
    std::fs::write(folder.path().join("acknowledged/standby"), "junk").unwrap();
    let damaged = engine.follow(consumer(FollowFrom::Start), handler()).unwrap_err();
    assert!(matches!(&damaged, LateError::Acknowledged { .. }), "{damaged}");
    assert!(engine.acknowledged().is_empty());
    engine.join().unwrap();
}
