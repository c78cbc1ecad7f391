//! Salvage: what can still be read of a damaged journal, copied into a new one. Only on request, and the damaged
//! journal is never written to.
//!
//! A journal that contradicts itself is refused, not repaired: whoever mends it must say what may be lost. This is
//! where that is said, and where the answer is written down. The rule:
//!
//! - By default the new journal holds the longest prefix without damage. What lies behind is counted, not kept.
//! - With [`SalvageOptions::skip_damaged`] it goes on behind damage, up to the last record that is whole. Position
//!   is identity, so a record that is lost between two that are kept becomes a void record (the time and epoch of
//!   the one before it), and every other keeps its sequence. If the beginning is lost, the journal begins later,
//!   as after retention.
//! - The new journal has an identity of its own: the same history it is not. So anchors of the old one are refused
//!   by it, and every checksum is computed anew. Times, kinds and events stay as they were; so do epochs, but those in
//!   the upper half of what a record can hold count on from the one before, so that it can be opened for long.
//!
//! A record is taken for whole if its checksum holds for the old journal's identity and for its place, and neither
//! epoch nor time goes back. That is all that reading relies on: without a control file, and with both headers of a
//! segment gone, the records still say themselves where they belong.

mod copy;
mod error;
mod report;
mod survey;

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Instant;

use crate::error::IoFault;
use crate::format::crc::RecordCrc;
use crate::format::{CONTROL_NAME, MAX_EPOCH, RecordHeader, valid_record};
use crate::judge::chain::OpenSegment;
use crate::judge::control;
use crate::judge::scan::{self, Follow};
use crate::storage::{Files, Storage, StorageFile, most_bytes};

use copy::JournalCopy;
pub use error::SalvageError;
pub use report::{Loss, Lost, SalvageReport};
use survey::Survey;

/// How to salvage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SalvageOptions {
    /// Go on behind damage, with void records for what is lost in between. Not set by default.
    pub skip_damaged: bool,
    /// The bytes that the new journal may take on disk. By default twice what the damaged one takes, and 64 MiB: void
    /// records for a gap that needs more are none that lost files leave, but come of a file that does not belong.
    pub allow_bytes: Option<u64>,
}

/// Copies what can be read of the journal at `from` into a new journal at `into`, and says what was lost.
///
/// `from` may lack its control file, segments, or headers, and hold records of whatever event type. It is only read;
/// its writer should be closed. `into` must not exist, or be an empty folder. `progress` is called now and then with
/// the slots looked at and their total.
///
/// # Errors
/// [`SalvageError`]: nothing can be kept, `into` is not empty, a failing system call. If it fails midway, what lies
/// at `into` has no control file and is refused as a journal; remove it.
pub fn salvage(
    from: impl Into<PathBuf>,
    into: impl Into<PathBuf>,
    options: SalvageOptions,
    progress: impl FnMut(u64, u64),
) -> Result<SalvageReport, SalvageError> {
    salvage_on(&Files::new(from), &Files::new(into), options, progress)
}

#[doc(hidden)]
pub fn salvage_on<S: Storage, T: Storage>(
    from: &S,
    into: &T,
    options: SalvageOptions,
    mut progress: impl FnMut(u64, u64),
) -> Result<SalvageReport, SalvageError> {
    let started = Instant::now();
    check_empty(into)?;
    let survey = survey::survey(from)?;
    let journal_id = control::draw_id();
    let report = SalvageReport {
        from: from.path(""),
        into: into.path(""),
        from_id: survey.journal_id,
        journal_id,
        skip_damaged: options.skip_damaged,
        first_sequence: survey.first,
        end_sequence: survey.first,
        durable_end: survey.durable_end,
        records: 0,
        voids_written: 0,
        whole_not_kept: 0,
        lost_count: 0,
        lost: Vec::new(),
        warnings: survey.warnings.clone(),
        elapsed: std::time::Duration::ZERO,
    };
    // Once without writing, to know how much there will be to write.
    let mut walk = SalvageWalk::<S, T>::new(from, &survey, None, report.clone());
    walk.all(&mut progress)?;
    let measured = walk.report;
    if measured.records == 0 && !measured.lost.is_empty() {
        return Err(SalvageError::NothingToKeep { path: from.path(""), report: Box::new(measured) });
    }
    let template = survey.template.clone();
    let kept = measured.first_sequence..measured.end_sequence;
    let needed_bytes = copy::bytes_on_disk(template.as_ref(), kept.clone());
    let most_bytes = options.allow_bytes.unwrap_or_else(|| most_bytes(survey.allocated_bytes));
    if needed_bytes > most_bytes {
        let (path, voids) = (from.path(""), measured.voids_written);
        return Err(SalvageError::TooLarge { path, voids, needed_bytes, most_bytes });
    }
    let copy = JournalCopy::new(into, journal_id, template, kept.end);
    let mut walk = SalvageWalk::new(from, &survey, Some(copy), report);
    walk.all(&mut progress)?;
    let SalvageWalk { copy, mut report, .. } = walk;
    if let Some(copy) = copy {
        copy.finish(report.first_sequence, report.end_sequence)?;
    }
    report.elapsed = started.elapsed();
    Ok(report)
}

/// Refuses a folder with anything in it.
fn check_empty<T: Storage>(into: &T) -> Result<(), SalvageError> {
    match into.list() {
        Ok(names) if names.is_empty() => Ok(()),
        Ok(_) => Err(SalvageError::IntoNotEmpty { path: into.path("") }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(IoFault::new("list", into.path(""), error).into()),
    }
}

/// The walk over every slot that there is.
struct SalvageWalk<'a, S: Storage, T: Storage> {
    from: &'a S,
    survey: &'a Survey,
    crc: RecordCrc,
    /// `None` if it is only to be known what would be written.
    copy: Option<JournalCopy<'a, T>>,
    order: Follow,
    /// The sequence to be looked at next.
    next: u64,
    /// Damage has been met: without `skip_damaged` nothing is kept any more.
    damaged: bool,
    /// What was not whole since the last record that was: lost if one follows or D says so, else the log's end.
    pending: Vec<Lost>,
    /// Where bytes lie that are no record, since then.
    torn_at: Option<u64>,
    /// The file, by its segment's index, in which what another has lost was last looked for.
    other: Option<(usize, OpenSegment<S::File>)>,
    report: SalvageReport,
}

impl<'a, S: Storage, T: Storage> SalvageWalk<'a, S, T> {
    fn new(from: &'a S, survey: &'a Survey, copy: Option<JournalCopy<'a, T>>, report: SalvageReport) -> Self {
        SalvageWalk {
            from,
            survey,
            crc: RecordCrc::new(survey.journal_id.0),
            copy,
            order: Follow::default(),
            next: survey.first,
            damaged: false,
            pending: Vec::new(),
            torn_at: None,
            other: None,
            report,
        }
    }

    fn all(&mut self, progress: &mut impl FnMut(u64, u64)) -> Result<(), SalvageError> {
        let survey = self.survey;
        let total = survey.segments.iter().map(|found| survey.there(found) - found.base).sum();
        let mut done = 0;
        for (index, found) in survey.segments.iter().enumerate() {
            if found.base > self.next {
                self.lose_to(found.base, Loss::MissingSegment, None);
            }
            let segment = survey.open(self.from, found)?;
            let there = survey.there(found);
            let mut failed = None;
            let from = self.from;
            let pass = |hole| survey.first_elsewhere(from, index, hole);
            scan::for_each_slot_and(from, &segment, self.next..there, pass, |sequence, record| {
                if done % (1 << 16) == 0 {
                    progress(done, total);
                }
                done += 1;
                match self.slot(index, sequence, record) {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(error) => {
                        failed = Some(error);
                        ControlFlow::Break(())
                    }
                }
            })?;
            failed.map_or(Ok(()), Err)?;
            if there > self.next {
                self.lose_to(there, Loss::CorruptRecord, Some(&segment.name));
            }
            // What this file lacks another may hold.
            let after = survey.segments.get(index + 1).map_or(u64::MAX, |found| found.base);
            let cut_to = found.end.min(after);
            if cut_to > self.next {
                self.lose_to(cut_to, Loss::CutOff, Some(&segment.name));
            }
        }
        progress(total, total);
        self.end();
        Ok(())
    }

    /// Looks at one slot.
    fn slot(&mut self, index: usize, sequence: u64, record: &[u8]) -> Result<(), SalvageError> {
        if sequence > self.next {
            // What was passed over is a hole.
            let name = self.survey.segments[index].name();
            self.lose_to(sequence, Loss::CorruptRecord, Some(&name));
        }
        self.next = sequence + 1;
        let mut loss = match self.accept(sequence, record) {
            Ok(()) => return self.keep(sequence, record),
            Err(loss) => loss,
        };
        // Another file may claim the same sequences and hold what this one has lost.
        if self.survey.segments[index].overlapped {
            let survey = self.survey;
            for (other, _) in survey.segments.iter().enumerate().filter(|(other, found)| {
                *other != index && found.overlapped && (found.base..found.end).contains(&sequence)
            }) {
                let Some(copy) = self.read(other, sequence)? else { continue };
                match self.accept(sequence, &copy) {
                    Ok(()) => return self.keep(sequence, &copy),
                    Err(Loss::OutOfOrder) => loss = Loss::OutOfOrder,
                    Err(_) => {}
                }
            }
        }
        if !scan::is_zero(record) {
            self.torn_at.get_or_insert(sequence);
        }
        let name = self.survey.segments[index].name();
        self.lose(sequence..sequence + 1, loss, Some(&name));
        Ok(())
    }

    fn read(&mut self, index: usize, sequence: u64) -> Result<Option<Vec<u8>>, IoFault> {
        if self.other.as_ref().is_none_or(|(open, _)| *open != index) {
            self.other = None;
            self.other = Some((index, self.survey.open(self.from, &self.survey.segments[index])?));
        }
        let Some((_, OpenSegment { name, slots, file })) = &self.other else { return Ok(None) };
        let mut record = vec![0; slots.record_bytes as usize];
        let read = file
            .read_at(&mut record, slots.offset(sequence))
            .map_err(|error| IoFault::new("read", self.from.path(name), error))?;
        Ok((read == record.len()).then_some(record))
    }

    /// Whether these bytes are the record of `sequence` and can follow what was accepted before.
    fn accept(&mut self, sequence: u64, record: &[u8]) -> Result<(), Loss> {
        let header = valid_record(&self.crc, sequence, record).ok_or(Loss::CorruptRecord)?;
        if self.order.accept(header, MAX_EPOCH) { Ok(()) } else { Err(Loss::OutOfOrder) }
    }

    /// A record that is whole: what was pending is damage, and it is kept or lies behind damage.
    fn keep(&mut self, sequence: u64, record: &[u8]) -> Result<(), SalvageError> {
        self.torn_at = None;
        for lost in std::mem::take(&mut self.pending) {
            self.damaged = true;
            self.report_lost(lost);
        }
        if self.damaged && !self.report.skip_damaged {
            self.report.whole_not_kept += 1;
            self.report_lost(Lost {
                start: sequence,
                end: sequence + 1,
                why: Loss::BehindDamage,
                file: None,
            });
            return Ok(());
        }
        if self.report.records == 0 {
            self.report.first_sequence = sequence;
        } else if sequence > self.report.end_sequence {
            let start = self.report.end_sequence;
            self.report.voids_written += sequence - start;
            if let Some(copy) = &mut self.copy {
                copy.voids(start..sequence)?;
            }
        }
        if let Some(copy) = &mut self.copy {
            copy.record(sequence, RecordHeader::decode(record), record)?;
        }
        self.report.records += 1;
        self.report.end_sequence = sequence + 1;
        Ok(())
    }

    /// Nothing is left to be read: what is pending is damage as far as D says that it was durable.
    fn end(&mut self) {
        let durable_end = self.report.durable_end.unwrap_or(0);
        if durable_end > self.next {
            self.lose_to(durable_end, Loss::MissingSegment, None);
        }
        for mut lost in std::mem::take(&mut self.pending) {
            lost.end = lost.end.min(durable_end);
            if lost.start < lost.end {
                self.report_lost(lost);
            }
        }
        if let Some(at) = self.torn_at.filter(|at| *at >= durable_end) {
            let why = match self.report.durable_end {
                Some(_) => "above the durable watermark: a torn tail",
                None => "a torn tail, or damage: only the control file could tell",
            };
            self.report
                .warnings
                .push(format!("bytes at sequence {at} are no record, and none follows: {why}"));
        }
    }

    fn lose_to(&mut self, end: u64, why: Loss, file: Option<&str>) {
        let start = std::mem::replace(&mut self.next, end);
        self.lose(start..end, why, file);
    }

    fn lose(&mut self, range: std::ops::Range<u64>, why: Loss, file: Option<&str>) {
        let room = self.pending.len() < MOST_RANGES;
        let file = file.map(str::to_owned);
        let lost = Lost { start: range.start, end: range.end, why, file };
        match self.pending.last_mut() {
            // They follow each other: the last range stands for the rest, whatever became of that.
            Some(last) if !room => last.end = lost.end,
            _ => push_or_extend(&mut self.pending, lost, MOST_RANGES),
        }
    }

    fn report_lost(&mut self, lost: Lost) {
        self.report.lost_count += lost.end - lost.start;
        push_or_extend(&mut self.report.lost, lost, MOST_RANGES);
    }
}

/// Puts `lost` behind the others, as a part of the last one if it can be.
fn push_or_extend(list: &mut Vec<Lost>, lost: Lost, most: usize) {
    let room = list.len() < most;
    match list.last_mut() {
        Some(last) if last.end == lost.start && last.why == lost.why && last.file == lost.file => {
            last.end = lost.end;
        }
        _ if room => list.push(lost),
        _ => {}
    }
}

/// Ranges of lost records that a report names; it counts the records of all.
const MOST_RANGES: usize = 10_000;

/// The message for a control file that was not used.
fn control_note<S: Storage>(storage: &S, what: &str) -> String {
    format!("{}: {what}; the records speak for themselves", storage.path(CONTROL_NAME).display())
}
