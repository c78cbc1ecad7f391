//! In which engines' handlers a thread is. A handler may run another engine's lanes, whose handlers may run a
//! third's: who waits in the innermost for any of them waits for himself.

use std::cell::Cell;
use std::ptr::null;

use crate::cursors::status::EngineStatus;

/// One engine whose handlers this thread is in, and the one around it.
struct Frame {
    /// Only compared, never followed.
    status: *const EngineStatus,
    outer: *const Frame,
}

thread_local! {
    /// The innermost; null outside handlers.
    static INNERMOST: Cell<*const Frame> = const { Cell::new(null()) };
}

/// Takes its frame off, on unwinding too.
struct Leave(*const Frame);

impl Drop for Leave {
    fn drop(&mut self) {
        INNERMOST.set(self.0);
    }
}

/// Calls what may call handlers of the engine with this status.
#[inline(always)]
pub(crate) fn within<T>(status: *const EngineStatus, call: impl FnOnce() -> T) -> T {
    let frame = Frame { status, outer: INNERMOST.get() };
    let _leave = Leave(frame.outer);
    INNERMOST.set(&frame);
    call()
}

/// Whether this thread is inside a handler of the engine with this status, however deep: whoever waits there
/// for the engine waits for himself.
pub(crate) fn is_inside(status: &EngineStatus) -> bool {
    let mut at = INNERMOST.get();
    // SAFETY: a frame lies in a call of `within` on this thread, and is taken off before that returns or
    // unwinds, the innermost first: all that can be reached from here are still there, and none changes.
    while let Some(frame) = unsafe { at.as_ref() } {
        if std::ptr::eq(frame.status, status) {
            return true;
        }
        at = frame.outer;
    }
    false
}

/// Whether the handler that this thread is in is of the engine with this status.
pub(crate) fn is_innermost(status: &EngineStatus) -> bool {
    // SAFETY: as in `is_inside`.
    unsafe { INNERMOST.get().as_ref() }.is_some_and(|frame| std::ptr::eq(frame.status, status))
}
