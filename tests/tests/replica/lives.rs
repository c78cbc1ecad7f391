//! What becomes of a replica: it is read and followed while it grows, and promoted.

use slipring_journal::{
    Anchor, Journal, JournalFault, JournalId, MAX_EPOCH, OpenError, RecoveryReport, RejoinError, Status,
    promotion_epoch, verify,
};

use crate::primary::{Run, Step, event, live, options, origin, schema, stored};
use slipring_tests::folders::in_memory;

/// A primary of 30 records in three epochs, and a replica that has `count` of them and was closed.
fn replicated(count: u64) -> (tempfile::TempDir, Run) {
    let folder = in_memory();
    let (one, other) = (folder.path().join("one"), folder.path().join("other"));
    let life = [10, 10, 10].map(|count| [Step::Append(count, 5), Step::NextLife { dies: true }]).concat();
    live(&options(&one, 8), &life[..5]);
    let run = stored(&one).remove(0);
    let (mut replica, _) = options(&other, 6).replica(&run.schema, &origin(&one)).unwrap();
    assert_eq!(replica.take(0, None, run.part(0..count)).unwrap(), count);
    replica.close().unwrap();
    (folder, run)
}

fn promote(journal: &Journal, epoch: u32) -> Result<RecoveryReport, OpenError> {
    journal.clone().promote(epoch).open_raw(&schema(1)).map(|(writer, report)| {
        writer.close().unwrap();
        report
    })
}

#[test]
fn a_promoted_replica_is_an_ordinary_journal() {
    let (folder, run) = replicated(25);
    let journal = options(&folder.path().join("other"), 6);
    for taken in [0, 1, 3] {
        let refused = promote(&journal, taken);
        assert!(matches!(refused, Err(OpenError::EpochTaken { known: 3, .. })), "{refused:?}");
    }
    for near in [4, 50, 1_002] {
        let refused = promote(&journal, near);
        let Err(OpenError::EpochTooNear { known: 3, least: 1_003, .. }) = refused else {
            panic!("{refused:?}")
        };
    }
    let most = MAX_EPOCH - 1_000;
    for great in [most + 1, MAX_EPOCH, u32::MAX] {
        let refused = promote(&journal, great);
        let Err(OpenError::EpochTooGreat { most: found, .. }) = refused else { panic!("{refused:?}") };
        assert_eq!(found, most);
    }
    let (mut writer, report) = journal.clone().promote(1_003).open_raw(&schema(1)).unwrap();
    assert_eq!((report.epoch, report.end_sequence, report.replica), (1_003, 25, false));
    assert_eq!(writer.append(1_000_000, &event(1, 25)).unwrap(), 25);
    writer.close().unwrap();
    let refused = promote(&journal, 3_000);
    assert!(matches!(refused, Err(OpenError::NotReplica { epoch: 1_003, .. })), "{refused:?}");
    let refused = journal.clone().write_on().open_raw(&schema(1)).err().unwrap();
    assert!(matches!(refused, OpenError::NotReplica { .. }), "{refused}");
    let refused = journal.replica(&schema(1), &origin(&folder.path().join("one")));
    assert!(matches!(refused, Err(OpenError::NotReplica { .. })), "{refused:?}");
    let (writer, report) = journal.open_raw(&schema(1)).unwrap();
    assert_eq!((writer.epoch(), report.end_sequence), (1_004, 26));
    writer.close().unwrap();
    let own = stored(&folder.path().join("other")).remove(0);
    assert_eq!(own.part(0..25), run.part(0..25));
    let mut reader = journal.raw_reader().unwrap();
    assert!(!reader.is_replica());
    assert_eq!((reader.at(24).unwrap().epoch, reader.at(25).unwrap().epoch), (3, 1_003));
    assert_eq!(verify(journal.path(), |_, _| {}).unwrap().status, Status::Fine);
}

/// The greatest epoch that is taken leaves as many openings as there must be.
#[test]
fn a_promotion_leaves_epochs_for_the_openings_to_come() {
    let (folder, _run) = replicated(25);
    let journal = options(&folder.path().join("other"), 6);
    let most = MAX_EPOCH - 1_000;
    assert_eq!(promote(&journal, most).unwrap().epoch, most);
    for opening in 1..=3 {
        let (writer, _) = journal.open_raw(&schema(1)).unwrap();
        assert_eq!(writer.epoch(), most + opening);
        writer.close().unwrap();
    }
    // Nor does a replica of it leave room for another promotion.
    assert_eq!((promotion_epoch(most), promotion_epoch(u32::MAX)), (None, None));
    for known in [0, 1, 23, 24, 25, 1_023, 1_024, 5_000] {
        let epoch = promotion_epoch(known).unwrap();
        assert!(epoch % 1_024 == 0 && (known + 1_000..known + 2_024).contains(&epoch), "{known}: {epoch}");
    }
}

/// What a journal knew as a writer counts in its promotion as a replica, whatever records it takes.
#[test]
fn a_replica_that_was_a_writer_knows_its_own_epochs() {
    let (folder, run) = replicated(25);
    let one = options(&folder.path().join("one"), 8);
    // Opened some more times than its records tell.
    let (writer, _) = one.open_raw(&schema(1)).unwrap();
    assert_eq!(writer.epoch(), 4);
    writer.close().unwrap();
    let fork = one.raw_reader().unwrap().anchor(19).unwrap();
    one.rejoin(fork).unwrap();
    let (mut replica, _) = one.replica(&schema(1), &origin(&folder.path().join("other"))).unwrap();
    assert_eq!((replica.epoch(), replica.known_epoch()), (2, 4));
    replica.take(20, run.before(20), run.part(20..25)).unwrap();
    assert_eq!((replica.epoch(), replica.known_epoch()), (3, 4));
    replica.close().unwrap();
    let refused = promote(&one, 1_003);
    assert!(matches!(refused, Err(OpenError::EpochTooNear { known: 4, .. })), "{refused:?}");
    // Its own records taken back, it writes on in the next one.
    let refused = one.clone().write_on().replica(&schema(1), &origin(&folder.path().join("other")));
    assert!(matches!(refused, Err(OpenError::BadOption { option: "write_on", .. })), "{refused:?}");
    let (writer, report) = one.clone().write_on().open_raw(&schema(1)).unwrap();
    assert_eq!((writer.epoch(), report.end_sequence, report.replica), (5, 25, false));
    writer.close().unwrap();
    one.open_raw(&schema(1)).unwrap().0.close().unwrap();
}

#[test]
fn nothing_is_promoted_where_there_is_no_journal() {
    let folder = in_memory();
    let journal = Journal::at(folder.path().join("none"));
    let refused = promote(&journal, 7);
    let Err(OpenError::Journal(JournalFault::NoJournal { .. })) = refused else { panic!("{refused:?}") };
    let fork = Anchor { journal_id: JournalId([1; 16]), sequence: 3, epoch: 1, crc: 2 };
    let refused = journal.rejoin(fork);
    let Err(RejoinError::Open(OpenError::Journal(JournalFault::NoJournal { .. }))) = refused else {
        panic!("{refused:?}")
    };
    assert!(!folder.path().join("none").exists(), "nothing is made");
}

#[test]
fn a_replica_is_followed_while_it_grows_over_its_lives() {
    let (folder, run) = replicated(7);
    let journal = options(&folder.path().join("other"), 6);
    let mut follower = journal.follow_raw(0).unwrap();
    let mut named = journal.named_reader_raw("copy").unwrap();
    let mut seen = Vec::new();
    let mut at = 7;
    while at < 30 {
        let (mut replica, report) = journal.replica(&schema(1), &origin(&folder.path().join("one"))).unwrap();
        assert_eq!((report.end_sequence, report.truncated_at), (at, None));
        replica.take(at, run.before(at), run.part(at..(at + 4).min(30))).unwrap();
        at = replica.end_sequence();
        while let Some(chunk) = follower.next_chunk().unwrap() {
            seen.extend(chunk.records().map(|record| (record.sequence, record.epoch, record.crc)));
        }
        while named.next_chunk().unwrap().is_some() {}
        named.commit(at).unwrap();
        match at % 2 {
            0 => replica.abandon(),
            _ => assert_eq!(replica.close().unwrap(), at),
        }
    }
    let mut reader = Journal::at(folder.path().join("one")).raw_reader().unwrap();
    let wanted = |sequence| {
        let record = reader.at(sequence).unwrap();
        (sequence, record.epoch, record.crc)
    };
    assert_eq!(seen, (0..30).map(wanted).collect::<Vec<_>>());
    assert_eq!(named.position(), 30);
}

/// An older type of a replica that has gone on to a newer one comes back: a message that is out of date.
#[test]
fn a_type_older_than_the_newest_is_refused() {
    let folder = in_memory();
    let (one, other) = (folder.path().join("one"), folder.path().join("other"));
    live(&options(&one, 8), &[Step::Append(10, 5), Step::NextType, Step::Append(10, 5)]);
    let runs = stored(&one);
    let (mut replica, _) = options(&other, 6).replica(&runs[0].schema, &origin(&one)).unwrap();
    replica.take(0, None, &runs[0].bytes).unwrap();
    let mut replica = replica.next_type(&runs[1].schema).unwrap();
    replica.take(10, runs[1].before(10), &runs[1].bytes).unwrap();
    replica.close().unwrap();
    let refused = options(&other, 6).replica(&runs[0].schema, &origin(&one));
    let Err(OpenError::Journal(JournalFault::SchemaMismatch { .. })) = refused else { panic!("{refused:?}") };
    // One that is promoted is opened as the newest too.
    let refused = options(&other, 6).promote(1_024).open_raw(&schema(1)).err().unwrap();
    assert!(matches!(refused, OpenError::Journal(JournalFault::SchemaMismatch { .. })), "{refused}");
    let (writer, report) = options(&other, 6).promote(1_024).open_raw(&schema(3)).unwrap();
    assert_eq!((report.end_sequence, report.new_event_version), (20, Some(3)));
    writer.close().unwrap();
}
