//! Signals that say stop.

use std::fs;
use std::io::{self, ErrorKind, Read};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::exit::Exit;

/// How long a signal waits for the output to take what it was given, and for what it leaves to be removed.
const PATIENCE: Duration = Duration::from_secs(2);

/// Signals that come within so much are one: `timeout` sends one to the process and one to its group.
const TOGETHER: Duration = Duration::from_millis(100);

/// How long a look for the second signal takes.
const LOOK: Duration = Duration::from_millis(50);

/// A signal ends this process.
static ENDS: AtomicBool = AtomicBool::new(false);

/// Does not come back if a signal ends this process: what is half made is removed, which the work may have
/// met as an error of its own, and the status is the signal's.
pub(crate) fn give_way() {
    // SeqCst: as where it is stored.
    while ENDS.load(Ordering::SeqCst) {
        std::thread::park();
    }
}

/// Whether a signal has said stop. A second one, which did not come together with the first, ends the process
/// at once. So does the first if the process is stuck: in a write that nobody reads, in a read of a disk that
/// does not answer.
#[derive(Clone, Debug)]
pub(crate) struct Stop(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    said: Arc<AtomicBool>,
    /// What is at work must end in good order, and has.
    is_over: Arc<AtomicBool>,
    first: First,
    /// What is to be removed if a signal ends the process.
    half_made: Mutex<Vec<PathBuf>>,
}

/// What the first signal does to work that does not look whether one has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum First {
    /// It ends the process.
    Ends,
    /// It ends the process if that has not ended by itself soon.
    Waits,
    /// It gives the work all the time that it takes to end in good order: until [`Stop::is_over`].
    Closes,
}

impl Stop {
    /// Listens. `ended` is the status of a process that a signal ends.
    pub(crate) fn listen(ended: Exit, first: First) -> io::Result<Self> {
        let (said, is_over) = (Arc::default(), Arc::default());
        let (told, tell) = UnixStream::pair()?;
        told.set_read_timeout(Some(LOOK))?;
        for signal in signals() {
            signal_hook::flag::register_conditional_default(signal, Arc::clone(&is_over))?;
            signal_hook::flag::register(signal, Arc::clone(&said))?;
            signal_hook::low_level::pipe::register(signal, tell.try_clone()?)?;
        }
        let shared = Arc::new(Shared { said, is_over, first, half_made: Mutex::default() });
        let stop = Stop(Arc::clone(&shared));
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            shared.watch(told);
            // SeqCst: in front of all that is removed. Who meets that finds this in `give_way`.
            ENDS.store(true, Ordering::SeqCst);
            shared.remove_half_made();
            signal_hook::low_level::exit(ended as i32);
        })?;
        Ok(stop)
    }

    /// Whether one has.
    pub(crate) fn is_said(&self) -> bool {
        // Relaxed: it only says stop; nothing is handed over with it.
        self.0.said.load(Ordering::Relaxed)
    }

    /// Nothing is left that a signal could spoil, so it ends the process as it ends any: whoever reads the
    /// output may have stopped doing so.
    pub(crate) fn is_over(&self) {
        // Relaxed: nothing is handed over with it.
        self.0.is_over.store(true, Ordering::Relaxed);
    }

    /// Has a file or a folder removed if a signal ends the process: half of it is of no use to anybody.
    pub(crate) fn may_remove(&self, path: &Path) {
        self.0.half_made().push(path.to_owned());
    }

    /// Nothing is half made any more.
    pub(crate) fn keep_all(&self) {
        self.0.half_made().clear();
    }
}

impl Shared {
    /// Until the process is to be ended.
    fn watch(&self, mut told: UnixStream) {
        let (mut left, mut first) = (None, None);
        loop {
            match told.read(&mut [0]) {
                Ok(_) if self.first == First::Ends => return,
                Ok(_) if first.is_some_and(|first: Instant| first.elapsed() >= TOGETHER) => return,
                Ok(_) if first.is_some() => {}
                Ok(_) => (left, first) = (Some(PATIENCE), Some(Instant::now())),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    // Relaxed: as where it is stored.
                    let may_end = self.first == First::Waits || self.is_over.load(Ordering::Relaxed);
                    if let Some(left) = left.as_mut().filter(|_| may_end) {
                        *left = left.saturating_sub(LOOK);
                    }
                    if left == Some(Duration::ZERO) {
                        return;
                    }
                }
                Err(_) => {}
            }
        }
    }

    fn half_made(&self) -> MutexGuard<'_, Vec<PathBuf>> {
        self.half_made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes what is half made, if its disk answers soon.
    fn remove_half_made(&self) {
        let paths = std::mem::take(&mut *self.half_made());
        let (done, is_done) = mpsc::channel();
        let removing = std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            paths.iter().for_each(|path| remove(path));
            done.send(())
        });
        if removing.is_ok() {
            let _ = is_done.recv_timeout(PATIENCE);
        }
    }
}

/// Removes what another thread may still be writing into.
fn remove(path: &Path) {
    for _ in 0..10 {
        let removed = match fs::symlink_metadata(path) {
            Ok(there) if there.is_dir() => fs::remove_dir_all(path),
            Ok(_) => fs::remove_file(path),
            Err(_) => return,
        };
        if removed.is_ok() {
            return;
        }
        std::thread::sleep(LOOK);
    }
}

/// Which signals say stop. Whoever started this under `nohup` wants it to outlive the terminal.
fn signals() -> Vec<i32> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    let ignores_hang_up = ignored >> (SIGHUP - 1) & 1 == 1;
    [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| *signal != SIGHUP || !ignores_hang_up).collect()
}
