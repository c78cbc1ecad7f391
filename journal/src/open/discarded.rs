//! Files of what recovery cut off. An opening that failed behind its save has left one: the next does not
//! save the same bytes again.

use std::ops::ControlFlow;
use std::path::PathBuf;

use crate::error::{IoFault, JournalFault};
use crate::judge::chain::Chain;
use crate::judge::scan;
use crate::judge::verdict::Judged;
use crate::storage::{Storage, StorageFile};

/// What every name of such a file begins with, for a log that ends there.
pub(crate) fn prefix(end: u64) -> String {
    format!("discarded-{end:020}-")
}

/// The file that keeps exactly what lies behind the tail, durably, if an earlier opening made one.
pub(crate) fn find<S: Storage>(
    storage: &S,
    chain: &Chain,
    tail: &Judged,
) -> Result<Option<PathBuf>, JournalFault> {
    let mut names = storage.list().map_err(|error| IoFault::new("list", storage.path(""), error))?;
    let prefix = prefix(tail.end);
    names.retain(|name| name.starts_with(&prefix));
    names.sort_unstable();
    for name in names {
        let fault = |operation| {
            let path = storage.path(&name);
            move |error| IoFault::new(operation, path, error)
        };
        // What lies there and can't be opened keeps nothing.
        let Ok(file) = storage.open(&name, true) else { continue };
        if keeps(storage, chain, tail, &file)? {
            file.sync().map_err(fault("sync"))?;
            storage.sync_folder().map_err(|error| IoFault::new("sync folder", storage.path(""), error))?;
            return Ok(Some(storage.path(&name)));
        }
    }
    Ok(None)
}

/// Whether a file is, byte for byte, what lies behind the tail.
fn keeps<S: Storage>(
    storage: &S,
    chain: &Chain,
    tail: &Judged,
    file: &S::File,
) -> Result<bool, JournalFault> {
    let (mut same, mut length, mut copy) = (true, 0, Vec::new());
    for segment in chain.from(tail.end) {
        let segment = chain.open_there(storage, segment, false)?;
        scan::for_each_slot(storage, &segment, tail.end..tail.used_end, |sequence, record| {
            let offset = (sequence - tail.end) * record.len() as u64;
            length = offset + record.len() as u64;
            copy.resize(record.len(), 0);
            same = file.read_at(&mut copy, offset).is_ok_and(|read| read == record.len()) && copy == record;
            if same { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        if !same {
            return Ok(false);
        }
    }
    Ok(file.size().is_ok_and(|size| size == length))
}
