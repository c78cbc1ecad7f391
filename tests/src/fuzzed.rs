//! What the fuzz targets do with arbitrary bytes, and `arbitrary_bytes.rs` with some thousands of them: look
//! at a folder in every way that there is. It may be refused; it may not panic, read over an end, or keep
//! reading.
//!
//! Beyond that each body checks what must hold of whatever is accepted.

use std::ops::ControlFlow;

use arbitrary::{Arbitrary, Result, Unstructured};
use slipring_journal::__private::{salvage_on, verify_on};
use slipring_journal::{
    Event, Follower, JournalFault, Kind, OpenError, ReadError, Reader, SalvageOptions, Schema, Status, Writer,
};

use crate::faulty::{Call, Faulty};
use crate::images::{self, CAPACITY};
use crate::journals::{BLOCK_BYTES, FileSet, Note, mend_checksum, note, open, options, segment};
use crate::{fuzzed_acknowledged, fuzzed_files, fuzzed_readers};

/// Storage calls that one look at a folder may take: the images are three small segments, so whoever calls
/// more often is counting to a number that he found in a file.
const CALLS: usize = 3_000;

/// A body: what a fuzz target does with its bytes.
pub type Body = fn(&[u8]);

/// All bodies by the name of their target.
pub const BODIES: [(&str, Body); 12] = [
    ("open", open_folder),
    ("seek", seek),
    ("replay", replay),
    ("salvage", salvage),
    ("header", header),
    ("control", control),
    ("schema", schema),
    ("snapshot", fuzzed_files::snapshot),
    ("counters", fuzzed_files::counters),
    ("reader", fuzzed_readers::reader),
    ("acknowledged", fuzzed_acknowledged::acknowledged),
    ("socket", fuzzed_acknowledged::socket),
];

/// Opens a folder for writing, appends, closes, and reads back.
pub fn open_folder(bytes: &[u8]) {
    let _ = with_image(bytes, |storage, rest| {
        let before = storage.memory.to_files();
        let opened = open(&options(CAPACITY), storage);
        let (mut writer, report) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                let io = matches!(&error, OpenError::Journal(JournalFault::Io(_)));
                assert!(io || storage.memory.to_files() == before, "{error}: a refused journal was changed");
                return Ok(());
            }
        };
        let (first, end) = (report.first_sequence, report.end_sequence);
        assert!(first <= end && report.durable_end <= end, "{report}");
        assert_eq!(writer.end_sequence(), end);
        let appended = append_some(&mut writer, u8::arbitrary(rest)? % 20);
        if writer.close().is_err() {
            return Ok(());
        }
        let mut reader = Reader::<Note, _>::open_to(storage.clone(), None).expect("just closed");
        assert_eq!(reader.end_sequence(), end + appended);
        for sequence in end..end + appended {
            assert_eq!(reader.at(sequence).expect("just appended").event(), &note(sequence));
        }
        Ok(())
    });
}

/// Appends while there is room; how many.
fn append_some(writer: &mut Writer<Note, Faulty>, count: u8) -> u64 {
    let (mut appended, time_ns) = (0, writer.last_time_ns().unwrap_or(1));
    for _ in 0..count {
        while writer.step_preparer() {}
        if writer.try_append(time_ns, &note(writer.end_sequence())).is_err() {
            break;
        }
        appended += 1;
    }
    appended
}

/// Opens a folder for reading and seeks times and sequences in it.
pub fn seek(bytes: &[u8]) {
    let _ = with_image(bytes, |storage, rest| {
        let Ok(mut reader) = Reader::<Note, _>::open_to(storage.clone(), None) else { return Ok(()) };
        let (first, end) = (reader.first_sequence(), reader.end_sequence());
        assert!(first <= end);
        // Where every record can be read and times do not go back, a walk through all of them says what is
        // right.
        let mut times = Vec::new();
        let walk = reader.as_raw().for_each(first..end, |record| {
            times.push(record.time_ns);
            ControlFlow::Continue(())
        });
        let sorted = walk.is_ok() && times.is_sorted();
        for _ in 0..8 {
            let pick = u64::arbitrary(rest)?;
            let time_ns = match times.get(pick as usize % (times.len() + 1)) {
                Some(time) => time.wrapping_add(pick >> 62).wrapping_sub(1),
                None => pick,
            };
            for upper in [false, true] {
                let found = if upper { reader.upper_bound(time_ns) } else { reader.lower_bound(time_ns) };
                let Ok(found) = found else { continue };
                assert!((first..=end).contains(&found), "{found} is not in {first}..={end}");
                if sorted {
                    let wanted = times.partition_point(|t| if upper { *t <= time_ns } else { *t < time_ns });
                    assert_eq!(found, first + wanted as u64, "time {time_ns}, upper {upper}");
                }
            }
            for sequence in [pick, first.wrapping_add(pick % 32)] {
                match reader.at(sequence) {
                    Ok(record) => assert!(record.epoch() > 0 && sequence >= first),
                    Err(ReadError::OutOfRange { .. }) => assert!(!(first..end).contains(&sequence)),
                    Err(_) => {}
                }
            }
        }
        Ok(())
    });
}

/// Reads a folder through chunks and through a follower, and verifies it.
pub fn replay(bytes: &[u8]) {
    let _ = with_image(bytes, |storage, rest| {
        let ignore_first = bool::arbitrary(rest)?;
        let report = verify_on(storage.clone(), |_, _| {});
        let (mut whole, mut opened) = (None, false);
        if let Ok(mut reader) = Reader::<Note, _>::open_to(storage.clone(), None) {
            opened = true;
            let (first, end) = (reader.first_sequence(), reader.end_sequence());
            let mut next = first;
            let mut chunks = reader.chunks(first).expect("the first sequence");
            let done = loop {
                match chunks.next_chunk() {
                    Ok(Some(chunk)) => {
                        assert_eq!(chunk.first_sequence, next);
                        assert!(chunk.records.iter().all(|record| record.epoch() > 0));
                        next += chunk.records.len() as u64;
                    }
                    Ok(None) => break true,
                    Err(_) => break false,
                }
            };
            assert!(next <= end && (!done || next == end));
            whole = done.then_some(first..end);
        }
        // It may be fine and hold another type of event.
        if let Ok(report) = &report
            && report.status == Status::Fine
            && opened
        {
            let range = report.first_sequence..report.end_sequence;
            assert_eq!(whole, Some(range), "verify calls it fine: {report:?}");
        }
        let from = whole.as_ref().map_or(0, |range| range.start);
        let from = if ignore_first { u64::arbitrary(rest)? } else { from };
        let Ok(mut follower) = Follower::<Note, _>::open_on(storage.clone(), from) else { return Ok(()) };
        let mut next = from;
        while let Ok(Some(chunk)) = follower.next_chunk() {
            assert_eq!(chunk.first_sequence, next);
            for record in chunk.records {
                // Whatever kinds there will be: what is handed out is one that this reader knows.
                assert!(record.epoch() > 0 && matches!(record.kind(), Kind::Event | Kind::Void));
            }
            next += chunk.records.len() as u64;
        }
        if let Some(anchor) = follower.anchor() {
            assert_eq!(anchor.sequence + 1, next);
            let _ = Follower::<Note, _>::resume_on(storage.clone(), anchor);
        }
        Ok(())
    });
}

/// Salvages a folder: the source stays as it is, and what comes out is a journal with nothing wrong.
pub fn salvage(bytes: &[u8]) {
    let _ = with_image(bytes, |storage, rest| {
        let before = storage.memory.to_files();
        let how = SalvageOptions { skip_damaged: bool::arbitrary(rest)?, allow_bytes: Some(1 << 20) };
        let into = images::folder(FileSet::new(), true);
        let done = salvage_on(storage, &into, how, |_, _| {});
        assert_eq!(storage.memory.to_files(), before, "the damaged journal was written to");
        check_calls(&into);
        let Ok(report) = done else { return Ok(()) };
        let verified = verify_on(into.clone(), |_, _| {}).expect("a journal");
        assert_eq!(
            (verified.status, verified.records),
            (Status::Fine, report.records + report.voids_written)
        );
        assert!(report.lost_count > 0 || report.voids_written + report.whole_not_kept == 0, "{report}");
        match open(&options(CAPACITY), &into) {
            Ok((writer, opened)) => {
                assert_eq!(writer.end_sequence(), report.end_sequence);
                assert!(opened.was_closed && opened.warnings.is_empty(), "{opened}");
            }
            Err(OpenError::EpochsExhausted) => {}
            Err(OpenError::Journal(fault)) => {
                // Of another event type or none, or with segments for which there is no room.
                use JournalFault::{BadHeader, Io, SchemaMismatch};
                assert!(matches!(fault, SchemaMismatch { .. } | BadHeader { .. } | Io(_)), "{fault}");
            }
            Err(error) => panic!("{error}"),
        }
        Ok(())
    });
}

/// Arbitrary bytes as a segment's header copies, with their checksums if the first byte says so.
pub fn header(bytes: &[u8]) {
    let mut files = images::whole();
    let Some(blocks) = blocks(&files[&segment(0)], bytes) else { return };
    files.get_mut(&segment(0)).expect("it has one")[..2 * BLOCK_BYTES].copy_from_slice(&blocks);
    look(images::folder(files, true));
}

/// Arbitrary bytes as a control file, with checksums if the first byte says so.
pub fn control(bytes: &[u8]) {
    let mut files = images::whole();
    let Some(blocks) = blocks(&files["control"], bytes) else { return };
    // A control file of some other length: what is left of the bytes says which.
    let length = bytes.get(1).map_or(blocks.len(), |cut| blocks.len() - usize::from(*cut % 3));
    files.insert("control".to_owned(), blocks[..length].to_vec());
    look(images::folder(files, bytes[0] & 4 == 0));
}

/// The text of a schema, changed at some places: what is taken for one is of a possible event, and says so
/// again.
pub fn schema(bytes: &[u8]) {
    let mut text = Note::schema().to_text().into_bytes();
    for edit in bytes.chunks_exact(2) {
        let at = usize::from(edit[0]) % text.len();
        text[at] = edit[1];
    }
    let Some(schema) = Schema::from_text(&String::from_utf8_lossy(&text)) else { return };
    for field in &schema.fields {
        assert!(field.offset.checked_add(field.size).is_some_and(|end| end <= schema.size), "{schema}");
    }
    assert_eq!(Schema::from_text(&schema.to_text()), Some(schema));
}

/// The first two blocks of `file`, the first changed where `bytes` are not zero, so that a few of them
/// suffice to change one field; the second as the first, and both with their checksums, if the first byte
/// says so.
fn blocks(file: &[u8], bytes: &[u8]) -> Option<Vec<u8>> {
    let (&how, rest) = bytes.split_first()?;
    let mut blocks = file[..2 * BLOCK_BYTES].to_vec();
    blocks[..BLOCK_BYTES].iter_mut().zip(rest).for_each(|(place, byte)| *place ^= byte);
    if how & 2 == 0 {
        blocks.copy_within(..BLOCK_BYTES, BLOCK_BYTES);
        // Of a control file: the generation says which slot it is in.
        blocks[BLOCK_BYTES + 32] ^= u8::from(how & 16 == 0);
    }
    if how & 1 == 0 {
        blocks.chunks_exact_mut(BLOCK_BYTES).for_each(mend_checksum);
    }
    Some(blocks)
}

/// Everything that can be done with a folder.
fn look(storage: Faulty) {
    let _ = verify_on(storage.clone(), |_, _| {});
    if let Ok(mut reader) = Reader::<Note, _>::open_to(storage.clone(), None) {
        let (first, end) = (reader.first_sequence(), reader.end_sequence());
        let _ = reader.lower_bound(first);
        let _ = reader.as_raw().for_each(first..end, |_| ControlFlow::Continue(()));
        let _ = reader.refresh();
    }
    if let Ok(mut follower) = Follower::<Note, _>::open_on(storage.clone(), 0) {
        while let Ok(Some(_)) = follower.next_chunk() {}
    }
    if let Ok((mut writer, _)) = open(&options(CAPACITY), &storage) {
        append_some(&mut writer, 9);
        let _ = writer.close();
    }
    check_calls(&storage);
}

/// Makes an image of `bytes` and gives it to `body` with the bytes left over.
fn with_image(bytes: &[u8], body: impl FnOnce(&Faulty, &mut Unstructured<'_>) -> Result<()>) -> Result<()> {
    let mut rest = Unstructured::new(bytes);
    let storage = images::image(&mut rest)?;
    let done = body(&storage, &mut rest);
    check_calls(&storage);
    done
}

fn check_calls(storage: &Faulty) {
    let calls = storage.calls().len();
    assert!(calls < CALLS, "{calls} calls, {} of them reads", storage.count(Call::Read));
}
