//! The files of a folder, on a machine that says it was started anew: what a test needs that takes the power
//! from a file system and not from the whole machine.

use std::io;
use std::path::PathBuf;

use slipring_journal::__private::storage::{Files, FilesLock, Folder, LockFault, MappedFile, Storage};

/// [`Files`] with another boot id.
#[derive(Clone, Debug)]
pub struct Rebooted {
    files: Files,
    boot: u64,
}

impl Rebooted {
    /// The folder, in this boot: 0 is no boot that a machine ever has.
    pub fn new(folder: impl Into<PathBuf>, boot: u64) -> Self {
        Rebooted { files: Files::new(folder), boot }
    }
}

impl Storage for Rebooted {
    type File = MappedFile;
    type Lock = FilesLock;
    type Subfolder = Folder;

    fn boot_id(&self) -> [u8; 16] {
        u128::from(self.boot).to_be_bytes()
    }

    fn create_folder(&self) -> io::Result<()> {
        self.files.create_folder()
    }

    fn lock(&self) -> Result<FilesLock, LockFault> {
        self.files.lock()
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.files.list()
    }

    fn create(&self, name: &str) -> io::Result<MappedFile> {
        self.files.create(name)
    }

    fn open(&self, name: &str, write: bool) -> io::Result<MappedFile> {
        self.files.open(name, write)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.files.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.files.remove(name)
    }

    fn sync_folder(&self) -> io::Result<()> {
        self.files.sync_folder()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.files.path(name)
    }
}
