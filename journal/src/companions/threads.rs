//! The writer's companions, preparer, maker, sweeper and syncer: on threads of their own, or driven by a test
//! step by step.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crate::companions::maker::Maker;
use crate::companions::preparer::{Preparer, PreparerRound};
use crate::companions::syncer::Syncer;
use crate::error::SyncError;
use crate::live::progress::Progress;
use crate::storage::Storage;

/// What the writer's thread has in hand of its companions, and whose it is.
#[derive(Debug)]
pub(crate) struct Companions<S: Storage> {
    threads: Threads<S>,
    /// The process that they were started in. A child of fork() has a copy of this and none of the threads,
    /// and may neither join them nor write to the journal.
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

    /// The journal's lock, for who must have it as long as the writer; `None` once the writer has ended.
    pub(crate) fn lock(&self) -> Option<Arc<S::Lock>> {
        match &self.threads {
            Threads::Running { lock, .. } | Threads::Stepped { lock, .. } => Some(Arc::clone(lock)),
            Threads::Done => None,
        }
    }

    pub(crate) fn step_syncer(&mut self) -> bool {
        match &mut self.threads {
            Threads::Stepped { syncer, .. } => syncer.step(),
            _ => false,
        }
    }

    pub(crate) fn step_preparer(&mut self) -> Option<PreparerRound> {
        match &mut self.threads {
            Threads::Stepped { preparer, .. } => Some(preparer.step()),
            _ => None,
        }
    }

    /// The writer's process, if this is a fork of it; then everything is left as it is.
    pub(crate) fn forked(&mut self) -> Option<u32> {
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
    Running { threads: RunningThreads<S>, lock: Arc<S::Lock> },
    /// In the hands of whoever calls the step functions; the preparer has maker and sweeper.
    Stepped { preparer: Box<Preparer<S>>, syncer: Box<Syncer<S>>, lock: Arc<S::Lock> },
    /// Ended.
    Done,
}

/// The threads, and the word that ends them. One that panicked has made the journal fail, and gives nothing.
#[derive(Debug)]
pub(crate) struct RunningThreads<S: Storage> {
    stop: Arc<AtomicBool>,
    progress: Arc<Progress>,
    preparer: Option<JoinHandle<Option<()>>>,
    sweeper: Option<JoinHandle<Option<()>>>,
    maker: Option<JoinHandle<Option<Maker<S>>>>,
    syncer: Option<JoinHandle<Option<Syncer<S>>>>,
}

impl<S: Storage> Threads<S> {
    pub(crate) fn start(mut preparer: Preparer<S>, syncer: Syncer<S>, lock: S::Lock) -> io::Result<Self> {
        let (stop, progress) = (Arc::new(AtomicBool::new(false)), Arc::clone(&preparer.progress));
        // Dropped on an error, which ends those that run.
        let mut threads =
            RunningThreads { stop, progress, preparer: None, sweeper: None, maker: None, syncer: None };
        if let Some((maker, sweeper)) = preparer.others.take() {
            threads.maker = Some(threads.spawn("slipring-make", move |stop| maker.run(stop))?);
            threads.sweeper = Some(threads.spawn("slipring-sweep", move |stop| sweeper.run(stop))?);
        }
        threads.preparer = Some(threads.spawn("slipring-prepare", move |stop| preparer.run(stop))?);
        threads.syncer = Some(threads.spawn("slipring-sync", move |stop| syncer.run(stop))?);
        Ok(Threads::Running { threads, lock: Arc::new(lock) })
    }

    fn finish(&mut self) -> Option<Result<u64, SyncError>> {
        match std::mem::replace(self, Threads::Done) {
            Threads::Running { mut threads, lock } => {
                let (maker, syncer) = threads.end();
                let done = finish(&threads.progress, maker.as_ref(), syncer);
                drop(lock);
                Some(done)
            }
            Threads::Stepped { preparer, syncer, lock } => {
                let maker = preparer.others.as_ref().map(|(maker, _)| maker);
                let done = finish(&preparer.progress, maker, Some(*syncer));
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

/// What is left to do once the threads have ended. Without a syncer, which panicked, nothing more is synced:
/// the call that it panicked in may have been told of data that the kernel has dropped, and a sync is never
/// tried again.
fn finish<S: Storage>(
    progress: &Progress,
    maker: Option<&Maker<S>>,
    syncer: Option<Syncer<S>>,
) -> Result<u64, SyncError> {
    guarded(progress, || {
        if let Some(maker) = maker {
            maker.finish();
        }
    });
    guarded(progress, || {
        if let Some(mut syncer) = syncer {
            syncer.finish();
        }
    });
    match progress.closing_failure() {
        Some(failure) => Err(failure.clone()),
        None => Ok(progress.durable_end()),
    }
}

/// Does a thread's work. Should it panic, the journal has failed for whoever appends, waits or closes: nobody
/// would do that thread's work any more, and each of them would wait for ever or believe that it was done.
fn guarded<T>(progress: &Progress, work: impl FnOnce() -> T) -> Option<T> {
    // What the work leaves half done is not looked at again, but for what the threads share; that is cursors,
    // and collections behind locks which no storage is called under.
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => Some(done),
        Err(panic) => {
            let thread = std::thread::current().name().unwrap_or("unnamed").to_owned();
            let durable_end = progress.durable_end();
            progress.fail(SyncError::ThreadPanicked { thread, cause: text_of(&*panic), durable_end });
            None
        }
    }
}

/// What a panic said.
fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

impl<S: Storage> RunningThreads<S> {
    fn spawn<T: Send + 'static>(
        &self,
        name: &str,
        work: impl FnOnce(&AtomicBool) -> T + Send + 'static,
    ) -> io::Result<JoinHandle<Option<T>>> {
        let (stop, progress) = (Arc::clone(&self.stop), Arc::clone(&self.progress));
        std::thread::Builder::new().name(name.to_owned()).spawn(move || guarded(&progress, || work(&stop)))
    }

    /// Stops all of them, and gives those that have more to do; `None` for one that panicked.
    fn end(&mut self) -> (Option<Maker<S>>, Option<Syncer<S>>) {
        // Release: partner of the acquire loads in each `run`.
        self.stop.store(true, Ordering::Release);
        let (preparer, sweeper) = (self.preparer.take(), self.sweeper.take());
        let (maker, syncer) = (self.maker.take(), self.syncer.take());
        wake(&preparer);
        wake(&sweeper);
        wake(&maker);
        wake(&syncer);
        join(preparer);
        join(sweeper);
        (join(maker), join(syncer))
    }
}

fn wake<T>(thread: &Option<JoinHandle<T>>) {
    if let Some(thread) = thread {
        thread.thread().unpark();
    }
}

/// What the thread gives back; nothing if it panicked, which it has said.
fn join<T>(thread: Option<JoinHandle<Option<T>>>) -> Option<T> {
    thread?.join().ok().flatten()
}

impl<S: Storage> Drop for RunningThreads<S> {
    fn drop(&mut self) {
        self.end();
    }
}
