//! Dead letters: refused, skipped, settled.

use slipring::{DeadLetter, DeadLetterKind};

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
    let (state, _) = live(folder.path(), stage(&[7, 8, 70]), ReplayFrom::Start, 100);
    assert_eq!((state.seen, calls.swap(0, Ordering::Relaxed)), (97, 100));
    let state_then = state.total;
    // In the next life the handler would take them: it is not asked.
    let (state, _) = live(folder.path(), stage(&[]), ReplayFrom::Start, 0);
    assert_eq!((state.seen, state.total), (97, state_then));
    assert_eq!(calls.load(Ordering::Relaxed), 97);
    let mut letters = DeadLetters::of(folder.path()).unwrap();
    let open: Vec<u64> = letters.open().iter().map(|letter| letter.sequence).collect();
    assert_eq!((open, letters.all().len()), (vec![7, 8, 70], 3));
    let letter = letters.open()[1].clone();
    assert_eq!(letter.cause, "no trade 8");
    // Reprocessed as a new event, and settled.
    let mut recovered = with_stage(folder.path(), stage(&[]));
    recovered.replay(ReplayFrom::Start).unwrap();
    let (engine, mut publisher) = recovered.go_live().unwrap();
    let again = letters.reprocess(&engine, &mut publisher, |letter| letter.sequence == 8).unwrap();
    assert_eq!(again.len(), 1);
    assert_eq!((&again[0].letter, again[0].sequence), (&letter, 100));
    assert!(engine.counters().durable_end >= Some(101), "durable before it was settled");
    let mut report = engine.join().unwrap();
    let state: Sum = report.take(&StageKey::named("sum")).unwrap();
    let with_it = state_then.wrapping_mul(31).wrapping_add(trade(8).quantity);
    assert_eq!((state.seen, state.total), (98, with_it), "the handler had it");
    let mut reader = Journal::at(folder.path()).reader::<Trade>().unwrap();
    assert_eq!((*reader.at(100).unwrap().event(), reader.end_sequence()), (trade(8), 101));
    let on_disk = DeadLetters::of(folder.path()).unwrap();
    assert_eq!(on_disk.all(), letters.all());
    assert_eq!(on_disk.all().last().unwrap().cause, "published again at 100");
    assert_eq!(on_disk.open().iter().map(|letter| letter.sequence).collect::<Vec<_>>(), [7, 70]);
    let (state, _) = live(folder.path(), stage(&[]), ReplayFrom::Start, 0);
    assert_eq!((state.seen, state.total), (98, with_it), "the old one is skipped, the new one is replayed");
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
    let error = engine.join().unwrap_err().to_string();
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
    live(folder.path(), stage(None), ReplayFrom::Start, 50);
    let mut failed = with_stage(folder.path(), stage(Some(20)));
    let error = failed.replay(ReplayFrom::Start).unwrap_err();
    assert!(error.to_string().contains("sequence 20") && error.to_string().contains("poison"), "{error}");
    // Now whatever is asked of it, it says one and the same: open it again, and skip first.
    let said = [
        failed.skip("sum", 20).unwrap_err().to_string(),
        failed.replay(ReplayFrom::Start).unwrap_err().to_string(),
        failed.go_live().unwrap_err().to_string(),
    ];
    for text in said {
        assert!(text.starts_with("replay failed") && text.contains("before the replay"), "{text}");
        assert!(!text.contains("has already been done") && !text.contains(": go live"), "{text}");
    }
    let mut recovered = with_stage(folder.path(), stage(Some(20)));
    recovered.skip("sum", 20).unwrap();
    recovered.skip("sum", 20).unwrap();
    assert!(recovered.skip("sum", 50).is_err(), "there is no such event yet");
    let error = recovered.skip("nobody", 1).unwrap_err();
    assert!(matches!(error, ReplayError::Keep(KeepError::NoSuchStage { .. })), "{error}");
    assert_eq!(error.to_string(), "the engine has no stage nobody: there is: sum");
    recovered.replay(ReplayFrom::Start).unwrap();
    let error = recovered.skip("sum", 21).unwrap_err();
    assert!(matches!(error, ReplayError::AlreadyReplayed), "{error}");
    let (engine, _) = recovered.go_live().unwrap();
    let state: Sum = engine.join().unwrap().take(&StageKey::named("sum")).unwrap();
    assert_eq!(state.seen, 49);
    let letters = DeadLetters::of(folder.path()).unwrap();
    assert_eq!(letters.all().len(), 1);
    assert!(letters.all()[0].to_string().contains("skipped by hand"), "{}", letters.all()[0]);
}

#[test]
fn an_event_that_a_snapshot_holds_is_not_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let stage = || {
        let snapshots = Snapshots::every(1_000_000);
        Stage::new("sum", Sum::default(), Gate::JOURNALLED).on_error(OnError::DeadLetter).snapshots(snapshots)
    };
    live(folder.path(), stage(), ReplayFrom::Snapshot, 50);
    let snapshot = snapshot_files(folder.path()).pop().unwrap();
    let mut recovered = with_stage(folder.path(), stage());
    for sequence in [0, 20, 49] {
        let error = recovered.skip("sum", sequence).unwrap_err();
        let ReplayError::Keep(KeepError::SkipInSnapshot { sequence: at, path, .. }) = &error else {
            panic!("{error}")
        };
        assert_eq!((*at, path), (sequence, &snapshot));
        assert!(error.to_string().contains("move every snapshot"), "{error}");
    }
    drop(recovered);
    assert!(DeadLetters::of(folder.path()).unwrap().all().is_empty(), "nothing was recorded");
    // Done as it says: the event is skipped, and the next snapshot is behind that.
    std::fs::remove_file(&snapshot).unwrap();
    for life in 0..2 {
        let mut recovered = with_stage(folder.path(), stage());
        // In the second life a snapshot has it as skipped: to say it again is no mistake.
        recovered.skip("sum", 20).unwrap();
        let replayed = recovered.replay(ReplayFrom::Snapshot).unwrap().events();
        assert_eq!(replayed, [50, 0][life]);
        let (engine, _) = recovered.go_live().unwrap();
        let state: Sum = engine.join().unwrap().take(&StageKey::named("sum")).unwrap();
        assert_eq!(state.seen, 49);
    }
    // One that recovery would refuse stands in nobody's way.
    std::fs::write(snapshot_files(folder.path()).pop().unwrap(), b"nonsense").unwrap();
    with_stage(folder.path(), stage()).skip("sum", 21).unwrap();
}

#[test]
fn a_dead_letter_is_not_settled_behind_what_a_crash_left() {
    let folder = tempfile::tempdir().unwrap();
    let stage = || {
        let handler = Sum { refuses: vec![20, 30], ..Sum::default() };
        Stage::new("sum", handler, Gate::JOURNALLED).on_error(OnError::DeadLetter)
    };
    live(folder.path(), stage(), ReplayFrom::Start, 50);
    let path = folder.path().join("stages/sum/dead-letters");
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 3]).unwrap();
    let mut letters = DeadLetters::of(folder.path()).unwrap();
    let letter = letters.open()[0].clone();
    let error = letters.settle(&letter, "sent by hand").unwrap_err();
    assert!(error.to_string().contains("open the engine once"), "{error}");
    // It was left as it was, so opening mends it, and what was not whole is tried again.
    let (state, _) = live(folder.path(), stage(), ReplayFrom::Start, 0);
    assert_eq!(state.seen, 48);
    let mut letters = DeadLetters::of(folder.path()).unwrap();
    assert_eq!(letters.open().len(), 2);
    letters.settle(&letter, "sent by hand").unwrap();
    assert_eq!(DeadLetters::of(folder.path()).unwrap().open().len(), 1);
}

/// A log of five letters, and where each ends; a mark behind the third says that they are synced, the rest
/// may not be.
fn half_synced(folder: &std::path::Path) -> (impl Fn() -> Stage<Sum>, std::path::PathBuf, [usize; 5]) {
    let stage = || {
        let handler = Sum { refuses: vec![10, 20, 30, 60, 70], ..Sum::default() };
        Stage::new("sum", handler, Gate::JOURNALLED).on_error(OnError::DeadLetter)
    };
    live(folder, stage(), ReplayFrom::Start, 50);
    live(folder, stage(), ReplayFrom::Start, 50);
    let path = folder.join("stages/sum/dead-letters");
    // Without the mark of the second life's end.
    let mark_bytes = 40;
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - mark_bytes]).unwrap();
    let letter_bytes = (bytes.len() - 2 * mark_bytes) / 5;
    (stage, path, std::array::from_fn(|n| (n + 1) * letter_bytes + if n < 3 { 0 } else { mark_bytes }))
}

#[test]
fn what_power_loss_leaves_behind_the_last_sync_is_cut_off_and_said_and_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let (stage, path, ends) = half_synced(folder.path());
    let whole = std::fs::read(&path).unwrap();
    assert_eq!(whole.len(), ends[4]);
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = whole.clone();
        change(&mut bytes);
        bytes
    };
    let leftovers = [
        // The file has grown, and nothing of what made it grow has come to the disk.
        (with(&|bytes| bytes.resize(ends[4] + 5000, 0)), 5000),
        // All of the last letter's length, and half of the letter.
        (with(&|bytes| bytes[ends[4] - 12..].fill(0)), ends[4] - ends[3]),
        // The last letter, and not the one before.
        (with(&|bytes| bytes[ends[3] - 30..ends[3]].fill(0)), ends[4] - ends[2] - 40),
        (with(&|bytes| bytes.truncate(ends[3] + 3)), 3),
    ];
    for (left, torn) in leftovers {
        std::fs::write(&path, left).unwrap();
        let mut recovered = with_stage(folder.path(), stage());
        recovered.replay(ReplayFrom::Start).unwrap();
        assert_eq!(recovered.torn_dead_letters(), [("sum".to_owned(), torn as u64)]);
        let (engine, _) = recovered.go_live().unwrap();
        let state: Sum = engine.join().unwrap().take(&StageKey::named("sum")).unwrap();
        assert_eq!(state.seen, 95);
        let letters = DeadLetters::of(folder.path()).unwrap();
        let open: Vec<_> = letters.open().iter().map(|letter| letter.sequence).collect();
        assert_eq!(open, [10, 20, 30, 60, 70]);
        let mut again = with_stage(folder.path(), stage());
        again.replay(ReplayFrom::Start).unwrap();
        assert!(again.torn_dead_letters().is_empty());
    }
}

#[test]
fn damage_to_a_synced_dead_letter_is_never_taken_for_a_torn_end() {
    let folder = tempfile::tempdir().unwrap();
    let (stage, path, ends) = half_synced(folder.path());
    let whole = std::fs::read(&path).unwrap();
    let refused = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let error = with_stage(folder.path(), stage()).replay(ReplayFrom::Start).unwrap_err();
        assert!(matches!(error, ReplayError::Keep(KeepError::Damaged { .. })), "{error}");
        let error = DeadLetters::of(folder.path()).unwrap_err();
        assert!(matches!(error, KeepError::Damaged { .. }), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), bytes, "it is left as it was");
    };
    // The last that is synced; so many zeros that a page may have been lost; with and without more behind the
    // mark.
    for end in [ends[2] + 40, ends[4]] {
        let mut bytes = whole[..end].to_vec();
        bytes[ends[2] - 1] ^= 1;
        refused(&bytes);
        bytes[ends[0]..ends[2]].fill(0);
        refused(&bytes);
    }
    // A clean end marks all of it.
    std::fs::write(&path, &whole).unwrap();
    live(folder.path(), stage(), ReplayFrom::Start, 0);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[ends[4] - 1] ^= 1;
    refused(&bytes);
}

#[test]
fn a_stage_without_dead_letters_or_without_existence_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let halting = Stage::new("sum", Sum::default(), Gate::JOURNALLED).snapshots(Snapshots::every(1_000_000));
    live(folder.path(), halting, ReplayFrom::Start, 50);
    let halting = Stage::new("sum", Sum::default(), Gate::JOURNALLED).snapshots(Snapshots::every(1_000_000));
    let error = with_stage(folder.path(), halting).skip("sum", 20).unwrap_err();
    assert!(matches!(error, ReplayError::Keep(KeepError::NotSkippable { .. })), "{error}");
    assert!(DeadLetters::of_stage(folder.path(), "sum").unwrap().all().is_empty());
    let error = DeadLetters::of_stage(folder.path(), "nope").unwrap_err();
    assert!(
        matches!(&error, KeepError::NothingKept { stage, known, .. } if stage == "nope" && known == &["sum"])
    );
    assert!(error.to_string().contains("there is: sum; nothing was changed"), "{error}");
    // A letter that somebody made up.
    let letter = DeadLetter {
        stage: "nope".to_owned(),
        sequence: 1,
        epoch: 1,
        kind: DeadLetterKind::Refused,
        tries: 1,
        due_ns: None,
        cause: String::new(),
    };
    let error = DeadLetters::of(folder.path()).unwrap().settle(&letter, "x").unwrap_err();
    assert!(matches!(error, KeepError::NothingKept { .. }), "{error}");
}
