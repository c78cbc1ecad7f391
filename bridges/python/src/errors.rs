//! What goes wrong, as the exceptions of `slipring.errors`. The messages are those of the Rust errors.

use pyo3::PyErr;
use pyo3::exceptions::PyMemoryError;
use slipring_journal::{
    AppendError, IoFault, JournalFault, NamedReaderError, OpenError, ReadError, SyncError,
};

/// The classes, which are written in Python: `slipring/errors.py` says what each is for.
pub(crate) mod raised {
    pyo3::import_exception!(slipring.errors, AnotherJournal);
    pyo3::import_exception!(slipring.errors, BadOption);
    pyo3::import_exception!(slipring.errors, Closed);
    pyo3::import_exception!(slipring.errors, Damaged);
    pyo3::import_exception!(slipring.errors, DiskFull);
    pyo3::import_exception!(slipring.errors, Evicted);
    pyo3::import_exception!(slipring.errors, HistoryChanged);
    pyo3::import_exception!(slipring.errors, IoError);
    pyo3::import_exception!(slipring.errors, JournalError);
    pyo3::import_exception!(slipring.errors, Locked);
    pyo3::import_exception!(slipring.errors, NotFound);
    pyo3::import_exception!(slipring.errors, OutOfRange);
    pyo3::import_exception!(slipring.errors, SchemaError);
    pyo3::import_exception!(slipring.errors, SyncFailed);
    pyo3::import_exception!(slipring.errors, TimeTooFar);
    pyo3::import_exception!(slipring.errors, Unsupported);
}

/// Why a call of this module failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Append(#[from] AppendError),
    #[error(transparent)]
    Sync(#[from] SyncError),
    #[error(transparent)]
    Named(#[from] NamedReaderError),
    #[error("the writer is closed; open the journal again to append")]
    Closed,
    #[error("the reader is closed; get it again by its name")]
    ReaderClosed,
    #[error(
        "the schema in the segment header of {path} is none of a possible event; salvage the journal (slipring salvage)"
    )]
    NoSchema { path: String },
    #[error(
        "the schema says that an event has other bytes than the segment header says ({found}); salvage the journal (slipring salvage)"
    )]
    EventBytes { found: usize },
    #[error(
        "there is not the memory for rows of {bytes} bytes in all; read a part of the journal, or fewer fields"
    )]
    Memory { bytes: u128 },
    #[error("rows are not laid out so: {what}")]
    Rows { what: &'static str },
    #[error(transparent)]
    SchemaFile(#[from] slipring_schema::file::SchemaFileError),
    #[error("{language:?} is no language for a schema; there are rust, c, numpy and sql")]
    NoLanguage { language: String },
    #[error("slipring panicked: {what}; report it: it should not have")]
    Panicked { what: String },
}

impl From<Fault> for PyErr {
    fn from(fault: Fault) -> PyErr {
        let said = fault.to_string();
        match fault {
            Fault::Read(fault) => of_reading(&fault, said),
            Fault::Open(OpenError::Locked { .. }) => raised::Locked::new_err(said),
            Fault::Open(OpenError::Journal(fault)) => of_files(&fault, said),
            Fault::Open(OpenError::BadOption { .. }) => raised::BadOption::new_err(said),
            Fault::Append(AppendError::TimeTooFar { .. }) => raised::TimeTooFar::new_err(said),
            Fault::Append(AppendError::Failed(fault)) | Fault::Sync(fault) => of_syncing(&fault, said),
            Fault::Closed | Fault::ReaderClosed => raised::Closed::new_err(said),
            Fault::Named(fault) => of_a_name(&fault, said),
            Fault::NoSchema { .. } | Fault::EventBytes { .. } => raised::Damaged::new_err(said),
            Fault::Memory { .. } => PyMemoryError::new_err(said),
            Fault::SchemaFile(_) => raised::SchemaError::new_err(said),
            Fault::Rows { .. } | Fault::NoLanguage { .. } => raised::BadOption::new_err(said),
            Fault::Open(_) | Fault::Append(_) | Fault::Panicked { .. } => raised::JournalError::new_err(said),
        }
    }
}

fn of_reading(fault: &ReadError, said: String) -> PyErr {
    match fault {
        ReadError::Journal(fault) => of_files(fault, said),
        ReadError::OutOfRange { .. } => raised::OutOfRange::new_err(said),
        ReadError::Evicted { .. } => raised::Evicted::new_err(said),
        ReadError::AnotherJournal { .. } => raised::AnotherJournal::new_err(said),
        ReadError::HistoryChanged { .. } => raised::HistoryChanged::new_err(said),
        _ => raised::JournalError::new_err(said),
    }
}

fn of_a_name(fault: &NamedReaderError, said: String) -> PyErr {
    match fault {
        NamedReaderError::Read(fault) => of_reading(fault, said),
        NamedReaderError::BadName { .. } => raised::BadOption::new_err(said),
        NamedReaderError::Held { .. } | NamedReaderError::TooManyMembers { .. } => {
            raised::Locked::new_err(said)
        }
        NamedReaderError::Damaged { .. } => raised::Damaged::new_err(said),
        NamedReaderError::OtherJournal { .. } => raised::AnotherJournal::new_err(said),
        NamedReaderError::Evicted { .. } => raised::Evicted::new_err(said),
        NamedReaderError::HistoryChanged { .. } => raised::HistoryChanged::new_err(said),
        NamedReaderError::NotHandedOut { .. } => raised::OutOfRange::new_err(said),
        NamedReaderError::NotCommitted { fault, .. } => of_a_call(fault, said),
        _ => raised::JournalError::new_err(said),
    }
}

fn of_files(fault: &JournalFault, said: String) -> PyErr {
    match fault {
        JournalFault::Io(fault) => of_a_call(fault, said),
        JournalFault::NoJournal { .. } => raised::NotFound::new_err(said),
        JournalFault::SchemaMismatch { .. } | JournalFault::SchemaTooLarge { .. } => {
            raised::SchemaError::new_err(said)
        }
        JournalFault::ForeignEndian { .. } | JournalFault::UnsupportedVersion { .. } => {
            raised::Unsupported::new_err(said)
        }
        fault if fault.is_damage() => raised::Damaged::new_err(said),
        _ => raised::JournalError::new_err(said),
    }
}

fn of_a_call(fault: &IoFault, said: String) -> PyErr {
    match fault.source.kind() {
        std::io::ErrorKind::NotFound => raised::NotFound::new_err(said),
        _ if fault.is_disk_full() => raised::DiskFull::new_err(said),
        _ => raised::IoError::new_err(said),
    }
}

fn of_syncing(fault: &SyncError, said: String) -> PyErr {
    match fault {
        SyncError::DiskFull { .. } => raised::DiskFull::new_err(said),
        SyncError::PrepareFailed { fault } => of_a_call(fault, said),
        SyncError::Closed { .. } => raised::Closed::new_err(said),
        _ => raised::SyncFailed::new_err(said),
    }
}
