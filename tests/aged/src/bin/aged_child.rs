//! The process whose program is of one version of an event that changes: an engine over a journal that
//! programs of older versions began. It says through its standard output where it stands, and is killed. Not
//! a tool; its arguments are the test's business.

use slipring::{
    Digest, Digests, Engine, Gate, Journal, Lane, ReplayFrom, Snapshots, Stage, StageKey, SyncMode,
};
use slipring_journal::__private::protect;
use slipring_tests::deaths::{Death, die};
use slipring_tests_aged::fold::Fold;
use slipring_tests_aged::{Aged, messages, orders, time};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [family, version, rest @ ..] = &arguments[..] else { panic!("{arguments:?}") };
    match (family.as_str(), version.as_str()) {
        ("orders", "1") => live::<orders::v1::Order>(rest),
        ("orders", "2") => live::<orders::v2::Order>(rest),
        ("orders", "3") => live::<orders::Order>(rest),
        ("messages", "1") => live::<messages::v1::MessageEvent>(rest),
        ("messages", "2") => live::<messages::v2::MessageEvent>(rest),
        ("messages", "3") => live::<messages::MessageEvent>(rest),
        _ => panic!("{arguments:?}"),
    }
}

/// Replays, publishes up to `budget` events more, and dies; ends in good order if `how` is `last`. The
/// opening goes without the protections of the mask `off`.
fn live<E: Aged>(arguments: &[String]) {
    let [folder, from, budget, death, how, off] = arguments else { panic!("{arguments:?}") };
    let stage = Stage::new("fold", Fold::<E>::new(Death::from_argument(death)), Gate::JOURNALLED)
        .snapshots(Snapshots::every(24))
        .digests(Digests::every(8));
    let journal = Journal::at(folder).segment_records(32).sync(SyncMode::EveryBatch);
    let lane = Lane::named("main").journal().with(stage);
    let builder = Engine::builder().ring_capacity(1 << 8).journal(journal).lane(lane);
    let mut recovered = protect::without(off.parse().unwrap(), || builder.open()).unwrap();
    println!("open {}", recovered.end_sequence());
    let from = if from == "start" { ReplayFrom::Start } else { ReplayFrom::Snapshot };
    recovered.replay(from).unwrap_or_else(|error| panic!("{error}"));
    let (engine, mut publisher) = recovered.go_live().unwrap();
    println!("live");
    let first = engine.live_from();
    let end = first + budget.parse::<u64>().unwrap();
    for id in first..end {
        publisher.publish_at(time(id), E::seen(id, E::VERSION)).unwrap();
        if id % 8 == 7 || id + 1 == end {
            // Not all at once, so that a death finds it in the middle; and what halts the stage is heard.
            engine.wait_stage("fold", id).unwrap();
        }
    }
    if how != "last" {
        die();
    }
    let mut report = engine.join().unwrap();
    assert!(report.keep_faults.is_empty(), "{:?}", report.keep_faults);
    let fold: Fold<E> = report.take(&StageKey::named("fold")).unwrap();
    println!("end {} {}", fold.count(), fold.digest());
}
