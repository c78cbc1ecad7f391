//! Whether every record of a journal is whole, and what the next opening will make of it.

use std::ops::ControlFlow;
use std::path::PathBuf;

use crate::error::{JournalFault, ReadError};
use crate::format::crc::RecordCrc;
use crate::format::{ControlState, MAX_EPOCH, valid_record};
use crate::judge::chain::{self, Chain, ChainSegment, OpenSegment};
use crate::judge::control;
use crate::judge::scan::{self, Follow};
use crate::judge::verdict;
use crate::read::inspect::unfinished_cut;
use crate::read::whose::{WriterState, whose};
use crate::storage::{Files, Storage};

/// Faults that a report names.
const MOST_FAULTS: usize = 100;

/// Opens a segment that was there; `None` if retention has removed it meanwhile, which is said, or if it was
/// an empty one that a writer removed.
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
///
/// ```no_run
/// use slipring_journal::{Status, verify};
///
/// let report = verify("data/ticks", |done, total| eprintln!("{done} of {total}"))?;
/// if report.status == Status::Corrupt {
///     report.faults.iter().for_each(|fault| println!("{fault}"));
/// }
/// # Ok::<(), slipring_journal::ReadError>(())
/// ```
///
/// More: [command](https://github.com/slipring/slipring/blob/main/docs/reference/command.md).
#[derive(Clone, Debug, serde::Serialize)]
pub struct VerifyReport {
    /// The journal's folder. (In JSON: bytes of a path that are no UTF-8 become U+FFFD.)
    #[serde(serialize_with = "crate::tools::text::as_text")]
    pub path: PathBuf,
    /// The verdict.
    pub status: Status,
    /// Records of the log that were read and are whole.
    pub records: u64,
    /// Records of the log that were looked at: whole or not. Fewer than there should be if the files
    /// contradict each other, for then nobody knows which to believe.
    pub looked_at: u64,
    /// The first sequence kept.
    pub first_sequence: u64,
    /// The sequence behind the last record of the log.
    pub end_sequence: u64,
    /// D on disk.
    pub durable_end: u64,
    /// It is a replica: it takes records that were made elsewhere.
    pub replica: bool,
    /// Who writes the journal, when all of it had been looked at.
    pub writer: WriterState,
    /// Where a torn tail begins.
    pub torn_at: Option<u64>,
    /// The next opening refuses the journal; else it goes on at `end_sequence`. What is damaged below D it
    /// does not meet: whoever reads that does.
    pub refuses_to_open: bool,
    /// What is corrupt, in full sentences.
    pub faults: Vec<String>,
    /// What is damaged and can be borne.
    pub warnings: Vec<String>,
}

/// The verdict of [`verify`].
///
/// See the example of [`VerifyReport`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Every record is whole, and nothing lies behind the last, but what a running writer has begun to write.
    Fine,
    /// Every record is whole; behind the last lies something that the next open will cut off.
    TornTail,
    /// A record that must be whole is not, or the files contradict each other.
    Corrupt,
}

/// Reads every record of the journal at `path` and says whether all are whole. Changes nothing. What lies
/// behind D it judges as opening does.
///
/// # Errors
/// Only what keeps it from looking: no journal, a failing system call, a newer version. Damage is no error
/// but in the report.
pub fn verify(path: impl Into<PathBuf>, progress: impl FnMut(u64, u64)) -> Result<VerifyReport, ReadError> {
    verify_on(Files::new(path), progress)
}

#[doc(hidden)]
pub fn verify_on<S: Storage>(storage: S, progress: impl FnMut(u64, u64)) -> Result<VerifyReport, ReadError> {
    let mut report = VerifyReport {
        path: storage.path(""),
        status: Status::Fine,
        records: 0,
        looked_at: 0,
        first_sequence: 0,
        end_sequence: 0,
        durable_end: 0,
        replica: false,
        writer: WriterState::Unknown,
        torn_at: None,
        refuses_to_open: false,
        faults: Vec::new(),
        warnings: Vec::new(),
    };
    match look(&storage, &mut report, progress) {
        Err(fault) if fault.is_damage() => {
            report.refuses_to_open = true;
            report.faults.push(fault.to_string());
        }
        looked => looked?,
    }
    report.writer = whose(&storage);
    if let (WriterState::Running { .. }, Some(at)) = (&report.writer, report.torn_at) {
        report.torn_at = None;
        report.warnings.push(format!("its writer was about to write at sequence {at}: look again for that"));
    }
    report.status = match (&report.faults[..], report.torn_at) {
        ([_, ..], _) => Status::Corrupt,
        ([], Some(_)) => Status::TornTail,
        ([], None) => Status::Fine,
    };
    Ok(report)
}

/// Looks at everything; the fault with which opening refuses the journal, if it does.
fn look<S: Storage>(
    storage: &S,
    report: &mut VerifyReport,
    progress: impl FnMut(u64, u64),
) -> Result<(), JournalFault> {
    if let Some(found) = control::load(storage)? {
        (report.first_sequence, report.durable_end) = (found.state.first, found.state.durable_end);
        report.end_sequence = found.state.durable_end;
    }
    let Some((loaded, chain)) = chain::load_both(storage)? else {
        return Err(control::no_control(storage));
    };
    let control = loaded.state;
    (report.first_sequence, report.durable_end) = (control.first, control.durable_end);
    report.end_sequence = control.durable_end;
    if loaded.other_slot_bad {
        report.warnings.push("control: one slot is damaged; the other was used".to_owned());
    }
    report.warnings.extend(chain.warnings.iter().cloned());
    report.replica = control.replica;
    if control.epoch >= MAX_EPOCH && !control.replica {
        report.refuses_to_open = true;
        report.warnings.push("its epochs are used up: opening refuses it; copy it into a new one".to_owned());
    }
    below_d(storage, &control, &chain, report, progress)?;
    if control.cutting {
        report.warnings.push(unfinished_cut(control.durable_end));
        report.torn_at = Some(control.durable_end);
        return Ok(());
    }
    let judged = match verdict::judge(storage, &loaded, &chain, false) {
        // It was met below D already.
        Err(JournalFault::CorruptRecord(record))
            if record.sequence < control.durable_end && !report.faults.is_empty() =>
        {
            report.refuses_to_open = true;
            return Ok(());
        }
        Err(JournalFault::MissingSegment { expected_base, .. })
            if control::load(storage)?.is_some_and(|now| now.state.first > expected_base) =>
        {
            let what =
                "retention went past what was durable when the look began: look again for what lies behind";
            report.warnings.push(what.to_owned());
            return Ok(());
        }
        judged => judged?,
    };
    report.end_sequence = judged.end;
    report.records += judged.end - control.durable_end;
    report.looked_at += judged.end - control.durable_end;
    report.torn_at = judged.is_cut().then_some(judged.end);
    Ok(())
}

/// Every record below D must be whole and follow the one before.
fn below_d<S: Storage>(
    storage: &S,
    control: &ControlState,
    chain: &Chain,
    report: &mut VerifyReport,
    mut progress: impl FnMut(u64, u64),
) -> Result<(), JournalFault> {
    let crc = RecordCrc::new(control.journal_id.0);
    let total = control.durable_end - control.first;
    let mut order = Follow::default();
    for segment in chain.segments.iter().take_while(|segment| segment.base < control.durable_end) {
        let Some(segment) = open_now(storage, chain, segment, &mut report.warnings)? else { continue };
        let path = storage.path(&segment.name);
        scan::for_each_slot(storage, &segment, control.first..control.durable_end, |sequence, record| {
            if sequence % (1 << 16) == 0 {
                progress(sequence - control.first, total);
            }
            report.looked_at += 1;
            let what = match valid_record(&crc, sequence, record) {
                Some(header) if order.accept(header, MAX_EPOCH) => {
                    report.records += 1;
                    return ControlFlow::Continue(());
                }
                Some(_) => "its epoch or time goes back",
                None => "its bytes are not what was written",
            };
            if report.faults.len() < MOST_FAULTS {
                let corrupt = scan::corrupt(path.clone(), &crc, segment.slots, sequence, record, what);
                report.faults.push(corrupt.to_string());
            }
            ControlFlow::Continue(())
        })?;
    }
    progress(total, total);
    Ok(())
}
