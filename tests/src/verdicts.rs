//! Stages that read each other: `risk` makes a verdict of each event, `book` a result of each verdict,
//! `gateway` sends each result. Verdicts and results are columns, gone with the process.

use slipring::{Column, Context, Handler, HandlerError, Snapshot};

use crate::journals::Note;

/// Makes of what was there, and of what it reads, what it says of an event.
#[derive(Debug)]
pub struct Step {
    state: u64,
    reads: Option<Column<u64>>,
    makes: Column<u64>,
}

impl Step {
    /// At the beginning.
    pub fn new(reads: Option<&Column<u64>>, makes: &Column<u64>) -> Self {
        Step { state: 0, reads: reads.cloned(), makes: makes.clone() }
    }
}

/// What was made of the event.
///
/// # Errors
/// If that was not in this life.
pub fn read(results: &Column<u64>, context: &Context) -> Result<u64, HandlerError> {
    let sequence = context.sequence();
    context.read(results).ok_or_else(|| format!("nothing was made of {sequence} in this life").into())
}

fn next(state: u64, word: u64) -> u64 {
    (state ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23)
}

/// What `book` makes of each event, by the plainest way there is.
pub fn results(end: u64) -> Vec<u64> {
    let (mut risk, mut book) = (0, 0);
    let step = |id| {
        risk = next(risk, id);
        book = next(book, risk);
        book
    };
    (0..end).map(step).collect()
}

impl Handler<Note> for Step {
    fn event(&mut self, event: &Note, context: &Context) -> Result<(), HandlerError> {
        let word = match &self.reads {
            Some(results) => read(results, context)?,
            None => event.id,
        };
        self.state = next(self.state, word);
        context.write(&self.makes, self.state);
        Ok(())
    }
}

impl Snapshot for Step {
    fn save(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.state.to_le_bytes());
    }

    fn restore(&mut self, _version: u32, bytes: &[u8]) -> Result<(), HandlerError> {
        self.state = u64::from_le_bytes(bytes.try_into()?);
        Ok(())
    }
}
