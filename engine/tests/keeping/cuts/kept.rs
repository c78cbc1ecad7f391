//! Which snapshots stay, with the history behind them.

use super::*;

/// The gateway waits; the book, which keeps one snapshot, takes three more meanwhile.
#[test]
fn a_snapshot_before_effects_that_are_due_is_kept_with_its_history() {
    use std::sync::mpsc::channel;
    let folder = tempfile::tempdir().unwrap();
    let (is_there, there) = channel();
    let (go, let_go) = channel();
    let open = |gateway: Stage<crate::retention::Waits>| {
        let journal = Journal::at(folder.path())
            .segment_records(64)
            .sync(SyncMode::every(Duration::from_millis(1)))
            .retention(Retention::new().only_behind_snapshots());
        let book = sum().snapshots(Snapshots::every(100).keep(1).at_shutdown(false));
        let builder = Engine::builder().ring_capacity(1024).journal(journal);
        let builder = builder.lane(Lane::named("book").journal().with(book));
        builder.lane(Lane::named("out").with(gateway.effects(Effects::new()).stateless())).open().unwrap()
    };
    let gate = || Gate::DURABLE.after("sum");
    let waits = crate::retention::Waits { at: 250, is_there, let_go };
    let (engine, mut publisher) = open(Stage::new("gateway", waits, gate())).go_live().unwrap();
    let publish = |publisher: &mut slipring::Publisher<Trade>, ids: std::ops::Range<u64>| {
        for id in ids {
            publisher.publish(trade(id)).unwrap();
            if (id + 1) % 100 == 0 {
                wait_for(|| has_settled(&engine, "sum", id + 1));
            }
        }
    };
    publish(&mut publisher, 0..251);
    there.recv().unwrap();
    publish(&mut publisher, 251..560);
    std::thread::sleep(Duration::from_millis(50));
    let first = engine.retention().unwrap().first_sequence();
    assert!(first <= 200, "{first}");
    let files = |folder: &Path| crate::retention::ends(folder);
    assert!(files(folder.path()).contains(&200), "{:?}", files(folder.path()));
    go.send(()).unwrap();
    engine.wait_stage("gateway", 559).unwrap();
    // Once the effects are out, the next snapshot has the old ones removed, and their history.
    publish(&mut publisher, 560..760);
    wait_for(|| files(folder.path()) == [700]);
    publish(&mut publisher, 760..790);
    wait_for(|| engine.retention().unwrap().first_sequence() > 250);
    engine.join().unwrap();
}

#[test]
fn snapshots_are_kept_by_cuts_while_those_of_a_reader_fail() {
    let world = World::retiring(Retention::new().only_behind_snapshots());
    let nodes = [node("risk", &[], every(100, 1)), node("book", &["risk"], every(100, 1))];
    world.live(&nodes, 150);
    // Files that can't be made: folders are in their place.
    let in_the_way = |end: u64| {
        let file = world.file("book", end);
        file.with_file_name(format!(".{}.tmp", file.file_name().unwrap().display()))
    };
    let recovered = world.replayed(&nodes);
    let (engine, mut publisher) = recovered.go_live().unwrap();
    let fails = [200, 300, 500, 600];
    fails.iter().for_each(|end| std::fs::create_dir(in_the_way(*end)).unwrap());
    for id in 150..650 {
        publisher.publish(trade(id)).unwrap();
        if (id + 1) % 100 == 0 {
            wait_for(|| ["risk", "book"].iter().all(|stage| has_settled(&engine, stage, id + 1)));
        }
    }
    engine.wait_durable(649).unwrap();
    std::thread::sleep(Duration::from_millis(50));
    let first = engine.retention().unwrap().first_sequence();
    assert!(first <= 400 && first > 300, "{first}");
    engine.join().unwrap();
    fails.iter().for_each(|end| std::fs::remove_dir(in_the_way(*end)).unwrap());
    assert_eq!(world.ends("book"), [400]);
    assert_eq!(world.ends("risk"), [400, 600], "the newest, and the one of the cut");
    let recovered = world.replayed(&nodes);
    assert_eq!(ends(&recovered), cut(&[("risk", 400), ("book", 400)]));
    world.go_to(recovered, &nodes, 660);
}

#[test]
fn a_stage_keeps_as_many_cuts_as_its_readers_however_often_it_takes_snapshots() {
    let world = World::retiring(Retention::new().only_behind_snapshots());
    let nodes = [node("risk", &[], every(20, 1)), node("book", &["risk"], every(200, 3))];
    let first = world.live(&nodes, 1_010);
    assert!(first <= 600 && first > 500, "three cuts, the oldest at 600: {first}");
    assert_eq!(world.ends("book"), [600, 800, 1_000]);
    assert_eq!(world.ends("risk"), [600, 800, 1_000]);
    // Any two can be lost.
    crate::retention::flip_a_bit(&world.file("book", 1_000));
    crate::retention::flip_a_bit(&world.file("risk", 800));
    let recovered = world.replayed(&nodes);
    assert_eq!(ends(&recovered), cut(&[("risk", 600), ("book", 800)]));
    world.go_to(recovered, &nodes, 1_020);
}
