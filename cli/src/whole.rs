//! A file or a folder that is there whole, or not at all: written in a folder of its own beside, synced,
//! renamed.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use tempfile::TempDir;

/// What is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    File,
    /// A folder of parts.
    Parts,
}

/// Something that is being written. Dropped before [`Whole::keep`], it is removed.
#[derive(Debug)]
pub(crate) struct Whole {
    path: PathBuf,
    partial: PathBuf,
    may_replace: bool,
    /// Holds what is being written, and what was replaced.
    beside: TempDir,
}

impl Whole {
    /// To be written at `path`, where there must be nothing, unless it may be replaced.
    pub(crate) fn begin(path: &Path, what: What, may_replace: bool) -> io::Result<Self> {
        // Without slashes at its end.
        let path: PathBuf = path.components().collect();
        if let Ok(there) = fs::symlink_metadata(&path) {
            if !may_replace {
                let said = "there is something already; give another path, or --overwrite";
                return Err(io::Error::new(ErrorKind::AlreadyExists, said));
            }
            check_replaced(&path, what, &there)?;
        }
        let name = path.file_name().ok_or(ErrorKind::InvalidInput)?.to_owned();
        let prefix = format!(".{}.partial-", name.to_string_lossy());
        let beside = tempfile::Builder::new().prefix(&prefix).tempdir_in(folder_of(&path))?;
        Ok(Whole { partial: beside.path().join(name), path, may_replace, beside })
    }

    /// The folder beside, which is removed.
    pub(crate) fn beside(&self) -> &Path {
        self.beside.path()
    }

    /// Where to write.
    pub(crate) fn partial(&self) -> &Path {
        &self.partial
    }

    /// Syncs what was written and gives it its name; how many bytes it has.
    pub(crate) fn keep(self) -> io::Result<u64> {
        let bytes = sync(&self.partial)?;
        let rename = |flags| renameat_with(CWD, &self.partial, CWD, &self.path, flags);
        let renamed = match rename(RenameFlags::NOREPLACE) {
            // What was there goes with the folder beside.
            Err(rustix::io::Errno::EXIST) if self.may_replace => rename(RenameFlags::EXCHANGE),
            renamed => renamed,
        };
        match renamed {
            // A file system that can't: then in two steps.
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => self.rename_plainly()?,
            renamed => renamed?,
        }
        sync_name(&self.path)?;
        self.beside.close()?;
        Ok(bytes)
    }

    fn rename_plainly(&self) -> io::Result<()> {
        if fs::symlink_metadata(&self.path).is_ok() {
            if !self.may_replace {
                return Err(ErrorKind::AlreadyExists.into());
            }
            fs::rename(&self.path, self.beside.path().join("replaced"))?;
        }
        fs::rename(&self.partial, &self.path)
    }
}

/// The folder that a path lies in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Syncs the name of what lies at a path.
pub(crate) fn sync_name(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

/// Refuses to replace what an export can't have written.
fn check_replaced(path: &Path, what: What, there: &fs::Metadata) -> io::Result<()> {
    let refused = |said: &str| Err(io::Error::new(ErrorKind::InvalidInput, said));
    match what {
        What::File if there.is_file() => Ok(()),
        What::File if there.is_dir() => {
            refused("that is a folder, and --overwrite replaces a file by a file")
        }
        What::File => refused("that is no regular file; write to the standard output (-o -) and redirect it"),
        What::Parts if !there.is_dir() => refused("that is no folder, and parts are one: give another path"),
        What::Parts => {
            for entry in fs::read_dir(path)? {
                let entry = entry?;
                let is_part =
                    entry.file_type()?.is_dir() && entry.file_name().to_string_lossy().contains('=');
                if !is_part {
                    return refused("the folder holds more than parts of an export: it is not replaced");
                }
            }
            Ok(())
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
