//! What stages keep beside the journal: snapshots of their state, how far their effects are, digests, dead
//! letters.
//!
//! All of it lies in the journal's folder, one folder a stage, and points into the journal by sequence and
//! epoch. After power loss the log may be shorter and go on differently. What then points at records that are
//! gone is refused or dropped, never trusted.
//!
//! The journal's writer holds the journal's folder by a handle. Each stage's folder is found in it once: no
//! name is looked up again, and no link in there is followed
//! ([`Folder`](slipring_journal::__private::storage::Folder)).
//!
//! On the hot path only an effect's progress is written (two stores into a mapped file). Bytes of snapshots
//! and digests go through bounded queues to the [keeper](keeper::Keeper), one thread an engine.
//!
//! The folder knows handlers' states, cursors and the journal's files; not the stages that keep something,
//! nor the engine.
//!
//! | file | idea |
//! |---|---|
//! | `facts` | what a stage was asked to keep |
//! | `folders` | where its files lie, and how a file comes there whole |
//! | `opening` | what a stage takes from disk before its first event, and which history it must see |
//! | `duties` | between two events: when a snapshot, a digest or a skip is due |
//! | `snapshot`, `restored` | a state in a file; what became of it at a start |
//! | `digests` | a state as a number |
//! | `effects` | how far effects are |
//! | `dead_letters`, `dead_letter_log`, `dead_letter_format` | refused events: for users, log, bytes |
//! | `refusals`, `back_off`, `tried`, `again` | tries: what waits behind one, pauses, what is noted |
//! | `cuts` | where each stage starts |
//! | `plan` | what is kept for later starts |
//! | `keeper`, `link` | the thread that writes, and the queues to it |
//! | `trust` | no file is synced again behind a sync that failed |
//! | `epochs` | which life journalled which sequence |
//! | `findings`, `info` | what was found, and what lies on disk, for whoever asks |

pub(crate) mod again;
pub(crate) mod back_off;
pub(crate) mod cuts;
pub(crate) mod dead_letter_format;
pub(crate) mod dead_letter_log;
pub(crate) mod dead_letters;
pub(crate) mod digests;
pub(crate) mod duties;
pub(crate) mod effects;
pub(crate) mod epochs;
pub(crate) mod facts;
pub(crate) mod findings;
pub(crate) mod folders;
pub(crate) mod info;
pub(crate) mod keeper;
pub(crate) mod link;
pub(crate) mod opening;
pub(crate) mod plan;
pub(crate) mod refusals;
pub(crate) mod restored;
pub(crate) mod snapshot;
mod tried;
pub(crate) mod trust;
