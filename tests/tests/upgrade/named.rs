//! Named readers where only a program can tell what older events are.

use slipring_journal::{Event, Journal, NamedReaderError, ReadError, SyncMode, Upcast};

mod v1 {
    #[derive(Clone, Copy, Debug, PartialEq, slipring_journal::Event)]
    #[event(version = 1)]
    #[repr(C)]
    pub(super) struct Order {
        pub id: u64,
        pub px: i64,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Event)]
#[event(version = 2, upcasts(v1::Order))]
#[repr(C)]
struct Order {
    id: u64,
    cents: i64,
    quantity: i64,
}

impl Upcast<v1::Order> for Order {
    fn upcast(old: &v1::Order) -> Self {
        Order { id: old.id, cents: old.px * 100, quantity: 1 }
    }
}

/// Nothing is synced before it is closed.
fn journal(folder: &tempfile::TempDir) -> Journal {
    Journal::at(folder.path()).segment_records(64).sync(SyncMode::None)
}

fn write_older(journal: &Journal) {
    let (mut writer, _) = journal.open::<v1::Order>().unwrap();
    (0..5).for_each(|id| assert_eq!(writer.append(id, &v1::Order { id, px: 3 }).unwrap(), id));
    writer.close().unwrap();
}

#[test]
fn a_part_of_a_chunk_of_older_events_is_committed() {
    let folder = tempfile::tempdir().unwrap();
    let journal = journal(&folder);
    write_older(&journal);
    let (writer, _) = journal.open::<Order>().unwrap();
    writer.close().unwrap();
    let mut reader = journal.named_reader::<Order>("one").unwrap();
    let chunk = reader.next_chunk().unwrap().unwrap();
    assert_eq!((chunk.records.len(), chunk.records[4].event().cents), (5, 300));
    for end in [1, 3, 5] {
        reader.commit(end).unwrap();
        assert_eq!(reader.position(), end);
    }
    let mut shared = journal.shared_reader::<Order>("two").unwrap();
    assert_eq!(shared.claim(4).unwrap(), Some(0..4));
    assert_eq!(shared.next_chunk().unwrap().unwrap().records.len(), 4);
    shared.commit(2).unwrap();
    assert_eq!(shared.position().unwrap(), 2);
}

/// Readers are often made newer before the writer is.
#[test]
fn a_reader_of_the_newer_type_goes_on_into_its_first_events() {
    let folder = tempfile::tempdir().unwrap();
    let journal = journal(&folder);
    write_older(&journal);
    let mut shared = journal.shared_reader::<Order>("some").unwrap();
    assert_eq!(shared.claim(9).unwrap(), Some(0..5));
    assert_eq!(shared.next_chunk().unwrap().unwrap().records.len(), 5);
    shared.commit(5).unwrap();
    assert_eq!(shared.claim(9).unwrap(), None);
    let (mut writer, _) = journal.open::<Order>().unwrap();
    writer.append(9, &Order { id: 5, cents: 250, quantity: 2 }).unwrap();
    assert_eq!(shared.claim(9).unwrap(), Some(5..6));
    assert_eq!(shared.next_chunk().unwrap().unwrap().records[0].event().cents, 250);
    shared.commit(6).unwrap();
    writer.close().unwrap();
}

/// Whoever reads without a type has asked once what the events are.
#[test]
fn a_reader_without_a_type_is_not_given_another_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let journal = journal(&folder);
    write_older(&journal);
    let mut shared = journal.shared_reader_raw("some").unwrap();
    assert_eq!(shared.claim(5).unwrap(), Some(0..5));
    assert_eq!(shared.next_chunk().unwrap().unwrap().record_bytes(), 32);
    shared.commit(5).unwrap();
    let (mut writer, _) = journal.open::<Order>().unwrap();
    for id in 5..8 {
        writer.append(9, &Order { id, cents: 250, quantity: 2 }).unwrap();
    }
    writer.close().unwrap();
    // As another process would leave it: this one begins behind the first of the newer ones.
    let mut other = journal.shared_reader_raw("some").unwrap();
    assert_eq!(other.claim(1).unwrap(), Some(5..6));
    assert_eq!(other.next_chunk().unwrap().unwrap().record_bytes(), 40);
    other.commit(6).unwrap();
    assert_eq!(shared.claim(2).unwrap(), Some(6..8));
    match shared.next_chunk().map(drop) {
        Err(NamedReaderError::Read(ReadError::Journal(fault))) => {
            assert!(fault.to_string().contains("the journal has gone on to a newer type"), "{fault}");
        }
        other => panic!("{other:?}"),
    }
}
