//! What syncer and preparer are asked for, and how they are woken.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering, fence};
use std::sync::{Mutex, PoisonError};
use std::thread::Thread;
use std::time::Duration;

use super::progress::Progress;

/// What is asked of syncer and preparer.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// Somebody waits for everything below it to be durable.
    wanted_end: AtomicU64,
    /// A record waits for the control file to have this epoch; 0 if none ever did.
    wanted_epoch: AtomicU32,
    /// An append waits for the segment that begins at this sequence; 0 if none ever did.
    needed_base: AtomicU64,
    /// The syncer's thread, to be woken.
    syncer: Waker,
    /// The preparer's thread, to be woken by a writer that waits for it.
    preparer: Waker,
    /// The syncer is about to sleep or asleep.
    syncer_sleeps: AtomicBool,
}

/// A thread to be woken; another one once the journal is opened again. The lock is taken by who wakes, which
/// is a system call, and by the thread when it begins.
#[derive(Debug, Default)]
struct Waker(Mutex<Option<Thread>>);

impl Waker {
    fn set(&self, thread: Thread) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
    }

    fn wake(&self) {
        if let Some(thread) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            thread.unpark();
        }
    }
}

impl Progress {
    pub(crate) fn wanted_end(&self) -> u64 {
        // Relaxed: a hint; the syncer looks again after at most one sleep, and is woken.
        self.asked.wanted_end.load(Ordering::Relaxed)
    }

    /// Asks the syncer to make everything below `end` durable soon, whatever its mode.
    pub(crate) fn want(&self, end: u64) {
        self.asked.wanted_end.fetch_max(end, Ordering::Relaxed);
        self.wake_syncer();
    }

    pub(crate) fn wanted_epoch(&self) -> u32 {
        // Relaxed: as `wanted_end`.
        self.asked.wanted_epoch.load(Ordering::Relaxed)
    }

    /// Asks the syncer to have the control file know an epoch.
    pub(crate) fn want_epoch(&self, epoch: u32) {
        self.asked.wanted_epoch.fetch_max(epoch, Ordering::Relaxed);
        self.wake_syncer();
    }

    /// An append needs the segment that begins at `base`: from here on it is a failure if that can't be made.
    pub(crate) fn need_segment(&self, base: u64) {
        // Relaxed: the preparer is woken behind this, and looks again by itself.
        self.asked.needed_base.store(base, Ordering::Relaxed);
    }

    /// Whether an append waits for the segment that begins at `base`, which is never the first.
    pub(crate) fn needs_segment(&self, base: u64) -> bool {
        base > 0 && self.asked.needed_base.load(Ordering::Relaxed) == base
    }

    pub(crate) fn set_syncer(&self, thread: Thread) {
        self.asked.syncer.set(thread);
    }

    pub(crate) fn set_preparer(&self, thread: Thread) {
        self.asked.preparer.set(thread);
    }

    /// Wakes the preparer; for a writer that waits for a segment, never otherwise: it is a system call.
    pub(crate) fn wake_preparer(&self) {
        self.asked.preparer.wake();
    }

    /// Wakes the syncer if it sleeps.
    pub(crate) fn wake_syncer(&self) {
        // SeqCst S: the caller's news (journalled or wanted end) is stored before this look; the syncer
        // stores `syncer_sleeps` and then looks at the news. One order for all four: at least one side sees
        // the other.
        fence(Ordering::SeqCst);
        if self.asked.syncer_sleeps.load(Ordering::Relaxed)
            && self.asked.syncer_sleeps.swap(false, Ordering::Relaxed)
        {
            self.asked.syncer.wake();
        }
    }

    /// Lets the syncer's thread sleep unless `news` says that there is something to do.
    pub(crate) fn syncer_sleep(&self, longest: Duration, news: impl Fn() -> bool) {
        self.asked.syncer_sleeps.store(true, Ordering::Relaxed);
        // SeqCst S: see `wake_syncer`.
        fence(Ordering::SeqCst);
        if !news() {
            std::thread::park_timeout(longest);
        }
        self.asked.syncer_sleeps.store(false, Ordering::Relaxed);
    }
}
