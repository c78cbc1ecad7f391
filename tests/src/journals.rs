//! Small journals for the fault tests, whole and then damaged: what is in them can be told from the sequence
//! alone, so that whatever comes out of a damaged one can be checked without a copy of what went in.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};
use std::time::Duration;

use slipring_journal::__private::storage::{Memory, Storage};
use slipring_journal::{
    AppendError, Event, Journal, OpenError, ReadError, Reader, RecoveryReport, SyncMode, Writer,
};

/// The event of the fault tests: 48 bytes, so that a record has 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Event)]
#[repr(C)]
pub struct Note {
    /// The sequence that it is appended at.
    pub id: u64,
    /// What the id makes of it.
    pub rest: [u64; 5],
}

/// Size of a record of [`Note`].
pub const RECORD_BYTES: usize = 64;
/// Where records start in a segment file.
pub const HEADER_BYTES: usize = slipring_journal::HEADER_BYTES as usize;
/// Unit of header copies and control slots.
pub const BLOCK_BYTES: usize = 4096;
/// A boot of the machine.
pub const BOOT: [u8; 16] = [1; 16];
/// The boot after it.
pub const NEXT_BOOT: [u8; 16] = [2; 16];

/// The event for a sequence.
pub fn note(id: u64) -> Note {
    Note { id, rest: std::array::from_fn(|i| (id + i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)) }
}

/// The time that goes with [`note`].
pub fn time(id: u64) -> u64 {
    1_000 + 10 * id
}

/// Name of the segment that starts at `base`.
pub fn segment(base: u64) -> String {
    format!("{base:020}.seg")
}

/// Options of the fault tests: D moves only when a test says so.
pub fn options(segment_records: u64) -> Journal {
    Journal::at("memory").segment_records(segment_records).sync(SyncMode::EveryBatch).window_records(1 << 10)
}

/// Opens without threads.
pub fn open<S: Storage>(
    journal: &Journal,
    storage: &S,
) -> Result<(Writer<Note, S>, RecoveryReport), OpenError> {
    journal.open_on::<Note, S>(storage, false)
}

/// Appends the notes up to `end`, with the preparer's rounds in between: by turns one by one, and in batches
/// of one.
pub fn append_to<S: Storage>(writer: &mut Writer<Note, S>, end: u64) {
    for id in writer.end_sequence()..end {
        while writer.step_preparer() {}
        if id % 2 == 0 {
            assert_eq!(writer.append(time(id), &note(id)).expect("there is room"), id);
        } else {
            append_batch(writer, id..id + 1, note, |_| ());
        }
    }
}

/// Appends the notes of `ids` in one batch, as the engine's journal stage does (two at a time, odd ones by
/// themselves), and says of each that it is in the journal. Waits for room: somebody else must run the
/// preparer.
pub fn append_batch<S: Storage>(
    writer: &mut Writer<Note, S>,
    ids: Range<u64>,
    note: impl Fn(u64) -> Note,
    mut is_in: impl FnMut(u64),
) {
    const ROW: usize = 16;
    let mut batch = writer.batch();
    assert_eq!(batch.end_sequence(), ids.start);
    for first in ids.clone().step_by(ROW) {
        // Not in memory that is allocated: what the system does for this thread is counted.
        let notes: [Note; ROW] = std::array::from_fn(|at| note(first + at as u64));
        let end = ids.end.min(first + ROW as u64);
        let mut left = &notes[..(end - first) as usize];
        loop {
            let said = batch.end_sequence();
            left = batch.put_all(left, |note, id| Some((time(id), note)));
            (said..batch.end_sequence()).for_each(&mut is_in);
            let Some((note, rest)) = left.split_first() else { break };
            let id = batch.end_sequence();
            while let Err(error) = batch.append_seldom(time(id), Some(note)) {
                assert!(matches!(error, AppendError::Full { .. }), "{error}");
                std::thread::sleep(Duration::from_micros(50));
            }
            is_in(id);
            left = rest;
        }
    }
    assert_eq!(batch.end_sequence(), ids.end);
}

/// A journal of `records` notes whose writer died with D at `durable`.
pub fn died(segment_records: u64, records: u64, durable: u64) -> Memory {
    let memory = Memory::new(BOOT);
    let (mut writer, _) = open(&options(segment_records), &memory).expect("a new journal");
    append_to(&mut writer, durable);
    writer.step_syncer();
    assert_eq!(writer.cursors().durable_end(), durable);
    append_to(&mut writer, records);
    writer.abandon();
    memory
}

/// A journal of `records` notes, closed in good order.
pub fn closed(segment_records: u64, records: u64) -> Memory {
    let memory = Memory::new(BOOT);
    let (mut writer, _) = open(&options(segment_records), &memory).expect("a new journal");
    // No more than three segments are mapped: those before must be durable.
    for end in (3 * segment_records..records).step_by(segment_records as usize) {
        append_to(&mut writer, end);
        writer.step_syncer();
    }
    append_to(&mut writer, records);
    assert_eq!(writer.close().expect("memory does not fail"), records);
    memory
}

/// The files of a journal, to be damaged.
pub type FileSet = BTreeMap<String, Vec<u8>>;

/// A machine with these files that was not restarted since they were written.
pub fn same_boot(files: &FileSet) -> Memory {
    Memory::from_files(files.clone(), BOOT)
}

/// A machine with these files that was restarted since.
pub fn next_boot(files: &FileSet) -> Memory {
    Memory::from_files(files.clone(), NEXT_BOOT)
}

/// Reads all from the first sequence to the end; the sequence behind the last record.
///
/// # Errors
/// The first fault met.
///
/// # Panics
/// If a record is handed out that is not what was appended at its sequence.
pub fn read_all<S: Storage>(storage: &S) -> Result<u64, ReadError> {
    let mut reader = Reader::<Note, S>::open_to(storage.clone(), None)?;
    let (mut next, end) = (reader.first_sequence(), reader.end_sequence());
    let mut wrong = None;
    reader.as_raw().for_each(next..end, |record| {
        if record.sequence != next
            || record.time_ns != time(next)
            || record.event != bytemuck::bytes_of(&note(next))
        {
            wrong = Some(format!("{record:?} at {next}"));
            return ControlFlow::Break(());
        }
        next += 1;
        ControlFlow::Continue(())
    })?;
    assert_eq!(wrong, None, "a record that was never appended");
    assert_eq!(next, end);
    Ok(end)
}

/// As [`read_all`], for a folder on disk whose records were written with [`crate::lives::note_of_round`] in
/// round 0.
///
/// # Errors
/// The first fault met.
///
/// # Panics
/// If a record is handed out that is not what was appended at its sequence.
pub fn read_folder(folder: &std::path::Path) -> Result<u64, ReadError> {
    let mut reader = Journal::at(folder).reader::<Note>()?;
    let mut next = reader.first_sequence();
    let mut chunks = reader.chunks(next)?;
    while let Some(chunk) = chunks.next_chunk()? {
        for record in chunk.records {
            assert_eq!(
                (*record.event(), record.time_ns()),
                (crate::lives::note_of_round(next, 0), time(next))
            );
            next += 1;
        }
    }
    Ok(next)
}

/// Gives a control slot or header copy the checksum that its bytes call for, after a field was changed.
pub fn mend_checksum(block: &mut [u8]) {
    assert_eq!(block.len(), BLOCK_BYTES);
    let checksum = crc32c::crc32c(&block[..BLOCK_BYTES - 4]);
    block[BLOCK_BYTES - 4..].copy_from_slice(&checksum.to_le_bytes());
}
