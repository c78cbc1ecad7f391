//! What lanes, publishers and the engine's handle share: cursors, counters, the engine's status.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use slipring_journal::__private::CursorChange;
use slipring_journal::__private::storage::Folder;
use slipring_journal::{Cursors, Event, Journal};

use super::held::Held;
use super::start::Begin;
use crate::column;
use crate::counters::board::Board;
use crate::counters::file::{self, CountersFile};
use crate::cursors::cursor::Cursor;
use crate::cursors::park::Parking;
use crate::cursors::status::EngineStatus;
use crate::describe::builder::EngineBuilder;
use crate::error::BuildError;
use crate::kept::again::PublishedAgain;
use crate::kept::findings::Findings;
use crate::lines::format::{CursorLine, Static};
use crate::lines::told::Told;
use crate::work::lane::Haste;

/// Shared by all parts of an engine.
pub(super) struct Common {
    pub(super) board: Arc<Board>,
    /// Each stage's name, and its lane's.
    pub(super) names: Vec<String>,
    pub(super) lane_names: Vec<String>,
    /// The first stage's seat; the others' follow.
    pub(super) first_seat: u64,
    /// Each stage's.
    pub(super) cursors: Vec<Cursor>,
    pub(super) published: Cursor,
    pub(super) durable: Cursor,
    pub(super) parking: Arc<Parking>,
    pub(super) status: Arc<EngineStatus>,
    /// Where the journal is, if there is one.
    pub(super) journal: Option<Cursors>,
    pub(super) haste: Arc<Haste>,
    pub(super) findings: Arc<Findings>,
    pub(super) again: Arc<PublishedAgain>,
}

impl<E: Event> EngineBuilder<E> {
    /// Makes it, and the file in which other processes read the counters.
    pub(super) fn common(
        &self,
        held: &Held<E>,
        begin: &Begin,
    ) -> Result<(Common, Option<CountersFile>), BuildError> {
        let folder = self.journal.as_ref().map(Journal::files);
        let identity = folder.as_ref().and_then(|files| files.folder().ok()).map(Folder::identity);
        let of_lane = self.lanes.iter().map(|lane| (&lane.name, &lane.items));
        let stages =
            of_lane.flat_map(|(lane, items)| items.iter().map(|item| (item.name.clone(), lane.clone())));
        let fixed = Static::of_engine(
            held.journal_id().zip(identity),
            self.capacity,
            begin.live_from,
            stages.collect(),
        );
        let (board, counters_file) = file::make(&self.shown, folder.as_ref(), &fixed, begin.base)?;
        board.begin_time(begin.time_ns);
        let (names, lane_names): (Vec<String>, Vec<String>) = fixed.stages.into_iter().unzip();
        let parking = Arc::new(Parking::new(self.parking_lanes(), board.lanes()));
        let status = Arc::new(EngineStatus::new(Arc::clone(&parking), board.fate(), names.clone()));
        let common = Common {
            cursors: (0..names.len()).map(|index| board.stage(index)).collect(),
            published: board.published(),
            durable: board.durable(),
            journal: held.cursors(),
            haste: Arc::default(),
            findings: Arc::default(),
            again: Arc::default(),
            board,
            first_seat: column::take_seats(names.len()),
            names,
            lane_names,
            parking,
            status,
        };
        Ok((common, counters_file))
    }
}

impl Common {
    /// Has the journal, if there is one, move the durable cursor from here on.
    pub(super) fn follow_journal(&self) {
        if let Some(journal) = &self.journal {
            self.board.begin_journal(journal.journalled_end());
            follow_journal(journal, &self.durable, &self.parking, &self.board);
        }
    }
}

/// Has the journal's threads move the durable cursor in the counters and wake lanes: those gated on durable,
/// all when the journal fails.
fn follow_journal(journal: &Cursors, durable: &Cursor, parking: &Arc<Parking>, board: &Arc<Board>) {
    let (ours, parking, shown) = (durable.clone(), Arc::clone(parking), Arc::clone(board));
    let (told, copy) = (board.told_durable(), board.told_durable());
    journal.on_change(move |CursorChange { durable_end, failed, folder_moved }| {
        ours.raise(durable_end);
        show(&copy, durable_end);
        shown.set_folder_moved(folder_moved);
        parking.wake(&ours);
        if failed {
            parking.wake_all();
        }
    });
    // What was seen before.
    if journal.folder_moved() {
        board.set_folder_moved(true);
    }
    // What was durable before; the syncer may have raised it further since.
    durable.raise(journal.durable_end());
    show(&told, durable.end());
}

/// Tells other processes what is durable.
fn show(told: &Told<CursorLine>, durable_end: u64) {
    if let Some(copy) = told.copy() {
        // Relaxed: a figure.
        copy.end.fetch_max(durable_end, Ordering::Relaxed);
    }
}
