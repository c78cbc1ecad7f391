//! The fused turn, of the journal and the stage behind it on one lane: each few events are appended, then
//! handled while their slots are in the nearest cache.

use std::panic::{AssertUnwindSafe, catch_unwind};

use slipring_journal::Event;

use super::handler_stage::HandlerStage;
use super::journal_stage::JournalStage;
use super::stage::{RunStage, Turn};
use crate::handler::Handler;
use crate::handler::latency::Meter;

/// Events appended before the stage behind sees them: so few that their slots are still in the nearest cache,
/// and enough that a step's own cost does not count.
const STEP: u64 = 64;

/// What a stage is to a fused turn: the journal, or one that comes right behind it.
pub(crate) trait Fuse<E: Event> {
    /// The stage as the journal, if it is.
    fn as_journal(&mut self) -> Option<&mut JournalStage<E>> {
        None
    }

    /// A turn of both. See [`turn`].
    fn turn_behind(&mut self, _journal: &mut JournalStage<E>) -> Turn {
        Turn::Idle
    }
}

/// A turn of both; how many events the stage finished. Idle if they can't take one together just now: then
/// each has a turn of its own.
#[inline(always)]
pub(super) fn turn<E: Event>(journal: &mut dyn RunStage<E>, stage: &mut dyn RunStage<E>) -> Turn {
    journal.as_journal().map_or(Turn::Idle, |journal| stage.turn_behind(journal))
}

impl<E: Event> Fuse<E> for JournalStage<E> {
    fn as_journal(&mut self) -> Option<&mut JournalStage<E>> {
        Some(self)
    }
}

impl<E: Event, H: Handler<E>, M: Meter> Fuse<E> for HandlerStage<E, H, M> {
    fn turn_behind(&mut self, journal: &mut JournalStage<E>) -> Turn {
        let (worker, wiring) = (&mut self.worker, &mut self.wiring);
        let (appender, ahead) = (&mut journal.appender, &mut journal.wiring);
        if worker.passes() {
            return Turn::Idle;
        }
        let next = ahead.poller.next();
        if next > worker.context.sequence {
            // Apart, say after a release in mid-batch. The journal waits: else under load, with as much to do
            // each turn, they would never come together.
            return match self.turn() {
                Turn::Ended => Turn::Idle,
                turn => turn,
            };
        }
        let limit = worker.limit().min(wiring.batch_cap).min(appender.room(next));
        if limit == 0 {
            return Turn::Idle;
        }
        worker.go_live();
        let Some(chunk) = wiring.poller.take(limit) else { return Turn::Idle };
        let (first, end) = (chunk.first(), chunk.end());
        // After a panic the handler is only given back.
        let result = catch_unwind(AssertUnwindSafe(|| {
            let mut at = first;
            while at < end {
                let row = chunk.row(at, STEP);
                let taken_to = appender.append_ahead(row, &ahead.cursor);
                if at == first && taken_to > first {
                    worker.start_batch(end - first, &wiring.published);
                }
                worker.hand_over(row.part(at, taken_to).at_hand(), end)?;
                at = worker.context.sequence;
                if taken_to < row.to() {
                    // The journal has failed, or has no room for more.
                    if taken_to > first {
                        worker.handler.batch_end();
                    }
                    break;
                }
                if at < end {
                    wiring.cursor.reach(at);
                }
            }
            Ok(())
        }));
        // Whatever the handler did: what is in the journal stays there, and its slots are released.
        appender.settle(ahead);
        chunk.commit(worker.context.sequence);
        wiring.poller.release();
        worker.finish(first, result, wiring)
    }
}
