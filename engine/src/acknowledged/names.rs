//! All names under which an engine's events are acknowledged.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::Thread;

use slipring_journal::__private::storage::Files;
use slipring_journal::{Anchor, Cursors, JournalId};

use super::error::AcknowledgeError;
use super::name::{Acknowledged, AcknowledgedName, Running, WaitedBy};
use super::noter::Noter;
use crate::counters::board::Board;
use crate::counters::figures::AcknowledgedCounters;
use crate::cursors::park::Parking;
use crate::cursors::watch::Awaited;
use crate::error::KeepError;

/// Events of a journal that were not acknowledged when its engine ended. They are in the journal: the next
/// life has them wait again.
///
/// ```
/// use slipring::ShutdownReport;
///
/// fn show(report: &ShutdownReport) {
///     for left in &report.unacknowledged {
///         println!("{}: {} events from {} on are not acknowledged", left.name, left.count, left.from);
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unacknowledged {
    /// The name under which they were to be acknowledged.
    pub name: String,
    /// The first sequence that was not.
    pub from: u64,
    /// How many events that are, up to the last one journalled.
    pub count: u64,
}

/// The names of one engine with a journal.
#[derive(Debug)]
pub(crate) struct AcknowledgedNames {
    journal: Files,
    journal_id: JournalId,
    cursors: Cursors,
    list: Mutex<List>,
    running: OnceLock<Running>,
    /// The thread that takes notes, once there is one.
    noter: Mutex<Option<Noter>>,
    /// The engine ends, and waits for no acknowledgement any more.
    given_up: Arc<AtomicBool>,
    /// A fork of it must leave the files alone.
    process: u32,
}

#[derive(Debug, Default)]
struct List {
    names: Vec<Arc<AcknowledgedName>>,
    has_ended: bool,
}

impl AcknowledgedNames {
    /// For an engine whose journal has just been opened.
    pub(crate) fn new(journal: Files, journal_id: JournalId, cursors: Cursors) -> Self {
        let (list, running, given_up) = (Mutex::default(), OnceLock::new(), Arc::default());
        let (noter, process) = (Mutex::default(), std::process::id());
        AcknowledgedNames { journal, journal_id, cursors, list, running, noter, given_up, process }
    }

    fn list(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The name, from now on one that events are acknowledged under.
    pub(crate) fn wait_for(
        &self,
        name: &str,
        waited_by: WaitedBy,
    ) -> Result<Arc<AcknowledgedName>, KeepError> {
        let mut list = self.list();
        if let Some(found) = list.names.iter().find(|found| found.name == name) {
            return Ok(Arc::clone(found));
        }
        // Durable first, which never is ahead.
        let durable_end = self.cursors.durable_end();
        let end = self.cursors.journalled_end();
        let ends = (end, durable_end);
        let made = Arc::new(AcknowledgedName::open(&self.journal, self.journal_id, ends, name, waited_by)?);
        if let Some(running) = self.running.get() {
            made.show(running);
        }
        if list.has_ended {
            made.end(end, None)?;
        }
        list.names.push(Arc::clone(&made));
        Ok(made)
    }

    /// The name, if somebody waits for it.
    pub(crate) fn find(&self, name: &str) -> Result<Arc<AcknowledgedName>, AcknowledgeError> {
        self.check_process()?;
        let list = self.list();
        list.names.iter().find(|found| found.name == name).cloned().ok_or_else(|| {
            let known = list.names.iter().map(|known| known.name.clone()).collect();
            AcknowledgeError::UnknownName { name: name.to_owned(), known }
        })
    }

    fn check_process(&self) -> Result<(), AcknowledgeError> {
        // Before any lock: in a fork, whoever held it is not there.
        let process = self.process;
        if process == std::process::id() { Ok(()) } else { Err(AcknowledgeError::Forked { process }) }
    }

    /// Acknowledges events under a name.
    pub(crate) fn acknowledge(
        &self,
        name: &AcknowledgedName,
        anchor: Anchor,
    ) -> Result<u64, AcknowledgeError> {
        self.check_process()?;
        name.acknowledge(anchor, &self.cursors, self.running.get())
    }

    /// The same, where nobody waits for the disk: `noter` takes the note.
    pub(super) fn hand_over(
        &self,
        name: &AcknowledgedName,
        anchor: Anchor,
        noter: &Thread,
    ) -> Result<u64, AcknowledgeError> {
        self.check_process()?;
        name.hand_over(anchor, &self.cursors, || noter.unpark())
    }

    /// The thread that notes what is handed over, which is started if there is none; `None` if it can't be,
    /// or nothing is handed over any more.
    pub(super) fn noter(self: &Arc<Self>) -> Option<Thread> {
        let mut noter = self.noter.lock().unwrap_or_else(PoisonError::into_inner);
        if noter.is_none() && !self.list().has_ended {
            let names = Arc::clone(self);
            *noter = Noter::start(move || names.keep_all()).ok();
        }
        noter.as_ref().and_then(Noter::thread)
    }

    /// Notes what was handed over; whether there was anything.
    fn keep_all(&self) -> bool {
        let names = self.list().names.clone();
        let keep = |name: &Arc<AcknowledgedName>| {
            name.keep(self.cursors.durable_end(), name.is_synced(), self.running.get())
        };
        names.iter().map(keep).fold(false, |any, kept| any | kept)
    }

    /// The engine runs: lanes are to be woken, and other processes told.
    pub(crate) fn run(&self, parking: &Arc<Parking>, board: &Arc<Board>) {
        let running = Running { parking: Arc::clone(parking), board: Arc::clone(board) };
        let list = self.list();
        let running = self.running.get_or_init(|| running);
        list.names.iter().for_each(|name| name.show(running));
    }

    /// Everything below `end` is a copy of what others keep, and so acknowledged under every name, and noted
    /// so: of a standby, whose last record that is.
    pub(crate) fn pass(&self, end: u64, last: Option<&Anchor>, sync: bool) -> Result<(), KeepError> {
        let durable_end = self.cursors.durable_end();
        let pass =
            |name: &Arc<AcknowledgedName>| name.pass((end, last), durable_end, sync, self.running.get());
        // All of them, whatever becomes of one.
        self.list().names.iter().map(pass).fold(Ok(()), Result::and)
    }

    /// What a gate waits for that names it; nothing if it is not waited for.
    pub(crate) fn awaited(&self, name: &str) -> Option<Awaited> {
        let name = self.find(name).ok()?;
        Some(Awaited::Acknowledged(name.cursor.clone(), Arc::clone(&self.given_up)))
    }

    /// Everything below it is acknowledged under the name; 0 if it is not waited for.
    pub(crate) fn end_of(&self, name: &str) -> u64 {
        self.find(name).map_or(0, |name| name.cursor.end())
    }

    /// What moves on with every acknowledgement.
    pub(crate) fn moves(&self) -> u64 {
        self.list().names.iter().fold(0, |sum, name| name.cursor.end().wrapping_add(sum))
    }

    /// What is known of each.
    pub(crate) fn all(&self) -> Vec<Acknowledged> {
        self.list().names.iter().map(|name| name.about()).collect()
    }

    /// How far each is, without its lag.
    pub(crate) fn counters(&self) -> Vec<AcknowledgedCounters> {
        let figures =
            |Acknowledged { name, end, .. }: Acknowledged| AcknowledgedCounters { name, end, lag: 0 };
        self.all().into_iter().map(figures).collect()
    }

    /// Has stages that wait for acknowledgements wait no more, once the engine ends.
    pub(crate) fn give_up(&self) {
        // Relaxed: see `Awaited::is_final`.
        self.given_up.store(true, Ordering::Relaxed);
    }

    /// Takes no more acknowledgements, and lets go of the files: behind this the journal's lock may go. What
    /// went wrong.
    pub(crate) fn end(&self) -> Vec<KeepError> {
        if self.check_process().is_err() {
            return Vec::new();
        }
        self.list().has_ended = true;
        let noter = self.noter.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(noter) = noter {
            noter.end();
        }
        let durable_end = self.cursors.durable_end();
        let end = |name: &Arc<AcknowledgedName>| name.end(durable_end, self.running.get()).err();
        self.list().names.iter().filter_map(end).collect()
    }

    /// What was journalled and not acknowledged.
    pub(crate) fn left(&self) -> Vec<Unacknowledged> {
        let journalled_end = self.cursors.journalled_end();
        let left = |Acknowledged { name, end: from, .. }: Acknowledged| {
            let count = journalled_end.checked_sub(from).filter(|count| *count > 0)?;
            Some(Unacknowledged { name, from, count })
        };
        self.all().into_iter().filter_map(left).collect()
    }
}
