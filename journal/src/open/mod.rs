//! From a folder to a writer: the options, recovery in its one order, and the wiring.
//!
//! This is the top of the crate: it may know every other folder.
//!
//! | file | idea |
//! |---|---|
//! | `journal` | the options, and all that can be opened with them |
//! | `named` | the named readers of a journal |
//! | `recovery` | what comes before the first append, in its one order |
//! | `new_type` | where the events of a journal change |
//! | `room` | the disk space that an opening needs, asked for before anything changes |
//! | `discarded` | what recovery cut off, saved in files |
//! | `report` | what recovery found and did |
//! | `wiring` | recovery, then the companions, then the writer |

#[cfg(debug_assertions)]
pub mod built_here;
pub(crate) mod discarded;
pub(crate) mod journal;
mod named;
mod new_type;
pub(crate) mod recovery;
pub(crate) mod report;
pub(crate) mod room;
pub(crate) mod wiring;
