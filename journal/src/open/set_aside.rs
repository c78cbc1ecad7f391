//! What a rejoin cuts, saved beside the journal before: whole slots as they lay, one file a segment. A file's
//! name says which sequences and, for a rejoin that is run again, which cut it is of.

use std::ops::Range;
use std::path::PathBuf;

use super::discarded;
use crate::error::{IoFault, JournalFault};
use crate::judge::chain::Chain;
use crate::storage::{Storage, StorageFile};
use crate::tools::protect;

/// Records that a rejoin cut off, and the file beside the journal that has them.
///
/// The file holds whole slots as they lay in a segment: a record header of 16 bytes, the event, zeros.
///
/// See the example of [`Journal::rejoin`](crate::Journal::rejoin).
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct SetAside {
    /// The file. (In JSON: bytes of a path that are no UTF-8 become U+FFFD.)
    #[serde(serialize_with = "crate::tools::text::as_text")]
    pub path: PathBuf,
    /// The sequence of its first record.
    pub first: u64,
    /// The sequence behind its last record.
    pub end: u64,
}

impl SetAside {
    /// How many records it has.
    pub fn records(&self) -> u64 {
        self.end - self.first
    }

    fn of<S: Storage>(storage: &S, name: &str, sequences: Range<u64>) -> Self {
        SetAside { path: storage.path(name), first: sequences.start, end: sequences.end }
    }
}

const COPY_BYTES: usize = 1 << 20;

/// Saves all slots of `sequences`, durably. `epoch`: the journal's, which tells one cut from another.
pub(super) fn save<S: Storage>(
    storage: &S,
    chain: &Chain,
    sequences: Range<u64>,
    epoch: u32,
) -> Result<Vec<SetAside>, JournalFault> {
    let parts: Vec<_> = chain
        .from(sequences.start)
        .iter()
        .map(|segment| (segment, sequences.start.max(segment.base)..sequences.end.min(segment.end)))
        .filter(|(_, part)| part.start < part.end)
        .collect();
    let bytes = parts.iter().map(|(segment, part)| (part.end - part.start) * segment.record_bytes() as u64);
    let wanted_bytes = bytes.fold(0, u64::saturating_add);
    let folder = |operation| move |error| IoFault::new(operation, storage.path(""), error);
    if storage.free_bytes().map_err(folder("look at the disk of"))?.is_some_and(|free| free < wanted_bytes) {
        return Err(folder("make room in")(std::io::Error::from_raw_os_error(libc::ENOSPC)).into());
    }
    let mut saved = Vec::new();
    for (segment, part) in parts {
        let open = chain.open_there(storage, segment, false)?;
        let bytes = open.slots.offset(part.start)..open.slots.offset(part.end);
        let name = file(storage, &part, epoch, &open.file, bytes)?;
        saved.push(SetAside::of(storage, &name, part));
    }
    if protect::on(protect::SAVE_FOLDER_SYNC) {
        storage.sync_folder().map_err(folder("sync folder"))?;
    }
    Ok(saved)
}

/// A file with these bytes of a segment; one that an earlier try made, if it has them.
fn file<S: Storage>(
    storage: &S,
    part: &Range<u64>,
    epoch: u32,
    from: &S::File,
    bytes: Range<u64>,
) -> Result<String, JournalFault> {
    let mut attempt = 1;
    loop {
        let name = name(part, epoch, attempt);
        let fault = |operation| {
            let path = storage.path(&name);
            move |error| IoFault::new(operation, path, error)
        };
        let copy = match storage.create(&name) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                // What lies there and can't be read keeps nothing.
                let made = storage.open(&name, true).ok();
                let same = |file: &S::File| is_same(file, from, &bytes).unwrap_or(false);
                match made.filter(same) {
                    Some(made) => made,
                    None => {
                        attempt += 1;
                        continue;
                    }
                }
            }
            created => {
                let copy = created.map_err(fault("create"))?;
                // All of it is in the log still.
                copy_bytes(from, &bytes, &copy)
                    .inspect_err(|_| drop(storage.remove(&name)))
                    .map_err(fault("write"))?;
                copy
            }
        };
        if protect::on(protect::SAVE_SYNC) {
            copy.sync().map_err(fault("sync"))?;
        }
        return Ok(name);
    }
}

fn copy_bytes<F: StorageFile>(from: &F, bytes: &Range<u64>, to: &F) -> std::io::Result<()> {
    for_each_piece(from, bytes, |piece, at| to.write_at(piece, at).map(|()| true)).map(drop)
}

fn is_same<F: StorageFile>(one: &F, from: &F, bytes: &Range<u64>) -> std::io::Result<bool> {
    let mut own = vec![0; COPY_BYTES];
    let is_long = one.size()? == bytes.end - bytes.start;
    let same = |piece: &[u8], at| {
        let own = &mut own[..piece.len()];
        Ok(one.read_at(own, at)? == piece.len() && own == piece)
    };
    Ok(is_long && for_each_piece(from, bytes, same)?)
}

/// Shows the bytes piece by piece, each with its place behind the first, until it is told to stop; whether it
/// was not.
fn for_each_piece<F: StorageFile>(
    file: &F,
    bytes: &Range<u64>,
    mut visit: impl FnMut(&[u8], u64) -> std::io::Result<bool>,
) -> std::io::Result<bool> {
    let mut buffer = vec![0; COPY_BYTES];
    let mut at = bytes.start;
    while at < bytes.end {
        let piece = &mut buffer[..(bytes.end - at).min(COPY_BYTES as u64) as usize];
        if file.read_at(piece, at)? < piece.len() {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if !visit(piece, at - bytes.start)? {
            return Ok(false);
        }
        at += piece.len() as u64;
    }
    Ok(true)
}

/// The files that a rejoin saved before it was cut short, in order.
pub(super) fn find<S: Storage>(storage: &S, cut_at: u64, epoch: u32) -> Result<Vec<SetAside>, IoFault> {
    let mut names = storage.list().map_err(|error| IoFault::new("list", storage.path(""), error))?;
    names.sort_unstable();
    let saved = names.iter().filter_map(|name| {
        let sequences = sequences_of(name, epoch).filter(|sequences| sequences.start >= cut_at)?;
        Some(SetAside::of(storage, name, sequences))
    });
    Ok(saved.collect())
}

fn name(part: &Range<u64>, epoch: u32, attempt: u32) -> String {
    let again = if attempt > 1 { format!("-{attempt}") } else { String::new() };
    format!("{}to-{:020}-epoch-{epoch}{again}.bin", discarded::prefix(part.start), part.end)
}

fn sequences_of(name: &str, epoch: u32) -> Option<Range<u64>> {
    let (first, rest) = name.strip_prefix("discarded-")?.split_once("-to-")?;
    let (end, rest) = rest.split_once("-epoch-")?;
    let of = rest.strip_suffix(".bin")?.split('-').next()?;
    let sequences = first.parse().ok()?..end.parse().ok()?;
    (of.parse() == Ok(epoch) && sequences.start < sequences.end).then_some(sequences)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_which_records_and_of_which_cut() {
        for attempt in 1..3 {
            let name = name(&(7..1_207), 12, attempt);
            assert_eq!(sequences_of(&name, 12), Some(7..1_207), "{name}");
            assert_eq!(sequences_of(&name, 1), None, "{name}");
            assert!(name.starts_with(&discarded::prefix(7)));
        }
        assert_eq!(sequences_of("discarded-00000000000000000007-epoch-12.bin", 12), None);
    }
}
