//! Salvage: what can still be read of a damaged journal, copied into a new one. Only on request, and the
//! damaged journal is never written to.
//!
//! A journal that contradicts itself is refused, not repaired: whoever mends a journal must say what may be
//! lost. That is said here, and here is written down what was lost. The rule:
//!
//! - By default the new journal holds the longest prefix without damage. What lies behind is counted, not
//!   kept.
//! - With [`SalvageOptions::skip_damaged`] it goes on behind damage, up to the last record that is whole.
//!   Position is identity, so a record that is lost between two that are kept becomes a void record (the time
//!   and epoch of the one before it), and every other keeps its sequence. If the beginning is lost, the
//!   journal begins later, as after retention.
//! - The new journal has an identity of its own: the same history it is not. So anchors of the old one are
//!   refused by it, and every checksum is computed anew. Times, kinds and events stay as they were; so do
//!   epochs, but those in the upper half of what a record can hold count on from the one before, so that it
//!   can be opened for long.
//!
//! A record is taken for whole if its checksum holds for the old journal's identity and for its place, and
//! neither epoch nor time goes back. That is all that reading relies on: without a control file, and with
//! both headers of a segment gone, the records still say themselves where they belong.
//!
//! The folder knows the files, what judges them, and whether a writer is at them; nothing of opening.

mod copy;
mod error;
mod families;
mod report;
mod survey;
mod walk;

use std::path::PathBuf;
use std::time::Instant;

use crate::error::IoFault;
use crate::format::{CONTROL_NAME, JournalId};
use crate::judge::control;
use crate::read::whose::{WriterState, whose};
use crate::storage::{Files, Storage, most_bytes};

use copy::{CopyRun, JournalCopy};
pub use error::SalvageError;
pub use report::{Loss, Lost, SalvageReport};
use survey::Survey;
use walk::SalvageWalk;

/// How to salvage.
///
/// ```no_run
/// use slipring_journal::{SalvageOptions, salvage};
///
/// let options = SalvageOptions { skip_damaged: true, ..SalvageOptions::default() };
/// let report = salvage("data/ticks", "data/ticks-salvaged", options, |_, _| ())?;
/// println!("{report}");
/// for lost in &report.lost {
///     println!("{} to {}: {}", lost.start, lost.end, lost.why);
/// }
/// # Ok::<(), slipring_journal::SalvageError>(())
/// ```
///
/// More: [salvage](https://github.com/slipring/slipring/blob/main/docs/reference/guarantees.md#salvage).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SalvageOptions {
    /// Go on behind damage, with void records for what is lost in between. Not set by default.
    pub skip_damaged: bool,
    /// The bytes that the new journal may take on disk. By default twice what the damaged one takes, and 64
    /// MiB: void records for a gap that needs more are none that lost files leave, but come of a file that
    /// does not belong.
    pub allow_bytes: Option<u64>,
}

/// Copies what can be read of the journal at `from` into a new journal at `into`, and says what was lost.
///
/// `from` may lack its control file, segments, or headers, and hold records of whatever event type. It is
/// only read. A running writer's journal is refused. `into` must not exist, or be an empty folder. `progress`
/// is called now and then with the slots looked at and their total.
///
/// # Errors
/// [`SalvageError`]: a writer is at it, nothing can be kept, `into` is not empty, a failing system call. If
/// it fails midway, what lies at `into` has no control file and is refused as a journal; remove it.
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
    if let WriterState::Running { holder, .. } = whose(from) {
        return Err(SalvageError::Live { path: from.path(""), holder });
    }
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
    let (measured, kinds) = (walk.report, walk.kinds);
    if measured.records == 0 && !measured.lost.is_empty() {
        return Err(SalvageError::NothingToKeep { path: from.path(""), report: Box::new(measured) });
    }
    let runs = runs(&survey, &kinds, measured.end_sequence, journal_id);
    let needed_bytes = copy::bytes_on_disk(&runs);
    let most_bytes = options.allow_bytes.unwrap_or_else(|| most_bytes(survey.allocated_bytes));
    if needed_bytes > most_bytes {
        let (path, voids) = (from.path(""), measured.voids_written);
        return Err(SalvageError::TooLarge { path, voids, needed_bytes, most_bytes });
    }
    let copy = JournalCopy::new(into, journal_id, runs);
    let mut walk = SalvageWalk::new(from, &survey, Some(copy), report);
    walk.all(&mut progress)?;
    let SalvageWalk { copy, mut report, .. } = walk;
    if let Some(copy) = copy {
        copy.finish(report.first_sequence, report.end_sequence)?;
    }
    if let WriterState::Running { holder, .. } = whose(from) {
        let what = "has opened the journal meanwhile: what it appends is not in the new one";
        report.warnings.push(format!("{holder} {what}"));
    }
    report.elapsed = started.elapsed();
    Ok(report)
}

/// What the new journal will hold: `kinds` says from where on which type was met. Void records between two
/// types go with the older one.
fn runs(survey: &Survey, kinds: &[(u64, usize)], end: u64, journal_id: JournalId) -> Vec<CopyRun> {
    let ends = kinds.iter().skip(1).map(|(start, _)| *start).chain([end]);
    kinds
        .iter()
        .zip(ends)
        .map(|((start, kind), end)| CopyRun::new(&survey.types[*kind], journal_id, *start..end))
        .collect()
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

/// The message for a control file that was not used.
fn control_note<S: Storage>(storage: &S, what: &str) -> String {
    format!("{}: {what}; the records speak for themselves", storage.path(CONTROL_NAME).display())
}
