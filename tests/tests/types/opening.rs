//! A newer program opens the journal: what was written ends there, and its own begins.

use std::sync::{Arc, Mutex};

use slipring_journal::__private::storage::{Memory, Storage};
use slipring_journal::__private::verify_on;
use slipring_journal::{
    Difference, Event, Journal, JournalFault, OpenError, Reader, RecoveryReport, Retention, Schema, Status,
    Upgrade, Writer,
};
use slipring_tests::folders::in_memory;
use slipring_tests::journals::{BOOT, NEXT_BOOT, segment};
use slipring_tests::types::{Quote1, Quote2, Quote3, Version, append, check, live, live_all, options};

/// The segments, as base, capacity and what the header says of the version.
fn segments(memory: &Memory) -> Vec<(u64, u64, u32)> {
    let number = |bytes: &[u8], at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    let files = memory.to_files();
    let segments = files.iter().filter(|(name, _)| name.ends_with(".seg"));
    segments.map(|(_, bytes)| (number(bytes, 32), number(bytes, 40), number(bytes, 80) as u32)).collect()
}

fn open<E: Version>(memory: &Memory) -> (Writer<E, Memory>, RecoveryReport) {
    options(8).open_on::<E, Memory>(memory, false).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_active_segment_ends_and_the_next_begins_with_the_newer_type() {
    let memory = Memory::new(BOOT);
    live::<Quote1, _>(&options(8), &memory, 13);
    let (writer, report) = open::<Quote2>(&memory);
    assert_eq!((report.end_sequence, report.new_event_version), (13, Some(2)));
    assert!(report.to_string().contains("events of version 2 from here on"), "{report}");
    assert_eq!(segments(&memory), [(0, 8, 0), (8, 8, 0), (13, 8, 2)]);
    writer.close().unwrap();
    let (mut writer, report) = open::<Quote2>(&memory);
    assert_eq!(report.new_event_version, Some(2), "there is no record of it yet");
    append(&mut writer, 14);
    writer.close().unwrap();
    let (writer, report) = open::<Quote2>(&memory);
    assert_eq!(report.new_event_version, None, "it has begun");
    writer.close().unwrap();
    // The seal is as the format says, twice.
    let file = &memory.to_files()[&segment(8)];
    assert_eq!(&file[16_384..16_392], b"SLIPEND\x01");
    assert_eq!(file[16_384..20_480], file[20_480..24_576]);
    assert_eq!(file[16_384 + 40..16_384 + 48], 13_u64.to_le_bytes());
}

#[test]
fn a_full_segment_and_an_empty_one_need_no_seal() {
    for (end, wanted) in [(16, vec![(0, 8, 0), (8, 8, 0), (16, 8, 2)]), (0, vec![(0, 8, 2)])] {
        let memory = Memory::new(BOOT);
        live::<Quote1, _>(&options(8), &memory, end);
        let (writer, report) = open::<Quote2>(&memory);
        assert_eq!(report.new_event_version, (end > 0).then_some(2));
        assert_eq!(segments(&memory), wanted);
        assert!(memory.to_files()[&segment(0)][16_384..24_576].iter().all(|byte| *byte == 0));
        writer.close().unwrap();
    }
}

/// What the older program had made ahead is gone; what it had not synced is kept, cut and saved as ever.
#[test]
fn recovery_is_that_of_the_older_type() {
    let memory = Memory::new(BOOT);
    let (mut writer, _) = open::<Quote1>(&memory);
    append(&mut writer, 13);
    while writer.step_preparer() {}
    assert!(segments(&memory).len() > 2, "it has made some ahead");
    writer.abandon();
    // A record is torn: the last but one.
    let mut files = memory.to_files();
    let at = slipring_journal::HEADER_BYTES as usize + 3 * 32;
    files.get_mut(&segment(8)).unwrap()[at + 16] ^= 1;
    let memory = Memory::from_files(files, NEXT_BOOT);
    let (mut writer, report) = open::<Quote3>(&memory);
    assert_eq!((report.end_sequence, report.truncated_at, report.valid_discarded), (11, Some(11), 1));
    assert_eq!(segments(&memory), [(0, 8, 0), (8, 8, 0), (11, 8, 3)]);
    let saved = memory.list().unwrap().into_iter().find(|name| name.starts_with("discarded-")).unwrap();
    assert_eq!(memory.to_files()[&saved].len(), 2 * 32);
    append(&mut writer, 30);
    writer.close().unwrap();
    let mut reader = Reader::<Quote3, Memory>::open_to(memory, None).unwrap();
    check(&mut reader, &vec![(11, 1), (30, 3)], 30);
}

/// A type without a version, of some layout: names alone tell them apart.
macro_rules! unsaid {
    ($name:ident $field:literal $version:expr) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
        #[repr(C)]
        struct $name(u64);
        // SAFETY: one field covers all bytes.
        unsafe impl Event for $name {
            fn schema() -> Schema {
                let version: Option<u32> = $version;
                let mut schema = Schema::from_text(concat!("Tick 8\n", $field, " u64 0 8\n")).unwrap();
                schema.attributes.extend(version.map(|number| ("version".to_owned(), number.to_string())));
                schema
            }
            fn upgrade_from(_: &Schema) -> Result<Upgrade, Vec<Difference>> {
                Ok(Upgrade::new(|older, newer| newer.copy_from_slice(older)))
            }
        }
    };
}

unsaid!(A "a" None);
unsaid!(B "b" None);
unsaid!(C "c" None);
unsaid!(B1 "b" Some(1));
unsaid!(C1 "c" Some(1));
unsaid!(C7 "c" Some(7));
unsaid!(D7 "d" Some(7));

fn one<E: Event>(memory: &Memory, event: E) -> Result<Option<u32>, String> {
    let opened = options(8).open_on::<E, Memory>(memory, false);
    let (mut writer, report) = opened.map_err(|error| match error {
        OpenError::Journal(JournalFault::SchemaMismatch { differences, .. }) => differences[0].advice.clone(),
        other => panic!("{other}"),
    })?;
    while writer.step_preparer() {}
    writer.append(1, &event).unwrap();
    writer.close().unwrap();
    Ok(report.new_event_version)
}

#[test]
fn versions_count_up_or_are_said_and_never_go_back() {
    let memory = Memory::new(BOOT);
    assert_eq!(one(&memory, A(1)), Ok(None));
    assert_eq!(one(&memory, B(1)), Ok(Some(1)), "counted, where nobody says one");
    assert!(
        one(&memory, A(1)).unwrap_err().contains("gone on from this type"),
        "its layout is there already"
    );
    assert_eq!(one(&memory, B1(1)), Ok(None), "it is the version that it has");
    assert!(one(&memory, C1(1)).unwrap_err().contains("version = 2"), "another type of the same version");
    assert_eq!(one(&memory, C7(1)), Ok(Some(7)));
    assert!(one(&memory, B1(1)).unwrap_err().contains("older than the journal"));
    assert!(one(&memory, D7(1)).unwrap_err().contains("version = 8"));
    assert!(one(&memory, A(1)).unwrap_err().contains("version = 8"));
    assert_eq!(one(&memory, C7(1)), Ok(None));
    assert!(one(&memory, C(1)).is_ok(), "the same bytes, and nothing said of them");
    let versions: Vec<_> = segments(&memory).into_iter().map(|(base, _, version)| (base, version)).collect();
    // Behind these lies what was made ahead.
    assert_eq!(versions[..3], [(0, 0), (1, 1), (3, 7)]);
}

/// All layouts that the journal holds must be readable as the new type, not the last one alone.
#[test]
fn a_type_that_can_not_show_all_of_the_journal_is_refused_and_nothing_is_changed() {
    #[derive(Clone, Copy, Debug, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
    #[repr(C)]
    struct OnlyFrom2(u64);
    // SAFETY: one field covers all bytes.
    unsafe impl Event for OnlyFrom2 {
        fn schema() -> Schema {
            Schema::from_text("Quote 8\tversion=3\nid u64 0 8\n").unwrap()
        }
        fn upgrade_from(found: &Schema) -> Result<Upgrade, Vec<Difference>> {
            let is_2 = found.same_layout(&Quote2::schema());
            let difference = Difference {
                field: "price".to_owned(),
                found: "u32".to_owned(),
                wanted: String::new(),
                advice: "say what becomes of it".to_owned(),
            };
            is_2.then(|| Upgrade::new(|older, newer| newer.copy_from_slice(&older[..8])))
                .ok_or(vec![difference])
        }
    }
    let memory = Memory::new(BOOT);
    live_all(&options(8), &memory, &vec![(13, 1), (20, 2)]);
    let before = memory.to_files();
    let error = options(8).open_on::<OnlyFrom2, Memory>(&memory, false).unwrap_err();
    match &error {
        OpenError::Journal(JournalFault::SchemaMismatch { path, differences, .. }) => {
            assert!(path.ends_with(segment(0)), "{}", path.display());
            assert_eq!((&*differences[0].field, differences.len()), ("price", 1));
        }
        other => panic!("{other:?}"),
    }
    assert!(error.to_string().contains("say what becomes of it"), "{error}");
    assert!(Reader::<OnlyFrom2, Memory>::open_to(memory.clone(), None).is_err());
    assert_eq!(memory.to_files(), before);
}

#[test]
fn whoever_copies_sealed_segments_hears_of_the_one_that_ended_early() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = Arc::clone(&told);
    let journal = options(8).on_sealed(move |segment| tell.lock().unwrap().push((segment.base, segment.end)));
    let memory = Memory::new(BOOT);
    live::<Quote1, _>(&journal, &memory, 13);
    assert_eq!(*told.lock().unwrap(), [(0, 8)]);
    live::<Quote2, _>(&journal, &memory, 13);
    live::<Quote2, _>(&journal, &memory, 22);
    assert_eq!(*told.lock().unwrap(), [(0, 8), (8, 13), (13, 21)]);
}

/// Bytes are those that the files take, of whatever type, and behind an early end too.
#[test]
fn retention_counts_what_segments_of_each_type_take() {
    let memory = Memory::new(BOOT);
    let sized = options(500);
    live_all(&sized, &memory, &vec![(500, 1), (750, 2)]);
    let length = |memory: &Memory, base: u64| memory.to_files()[&segment(base)].len() as u64;
    let sizes = [length(&memory, 0), length(&memory, 500)];
    assert!(sizes[0] < sizes[1], "{sizes:?}");
    live::<Quote3, _>(&sized, &memory, 1_251);
    let third = length(&memory, 750);
    // Segments at 0, 500 (half of it unused), 750 and 1,250.
    let files = memory.to_files();
    for (bytes, first) in
        [(sizes[1] + 2 * third, 500), (sizes[1] + 2 * third - 1, 750), (2 * third - 1, 1_250)]
    {
        let memory = Memory::from_files(files.clone(), BOOT);
        live::<Quote3, _>(&sized.clone().retention(Retention::new().keep_bytes(bytes)), &memory, 1_252);
        let reader = Reader::<Quote3, Memory>::open_to(memory, None).unwrap();
        assert_eq!(reader.first_sequence(), first, "{bytes}");
    }
}

/// A lease's bytes are those of the records that it holds.
#[test]
fn a_lease_counts_the_records_of_each_type() {
    let memory = Memory::new(BOOT);
    live_all(&options(10), &memory, &vec![(20, 1), (40, 2)]);
    // Of version 1 records take 32 bytes, of version 2 40, of version 3 48.
    let held = 20 * 32 + 20 * 40 + 48;
    for (bytes, is_held) in [(held, true), (held - 1, false)] {
        let memory = Memory::from_files(memory.to_files(), BOOT);
        let journal = options(10).retention(Retention::new().keep_records(0).lease_bytes(bytes));
        let (mut writer, _) = journal.open_on::<Quote3, Memory>(&memory, false).unwrap();
        let lease = writer.retention().unwrap().lease(0).unwrap();
        append(&mut writer, 41);
        writer.step_syncer();
        assert_eq!(lease.advance(0).is_ok(), is_held, "{bytes}");
        writer.close().unwrap();
    }
}

#[test]
fn what_retention_takes_leaves_a_chain_of_newer_types() {
    let folder = in_memory();
    let journal = Journal::at(folder.path()).segment_records(8).retention(Retention::new().keep_records(0));
    live_all(&journal, &journal.files(), &vec![(13, 1), (20, 2), (29, 3), (41, 3)]);
    let reader = journal.reader::<Quote3>().unwrap();
    assert!(reader.first_sequence() >= 29, "{}", reader.first_sequence());
    let found = slipring_journal::verify(folder.path(), |_, _| {}).unwrap();
    assert_eq!(found.status, Status::Fine, "{found:?}");
}

/// The older program may go on where a newer one was killed before it had a segment of its own.
#[test]
fn a_seal_without_a_segment_behind_it_binds_nobody() {
    let memory = Memory::new(BOOT);
    live::<Quote1, _>(&options(8), &memory, 13);
    drop(open::<Quote2>(&memory));
    memory.remove(&segment(13)).unwrap();
    let (mut writer, report) = open::<Quote1>(&memory);
    assert_eq!((report.end_sequence, report.new_event_version), (13, None));
    append(&mut writer, 30);
    writer.close().unwrap();
    // Behind these lies what was made ahead.
    assert_eq!(segments(&memory)[..4], [(0, 8, 0), (8, 8, 0), (13, 8, 0), (21, 8, 0)]);
    let mut reader = Reader::<Quote1, Memory>::open_to(memory.clone(), None).unwrap();
    check(&mut reader, &vec![(30, 1)], 30);
    assert_eq!(verify_on(memory, |_, _| {}).unwrap().status, Status::Fine);
}
