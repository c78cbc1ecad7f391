//! Retention: which segments go, and who may hold them.
//!
//! A sealed segment is retired when the rules of [`Retention`](options::Retention) say that it is due and
//! nobody holds it. Who holds it, in this order:
//!
//! 1. the durable floor: a segment goes only once all of it lies below D, and the last durable record always
//!    stays;
//! 2. the snapshots: with [`only_behind_snapshots`](options::Retention::only_behind_snapshots), or if an
//!    engine's stages need history, a segment stays until a snapshot covers it;
//! 3. a reader's [`Lease`](holders::Lease), within its bounds; beyond them the reader is evicted;
//! 4. a named reader, within bounds of its own, whether it runs or not;
//! 5. age, size and count.
//!
//! The syncer decides. It writes the new first sequence into the control file: into the slot that raises D,
//! then into the other one. Once both are synced, the sweeper unlinks the files, the oldest first. Power may
//! fail anywhere: what lies below the first sequence is reclaimed on the next opening. The append path has no
//! part in retention.
//!
//! The folder knows what judges the files, and neither the syncer nor the sweeper.

pub(crate) mod holders;
pub(crate) mod options;
mod readers;
pub(crate) mod retainer;
