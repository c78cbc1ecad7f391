//! A file that is there whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use crate::error::ExportError;

/// A file being written beside its place. [`PartialFile::commit`] syncs it and puts it there; whatever else becomes
/// of this value, nothing is left of it.
#[derive(Debug)]
pub(crate) struct PartialFile {
    path: PathBuf,
    partial: PathBuf,
    committed: bool,
}

impl PartialFile {
    /// Makes the file `<path>.partial-<process>` in the folder of `path`.
    pub(crate) fn create(path: &Path) -> Result<(Self, File), ExportError> {
        let is_other = |found: fs::Metadata| !found.is_file();
        if fs::metadata(path).is_ok_and(is_other) {
            return Err(ExportError::NoPlainFile { path: path.to_owned() });
        }
        let mut partial = path.as_os_str().to_owned();
        partial.push(format!(".partial-{}", std::process::id()));
        let partial = PathBuf::from(partial);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&partial)
            .map_err(|source| ExportError::Io { path: partial.clone(), source })?;
        Ok((PartialFile { path: path.to_owned(), partial, committed: false }, file))
    }

    /// Where it is written.
    pub(crate) fn partial(&self) -> &Path {
        &self.partial
    }

    /// The error of an operation on it.
    pub(crate) fn fault(&self, source: io::Error) -> ExportError {
        ExportError::Io { path: self.partial.clone(), source }
    }

    /// Syncs it, puts it in its place, and syncs the folder.
    pub(crate) fn commit(mut self, file: &File) -> Result<(), ExportError> {
        file.sync_all().map_err(|source| self.fault(source))?;
        let at = |source| ExportError::Io { path: self.path.clone(), source };
        fs::rename(&self.partial, &self.path).map_err(at)?;
        self.committed = true;
        let folder = match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(at)
    }
}

impl Drop for PartialFile {
    fn drop(&mut self) {
        if !self.committed {
            // It may be gone already; there is nobody to tell.
            let _ = fs::remove_file(&self.partial);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn it_is_there_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.parquet");
        let (partial, mut file) = PartialFile::create(&path).unwrap();
        file.write_all(b"half").unwrap();
        drop((partial, file));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let (partial, mut file) = PartialFile::create(&path).unwrap();
        file.write_all(b"whole").unwrap();
        partial.commit(&file).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let refused = PartialFile::create(folder.path());
        assert!(matches!(refused, Err(ExportError::NoPlainFile { .. })));
    }
}
