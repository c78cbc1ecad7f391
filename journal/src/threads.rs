//! The writer's two companions, helper and syncer: on threads of their own, or driven by a test step by step.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crate::error::SyncError;
use crate::prepare::{Preparer, Round};
use crate::storage::Storage;
use crate::syncer::Syncer;

/// What the writer's thread has in hand of its companions, and whose it is.
#[derive(Debug)]
pub(crate) struct Companions<S: Storage> {
    threads: Threads<S>,
    /// The process that they were started in. A child of fork() has a copy of this and none of the threads, and
    /// may neither join them nor write to the journal.
    process: u32,
}

impl<S: Storage> Companions<S> {
    pub(crate) fn new(threads: Threads<S>) -> Self {
        Companions { threads, process: std::process::id() }
    }

    /// Ends both, syncs what is left, marks the journal closed, lets go of the lock. `None` if that was done.
    pub(crate) fn finish(&mut self) -> Option<Result<u64, SyncError>> {
        if let Some(writer) = self.forked() {
            return Some(Err(SyncError::Forked { writer }));
        }
        self.threads.finish()
    }

    /// Ends both and syncs nothing.
    pub(crate) fn abandon(&mut self) {
        if self.forked().is_none() {
            self.threads.abandon();
        }
    }

    pub(crate) fn step_syncer(&mut self) -> bool {
        match &mut self.threads {
            Threads::Stepped { syncer, .. } => syncer.step(),
            _ => false,
        }
    }

    pub(crate) fn step_helper(&mut self) -> Option<Round> {
        match &mut self.threads {
            Threads::Stepped { helper, .. } => Some(helper.step()),
            _ => None,
        }
    }

    /// The writer's process, if this is a fork of it; then everything is left as it is.
    fn forked(&mut self) -> Option<u32> {
        if self.process == std::process::id() {
            return None;
        }
        // The handles are of threads that are not here, and a lock held elsewhere: not to be dropped.
        std::mem::forget(std::mem::replace(&mut self.threads, Threads::Done));
        Some(self.process)
    }
}

#[derive(Debug)]
pub(crate) enum Threads<S: Storage> {
    /// On their own threads.
    Running { stop: Arc<AtomicBool>, helper: JoinHandle<()>, syncer: JoinHandle<Syncer<S>>, lock: S::Lock },
    /// In the hands of whoever calls the step functions.
    Stepped { helper: Box<Preparer<S>>, syncer: Box<Syncer<S>>, lock: S::Lock },
    /// Ended.
    Done,
}

impl<S: Storage> Threads<S> {
    pub(crate) fn start(helper: Preparer<S>, syncer: Syncer<S>, lock: S::Lock) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let spawn = |name: &str| std::thread::Builder::new().name(name.to_owned());
        let flag = Arc::clone(&stop);
        let helper = spawn("slipring-prepare").spawn(move || helper.run(&flag))?;
        let flag = Arc::clone(&stop);
        let syncer = match spawn("slipring-sync").spawn(move || syncer.run(&flag)) {
            Ok(syncer) => syncer,
            Err(error) => {
                // Release: partner of the acquire loads in `run`.
                stop.store(true, Ordering::Release);
                helper.thread().unpark();
                let _ = helper.join();
                return Err(error);
            }
        };
        Ok(Threads::Running { stop, helper, syncer, lock })
    }

    fn finish(&mut self) -> Option<Result<u64, SyncError>> {
        match std::mem::replace(self, Threads::Done) {
            Threads::Running { stop, helper, syncer, lock } => {
                let syncer = join(&stop, helper, syncer)?;
                let done = finish(syncer);
                drop(lock);
                Some(done)
            }
            Threads::Stepped { helper, syncer, lock } => {
                drop(helper);
                let done = finish(*syncer);
                drop(lock);
                Some(done)
            }
            Threads::Done => None,
        }
    }

    fn abandon(&mut self) {
        if let Threads::Running { stop, helper, syncer, lock } = std::mem::replace(self, Threads::Done) {
            join(&stop, helper, syncer);
            drop(lock);
        }
    }
}

fn finish<S: Storage>(mut syncer: Syncer<S>) -> Result<u64, SyncError> {
    syncer.finish()
}

/// Stops both threads; `None` if the syncer panicked.
fn join<S: Storage>(
    stop: &AtomicBool,
    helper: JoinHandle<()>,
    syncer: JoinHandle<Syncer<S>>,
) -> Option<Syncer<S>> {
    // Release: partner of the acquire loads in `run`.
    stop.store(true, Ordering::Release);
    helper.thread().unpark();
    syncer.thread().unpark();
    let _ = helper.join();
    syncer.join().ok()
}
