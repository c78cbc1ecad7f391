//! The walk over every slot that there is: what is kept of it, what is lost, and why.

use std::ops::{ControlFlow, Range};

use super::copy::JournalCopy;
use super::error::SalvageError;
use super::report::{Loss, Lost, SalvageReport};
use super::survey::Survey;
use crate::error::IoFault;
use crate::format::crc::RecordCrc;
use crate::format::{MAX_EPOCH, RecordHeader, valid_record};
use crate::judge::chain::OpenSegment;
use crate::judge::scan::{self, Follow};
use crate::storage::{Storage, StorageFile};

/// The walk over every slot that there is.
pub(super) struct SalvageWalk<'a, S: Storage, T: Storage> {
    from: &'a S,
    survey: &'a Survey,
    crc: RecordCrc,
    /// `None` if it is only to be known what would be written.
    pub(super) copy: Option<JournalCopy<'a, T>>,
    order: Follow,
    /// From which sequence on which of the survey's types was kept.
    pub(super) kinds: Vec<(u64, usize)>,
    /// The sequence to be looked at next.
    next: u64,
    /// Damage has been met: without `skip_damaged` nothing is kept any more.
    damaged: bool,
    /// What was not whole since the last record that was: lost if one follows or D says so, else the log's
    /// end.
    pending: Vec<NotWhole>,
    /// Where bytes lie that are no record, since then.
    torn_at: Option<u64>,
    /// The file, by its segment's index, in which what another has lost was last looked for.
    other: Option<(usize, OpenSegment<S::File>)>,
    pub(super) report: SalvageReport,
}

impl<'a, S: Storage, T: Storage> SalvageWalk<'a, S, T> {
    pub(super) fn new(
        from: &'a S,
        survey: &'a Survey,
        copy: Option<JournalCopy<'a, T>>,
        report: SalvageReport,
    ) -> Self {
        SalvageWalk {
            from,
            survey,
            crc: RecordCrc::new(survey.journal_id.0),
            copy,
            order: Follow::default(),
            kinds: Vec::new(),
            next: survey.first,
            damaged: false,
            pending: Vec::new(),
            torn_at: None,
            other: None,
            report,
        }
    }

    pub(super) fn all(&mut self, progress: &mut impl FnMut(u64, u64)) -> Result<(), SalvageError> {
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
                self.lose_to(there, Loss::CorruptRecord, Some(index));
            }
            // What this file lacks another may hold.
            let after = survey.segments.get(index + 1).map_or(u64::MAX, |found| found.base);
            let cut_to = found.end.min(after);
            if cut_to > self.next {
                self.lose_to(cut_to, Loss::CutOff, Some(index));
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
            self.lose_to(sequence, Loss::CorruptRecord, Some(index));
        }
        self.next = sequence + 1;
        let kind = self.survey.segments[index].kind;
        let mut loss = match self.accept(sequence, kind, record) {
            Ok(()) => return self.keep(sequence, kind, record),
            Err(loss) => loss,
        };
        // Another file may claim the same sequences and hold what this one has lost.
        if self.survey.segments[index].overlapped {
            let survey = self.survey;
            for (other, _) in survey.segments.iter().enumerate().filter(|(other, found)| {
                *other != index && found.overlapped && (found.base..found.end).contains(&sequence)
            }) {
                let Some(copy) = self.read(other, sequence)? else { continue };
                let kind = survey.segments[other].kind;
                match self.accept(sequence, kind, &copy) {
                    Ok(()) => return self.keep(sequence, kind, &copy),
                    Err(Loss::OutOfOrder) => loss = Loss::OutOfOrder,
                    Err(_) => {}
                }
            }
        }
        if !scan::is_zero(record) {
            self.torn_at.get_or_insert(sequence);
        }
        self.lose(sequence..sequence + 1, loss, Some(index));
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

    /// Whether these bytes are the record of `sequence` and can follow what was accepted before: types have
    /// an order too.
    fn accept(&mut self, sequence: u64, kind: usize, record: &[u8]) -> Result<(), Loss> {
        let header = valid_record(&self.crc, sequence, record).ok_or(Loss::CorruptRecord)?;
        if self.kinds.last().is_some_and(|(_, last)| kind < *last) {
            return Err(Loss::OutOfOrder);
        }
        if self.order.accept(header, MAX_EPOCH) { Ok(()) } else { Err(Loss::OutOfOrder) }
    }

    /// A record that is whole: what was pending is damage, and it is kept or lies behind damage.
    fn keep(&mut self, sequence: u64, kind: usize, record: &[u8]) -> Result<(), SalvageError> {
        self.torn_at = None;
        for lost in std::mem::take(&mut self.pending) {
            self.damaged = true;
            self.report_lost(lost);
        }
        if self.damaged && !self.report.skip_damaged {
            self.report.whole_not_kept += 1;
            self.report_lost(NotWhole {
                start: sequence,
                end: sequence + 1,
                why: Loss::BehindDamage,
                index: None,
            });
            return Ok(());
        }
        if self.kinds.last().is_none_or(|(_, last)| *last != kind) {
            self.kinds.push((sequence, kind));
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

    fn lose_to(&mut self, end: u64, why: Loss, index: Option<usize>) {
        let start = std::mem::replace(&mut self.next, end);
        self.lose(start..end, why, index);
    }

    fn lose(&mut self, range: Range<u64>, why: Loss, index: Option<usize>) {
        let room = self.pending.len() < MOST_RANGES;
        match self.pending.last_mut() {
            // They follow each other: the last range stands for the rest, whatever became of that.
            Some(last) if !room || last.is_before(range.start, why, index) => last.end = range.end,
            _ => self.pending.push(NotWhole { start: range.start, end: range.end, why, index }),
        }
    }

    fn report_lost(&mut self, NotWhole { start, end, why, index }: NotWhole) {
        self.report.lost_count += end - start;
        let file = index.map(|index| self.survey.segments[index].name());
        let room = self.report.lost.len() < MOST_RANGES;
        match self.report.lost.last_mut() {
            Some(last) if last.end == start && last.why == why && last.file == file => last.end = end,
            _ if room => self.report.lost.push(Lost { start, end, why, file }),
            _ => {}
        }
    }
}

/// Records that are not whole, one behind the other, and the index of their segment.
struct NotWhole {
    start: u64,
    end: u64,
    why: Loss,
    index: Option<usize>,
}

impl NotWhole {
    /// Whether what begins at `start` goes on with it.
    fn is_before(&self, start: u64, why: Loss, index: Option<usize>) -> bool {
        self.end == start && self.why == why && self.index == index
    }
}

/// Ranges of lost records that a report names; it counts the records of all.
const MOST_RANGES: usize = 10_000;
