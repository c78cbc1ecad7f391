//! The writer's companions, helper, maker, sweeper and syncer: on threads of their own, or driven by a test step by step.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crate::ahead::Maker;
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

    /// Ends them, syncs what is left, marks the journal closed, lets go of the lock. `None` if that was done.
    pub(crate) fn finish(&mut self) -> Option<Result<u64, SyncError>> {
        if let Some(writer) = self.forked() {
            return Some(Err(SyncError::Forked { writer }));
        }
        self.threads.finish()
    }

    /// Ends them and syncs nothing.
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
    Running { threads: Running<S>, lock: S::Lock },
    /// In the hands of whoever calls the step functions; the helper has maker and sweeper.
    Stepped { helper: Box<Preparer<S>>, syncer: Box<Syncer<S>>, lock: S::Lock },
    /// Ended.
    Done,
}

/// The threads, and the word that ends them.
#[derive(Debug)]
pub(crate) struct Running<S: Storage> {
    stop: Arc<AtomicBool>,
    helper: Option<JoinHandle<()>>,
    sweeper: Option<JoinHandle<()>>,
    maker: Option<JoinHandle<Maker<S>>>,
    syncer: Option<JoinHandle<Syncer<S>>>,
}

impl<S: Storage> Threads<S> {
    pub(crate) fn start(mut helper: Preparer<S>, syncer: Syncer<S>, lock: S::Lock) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        // Dropped on an error, which ends those that run.
        let mut threads = Running { stop, helper: None, sweeper: None, maker: None, syncer: None };
        let spawn = |name: &str| std::thread::Builder::new().name(name.to_owned());
        if let Some((maker, sweeper)) = helper.others.take() {
            let flag = Arc::clone(&threads.stop);
            threads.maker = Some(spawn("slipring-make").spawn(move || maker.run(&flag))?);
            let flag = Arc::clone(&threads.stop);
            threads.sweeper = Some(spawn("slipring-sweep").spawn(move || sweeper.run(&flag))?);
        }
        let flag = Arc::clone(&threads.stop);
        threads.helper = Some(spawn("slipring-prepare").spawn(move || helper.run(&flag))?);
        let flag = Arc::clone(&threads.stop);
        threads.syncer = Some(spawn("slipring-sync").spawn(move || syncer.run(&flag))?);
        Ok(Threads::Running { threads, lock })
    }

    fn finish(&mut self) -> Option<Result<u64, SyncError>> {
        match std::mem::replace(self, Threads::Done) {
            Threads::Running { mut threads, lock } => {
                let (maker, syncer) = threads.end();
                if let Some(maker) = maker {
                    maker.finish();
                }
                let done = finish(syncer?);
                drop(lock);
                Some(done)
            }
            Threads::Stepped { helper, syncer, lock } => {
                if let Some((maker, _)) = &helper.others {
                    maker.finish();
                }
                drop(helper);
                let done = finish(*syncer);
                drop(lock);
                Some(done)
            }
            Threads::Done => None,
        }
    }

    fn abandon(&mut self) {
        if let Threads::Running { mut threads, lock } = std::mem::replace(self, Threads::Done) {
            threads.end();
            drop(lock);
        }
    }
}

fn finish<S: Storage>(mut syncer: Syncer<S>) -> Result<u64, SyncError> {
    syncer.finish()
}

impl<S: Storage> Running<S> {
    /// Stops all of them, and gives those that have more to do; `None` for one that panicked.
    fn end(&mut self) -> (Option<Maker<S>>, Option<Syncer<S>>) {
        // Release: partner of the acquire loads in each `run`.
        self.stop.store(true, Ordering::Release);
        let (helper, sweeper) = (self.helper.take(), self.sweeper.take());
        let (maker, syncer) = (self.maker.take(), self.syncer.take());
        wake(&helper);
        wake(&sweeper);
        wake(&maker);
        wake(&syncer);
        join(helper);
        join(sweeper);
        (join(maker), join(syncer))
    }
}

fn wake<T>(thread: &Option<JoinHandle<T>>) {
    if let Some(thread) = thread {
        thread.thread().unpark();
    }
}

fn join<T>(thread: Option<JoinHandle<T>>) -> Option<T> {
    thread?.join().ok()
}

impl<S: Storage> Drop for Running<S> {
    fn drop(&mut self) {
        self.end();
    }
}
