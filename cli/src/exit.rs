//! Exit statuses: one table for every command.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All of it was done. Also if whoever read the output has gone.
    Fine = 0,
    /// The answer is no, or only part was done.
    Part = 1,
    /// The journal, or what stages and readers keep beside it, is damaged.
    Damaged = 2,
    /// It could not be done.
    CouldNot = 3,
    /// Another was promoted in this one's place: what `slipring-bridge` says.
    Fenced = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// The table, as `--help` shows it; `docs/reference/command.md` has the same.
macro_rules! table {
    () => {
        "Exit status:
  0  fine
  1  the answer is no, or only part was done: a torn tail, records
     lost, a proof that failed, a dead letter that is not there or has
     no event, an engine that is gone, events of a newer type that
     follow can't show, a stop by a signal
  2  damaged: the journal, or what stages and readers keep beside it
  3  could not: usage, input or output, a refusal, nothing there

A reader of the output that goes away changes nothing."
    };
}
pub(crate) use table;
