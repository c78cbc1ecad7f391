//! An event in three versions of its type, by hand: what each says of an older one, and what is to be seen of
//! a record by whoever knows a later version than the one that wrote it.

use std::fmt::Debug;
use std::path::Path;

use bytemuck::{Pod, Zeroable};
use slipring_journal::__private::SchemaBuilder;
use slipring_journal::__private::storage::Storage;
use slipring_journal::{Difference, Event, Journal, Kind, Reader, Record, Schema, SyncMode, Upgrade, Writer};

use crate::journals::FileSet;

/// What there is to say of an event; each version says some of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The event's number, which makes all the rest.
    pub id: u64,
    price: u32,
    size: u32,
    /// Since version 2.
    venue: u32,
    /// Since version 3.
    side: u32,
}

/// What an event has where its version has no such field.
const DEFAULT_VENUE: u32 = 9;
const DEFAULT_SIDE: u32 = 0;

/// What is to be seen of event `id`, which a program of version `by` wrote.
pub fn facts(by: u32, id: u64) -> Facts {
    Facts {
        id,
        price: 500 + (id % 1_000) as u32,
        size: (id % 7) as u32,
        venue: if by < 2 { DEFAULT_VENUE } else { (id % 5) as u32 },
        side: if by < 3 { DEFAULT_SIDE } else { 1 + (id % 2) as u32 },
    }
}

/// One version of the event.
pub trait Version: Event + PartialEq + Debug {
    /// Which one.
    const BY: u32;

    /// The event of these facts.
    fn of(facts: Facts) -> Self;
}

/// Version 1, which says nothing of versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Quote1 {
    id: u64,
    price: u32,
    size: u32,
}

/// Version 2: a wider price, and a venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Quote2 {
    id: u64,
    price: i64,
    size: u32,
    venue: u32,
}

/// Version 3: a wider size that comes first, and a side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Quote3 {
    size: u64,
    id: u64,
    price: i64,
    venue: u32,
    side: u32,
}

impl Version for Quote1 {
    const BY: u32 = 1;

    fn of(Facts { id, price, size, .. }: Facts) -> Self {
        Quote1 { id, price, size }
    }
}

impl Version for Quote2 {
    const BY: u32 = 2;

    fn of(Facts { id, price, size, venue, .. }: Facts) -> Self {
        Quote2 { id, price: price.into(), size, venue }
    }
}

impl Version for Quote3 {
    const BY: u32 = 3;

    fn of(Facts { id, price, size, venue, side }: Facts) -> Self {
        Quote3 { size: size.into(), id, price: price.into(), venue, side }
    }
}

impl From<Quote1> for Quote2 {
    fn from(Quote1 { id, price, size }: Quote1) -> Self {
        Quote2 { id, price: price.into(), size, venue: DEFAULT_VENUE }
    }
}

impl From<Quote2> for Quote3 {
    fn from(Quote2 { id, price, size, venue }: Quote2) -> Self {
        Quote3 { size: size.into(), id, price, venue, side: DEFAULT_SIDE }
    }
}

/// An upgrade by a function.
fn by<Old: Event, New: Event>(turn: fn(Old) -> New) -> Upgrade {
    Upgrade::new(move |older, newer| {
        newer.copy_from_slice(bytemuck::bytes_of(&turn(bytemuck::pod_read_unaligned(older))));
    })
}

fn unknown(found: &Schema, wanted: &Schema) -> Vec<Difference> {
    let advice = "nobody said how it becomes this one".to_owned();
    vec![Difference { field: String::new(), found: found.name.clone(), wanted: wanted.name.clone(), advice }]
}

// SAFETY: the fields cover all bytes, each at its place.
unsafe impl Event for Quote1 {
    fn schema() -> Schema {
        let builder = SchemaBuilder::new::<Self>("Quote").field::<u64>("id", 0);
        builder.field::<u32>("price", 8).field::<u32>("size", 12).build()
    }
}

// SAFETY: the fields cover all bytes, each at its place.
unsafe impl Event for Quote2 {
    fn schema() -> Schema {
        let builder = SchemaBuilder::new::<Self>("Quote").field::<u64>("id", 0);
        let builder = builder.field::<i64>("price", 8).field::<u32>("size", 16);
        builder.field::<u32>("venue", 20).version(2).build()
    }

    fn upgrade_from(found: &Schema) -> Result<Upgrade, Vec<Difference>> {
        match found {
            found if found.same_layout(&Quote1::schema()) => Ok(by::<Quote1, Quote2>(Quote2::from)),
            found => Err(unknown(found, &Self::schema())),
        }
    }
}

// SAFETY: the fields cover all bytes, each at its place.
unsafe impl Event for Quote3 {
    fn schema() -> Schema {
        let builder = SchemaBuilder::new::<Self>("Quote").field::<u64>("size", 0).field::<u64>("id", 8);
        let builder = builder.field::<i64>("price", 16).field::<u32>("venue", 24);
        builder.field::<u32>("side", 28).version(3).build()
    }

    fn upgrade_from(found: &Schema) -> Result<Upgrade, Vec<Difference>> {
        match found {
            found if found.same_layout(&Quote1::schema()) => {
                Ok(by(|old: Quote1| Quote3::from(Quote2::from(old))))
            }
            found if found.same_layout(&Quote2::schema()) => Ok(by::<Quote2, Quote3>(Quote3::from)),
            found => Err(unknown(found, &Self::schema())),
        }
    }
}

/// The time that goes with an event; some come at the same time.
pub fn time(id: u64) -> u64 {
    1_000 + id / 2 * 10
}

/// Whether a record is void: every eleventh.
pub fn is_void(id: u64) -> bool {
    id % 11 == 10
}

/// Options under which D moves only when a test says so.
pub fn options(segment_records: u64) -> Journal {
    Journal::at("memory").segment_records(segment_records).sync(SyncMode::EveryBatch).window_records(1 << 10)
}

/// What was written, by whom: the records below each end by a program of that version.
pub type Written = Vec<(u64, u32)>;

/// Who wrote a record.
pub fn writer_of(written: &Written, id: u64) -> u32 {
    written.iter().find(|(end, _)| id < *end).map(|(_, by)| *by).expect("somebody wrote it")
}

/// What is to be seen of a record: its time, and its event unless it is void.
pub fn seen<E: Version>(written: &Written, id: u64) -> (u64, Option<E>) {
    (time(id), (!is_void(id)).then(|| E::of(facts(writer_of(written, id), id))))
}

/// What a record shows: its time, and its event unless it is void.
pub fn shown<E: Event>(record: &Record<E>) -> (u64, Option<E>) {
    (record.time_ns(), (record.kind() == Kind::Event).then(|| *record.event()))
}

/// Appends up to `end`, with the rounds of preparer and syncer in between.
pub fn append<E: Version, S: Storage>(writer: &mut Writer<E, S>, end: u64) {
    for id in writer.end_sequence()..end {
        while writer.step_preparer() {}
        if id % 16 == 0 {
            writer.step_syncer();
        }
        let done = match is_void(id) {
            true => writer.append_void(time(id)),
            false => writer.append(time(id), &E::of(facts(E::BY, id))),
        };
        assert_eq!(done.expect("there is room"), id);
    }
}

/// A life of a program of one version: appends up to `end` and closes in good order.
pub fn live<E: Version, S: Storage>(journal: &Journal, storage: &S, end: u64) {
    let (mut writer, _) = journal.open_on::<E, S>(storage, false).unwrap_or_else(|error| panic!("{error}"));
    append(&mut writer, end);
    assert_eq!(writer.close().expect("nothing fails"), end);
}

/// As [`live`], by the version's number.
pub fn live_as<S: Storage>(journal: &Journal, storage: &S, version: u32, end: u64) {
    match version {
        1 => live::<Quote1, S>(journal, storage, end),
        2 => live::<Quote2, S>(journal, storage, end),
        3 => live::<Quote3, S>(journal, storage, end),
        other => panic!("no version {other}"),
    }
}

/// Lives one behind the other.
pub fn live_all<S: Storage>(journal: &Journal, storage: &S, written: &Written) {
    written.iter().for_each(|(end, version)| live_as(journal, storage, *version, *end));
}

/// Checks that a reader shows what was written, up to `end`, in each way there is.
pub fn check<E: Version, S: Storage>(reader: &mut Reader<E, S>, written: &Written, end: u64) {
    let first = reader.first_sequence();
    assert_eq!(reader.end_sequence(), end);
    let mut next = first;
    let mut chunks = reader.chunks(first).expect("from the first");
    while let Some(chunk) = chunks.next_chunk().unwrap_or_else(|error| panic!("{error}")) {
        for record in chunk.records {
            assert_eq!(shown(record), seen::<E>(written, next), "{next}");
            assert!(
                record.kind() == Kind::Event
                    || bytemuck::bytes_of(record.event()).iter().all(|byte| *byte == 0)
            );
            next += 1;
        }
    }
    assert_eq!(next, end);
    for id in first..end {
        let record = reader.at(id).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(shown(&record), seen::<E>(written, id), "{id}");
    }
    // A life that was killed early may have left no segment.
    assert!(end == 0 || reader.as_raw().schema().as_ref() == Some(&E::schema()));
    let mut next = first;
    let visit = |record: slipring_journal::RawRecord<'_>| {
        let event = (record.kind == Kind::Event).then(|| bytemuck::pod_read_unaligned::<E>(record.event));
        assert_eq!((record.sequence, (record.time_ns, event)), (next, seen::<E>(written, next)));
        next += 1;
        std::ops::ControlFlow::Continue(())
    };
    reader.as_raw().for_each(first..end, visit).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(next, end);
}

/// The event of the golden journals, `Trade`, as a later program has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Fill {
    venue: [u8; 8],
    id: u64,
    first_price: i64,
    sizes: [u32; 2],
}

impl Fill {
    /// What record `id` of a golden journal holds, unless it is void.
    pub fn golden(id: u64) -> Self {
        let size = id as u32 * 3;
        Fill { venue: *b"XNASDAQ ", id, first_price: id as i64 * 100 - 50, sizes: [size; 2] }
    }
}

// SAFETY: the fields cover all bytes, each at its place.
unsafe impl Event for Fill {
    fn schema() -> Schema {
        let text =
            "Fill 32\tversion=2\nvenue [u8;8] 0 8\nid u64 8 8\nfirst_price i64 16 8\nsizes [u32;2] 24 8\n";
        Schema::from_text(text).expect("a schema")
    }

    fn upgrade_from(found: &Schema) -> Result<Upgrade, Vec<Difference>> {
        let upgrade = Upgrade::new(|older, newer| {
            for (to, from) in [(0, 40..48), (8, 0..8), (16, 8..16), (24, 16..20), (28, 32..36)] {
                newer[to..to + from.len()].copy_from_slice(&older[from]);
            }
        });
        if found.name == "Trade" { Ok(upgrade) } else { Err(Vec::new()) }
    }
}

/// The files of the golden journal of a version of the format: twenty records, of which 7 and 17 are void.
///
/// # Panics
/// If they are not there.
pub fn golden(version: u32) -> FileSet {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("golden/v{version}"));
    let entries = std::fs::read_dir(folder).expect("it is kept").map(|entry| entry.expect("a file"));
    entries
        .map(|entry| {
            let name = entry.file_name().into_string().expect("plain names");
            (name, std::fs::read(entry.path()).expect("a file"))
        })
        .collect()
}
