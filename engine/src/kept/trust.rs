//! Syncs that fail once and for all.
//!
//! When a sync fails the kernel may drop what it could not write and report the next sync of the file as a
//! success (Rebello et al., "Can Applications Recover from fsync Failures?", USENIX ATC 2020). So after a
//! failure no later sync of the same file is trusted in this life.

use std::io;

/// Whether all syncs so far succeeded.
#[derive(Debug, Default)]
pub(crate) struct Trust {
    failed: bool,
}

impl Trust {
    /// Syncs, unless a sync has failed before.
    pub(crate) fn sync(&mut self, sync: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        if self.failed {
            return Err(io::Error::other(
                "an earlier sync failed, and no later one brings back what it lost; open the engine again",
            ));
        }
        let result = sync();
        self.failed = result.is_err();
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_sync_counts_after_one_that_failed() {
        let mut trust = Trust::default();
        assert!(trust.sync(|| Ok(())).is_ok());
        assert_eq!(
            trust.sync(|| Err(io::ErrorKind::StorageFull.into())).unwrap_err().kind(),
            io::ErrorKind::StorageFull
        );
        let error = trust.sync(|| panic!("not asked again")).unwrap_err();
        assert!(error.to_string().contains("open the engine again"), "{error}");
    }
}
