//! What the files of a journal say, whether they belong together, and where the log ends.
//!
//! Writing, reading and mending all ask here. It knows the format, the storage and the errors, and nobody who
//! asks.

pub(crate) mod bonds;
pub(crate) mod chain;
pub(crate) mod control;
pub(crate) mod scan;
pub(crate) mod verdict;
