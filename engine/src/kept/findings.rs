//! What is found while events are handled, for whoever asks.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::Divergence;

/// What is found while events are handled, for whoever asks.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    divergences: Mutex<Vec<Divergence>>,
    faults: Mutex<VecDeque<String>>,
}

/// Faults remembered; the oldest go.
const MOST_FAULTS: usize = 100;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Findings {
    pub(crate) fn diverged(&self, divergence: Divergence) {
        lock(&self.divergences).push(divergence);
    }

    pub(crate) fn divergences(&self) -> Vec<Divergence> {
        lock(&self.divergences).clone()
    }

    /// Of a stage, or whatever else it is called.
    pub(crate) fn fault(&self, stage: &str, error: &dyn std::fmt::Display) {
        let mut faults = lock(&self.faults);
        if faults.len() == MOST_FAULTS {
            faults.pop_front();
        }
        faults.push_back(format!("{stage}: {error}"));
    }

    pub(crate) fn faults(&self) -> Vec<String> {
        lock(&self.faults).iter().cloned().collect()
    }
}
