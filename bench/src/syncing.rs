//! The thread that a home-made log has beside it: it syncs every 5 ms, as the journal does by default.

use std::fs::File;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

const EVERY: Duration = Duration::from_millis(5);

/// Syncs files until it is dropped.
pub struct Syncing {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    /// The one that is written, behind those that were and are not synced since.
    files: Mutex<Vec<Arc<File>>>,
    stop: AtomicBool,
}

impl Shared {
    fn sync(&self) {
        let files: Vec<_> = self.files.lock().expect("no panic inside").clone();
        for file in &files {
            file.sync_data().expect("a disk that syncs");
        }
        let mut kept = self.files.lock().expect("no panic inside");
        kept.drain(..files.len().saturating_sub(1));
    }
}

impl Syncing {
    pub fn start() -> Self {
        let shared = Arc::new(Shared::default());
        let its = Arc::clone(&shared);
        let work = move || {
            // Relaxed: nothing else is passed.
            while !its.stop.load(Ordering::Relaxed) {
                std::thread::sleep(EVERY);
                its.sync();
            }
        };
        let thread = std::thread::Builder::new().name("home-made-sync".to_owned()).spawn(work);
        Syncing { shared, thread: Some(thread.expect("a thread")) }
    }

    /// From here on this one is written.
    pub fn add(&self, file: &File) {
        let file = file.try_clone().expect("another handle");
        self.shared.files.lock().expect("no panic inside").push(Arc::new(file));
    }
}

impl Drop for Syncing {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn of_files_that_are_synced_only_the_one_that_is_written_stays() {
        let syncing = Syncing { shared: Arc::default(), thread: None };
        for _ in 0..3 {
            let mut file = tempfile::tempfile().expect("a file");
            file.write_all(b"record").expect("room");
            syncing.add(&file);
        }
        syncing.shared.sync();
        assert_eq!(syncing.shared.files.lock().expect("no panic").len(), 1);
    }
}
