//! Damage to journals of several types, and what is salvaged of them.

use slipring_journal::__private::storage::Memory;
use slipring_journal::__private::{salvage_on, verify_on};
use slipring_journal::{
    Event, JournalFault, Kind, Loss, OpenError, Reader, SalvageOptions, SalvageReport, Schema, Status,
};
use slipring_tests::journals::{BLOCK_BYTES, BOOT, FileSet, NEXT_BOOT, segment};
use slipring_tests::types::{
    Fill, Quote2, Quote3, Written, append, check, golden, live_all, options, seen, shown, time,
};

const PREFIX: SalvageOptions = SalvageOptions { skip_damaged: false, allow_bytes: None };
const SKIP: SalvageOptions = SalvageOptions { skip_damaged: true, allow_bytes: None };
const END: u64 = 43;
const SEAL_AT: usize = 4 * BLOCK_BYTES;
const HEADER_BYTES: usize = slipring_journal::HEADER_BYTES as usize;

/// Segments 0 and 8 of version 1, which ended at 13; 13, 21 and 29 of version 2, which ended at 30; 30 and 38
/// of version 3.
fn whole() -> (FileSet, Written) {
    let (memory, written) = (Memory::new(BOOT), vec![(13, 1), (30, 2), (END, 3)]);
    live_all(&options(8), &memory, &written);
    (memory.to_files(), written)
}

/// Salvages into a new journal, which must be fine, and be gone on with.
fn salvaged(files: &FileSet, options_: SalvageOptions) -> (SalvageReport, Memory) {
    let (from, into) = (Memory::from_files(files.clone(), NEXT_BOOT), Memory::new(NEXT_BOOT));
    let report = salvage_on(&from, &into, options_, |_, _| {}).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(from.to_files(), *files, "the damaged journal was written to");
    let found = verify_on(into.clone(), |_, _| {}).unwrap();
    assert_eq!((found.status, found.warnings.len()), (Status::Fine, 0), "{found:?}");
    let copy = Memory::from_files(into.to_files(), NEXT_BOOT);
    let (mut writer, opened) =
        options(8).open_on::<Quote3, Memory>(&copy, false).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(opened.end_sequence, report.end_sequence);
    append(&mut writer, report.end_sequence + 20);
    writer.close().unwrap();
    assert_eq!(verify_on(copy, |_, _| {}).unwrap().status, Status::Fine);
    (report, into)
}

fn reader<E: Event>(memory: &Memory) -> Reader<E, Memory> {
    Reader::open_to(memory.clone(), None).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn an_undamaged_journal_comes_out_with_all_its_types() {
    for written in [
        vec![(13, 1), (20, 2), (33, 3)],
        vec![(16, 1), (17, 2)],
        vec![(5, 2), (6, 3)],
        vec![(3, 1), (40, 3)],
        vec![(9, 1)],
    ] {
        let memory = Memory::new(BOOT);
        live_all(&options(8), &memory, &written);
        for how in [PREFIX, SKIP] {
            let (report, new) = salvaged(&memory.to_files(), how);
            assert_eq!((report.lost_count, report.voids_written), (0, 0), "{report}");
            assert_eq!(report.warnings, Vec::<String>::new());
            check(&mut reader::<Quote3>(&new), &written, written.last().unwrap().0);
        }
    }
}

#[test]
fn what_is_lost_at_a_change_of_types_becomes_void_records() {
    let (mut files, written) = whole();
    // 12, the last of version 1; 13, the first of version 2.
    files.get_mut(&segment(8)).unwrap()[HEADER_BYTES + 4 * 32 + 20] ^= 1;
    files.get_mut(&segment(13)).unwrap()[HEADER_BYTES + 20] ^= 1;
    let (report, new) = salvaged(&files, SKIP);
    let lost: Vec<_> = report.lost.iter().map(|lost| (lost.start, lost.end, lost.why)).collect();
    assert_eq!(lost, [(12, 13, Loss::CorruptRecord), (13, 14, Loss::CorruptRecord)], "{report}");
    let mut reader = reader::<Quote3>(&new);
    for id in (0..END).filter(|id| *id != 12 && *id != 13) {
        assert_eq!(shown(&reader.at(id).unwrap()), seen::<Quote3>(&written, id));
    }
    assert_eq!([12, 13].map(|id| reader.at(id).unwrap().kind()), [Kind::Void; 2]);
    let (report, new) = salvaged(&files, PREFIX);
    assert_eq!((report.records, report.end_sequence), (12, 12), "{report}");
    check(&mut self::reader::<Quote3>(&new), &written, 12);
}

/// Of a file whose headers are gone the neighbours tell the type, and its records which of them.
#[test]
fn a_segment_without_a_header_is_of_the_type_that_its_records_bear_out() {
    let (files, written) = whole();
    for base in [0, 8, 13, 21, 29, 30, 38] {
        let mut files = files.clone();
        files.get_mut(&segment(base)).unwrap()[..2 * BLOCK_BYTES].fill(7);
        let (report, new) = salvaged(&files, PREFIX);
        assert_eq!((report.records, report.lost_count), (END, 0), "{base}: {report}");
        check(&mut reader::<Quote3>(&new), &written, END);
    }
}

#[test]
fn a_missing_segment_of_each_type_is_lost_and_no_more() {
    let (files, written) = whole();
    for (base, end) in [(0, 8), (8, 13), (13, 21), (21, 29), (29, 30), (30, 38), (38, END)] {
        let mut files = files.clone();
        files.remove(&segment(base));
        let (report, new) = salvaged(&files, SKIP);
        assert_eq!((report.lost_count, report.records), (end - base, END - (end - base)), "{base}: {report}");
        let mut reader = reader::<Quote3>(&new);
        for id in (report.first_sequence..report.end_sequence).filter(|id| !(base..end).contains(id)) {
            assert_eq!(shown(&reader.at(id).unwrap()), seen::<Quote3>(&written, id), "{id}");
        }
    }
}

/// Programs that say other things of the same bytes, by turns: all of it is one type.
#[test]
fn the_schemas_words_keep_no_segment_out() {
    let (mut files, written) = whole();
    let text = files[&segment(0)][128..4092].to_vec();
    let length = text.iter().position(|byte| *byte == 0).unwrap();
    let file = files.get_mut(&segment(0)).unwrap();
    let more = [&text[..length - 1], b"\tunit=pieces\n"].concat();
    for copy in [0, BLOCK_BYTES] {
        let block = &mut file[copy..copy + BLOCK_BYTES];
        block[128..128 + more.len()].copy_from_slice(&more);
        block[60..64].copy_from_slice(&(more.len() as u32).to_le_bytes());
        slipring_tests::journals::mend_checksum(block);
    }
    let (report, new) = salvaged(&files, PREFIX);
    assert_eq!((report.records, report.warnings.len()), (END, 0), "{report}");
    check(&mut reader::<Quote3>(&new), &written, END);
}

/// With the copies of the seal of segment 29 whole, torn or not there.
fn with_seal(files: &FileSet, copies: [SealCopy; 2]) -> Memory {
    let mut files = files.clone();
    let file = files.get_mut(&segment(29)).unwrap();
    for (copy, how) in copies.into_iter().enumerate() {
        let block = &mut file[SEAL_AT + copy * BLOCK_BYTES..][..BLOCK_BYTES];
        match how {
            SealCopy::Whole => {}
            SealCopy::Torn => block[60..].fill(3),
            SealCopy::None => block.fill(0),
        }
    }
    Memory::from_files(files, NEXT_BOOT)
}

#[derive(Clone, Copy, Debug)]
enum SealCopy {
    Whole,
    Torn,
    None,
}

#[test]
fn one_copy_of_a_seal_is_enough() {
    use SealCopy::{None, Torn, Whole};
    let (files, written) = whole();
    for copies in [[Whole, Torn], [Torn, Whole], [Whole, None], [None, Whole]] {
        let memory = with_seal(&files, copies);
        let found = verify_on(memory.clone(), |_, _| {}).unwrap();
        assert_eq!((found.status, found.warnings.len()), (Status::Fine, 1), "{copies:?}: {found:?}");
        check(&mut reader::<Quote3>(&memory), &written, END);
    }
}

/// What power loss leaves of a seal that was being written counts for nothing, and the next opening mends it.
#[test]
fn a_seal_that_was_not_finished_binds_nobody() {
    use SealCopy::{None, Torn, Whole};
    // Sealed at 30, and the next segment is not there yet.
    let memory = Memory::new(BOOT);
    live_all(&options(8), &memory, &vec![(13, 1), (30, 2), (30, 3)]);
    let mut files = memory.to_files();
    files.retain(|name, _| !name.ends_with(".seg") || **name <= *segment(29));
    let written = vec![(13, 1), (30, 2), (END, 3)];
    for copies in [[Torn, None], [None, Torn], [None, None], [Whole, None], [Whole, Torn], [Whole, Whole]] {
        let memory = with_seal(&files, copies);
        let (mut writer, report) =
            options(8).open_on::<Quote3, Memory>(&memory, false).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((report.end_sequence, report.new_event_version), (30, Some(3)), "{copies:?}");
        append(&mut writer, END);
        writer.close().unwrap();
        let found = verify_on(memory.clone(), |_, _| {}).unwrap();
        assert_eq!((found.status, found.warnings.len()), (Status::Fine, 0), "{copies:?}: {found:?}");
        check(&mut reader::<Quote3>(&memory), &written, END);
        // The older program, where it comes first.
        let memory = with_seal(&files, copies);
        let (mut writer, _) = options(8).open_on::<Quote2, Memory>(&memory, false).unwrap();
        append(&mut writer, 40);
        writer.close().unwrap();
        check(&mut reader::<Quote2>(&memory), &vec![(13, 1), (40, 2)], 40);
    }
    match options(8).open_on::<Quote2, Memory>(&with_seal(&files, [Torn, Torn]), false) {
        Err(OpenError::Journal(JournalFault::BadHeader { path })) => assert!(path.ends_with(segment(29))),
        other => panic!("{other:?}"),
    }
}

/// A segment of an older type that comes from elsewhere can't be slipped in behind a newer one.
#[test]
fn types_that_go_back_are_a_conflict() {
    let (mut files, _) = whole();
    // Its header says that it begins where the last one of version 3 does.
    let mut stranger = files[&segment(0)].clone();
    for copy in [0, BLOCK_BYTES] {
        let block = &mut stranger[copy..copy + BLOCK_BYTES];
        block[32..40].copy_from_slice(&38_u64.to_le_bytes());
        slipring_tests::journals::mend_checksum(block);
    }
    stranger[2 * BLOCK_BYTES..4 * BLOCK_BYTES].fill(0);
    files.insert(segment(38), stranger);
    let memory = Memory::from_files(files, NEXT_BOOT);
    match options(8).open_on::<Quote3, Memory>(&memory, false) {
        Err(OpenError::Journal(JournalFault::SegmentConflict { what, .. })) => {
            assert!(what.contains("event types"), "{what}");
        }
        other => panic!("{other:?}"),
    }
}

/// The twenty records of a golden journal, and those behind them, as fills.
fn check_fills(memory: &Memory, end: u64) {
    let mut reader = reader::<Fill>(memory);
    assert_eq!(reader.end_sequence(), end);
    for id in 0..end {
        let wanted = (id >= 20 || id % 10 != 7).then(|| Fill::golden(id));
        assert_eq!(shown(&reader.at(id).unwrap()).1, wanted, "{id}");
    }
}

fn go_on_with_fills(memory: &Memory, end: u64) {
    let journal = options(8);
    let (mut writer, report) =
        journal.open_on::<Fill, Memory>(memory, false).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((report.end_sequence, report.new_event_version), (20, Some(2)), "{report}");
    for id in 20..end {
        while writer.step_preparer() {}
        writer.append(2_000 + id, &Fill::golden(id)).unwrap();
    }
    writer.close().unwrap();
    let found = verify_on(memory.clone(), |_, _| {}).unwrap();
    assert_eq!((found.status, found.records, found.warnings.len()), (Status::Fine, end, 0), "{found:?}");
    check_fills(memory, end);
}

/// Of every version of the format, though the first has no room for a seal.
#[test]
fn golden_files_are_read_and_gone_on_with() {
    for version in 1..=slipring_journal::VERSION {
        let files = golden(version);
        let memory = Memory::from_files(files.clone(), NEXT_BOOT);
        check_fills(&memory, 20);
        assert_eq!(memory.to_files(), files, "nothing changes before a writer opens");
        go_on_with_fills(&memory, 37);
        let (report, new) = {
            let into = Memory::new(NEXT_BOOT);
            (salvage_on(&memory, &into, PREFIX, |_, _| {}).unwrap(), into)
        };
        assert_eq!((report.records, report.lost_count), (37, 0), "{report}");
        check_fills(&new, 37);
    }
}

/// A segment of version 1 ends by its capacity: power may go between its two headers, or in one of them.
#[test]
fn a_segment_of_version_1_ends_early_by_whichever_header_says_so() {
    let files = golden(1);
    let memory = Memory::from_files(files.clone(), NEXT_BOOT);
    go_on_with_fills(&memory, 20);
    let (name, old) = (segment(16), files[&segment(16)].clone());
    let new = memory.to_files()[&name].clone();
    assert_eq!(new[40..48], 4_u64.to_le_bytes(), "its capacity");
    assert_eq!(new[2 * BLOCK_BYTES..], old[2 * BLOCK_BYTES..], "nothing else has changed");
    let torn = [&new[..60], &[9; BLOCK_BYTES - 60][..]].concat();
    let headers = [&new[..BLOCK_BYTES], &old[..BLOCK_BYTES], &torn];
    for (first, second) in [(0, 1), (1, 0), (2, 1), (0, 2), (1, 2), (2, 0)] {
        let mut files = files.clone();
        let file = files.get_mut(&name).unwrap();
        file[..BLOCK_BYTES].copy_from_slice(headers[first]);
        file[BLOCK_BYTES..2 * BLOCK_BYTES].copy_from_slice(headers[second]);
        let memory = Memory::from_files(files, NEXT_BOOT);
        check_fills(&memory, 20);
        go_on_with_fills(&memory, 30);
    }
}

/// Segments of one type that count otherwise keep their own words. All of them once got the last one's, and
/// 12.50 became 0.1250.
#[test]
fn salvage_leaves_each_segment_what_its_numbers_count() {
    #[derive(Clone, Copy, Debug, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
    #[repr(transparent)]
    struct Priced<const SCALE: u64>(u64);
    // SAFETY: one field covers all bytes.
    unsafe impl<const SCALE: u64> Event for Priced<SCALE> {
        fn schema() -> Schema {
            Schema::from_text(&format!("P 8\npx u64 0 8\tdecimal={SCALE}\n")).expect("a schema")
        }
    }
    fn live<const SCALE: u64>(memory: &Memory, count: u64) {
        let (mut writer, _) = options(8).open_on::<Priced<SCALE>, _>(memory, false).unwrap();
        for id in writer.end_sequence()..writer.end_sequence() + count {
            while writer.step_preparer() {}
            writer.append(time(id), &Priced::<SCALE>(10_u64.pow(SCALE as u32))).unwrap();
            writer.step_syncer();
        }
        writer.close().unwrap();
    }
    let memory = Memory::new(BOOT);
    live::<2>(&memory, 12);
    live::<4>(&memory, 12);
    live::<2>(&memory, 3);
    // A file under another name is taken at its own base.
    let mut files = memory.to_files();
    let second = files.remove("00000000000000000008.seg").unwrap();
    files.insert("00000000000000000990.seg".to_owned(), second);
    let (from, into) = (Memory::from_files(files, BOOT), Memory::new(BOOT));
    let report = salvage_on(&from, &into, SalvageOptions::default(), |_, _| {}).unwrap();
    assert_eq!((report.records, report.lost_count), (27, 0), "{report}");
    for storage in [memory, into] {
        let mut reader = Reader::<Priced<6>, _>::open_to(storage, None).unwrap();
        for sequence in 0..27 {
            assert_eq!(reader.at(sequence).unwrap().event().0, 1_000_000, "{sequence}");
        }
    }
}
