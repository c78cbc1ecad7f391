//! Signals that say stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};

/// Signals that say stop.
pub(super) struct Stop {
    said: Arc<AtomicBool>,
    over: Arc<AtomicBool>,
}

impl Stop {
    pub fn listen() -> std::io::Result<Self> {
        let stop = Stop { said: Arc::default(), over: Arc::default() };
        for signal in [SIGINT, SIGTERM] {
            signal_hook::flag::register_conditional_default(signal, Arc::clone(&stop.over))?;
            signal_hook::flag::register(signal, Arc::clone(&stop.said))?;
        }
        Ok(stop)
    }

    /// Nothing is left that a signal could spoil, and it ends the process: whoever reads the output may have
    /// stopped doing so.
    pub fn is_over(&self) {
        // Relaxed: nothing is handed over with it.
        self.over.store(true, Ordering::Relaxed);
    }

    /// Whether one has come.
    pub fn is_said(&self) -> bool {
        // Relaxed: it only says stop; nothing is handed over with it.
        self.said.load(Ordering::Relaxed)
    }
}
