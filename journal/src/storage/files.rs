//! Production storage: files of a folder, which is opened once and held.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use super::folder::{Access, Folder};
use super::mapped::MappedFile;
use super::{FilesLock, Holder, LockFault, Storage, holder, lock, size_limit};
use crate::format::LOCK_NAME;

/// The files of one folder. Clones share its handle: it is opened at the first use, and from then on no name
/// decides which folder is meant.
#[derive(Clone, Debug)]
pub struct Files {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    folder: OnceLock<Folder>,
    /// The LOCK file as long as it is locked by this.
    lock_file: Mutex<Weak<File>>,
}

impl Inner {
    fn lock_file(&self) -> MutexGuard<'_, Weak<File>> {
        self.lock_file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Files {
    /// The journal folder `path`, which need not exist yet. A relative path is taken from the current folder
    /// now.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self::at(absolute(path.into()))
    }

    fn at(path: PathBuf) -> Self {
        let (folder, lock_file) = (OnceLock::new(), Mutex::default());
        Files { inner: Arc::new(Inner { path, folder, lock_file }) }
    }

    /// The name of the folder.
    pub fn folder_path(&self) -> &Path {
        &self.inner.path
    }

    /// The folder itself, opened if it is not yet.
    pub fn folder(&self) -> io::Result<&Folder> {
        let held = &self.inner.folder;
        if let Some(folder) = held.get() {
            return Ok(folder);
        }
        let folder = Folder::open(&self.inner.path)?;
        // Another thread may have been faster: then its handle is the one.
        Ok(held.get_or_init(|| folder))
    }

    /// Adds a line to the LOCK file that this process holds; the next holder's replace it.
    pub fn note_in_lock(&self, line: &str) -> io::Result<()> {
        let file = self.inner.lock_file().upgrade();
        let file = file.ok_or_else(|| io::Error::from(io::ErrorKind::PermissionDenied))?;
        size_limit::as_an_error(|| (&*file).write_all(format!("{line}\n").as_bytes()))
    }

    /// The LOCK file, and what its last holder wrote into it.
    pub fn lock_lines(&self) -> (PathBuf, io::Result<Vec<String>>) {
        (self.inner.path.join(LOCK_NAME), self.folder().and_then(lock::lines))
    }

    /// Whether a writer of this version holds the folder; `None` if that can't be found out. Takes no lock.
    pub fn is_locked(&self) -> Option<bool> {
        self.folder().ok().and_then(lock::is_locked)
    }
}

/// Where a journal is, and the folder that was found there, for as long as anything of it is open: till then
/// the journal is what lies in that folder, and afterwards what its name means next.
#[derive(Debug)]
pub(crate) struct JournalPlace {
    path: PathBuf,
    last: Mutex<Weak<Inner>>,
}

impl JournalPlace {
    /// A relative path is taken from the current folder now.
    pub(crate) fn new(path: PathBuf) -> Arc<Self> {
        Arc::new(JournalPlace { path: absolute(path), last: Mutex::default() })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn files(&self) -> Files {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(inner) = last.upgrade()
            && !inner.folder.get().is_some_and(Folder::is_removed)
        {
            return Files { inner };
        }
        let files = Files::at(self.path.clone());
        *last = Arc::downgrade(&files.inner);
        files
    }
}

/// Where there is no current folder any more, or no path, the first use says so.
fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

/// The empty path is what is left of a relative one: the current folder.
fn is_there(folder: &Path) -> bool {
    folder.as_os_str().is_empty() || folder.is_dir()
}

impl Storage for Files {
    type File = MappedFile;
    type Lock = FilesLock;
    type Subfolder = Folder;

    fn create_folder(&self) -> io::Result<()> {
        // One that is there and can't be opened is for the lock to say.
        if self.folder().is_ok() || self.inner.path.is_dir() {
            return Ok(());
        }
        // Of each folder that is made here the entry is made durable, not only of the last one.
        let folder = &self.inner.path;
        let made: Vec<_> = folder.ancestors().take_while(|folder| !is_there(folder)).collect();
        std::fs::create_dir_all(folder)?;
        for folder in made {
            match folder.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all()?,
                _ => File::open(".")?.sync_all()?,
            }
        }
        self.folder().map(|_| ())
    }

    fn lock(&self) -> Result<FilesLock, LockFault> {
        let lock = lock::lock(self.folder().map_err(LockFault::Io)?)?;
        *self.inner.lock_file() = Arc::downgrade(&lock.file);
        Ok(lock)
    }

    fn holder(&self) -> Holder {
        self.folder().map_or(Holder::Unknown, lock::holder)
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.folder()?.list()
    }

    fn for_each_name(&self, visit: impl FnMut(&str)) -> io::Result<()> {
        self.folder()?.for_each_name(visit)
    }

    fn create(&self, name: &str) -> io::Result<MappedFile> {
        Ok(MappedFile::new(self.folder()?.create_file(name)?))
    }

    fn open(&self, name: &str, write: bool) -> io::Result<MappedFile> {
        let access = if write { Access::Write } else { Access::Read };
        Ok(MappedFile::new(self.folder()?.open_file(name, access)?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.folder()?.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.folder()?.remove(name)
    }

    fn sync_folder(&self) -> io::Result<()> {
        self.folder()?.sync()
    }

    fn boot_id(&self) -> [u8; 16] {
        // No boot id known: zeros, which recovery takes for another boot, the careful reading.
        holder::boot_id()
    }

    fn path(&self, name: &str) -> PathBuf {
        if name.is_empty() { self.inner.path.clone() } else { self.inner.path.join(name) }
    }

    fn subfolder(&self, name: &str) -> io::Result<Option<Folder>> {
        match self.folder()?.subfolder(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            found => found.map(Some),
        }
    }

    fn is_moved(&self) -> bool {
        self.inner.folder.get().is_some_and(Folder::is_moved)
    }

    fn free_bytes(&self) -> io::Result<Option<u64>> {
        self.folder()?.free_bytes().map(Some)
    }
}
