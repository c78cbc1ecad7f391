//! Columns: who may use them, when nothing is read, and values of all sizes over lanes of all kinds.

use std::fmt::Debug;
use std::sync::mpsc::{Sender, channel};

use slipring::bytemuck::Pod;
use slipring::{
    BuildError, Column, Context, DeadLetters, Engine, EngineBuilder, Event, Gate, Journal, Lane, OnError,
    Publishers, ReplayFrom, ReplayUntil, ShutdownError, Stage,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Event)]
#[repr(C)]
struct Tick {
    id: u64,
}

/// Does nothing.
fn none(_: &Tick, _: &Context) {}

/// Writes what `of` makes of the sequence, if anything.
fn writer<T: Pod>(
    column: &Column<T>,
    of: impl Fn(u64) -> Option<T> + Send + 'static,
) -> impl FnMut(&Tick, &Context) + Send + 'static {
    let column = column.clone();
    move |_, context| {
        if let Some(value) = of(context.sequence()) {
            context.write(&column, value);
        }
    }
}

/// Sends what it reads.
fn reader<T: Pod + Send>(
    column: &Column<T>,
    seen: Sender<(u64, Option<T>)>,
) -> impl FnMut(&Tick, &Context) + Send + 'static {
    let column = column.clone();
    move |_, context| seen.send((context.sequence(), context.read(&column))).unwrap()
}

fn publish(builder: EngineBuilder<Tick>, count: u64) {
    let (engine, mut publisher) = builder.go_live().unwrap();
    (0..count).for_each(|id| assert_eq!(publisher.publish(Tick { id }).unwrap(), id));
    engine.join().unwrap();
}

#[test]
fn what_an_earlier_lap_left_is_never_read() {
    for written in 0..4 {
        let (column, (sender, seen)) = (Column::<u64>::named("now and then"), channel());
        let pricer = writer(&column, move |at| (at == written).then_some(at + 70));
        let lane =
            Lane::named("main").with(Stage::new("pricer", pricer, Gate::PUBLISHED).writes(&column)).with(
                Stage::new("risk", reader(&column, sender), Gate::PUBLISHED.after("pricer")).reads(&column),
            );
        publish(Engine::builder().ring_capacity(2).lane(lane), 9);
        let wanted = (0..9).map(|at| (at, (at == written).then_some(written + 70)));
        assert_eq!(seen.iter().collect::<Vec<_>>(), wanted.collect::<Vec<_>>());
    }
}

/// On one lane, on two, on lanes that the caller runs, and behind the journal.
fn over_all_lanes<T: Pod + Send + PartialEq + Debug>(of: fn(u64) -> T) {
    let folder = tempfile::tempdir().unwrap();
    for (nth, publishers) in [Publishers::Single, Publishers::Multi].into_iter().cycle().take(8).enumerate() {
        let (column, (sender, seen)) = (Column::<T>::named("made"), channel());
        let gate = if nth < 6 { Gate::PUBLISHED } else { Gate::JOURNALLED };
        let pricer = Stage::new("pricer", writer(&column, move |at| Some(of(at))), gate).writes(&column);
        let between = Stage::new("between", none, Gate::PUBLISHED.after_only("pricer"));
        let risk = Stage::new("risk", reader(&column, sender), Gate::PUBLISHED.after_only("between"));
        let (risk, builder) =
            (risk.reads(&column), Engine::builder().ring_capacity(64).publishers(publishers));
        let builder = match nth / 2 {
            0 => builder.lane(Lane::named("main").with(risk).with(between).with(pricer)),
            1 => builder
                .lane(Lane::named("risk").with(risk))
                .lane(Lane::named("between").with(between).with(pricer)),
            2 => builder
                .lane(Lane::named("risk").with(risk).invoked())
                .lane(Lane::named("pricer").with(pricer).invoked())
                .lane(Lane::named("between").with(between)),
            _ => builder
                .journal(Journal::at(folder.path().join(nth.to_string())).segment_records(256))
                .lane(Lane::named("fused").journal().with(pricer).with(between))
                .lane(Lane::named("risk").with(risk)),
        };
        publish(builder, 300);
        let seen: Vec<_> = seen.iter().collect();
        assert!(seen.iter().all(|(at, value)| *value == Some(of(*at))), "{seen:?}");
        assert_eq!(seen.len(), 300);
    }
}

#[test]
fn values_of_all_sizes_come_over_all_lanes() {
    over_all_lanes::<()>(|_| ());
    over_all_lanes::<u8>(|at| at as u8);
    over_all_lanes::<[u8; 7]>(|at| [at as u8; 7]);
    over_all_lanes::<u64>(|at| at.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    over_all_lanes::<[u64; 3]>(|at| [at, !at, at << 40]);
}

#[test]
fn a_stage_writes_several_columns_and_reads_its_own() {
    let (bids, asks) = (Column::<u64>::named("bids"), Column::<[u16; 3]>::named("asks"));
    let (own_bids, own_asks, (sender, seen)) = (bids.clone(), asks.clone(), channel());
    let pricer = move |_: &Tick, context: &Context| {
        assert_eq!((context.read(&own_bids), context.read(&own_asks)), (None, None));
        context.write(&own_bids, 1);
        assert_eq!(context.read(&own_bids), Some(1));
        // The last holds.
        context.write(&own_bids, 2 + context.sequence());
        context.write(&own_asks, [7; 3]);
        // A clone knows the event, and does not outlive its place in the ring.
        assert_eq!(&context.clone(), context);
    };
    let (first, second) = (bids.clone(), asks.clone());
    let risk = move |_: &Tick, context: &Context| {
        sender.send((context.read(&first), context.read(&second))).unwrap();
    };
    let lane = Lane::named("main")
        .with(
            Stage::new("pricer", pricer, Gate::PUBLISHED)
                .writes(&bids)
                .writes(&asks)
                .reads(&bids)
                .writes(&bids),
        )
        .with(
            Stage::new("risk", risk, Gate::PUBLISHED.after("pricer")).reads(&asks).reads(&bids).reads(&asks),
        );
    publish(Engine::builder().ring_capacity(4).lane(lane), 20);
    let wanted: Vec<_> = (0..20).map(|at| (Some(2 + at), Some([7; 3]))).collect();
    assert_eq!(seen.iter().collect::<Vec<_>>(), wanted);
}

#[test]
fn of_a_dead_letter_a_skipped_and_a_void_event_there_is_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let journal = || Journal::at(folder.path()).segment_records(64);
    let (mut journal_writer, _) = journal().open::<Tick>().unwrap();
    for id in 0..4 {
        match id {
            2 => journal_writer.append_void(id).unwrap(),
            _ => journal_writer.append(id, &Tick { id }).unwrap(),
        };
    }
    journal_writer.close().unwrap();
    let live = |skipped: Option<u64>, from: ReplayFrom, count: u64| {
        let (column, (sender, seen)) = (Column::<u64>::named("made"), channel());
        let written = column.clone();
        let pricer = move |tick: &Tick, context: &Context| {
            context.write(&written, 100 + tick.id);
            if tick.id % 5 == 0 { Err("not this one") } else { Ok(()) }
        };
        let pricer = Stage::new("pricer", pricer, Gate::JOURNALLED).writes(&column);
        let pricer = pricer.on_error(OnError::DeadLetter);
        let risk =
            Stage::new("risk", reader(&column, sender), Gate::JOURNALLED.after("pricer")).reads(&column);
        let lane = Lane::named("main").journal().with(pricer).with(risk);
        let mut recovered = Engine::builder().ring_capacity(4).journal(journal()).lane(lane).open().unwrap();
        if let Some(skipped) = skipped {
            recovered.skip("pricer", skipped).unwrap();
        }
        recovered.replay(from).unwrap();
        let (engine, mut publisher) = recovered.go_live().unwrap();
        let end = publisher.publish(Tick { id: 1_000 }).unwrap();
        (end + 1..end + count).for_each(|id| assert_eq!(publisher.publish(Tick { id }).unwrap(), id));
        engine.join().unwrap();
        seen.iter().collect::<Vec<_>>()
    };
    let seen = live(None, ReplayFrom::Start, 6);
    let of = |id| (id, Some(100 + id));
    let wanted = [(0, None), of(1), of(3), (4, None), (5, None), of(6), of(7), of(8), of(9)];
    assert_eq!(seen, wanted);
    // Replay in the middle makes the same again, and what is skipped is not there.
    let seen = live(Some(7), ReplayFrom::Sequence(3), 1);
    assert_eq!(seen, [of(3), (4, None), (5, None), of(6), (7, None), of(8), of(9), (10, None)]);
}

/// The old event stays without, and the new one is as any other.
#[test]
fn of_a_dead_letter_that_is_published_again_there_is_a_value() {
    let folder = tempfile::tempdir().unwrap();
    let (column, (sender, seen)) = (Column::<u64>::named("made"), channel());
    let (written, mut is_first) = (column.clone(), true);
    let pricer = move |tick: &Tick, context: &Context| {
        context.write(&written, tick.id);
        if std::mem::take(&mut is_first) { Err("not yet") } else { Ok(()) }
    };
    let pricer = Stage::new("pricer", pricer, Gate::JOURNALLED).writes(&column);
    let risk = Stage::new("risk", reader(&column, sender), Gate::JOURNALLED.after("pricer")).reads(&column);
    let lane = Lane::named("main").journal().with(pricer.on_error(OnError::DeadLetter)).with(risk);
    let journal = Journal::at(folder.path()).segment_records(64);
    let (engine, mut publisher) = Engine::builder().journal(journal).lane(lane).go_live().unwrap();
    let refused = publisher.publish(Tick { id: 7 }).unwrap();
    engine.wait_stage("risk", refused).unwrap();
    let mut letters = DeadLetters::of(folder.path()).unwrap();
    letters.reprocess(&engine, &mut publisher, |_| true).unwrap();
    engine.join().unwrap();
    assert_eq!(seen.iter().collect::<Vec<_>>(), [(0, None), (1, Some(7))]);
}

#[test]
fn a_backtest_makes_them_too() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::at(folder.path()).segment_records(64);
    let (mut journal_writer, _) = journal.open::<Tick>().unwrap();
    (0..50).for_each(|id| assert_eq!(journal_writer.append(id, &Tick { id }).unwrap(), id));
    journal_writer.close().unwrap();
    let (column, (sender, seen)) = (Column::<u64>::named("made"), channel());
    let lane = Lane::named("main")
        .with(Stage::new("pricer", writer(&column, Some), Gate::PUBLISHED).writes(&column))
        .with(Stage::new("risk", reader(&column, sender), Gate::PUBLISHED.after("pricer")).reads(&column));
    let backtest = Engine::builder().ring_capacity(8).lane(lane).backtest(&journal).unwrap();
    let replay = slipring::Replay::new(ReplayFrom::Time(7)).until(ReplayUntil::Sequence(40));
    backtest.run(replay).unwrap();
    assert_eq!(seen.iter().collect::<Vec<_>>(), (7..40).map(|at| (at, Some(at))).collect::<Vec<_>>());
}

/// Two stages that use a column as said, each behind the gate given.
fn refused(
    stages: impl IntoIterator<Item = (&'static str, Gate, Vec<Column<u8>>, Vec<Column<u8>>)>,
) -> BuildError {
    let mut lane = Lane::named("main");
    for (name, gate, writes, reads) in stages {
        let stage = Stage::new(name, none, gate);
        let stage = writes.iter().fold(stage, |stage, column| stage.writes(column));
        lane = lane.with(reads.iter().fold(stage, |stage, column| stage.reads(column)));
    }
    Engine::builder().lane(lane).open().unwrap_err()
}

#[test]
fn what_makes_no_sense_is_refused_when_it_is_opened() {
    let column = Column::<u8>::named("quotes");
    assert_eq!((column.name(), format!("{column:?}").as_str()), ("quotes", "Column(\"quotes\")"));
    let uses = |name, gate, writes: bool, reads: bool| {
        let columns = |does: bool| does.then(|| column.clone()).into_iter().collect::<Vec<_>>();
        (name, gate, columns(writes), columns(reads))
    };
    let free = Gate::PUBLISHED;
    let two = refused([uses("a", free.clone(), true, false), uses("b", free.after("a"), true, false)]);
    let BuildError::ColumnWrittenTwice { column: written, a, b } = &two else { panic!("{two}") };
    assert_eq!((&**written, &**a, &**b), ("quotes", "a", "b"));
    let unwritten = refused([uses("a", Gate::PUBLISHED, false, true)]);
    assert!(matches!(&unwritten, BuildError::ColumnNotWritten { stage, .. } if stage == "a"));
    // Not behind it, beside it behind a third, before it.
    let beside = refused([
        uses("a", Gate::PUBLISHED.after("root"), true, false),
        uses("b", Gate::PUBLISHED.after("root"), false, true),
        uses("root", Gate::PUBLISHED, false, false),
    ]);
    let BuildError::ColumnNotGated { reader, writer, .. } = &beside else { panic!("{beside}") };
    assert_eq!((&**reader, &**writer), ("b", "a"));
    let before = refused([
        uses("a", Gate::PUBLISHED.after("b"), true, false),
        uses("b", Gate::PUBLISHED, false, true),
    ]);
    assert!(matches!(before, BuildError::ColumnNotGated { .. }));
    for (error, says) in
        [(two, "column of its own"), (unwritten, ".writes(&column)"), (beside, ".after(\"a\")")]
    {
        let text = error.to_string();
        assert!(text.contains("column quotes") && text.contains(says), "{text}");
    }
    // None of these has the column; the next does, and is the last.
    let open = || {
        let lane = Lane::<Tick>::named("main").with(Stage::new("a", none, Gate::PUBLISHED).writes(&column));
        Engine::builder().lane(lane).open()
    };
    let _first = open().unwrap();
    let taken = open().unwrap_err();
    assert!(matches!(&taken, BuildError::ColumnTaken { stage, .. } if stage == "a"), "{taken}");
    assert!(taken.to_string().contains("make a new Column"), "{taken}");
}

#[test]
fn what_does_not_fit_into_memory_is_refused_with_its_ring() {
    let column = Column::<[u64; 64]>::named("wide");
    let lane = Lane::<Tick>::named("main").with(Stage::new("a", none, Gate::PUBLISHED).writes(&column));
    let error = Engine::builder().ring_capacity(1 << 32).lane(lane).open().unwrap_err();
    let BuildError::RingTooLarge { bytes, .. } = error else { panic!("{error}") };
    assert_eq!(bytes, (1 << 32) * (64 + 8 + 65 * 8));
}

/// What the engine says that halts when a stage uses a column so.
fn halted(stage: Stage<impl FnMut(&Tick, &Context) + Send + 'static>, other: Option<&Column<u8>>) -> String {
    let mut lane = Lane::named("main");
    if let Some(column) = other {
        lane = lane.with(Stage::new("other", none, Gate::PUBLISHED).writes(column));
    }
    let (engine, mut publisher) = Engine::builder().lane(lane.with(stage)).go_live().unwrap();
    let _ = publisher.publish(Tick { id: 0 });
    match engine.join() {
        Err(ShutdownError::Halted(halted, _)) => halted.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_stage_that_does_not_say_what_it_uses_halts_the_engine() {
    let of = |column: &Column<u8>, writes: bool| {
        let column = column.clone();
        let handler = move |_: &Tick, context: &Context| match writes {
            true => context.write(&column, 7),
            false => drop(context.read(&column)),
        };
        Stage::new("risk", handler, Gate::PUBLISHED)
    };
    for (writes, does) in [(true, ".writes(&column)"), (false, ".reads(&column)")] {
        let column = Column::named("quotes");
        let declared = halted(of(&column, writes), Some(&column));
        // That which another engine has, and one that none has.
        let foreign = halted(of(&column, writes), None);
        let loose = halted(of(&Column::named("quotes"), writes), None);
        for text in [declared, foreign, loose] {
            assert!(["risk", "quotes", does].iter().all(|part| text.contains(part)), "{text}");
        }
    }
}
