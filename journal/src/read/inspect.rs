//! Looking at a journal without changing it: what its files say.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::error::ReadError;
use crate::event::{Field, Schema};
use crate::format::JournalId;
use crate::judge::chain;
use crate::judge::control;
use crate::read::raw::RawReader;
use crate::read::whose::{WriterState, whose};
use crate::storage::{Files, Storage};
use crate::tools::clock;

/// One segment, as [`inspect`] sees it.
///
/// See the example of [`JournalInfo`].
#[derive(Clone, Debug, serde::Serialize)]
pub struct SegmentInfo {
    /// The segment's file name.
    pub name: String,
    /// The sequence of its first slot.
    pub base: u64,
    /// How many records it has room for.
    pub capacity: u64,
    /// How many it holds.
    pub records: u64,
    /// The epoch in which it was made.
    pub epoch: u32,
    /// When it was made, nanoseconds since 1970.
    pub created_ns: u64,
    /// Journal time of its first record, nanoseconds.
    pub first_time_ns: Option<u64>,
    /// Journal time of its last record, nanoseconds.
    pub last_time_ns: Option<u64>,
    /// The file's length in bytes.
    pub file_bytes: u64,
    /// Where its first record begins, in bytes from the start of the file.
    pub records_at: u64,
    /// The version of the format that it is written in.
    pub format_version: u32,
    /// The version of the event type; 0 where nobody counts them.
    pub event_version: u32,
    /// The first sequence that its file held before it was written again.
    pub previous_base: Option<u64>,
}

/// A field of the events, as the files say it.
///
/// See the example of [`JournalInfo`].
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct FieldInfo {
    /// The field's name, nested ones with dots.
    pub name: String,
    /// Its type.
    pub kind: String,
    /// Bytes from the start of the event.
    pub offset: usize,
    /// Size in bytes.
    pub size: usize,
    /// What is said of it beyond its layout: `decimal` to `2`.
    pub attributes: BTreeMap<String, String>,
}

/// What the files of a journal say.
///
/// ```no_run
/// let info = slipring_journal::inspect("data/ticks")?;
/// println!("{} {}: {} to {}", info.event, info.journal_id, info.first_sequence, info.end_sequence);
/// for segment in &info.segments {
///     println!("  {}: {} of {} records", segment.name, segment.records, segment.capacity);
/// }
/// # Ok::<(), slipring_journal::ReadError>(())
/// ```
///
/// More: [format](https://github.com/slipring/slipring/blob/main/docs/reference/format.md).
#[derive(Clone, Debug, serde::Serialize)]
pub struct JournalInfo {
    /// The journal's folder. (In JSON: bytes of a path that are no UTF-8 become U+FFFD.)
    #[serde(serialize_with = "crate::tools::text::as_text")]
    pub path: PathBuf,
    /// The journal's identity.
    pub journal_id: JournalId,
    /// Which copy of the journal it is, in hexadecimal digits; `None` for the one that was made first.
    pub branch: Option<String>,
    /// It is a replica: it takes records that were made elsewhere, and appends none of its own before it is
    /// [promoted](crate::Journal::promote).
    pub replica: bool,
    /// The event type's name.
    pub event: String,
    /// What is said of the events beyond their layout.
    pub attributes: BTreeMap<String, String>,
    /// The event's fields.
    pub fields: Vec<FieldInfo>,
    /// Size of an event in bytes.
    pub event_bytes: usize,
    /// Size of a record in bytes.
    pub record_bytes: usize,
    /// The first sequence kept.
    pub first_sequence: u64,
    /// The sequence behind the last record.
    pub end_sequence: u64,
    /// D on disk: the sequence behind the last record known to be durable.
    pub durable_end: u64,
    /// W: records that may lie beyond D.
    pub window_records: u64,
    /// The newest epoch.
    pub epoch: u32,
    /// The last writer closed the journal in good order.
    pub closed: bool,
    /// Who writes the journal now.
    pub writer: WriterState,
    /// Generation of the control file.
    pub control_generation: u64,
    /// How far the last record's journal time lies ahead of this machine's clock, nanoseconds; 0 if it does
    /// not. All later records get that time until the clock has caught up.
    pub ahead_ns: u64,
    /// The segments, oldest first.
    pub segments: Vec<SegmentInfo>,
    /// What is damaged and can be borne.
    pub warnings: Vec<String>,
}

impl From<Field> for FieldInfo {
    fn from(field: Field) -> Self {
        let Field { name, kind, offset, size, attributes } = field;
        FieldInfo { name, kind, offset, size, attributes: attributes.into_iter().collect() }
    }
}

/// What there is to say of a journal that a rejoin was cutting when it was cut short.
pub(super) fn unfinished_cut(at: u64) -> String {
    format!("a rejoin was cut short: what lies at {at} and behind is set aside, and the next opening removes it")
}

/// Reads what the files of the journal at `path` say; the records themselves are only looked at where the log
/// ends and where segments begin and end.
///
/// # Errors
/// As [`Journal::reader`](crate::Journal::reader).
pub fn inspect(path: impl Into<PathBuf>) -> Result<JournalInfo, ReadError> {
    inspect_on(Files::new(path))
}

pub(crate) fn inspect_on<S: Storage>(storage: S) -> Result<JournalInfo, ReadError> {
    let mut reader = RawReader::open_to(storage, None)?;
    let end = reader.end_sequence();
    let (storage, control, chain) = reader.parts();
    let mut warnings = chain.warnings.clone();
    let control = *control;
    if control::load(storage)?.is_some_and(|loaded| loaded.other_slot_bad) {
        warnings.push("control: one slot is damaged".to_owned());
    }
    if control.cutting {
        warnings.push(unfinished_cut(control.durable_end));
    }
    let (path, writer) = (storage.path(""), whose(storage));
    let mut segments = Vec::new();
    for index in 0..reader.parts().2.segments.len() {
        segments.extend(reader.segment_info(index)?);
    }
    let last_ns = segments.iter().rev().find_map(|segment: &SegmentInfo| segment.last_time_ns);
    let schema = reader.schema().unwrap_or(Schema {
        name: String::new(),
        size: 0,
        fields: Vec::new(),
        attributes: Vec::new(),
    });
    let closed = match writer {
        WriterState::Unknown => control.closed,
        _ => writer == WriterState::Closed,
    };
    Ok(JournalInfo {
        path,
        journal_id: control.journal_id,
        branch: (control.branch != [0; 16]).then(|| JournalId(control.branch).to_string()),
        replica: control.replica,
        event: schema.name,
        event_bytes: schema.size,
        attributes: schema.attributes.into_iter().collect(),
        fields: schema.fields.into_iter().map(FieldInfo::from).collect(),
        record_bytes: reader.record_bytes(),
        first_sequence: control.first,
        end_sequence: end,
        durable_end: control.durable_end,
        window_records: control.window,
        epoch: control.epoch,
        closed,
        writer,
        control_generation: control.generation,
        ahead_ns: last_ns.unwrap_or(0).saturating_sub(clock::now_ns()),
        segments,
        warnings,
    })
}

impl<S: Storage> RawReader<S> {
    /// A segment as its header and its records say; `None` if it is not there any more: retired, or an empty
    /// one that a writer removed.
    fn segment_info(&mut self, index: usize) -> Result<Option<SegmentInfo>, ReadError> {
        let (end, (storage, _, chain)) = (self.end_sequence(), self.parts());
        let segment = chain.segments[index].clone();
        let Some(opened) = chain.open(storage, &segment, false)? else { return Ok(None) };
        let (header, _) = chain::read_header(&opened.file, &storage.path(&opened.name))?;
        let records = end.clamp(segment.base, segment.end) - segment.base;
        let mut time = |sequence| match self.time_at(sequence) {
            Err(ReadError::Evicted { .. }) => Ok(None),
            time => time.map(Some),
        };
        let (mut first_time_ns, mut last_time_ns) = (None, None);
        if records > 0 {
            (first_time_ns, last_time_ns) = (time(segment.base)?, time(segment.base + records - 1)?);
        }
        Ok(Some(SegmentInfo {
            name: segment.name(),
            base: segment.base,
            capacity: segment.end - segment.base,
            records,
            epoch: segment.epoch,
            created_ns: header.created_ns,
            first_time_ns,
            last_time_ns,
            file_bytes: segment.file_bytes(),
            records_at: segment.slots().offset(segment.base),
            format_version: header.version,
            event_version: header.event_version,
            previous_base: header.previous_base,
        }))
    }
}
