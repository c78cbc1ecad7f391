//! Who writes a journal: told by its lock, which is asked for and not taken, and by its control file.

use crate::judge::control;
use crate::storage::{Holder, Storage};

/// Who writes a journal, as far as those can tell who only look.
///
/// ```no_run
/// use slipring_journal::{WriterState, inspect};
///
/// match inspect("data/ticks")?.writer {
///     WriterState::Running { process: Some(process), .. } => println!("process {process} is at it"),
///     WriterState::Gone => println!("its writer died"),
///     other => println!("{other}"),
/// }
/// # Ok::<(), slipring_journal::ReadError>(())
/// ```
///
/// More: [format](https://github.com/slipring/slipring/blob/main/docs/reference/format.md).
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
#[non_exhaustive]
pub enum WriterState {
    /// Nobody: the last writer closed it in good order.
    Closed,
    /// A process holds the writer's lock.
    Running {
        /// Its number, on its machine and among the processes that it sees.
        process: Option<u32>,
        /// What it wrote about itself.
        holder: String,
    },
    /// Nobody: the last writer ended without closing it.
    Gone,
    /// It is open, or its writer died: its lock can't be asked for here, as on some network file systems.
    Unknown,
}

impl std::fmt::Display for WriterState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            WriterState::Closed => f.write_str("closed in good order"),
            WriterState::Running { holder, .. } => write!(f, "open, written by {holder}"),
            WriterState::Gone => f.write_str("its writer ended without closing it"),
            WriterState::Unknown => f.write_str("open, or its writer died"),
        }
    }
}

/// Looks that may find that the journal was opened or closed meanwhile.
const LOOKS: u32 = 10;

/// Who writes a journal now. Takes no lock.
pub(crate) fn whose<S: Storage>(storage: &S) -> WriterState {
    let control = || control::load(storage).ok().flatten().map(|loaded| loaded.state);
    for _ in 0..LOOKS {
        let before = control();
        match storage.holder() {
            Holder::Somebody(holder) => return running(&holder),
            Holder::Unknown if before.is_some_and(|state| state.closed) => return WriterState::Closed,
            Holder::Unknown => return WriterState::Unknown,
            Holder::Nobody => {}
        }
        // Nobody held it at one moment. Had a writer closed it just before, or opened it right after, the
        // control file would be another.
        match (before, control()) {
            (Some(before), Some(now)) if before.generation == now.generation => {
                return if now.closed { WriterState::Closed } else { WriterState::Gone };
            }
            (None, None) => return WriterState::Unknown,
            _ => {}
        }
    }
    WriterState::Unknown
}

/// From the line of a LOCK file: "process 7 on host (boot .., ..)".
fn running(line: &str) -> WriterState {
    let holder = line.split(" (").next().unwrap_or_default();
    let number = holder.strip_prefix("process ").and_then(|rest| rest.split(' ').next()?.parse().ok());
    WriterState::Running { process: number, holder: holder.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_is_named_by_number_and_machine() {
        let running = |line| match running(line) {
            WriterState::Running { process, holder } => (process, holder),
            other => panic!("{other}"),
        };
        let line = "process 71 on box (boot 12, started at tick 5, process namespace 4)";
        assert_eq!(running(line), (Some(71), "process 71 on box".to_owned()));
        assert_eq!(running("another process"), (None, "another process".to_owned()));
        assert_eq!(running("process 99999999999"), (None, "process 99999999999".to_owned()));
    }
}
