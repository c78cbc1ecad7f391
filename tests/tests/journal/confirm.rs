//! Anchors that others say, confirmed by the record that they are of.

use slipring_journal::__private::Confirmer;
use slipring_journal::{Anchor, Event, Journal, JournalId, ReadError};
use slipring_tests::folders::in_memory;

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Tick {
    price: u64,
}

#[test]
fn each_record_is_confirmed_by_its_own_anchor_alone_across_rolls() {
    let place = in_memory();
    let journal = Journal::at(place.path()).segment_records(16);
    let (mut writer, report) = journal.open::<Tick>().unwrap();
    let mut confirmer = Confirmer::new(journal.files(), report.journal_id);
    for price in 0..100 {
        let sequence = writer.append(price, &Tick { price }).unwrap();
        let anchor = writer.reader().unwrap().as_raw().anchor(sequence).unwrap();
        confirmer.confirm(&anchor).unwrap();
        let wrong = [
            Anchor { epoch: anchor.epoch + 1, ..anchor },
            Anchor { crc: anchor.crc ^ 1, ..anchor },
            Anchor { journal_id: JournalId([7; 16]), ..anchor },
            Anchor { sequence: anchor.sequence.saturating_sub(1), ..anchor },
        ];
        for wrong in wrong.into_iter().filter(|wrong| *wrong != anchor) {
            let refused = confirmer.confirm(&wrong);
            assert!(matches!(refused, Err(ReadError::HistoryChanged { .. })), "{refused:?}");
        }
    }
    let mut reader = writer.reader().unwrap();
    for sequence in [3, 99, 40, 0, 15, 16, 17] {
        confirmer.confirm(&reader.as_raw().anchor(sequence).unwrap()).unwrap();
    }
    // Behind the end: nothing was written there.
    let beyond = Anchor { sequence: 100, ..reader.as_raw().anchor(99).unwrap() };
    assert!(confirmer.confirm(&beyond).is_err());
}

#[test]
fn what_retention_took_is_evicted() {
    let place = in_memory();
    let journal = Journal::at(place.path()).segment_records(16);
    let (mut writer, report) = journal.open::<Tick>().unwrap();
    for price in 0..40 {
        writer.append(price, &Tick { price }).unwrap();
    }
    let anchor = writer.reader().unwrap().as_raw().anchor(3).unwrap();
    std::fs::remove_file(place.path().join(format!("{:020}.seg", 0))).unwrap();
    let mut confirmer = Confirmer::new(journal.files(), report.journal_id);
    let refused = confirmer.confirm(&anchor);
    assert!(matches!(refused, Err(ReadError::Evicted { sequence: 3, first: 16 })), "{refused:?}");
}
