//! Names and positions that nobody means: refused by a typed error, or taken as they are.

use slipring::{
    BuildError, CountersReader, Engine, FollowFrom, Gate, Journal, Lane, LateConsumer, LateContext,
    LateError, ReplayFrom, ReplayUntil,
};
use slipring::{Publishers, Replay};

use crate::ticks::{Tick, pass};

fn late(_: &Tick, _: &LateContext) {}

fn journal_of(events: u64) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let builder = Engine::builder().journal(Journal::at(folder.path()));
    let (engine, mut publisher) =
        builder.lane(Lane::named("main").journal()).open().unwrap().go_live().unwrap();
    for id in 0..events {
        publisher.publish_at(id, Tick { id }).unwrap();
    }
    engine.join().unwrap();
    folder
}

#[test]
fn a_name_with_a_zero_byte_is_refused_wherever_one_is_given() {
    let folder = journal_of(0);
    let stage = |name: &str| Lane::named("main").journal().stage(name, pass, Gate::PUBLISHED);
    let open = |lane| Engine::<Tick>::builder().journal(Journal::at(folder.path())).lane(lane).open();
    assert!(matches!(open(stage("a\0b")), Err(BuildError::ZeroInStageName { stage }) if stage == "a\0b"));
    let lane = Lane::named("a\0b").journal();
    assert!(matches!(open(lane), Err(BuildError::BadLaneName { .. })));
    let (engine, _) = open(stage("a")).unwrap().go_live().unwrap();
    for name in ["\0", "late\0", "a\0b"] {
        let refused = engine.follow(LateConsumer::named(name), late).unwrap_err();
        assert!(matches!(&refused, LateError::BadName { name: told } if told == name), "{refused}");
        let alone = LateConsumer::named(name).follow(&Journal::at(folder.path()), late).unwrap_err();
        assert!(matches!(alone, LateError::BadName { .. }), "{alone}");
    }
    engine.join().unwrap();
}

#[test]
fn names_that_are_empty_long_or_of_several_lines_are_shown_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let long = "x".repeat(1 << 16);
    let names = ["", "two\nlines", "\u{1b}[31mred", &long];
    let mut lane = Lane::named("of\nlanes");
    for name in names {
        lane = lane.stage(name, pass, Gate::PUBLISHED);
    }
    let builder = Engine::builder().counters_at(folder.path().join("counters")).lane(lane.journal());
    let builder = builder.publishers(Publishers::Multi).journal(Journal::at(folder.path().join("journal")));
    let (engine, mut publisher) = builder.open().unwrap().go_live().unwrap();
    let handles: Vec<_> = ["late\n", &"y".repeat(1 << 16)]
        .map(|name| engine.follow(LateConsumer::named(name), late).unwrap())
        .into_iter()
        .collect();
    let sequence = publisher.publish(Tick { id: 1 }).unwrap();
    for name in names {
        engine.wait_stage(name, sequence).unwrap();
    }
    let own: Vec<_> = engine.counters().stages.into_iter().map(|stage| stage.name).collect();
    assert_eq!(own[..4], names);
    let shown = CountersReader::open(folder.path().join("counters")).unwrap().read().unwrap();
    let first: Vec<_> = shown.stages.iter().map(|stage| &*stage.name).collect();
    assert_eq!(first[..4], ["", "two\nlines", "\u{1b}[31mred", &long[..64]]);
    assert_eq!(shown.stages[0].lane, "of\nlanes");
    drop(handles);
    engine.join().unwrap();
}

#[test]
fn positions_beyond_the_end_of_what_there_is_begin_there_or_are_refused() {
    let folder = journal_of(10);
    for from in [
        ReplayFrom::Sequence(10),
        ReplayFrom::Sequence(11),
        ReplayFrom::Sequence(u64::MAX - 1),
        ReplayFrom::Sequence(u64::MAX),
        ReplayFrom::Time(10),
        ReplayFrom::Time(u64::MAX),
    ] {
        let lane = || Lane::named("main").stage("see", pass, Gate::PUBLISHED);
        let builder = Engine::builder().journal(Journal::at(folder.path())).lane(lane().journal());
        let mut recovered = builder.open().unwrap();
        match recovered.replay(from) {
            Ok(report) => {
                assert_eq!((report.events(), report.end_sequence), (0, 10), "{from:?}");
                let (engine, _) = recovered.go_live().unwrap();
                assert_eq!((engine.live_from(), engine.counters().published_end), (10, 10), "{from:?}");
                engine.join().unwrap();
            }
            Err(error) => {
                assert!(matches!(from, ReplayFrom::Sequence(11..)), "{from:?}: {error}");
                assert!(recovered.go_live().is_err());
            }
        }
        let backtest = Engine::builder().lane(lane()).backtest(&Journal::at(folder.path())).unwrap();
        match backtest.run(Replay::new(from).until(ReplayUntil::Sequence(u64::MAX))) {
            Ok(report) => assert_eq!(report.replay.events(), 0, "{from:?}"),
            Err(error) => assert!(matches!(from, ReplayFrom::Sequence(11..)), "{from:?}: {error}"),
        }
    }
}

#[test]
fn a_late_consumer_may_begin_at_any_time_or_sequence() {
    let folder = journal_of(10);
    let builder = Engine::builder().journal(Journal::at(folder.path()));
    let (engine, _) = builder.lane(Lane::named("main").journal()).open().unwrap().go_live().unwrap();
    for (index, from) in [
        FollowFrom::Time(u64::MAX),
        FollowFrom::Time(0),
        FollowFrom::Sequence(u64::MAX),
        FollowFrom::Sequence(0),
        FollowFrom::End,
    ]
    .into_iter()
    .enumerate()
    {
        let consumer = LateConsumer::named(format!("late {index}")).from(from).durable();
        let handle = engine.follow(consumer, late).unwrap();
        assert!(handle.failure().is_none() && handle.lag().is_some());
        assert!(handle.stop().failure.is_none(), "{from:?}");
        let alone =
            LateConsumer::named("alone").from(from).follow(&Journal::at(folder.path()), late).unwrap();
        assert!(alone.stop().failure.is_none(), "{from:?}");
    }
    assert_eq!(engine.counters().published_end, 10);
    engine.join().unwrap();
}
