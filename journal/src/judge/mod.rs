//! What the files of a journal say, whether they belong together, and where the log ends.
//!
//! Writing, reading and mending all ask here. The folder knows the format, the storage and the errors, and
//! nobody who asks.
//!
//! | file | idea |
//! |---|---|
//! | `control` | how far the journal is durable, of two slots |
//! | `chain` | which segments there are, none missing, doubled or foreign |
//! | `layout` | how records lie in a segment, and which layout may come behind which |
//! | `event_type` | what the events are taken for, and whether those that are there can be |
//! | `bonds` | whether they are of one journal at one time |
//! | `scan` | which record may follow which |
//! | `verdict` | where the log ends, and what is refused |

pub(crate) mod bonds;
pub(crate) mod chain;
pub(crate) mod control;
pub(crate) mod event_type;
pub(crate) mod layout;
pub(crate) mod scan;
pub(crate) mod verdict;
