//! A stage that keeps everything that a stage can keep: snapshots, digests, effects and dead letters.

use slipring::{
    Context, Digest, Digests, Effects, Gate, Handler, HandlerError, OnError, Snapshot, Snapshots, Stage,
};
use slipring_cli::flow::message::OrderMessage;

use crate::journals::Note;

/// Folds the numbers of what it sees. Every fiftieth it refuses.
#[derive(Debug, Default)]
pub struct Sum(pub u64);

impl Sum {
    fn add(&mut self, number: u64) -> Result<(), HandlerError> {
        if number % 50 == 49 {
            return Err(format!("no {number}").into());
        }
        self.0 = self.0.wrapping_mul(31).wrapping_add(number);
        Ok(())
    }
}

impl Handler<Note> for Sum {
    fn event(&mut self, note: &Note, _: &Context) -> Result<(), HandlerError> {
        self.add(note.id)
    }
}

impl Handler<OrderMessage> for Sum {
    fn event(&mut self, message: &OrderMessage, _: &Context) -> Result<(), HandlerError> {
        self.add(message.line)
    }
}

impl Snapshot for Sum {
    fn save(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0.to_le_bytes());
    }

    fn restore(&mut self, _: u32, bytes: &[u8]) -> Result<(), HandlerError> {
        self.0 = u64::from_le_bytes(bytes.try_into()?);
        Ok(())
    }
}

impl Digest for Sum {
    fn digest(&self) -> u64 {
        self.0
    }
}

/// The stage "sum", with snapshots as told.
pub fn stage(snapshots: Snapshots) -> Stage<Sum> {
    Stage::new("sum", Sum::default(), Gate::JOURNALLED)
        .snapshots(snapshots)
        .digests(Digests::every(10))
        .effects(Effects::new())
        .on_error(OnError::DeadLetter)
}
