//! The events that are measured with, and a journal of them.

use std::path::Path;

use slipring::{Event, Journal};

use crate::Failed;

/// 48 bytes: a record of 64, the size of all figures of slipring.
#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
pub struct Tick {
    /// When it was due, in nanoseconds since the run began.
    pub due_ns: u64,
    pub number: u64,
    rest: [u64; 4],
}

impl Tick {
    pub fn new(due_ns: u64, number: u64) -> Self {
        Tick { due_ns, number, rest: [number; 4] }
    }
}

/// A closed journal of so many.
pub fn written(folder: &Path, count: u64) -> Result<Journal, Failed> {
    let journal = Journal::at(folder);
    let (mut writer, _) = journal.open::<Tick>()?;
    (0..count).try_for_each(|number| writer.append(number, &Tick::new(0, number)).map(drop))?;
    writer.close()?;
    Ok(journal)
}
