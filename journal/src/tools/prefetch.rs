//! Asking for cache lines ahead of time. The order of records and slots is known long before they are written
//! or read, and a line that another core or the memory has takes as long as ten of them take to be copied.
//!
//! Both are hints: they load and store nothing, and do nothing at an address where nothing is mapped, or on a
//! processor that does not know them. So any address will do, also one behind the end of what is written.
//! Elsewhere than on x86-64 they do nothing yet, for want of a machine to measure on.

/// Asks for the line at `place`, to write there.
#[inline(always)]
pub fn to_write<T>(place: *const T) {
    // Not by the intrinsic: unless the compiler is told that the processor has the instruction, it asks for
    // the line to read it; to write there, it then had to be asked for again, and a ring lost nine tenths of
    // its throughput.
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: a hint, see above. Processors without it take the instruction for no operation.
    unsafe {
        std::arch::asm!("prefetchw [{}]", in(reg) place, options(nostack, preserves_flags));
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = place;
}

/// Asks for the line at `place`, to read it. Of a line that another core is about to write this costs both
/// time.
#[inline(always)]
pub fn to_read<T>(place: *const T) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: a hint, see above; every x86-64 has SSE.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(place.cast());
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = place;
}
