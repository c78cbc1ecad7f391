//! Where stages start, and what is refused.

use slipring::NeededBy;

use super::*;

#[test]
fn what_a_stage_without_snapshots_reads_is_made_again() {
    let world = World::new();
    let nodes =
        [node("risk", &[], Keeps::Snapshots(Snapshots::every(100))), node("book", &["risk"], Keeps::Nothing)];
    world.live(&nodes, 1_000);
    let recovered = world.replayed(&nodes);
    assert_eq!(ends(&recovered), cut(&[("risk", 0)]));
    let held_back = recovered.restored()[0].held_back.clone().unwrap();
    assert_eq!(held_back.newest, 1_000);
    assert_eq!(held_back.by, NeededBy::Reader { stage: "book".to_owned(), from: 0 });
    assert!(recovered.restored()[0].to_string().contains("stage book"), "{}", recovered.restored()[0]);
    world.go_to(recovered, &nodes, 1_010);
}

#[test]
fn a_stage_that_is_only_behind_another_holds_it_back_from_nothing() {
    let world = World::new();
    let books = |after_only| {
        let book = Node { after_only, ..node("book", &["risk"], Keeps::Nothing) };
        [node("risk", &[], every(100, 3)), book]
    };
    world.live(&books(false), 250);
    let mut recovered = world.open(&books(true));
    assert_eq!(recovered.replay(ReplayFrom::Snapshot).unwrap().first_sequence, 0);
    assert_eq!(ends(&recovered), cut(&[("risk", 200)]));
    assert_eq!(recovered.restored()[0].held_back, None);
    drop(recovered);
    // What it reads all the same is not there: so it is not for nothing that one has to say it.
    assert_eq!(world.missing.load(Ordering::Relaxed), 200);
}

#[test]
fn a_stage_both_read_and_waited_for_is_read() {
    let both = [Gate::DURABLE.after("a").after_only("a"), Gate::DURABLE.after_only("a").after("a")];
    for gate in both {
        let folder = tempfile::tempdir().unwrap();
        let open = || {
            let a = Stage::new("a", Sum::default(), Gate::DURABLE).snapshots(Snapshots::every(10));
            let b = Stage::new("b", Sum::default(), gate.clone());
            builder(folder.path()).lane(Lane::named("main").journal().with(a).with(b)).open().unwrap()
        };
        let (engine, mut publisher) = open().go_live().unwrap();
        (0..20).for_each(|id| assert_eq!(publisher.publish(trade(id)).unwrap(), id));
        engine.join().unwrap();
        let mut recovered = open();
        recovered.replay(ReplayFrom::Snapshot).unwrap();
        assert_eq!(recovered.restored()[0].end, None);
    }
}

/// A column is read, whatever the gate says of it.
#[test]
fn a_column_that_a_stage_reads_is_made_again_though_it_is_only_behind_its_writer() {
    let world = World::new();
    let nodes = [by_columns("risk", &[], every(100, 3)), by_columns("book", &["risk"], Keeps::Nothing)];
    world.live(&nodes, 250);
    let recovered = world.replayed(&nodes);
    assert_eq!(ends(&recovered), cut(&[("risk", 0)]));
    let held_back = recovered.restored()[0].held_back.clone().unwrap();
    assert_eq!(held_back.by, NeededBy::Reader { stage: "book".to_owned(), from: 0 });
    world.go_to(recovered, &nodes, 260);
}

/// The stage between reads nothing and has snapshots of its own.
#[test]
fn a_column_is_made_again_for_a_stage_that_reads_it_over_another() {
    let folder = tempfile::tempdir().unwrap();
    let missing = Arc::new(AtomicU64::new(0));
    let open = || {
        let column = Column::<u64>::named("ids");
        let (written, read, missing) = (column.clone(), column.clone(), Arc::clone(&missing));
        let pricer = move |trade: &Trade, context: &Context| context.write(&written, trade.id);
        let risk = move |trade: &Trade, context: &Context| {
            let is_there = context.read(&read) == Some(trade.id);
            missing.fetch_add(u64::from(!is_there), Ordering::Relaxed);
        };
        let between = Stage::new("between", Sum::default(), Gate::JOURNALLED.after_only("pricer"));
        let lane = Lane::named("main")
            .journal()
            .with(Stage::new("pricer", pricer, Gate::JOURNALLED).stateless().writes(&column))
            .with(between.snapshots(Snapshots::every(10)))
            .with(Stage::new("risk", risk, Gate::PUBLISHED.after_only("between")).reads(&column));
        builder(folder.path()).lane(lane).open().unwrap()
    };
    let (engine, mut publisher) = open().go_live().unwrap();
    (0..35).for_each(|id| assert_eq!(publisher.publish(trade(id)).unwrap(), id));
    engine.join().unwrap();
    for from in [ReplayFrom::Snapshot, ReplayFrom::Start] {
        let mut recovered = open();
        recovered.replay(from).unwrap();
        drop(recovered.go_live().unwrap());
        assert_eq!(missing.load(Ordering::Relaxed), 0, "{from:?}");
    }
}

#[test]
fn columns_of_stages_with_snapshots_of_different_intervals_are_there_wherever_they_start() {
    let nodes = [
        by_columns("a", &[], every(30, 2)),
        by_columns("b", &["a"], every(70, 2)),
        by_columns("c", &["a", "b"], every(50, 2)),
        by_columns("d", &["c"], every(40, 2)),
    ];
    let world = World::retiring(Retention::new().only_behind_snapshots());
    for end in [45, 133, 160, 301, 420, 555] {
        world.live(&nodes, end);
    }
}

#[test]
fn only_order_is_checked_as_other_order_is() {
    let lane = |gate: Gate| Lane::<Trade>::named("main").stage("a", |_: &Trade, _: &Context| {}, gate);
    let error = Engine::builder().lane(lane(Gate::PUBLISHED.after_only("b"))).open().unwrap_err();
    assert!(error.to_string().contains('b'), "{error}");
    let error = Engine::builder().lane(lane(Gate::PUBLISHED.after_only("a"))).open().unwrap_err();
    assert!(error.to_string().contains("a after a"), "{error}");
}

#[test]
fn a_chain_starts_at_its_newest_common_cut() {
    let world = World::new();
    let nodes =
        [node("a", &[], every(100, 9)), node("b", &["a"], every(100, 9)), node("c", &["b"], every(100, 9))];
    world.live(&nodes, 950);
    world.leave("b", &[300, 600]);
    world.leave("c", &[500, 800]);
    let recovered = world.replayed(&nodes);
    assert_eq!(ends(&recovered), cut(&[("a", 600), ("b", 600), ("c", 800)]));
    let by = |at: usize| recovered.restored()[at].held_back.clone().map(|held_back| held_back.by);
    assert_eq!(by(0), Some(NeededBy::Reader { stage: "b".to_owned(), from: 600 }));
    assert_eq!((by(1), by(2)), (None, None));
    world.go_to(recovered, &nodes, 960);
}

#[test]
fn a_chain_goes_back_as_far_as_its_last_stage_must() {
    let world = World::new();
    let nodes =
        [node("a", &[], every(100, 9)), node("b", &["a"], every(100, 9)), node("c", &["b"], every(100, 9))];
    world.live(&nodes, 950);
    world.leave("b", &[300, 600, 900]);
    world.leave("c", &[500]);
    let recovered = world.replayed(&nodes);
    assert_eq!(ends(&recovered), cut(&[("a", 300), ("b", 300), ("c", 500)]));
    world.go_to(recovered, &nodes, 960);
}

#[test]
fn a_damaged_snapshot_of_a_reader_takes_those_that_it_reads_back_too() {
    let nodes = [node("a", &[], every(100, 3)), node("b", &["a"], every(100, 3))];
    // The other way round a later reader is no harm.
    for (damaged, restored) in [("b", [("a", 400), ("b", 400)]), ("a", [("a", 400), ("b", 500)])] {
        let world = World::new();
        world.live(&nodes, 550);
        crate::retention::flip_a_bit(&world.file(damaged, 500));
        let recovered = world.replayed(&nodes);
        assert_eq!(ends(&recovered), cut(&restored));
        let refused = recovered.restored().iter().filter(|restored| restored.refused.len() == 1);
        assert_eq!(refused.map(|restored| &*restored.stage).collect::<Vec<_>>(), [damaged]);
        world.go_to(recovered, &nodes, 560);
    }
}

#[test]
fn a_diamond_starts_no_later_than_its_earliest_side() {
    let world = World::new();
    let nodes = [
        node("a", &[], every(100, 9)),
        node("left", &["a"], every(100, 9)),
        node("right", &["a"], every(100, 9)),
        node("end", &["left", "right"], every(100, 9)),
    ];
    world.live(&nodes, 850);
    world.leave("left", &[200, 600]);
    world.leave("right", &[400, 800]);
    world.leave("end", &[700]);
    let recovered = world.replayed(&nodes);
    assert_eq!(ends(&recovered), cut(&[("a", 400), ("left", 600), ("right", 400), ("end", 700)]));
    world.go_to(recovered, &nodes, 900);
}

#[test]
fn a_stage_without_state_makes_again_what_is_read_of_it() {
    let world = World::new();
    let nodes = [
        node("a", &[], every(100, 9)),
        node("b", &["a"], Keeps::Stateless),
        node("c", &["b"], every(100, 9)),
    ];
    let (engine, mut publisher) = world.replayed(&nodes).go_live().unwrap();
    for id in 0..450 {
        publisher.publish(trade(id)).unwrap();
        if (id + 1) % 100 == 0 {
            wait_for(|| ["a", "c"].iter().all(|stage| has_settled(&engine, stage, id + 1)));
        }
    }
    engine.join().unwrap();
    world.leave("c", &[200]);
    let recovered = world.replayed(&nodes);
    assert_eq!(ends(&recovered), cut(&[("a", 200), ("c", 200)]));
}

/// The gateway stands still while the book goes on and keeps no more than one snapshot.
#[test]
fn effects_that_are_due_have_what_they_read_made_again() {
    let world = World::retiring(Retention::new().only_behind_snapshots());
    let nodes = |fails_at| {
        let gateway = Node { fails_at, ..node("gateway", &["book"], Keeps::Effects) };
        [node("book", &[], every(100, 1)), gateway]
    };
    let nodes_now = nodes(Some(250));
    let (engine, mut publisher) = world.replayed(&nodes_now).go_live().unwrap();
    for id in 0..250 {
        publisher.publish(trade(id)).unwrap();
        if (id + 1) % 100 == 0 {
            wait_for(|| has_settled(&engine, "book", id + 1));
        }
    }
    engine.wait_stage("gateway", 249).unwrap();
    for id in 250..600 {
        if publisher.publish(trade(id)).is_err() {
            break;
        }
    }
    let _ = engine.join();
    assert_eq!(world.emitted.lock().unwrap().iter().filter(|(at, _)| *at == 249).count(), 2, "both stages");
    let end = world.open(&nodes(None)).end_sequence();
    let recovered = world.replayed(&nodes(None));
    assert_eq!(ends(&recovered), cut(&[("book", 200)]));
    drop(recovered);
    assert!(end > 250, "{end}");
    let emitted = world.emitted.lock().unwrap();
    let states = states(&nodes(None)[..1], end);
    // The gateway's effects come of what the book made of the same events.
    for at in 250..end {
        assert!(emitted.contains(&(at, states["book"][at as usize])), "effect {at}");
    }
}

#[test]
fn without_a_cut_a_start_that_has_been_retired_is_refused_by_name() {
    let world = World::retiring(Retention::new().only_behind_snapshots());
    let nodes = [
        node("feed", &[], every(100, 2)),
        node("risk", &["feed"], every(100, 2)),
        node("book", &["risk"], every(100, 2)),
    ];
    let first = world.live(&nodes, 950);
    assert!(first > 0);
    world.leave("risk", &[900]);
    crate::retention::flip_a_bit(&world.file("book", 900));
    let mut recovered = world.open(&nodes);
    let error = recovered.replay(ReplayFrom::Snapshot).unwrap_err();
    let text = error.to_string();
    let ReplayError::Keep(KeepError::NoCut { stage, newest, reader, reader_from, first: found }) = error
    else {
        panic!("{text}");
    };
    assert_eq!((&*stage, newest, &*reader, reader_from), ("risk", 900, "book", 800));
    assert!(found >= first, "{found}");
    for part in ["risk", "book", "900", "800", ".after_only(\"risk\")"] {
        assert!(text.contains(part), "{text}");
    }
    // What is known by then can be asked for.
    let refused = recovered.restored().iter().find(|restored| restored.stage == "book").unwrap();
    assert_eq!((refused.end, refused.refused.len()), (Some(800), 1));
}

#[test]
fn the_stage_at_fault_is_named_not_those_that_it_reads() {
    let world = World::retiring(Retention::new().only_behind_snapshots());
    let nodes = |book| [node("risk", &[], every(100, 2)), node("book", &["risk"], book)];
    world.live(&nodes(every(100, 2)), 950);
    let error = world.open(&nodes(Keeps::Nothing)).replay(ReplayFrom::Snapshot).unwrap_err();
    let ReplayError::Keep(KeepError::NeedsHistory { stage, .. }) = &error else { panic!("{error}") };
    assert_eq!(stage, "book");
}

/// A reader that handles nothing again holds nothing back, so what can't be used is said to be refused.
#[test]
fn a_snapshot_ahead_of_the_log_is_refused_behind_a_reader_too() {
    let world = World::new();
    let nodes = [node("risk", &[], every(100, 3)), node("print", &["risk"], Keeps::Stateless)];
    world.live(&nodes, 250);
    std::fs::copy(world.file("risk", 200), world.file("risk", 900)).unwrap();
    let recovered = world.replayed(&nodes);
    let restored = &recovered.restored()[0];
    assert_eq!((restored.end, restored.refused.len(), &restored.held_back), (Some(200), 1, &None));
    assert!(restored.refused[0].why.contains("not where its name says"), "{restored}");
}

/// What came of the event may be in the state of any stage behind.
#[test]
fn an_event_that_a_readers_snapshot_holds_is_not_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let open = |end_reads: bool| {
        let snapshots = Snapshots::every(10);
        let gate = if end_reads { Gate::DURABLE.after("print") } else { Gate::DURABLE.after_only("print") };
        let lane = Lane::named("main")
            .journal()
            .with(sum().on_error(OnError::DeadLetter))
            .with(Stage::new("print", Sum::default(), Gate::DURABLE.after("sum")).stateless())
            .with(Stage::new("end", Sum::default(), gate).snapshots(snapshots));
        builder(folder.path()).lane(lane).open().unwrap()
    };
    let (engine, mut publisher) = open(true).go_live().unwrap();
    (0..30).for_each(|id| assert_eq!(publisher.publish(trade(id)).unwrap(), id));
    engine.join().unwrap();
    let error = open(true).skip("sum", 20).unwrap_err();
    let ReplayError::Keep(KeepError::SkipInSnapshot { stage, holder, .. }) = &error else {
        panic!("{error}")
    };
    assert_eq!((&**stage, &**holder), ("sum", "end"));
    open(false).skip("sum", 20).unwrap();
}
