//! Looking at a journal without changing it: what its files say, and whether every record is whole.

use std::path::PathBuf;

use crate::chain::{self, Chain, ChainSegment, OpenSegment};
use crate::control;
use crate::crc::RecordCrc;
use crate::error::{JournalFault, ReadError};
use crate::event::Schema;
use crate::format::{JournalId, valid_record};
use crate::reader::RawReader;
use crate::scan::{self, BEYOND_WINDOW, Follow};
use crate::storage::{Files, Storage};

/// One segment, as [`inspect`] sees it.
#[derive(Clone, Debug, serde::Serialize)]
pub struct SegmentInfo {
    /// Its file's name.
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
    /// Its length in bytes.
    pub file_bytes: u64,
}

/// What the files of a journal say.
#[derive(Clone, Debug, serde::Serialize)]
pub struct JournalInfo {
    /// The journal's folder. (In JSON: bytes of a path that are no UTF-8 become U+FFFD.)
    #[serde(serialize_with = "crate::report::as_text")]
    pub path: PathBuf,
    /// The journal's identity.
    pub journal_id: JournalId,
    /// The event type's name.
    pub event: String,
    /// Its fields, as name, type, offset and size.
    pub fields: Vec<(String, String, usize, usize)>,
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
    /// Generation of the control file.
    pub control_generation: u64,
    /// The segments, oldest first.
    pub segments: Vec<SegmentInfo>,
    /// What is damaged and can be borne.
    pub warnings: Vec<String>,
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
    let path = storage.path("");
    let mut segments = Vec::new();
    for index in 0..reader.parts().2.segments.len() {
        segments.extend(reader.segment_info(index)?);
    }
    let schema = reader.schema().unwrap_or(Schema { name: String::new(), size: 0, fields: Vec::new() });
    Ok(JournalInfo {
        path,
        journal_id: control.journal_id,
        event: schema.name,
        event_bytes: schema.size,
        fields: schema.fields.into_iter().map(|f| (f.name, f.kind, f.offset, f.size)).collect(),
        record_bytes: reader.record_bytes(),
        first_sequence: control.first,
        end_sequence: end,
        durable_end: control.durable_end,
        window_records: control.window,
        epoch: control.epoch,
        closed: control.closed,
        control_generation: control.generation,
        segments,
        warnings,
    })
}

impl<S: Storage> RawReader<S> {
    /// A segment as its header and its records say; `None` if it is not there any more: retired, or an empty one that a
    /// writer removed.
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
            file_bytes: segment.slots().file_bytes(),
        }))
    }
}

/// Opens a segment that was there; `None` if retention has removed it meanwhile, which is said, or if it was an empty
/// one that a writer removed.
fn open_now<S: Storage>(
    storage: &S,
    chain: &Chain,
    segment: &ChainSegment,
    warnings: &mut Vec<String>,
) -> Result<Option<OpenSegment<S::File>>, JournalFault> {
    let opened = chain.open(storage, segment, false)?;
    if opened.is_none() {
        let now = control::load(storage)?.map(|loaded| loaded.state);
        let moved = now.is_some_and(|now| segment.base < now.first);
        if moved {
            let path = storage.path(&segment.name());
            warnings.push(format!("{}: retention removed it before it was read", path.display()));
        } else if now.is_none_or(|now| segment.base < now.durable_end) {
            return Err(chain::missing(storage, segment.base));
        }
    }
    Ok(opened)
}

/// What [`verify`] found.
#[derive(Clone, Debug, serde::Serialize)]
pub struct VerifyReport {
    /// The journal's folder. (In JSON: bytes of a path that are no UTF-8 become U+FFFD.)
    #[serde(serialize_with = "crate::report::as_text")]
    pub path: PathBuf,
    /// The verdict.
    pub status: Status,
    /// Records that were read and are whole.
    pub records: u64,
    /// The first sequence kept.
    pub first_sequence: u64,
    /// The sequence behind the last record of the log.
    pub end_sequence: u64,
    /// D on disk.
    pub durable_end: u64,
    /// Where a torn tail begins.
    pub torn_at: Option<u64>,
    /// What is corrupt, in full sentences.
    pub faults: Vec<String>,
    /// What is damaged and can be borne.
    pub warnings: Vec<String>,
}

/// The verdict of [`verify`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Every record is whole, and nothing lies behind the last.
    Fine,
    /// Every record is whole; behind the last lies something that the next open will cut off (or that a writer
    /// is just writing).
    TornTail,
    /// A record that must be whole is not, or the files contradict each other.
    Corrupt,
}

/// Reads every record of the journal at `path` and says whether all are whole. Changes nothing.
///
/// # Errors
/// Only what keeps it from looking: no journal, a failing system call, a newer version. Damage is no error but
/// in the report.
pub fn verify(path: impl Into<PathBuf>, progress: impl FnMut(u64, u64)) -> Result<VerifyReport, ReadError> {
    verify_on(Files::new(path), progress)
}

#[doc(hidden)]
pub fn verify_on<S: Storage>(
    storage: S,
    mut progress: impl FnMut(u64, u64),
) -> Result<VerifyReport, ReadError> {
    let mut report = VerifyReport {
        path: storage.path(""),
        status: Status::Fine,
        records: 0,
        first_sequence: 0,
        end_sequence: 0,
        durable_end: 0,
        torn_at: None,
        faults: Vec::new(),
        warnings: Vec::new(),
    };
    let corrupt = |mut report: VerifyReport, fault: JournalFault| {
        report.status = Status::Corrupt;
        report.faults.push(fault.to_string());
        Ok(report)
    };
    let damage = |fault: &JournalFault| {
        use JournalFault as F;
        matches!(
            fault,
            F::BadControl { .. }
                | F::BadHeader { .. }
                | F::MissingSegment { .. }
                | F::SegmentConflict { .. }
                | F::SegmentTruncated { .. }
                | F::CorruptRecord(_)
        )
    };
    let found = match control::load(&storage) {
        Ok(Some(found)) => found,
        Ok(None) => {
            let fault = crate::reader::no_control(&storage);
            return if damage(&fault) { corrupt(report, fault) } else { Err(fault.into()) };
        }
        Err(fault) if damage(&fault) => return corrupt(report, fault),
        Err(fault) => return Err(fault.into()),
    };
    report.first_sequence = found.state.first;
    report.durable_end = found.state.durable_end;
    let (loaded, chain) = match chain::load_both(&storage) {
        Ok(Some(both)) => both,
        Ok(None) => return corrupt(report, crate::reader::no_control(&storage)),
        Err(fault) if damage(&fault) => return corrupt(report, fault),
        Err(fault) => return Err(fault.into()),
    };
    let control = loaded.state;
    report.first_sequence = control.first;
    report.durable_end = control.durable_end;
    if loaded.other_slot_bad {
        report.warnings.push("control: one slot is damaged; the other was used".to_owned());
    }
    report.warnings.extend(chain.warnings.iter().cloned());
    let crc = RecordCrc::new(control.journal_id.0);
    let total = chain.segments.last().map_or(control.first, |s| s.end) - control.first;
    let mut order = Follow::default();
    let mut end = None;
    let mut faults = Vec::new();
    // A writer may go on meanwhile and move D: whoever looks beyond the window reads it again first.
    let mut window_end = control.durable_end + control.window;
    let mut beyond_window = |sequence: u64, epoch: u32| {
        if sequence >= window_end && !loaded.other_slot_bad && epoch == control.epoch {
            window_end = window_end.max(control::window_end(&storage));
        }
        sequence >= window_end && !loaded.other_slot_bad && epoch == control.epoch
    };
    for segment in &chain.segments {
        let Some(segment) = open_now(&storage, &chain, segment, &mut report.warnings)? else { continue };
        let path = storage.path(&segment.name);
        scan::for_each_slot(&storage, &segment, control.first..u64::MAX, |sequence, record| {
            if sequence % (1 << 16) == 0 {
                progress(sequence - control.first, total);
            }
            let found = valid_record(&crc, sequence, record);
            let mut fault = |what| {
                if faults.len() < 100 {
                    faults.push(
                        scan::corrupt(path.clone(), &crc, segment.slots, sequence, record, what).to_string(),
                    );
                }
            };
            match found {
                Some(header) if end.is_none() => {
                    if beyond_window(sequence, header.epoch()) {
                        fault(BEYOND_WINDOW);
                    }
                    if order.accept(header, crate::format::MAX_EPOCH) {
                        report.records += 1;
                    } else if sequence < control.durable_end {
                        fault("its epoch or time goes back");
                    } else {
                        end = Some(sequence);
                        report.torn_at = Some(sequence);
                    }
                }
                None if sequence < control.durable_end => fault("its bytes are not what was written"),
                None => {
                    end.get_or_insert(sequence);
                    if !scan::is_zero(record) {
                        report.torn_at = report.torn_at.or(end);
                    }
                }
                // Whole, and behind the end.
                Some(header) => {
                    report.torn_at = report.torn_at.or(end);
                    if beyond_window(sequence, header.epoch()) {
                        fault(BEYOND_WINDOW);
                    }
                }
            }
            std::ops::ControlFlow::Continue(())
        })
        .map_err(JournalFault::from)?;
    }
    progress(total, total);
    report.end_sequence = end.unwrap_or(control.first + total);
    report.faults = faults;
    report.status = match (&report.faults[..], report.torn_at) {
        ([_, ..], _) => Status::Corrupt,
        ([], Some(_)) => Status::TornTail,
        ([], None) => Status::Fine,
    };
    Ok(report)
}
