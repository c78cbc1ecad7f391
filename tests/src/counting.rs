//! An allocator that counts: calls by thread, and the bytes that are held by all.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicI64, Ordering};

thread_local! {
    // Without a destructor and made at compile time, so that counting allocates nothing itself.
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

static HELD_BYTES: AtomicI64 = AtomicI64::new(0);

/// The system's allocator, counted. Use it as the test's `#[global_allocator]`.
#[derive(Debug)]
pub struct Counting;

/// How often this thread has allocated, resized or freed so far.
pub fn calls() -> u64 {
    CALLS.get()
}

/// Bytes that are allocated at the moment by all threads.
pub fn held_bytes() -> i64 {
    // Relaxed: read when nobody else runs.
    HELD_BYTES.load(Ordering::Relaxed)
}

fn count(bytes: i64) {
    // A thread that is being taken down has no counter any more.
    let _ = CALLS.try_with(|calls| calls.set(calls.get() + 1));
    // Relaxed: a count, by which nothing is ordered.
    HELD_BYTES.fetch_add(bytes, Ordering::Relaxed);
}

// SAFETY: every call goes to the system's allocator as it came; counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        // SAFETY: the caller's contract is the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as i64);
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        count(-(layout.size() as i64));
        // SAFETY: as above.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as i64 - layout.size() as i64);
        // SAFETY: as above.
        unsafe { System.realloc(place, layout, size) }
    }
}
