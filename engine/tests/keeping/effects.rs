//! Effects: at least once, and never by guessing.

use super::*;

struct Gateway {
    emitted: Arc<Mutex<Vec<EventKey>>>,
    fails_after: Option<u64>,
}

impl Handler<Trade> for Gateway {
    fn event(&mut self, _: &Trade, context: &Context) -> Result<(), HandlerError> {
        if !context.already_done() {
            self.emitted.lock().unwrap().push(context.key().unwrap());
        }
        // The effect is out, and an error keeps the stage from noting it.
        if self.fails_after == Some(context.sequence()) { Err("died".into()) } else { Ok(()) }
    }
}

#[test]
fn effects_come_at_least_once_and_doubles_have_the_same_key() {
    let folder = tempfile::tempdir().unwrap();
    let emitted = Arc::new(Mutex::new(Vec::new()));
    let gateway = |fails_after| {
        let gateway = Gateway { emitted: Arc::clone(&emitted), fails_after };
        Stage::new("gateway", gateway, Gate::DURABLE).effects(Effects::new()).stateless()
    };
    let mut recovered = with_stage(folder.path(), gateway(Some(59)));
    recovered.replay(ReplayFrom::Snapshot).unwrap();
    let (engine, mut publisher) = recovered.go_live().unwrap();
    for id in 0..100 {
        let _ = publisher.publish(trade(id));
    }
    engine.join().unwrap_err();
    assert_eq!(emitted.lock().unwrap().len(), 60);
    let mut recovered = with_stage(folder.path(), gateway(None));
    let replayed = recovered.replay(ReplayFrom::Snapshot).unwrap();
    assert_eq!(replayed.first_sequence, 59, "only what is due is replayed");
    let end = replayed.end_sequence;
    let (engine, _) = recovered.go_live().unwrap();
    engine.join().unwrap();
    let emitted = emitted.lock().unwrap();
    let sequences: Vec<u64> = emitted.iter().map(|key| key.sequence).collect();
    assert_eq!(sequences, (0..60).chain(59..end).collect::<Vec<_>>());
    assert_eq!(emitted[59], emitted[60], "the double has the key of the first");
    assert!(emitted[0].to_string().ends_with("/1/0"), "{}", emitted[0]);
}

#[test]
fn effects_that_would_be_missed_or_doubled_unknown_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    live(folder.path(), sum(), ReplayFrom::Start, 50);
    let emitted = Arc::new(Mutex::new(Vec::new()));
    let gateway = |effects| {
        let gateway = Gateway { emitted: Arc::clone(&emitted), fails_after: None };
        Stage::new("gateway", gateway, Gate::DURABLE).effects(effects).stateless()
    };
    // Nobody knows whether the fifty were sent.
    let error = with_stage(folder.path(), gateway(Effects::new())).replay(ReplayFrom::Snapshot).unwrap_err();
    assert!(matches!(error, ReplayError::Keep(KeepError::EffectsUnknown { end: 50, .. })), "{error}");
    let all = Effects::new().first_time(FirstTime::EmitAll);
    // Due effects must not be passed over.
    let error = with_stage(folder.path(), gateway(all)).go_live().unwrap_err();
    assert!(error.to_string().contains("have not been emitted"), "{error}");
    with_stage(folder.path(), gateway(all)).replay(ReplayFrom::Snapshot).unwrap();
    assert_eq!(emitted.lock().unwrap().len(), 50);
    // A damaged file is neither "all" nor "nothing".
    let path = folder.path().join("stages/gateway/effects");
    let whole = std::fs::read(&path).unwrap();
    for at in (0..40).step_by(3) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let error = with_stage(folder.path(), gateway(all)).replay(ReplayFrom::Snapshot).unwrap_err();
        assert!(error.to_string().contains("damaged"), "byte {at}: {error}");
    }
    // Of two damaged slots one is enough to go on, an event earlier; both are not.
    let mut bytes = whole.clone();
    bytes[64] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let replayed = with_stage(folder.path(), gateway(all)).replay(ReplayFrom::Snapshot).unwrap().events();
    assert!(replayed <= 1, "{replayed}");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[64] ^= 1;
    bytes[128] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let error = with_stage(folder.path(), gateway(all)).replay(ReplayFrom::Snapshot).unwrap_err();
    assert!(error.to_string().contains("neither of its slots"), "{error}");
    std::fs::remove_file(&path).unwrap();
    let new = Effects::new().first_time(FirstTime::EmitNew);
    let replayed = with_stage(folder.path(), gateway(new)).replay(ReplayFrom::Snapshot).unwrap().events();
    assert_eq!((replayed, emitted.lock().unwrap().len() <= 51), (0, true));
}

#[test]
fn effects_that_are_all_due_are_not_taken_for_done_because_there_is_a_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let snapshots = Snapshots::every(1_000_000);
    live(folder.path(), sum().snapshots(snapshots), ReplayFrom::Snapshot, 50);
    let stage = || sum().snapshots(snapshots).effects(Effects::new().first_time(FirstTime::EmitAll));
    // However often it is tried: the first time has made the file.
    for _ in 0..2 {
        let error = with_stage(folder.path(), stage()).replay(ReplayFrom::Snapshot).unwrap_err();
        assert!(matches!(error, ReplayError::Keep(KeepError::NeedsHistory { needs_from: 0, .. })), "{error}");
        assert!(error.to_string().contains("ReplayFrom::Start"), "{error}");
    }
    let (_, replayed) = live(folder.path(), stage(), ReplayFrom::Start, 10);
    assert_eq!(replayed, 50);
    // And once they are out, the snapshot is enough.
    let (state, replayed) = live(folder.path(), stage(), ReplayFrom::Snapshot, 0);
    assert_eq!((state.total, replayed), (total(60), 0));
}

#[test]
fn an_event_that_was_passed_over_before_a_snapshot_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let stage = |panics_at| {
        let sum = Sum { panics_at, ..Sum::default() };
        let stage = Stage::new("sum", sum, Gate::DURABLE).on_error(OnError::DeadLetter);
        stage.snapshots(Snapshots::every(1_000_000)).effects(Effects::new())
    };
    let mut recovered = with_stage(folder.path(), stage(Some(49)));
    recovered.replay(ReplayFrom::Snapshot).unwrap();
    let (engine, mut publisher) = recovered.go_live().unwrap();
    for id in 0..50 {
        publisher.publish(trade(id)).unwrap();
    }
    engine.join().unwrap_err();
    let mut recovered = with_stage(folder.path(), stage(Some(49)));
    recovered.skip("sum", 49).unwrap();
    recovered.replay(ReplayFrom::Snapshot).unwrap();
    let (engine, _) = recovered.go_live().unwrap();
    engine.join().unwrap();
    let (state, replayed) = live(folder.path(), stage(None), ReplayFrom::Snapshot, 0);
    assert_eq!((state.seen, replayed), (49, 0));
}
