//! What stages keep beside the journal: snapshots of their state, how far their effects are, digests, dead
//! letters.
//!
//! All of it lies in the journal's folder, one folder a stage, and all of it points into the journal by
//! sequence and epoch: after power loss the log may be shorter and go on differently, and what then points at
//! records that are gone is refused or dropped, never trusted.
//!
//! The journal's folder is the one that its writer holds, by a handle, and each stage's is found in it once:
//! no name is looked up again, and nothing in them is followed
//! ([`Folder`](slipring_journal::__private::storage::Folder)).
//!
//! Nothing of this is written on the hot path but an effect's progress (two stores into a mapped file). Bytes
//! of snapshots and digests go through bounded queues to the [keeper](keeper::Keeper), one thread an engine.
//!
//! It knows handlers' states, cursors and the journal's files; not the stages that keep it, nor the engine.

pub(crate) mod cuts;
mod dead_letter_format;
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
pub(crate) mod snapshot;
pub(crate) mod trust;
