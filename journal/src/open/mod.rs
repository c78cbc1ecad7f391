//! From a folder to a writer: the options, recovery in its one order, and the wiring.
//!
//! This is the top of the crate: it may know every other folder.
//!
//! | file | idea |
//! |---|---|
//! | `journal` | the options, and all that can be opened with them |
//! | `named` | the named readers of a journal |
//! | `recovery` | what comes before the first append, in its one order |
//! | `opening` | what a journal is opened as: a writer, a replica, one that is promoted |
//! | `replica` | a journal that takes records which were made elsewhere |
//! | `rejoin` | a journal that was overtaken becomes a replica |
//! | `cut`, `set_aside` | what lies beyond the fork is cut off, and saved before |
//! | `new_type` | where the events of a journal change |
//! | `room` | the disk space that an opening needs, asked for before anything changes |
//! | `discarded` | what recovery cut off, saved in files |
//! | `report` | what recovery found and did |
//! | `wiring` | recovery, then the companions, then the writer |

#[cfg(debug_assertions)]
pub mod built_here;
mod cut;
pub(crate) mod discarded;
pub(crate) mod journal;
mod named;
mod new_type;
pub(crate) mod opening;
pub(crate) mod recovery;
pub(crate) mod rejoin;
pub(crate) mod replica;
pub(crate) mod report;
pub(crate) mod room;
pub(crate) mod set_aside;
pub(crate) mod wiring;
