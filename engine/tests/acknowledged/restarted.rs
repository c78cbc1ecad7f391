//! Over a restart: what was acknowledged passes at once, the rest waits, and a note that the journal does not
//! confirm is set back.

use slipring::{Pace, Publishers, Replay};

use super::*;

fn replayed(builder: EngineBuilder<Trade>) -> Recovered<Trade> {
    let mut recovered = builder.open().unwrap();
    recovered.replay(ReplayFrom::Start).unwrap();
    recovered
}

#[test]
fn what_was_acknowledged_passes_in_replay_and_the_rest_waits_when_live() {
    let folder = tempfile::tempdir().unwrap();
    let journal = journal(folder.path());
    let short =
        |seen: &Seen| with_out(journal.clone(), held(), seen).wait_timeout(Duration::from_millis(200));
    let (engine, mut publisher) = short(&Seen::default()).go_live().unwrap();
    publish(&mut publisher, 0..20);
    engine.wait_durable(19).unwrap();
    engine.acknowledge(NAME, anchor(&journal, 9)).unwrap();
    engine.join().unwrap();

    let seen = Seen::default();
    let recovered = replayed(short(&seen));
    assert_eq!((end(&recovered.acknowledged()), recovered.end_sequence()), (10, 20));
    assert_eq!(list(&seen), (0..10).collect::<Vec<_>>());
    let (engine, mut publisher) = recovered.go_live().unwrap();
    publish(&mut publisher, 20..25);
    engine.wait_durable(24).unwrap();
    assert_eq!(list(&seen).len(), 10, "nobody has acknowledged more");
    engine.acknowledge(NAME, anchor(&journal, 14)).unwrap();
    engine.wait_stage("out", 14).unwrap();
    assert_eq!(list(&seen), (0..15).collect::<Vec<_>>());
    engine.acknowledge(NAME, anchor(&journal, 24)).unwrap();
    engine.wait_stage("out", 24).unwrap();
    // Dropped, not joined.
    drop(engine);
    assert_eq!(list(&seen), (0..25).collect::<Vec<_>>());
    let seen = Seen::default();
    assert_eq!(end(&replayed(short(&seen)).acknowledged()), 25);
    assert_eq!(list(&seen).len(), 25);
}

/// A stage is live only once it has come to the first live event, whenever the history before is
/// acknowledged.
#[test]
fn a_stage_is_told_that_it_is_live_behind_its_history_and_not_before() {
    struct Out {
        seen: Seen,
        live: Arc<AtomicU64>,
    }
    impl slipring::Handler<Trade> for Out {
        fn event(&mut self, trade: &Trade, context: &Context) -> Result<(), slipring::HandlerError> {
            assert_eq!(context.is_replay(), trade.id < 20);
            self.seen.lock().unwrap().push(trade.id);
            Ok(())
        }
        fn live(&mut self, sequence: u64) {
            self.live.store(sequence, Ordering::Relaxed);
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let journal = journal(folder.path());
    plain_life(journal.clone(), 0..20);
    let (seen, live) = (Seen::default(), Arc::new(AtomicU64::new(u64::MAX)));
    let out = Out { seen: Arc::clone(&seen), live: Arc::clone(&live) };
    let lane = Lane::named("main").journal().stage("out", out, held());
    let builder = Engine::builder().ring_capacity(CAPACITY).journal(journal.clone()).lane(lane);
    let (engine, mut publisher) = replayed(builder).go_live().unwrap();
    assert_eq!((list(&seen).len(), live.load(Ordering::Relaxed)), (0, u64::MAX));
    publish(&mut publisher, 20..21);
    engine.wait_durable(20).unwrap();
    engine.acknowledge(NAME, anchor(&journal, 18)).unwrap();
    engine.wait_stage("out", 18).unwrap();
    assert_eq!(live.load(Ordering::Relaxed), u64::MAX);
    engine.acknowledge(NAME, anchor(&journal, 20)).unwrap();
    engine.wait_stage("out", 20).unwrap();
    assert_eq!((list(&seen).len(), live.load(Ordering::Relaxed)), (21, 20));
    engine.join().unwrap();
}

#[test]
fn history_that_the_ring_does_not_hold_is_refused_and_a_server_may_say_what_it_has_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let journal = journal(folder.path());
    let all = CAPACITY as u64;
    plain_life(journal.clone(), 0..all);
    // As much as the ring holds is no more than a life leaves that nobody acknowledges.
    let builder = |seen: &Seen| with_out(journal.clone(), held(), seen);
    let seen = Seen::default();
    for publishers in [Publishers::Single, Publishers::Multi] {
        let builder = builder(&seen).publishers(publishers).wait_timeout(Duration::from_millis(200));
        let mut recovered = builder.open().unwrap();
        recovered.replay(Replay::new(ReplayFrom::Start).pace(Pace::Steps(Box::new(|_| ())))).unwrap();
        let (engine, _publisher) = recovered.go_live().unwrap();
        assert_eq!(engine.join().unwrap().undelivered[0].count, all);
    }
    assert_eq!(list(&seen), []);

    plain_life(journal.clone(), all..all + 1);
    let mut recovered = builder(&seen).open().unwrap();
    let refused = recovered.replay(ReplayFrom::Start).unwrap_err();
    let wanted = all + 1;
    assert!(
        matches!(&refused, ReplayError::Unacknowledged { stage, acknowledged_end: 0, end, capacity: CAPACITY, .. }
            if stage == "out" && *end == wanted),
        "{refused}"
    );
    // From where the ring holds the rest.
    drop(recovered);
    let mut recovered = builder(&seen).open().unwrap();
    recovered.replay(ReplayFrom::Sequence(1)).unwrap();
    drop(recovered);
    let mut recovered = builder(&seen).open().unwrap();
    assert_eq!(recovered.acknowledge(NAME, anchor(&journal, 0)).unwrap(), 1);
    recovered.replay(ReplayFrom::Start).unwrap();
    assert_eq!(list(&seen), [0]);
    // Behind the replay, too.
    assert_eq!(recovered.acknowledge(NAME, anchor(&journal, all)).unwrap(), all + 1);
    let (engine, _publisher) = recovered.go_live().unwrap();
    engine.wait_stage("out", all).unwrap();
    assert_eq!(list(&seen), (0..=all).collect::<Vec<_>>());
    engine.join().unwrap();
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

#[test]
fn a_note_of_what_the_journal_has_lost_is_set_back_to_what_it_confirms() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    let place = journal(&first);
    let (engine, mut publisher) = with_out(place.clone(), held(), &Seen::default()).go_live().unwrap();
    publish(&mut publisher, 0..20);
    engine.wait_durable(19).unwrap();
    engine.acknowledge(NAME, anchor(&place, 19)).unwrap();
    engine.join().unwrap();
    copy(&first, &second);
    // Twenty more, acknowledged before they are durable.
    let lazy = place.clone().sync(SyncMode::None);
    let (engine, mut publisher) = replayed(with_out(lazy, held(), &Seen::default())).go_live().unwrap();
    publish(&mut publisher, 20..40);
    engine.wait_journalled(39).unwrap();
    engine.acknowledge(NAME, anchor(&place, 39)).unwrap();
    engine.join().unwrap();
    let note = |folder: &Path| folder.join("acknowledged").join(NAME);

    // Power loss took the twenty: the copy knows nothing of them.
    std::fs::create_dir(second.join("acknowledged")).unwrap();
    std::fs::copy(note(&first), note(&second)).unwrap();
    let place = journal(&second);
    let seen = Seen::default();
    let short = with_out(place.clone(), held(), &seen).wait_timeout(Duration::from_millis(200));
    let recovered = replayed(short);
    let known = recovered.acknowledged();
    let set_back = known[0].set_back.clone().unwrap();
    assert_eq!((end(&known), set_back.noted_end, set_back.end), (20, 40, 20));
    assert!(set_back.to_string().contains("the journal ends before 20"), "{set_back}");
    assert_eq!(list(&seen).len(), 20);
    // It goes on otherwise; and what was noted of the other history never counts for this one.
    let (engine, mut publisher) = recovered.go_live().unwrap();
    publish(&mut publisher, 20..60);
    engine.wait_durable(59).unwrap();
    assert_eq!(end(&engine.acknowledged()), 20);
    assert_eq!(engine.join().unwrap().undelivered[0].count, 40);
    std::fs::copy(note(&first), note(&second)).unwrap();
    let recovered = with_out(place.clone(), held(), &seen).open().unwrap();
    let known = recovered.acknowledged();
    assert_eq!(end(&known), 20);
    assert!(known[0].set_back.as_ref().unwrap().why.contains("another record"), "{known:?}");
    assert_eq!(recovered.acknowledge(NAME, anchor(&place, 39)).unwrap(), 40);
    drop(recovered);
    // What is confirmed is not set back.
    let recovered = with_out(place, held(), &seen).open().unwrap();
    assert_eq!((end(&recovered.acknowledged()), &recovered.acknowledged()[0].set_back), (40, &None));
}

#[test]
fn a_damaged_or_foreign_note_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (folder.path().join("one"), folder.path().join("other"));
    for place in [&one, &other] {
        drop(with_out(journal(place), held(), &Seen::default()).open().unwrap());
    }
    let path = one.join("acknowledged").join(NAME);
    let open = || with_out(journal(&one), held(), &Seen::default()).open().map(drop);
    std::fs::copy(other.join("acknowledged").join(NAME), &path).unwrap();
    assert!(open().unwrap_err().to_string().contains("another journal"));
    std::fs::write(&path, [7; 9_000]).unwrap();
    let error = open().unwrap_err();
    assert!(error.to_string().contains("damaged") && error.to_string().contains("remove it"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), [7; 9_000]);
    std::fs::remove_file(&path).unwrap();
    open().unwrap();
}
