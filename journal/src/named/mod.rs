//! Named readers: readers whose position persists in the journal's folder, and whose work several processes
//! may share.
//!
//! The folder stands on a follower of the journal and on the files of positions; the writer's retention looks
//! at those files and at nothing here.
//!
//! | file | idea |
//! |---|---|
//! | `name` | a name, held, and the file of its position |
//! | `start` | from what a user says to a place in the log |
//! | `check` | whether the log is the one that was read |
//! | `tail` | records behind a position, and what lay at each place that may be committed |
//! | `raw`, `raw_shared`, `typed` | a name held alone; one that is shared; the same as events of one type |
//! | `stored` | a name held alone, whose records are handed out as they lie |
//! | `list` | what lies in the folder; set and remove |

pub(crate) mod check;
pub(crate) mod list;
pub(crate) mod name;
pub(crate) mod raw;
pub(crate) mod raw_shared;
pub(crate) mod start;
pub(crate) mod stored;
pub(crate) mod tail;
pub(crate) mod typed;
