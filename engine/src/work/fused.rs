//! The fused turn, of the journal and the stage behind it on one lane: each few events are appended, then
//! handled while their slots are in the nearest cache.

use std::panic::{AssertUnwindSafe, catch_unwind};

use slipring_journal::Event;

use super::handler_stage::HandlerStage;
use super::stage::{Ahead, RunStage, Turn};
use crate::handler::Handler;
use crate::handler::latency::Meter;

/// Events appended before the stage behind sees them: so few that their slots are still in the nearest cache,
/// and enough that a step's own cost does not count.
const STEP: u64 = 64;

/// A turn of both; how many events the stage finished. Idle if they can't take one together just now.
#[inline(always)]
pub(super) fn turn<E: Event, H: Handler<E>, M: Meter>(
    stage: &mut HandlerStage<E, H, M>,
    ahead: &mut dyn Ahead<E>,
) -> Turn {
    if stage.passes() {
        return Turn::Idle;
    }
    if ahead.done() > stage.done() {
        // Apart, say after a release in mid-batch. The journal waits: else under load, with as
        // much to do each turn, they would never come together.
        return match stage.turn() {
            Turn::Ended => Turn::Idle,
            turn => turn,
        };
    }
    let limit = stage.limit().min(ahead.room());
    if limit == 0 {
        return Turn::Idle;
    }
    stage.worker.go_live();
    let (worker, wiring) = (&mut stage.worker, &mut stage.wiring);
    let Some(chunk) = wiring.poller.take(limit) else { return Turn::Idle };
    let (first, end) = (chunk.first(), chunk.end());
    // After a panic the handler is only given back.
    let result = catch_unwind(AssertUnwindSafe(|| {
        let mut at = first;
        while at < end {
            let row = chunk.row(at, STEP);
            let taken_to = ahead.take(row);
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
    ahead.settle();
    chunk.commit(worker.context.sequence);
    wiring.poller.release();
    stage.finish(first, result)
}
