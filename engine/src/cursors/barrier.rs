//! One fence for two: Linux can make every running thread of the process pass a barrier, so that only the
//! side that seldom comes pays for an order that both rely on.

/// Asks for the right to use [`everywhere`]; false where there is none.
pub(crate) fn register() -> bool {
    // SAFETY: a system call on plain integers; it touches no memory of ours.
    unsafe { libc::syscall(libc::SYS_membarrier, REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0 }
}

/// Every running thread of this process passes a full barrier before this returns; false if the kernel says
/// no, which it can't once [`register`] was granted, but for a filter of system calls that was set since.
pub(crate) fn everywhere() -> bool {
    // SAFETY: as above.
    unsafe { libc::syscall(libc::SYS_membarrier, PRIVATE_EXPEDITED, 0, 0) == 0 }
}

const PRIVATE_EXPEDITED: libc::c_int = 1 << 3;
const REGISTER_PRIVATE_EXPEDITED: libc::c_int = 1 << 4;
