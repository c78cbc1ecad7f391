//! What has nothing to do with journals: switches for tests, lines asked for ahead, text in reports.
//!
//! The folder knows nothing of this crate.

pub mod prefetch;
pub mod protect;
pub(crate) mod text;
