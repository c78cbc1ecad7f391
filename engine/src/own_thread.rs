//! A thread that this process has started. A fork of the process has the handle, and not the thread: there is
//! nobody to wait for.

use std::thread::{self, JoinHandle, Thread};

#[derive(Debug)]
pub(crate) struct OwnThread<T> {
    handle: Option<JoinHandle<T>>,
    process: u32,
}

impl<T> OwnThread<T> {
    pub(crate) fn new(handle: JoinHandle<T>) -> Self {
        OwnThread { handle: Some(handle), process: std::process::id() }
    }

    /// Whether it is still at work.
    pub(crate) fn is_running(&self) -> bool {
        self.handle.as_ref().is_some_and(|handle| !handle.is_finished())
    }

    /// Whether nobody has joined it.
    pub(crate) fn is_held(&self) -> bool {
        self.handle.is_some()
    }

    /// Whether the caller is this thread.
    pub(crate) fn is_current(&self) -> bool {
        self.handle.as_ref().is_some_and(|handle| handle.thread().id() == thread::current().id())
    }

    /// To be unparked by others.
    pub(crate) fn thread(&self) -> Option<Thread> {
        self.handle.as_ref().map(|handle| handle.thread().clone())
    }

    pub(crate) fn unpark(&self) {
        if let Some(handle) = &self.handle {
            handle.thread().unpark();
        }
    }

    /// Waits for its end. `None` if it was joined before, or is another process's.
    pub(crate) fn join(&mut self) -> Option<thread::Result<T>> {
        if self.is_forked() { None } else { self.handle.take().map(JoinHandle::join) }
    }

    /// Whether this process is a fork of the one that has the thread.
    pub(crate) fn is_forked(&self) -> bool {
        self.process != std::process::id()
    }
}

impl<T> Drop for OwnThread<T> {
    fn drop(&mut self) {
        if self.is_forked() {
            // A handle that is dropped lets go of its thread, which is not here.
            std::mem::forget(self.handle.take());
        }
    }
}
