//! Reading a journal, open or closed, without a lock: by sequence, by time, as it grows, or all of it.
//!
//! It knows what judges the files and the lease that holds them, and nothing of writing.

pub(crate) mod chunk;
pub(crate) mod follow;
pub(crate) mod inspect;
pub(crate) mod opened;
pub(crate) mod raw;
pub(crate) mod seek;
pub(crate) mod typed;
pub(crate) mod verify;
