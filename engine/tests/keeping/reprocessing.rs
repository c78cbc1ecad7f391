//! Dead letters published again: by whom, what stands in the way, and killed at each place.

use slipring::{Publisher, ReprocessError};

use super::*;

/// An engine whose stages refuse the trades of these ids, each its own.
fn open(journal: &Path, refuses: [&[u64]; 2]) -> (Engine<Trade>, Publisher<Trade>) {
    let mut lane = Lane::named("main").journal();
    for (name, refuses) in ["a", "b"].into_iter().zip(refuses) {
        let handler = Sum { refuses: refuses.to_vec(), ..Sum::default() };
        lane = lane.with(Stage::new(name, handler, Gate::JOURNALLED).on_error(OnError::DeadLetter));
    }
    let mut recovered = builder(journal).lane(lane).open().unwrap();
    recovered.replay(ReplayFrom::Start).unwrap();
    recovered.go_live().unwrap()
}

fn publish(engine: &Engine<Trade>, publisher: &mut Publisher<Trade>, count: u64) {
    for id in 0..count {
        let sequence = publisher.publish(trade(id)).unwrap();
        engine.wait_durable(sequence).unwrap();
    }
    engine.wait_stage("b", count - 1).unwrap();
}

fn open_letters(journal: &Path) -> Vec<(String, u64)> {
    let letters = DeadLetters::of(journal).unwrap();
    letters.open().into_iter().map(|letter| (letter.stage.clone(), letter.sequence)).collect()
}

#[test]
fn what_two_stages_refused_is_published_once_and_what_is_refused_again_is_a_new_letter() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, mut publisher) = open(folder.path(), [&[3, 5], &[5, 7]]);
    publish(&engine, &mut publisher, 10);
    engine.join().unwrap();
    let (engine, mut publisher) = open(folder.path(), [&[3], &[]]);
    let mut letters = DeadLetters::of(folder.path()).unwrap();
    let done = letters.reprocess(&engine, &mut publisher, |_| true).unwrap();
    let done: Vec<_> = done.iter().map(|done| (done.letter.sequence, done.sequence)).collect();
    assert_eq!(done, [(3, 10), (5, 11), (5, 11), (7, 12)]);
    assert!(letters.reprocess(&engine, &mut publisher, |_| true).unwrap().is_empty(), "all are settled");
    let report = engine.join().unwrap();
    assert_eq!(report.end_sequence, 13);
    assert_eq!(open_letters(folder.path()), [("a".to_owned(), 10)]);
    let mut reader = Journal::at(folder.path()).reader::<Trade>().unwrap();
    let again = [10, 11, 12].map(|sequence| reader.at(sequence).unwrap().event().id);
    assert_eq!(again, [3, 5, 7]);
}

#[test]
fn killed_behind_the_event_and_before_the_note_it_is_published_once_more() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, mut publisher) = open(folder.path(), [&[3], &[]]);
    publish(&engine, &mut publisher, 10);
    engine.join().unwrap();
    let log = folder.path().join("stages/a/dead-letters");
    let before = std::fs::read(&log).unwrap();
    let reprocess = || {
        let (engine, mut publisher) = open(folder.path(), [&[], &[]]);
        let mut letters = DeadLetters::of(folder.path()).unwrap();
        let done = letters.reprocess(&engine, &mut publisher, |_| true).unwrap();
        engine.join().unwrap();
        done.into_iter().map(|done| done.sequence).collect::<Vec<_>>()
    };
    assert_eq!(reprocess(), [10]);
    // What a death right before the note leaves: the event is in the journal, the log is as it was.
    std::fs::write(&log, &before).unwrap();
    assert_eq!(reprocess(), [11]);
    assert_eq!(reprocess(), []);
    let mut reader = Journal::at(folder.path()).reader::<Trade>().unwrap();
    assert_eq!([10, 11].map(|sequence| *reader.at(sequence).unwrap().event()), [trade(3); 2]);
}

#[test]
fn what_can_not_be_published_again_says_why_and_stays_open() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, mut publisher) = open(folder.path(), [&[3, 5], &[]]);
    publish(&engine, &mut publisher, 10);
    let mut letters = DeadLetters::of(folder.path()).unwrap();
    // Not this engine's publisher; no journal to hold it.
    let none = || {
        let lane = Lane::named("try").stage("nothing", |_: &Trade, _: &Context| (), Gate::PUBLISHED);
        Engine::<Trade>::builder().lane(lane).open().unwrap().go_live().unwrap()
    };
    let (other, mut others) = none();
    let error = letters.reprocess(&engine, &mut others, |_| true).unwrap_err();
    assert!(matches!(error, ReprocessError::ForeignPublisher), "{error}");
    let error = letters.reprocess(&other, &mut others, |_| true).unwrap_err();
    assert!(matches!(error, ReprocessError::NoJournal), "{error}");
    other.join().unwrap();
    // The log cannot be appended to: published, durable, and not noted.
    let log = folder.path().join("stages/a/dead-letters");
    let whole = std::fs::read(&log).unwrap();
    std::fs::write(&log, [&whole[..], b"torn"].concat()).unwrap();
    let error = letters.reprocess(&engine, &mut publisher, |letter| letter.sequence == 3).unwrap_err();
    assert!(matches!(error, ReprocessError::NotSettled { sequence: 10, .. }), "{error}");
    assert!(error.to_string().contains("settle the letter by hand"), "{error}");
    std::fs::write(&log, &whole).unwrap();
    // Closed: not published.
    engine.join().unwrap();
    let (engine, mut publisher) = open(folder.path(), [&[], &[11]]);
    // A letter of a record that the journal has lost: the epoch differs.
    let mut entries = std::fs::read(&log).unwrap();
    let copy = entries.clone();
    let epoch_at = 32;
    entries[epoch_at] += 1;
    let letter_bytes = 40 + "no trade 3".len();
    let crc = crc32c::crc32c_append(crc32c::crc32c(&entries[..4]), &entries[8..letter_bytes]);
    entries[4..8].copy_from_slice(&crc.to_le_bytes());
    std::fs::write(&log, &entries).unwrap();
    let mut letters = DeadLetters::of(folder.path()).unwrap();
    let error = letters.reprocess(&engine, &mut publisher, |_| true).unwrap_err();
    let ReprocessError::NoEvent { letter, .. } = &error else { panic!("{error}") };
    assert!(letter.sequence == 3 && error.to_string().contains("settle it by hand"), "{error}");
    std::fs::write(&log, &copy).unwrap();
    let end = engine.join().unwrap().end_sequence;
    assert_eq!(end, 11, "none of these was published");
    assert_eq!(open_letters(folder.path()), [("a".to_owned(), 3), ("a".to_owned(), 5)]);
}

#[test]
fn a_full_ring_is_waited_for_and_is_no_refusal() {
    let folder = tempfile::tempdir().unwrap();
    let refuses = |trade: &Trade, _: &Context| if trade.id == 0 { Err("no") } else { Ok(()) };
    let stage = Stage::new("a", refuses, Gate::JOURNALLED).on_error(OnError::DeadLetter);
    let lane = Lane::named("main").journal().with(stage).invoked();
    let (engine, mut publisher) =
        builder(folder.path()).ring_capacity(4).lane(lane).open().unwrap().go_live().unwrap();
    publisher.publish(trade(0)).unwrap();
    while engine.invoke() > 0 {}
    for id in 1..5 {
        publisher.publish(trade(id)).unwrap();
    }
    assert_eq!(publisher.remaining_capacity(), 0);
    let mut letters = DeadLetters::of(folder.path()).unwrap();
    let done = letters.reprocess(&engine, &mut publisher, |_| true).unwrap();
    assert_eq!((done.len(), done[0].sequence, engine.counters().full_refusals), (1, 5, 0));
    engine.join().unwrap();
}
