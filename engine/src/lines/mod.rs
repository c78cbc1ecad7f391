//! Lines of atomic words: the memory that cursors and figures lie in, and the format of the file in which
//! other processes read copies of them.
//!
//! The folder knows nothing else of the engine.

pub(crate) mod fate;
pub(crate) mod format;
pub(crate) mod memory;
mod process;
pub(crate) mod told;
