//! Room: an opening has the disk space that it needs before it changes anything, so that an opening that
//! finds the disk full leaves nothing behind.
//!
//! The active segment may have holes (a copy that was made sparse) or end early. A store into a hole on a
//! full disk is a SIGBUS, so the whole segment is allocated before it is mapped. Its header says how long it
//! is. A header may be damaged or made up, so no more is allocated on its word than a bound allows.
//!
//! A segment that ends early, for events of a newer type, needs no more room; but the one behind it does.

use crate::error::{IoFault, OpenError};
use crate::format::segment_name;
use crate::judge::chain::{self, Chain};
use crate::judge::verdict::Judged;
use crate::storage::{Storage, StorageFile, most_bytes};

/// What an opening writes besides, at most: control file, names.
const SMALL_BYTES: u64 = 64 << 10;

/// Gives the segment that goes on all of its place. `segment_bytes`: what the next segment takes, which the
/// caller says may be allocated at any time. With `ends` the segment does not go on, and the next is made at
/// once.
pub(crate) fn make<S: Storage>(
    storage: &S,
    chain: &Chain,
    tail: &Judged,
    segment_bytes: u64,
    ends: bool,
) -> Result<(), OpenError> {
    let Some(index) = chain.holding(tail.end) else { return Ok(()) };
    let segment = &chain.segments[index];
    let slots = segment.slots();
    let name = segment.name();
    let saved_bytes = (tail.used_end - tail.end).saturating_mul(u64::from(slots.record_bytes));
    // One that holds no record of the log is removed. One that ends is as long as it is, unless recovery
    // gives it the length that its header claims.
    let goes_on = slots.base < tail.end && (!ends || segment.short);
    let next_bytes = if ends { segment_bytes } else { 0 };
    let path = storage.path(&name);
    let fault = |operation| {
        let path = path.clone();
        move |error| IoFault::new(operation, path, error)
    };
    let claimed_bytes = if goes_on { slots.file_bytes() } else { 0 };
    let file = storage.open(&name, goes_on).map_err(fault("open"))?;
    let allocated_bytes = file.allocated_bytes().map_err(fault("look at"))?;
    let missing_bytes = claimed_bytes.saturating_sub(allocated_bytes);
    if missing_bytes > segment_bytes {
        let folder_bytes = folder_bytes(storage)?;
        let most_bytes = most_bytes(folder_bytes).saturating_sub(folder_bytes);
        if missing_bytes > most_bytes {
            return Err(OpenError::SegmentTooLarge { path, claimed_bytes, allocated_bytes, most_bytes });
        }
    }
    if missing_bytes == 0 && saved_bytes == 0 && next_bytes == 0 {
        return Ok(());
    }
    let wanted_bytes =
        [missing_bytes, saved_bytes, next_bytes].into_iter().fold(SMALL_BYTES, u64::saturating_add);
    let free_bytes = storage.free_bytes().map_err(fault("look at the disk of"))?;
    if free_bytes.is_some_and(|free| free < wanted_bytes) {
        return Err(fault("make room for")(std::io::Error::from_raw_os_error(libc::ENOSPC)).into());
    }
    if missing_bytes > 0 {
        file.allocate(claimed_bytes).map_err(fault("allocate"))?;
    }
    Ok(())
}

/// What the segments of the folder take on the disk.
fn folder_bytes<S: Storage>(storage: &S) -> Result<u64, IoFault> {
    let mut sum = 0_u64;
    for base in chain::segment_bases(storage)? {
        let name = segment_name(base);
        let fault = |error| IoFault::new("look at", storage.path(&name), error);
        let file = storage.open(&name, false).map_err(fault)?;
        sum = sum.saturating_add(file.allocated_bytes().map_err(fault)?);
    }
    Ok(sum)
}
