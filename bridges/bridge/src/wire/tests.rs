use proptest::prelude::*;
use slipring_journal::{Event, Journal, JournalId, StoredFault};

use super::*;

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Tick {
    price: u64,
    size: u32,
    side: u32,
}

/// The journal's id, its records' bytes and their schema.
fn stored(records: u64) -> (Head, Vec<u8>, Schema) {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::at(folder.path()).segment_records(1024);
    let (mut writer, _) = journal.open::<Tick>().unwrap();
    for n in 0..records {
        writer.append(10 + n, &Tick { price: n, size: 1, side: 2 }).unwrap();
    }
    writer.close().unwrap();
    let mut reader = journal.stored_reader("test").unwrap();
    let identity = reader.identity().unwrap();
    let run = reader.next_run_below(u64::MAX).unwrap().unwrap();
    let last = run.records.records().last().unwrap();
    let head = Head {
        kind: Kind::Records,
        journal_id: identity.journal_id,
        branch: identity.branch,
        epoch: last.epoch,
        first: 0,
        count: run.records.len() as u32,
        crc: last.crc,
        time_ns: 10,
        schema: Some(1),
    };
    let about = Head { kind: Kind::Schema, count: 0, epoch: 0, crc: 0, schema: None, ..head };
    (head, run.records.bytes().to_vec(), about.schema_of(run.schema.as_bytes()).unwrap())
}

fn parse(headers: &[(&str, String)]) -> Result<Head, HeadError> {
    Head::parse(headers.iter().map(|(name, value)| (*name, value.as_str())))
}

fn a_head() -> Head {
    Head {
        kind: Kind::Records,
        journal_id: JournalId([0xab; 16]),
        branch: [0x01; 16],
        epoch: 7,
        first: 100,
        count: 3,
        crc: 0x0012_3456,
        time_ns: u64::MAX,
        schema: Some(9),
    }
}

#[test]
fn headers_say_what_was_written() {
    let records = a_head();
    let schema = Head { kind: Kind::Schema, count: 0, schema: None, ..records };
    let first = Head { epoch: 0, crc: 0, first: 0, branch: [0; 16], ..schema };
    let epoch = Head { kind: Kind::Epoch, count: 0, schema: None, ..records };
    for head in [records, schema, first, epoch] {
        assert_eq!(parse(&head.headers()).unwrap(), head);
    }
    assert_eq!(first.headers().iter().filter(|(name, _)| *name == BRANCH).count(), 0);
    let place = |head: Head| head.last().map(|last| (last.sequence, last.epoch));
    assert_eq!(place(records), Some((102, Some(7))));
    assert_eq!(place(schema), Some((99, Some(7))));
    assert_eq!((place(first), place(epoch)), (None, Some((99, None))));
}

#[test]
fn names_are_found_in_any_case_among_those_of_others() {
    let mut headers = vec![("Nats-Expected-Last-Sequence".to_owned(), "5".to_owned())];
    headers.extend(a_head().headers().into_iter().map(|(name, value)| (name.to_lowercase(), value)));
    let headers = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    assert_eq!(Head::parse(headers).unwrap(), a_head());
}

#[test]
fn headers_that_are_missing_or_twice_there_are_refused() {
    for name in HEADERS.into_iter().filter(|name| *name != BRANCH) {
        let mut headers = a_head().headers();
        headers.retain(|(there, _)| *there != name);
        assert!(parse(&headers).is_err(), "{name} may be missing");
        let mut headers = a_head().headers();
        headers.extend(a_head().headers().into_iter().filter(|(there, _)| *there == name));
        assert_eq!(parse(&headers), Err(HeadError::Twice { name }));
    }
}

#[test]
fn values_that_nobody_writes_are_refused() {
    for (name, values) in [
        (KIND, vec!["", "Records", "record"]),
        (JOURNAL, vec!["", "ab", "+0000000000000000000000000000000", "ABABABABABABABABABABABABABABABAB"]),
        (BRANCH, vec!["00000000000000000000000000000000", "é"]),
        (EPOCH, vec!["", "-1", "+1", "07", "268435456", "18446744073709551617", "0", "x"]),
        (FIRST, vec!["", "4611686018427387905", "1e3", "4611686018427387904"]),
        (COUNT, vec!["0", "4097", "-3"]),
        (CRC, vec!["", "123456", "0x123456", "+0123456", "0012345G"]),
        (TIME, vec!["", "18446744073709551616"]),
        (SCHEMA, vec!["0", "", "1 "]),
    ] {
        for value in values {
            let mut headers = a_head().headers();
            headers
                .iter_mut()
                .filter(|(there, _)| *there == name)
                .for_each(|one| value.clone_into(&mut one.1));
            assert!(parse(&headers).is_err(), "{name}: {value:?} was taken");
        }
    }
    let long = "9".repeat(1 << 20);
    let mut headers = a_head().headers();
    headers.iter_mut().filter(|(there, _)| *there == FIRST).for_each(|one| one.1.clone_from(&long));
    assert!(parse(&headers).unwrap_err().to_string().len() < 200);
}

#[test]
fn records_are_those_of_the_journal() {
    let (head, bytes, schema) = stored(100);
    let chunk = head.records(&bytes, &schema).unwrap();
    assert_eq!((chunk.len(), chunk.bytes()), (100, &bytes[..]));
    let fault = |head: Head, bytes: &[u8]| head.records(bytes, &schema).unwrap_err();
    let other = JournalId([1; 16]);
    let at_0 = PayloadError::Records(StoredFault::Checksum { sequence: 0 });
    assert_eq!(fault(Head { journal_id: other, ..head }, &bytes), at_0);
    let moved = fault(Head { first: 1, ..head }, &bytes);
    assert_eq!(moved, PayloadError::Records(StoredFault::Checksum { sequence: 1 }));
    assert!(matches!(fault(Head { crc: head.crc ^ 1, ..head }, &bytes), PayloadError::Last { .. }));
    assert!(matches!(fault(Head { epoch: head.epoch + 1, ..head }, &bytes), PayloadError::Last { .. }));
    assert_eq!(fault(Head { time_ns: 9, ..head }, &bytes), PayloadError::Time { time_ns: 10 });
    assert!(matches!(fault(head, &bytes[1..]), PayloadError::Uneven { .. }));
    assert!(matches!(fault(head, &[]), PayloadError::Records(StoredFault::RecordBytes { .. })));
    assert!(matches!(fault(Head { count: 50, ..head }, &bytes), PayloadError::Records(_)));
    assert!(matches!(fault(Head { kind: Kind::Epoch, ..head }, &bytes), PayloadError::Kind { .. }));
    let swapped: Vec<u8> = bytes[32..64].iter().chain(&bytes[..32]).chain(&bytes[64..]).copied().collect();
    assert_eq!(fault(head, &swapped), at_0);
    let too_long = vec![0; 3 * MOST_PAYLOAD_BYTES];
    assert!(matches!(fault(Head { count: 3, ..head }, &too_long), PayloadError::TooLong { .. }));
}

#[test]
fn a_schema_is_one() {
    let head = Head { kind: Kind::Schema, count: 0, schema: None, ..a_head() };
    assert_eq!(head.schema_of(b"nonsense"), Err(PayloadError::NoSchema));
    assert_eq!(head.schema_of(&[0xff; 4]), Err(PayloadError::NoSchema));
    assert!(matches!(head.schema_of(&vec![b'a'; 1 << 20]), Err(PayloadError::TooLong { .. })));
    let epoch = Head { kind: Kind::Epoch, count: 0, ..a_head() };
    assert!(epoch.nothing_in(&[]).is_ok() && epoch.nothing_in(&[0]).is_err());
}

proptest! {
    #[test]
    fn any_headers_are_read_or_refused(
        headers in prop::collection::vec((prop::sample::select(HEADERS.to_vec()), "[ -~]{0,40}"), 0..12)
    ) {
        let _ = Head::parse(headers.iter().map(|(name, value)| (*name, value.as_str())));
    }

    #[test]
    fn any_payload_is_checked(bytes in prop::collection::vec(any::<u8>(), 0..300), count in 1_u32..20) {
        let (_, _, schema) = stored(1);
        let head = Head { count, ..a_head() };
        prop_assert!(head.records(&bytes, &schema).is_err());
    }

    #[test]
    fn a_flip_anywhere_is_seen(at in 0_usize..3200, bit in 0_u8..8) {
        let (head, mut bytes, schema) = stored(100);
        bytes[at] ^= 1 << bit;
        prop_assert!(head.records(&bytes, &schema).is_err());
    }

    /// Whatever of a message is another: what is read says the same when it is written again, word for word.
    #[test]
    fn what_is_read_is_what_would_be_written(
        (kind, first, count, epoch) in (0_usize..3, numbers(), numbers(), numbers()),
        (crc, time_ns, schema) in (any::<u32>(), numbers(), prop::option::of(numbers())),
        (id, branch) in (any::<[u8; 16]>(), prop::option::of(any::<[u8; 16]>())),
        edit in prop::option::of((any::<prop::sample::Index>(), "[0-9a-fA-F+ -]{0,34}")),
    ) {
        let mut headers = vec![
            (KIND, ["records", "schema", "epoch"][kind].to_owned()),
            (JOURNAL, JournalId(id).to_string()),
            (EPOCH, epoch.to_string()),
            (FIRST, first.to_string()),
            (COUNT, count.to_string()),
            (CRC, format!("{crc:08x}")),
            (TIME, time_ns.to_string()),
        ];
        headers.extend(branch.map(|id| (BRANCH, JournalId(id).to_string())));
        headers.extend(schema.map(|at| (SCHEMA, at.to_string())));
        if let Some((at, value)) = edit {
            let at = at.index(headers.len());
            headers[at].1 = value;
        }
        if let Ok(head) = parse(&headers) {
            let mut written = head.headers();
            written.sort_unstable();
            headers.sort_unstable();
            prop_assert_eq!(&written, &headers);
            prop_assert_eq!(parse(&written).unwrap(), head);
            prop_assert!(head.end() <= 1 << 62 && head.last().is_none_or(|last| last.sequence < head.end()));
        }
    }

    /// Records that somebody made up, with the checksums that their bytes call for: taken are those that the
    /// headers tell of, and no others.
    #[test]
    fn made_up_records_are_what_the_headers_say(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        (count, first, time_ns) in (1_u32..42, prop_oneof![3 => Just(0), 1 => numbers()], any::<Option<u64>>()),
        (mends, told) in (any::<bool>(), any::<bool>()),
    ) {
        let (mut head, mut bytes, schema) = STORED.with(Clone::clone);
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        (head.first, head.count) = (first, count);
        head.time_ns = time_ns.unwrap_or(head.time_ns);
        if mends {
            mend(&head, &mut bytes);
        }
        let last = bytes.chunks_exact(RECORD_BYTES).last().unwrap();
        let word = |at: usize| u32::from_le_bytes(last[at..at + 4].try_into().unwrap());
        if told {
            (head.epoch, head.crc) = (word(8) >> 4, word(12));
        }
        if let Ok(chunk) = head.records(&bytes, &schema) {
            prop_assert_eq!((chunk.len(), chunk.bytes()), (count as usize, &bytes[..]));
            let records: Vec<_> = chunk.records().collect();
            prop_assert_eq!(records[0].time_ns, head.time_ns);
            let end = records.last().unwrap();
            prop_assert_eq!((end.epoch, end.crc), (head.epoch, head.crc));
            prop_assert_eq!((word(8) >> 4, word(12)), (head.epoch, head.crc));
            prop_assert_eq!(end.sequence, head.last().unwrap().sequence);
            let sequences: Vec<_> = records.iter().map(|record| record.sequence).collect();
            prop_assert!(sequences.iter().copied().eq(head.first..head.end()));
            prop_assert!(records.iter().all(|record| record.epoch > 0));
        }
    }
}

const RECORD_BYTES: usize = 32;

thread_local! {
    static STORED: (Head, Vec<u8>, Schema) = stored(40);
}

/// Numbers near what there can be, and any.
fn numbers() -> impl Strategy<Value = u64> {
    let edges = [0, 1, 2, 40, 4_095, 4_096, 4_097, (1 << 28) - 1, 1 << 28, (1 << 62) - 1, 1 << 62, u64::MAX];
    prop_oneof![2 => 0_u64..50, 2 => prop::sample::select(edges.to_vec()), 1 => any::<u64>()]
}

/// Gives each record the checksum that its bytes call for at its place.
fn mend(head: &Head, bytes: &mut [u8]) {
    for (sequence, record) in (head.first..u64::MAX).zip(bytes.chunks_exact_mut(RECORD_BYTES)) {
        let mut summed = [&head.journal_id.0[..], &sequence.to_le_bytes(), &record[..8]].concat();
        summed.extend([&record[8..12], &[0; 4], &record[16..]].concat());
        record[12..16].copy_from_slice(&crc32c::crc32c(&summed).to_le_bytes());
    }
}
