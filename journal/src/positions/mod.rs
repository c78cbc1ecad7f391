//! The positions of named readers: files that the readers' processes write and the writer's retention looks
//! at.
//!
//! The folder knows the storage, the bytes, and what the control file says; neither how records are read nor
//! what retention makes of it.
//!
//! | file | idea |
//! |---|---|
//! | `files` | the files in the folder `readers`, written whole or not at all |
//! | `by_hand` | a reader's file without its lock, for tests |
//! | `ranges` | what becomes of a position and its ranges as they are claimed, done and given up |

#[cfg(feature = "negative-controls")]
pub(crate) mod by_hand;
pub(crate) mod files;
pub(crate) mod ranges;
