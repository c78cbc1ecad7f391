//! The book as a stage: what makes it recover.
//!
//! - State changes in `event` alone, from the command alone, so replay rebuilds it: [`Handler`].
//! - Its bytes can be taken and given back, so replay need not start at the beginning: [`Snapshot`].
//! - It can tell its state by a number, so that a replay which went another way is noticed: [`Digest`].
//! - Trades leave through [`Out`], but not those that the last life is known to have sent; each with a key,
//!   because the last few may come twice.
//! - A command that is none is an error before anything has changed, so it can become a dead letter.

use slipring::{Context, Digest, EventKey, Handler, HandlerError, Snapshot};

use super::command::{Command, CommandEvent, Trade};
use super::matching::MatchingBook;
use super::saved;

/// What identifies a trade for ever: the command that made it, and which of its trades it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TradeKey {
    pub event: EventKey,
    pub index: u32,
}

/// Where trades go.
pub trait Out: Send + 'static {
    /// Takes a trade: it will not be given again if the process dies after the whole command is done.
    ///
    /// # Errors
    /// If it could not be taken.
    fn trade(&mut self, key: TradeKey, trade: &Trade) -> Result<(), HandlerError>;
}

/// The matching engine.
#[derive(Debug)]
pub struct Matching<O> {
    book: MatchingBook,
    out: O,
    /// Of the command in hand; kept for its memory.
    trades: Vec<Trade>,
}

impl<O: Out> Matching<O> {
    /// With an empty book.
    pub fn new(out: O) -> Self {
        Matching { book: MatchingBook::new(), out, trades: Vec::with_capacity(1 << 10) }
    }

    pub fn book(&self) -> &MatchingBook {
        &self.book
    }

    pub fn out(&self) -> &O {
        &self.out
    }
}

impl<O: Out> Handler<CommandEvent> for Matching<O> {
    fn event(&mut self, event: &CommandEvent, context: &Context) -> Result<(), HandlerError> {
        self.trades.clear();
        let command = Command::try_from(*event)?;
        self.book.apply(&command, &mut self.trades)?;
        // Not `is_replay`: the last life may have journalled this command and died before its trades were
        // out.
        if !context.already_done() {
            let event = context.key().ok_or("the matching engine runs behind a journal")?;
            for (index, trade) in (0..).zip(&self.trades) {
                // The book has changed, so this must not become a dead letter: a panic always halts.
                let taken = self.out.trade(TradeKey { event, index }, trade);
                taken.unwrap_or_else(|error| panic!("a trade of command {event} can't be sent: {error}"));
            }
        }
        Ok(())
    }
}

impl<O: Out> Snapshot for Matching<O> {
    const VERSION: u32 = saved::VERSION;

    fn save(&self, out: &mut Vec<u8>) {
        self.book.save(out);
    }

    fn restore(&mut self, version: u32, bytes: &[u8]) -> Result<(), HandlerError> {
        // Only a whole book takes the place of the empty one.
        self.book = MatchingBook::restore(version, bytes)?;
        Ok(())
    }
}

impl<O: Out> Digest for Matching<O> {
    fn digest(&self) -> u64 {
        self.book.digest()
    }
}
