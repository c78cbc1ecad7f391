//! Tickers: events at the times of a grid.

use super::*;

/// Ticks keep to the grid of the engine's clock: one for each multiple, none twice, the missed ones counted.
#[test]
fn a_ticker_keeps_to_its_grid() {
    let folder = in_memory();
    let hand = Hand::default();
    let timers = Timers::start(4).unwrap();
    hand.set(1_000_250);
    let (engine, publisher) = describe(&folder, &hand, &timers).open().unwrap().go_live().unwrap();
    let tick = |time_ns| Message { kind: NOTHING, token: 0, at_ns: time_ns };
    let no_interval = Ticker::start(publisher.try_clone().unwrap(), Duration::ZERO, tick);
    assert!(matches!(no_interval, Err(TimerError::NoInterval)));
    let ticker = Ticker::start(publisher.try_clone().unwrap(), Duration::from_nanos(100), tick).unwrap();
    let wait_for = |ticks, missed| {
        while (ticker.ticks(), ticker.missed()) != (ticks, missed) {
            assert!(ticker.ticks() <= ticks && ticker.missed() <= missed, "{ticker:?}");
            std::thread::sleep(Duration::from_micros(100));
        }
    };
    // The thread starts its grid some time after `start` returns; until then the clock stands.
    hand.wait_for_looks(1);
    wait_for(0, 0);
    for (now_ns, ticks, missed) in [
        (1_000_299, 0, 0),
        (1_000_300, 1, 0),
        (1_000_399, 1, 0),
        (1_000_407, 2, 0),
        // Two and a half have passed: the last, and two missed.
        (1_000_750, 3, 2),
        (1_000_800, 4, 2),
        // Set back: the grid goes on from there.
        (900_020, 4, 2),
    ] {
        hand.set(now_ns);
        hand.wait_for_a_look();
        wait_for(ticks, missed);
    }
    hand.set(900_100);
    wait_for(5, 2);
    // An engine that is shut down ends it, whenever its next tick would be.
    let mut report = engine.join().unwrap();
    ticker.stop().unwrap();
    let book: Book = report.take(&StageKey::named("book")).unwrap();
    let times: Vec<u64> = book.seen.iter().map(|(.., message)| message.at_ns).collect();
    assert_eq!(times, [1_000_300, 1_000_400, 1_000_700, 1_000_800, 900_100]);
    let journal_times: Vec<u64> = book.seen.iter().map(|(_, time_ns, _)| *time_ns).collect();
    assert!(journal_times.is_sorted(), "{journal_times:?}");
}

/// With the system's clock, that ticks come and lie on the grid.
#[test]
fn a_ticker_ticks_by_the_systems_clock() {
    let seen = |tick: &Message, _: &Context| assert_eq!(tick.at_ns % 2_000_000, 0);
    let lane = Lane::named("main").stage("seen", seen, Gate::PUBLISHED);
    let builder = Engine::builder().publishers(Publishers::Multi).lane(lane);
    let (engine, publisher) = builder.open().unwrap().go_live().unwrap();
    let tick = |time_ns| Message { kind: NOTHING, token: 0, at_ns: time_ns };
    let ticker = Ticker::start(publisher.try_clone().unwrap(), Duration::from_millis(2), tick).unwrap();
    while ticker.ticks() < 10 {
        std::thread::sleep(Duration::from_micros(100));
    }
    // Dropped, it stops: shutdown would else wait for its publisher.
    drop(ticker);
    assert!(engine.join().unwrap().end_sequence >= 10);

    let lane = Lane::named("main").stage("seen", |_: &Message, _: &Context| (), Gate::PUBLISHED);
    let builder = Engine::builder().publishers(Publishers::Multi).lane(lane);
    let (engine, publisher) = builder.open().unwrap().go_live().unwrap();
    let panics = |_: u64| -> Message { panic!("no event today") };
    let ticker = Ticker::start(publisher.try_clone().unwrap(), Duration::from_millis(1), panics).unwrap();
    while ticker.is_running() {
        std::thread::sleep(Duration::from_micros(100));
    }
    assert!(matches!(ticker.stop(), Err(TimerError::Panicked(message)) if message == "no event today"));
    assert_eq!(engine.join().unwrap().end_sequence, 0, "no hole");
}
