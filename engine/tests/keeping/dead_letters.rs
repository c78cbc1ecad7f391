//! Dead letters: refused, skipped, settled.

use super::*;

#[test]
fn a_refused_event_is_a_dead_letter_and_replay_neither_tries_nor_records_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let calls = Arc::new(AtomicU64::new(0));
    let stage = |refuses: &[u64]| {
        let (calls, refuses) = (Arc::clone(&calls), refuses.to_vec());
        Stage::new("sum", Sum { calls, refuses, ..Sum::default() }, Gate::JOURNALLED)
            .on_error(OnError::DeadLetter)
            .digests(Digests::every(1))
    };
    let (state, _) = live(folder.path(), stage(&[7, 8, 70]), From::Start, 100);
    assert_eq!((state.seen, calls.swap(0, Ordering::Relaxed)), (97, 100));
    let state_then = state.total;
    // In the next life the handler would take them: it is not asked.
    let (state, _) = live(folder.path(), stage(&[]), From::Start, 0);
    assert_eq!((state.seen, state.total), (97, state_then));
    assert_eq!(calls.load(Ordering::Relaxed), 97);
    let mut letters = DeadLetters::of(folder.path()).unwrap();
    let open: Vec<u64> = letters.open().iter().map(|letter| letter.sequence).collect();
    assert_eq!((open, letters.all().len()), (vec![7, 8, 70], 3));
    let letter = letters.open()[1].clone();
    assert_eq!(letter.cause, "no trade 8");
    // Reprocessed as a new event, and settled.
    let event: Trade = *Journal::at(folder.path()).reader().unwrap().at(letter.sequence).unwrap().event();
    assert_eq!(event, trade(8));
    letters.settle(&letter, "published again").unwrap();
    let again = DeadLetters::of(folder.path()).unwrap();
    assert_eq!(again.open().iter().map(|letter| letter.sequence).collect::<Vec<_>>(), [7, 70]);
    let (state, _) = live(folder.path(), stage(&[]), From::Start, 0);
    assert_eq!((state.seen, state.total), (97, state_then), "settled is still skipped");
}

#[test]
fn a_fatal_error_is_no_dead_letter() {
    let folder = tempfile::tempdir().unwrap();
    let handler = |trade: &Trade, _: &Context| -> Result<(), HandlerError> {
        match trade.id {
            3 => Err("refused".into()),
            5 => Err(Fatal("half done".into()).into()),
            _ => Ok(()),
        }
    };
    let stage = Stage::new("sum", handler, Gate::JOURNALLED).on_error(OnError::DeadLetter);
    let (engine, mut publisher) = with_stage(folder.path(), stage).go_live().unwrap();
    for id in 0..10 {
        let _ = publisher.publish(trade(id));
    }
    let error = engine.shutdown(publisher).unwrap_err().to_string();
    assert!(error.contains("sequence 5") && error.contains("half done"), "{error}");
    let letters = DeadLetters::of(folder.path()).unwrap();
    assert_eq!(letters.all().iter().map(|letter| letter.sequence).collect::<Vec<_>>(), [3]);
}

#[test]
fn a_poison_event_is_skipped_by_hand() {
    let folder = tempfile::tempdir().unwrap();
    let stage = |panics_at| {
        let handler = Sum { panics_at, ..Sum::default() };
        Stage::new("sum", handler, Gate::JOURNALLED).on_error(OnError::DeadLetter)
    };
    live(folder.path(), stage(None), From::Start, 50);
    let error = with_stage(folder.path(), stage(Some(20))).replay(From::Start).unwrap_err();
    assert!(error.to_string().contains("sequence 20") && error.to_string().contains("poison"), "{error}");
    let mut recovered = with_stage(folder.path(), stage(Some(20)));
    recovered.skip("sum", 20).unwrap();
    recovered.skip("sum", 20).unwrap();
    assert!(recovered.skip("sum", 50).is_err(), "there is no such event yet");
    let error = recovered.skip("nobody", 1).unwrap_err();
    assert!(matches!(error, ReplayError::Keep(KeepError::NotSkippable { .. })), "{error}");
    recovered.replay(From::Start).unwrap();
    let (engine, publisher) = recovered.go_live().unwrap();
    let state: Sum = engine.shutdown(publisher).unwrap().take_handler("sum").unwrap();
    assert_eq!(state.seen, 49);
    let letters = DeadLetters::of(folder.path()).unwrap();
    assert_eq!(letters.all().len(), 1);
    assert!(letters.all()[0].to_string().contains("skipped by hand"), "{}", letters.all()[0]);
}

#[test]
fn a_dead_letter_is_not_settled_behind_what_a_crash_left() {
    let folder = tempfile::tempdir().unwrap();
    let stage = || {
        let handler = Sum { refuses: vec![20, 30], ..Sum::default() };
        Stage::new("sum", handler, Gate::JOURNALLED).on_error(OnError::DeadLetter)
    };
    live(folder.path(), stage(), From::Start, 50);
    let path = folder.path().join("stages/sum/dead-letters");
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 3]).unwrap();
    let mut letters = DeadLetters::of(folder.path()).unwrap();
    let letter = letters.open()[0].clone();
    let error = letters.settle(&letter, "sent by hand").unwrap_err();
    assert!(error.to_string().contains("open the engine once"), "{error}");
    // It was left as it was, so opening mends it, and what was not whole is tried again.
    let (state, _) = live(folder.path(), stage(), From::Start, 0);
    assert_eq!(state.seen, 48);
    let mut letters = DeadLetters::of(folder.path()).unwrap();
    assert_eq!(letters.open().len(), 2);
    letters.settle(&letter, "sent by hand").unwrap();
    assert_eq!(DeadLetters::of(folder.path()).unwrap().open().len(), 1);
}
