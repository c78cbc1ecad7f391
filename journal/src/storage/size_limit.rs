//! The limit on the size of files (`ulimit -f`, RLIMIT_FSIZE): an error, not the end of the process.
//!
//! A call that would make a file longer than that fails with EFBIG, and sends its own thread SIGXFSZ, by
//! which the process dies. What a process does with signals is its own business, so none is ignored or
//! handled here: the thread blocks this one for as long as the call takes, and takes back what the call has
//! sent.

use std::io;
use std::mem::MaybeUninit;
use std::ptr;

use libc::{SIG_BLOCK, SIG_SETMASK, SIGXFSZ, c_int, sigset_t};

/// Makes a call that may make a file longer.
///
/// # Errors
/// The call's own; EFBIG where the limit is reached.
pub fn as_an_error<T>(call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let signal = only_this();
    let before = mask(SIG_BLOCK, &signal);
    // One that was sent before, and waits because it is blocked, is not the call's.
    let was_pending = holds(&before) && is_pending();
    let done = call();
    if !was_pending && done.as_ref().is_err_and(is_too_large) {
        take(&signal);
    }
    mask(SIG_SETMASK, &before);
    done
}

/// What to do about an error, if it is of this limit; else nothing.
pub fn advice(error: &io::Error) -> &'static str {
    if is_too_large(error) {
        "; that is the limit on the size of a file (ulimit -f): raise it, or have smaller segments (segment_bytes, --segment-records)"
    } else {
        ""
    }
}

fn is_too_large(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::FileTooLarge
}

/// A set of signals as `fill` leaves it.
fn set_by(fill: impl FnOnce(*mut sigset_t)) -> sigset_t {
    let mut set = MaybeUninit::<sigset_t>::zeroed();
    fill(set.as_mut_ptr());
    // SAFETY: a plain array of bits, for which zeros are a value, and so is whatever the calls write.
    unsafe { set.assume_init() }
}

fn only_this() -> sigset_t {
    set_by(|set| {
        // SAFETY: the set lives through both calls, and the signal has a number that there is.
        unsafe {
            libc::sigemptyset(set);
            libc::sigaddset(set, SIGXFSZ);
        }
    })
}

/// Changes the thread's mask; the one before.
fn mask(how: c_int, signals: &sigset_t) -> sigset_t {
    set_by(|before| {
        // SAFETY: both sets live through the call, which changes this thread's mask and no memory but
        // `before`.
        let done = unsafe { libc::pthread_sigmask(how, signals, before) };
        debug_assert_eq!(done, 0);
    })
}

fn is_pending() -> bool {
    let pending = set_by(|set| {
        // SAFETY: the set lives through the call.
        unsafe { libc::sigpending(set) };
    });
    holds(&pending)
}

fn holds(set: &sigset_t) -> bool {
    // SAFETY: the set lives through the call, and the signal has a number that there is.
    unsafe { libc::sigismember(set, SIGXFSZ) == 1 }
}

/// Takes a pending signal back, if there is one.
fn take(signals: &sigset_t) {
    let at_once = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    loop {
        // SAFETY: both live through the call; nothing is asked about the signal.
        let taken = unsafe { libc::sigtimedwait(signals, ptr::null_mut(), &raw const at_once) };
        // Another signal's handler may have come between.
        if taken >= 0 || io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends this thread the signal, as a call would.
    fn send() {
        // SAFETY: a plain call; the signal is blocked, or the test fails by it.
        unsafe { libc::pthread_kill(libc::pthread_self(), SIGXFSZ) };
    }

    fn too_large() -> io::Result<()> {
        send();
        Err(io::Error::from_raw_os_error(libc::EFBIG))
    }

    #[test]
    fn the_signal_of_the_call_is_taken_back_and_the_mask_is_as_before() {
        let mask_now = || mask(SIG_BLOCK, &set_by(|_| ()));
        let error = as_an_error(too_large).unwrap_err();
        assert!(is_too_large(&error) && advice(&error).contains("ulimit -f"));
        assert!(!is_pending() && !holds(&mask_now()));
        assert_eq!(as_an_error(|| Ok(7)).unwrap(), 7);
        // Somebody who has it blocked finds it so, and what was sent before still there.
        let before = mask(SIG_BLOCK, &only_this());
        as_an_error(too_large).unwrap_err();
        assert!(!is_pending() && holds(&mask_now()));
        send();
        as_an_error(too_large).unwrap_err();
        assert!(is_pending());
        take(&only_this());
        mask(SIG_SETMASK, &before);
        assert!(advice(&io::ErrorKind::NotFound.into()).is_empty());
    }
}
