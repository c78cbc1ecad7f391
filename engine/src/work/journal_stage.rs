//! The journal as a stage: it appends what is published, and skips what replay took from it.

use std::any::Any;

use slipring_journal::{AppendError, Cursors, Event, Writer};

use super::append::Appender;
use super::stage::{RunStage, STRIDE, Turn, Wiring};
use crate::cursors::cursor::Cursor;
use crate::error::{Cause, Halted};
use crate::lines::format::JournalLine;
use crate::lines::told::Told;
use crate::names::JOURNAL;

pub(crate) struct JournalStage<E: Event> {
    pub(super) appender: Appender<E>,
    pub(super) wiring: Wiring<E>,
    cursors: Cursors,
    /// The sequence at which it last stopped so.
    stalled_at: Option<u64>,
}

impl<E: Event> JournalStage<E> {
    pub(crate) fn new(writer: Writer<E>, told: Told<JournalLine>, wiring: Wiring<E>) -> Self {
        let cursors = writer.cursors();
        let appender = Appender::new(writer, told);
        JournalStage { appender, wiring, cursors, stalled_at: None }
    }

    /// Appends what is published, as far as it can.
    #[inline]
    fn append(&mut self) -> Result<(), AppendError> {
        let Wiring { poller, cursor, batch_cap, .. } = &mut self.wiring;
        let Some(chunk) = poller.take(*batch_cap) else { return Ok(()) };
        let (mut at, mut appended) = (chunk.first(), Ok(()));
        while at < chunk.end() && appended.is_ok() {
            appended = self.appender.append(chunk.row(at, STRIDE));
            at = self.appender.writer.end_sequence();
            if at < chunk.end() {
                cursor.reach(at);
            }
        }
        let first = chunk.first();
        chunk.commit(at);
        poller.release();
        self.appender.tell(at - first, &mut self.wiring);
        appended
    }

    /// Passes what is in the journal: replay took it from there.
    #[cold]
    fn skip(&mut self, count: u64) {
        let skipped = self.wiring.poller.skip(count.min(self.wiring.batch_cap));
        self.appender.tell(skipped, &mut self.wiring);
    }
}

impl<E: Event> RunStage<E> for JournalStage<E> {
    fn turn(&mut self) -> Turn {
        let (start, held_end) = (self.wiring.poller.next(), self.appender.writer.end_sequence());
        let appended = if start < held_end {
            self.skip(held_end - start);
            Ok(())
        } else {
            self.append()
        };
        let at = self.wiring.poller.next();
        let (mut failure, no_room) = match appended {
            // No room just now. The lane goes on with its other stages and comes back.
            Err(AppendError::Full { why, .. }) => (None, Some(why)),
            appended => (appended.err(), None),
        };
        if let Some(why) = no_room
            && self.stalled_at != Some(at)
        {
            self.stalled_at = Some(at);
            self.appender.count_stall(why);
        }
        if failure.is_none() && at == start {
            // A sync that fails while nothing is published must not go unnoticed. Want of room the next
            // append finds, and notes that it was refused: whoever closes is told.
            failure = self.cursors.closing_failure().map(AppendError::Failed);
        }
        let status = &self.wiring.status;
        match failure {
            Some(error) => {
                let cause = Cause::Journal(error);
                status.halt(Halted { stage: JOURNAL.to_owned(), sequence: at, cause });
                Turn::Failed
            }
            None if at > start => Turn::Worked(at - start),
            None if status.final_end() <= at => Turn::Ended,
            None if no_room.is_some() => Turn::NoRoom,
            None => Turn::Idle,
        }
    }

    fn index(&self) -> usize {
        self.wiring.index
    }

    fn parks_at(&self) -> Option<&Cursor> {
        let has_news = self.wiring.poller.fetch_news();
        (!has_news).then_some(&self.wiring.published)
    }

    fn is_unsure(&self) -> bool {
        self.wiring.poller.is_unsure()
    }

    fn done(&self) -> u64 {
        self.wiring.poller.next()
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send> {
        Box::new(self.appender.writer)
    }
}
