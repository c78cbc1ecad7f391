//! What has nothing to do with journals: the clock, switches for tests, lines asked for ahead, memory to read
//! into, text in reports, what system calls take.
//!
//! The folder knows nothing of this crate.

pub(crate) mod clock;
pub mod prefetch;
pub mod protect;
pub(crate) mod read_buffer;
pub(crate) mod text;
pub(crate) mod whole_calls;

/// What the kernel maps, writes and write-protects at a time.
pub(crate) const PAGE_BYTES: u64 = 4096;

/// What is cached, and then written and write-protected, at a time where zeros were written ahead of a quick
/// writer.
pub(crate) const FOLIO_BYTES: u64 = 16 * PAGE_BYTES;
