//! What can go wrong with an engine's counters file.

use std::io;
use std::path::PathBuf;

use slipring_journal::__private::storage::size_limit::advice;

use crate::lines::format::CountersFault;

/// Why a counters file can't be made where it should be.
///
/// ```
/// use slipring::{BuildError, CountersFileError};
///
/// fn advice(error: &BuildError) -> String {
///     match error {
///         BuildError::Counters(CountersFileError::InUse { process, .. }) => {
///             format!("end process {process}")
///         }
///         other => other.to_string(),
///     }
/// }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CountersFileError {
    /// A system call failed.
    #[error("counters file {}: {what}: {source}{}", path.display(), advice(source))]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        what: &'static str,
        /// The system's answer.
        source: io::Error,
    },
    /// Another engine's counters are there.
    #[error("counters file {}: an engine of process {process} writes it: give each engine its own", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
        /// The process.
        process: u32,
    },
    /// Something else is there.
    #[error("counters file {}: something else is there ({fault}): remove it or give another path", path.display())]
    Occupied {
        /// The file.
        path: PathBuf,
        /// What it is not.
        fault: CountersFault,
    },
}
