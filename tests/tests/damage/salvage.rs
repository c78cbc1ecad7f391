//! Salvage: what a damaged journal still holds goes into a new one, the damaged one stays as it is byte for
//! byte, and what was lost is named with its reason.

use std::ops::ControlFlow;

use slipring_journal::__private::storage::{Memory, Storage};
use slipring_journal::__private::{salvage_on, verify_on};
use slipring_journal::{
    Event, Kind, Loss, MAX_EPOCH, OpenError, Reader, SalvageError, SalvageOptions, SalvageReport, Status,
};
use slipring_tests::images::{mend_record, whole};
use slipring_tests::journals::{
    BLOCK_BYTES, BOOT, FileSet, HEADER_BYTES, NEXT_BOOT, Note, RECORD_BYTES, append_to, closed, died,
    mend_checksum, next_boot, note, open, options, segment, time,
};

const CAPACITY: u64 = 6;
const PREFIX: SalvageOptions = SalvageOptions { skip_damaged: false, allow_bytes: None };
const SKIP: SalvageOptions = SalvageOptions { skip_damaged: true, allow_bytes: None };

/// What a record says, whatever journal it is in.
type Content = (u64, u64, u32, Kind, Vec<u8>);

fn contents(storage: &Memory) -> Vec<Content> {
    let mut reader = Reader::<Note, _>::open_to(storage.clone(), None).expect("it opens");
    let (first, end) = (reader.first_sequence(), reader.end_sequence());
    let mut records = Vec::new();
    reader
        .as_raw()
        .for_each(first..end, |record| {
            records.push((record.sequence, record.time_ns, record.epoch, record.kind, record.event.to_vec()));
            ControlFlow::Continue(())
        })
        .expect("every record is whole");
    records
}

/// Salvages into a new folder. The source must stay as it is; the new journal must be fine, open for writing,
/// and go on.
fn salvaged(from: &Memory, options: SalvageOptions) -> Result<(SalvageReport, Memory), SalvageError> {
    let before = from.to_files();
    let into = Memory::new(NEXT_BOOT);
    let done = salvage_on(from, &into, options, |_, _| {});
    assert_eq!(from.to_files(), before, "the damaged journal was written to");
    let report = match done {
        Ok(report) => report,
        Err(error) => {
            assert!(!into.to_files().contains_key("control"), "{error}, and yet there is a journal");
            return Err(error);
        }
    };
    let verified = verify_on(into.clone(), |_, _| {}).expect("a journal");
    assert_eq!((verified.status, verified.warnings.len()), (Status::Fine, 0), "{verified:?}");
    assert_eq!(
        (verified.first_sequence, verified.end_sequence),
        (report.first_sequence, report.end_sequence)
    );
    assert_eq!(verified.records, report.records + report.voids_written, "{report}");
    assert_ne!(report.from_id, report.journal_id);
    let end = report.end_sequence;
    let copy = Memory::from_files(into.to_files(), NEXT_BOOT);
    let (mut writer, opened) = open(&slipring_tests::journals::options(CAPACITY), &copy).expect("it opens");
    assert_eq!((opened.end_sequence, opened.was_closed, opened.truncated_at), (end, true, None), "{opened}");
    while writer.step_preparer() {}
    assert_eq!(writer.append(u64::MAX / 4, &note(end)).ok(), None, "a time too far ahead is still refused");
    let last_ns = writer.last_time_ns().unwrap_or(0);
    assert_eq!(writer.append(last_ns, &note(end)).expect("there is room"), end);
    writer.close().expect("memory does not fail");
    Ok((report, into))
}

fn lost(report: &SalvageReport) -> Vec<(u64, u64, Loss)> {
    report.lost.iter().map(|lost| (lost.start, lost.end, lost.why)).collect()
}

fn flip(files: &mut FileSet, sequence: u64) {
    let slot = (sequence % CAPACITY) as usize;
    let file = files.get_mut(&segment(sequence - sequence % CAPACITY)).expect("the segment");
    file[HEADER_BYTES + slot * RECORD_BYTES + 20] ^= 4;
}

/// The notes of `sequences`, as [`append_to`] writes them.
fn notes(sequences: impl IntoIterator<Item = u64>) -> Vec<Content> {
    let content = |id: u64| (id, time(id), 1, Kind::Event, bytemuck::bytes_of(&note(id)).to_vec());
    sequences.into_iter().map(content).collect()
}

fn void(sequence: u64, time_ns: u64) -> Content {
    (sequence, time_ns, 1, Kind::Void, vec![0; size_of::<Note>()])
}

#[test]
fn an_undamaged_journal_comes_out_equal_record_by_record() {
    let mut random = fastrand::Rng::with_seed(7);
    let mut sources =
        vec![next_boot(&whole()), closed(CAPACITY, 0), died(CAPACITY, 18, 7), died(CAPACITY, 3, 0)];
    for _ in 0..200 {
        // Lives with equal times, times that go back, voids, rolls, and deaths between.
        let memory = Memory::new(BOOT);
        for _ in 0..random.u8(1..4) {
            let (mut writer, _) =
                open(&options(random.u64(1..9)), &memory).expect("nothing is wrong with it");
            for _ in 0..random.u8(0..20) {
                while writer.step_preparer() {}
                let (next, time_ns) = (writer.end_sequence(), 500 + random.u64(0..40));
                let done = match random.u8(0..6) {
                    0 => writer.try_append_void(time_ns),
                    _ => writer.try_append(time_ns, &note(next)),
                };
                if done.is_err() {
                    // Three segments are mapped, and none of them is durable.
                    writer.step_syncer();
                }
            }
            writer.step_syncer();
            if random.bool() { writer.abandon() } else { drop(writer) }
        }
        sources.push(memory);
    }
    for source in sources {
        for options in [PREFIX, SKIP] {
            let (report, new) = salvaged(&source, options).expect("nothing is damaged");
            assert_eq!(contents(&new), contents(&source));
            assert_eq!((report.lost_count, report.voids_written, report.lost.len()), (0, 0, 0), "{report}");
            assert_eq!(report.warnings, Vec::<String>::new());
        }
    }
}

#[test]
fn a_flipped_bit_below_d_ends_the_prefix_or_becomes_a_void_record() {
    let files = closed(CAPACITY, 20).to_files();
    for sequence in 1..20 {
        let mut files = files.clone();
        flip(&mut files, sequence);
        let source = next_boot(&files);
        let (report, new) = salvaged(&source, PREFIX).unwrap();
        assert_eq!(contents(&new), notes(0..sequence));
        assert_eq!((report.whole_not_kept, report.lost_count), (19 - sequence, 20 - sequence), "{report}");
        let mut wanted = vec![(sequence, sequence + 1, Loss::CorruptRecord)];
        if sequence < 19 {
            wanted.push((sequence + 1, 20, Loss::BehindDamage));
        }
        assert_eq!(lost(&report), wanted);
        assert_eq!(report.lost[0].file, Some(segment(sequence - sequence % CAPACITY)));

        let (report, new) = salvaged(&source, SKIP).unwrap();
        assert_eq!(lost(&report), [(sequence, sequence + 1, Loss::CorruptRecord)]);
        let mut wanted = notes(0..20);
        if sequence < 19 {
            wanted[sequence as usize] = void(sequence, time(sequence - 1));
        } else {
            // Nothing follows: a void record would say nothing.
            wanted.pop();
        }
        assert_eq!(contents(&new), wanted);
        assert_eq!((report.voids_written, report.whole_not_kept), (u64::from(sequence < 19), 0));
    }
}

#[test]
fn the_first_record_lost_leaves_nothing_unless_damage_is_skipped() {
    let mut files = closed(CAPACITY, 20).to_files();
    flip(&mut files, 0);
    match salvaged(&next_boot(&files), PREFIX) {
        Err(error @ SalvageError::NothingToKeep { .. }) => {
            let said = error.to_string();
            assert!(
                said.contains("19 records behind it are whole") && said.contains("--skip-damaged"),
                "{said}"
            );
        }
        other => panic!("{other:?}"),
    }
    let (report, new) = salvaged(&next_boot(&files), SKIP).unwrap();
    assert_eq!((report.first_sequence, report.voids_written), (1, 0), "{report}");
    assert_eq!(contents(&new), notes(1..20));
}

#[test]
fn a_missing_middle_segment_becomes_void_records() {
    let mut files = closed(CAPACITY, 20).to_files();
    files.remove(&segment(6)).unwrap();
    let source = next_boot(&files);
    let (report, new) = salvaged(&source, PREFIX).unwrap();
    assert_eq!(lost(&report), [(6, 12, Loss::MissingSegment), (12, 20, Loss::BehindDamage)]);
    assert_eq!(contents(&new), notes(0..6));
    let (report, new) = salvaged(&source, SKIP).unwrap();
    assert_eq!(lost(&report), [(6, 12, Loss::MissingSegment)]);
    let voids = (6..12).map(|sequence| void(sequence, time(5)));
    let wanted: Vec<_> = notes(0..6).into_iter().chain(voids).chain(notes(12..20)).collect();
    assert_eq!(contents(&new), wanted);
}

#[test]
fn a_missing_first_segment_makes_the_journal_begin_later() {
    let mut files = closed(CAPACITY, 20).to_files();
    files.remove(&segment(0)).unwrap();
    assert!(matches!(salvaged(&next_boot(&files), PREFIX), Err(SalvageError::NothingToKeep { .. })));
    let (report, new) = salvaged(&next_boot(&files), SKIP).unwrap();
    assert_eq!((lost(&report), report.voids_written), (vec![(0, 6, Loss::MissingSegment)], 0));
    assert_eq!(contents(&new), notes(6..20));
}

#[test]
fn a_missing_last_segment_is_known_by_d() {
    let mut files = closed(CAPACITY, 20).to_files();
    files.remove(&segment(18)).unwrap();
    for options in [PREFIX, SKIP] {
        let (report, new) = salvaged(&next_boot(&files), options).unwrap();
        assert_eq!(lost(&report), [(18, 20, Loss::MissingSegment)], "{report}");
        assert_eq!(contents(&new), notes(0..18));
    }
}

/// Nothing says where the journal begins but the name of a file whose header is lost.
#[test]
fn a_first_segment_without_header_and_control_file_is_kept_by_its_records() {
    let mut files = closed(CAPACITY, 20).to_files();
    files.remove("control");
    files.get_mut(&segment(0)).unwrap()[..2 * BLOCK_BYTES].fill(0xa5);
    let (report, new) = salvaged(&next_boot(&files), PREFIX).unwrap();
    assert_eq!((contents(&new), report.lost_count), (notes(0..20), 0), "{report}");
    // One that holds no record of this journal is no beginning of it.
    let mut files = closed(CAPACITY, 20).to_files();
    files.remove("control");
    let name = segment(0);
    files.get_mut(&name).unwrap().fill(0xa5);
    let (report, new) = salvaged(&next_boot(&files), PREFIX).unwrap();
    assert_eq!(contents(&new), notes(6..20), "{report}");
}

#[test]
fn both_headers_of_a_segment_bad_the_name_and_the_neighbours_tell() {
    for base in [0, 6, 18] {
        let mut files = closed(CAPACITY, 20).to_files();
        files.get_mut(&segment(base)).unwrap()[..HEADER_BYTES].fill(0xa5);
        let (report, new) = salvaged(&next_boot(&files), PREFIX).unwrap();
        assert_eq!(contents(&new), notes(0..20));
        assert_eq!(report.lost_count, 0);
        assert!(report.warnings.iter().any(|w| w.contains("both copies of its header")), "{report}");
    }
    let mut files = closed(CAPACITY, 3).to_files();
    // Not even of the spare one behind it.
    for base in [0, 6] {
        files.get_mut(&segment(base)).unwrap()[..HEADER_BYTES].fill(0);
    }
    assert!(matches!(salvaged(&next_boot(&files), SKIP), Err(SalvageError::NoHeader { .. })));
}

#[test]
fn without_a_control_file_the_records_speak_for_themselves() {
    let files = closed(CAPACITY, 20).to_files();
    let mut missing = files.clone();
    missing.remove("control").unwrap();
    let mut broken = files.clone();
    broken.get_mut("control").unwrap().fill(0x5a);
    for files in [missing, broken] {
        let (report, new) = salvaged(&next_boot(&files), PREFIX).unwrap();
        assert_eq!(contents(&new), notes(0..20));
        assert_eq!((report.durable_end, report.lost_count, report.warnings.len()), (None, 0, 1), "{report}");
    }
    // A control file of another journal is as good as none.
    let mut foreign = files.clone();
    foreign.insert("control".to_owned(), closed(CAPACITY, 4).to_files()["control"].clone());
    let (report, new) = salvaged(&next_boot(&foreign), PREFIX).unwrap();
    assert_eq!(contents(&new), notes(0..20));
    assert!(report.warnings[0].contains("another journal"), "{report}");
}

#[test]
fn a_cut_segment_loses_what_was_cut_and_a_copy_of_it_gives_it_back() {
    let mut files = closed(CAPACITY, 20).to_files();
    let whole = files[&segment(6)].clone();
    files.get_mut(&segment(6)).unwrap().truncate(HEADER_BYTES + 2 * RECORD_BYTES + 5);
    let (report, new) = salvaged(&next_boot(&files), SKIP).unwrap();
    assert_eq!(lost(&report), [(8, 12, Loss::CutOff)]);
    assert_eq!(contents(&new)[12..], notes(12..20));
    assert_eq!(contents(&new)[8..12], (8..12).map(|sequence| void(sequence, time(7))).collect::<Vec<_>>());
    // Somebody put a copy beside it under a name of his own.
    files.insert(segment(7), whole.clone());
    let (report, new) = salvaged(&next_boot(&files), PREFIX).unwrap();
    assert_eq!((contents(&new), report.lost_count), (notes(0..20), 0), "{report}");
    // And a copy with another record damaged in each.
    files.insert(segment(6), whole);
    flip(&mut files, 8);
    files.get_mut(&segment(7)).unwrap()[HEADER_BYTES + 4 * RECORD_BYTES + 30] ^= 1;
    let (report, new) = salvaged(&next_boot(&files), PREFIX).unwrap();
    assert_eq!((contents(&new), report.lost_count), (notes(0..20), 0), "{report}");
}

#[test]
fn a_torn_tail_is_no_loss_and_what_lies_behind_it_is_kept_only_on_request() {
    // Above D, nothing whole behind it.
    let mut files = died(CAPACITY, 10, 4).to_files();
    flip(&mut files, 9);
    let (report, new) = salvaged(&next_boot(&files), PREFIX).unwrap();
    assert_eq!((contents(&new), report.lost_count), (notes(0..9), 0), "{report}");
    assert!(report.warnings[0].contains("a torn tail"), "{report}");
    // Above D, whole records behind it.
    let mut files = died(CAPACITY, 10, 4).to_files();
    flip(&mut files, 7);
    let (report, new) = salvaged(&next_boot(&files), PREFIX).unwrap();
    assert_eq!(lost(&report), [(7, 8, Loss::CorruptRecord), (8, 10, Loss::BehindDamage)]);
    assert_eq!(contents(&new), notes(0..7));
    let (_, new) = salvaged(&next_boot(&files), SKIP).unwrap();
    assert_eq!(contents(&new)[8..], notes(8..10));
}

#[test]
fn a_record_of_an_earlier_life_is_not_kept() {
    let memory = Memory::new(BOOT);
    for end in [8, 15] {
        let (mut writer, _) = open(&options(CAPACITY), &memory).unwrap();
        append_to(&mut writer, end);
        writer.close().unwrap();
    }
    let mut files = memory.to_files();
    let file = files.get_mut(&segment(6)).unwrap();
    let id: [u8; 16] = file[16..32].try_into().unwrap();
    // Record 10 as the first life might have left it.
    let record = &mut file[HEADER_BYTES + 4 * RECORD_BYTES..][..RECORD_BYTES];
    record[8..12].copy_from_slice(&(1u32 << 4 | 1).to_le_bytes());
    mend_record(record, &id, 10);
    let (report, new) = salvaged(&next_boot(&files), SKIP).unwrap();
    assert_eq!(lost(&report), [(10, 11, Loss::OutOfOrder)], "{report}");
    assert_eq!(contents(&new)[10].3, Kind::Void);
}

#[test]
fn a_journal_that_has_used_up_its_epochs_can_be_opened_again() {
    let mut files = closed(CAPACITY, 4).to_files();
    for slot in files.get_mut("control").unwrap().chunks_exact_mut(BLOCK_BYTES) {
        slot[64..68].copy_from_slice(&(MAX_EPOCH - 2).to_le_bytes());
        mend_checksum(slot);
    }
    let memory = Memory::from_files(files, BOOT);
    for end in [7, 9] {
        let (mut writer, _) = open(&options(CAPACITY), &memory).unwrap();
        append_to(&mut writer, end);
        writer.close().unwrap();
    }
    let used_up = open(&options(CAPACITY), &memory);
    assert!(matches!(used_up, Err(OpenError::EpochsExhausted)), "{used_up:?}");
    let (report, into) = salvaged(&memory, PREFIX).unwrap();
    assert_eq!((report.records, report.lost_count), (9, 0));
    let epochs: Vec<u32> = contents(&into).into_iter().map(|(_, _, epoch, ..)| epoch).collect();
    assert_eq!(epochs, [1, 1, 1, 1, 2, 2, 2, 3, 3], "three lives stay three");
}

#[test]
fn strangers_are_left_out_and_named() {
    #[derive(Clone, Copy, Event)]
    #[repr(C)]
    struct Other {
        value: u64,
    }
    let memory = Memory::new(BOOT);
    let (mut writer, _) = options(CAPACITY).open_on::<Other, _>(&memory, false).unwrap();
    writer.append(1, &Other { value: 1 }).unwrap();
    writer.close().unwrap();
    let mut files = closed(CAPACITY, 20).to_files();
    files.insert(segment(100), memory.to_files()[&segment(0)].clone());
    let (report, new) = salvaged(&next_boot(&files), SKIP).unwrap();
    assert_eq!(contents(&new), notes(0..20));
    assert!(report.warnings.iter().any(|warning| warning.contains("left out")), "{report}");
}

#[test]
fn a_gap_that_no_lost_file_leaves_is_refused() {
    let mut files = closed(CAPACITY, 20).to_files();
    // The last segment as if it started 2^40 records later, its records with it.
    let mut far = files.remove(&segment(18)).unwrap();
    let (id, base): ([u8; 16], u64) = (far[16..32].try_into().unwrap(), 1 << 40);
    for block in far[..4 * BLOCK_BYTES].chunks_exact_mut(BLOCK_BYTES) {
        block[32..40].copy_from_slice(&base.to_le_bytes());
        mend_checksum(block);
    }
    for (slot, record) in far[HEADER_BYTES..].chunks_exact_mut(RECORD_BYTES).take(2).enumerate() {
        mend_record(record, &id, base + slot as u64);
    }
    files.insert(segment(base), far);
    match salvaged(&next_boot(&files), SKIP) {
        Err(SalvageError::TooLarge { voids, needed_bytes, .. }) => {
            assert_eq!(voids, base - 18);
            assert!(needed_bytes > voids * RECORD_BYTES as u64);
        }
        other => panic!("{other:?}"),
    }
    let (report, new) = salvaged(&next_boot(&files), PREFIX).unwrap();
    assert_eq!((contents(&new), report.whole_not_kept), (notes(0..18), 2), "{report}");
}

#[test]
fn an_existing_journal_is_never_written_over() {
    let source = closed(CAPACITY, 20);
    let into = closed(CAPACITY, 2);
    let before = into.to_files();
    let refused = salvage_on(&source, &into, SKIP, |_, _| {});
    assert!(matches!(refused, Err(SalvageError::IntoNotEmpty { .. })), "{refused:?}");
    assert_eq!(into.to_files(), before);
    assert!(matches!(salvage_on(&source, &source, SKIP, |_, _| {}), Err(SalvageError::IntoNotEmpty { .. })));
    let nothing = salvage_on(&Memory::new(BOOT), &Memory::new(BOOT), SKIP, |_, _| {});
    assert!(nothing.unwrap_err().to_string().contains("no journal at"));
}

#[test]
fn progress_and_report_say_the_same_for_people_and_machines() {
    let mut files = closed(CAPACITY, 20).to_files();
    flip(&mut files, 7);
    let (mut calls, into) = (Vec::new(), Memory::new(BOOT));
    let report =
        salvage_on(&next_boot(&files), &into, SKIP, |done, total| calls.push((done, total))).unwrap();
    // Five segments of six: the last is a spare one.
    assert_eq!((calls[0], *calls.last().unwrap()), ((0, 30), (30, 30)));
    let said = report.to_string();
    for part in ["19 records", "lost: 1 record\n", "record 7: the bytes", "1 of them is a void record now"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["lost"][0]["why"], "corrupt-record");
    assert_eq!((&json["records"], &json["voids_written"]), (&19.into(), &1.into()));
    assert_eq!(json["into"], into.path("").to_str().unwrap());
}
