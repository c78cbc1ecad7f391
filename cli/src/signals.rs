//! Signals that say stop.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::exit::Exit;

/// How long a signal waits for the output to take what it was given.
const PATIENCE: Duration = Duration::from_secs(2);

/// Whether a signal has said stop.
#[derive(Clone, Debug)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Listens. The second signal ends the process at once, and so does the first if the process is stuck: in
    /// a write that nobody reads, in a read of a disk that does not answer. `ended` is its status then.
    pub(crate) fn listen(ended: Exit) -> io::Result<Self> {
        let said = Arc::new(AtomicBool::new(false));
        let signals = signals();
        for signal in signals.iter().copied() {
            signal_hook::flag::register_conditional_shutdown(signal, ended as i32, Arc::clone(&said))?;
            signal_hook::flag::register(signal, Arc::clone(&said))?;
        }
        end_when_stuck(ended, &signals)?;
        Ok(Stop(said))
    }

    /// Whether one has.
    pub(crate) fn is_said(&self) -> bool {
        // Relaxed: it only says stop; nothing is handed over with it.
        self.0.load(Ordering::Relaxed)
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

fn end_when_stuck(ended: Exit, signals: &[i32]) -> io::Result<()> {
    let (mut told, tell) = std::os::unix::net::UnixStream::pair()?;
    for signal in signals.iter().copied() {
        signal_hook::low_level::pipe::register(signal, tell.try_clone()?)?;
    }
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        if told.read_exact(&mut [0]).is_ok() {
            std::thread::sleep(PATIENCE);
            signal_hook::low_level::exit(ended as i32);
        }
    })?;
    Ok(())
}
