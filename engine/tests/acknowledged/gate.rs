//! A stage of the ring behind acknowledgements.

use super::*;

#[test]
fn a_stage_sees_what_is_acknowledged_and_no_more() {
    for wait in [Wait::Auto, Wait::Park] {
        let folder = tempfile::tempdir().unwrap();
        let (journal, seen, behind) = (journal(folder.path()), Seen::default(), Seen::default());
        let out = Lane::named("out").wait(wait).stage("out", take_note(&seen), held());
        let gate = Gate::PUBLISHED.after("out");
        let last = Lane::named("last").wait(wait).stage("last", take_note(&behind), gate);
        let builder = Engine::builder().ring_capacity(CAPACITY).journal(journal.clone());
        let lanes = builder.lane(Lane::named("journal").journal()).lane(out).lane(last);
        let (engine, mut publisher) = lanes.go_live().unwrap();
        publish(&mut publisher, 0..40);
        engine.wait_durable(39).unwrap();
        assert_eq!((list(&seen), end(&engine.acknowledged())), (vec![], 0));
        for acknowledged in [0, 4, 5, 31, 39] {
            assert_eq!(engine.acknowledge(NAME, anchor(&journal, acknowledged)).unwrap(), acknowledged + 1);
            engine.wait_stage("last", acknowledged).unwrap();
            let wanted: Vec<u64> = (0..=acknowledged).collect();
            assert_eq!((list(&seen), list(&behind)), (wanted.clone(), wanted));
            assert_eq!(end(&engine.acknowledged()), acknowledged + 1);
            engine.wait_acknowledged(NAME, acknowledged).unwrap();
        }
        assert_eq!(engine.counters().missed_wakeups, 0);
        let report = engine.join().unwrap();
        assert_eq!((report.undelivered, report.unacknowledged), (vec![], vec![]));
    }
}

#[test]
fn publishers_stop_at_a_ring_that_nobody_acknowledges_and_go_on_when_somebody_does() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, seen) = (journal(folder.path()), Seen::default());
    let (engine, mut publisher) = with_out(journal.clone(), held(), &seen).go_live().unwrap();
    let all = CAPACITY as u64;
    publish(&mut publisher, 0..all);
    assert!(matches!(publisher.try_publish(trade(all)), Err(PublishError::Full(_))));
    engine.wait_durable(all - 1).unwrap();
    engine.acknowledge(NAME, anchor(&journal, 0)).unwrap();
    engine.wait_stage("out", 0).unwrap();
    publish(&mut publisher, all..all + 1);
    assert!(matches!(publisher.try_publish(trade(all + 1)), Err(PublishError::Full(_))));
    engine.wait_durable(all).unwrap();
    engine.acknowledge(NAME, anchor(&journal, all)).unwrap();
    engine.join().unwrap();
    assert_eq!(list(&seen), (0..=all).collect::<Vec<_>>());
}

#[test]
fn an_acknowledged_event_still_waits_for_the_stages_before_and_for_each_name() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, seen) = (journal(folder.path()), Seen::default());
    let (lets, let_go) = std::sync::mpsc::channel::<()>();
    let let_go = Mutex::new(let_go);
    let risk = move |_: &Trade, _: &Context| let_go.lock().unwrap().recv().unwrap();
    let gate = Gate::acknowledged(["standby", "archive"]).after("risk").may_hold_the_ring();
    let lanes = [
        Lane::named("journal").journal(),
        Lane::named("risk").batch_cap(1).stage("risk", risk, Gate::PUBLISHED),
        Lane::named("out").stage("out", take_note(&seen), gate),
    ];
    let builder = Engine::builder().journal(journal.clone());
    let (engine, mut publisher) = lanes.into_iter().fold(builder, EngineBuilder::lane).go_live().unwrap();
    publish(&mut publisher, 0..3);
    engine.wait_durable(2).unwrap();
    engine.acknowledge("standby", anchor(&journal, 2)).unwrap();
    engine.acknowledge("archive", anchor(&journal, 1)).unwrap();
    assert_eq!(list(&seen), []);
    lets.send(()).unwrap();
    engine.wait_stage("out", 0).unwrap();
    assert_eq!(list(&seen), [0]);
    [(), ()].into_iter().for_each(|()| lets.send(()).unwrap());
    engine.wait_stage("risk", 2).unwrap();
    engine.wait_stage("out", 1).unwrap();
    assert_eq!(list(&seen), [0, 1], "the archive has not acknowledged the last");
    engine.acknowledge("archive", anchor(&journal, 2)).unwrap();
    engine.join().unwrap();
    assert_eq!(list(&seen), [0, 1, 2]);
}

#[test]
fn the_end_waits_for_acknowledgements_that_come_and_counts_those_that_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, seen) = (journal(folder.path()), Seen::default());
    let builder = with_out(journal.clone(), held(), &seen);
    let (engine, mut publisher) = builder.go_live().unwrap();
    publish(&mut publisher, 0..20);
    engine.wait_durable(19).unwrap();
    let acknowledger = engine.acknowledger(NAME).unwrap();
    let files = journal.clone();
    let bridge = std::thread::spawn(move || {
        for sequence in 0..20 {
            std::thread::sleep(Duration::from_millis(5));
            acknowledger.acknowledge(anchor(&files, sequence)).unwrap();
        }
        acknowledger
    });
    let report = engine.join().unwrap();
    assert_eq!((list(&seen).len(), report.undelivered, report.unacknowledged), (20, vec![], vec![]));
    let acknowledger = bridge.join().unwrap();
    let late = acknowledger.acknowledge(anchor(&journal, 19));
    assert!(matches!(late, Err(AcknowledgeError::Ended { .. })), "{late:?}");

    let short = |seen| with_out(journal.clone(), held(), seen).wait_timeout(Duration::from_secs(3));
    let seen = Seen::default();
    let mut recovered = short(&seen).open().unwrap();
    recovered.replay(ReplayFrom::Start).unwrap();
    let (engine, mut publisher) = recovered.go_live().unwrap();
    publish(&mut publisher, 20..30);
    engine.wait_durable(29).unwrap();
    engine.acknowledge(NAME, anchor(&journal, 24)).unwrap();
    let ending = engine.ending();
    let report = engine.join().unwrap();
    assert_eq!(list(&seen), (0..25).collect::<Vec<_>>());
    let [undelivered] = &report.undelivered[..] else { panic!("{:?}", report.undelivered) };
    assert_eq!((&*undelivered.stage, undelivered.from, undelivered.count), ("out", 25, 5));
    assert_eq!(ending.undelivered(), report.undelivered);
    let [Unacknowledged { name, from, count, .. }] = &report.unacknowledged[..] else {
        panic!("{:?}", report.unacknowledged)
    };
    assert_eq!((&**name, *from, *count), (NAME, 25, 5));
    assert_eq!((report.durable_end, report.keep_faults), (Some(30), vec![]));
}

#[test]
fn a_stage_that_would_hold_the_ring_unasked_is_refused_and_the_error_says_the_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let error = with_out(journal(folder.path()), Gate::acknowledged(NAME), &Seen::default()).open();
    let error = error.map(drop).unwrap_err();
    assert!(matches!(&error, BuildError::HoldsTheRing { stage, name } if stage == "out" && name == NAME));
    for way in ["LateConsumer::acknowledged(\"standby\")", ".may_hold_the_ring()"] {
        assert!(error.to_string().contains(way), "{error}");
    }
    assert!(!folder.path().join("control").exists(), "nothing was made");
}

#[test]
fn whoever_waits_for_an_acknowledgement_is_told_when_it_can_not_come() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, seen) = (journal(folder.path()), Seen::default());
    let builder = with_out(journal, held(), &seen).wait_timeout(Duration::from_secs(3));
    let (engine, mut publisher) = builder.go_live().unwrap();
    publish(&mut publisher, 0..1);
    let unknown = engine.wait_acknowledged("stand-by", 0).unwrap_err();
    assert!(matches!(&unknown, WaitError::UnknownAcknowledged { known, .. } if known == &[NAME]));
    let late = engine.wait_acknowledged(NAME, 0).unwrap_err();
    assert!(matches!(late, WaitError::TimedOut { sequence: 0, end: 0, .. }), "{late}");
    // It says what the stage waits for, and leaves nobody behind.
    let waiting = engine.join();
    assert_eq!(waiting.unwrap().undelivered.len(), 1);
}
