//! Reading a journal, open or closed, without a lock: by sequence, by time, as it grows, or all of it.
//!
//! The folder knows what judges the files and the lease that holds them, and nothing of writing.
//!
//! | file | idea |
//! |---|---|
//! | `raw`, `chunk`, `raw_chunk` | records by sequence, whatever their type; many at a time |
//! | `log_end` | where the log ends, which a reader looks for behind D |
//! | `typed` | the same as events of one type |
//! | `view` | records of older types, as the newest |
//! | `refused` | from where on records can be shown, where no schema turns those before |
//! | `held_maps` | segments mapped while the writer's lock is held, for replay |
//! | `stored` | records as they lie, for who takes them elsewhere |
//! | `seek`, `times` | from a time to a sequence; what searches have read of times |
//! | `follow`, `typed_follow` | records as they come; the same as events of one type |
//! | `confirm` | whether a position that somebody says is one of the journal's |
//! | `opened` | which files a reader has open |
//! | `inspect` | what the files say |
//! | `verify` | whether every record is whole |
//! | `whose` | who writes it |

pub(crate) mod chunk;
pub(crate) mod confirm;
pub(crate) mod follow;
mod held_maps;
pub(crate) mod inspect;
mod log_end;
pub(crate) mod opened;
pub(crate) mod raw;
pub(crate) mod raw_chunk;
mod refused;
pub(crate) mod seek;
pub(crate) mod stored;
mod times;
pub(crate) mod typed;
pub(crate) mod typed_follow;
pub(crate) mod verify;
mod view;
pub(crate) mod whose;
