//! The journal's side of a bridge: what is packed is what lies there, and where to go on is judged by
//! records.
#![forbid(unsafe_code)]

use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use slipring_bridge::follow::{Follow, Followed};
use slipring_bridge::history::{GoOn, HistoryError, Judge, StreamEnd};
use slipring_bridge::pack::{Batch, Packer};
use slipring_bridge::source::{Source, SourceOptions};
use slipring_bridge::wire::{Head, Kind, MOST_PAYLOAD_BYTES};
use slipring_journal::{Anchor, Event, Field, Journal, ReaderStart, Retention, Schema};

fn blob(size: usize) -> Schema {
    let field =
        Field { name: "f".to_owned(), kind: format!("[u8;{size}]"), offset: 0, size, attributes: vec![] };
    let attributes = vec![("version".to_owned(), size.to_string())];
    Schema { name: "Blob".to_owned(), size, fields: vec![field], attributes }
}

/// A journal whose runs of records are of these sizes, each so many.
fn of_sizes(folder: &Path, runs: &[(usize, u64)], segment_records: u64) -> Journal {
    let journal = Journal::at(folder).segment_records(segment_records);
    for (size, count) in runs {
        let (mut writer, _) = journal.open_raw(&blob(*size)).unwrap();
        for _ in 0..*count {
            let sequence = writer.end_sequence();
            writer.append(sequence, &vec![sequence as u8; *size]).unwrap();
        }
        writer.close().unwrap();
    }
    journal
}

/// All that lies in a journal: schema and bytes of each record.
fn stored(journal: &Journal) -> Vec<(String, Vec<u8>)> {
    let mut reader = journal.stored_reader("look").unwrap();
    reader.seek(ReaderStart::First).unwrap();
    let mut all = Vec::new();
    while let Some(run) = reader.next_run_below(u64::MAX).unwrap() {
        let records = run.records.bytes().chunks_exact(run.records.record_bytes());
        all.extend(records.map(|record| (run.schema.to_owned(), record.to_vec())));
    }
    all
}

fn check_batches(batches: &[Batch], all: &[(String, Vec<u8>)]) {
    let (mut next, mut before) = (0, (0, 0));
    for batch in batches {
        assert_eq!((batch.first, batch.before), (next as u64, before));
        assert!(batch.payload.len() <= MOST_PAYLOAD_BYTES || batch.count == 1);
        let record_bytes = batch.payload.len() / batch.count as usize;
        for record in batch.payload.chunks_exact(record_bytes) {
            assert_eq!((&*batch.schema, record), (all[next].0.as_str(), &all[next].1[..]));
            next += 1;
        }
        before = (batch.epoch, batch.crc);
    }
    assert_eq!(next, all.len());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn batches_are_what_lies_there(
        mut runs in prop::collection::vec((1_usize..3_000, 0_u64..300), 1..4),
        segment_records in 1_u64..200,
        looks in prop::collection::vec(1_u64..250, 1..20),
    ) {
        // A newer version each.
        runs.sort_unstable();
        runs.dedup_by_key(|run| run.0);
        let folder = tempfile::tempdir().unwrap();
        let journal = of_sizes(folder.path(), &runs, segment_records);
        let mut reader = journal.stored_reader("out").unwrap();
        let (mut packer, now) = (Packer::new(Duration::from_secs(1)), Instant::now());
        let (mut batches, mut end) = (Vec::new(), 0);
        for look in looks.iter().cycle() {
            end += look;
            while let Some(run) = reader.next_run_below(end).unwrap() {
                packer.push(&run, now);
            }
            batches.extend(std::iter::from_fn(|| packer.ripe(now)));
            if end > 1_000 {
                break;
            }
        }
        batches.extend(std::iter::from_fn(|| packer.ripe(now + Duration::from_secs(1))));
        check_batches(&batches, &stored(&journal));
    }
}

#[test]
fn a_record_longer_than_a_payload_goes_alone() {
    let folder = tempfile::tempdir().unwrap();
    let journal = of_sizes(folder.path(), &[(100_000, 3), (900_000, 2)], 4);
    let mut source = Source::open(&journal, &options("out")).unwrap();
    let batches: Vec<_> = std::iter::from_fn(|| source.next_batch().unwrap()).collect();
    assert_eq!(batches.iter().map(|batch| batch.count).collect::<Vec<_>>(), [1; 5]);
    check_batches(&batches, &stored(&journal));
}

fn options(reader: &str) -> SourceOptions {
    SourceOptions { reader: reader.to_owned(), max_delay: Duration::ZERO, ahead_of_disk: false }
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Tick {
    own: u64,
}

fn ticks(folder: &Path, count: u64) -> Journal {
    let journal = Journal::at(folder).segment_records(16);
    let (mut writer, _) = journal.open::<Tick>().unwrap();
    for _ in 0..count {
        let own = writer.end_sequence();
        writer.append(own, &Tick { own }).unwrap();
    }
    writer.close().unwrap();
    journal
}

fn anchor(journal: &Journal, sequence: u64) -> Anchor {
    journal.raw_reader().unwrap().anchor(sequence).unwrap()
}

/// A message whose last record is that one.
fn message(anchor: &Anchor) -> Head {
    let (kind, journal_id, branch) = (Kind::Records, anchor.journal_id, [0; 16]);
    let (epoch, crc, first) = (anchor.epoch, anchor.crc, anchor.sequence);
    Head { kind, journal_id, branch, epoch, first, count: 1, crc, time_ns: 0, schema: Some(1) }
}

#[test]
fn what_the_stream_ends_with_is_confirmed_by_everything_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let journal = ticks(folder.path(), 50);
    let judge = Judge::new(journal.clone(), 10, Some(anchor(&journal, 9)));
    let at = |head: Head| judge.go_on(StreamEnd::Last(head), 0, false);
    let last = message(&anchor(&journal, 29));
    assert_eq!(at(last).unwrap(), GoOn { sequence: 30, behind: Some(anchor(&journal, 29)) });
    let other_id = slipring_journal::JournalId([3; 16]);
    use HistoryError as E;
    assert!(matches!(at(Head { journal_id: other_id, ..last }), Err(E::OtherJournal { .. })));
    assert!(matches!(at(Head { branch: [1; 16], ..last }), Err(E::OtherBranch { .. })));
    assert!(matches!(at(Head { epoch: 2, ..last }), Err(E::Fenced { epoch: 2, own: 1 })));
    assert!(matches!(at(Head { crc: last.crc ^ 1, ..last }), Err(E::Differs { sequence: 29, .. })));
    assert!(matches!(at(Head { first: 28, ..last }), Err(E::Differs { sequence: 28, .. })));
    assert!(matches!(
        at(Head { first: 60, ..last }),
        Err(E::JournalShorter { stream_end: 61, journal_end: 50 })
    ));
    let behind = message(&anchor(&journal, 8));
    assert!(matches!(at(behind), Err(E::StreamShorter { stream_end: 9, acknowledged: 10 })));
    let more = judge.go_on(StreamEnd::Last(last), 31, false);
    assert!(matches!(more, Err(E::StreamShorter { stream_end: 30, acknowledged: 31 })));
    // A promotion that this journal's own writer has outgrown.
    let epoch = Head { kind: Kind::Epoch, first: 30, count: 0, ..last };
    assert_eq!(at(epoch).unwrap().sequence, 30);
    assert!(matches!(at(Head { crc: 5, ..epoch }), Err(E::Differs { sequence: 29, .. })));
}

#[test]
fn an_empty_stream_is_gone_on_with_at_the_journals_beginning_or_when_told() {
    let folder = tempfile::tempdir().unwrap();
    let journal = ticks(folder.path(), 50);
    let fresh = Judge::new(journal.clone(), 0, None);
    assert_eq!(fresh.go_on(StreamEnd::New, 0, false).unwrap(), GoOn { sequence: 0, behind: None });
    assert!(fresh.go_on(StreamEnd::Emptied, 0, false).is_err());
    let at_10 = Judge::new(journal.clone(), 10, Some(anchor(&journal, 9)));
    for end in [StreamEnd::New, StreamEnd::Emptied] {
        assert!(matches!(at_10.go_on(end, 0, false), Err(HistoryError::NothingToGoBy { position: 10 })));
        let told = at_10.go_on(end, 0, true).unwrap();
        assert_eq!(told, GoOn { sequence: 10, behind: Some(anchor(&journal, 9)) });
    }
}

#[test]
fn what_retention_took_is_a_gap_unless_the_reader_stands_there() {
    let folder = tempfile::tempdir().unwrap();
    let journal = ticks(folder.path(), 200);
    let (old, at_first) = (anchor(&journal, 20), anchor(&journal, 100));
    let retention = Retention::new().keep_bytes(1);
    let (writer, _) = journal.clone().retention(retention).open::<Tick>().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while journal.raw_reader().unwrap().first_sequence() <= 100 {
        assert!(Instant::now() < deadline, "nothing was retired");
        std::thread::sleep(Duration::from_millis(5));
    }
    writer.close().unwrap();
    let first = journal.raw_reader().unwrap().first_sequence();
    let judge = Judge::new(journal.clone(), 0, None);
    let gone = judge.go_on(StreamEnd::Last(message(&old)), 0, false);
    assert!(matches!(gone, Err(HistoryError::Gone { stream_end: 21, .. })), "{gone:?}");
    let gone = judge.go_on(StreamEnd::Last(message(&at_first)), 0, false);
    assert!(matches!(gone, Err(HistoryError::Gone { stream_end: 101, .. })), "{gone:?}");
    // A schema that was sent before the first that is kept, of which nobody knows the record before.
    let about = Head { kind: Kind::Schema, epoch: 0, crc: 0, first, count: 0, schema: None, ..message(&old) };
    assert_eq!(judge.go_on(StreamEnd::Last(about), 0, false).unwrap().sequence, first);
}

#[test]
fn a_thread_reads_commits_and_goes_on_where_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let journal = ticks(folder.path(), 50);
    let (tell, told) = mpsc::sync_channel(1);
    let source = Source::open(&journal, &options("out")).unwrap();
    let follow = Follow::start(source, move |what| tell.send(what).is_ok()).unwrap();
    let next = || told.recv_timeout(Duration::from_secs(60)).unwrap();
    let until_end = || loop {
        match next() {
            Followed::CaughtUp(end) => return end,
            Followed::Batch(_) => {}
            other => panic!("{other:?}"),
        }
    };
    follow.go_on(GoOn { sequence: 0, behind: None });
    assert!(matches!(next(), Followed::GoesOn));
    assert!(matches!(next(), Followed::Batch(Batch { first: 0, .. })));
    assert_eq!(until_end(), 50);
    follow.commit(40);
    follow.go_on(GoOn { sequence: 45, behind: Some(anchor(&journal, 44)) });
    assert!(matches!(next(), Followed::GoesOn));
    let Followed::Batch(batch) = next() else { panic!("no batch") };
    let before = anchor(&journal, 44);
    // To the end of the segment: with no delay nothing waits for the next one.
    assert_eq!((batch.first, batch.count, batch.before), (45, 3, (before.epoch, before.crc)));
    assert_eq!(until_end(), 50);
    assert_eq!(follow.close().unwrap(), 40);
    let readers = journal.readers().unwrap();
    assert_eq!(readers.iter().find(|reader| reader.name == "out").unwrap().position, Some(40));
    // One that waits for somebody to take what it has ends when nobody does.
    let (tell, told) = mpsc::sync_channel(0);
    let source = Source::open(&journal, &options("out")).unwrap();
    let follow = Follow::start(source, move |what| tell.send(what).is_ok()).unwrap();
    follow.go_on(GoOn { sequence: 40, behind: Some(anchor(&journal, 39)) });
    drop(told);
    assert_eq!(follow.close().unwrap(), 40);
}
