//! Words of the engine's own, and the copies of them that other processes may read.
//!
//! What gates, publishers and waiters look at is in this process's own memory: nobody else can move it,
//! neither a process that has the file mapped nor a child of fork(). The copies are only ever written here,
//! by whoever owns the words, once a batch at most.

use std::ops::Deref;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use super::memory::{LineRef, Words};

/// How often a process that this one comes from has forked since it asked to be told: a child differs from
/// its parent.
static FORKS: AtomicU32 = AtomicU32::new(0);

extern "C" fn forked() {
    // Relaxed: in a child there is one thread.
    FORKS.fetch_add(1, Ordering::Relaxed);
}

/// The present count, which changes in children of this process from here on.
pub(crate) fn forks() -> u32 {
    static ASKED: OnceLock<()> = OnceLock::new();
    ASKED.get_or_init(|| {
        // SAFETY: the handler is a function of this program, and does nothing but an atomic addition, which
        // is allowed in a child of a process with threads. Should there be no memory for it, a child is not
        // told apart: its copies go into the file, where only monitors look.
        let _ = unsafe { libc::pthread_atfork(None, None, Some(forked)) };
    });
    FORKS.load(Ordering::Relaxed)
}

/// The engine's own words, and where copies of them go, if anywhere. Clones are the same words.
#[derive(Debug)]
pub(crate) struct Told<T: Words> {
    own: LineRef<T>,
    copy: Option<LineRef<T>>,
    forks: u32,
}

impl<T: Words> Told<T> {
    /// `forks` is what [`forks`] said when the file of the copy was made.
    pub(crate) fn new(own: LineRef<T>, copy: Option<LineRef<T>>, forks: u32) -> Self {
        Told { own, copy, forks }
    }

    /// The copy; none if there is no file, or it is the parent's.
    #[inline]
    pub(crate) fn copy(&self) -> Option<&T> {
        let copy = self.copy.as_ref()?;
        // Relaxed: see `forked`.
        (FORKS.load(Ordering::Relaxed) == self.forks).then_some(&**copy)
    }

    /// Does the same to the words and to their copy.
    #[inline]
    pub(crate) fn each<R>(&self, call: impl Fn(&T) -> R) {
        call(&self.own);
        if let Some(copy) = self.copy() {
            call(copy);
        }
    }
}

impl<T: Words> Clone for Told<T> {
    fn clone(&self) -> Self {
        Told { own: self.own.clone(), copy: self.copy.clone(), forks: self.forks }
    }
}

impl<T: Words> Deref for Told<T> {
    type Target = T;

    /// The engine's own words.
    #[inline(always)]
    fn deref(&self) -> &T {
        &self.own
    }
}
