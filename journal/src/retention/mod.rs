//! Retention: which segments go, and who may hold them.
//!
//! A sealed segment is retired when the rules of [`Retention`](options::Retention) say that it is due and
//! nobody holds it. Who holds it, in this order:
//!
//! 1. the durable floor: it goes only once D lies behind it, and the last durable record always stays;
//! 2. the snapshot: with [`only_behind_snapshots`](options::Retention::only_behind_snapshots), or if an
//!    engine's stages need it, nothing that no
//!    snapshot covers;
//! 3. a reader's [`Lease`](holders::Lease), within its bounds; beyond them the reader is evicted;
//! 4. age, size and count.
//!
//! The syncer decides and writes the new first sequence into the control file, in the slot that raises D,
//! then into the other; only when both are synced does the sweeper unlink the files, the oldest first. Power
//! may fail anywhere: what lies below the first sequence is reclaimed on the next opening. The append path
//! has no part in it.
//!
//! It knows what judges the files, and neither the syncer nor the sweeper.

pub(crate) mod holders;
pub(crate) mod options;
pub(crate) mod retainer;
