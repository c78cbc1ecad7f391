//! What is noted in the replica's folder before the message of a new epoch is published: who asks, and for
//! which epoch. A promotion that is cut short between the message and the opening is known again by it.
//!
//! One line of text: `slipring promoting ID EPOCH CRC`, where the checksum is of what stands before it.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use slipring_journal::{JournalId, MAX_EPOCH};

use super::error::IntentError;

const NAME: &str = "promoting";
const TEMPORARY: &str = "promoting.tmp";
/// Nobody reads more than that of it.
const MOST_BYTES: u64 = 256;

/// Who asks, and for which epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intent {
    /// Drawn for this folder.
    pub promoter: JournalId,
    /// The epoch.
    pub epoch: u32,
}

/// What is noted in this folder; `None` if nothing is under way.
///
/// # Errors
/// [`IntentError`]: it can't be read, or is damaged.
pub fn pending(folder: &Path) -> Result<Option<Intent>, IntentError> {
    let path = folder.join(NAME);
    let io = |source| IntentError::Io { path: path.clone(), source };
    let mut text = String::new();
    match File::open(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => match file.map_err(io)?.take(MOST_BYTES).read_to_string(&mut text) {
            Err(error) if error.kind() == ErrorKind::InvalidData => {}
            read => drop(read.map_err(io)?),
        },
    }
    parse(&text).map(Some).ok_or(IntentError::Damaged { path })
}

/// Notes it, on the disk.
pub(super) fn note(folder: &Path, intent: Intent) -> Result<(), IntentError> {
    let path = folder.join(NAME);
    let io = |source| IntentError::Io { path: path.clone(), source };
    let temporary = folder.join(TEMPORARY);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&temporary).map_err(io)?;
    file.write_all(compose(intent).as_bytes()).and_then(|()| file.sync_all()).map_err(io)?;
    fs::rename(&temporary, &path).map_err(io)?;
    sync(folder).map_err(io)
}

/// The promotion is over, one way or the other.
///
/// # Errors
/// [`IntentError::Io`].
pub fn forget(folder: &Path) -> Result<(), IntentError> {
    let path = folder.join(NAME);
    let io = |source| IntentError::Io { path: path.clone(), source };
    match fs::remove_file(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed.and_then(|()| sync(folder)).map_err(io),
    }
}

/// A promoter's id that nobody else has.
pub(super) fn draw() -> Result<JournalId, IntentError> {
    let path = Path::new("/dev/urandom");
    let io = |source| IntentError::Io { path: path.to_owned(), source };
    let mut id = [0; 16];
    File::open(path).map_err(io)?.read_exact(&mut id).map_err(io)?;
    Ok(JournalId(id))
}

fn sync(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

fn compose(Intent { promoter, epoch }: Intent) -> String {
    let text = format!("slipring promoting {promoter} {epoch}");
    format!("{text} {:08x}\n", crc32c::crc32c(text.as_bytes()))
}

fn parse(text: &str) -> Option<Intent> {
    let (said, crc) = text.strip_suffix('\n')?.rsplit_once(' ')?;
    if crc != format!("{:08x}", crc32c::crc32c(said.as_bytes())) {
        return None;
    }
    let (promoter, epoch) = said.strip_prefix("slipring promoting ")?.split_once(' ')?;
    let promoter = parse_id(promoter)?;
    let epoch = epoch.parse().ok().filter(|epoch| (1..=MAX_EPOCH).contains(epoch))?;
    Some(Intent { promoter, epoch })
}

/// 32 hexadecimal digits.
pub(super) fn parse_id(text: &str) -> Option<JournalId> {
    let is_plain = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_plain.then(|| u128::from_str_radix(text, 16).ok()).flatten().map(|id| JournalId(id.to_be_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_noted_is_found_until_it_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(pending(folder.path()).unwrap(), None);
        let intent = Intent { promoter: draw().unwrap(), epoch: 2048 };
        note(folder.path(), intent).unwrap();
        assert_eq!(pending(folder.path()).unwrap(), Some(intent));
        forget(folder.path()).unwrap();
        forget(folder.path()).unwrap();
        assert_eq!(pending(folder.path()).unwrap(), None);
    }

    #[test]
    fn whatever_lies_there_is_refused_unless_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        note(folder.path(), Intent { promoter: JournalId([7; 16]), epoch: 1024 }).unwrap();
        let path = folder.path().join(NAME);
        let whole = fs::read(&path).unwrap();
        let long = vec![b'a'; 100_000];
        let changed = (0..whole.len()).map(|at| {
            let mut bytes = whole.clone();
            bytes[at] ^= 4;
            bytes
        });
        let cut = (0..whole.len()).map(|end| whole[..end].to_vec());
        for bytes in changed.chain(cut).chain([long, vec![0xff; 90]]) {
            fs::write(&path, &bytes).unwrap();
            let found = pending(folder.path());
            assert!(matches!(found, Err(IntentError::Damaged { .. })), "{bytes:?}: {found:?}");
        }
    }
}
