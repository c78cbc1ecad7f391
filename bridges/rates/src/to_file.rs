//! A file that is written by `write(2)` and synced as often as a journal is: every five milliseconds, by a
//! thread of its own.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

/// As a journal has it, if it is not told otherwise.
const SYNC_EVERY: Duration = Duration::from_millis(5);

/// Such a file.
#[derive(Debug)]
pub struct SyncedFile {
    file: Arc<File>,
    /// Dropped, it ends the thread.
    stop: Sender<()>,
    syncer: JoinHandle<io::Result<()>>,
}

impl SyncedFile {
    /// A new one.
    pub fn create(path: &Path) -> io::Result<Self> {
        let file = Arc::new(File::create_new(path)?);
        let (stop, stopped) = mpsc::channel();
        let synced = Arc::clone(&file);
        let syncer = std::thread::Builder::new().spawn(move || {
            while stopped.recv_timeout(SYNC_EVERY) == Err(RecvTimeoutError::Timeout) {
                synced.sync_data()?;
            }
            synced.sync_data()
        })?;
        Ok(SyncedFile { file, stop, syncer })
    }

    /// Writes behind what is there.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        (&*self.file).write_all(bytes)
    }

    /// Ends once all is durable.
    pub fn close(self) -> io::Result<()> {
        drop(self.stop);
        self.syncer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }
}
