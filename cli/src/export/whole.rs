//! A file or a folder that is there whole, or not at all: written under another name beside, synced, renamed.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Something that is being written. Dropped before [`Whole::keep`], it is removed.
#[derive(Debug)]
pub(super) struct Whole {
    path: PathBuf,
    partial: PathBuf,
    kept: bool,
}

impl Whole {
    /// To be written at `path`, where there must be nothing, unless it may be replaced.
    pub(super) fn begin(path: &Path, may_replace: bool) -> io::Result<Self> {
        if !may_replace && fs::symlink_metadata(path).is_ok() {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "there is something already; give another path, or --overwrite",
            ));
        }
        let mut name = OsString::from(".");
        name.push(path.file_name().ok_or(io::ErrorKind::InvalidInput)?);
        name.push(format!(".partial-{}", std::process::id()));
        let partial = path.with_file_name(name);
        Ok(Whole { path: path.to_owned(), partial, kept: false })
    }

    /// Where to write.
    pub(super) fn partial(&self) -> &Path {
        &self.partial
    }

    /// Syncs what was written and gives it its name; how many bytes it has.
    pub(super) fn keep(mut self) -> io::Result<u64> {
        let bytes = sync(&self.partial)?;
        // A folder can't be renamed over one that holds something.
        if self.path.is_dir() {
            fs::remove_dir_all(&self.path)?;
        }
        fs::rename(&self.partial, &self.path)?;
        self.kept = true;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(bytes)
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_file(&self.partial).or_else(|_| fs::remove_dir_all(&self.partial));
        }
    }
}

/// Syncs a file, or a folder with all that is in it; how many bytes the files have.
fn sync(path: &Path) -> io::Result<u64> {
    let file = File::open(path)?;
    let mut bytes = 0;
    if file.metadata()?.is_dir() {
        for entry in fs::read_dir(path)? {
            bytes += sync(&entry?.path())?;
        }
    } else {
        bytes = file.metadata()?.len();
    }
    file.sync_all()?;
    Ok(bytes)
}
