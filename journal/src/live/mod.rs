//! What a writer and its companions share: the segments that are mapped, and the cursors.
//!
//! The folder knows the files, and neither the writer nor a companion.

mod asked;
pub(crate) mod cursors;
mod failing;
pub(crate) mod new_file;
pub(crate) mod progress;
pub(crate) mod segments;
pub(crate) mod slot;
