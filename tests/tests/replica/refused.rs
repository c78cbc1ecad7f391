//! What a replica refuses: each error says which record and why, and nothing is taken.

use std::path::{Path, PathBuf};

use proptest::prelude::*;
use slipring_journal::{Journal, OpenError, Origin, Replica, TakeError};

use crate::primary::{Run, Step, bond, each, live, options, origin, schema, stored};
use slipring_tests::folders::in_memory;

/// A primary of two lives, 20 records of epoch 1 and 20 of epoch 2, and an empty replica of it.
fn both() -> (tempfile::TempDir, Run, Replica) {
    let folder = in_memory();
    let (one, other) = (folder.path().join("one"), folder.path().join("other"));
    let life = [Step::Append(20, 10), Step::NextLife { dies: false }, Step::Append(20, 10)];
    assert_eq!(live(&options(&one, 16), &life), 40);
    let run = stored(&one).remove(0);
    let (replica, report) = options(&other, 16).replica(&run.schema, &origin(&one)).unwrap();
    assert!(report.created && report.replica);
    (folder, run, replica)
}

#[test]
fn a_bit_flipped_anywhere_in_a_record() {
    let (_folder, run, mut replica) = both();
    let at = 25_u64;
    let start = at as usize * run.record_bytes;
    for byte in 0..run.record_bytes {
        for bit in 0..8 {
            let mut bytes = run.bytes.clone();
            bytes[start + byte] ^= 1 << bit;
            match replica.take(0, None, &bytes) {
                Err(TakeError::Corrupt { sequence, index, .. }) => assert_eq!((sequence, index), (at, at)),
                other => panic!("byte {byte}, bit {bit}: {other:?}"),
            }
            assert_eq!(replica.end_sequence(), 0);
        }
    }
    assert_eq!(replica.take(0, None, &run.bytes).unwrap(), 40);
}

#[test]
fn records_of_another_place_or_journal_or_none_at_all() {
    let (folder, run, mut replica) = both();
    assert_eq!(replica.take(0, None, run.part(0..10)).unwrap(), 10);
    // A gap and an overlap, by what is said of them.
    for first in [0, 9, 11, 40, u64::MAX] {
        match replica.take(first, run.before(10), run.part(10..12)) {
            Err(TakeError::OutOfPlace { expected: 10, first: found }) => assert_eq!(found, first),
            other => panic!("{first}: {other:?}"),
        }
    }
    // And by what they are.
    let swapped = [run.part(11..12), run.part(10..11)].concat();
    let left_out = [run.part(10..12), run.part(13..15)].concat();
    let doubled = [run.part(10..12), run.part(11..12)].concat();
    for (bytes, index) in [(swapped, 0), (left_out, 2), (doubled, 2), (vec![0; run.record_bytes], 0)] {
        match replica.take(10, run.before(10), &bytes) {
            Err(TakeError::Corrupt { sequence, index: found, .. }) => {
                assert_eq!((sequence, found), (10 + index, index));
            }
            other => panic!("{other:?}"),
        }
    }
    // Of another journal.
    let stranger = folder.path().join("stranger");
    live(&options(&stranger, 16), &[Step::Append(40, 10)]);
    let refused = replica.take(10, run.before(10), stored(&stranger)[0].part(10..40));
    assert!(matches!(refused, Err(TakeError::Corrupt { sequence: 10, .. })), "{refused:?}");
    // No whole number of them.
    let refused = replica.take(10, run.before(10), &run.part(10..12)[..run.record_bytes + 1]);
    assert!(matches!(refused, Err(TakeError::NotWhole { first: 10, .. })), "{refused:?}");
    assert_eq!(replica.take(10, run.before(10), &[]).unwrap(), 10);
    assert_eq!(replica.end_sequence(), 10);
    assert_eq!(replica.take(10, run.before(10), run.part(10..40)).unwrap(), 40);
}

/// Two copies of a journal of 10 records, which go on apart: with what they were opened.
fn parted(folder: &Path, early: &[Step], late: &[Step]) -> ([PathBuf; 2], [Run; 2]) {
    let paths = ["early", "late"].map(|name| folder.join(name));
    live(&options(&paths[0], 64), &[Step::Append(10, 10)]);
    std::fs::create_dir(&paths[1]).unwrap();
    for entry in std::fs::read_dir(&paths[0]).unwrap().map(Result::unwrap) {
        std::fs::copy(entry.path(), paths[1].join(entry.file_name())).unwrap();
    }
    live(&options(&paths[0], 64), early);
    live(&options(&paths[1], 64), late);
    let runs = [0, 1].map(|at: usize| stored(&paths[at]).remove(0));
    (paths, runs)
}

/// Neither epochs nor times nor checksums tell: only the record before does.
#[test]
fn records_that_go_on_with_another_history() {
    let folder = in_memory();
    let later = [Step::NextLife { dies: false }, Step::Append(10, 1_000)];
    let (paths, [early, late]) = parted(folder.path(), &[Step::Append(10, 10)], &later);
    let (mut replica, _) =
        options(&folder.path().join("replica"), 64).replica(&early.schema, &origin(&paths[0])).unwrap();
    // The first of those that differ.
    for end in [10, 11, 15] {
        let at = replica.end_sequence();
        assert_eq!(replica.take(at, early.before(at), early.part(at..end)).unwrap(), end);
        let last = replica.last().unwrap();
        let others = late.before(end).unwrap();
        if end == 10 {
            assert_eq!(others, (last.epoch, last.crc), "so far both are one history");
            continue;
        }
        for records in [late.part(end..20), &[]] {
            match replica.take(end, Some(others), records).unwrap_err() {
                TakeError::OtherHistory { first, last: found, before } => {
                    assert_eq!((first, found, before), (end, last, others));
                }
                other => panic!("{other}"),
            }
        }
        let told = replica.try_take(end, Some(others), late.part(end..20)).unwrap_err().to_string();
        let wanted = format!("epoch {}, checksum {:#010x}", others.0, others.1);
        assert!(told.contains(&wanted) && told.contains("rejoin"), "{told}");
        // Who says nothing of it is not believed.
        let refused = replica.take(end, None, early.part(end..20)).unwrap_err();
        assert!(matches!(refused, TakeError::BeforeUnknown { first, .. } if first == end), "{refused}");
        assert_eq!(replica.end_sequence(), end, "nothing is taken");
    }
    // Nor is it forgotten when it is opened again.
    replica.abandon();
    let (mut replica, _) =
        options(&folder.path().join("replica"), 64).replica(&early.schema, &origin(&paths[0])).unwrap();
    let refused = replica.take(15, late.before(15), late.part(15..20));
    assert!(matches!(refused, Err(TakeError::OtherHistory { first: 15, .. })), "{refused:?}");
    assert_eq!(replica.take(15, early.before(15), early.part(15..20)).unwrap(), 20);
}

#[test]
fn records_whose_epoch_or_time_goes_back() {
    let folder = in_memory();
    let later = [Step::NextLife { dies: false }, Step::Append(10, 1)];
    let (paths, [early, late]) = parted(folder.path(), &[Step::Append(10, 1_000)], &later);
    // Whoever sends them says wrongly that they follow.
    let place = folder.path().join("replica");
    let (mut replica, _) = options(&place, 64).replica(&early.schema, &origin(&paths[0])).unwrap();
    assert_eq!(replica.take(0, None, early.part(0..11)).unwrap(), 11);
    let refused = replica.take(11, early.before(11), late.part(11..20));
    assert!(matches!(refused, Err(TakeError::TimeBack { sequence: 11, index: 0, .. })), "{refused:?}");
    replica.close().unwrap();
    // From the other copy first: its epoch is the greater one.
    let third = folder.path().join("third");
    let (mut replica, _) = options(&third, 64).replica(&late.schema, &origin(&paths[1])).unwrap();
    assert_eq!(replica.take(0, None, late.part(0..11)).unwrap(), 11);
    let refused = replica.take(11, late.before(11), early.part(11..20));
    assert!(matches!(refused, Err(TakeError::EpochBack { last: 3, found: 2, .. })), "{refused:?}");
    // Neither is forgotten when it is opened again.
    replica.abandon();
    let (mut replica, _) = options(&third, 64).replica(&late.schema, &origin(&paths[1])).unwrap();
    let refused = replica.take(11, late.before(11), early.part(11..20));
    assert!(matches!(refused, Err(TakeError::EpochBack { sequence: 11, .. })), "{refused:?}");
}

#[test]
fn a_journal_that_is_no_replica_or_one_of_another() {
    let (folder, run, replica) = both();
    replica.close().unwrap();
    let (one, other) = (folder.path().join("one"), folder.path().join("other"));
    let own = origin(&one);
    let primary = Journal::at(&one).replica(&run.schema, &own);
    assert!(matches!(primary, Err(OpenError::NotReplica { epoch: 2, .. })), "{primary:?}");
    let before = std::fs::read(other.join("control")).unwrap();
    let opened = Journal::at(&other).open_raw(&run.schema).err().unwrap();
    assert!(matches!(opened, OpenError::Replica { epoch: 1, .. }), "{opened}");
    assert!(opened.to_string().contains("Journal::promote"), "{opened}");
    let branch = Origin { branch: [7; 16], ..own };
    let stranger = Origin { journal_id: slipring_journal::JournalId([3; 16]), ..own };
    for origin in [branch, stranger] {
        let refused = Journal::at(&other).replica(&run.schema, &origin);
        assert!(matches!(refused, Err(OpenError::OtherOrigin { .. })), "{refused:?}");
    }
    assert_eq!(std::fs::read(other.join("control")).unwrap(), before, "nothing was changed");
    let (replica, _) = Journal::at(&other).replica(&run.schema, &own).unwrap();
    let second = Journal::at(&other).replica(&run.schema, &own);
    assert!(matches!(second, Err(OpenError::Locked { .. })), "{second:?}");
    drop(replica);
}

#[test]
fn an_origin_that_no_journal_can_have() {
    let (folder, run, _replica) = both();
    let own = origin(&folder.path().join("one"));
    let before = Some((1, 7));
    let odd = [
        Origin { first: u64::MAX, ..own },
        Origin { first: 1 << 62, before, ..own },
        // Some thousand records on, its control file could not be read any more.
        Origin { first: (1 << 62) - (1 << 17), before, ..own },
        Origin { first: 0, before, ..own },
        Origin { first: 7, before: Some((u32::MAX, 7)), ..own },
        Origin { first: 7, before: Some((0, 7)), ..own },
    ];
    for (number, origin) in odd.into_iter().enumerate() {
        let path = folder.path().join(format!("odd-{number}"));
        let refused = Journal::at(&path).replica(&run.schema, &origin);
        assert!(matches!(refused, Err(OpenError::BadOption { .. })), "{origin:?}: {refused:?}");
        assert!(!path.join("control").exists());
    }
}

/// What came before it binds the first record that a replica takes.
#[test]
fn a_replica_that_begins_later_knows_the_epoch_before() {
    let (folder, run, _replica) = both();
    let (_, _, last) = each(std::slice::from_ref(&run), 0)[29];
    let origin = Origin { first: 30, before: Some(bond(last)), ..origin(&folder.path().join("one")) };
    let path = folder.path().join("later");
    let (mut replica, report) = options(&path, 8).replica(&schema(1), &origin).unwrap();
    assert_eq!((report.end_sequence, replica.epoch()), (30, 2));
    assert_eq!(replica.last().map(|last| (last.sequence, last.epoch, last.crc)), {
        let (epoch, crc) = bond(last);
        Some((29, epoch, crc))
    });
    assert_eq!(replica.take(30, run.before(30), run.part(30..40)).unwrap(), 40);
    replica.abandon();
    let (replica, report) = options(&path, 8).replica(&schema(1), &origin).unwrap();
    assert_eq!((report.first_sequence, report.end_sequence), (30, 40));
    assert_eq!(replica.last().map(|last| last.sequence), Some(39));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.max(64)))]

    /// Whatever comes in: taken is what the primary has, or nothing.
    #[test]
    fn any_bytes_at_all(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        (cut, more) in (any::<prop::sample::Index>(), prop::collection::vec(any::<u8>(), 0..80)),
        (first, keeps) in (prop_oneof![Just(0), any::<u64>()], any::<bool>()),
    ) {
        let (_folder, run, mut replica) = both();
        let mut bytes = run.bytes.clone();
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if !keeps {
            bytes.truncate(cut.index(bytes.len()));
        }
        bytes.extend(more);
        match replica.take(first, None, &bytes) {
            Ok(end) => {
                prop_assert_eq!((end as usize * run.record_bytes, first), (bytes.len(), 0));
                prop_assert_eq!(&bytes[..], &run.bytes[..bytes.len()]);
            }
            Err(_) => prop_assert_eq!(replica.end_sequence(), 0),
        }
    }
}
