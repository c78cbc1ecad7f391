//! A new file that goes again unless it is finished.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use crate::error::ExportError;

/// A file that is being written. Dropped before [`Unfinished::keep`], it is removed.
#[derive(Debug)]
pub(crate) struct Unfinished {
    path: PathBuf,
    kept: bool,
}

impl Unfinished {
    /// Makes a file where there is none.
    pub(crate) fn create(path: &Path) -> Result<(Self, File), ExportError> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(path);
        let file = file.map_err(|source| ExportError::Io { path: path.to_owned(), source })?;
        Ok((Unfinished { path: path.to_owned(), kept: false }, file))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The error of an operation on it.
    pub(crate) fn fault(&self, source: io::Error) -> ExportError {
        ExportError::Io { path: self.path.clone(), source }
    }

    /// It is finished.
    pub(crate) fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_unless_it_is_kept_and_takes_no_other_s_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        drop(Unfinished::create(&path).unwrap());
        assert!(!path.exists());
        let (file, _) = Unfinished::create(&path).unwrap();
        file.keep();
        assert!(matches!(Unfinished::create(&path), Err(ExportError::Io { .. })));
        assert!(path.exists());
    }
}
