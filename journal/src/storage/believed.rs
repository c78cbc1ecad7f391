//! What a file says of its length, against what the disk holds of it: a file is not believed to be as long as
//! it says where that is next to nothing.

use std::fs::{File, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;

/// The bytes that files, of which so many bytes lie on disk, may make anybody take, in memory or on disk.
pub fn most_bytes(allocated: u64) -> u64 {
    allocated.saturating_mul(2).saturating_add(64 << 20)
}

/// How many bytes of a file lie on disk.
pub(super) fn allocated_bytes(about: &Metadata) -> u64 {
    // In units of 512 bytes, whatever the file system's block.
    about.blocks().saturating_mul(512)
}

/// The length of a file that is to be read whole.
///
/// # Errors
/// [`ErrorKind::InvalidData`] if it is mostly a hole: then its length is only a claim.
pub fn believed_bytes(file: &File) -> io::Result<u64> {
    let about = file.metadata()?;
    let allocated = allocated_bytes(&about);
    if about.len() <= most_bytes(allocated) {
        return Ok(about.len());
    }
    let text =
        format!("it says that it has {} bytes, and {allocated} lie on disk: it is damaged", about.len());
    Err(io::Error::new(ErrorKind::InvalidData, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hole_is_not_believed() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(64 << 20).unwrap();
        assert_eq!(believed_bytes(&file).unwrap(), 64 << 20);
        file.set_len(1 << 40).unwrap();
        assert_eq!(believed_bytes(&file).unwrap_err().kind(), ErrorKind::InvalidData);
    }
}
