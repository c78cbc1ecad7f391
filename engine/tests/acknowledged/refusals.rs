//! What moves no gate.

use super::*;

#[test]
fn only_what_the_journal_confirms_moves_a_gate() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, seen) = (journal(folder.path()), Seen::default());
    let (engine, mut publisher) = with_out(journal.clone(), held(), &seen).go_live().unwrap();
    publish(&mut publisher, 0..50);
    engine.wait_durable(49).unwrap();
    let good = anchor(&journal, 40);
    let refused = |wrong: Anchor| {
        let error = engine.acknowledge(NAME, wrong).unwrap_err();
        assert_eq!((end(&engine.acknowledged()), error.to_string().is_empty()), (10, false));
        error
    };
    let again = anchor(&journal, 9);
    engine.acknowledge(NAME, again).unwrap();
    assert_eq!(engine.acknowledge(NAME, again).unwrap(), 10, "the same again changes nothing");
    engine.wait_stage("out", 9).unwrap();

    let unknown = engine.acknowledge("other", good).unwrap_err();
    assert!(matches!(&unknown, AcknowledgeError::UnknownName { known, .. } if known == &[NAME]), "{unknown}");
    let id = JournalId([3; 16]);
    assert!(matches!(refused(Anchor { journal_id: id, ..good }), AcknowledgeError::AnotherJournal { .. }));
    for wrong in [
        Anchor { epoch: good.epoch + 1, ..good },
        Anchor { epoch: 0, ..good },
        Anchor { crc: good.crc ^ 1, ..good },
        Anchor { sequence: 41, ..good },
        // Of the event that is acknowledged already, and yet another one.
        Anchor { crc: again.crc ^ 1, ..again },
    ] {
        let error = refused(wrong);
        assert!(
            matches!(&error, AcknowledgeError::NotConfirmed { source, .. }
                if matches!(**source, ReadError::HistoryChanged { .. })),
            "{error}"
        );
    }
    let back = refused(anchor(&journal, 8));
    assert!(matches!(back, AcknowledgeError::GoesBack { end: 10, .. }), "{back}");
    for sequence in [50, 51, 1 << 40, u64::MAX] {
        let beyond = refused(Anchor { sequence, ..good });
        assert!(matches!(beyond, AcknowledgeError::BeyondJournalled { journalled_end: 50, .. }), "{beyond}");
    }
    assert_eq!(list(&seen), (0..10).collect::<Vec<_>>());
    engine.acknowledge(NAME, anchor(&journal, 49)).unwrap();
    engine.join().unwrap();
    assert_eq!(list(&seen).len(), 50);
}

#[test]
fn what_retention_has_taken_is_not_confirmed_and_what_is_left_is() {
    let folder = tempfile::tempdir().unwrap();
    let journal = journal(folder.path()).retention(Retention::new().keep_records(64));
    let lane = Lane::named("main").journal();
    let (engine, mut publisher) = Engine::builder().journal(journal.clone()).lane(lane).go_live().unwrap();
    let out = LateConsumer::named("out").from(FollowFrom::End).acknowledged(NAME);
    let out = engine.follow(out, |_: &Trade, _: &LateContext| ()).unwrap();
    publish(&mut publisher, 0..10);
    engine.wait_durable(9).unwrap();
    let early = anchor(&journal, 3);
    // It holds a lease from where it is.
    drop(out.stop());
    publish(&mut publisher, 10..1_000);
    engine.wait_durable(999).unwrap();
    while journal.raw_reader().unwrap().first_sequence() < 10 {
        std::thread::sleep(Duration::from_millis(1));
    }
    while folder.path().join(format!("{:020}.seg", 0)).exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let error = engine.acknowledge(NAME, early).unwrap_err();
    assert!(
        matches!(&error, AcknowledgeError::NotConfirmed { source, .. }
            if matches!(**source, ReadError::Evicted { .. })),
        "{error}"
    );
    engine.acknowledge(NAME, anchor(&journal, 998)).unwrap();
    engine.join().unwrap();
}

#[test]
fn without_a_journal_there_is_nothing_to_acknowledge() {
    let lane = Lane::named("main").stage("out", |_: &Trade, _: &Context| (), Gate::PUBLISHED);
    let (engine, _publisher) = Engine::builder().lane(lane).go_live().unwrap();
    let anchor = Anchor { journal_id: JournalId([0; 16]), sequence: 0, epoch: 1, crc: 0 };
    assert!(matches!(engine.acknowledge(NAME, anchor), Err(AcknowledgeError::NoJournal)));
    assert!(matches!(engine.acknowledger(NAME), Err(AcknowledgeError::NoJournal)));
    assert!(matches!(engine.wait_acknowledged(NAME, 0), Err(WaitError::NoJournal)));
    assert!(engine.acknowledged().is_empty() && engine.counters().acknowledged.is_empty());
    engine.join().unwrap();
}

/// Of many threads that acknowledge at once the furthest counts, and none goes back.
#[test]
fn acknowledgers_on_several_threads_never_move_it_back() {
    let folder = tempfile::tempdir().unwrap();
    let (journal, seen) = (journal(folder.path()), Seen::default());
    let builder = with_out(journal.clone(), held(), &seen).ring_capacity(1 << 10);
    let (engine, mut publisher) = builder.go_live().unwrap();
    publish(&mut publisher, 0..1_000);
    engine.wait_durable(999).unwrap();
    let acknowledger = engine.acknowledger(NAME).unwrap();
    std::thread::scope(|scope| {
        for own in 0..4 {
            let (acknowledger, journal) = (acknowledger.clone(), journal.clone());
            scope.spawn(move || {
                let mut reader = journal.raw_reader().unwrap();
                let mut last = 0;
                for sequence in (own * 5..1_000).step_by(20).chain([999]) {
                    match acknowledger.acknowledge(reader.anchor(sequence).unwrap()) {
                        Ok(end) => assert_eq!(end, sequence + 1),
                        Err(AcknowledgeError::GoesBack { end, .. }) => assert!(end > sequence + 1),
                        Err(error) => panic!("{error}"),
                    }
                    assert!(acknowledger.end() >= last);
                    last = acknowledger.end();
                }
            });
        }
    });
    // Who has handed it over does not wait for the disk.
    engine.wait_acknowledged(NAME, 999).unwrap();
    assert_eq!((acknowledger.name(), acknowledger.end()), (NAME, 1_000));
    engine.join().unwrap();
    assert_eq!(list(&seen), (0..1_000).collect::<Vec<_>>());
}
