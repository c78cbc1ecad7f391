//! The protections that tests switch off, to see the test that is there for each turn red.
//!
//! Without the feature `negative-controls` every protection is a constant `true` and costs nothing.

/// Epochs never decrease along sequences.
pub const EPOCH: u64 = 1 << 0;
/// Recovery zeroes the rest of the window.
pub const ZERO: u64 = 1 << 1;
/// Recovery writes the kept records above D again.
pub const REWRITE: u64 = 1 << 2;
/// Appends stop where the unsynced window ends.
pub const WINDOW: u64 = 1 << 3;
/// D is raised only after the data is synced.
pub const DATA_BEFORE_D: u64 = 1 << 4;
/// The folder is synced after a segment got its name.
pub const FOLDER_SYNC: u64 = 1 << 5;
/// On the boot of the writer a whole record behind a bad one is corruption.
pub const SAME_BOOT: u64 = 1 << 6;
/// Recovery syncs what it mended before it raises D.
pub const MEND_BEFORE_D: u64 = 1 << 7;
/// A segment's header is synced before the segment gets its name.
pub const HEADER_SYNC: u64 = 1 << 8;
/// Opening writes the newest control slot again before another is overwritten.
pub const CONTROL_REWRITE: u64 = 1 << 9;
/// Retention unlinks a segment only after the new first sequence is synced.
pub const RETIRE_ORDER: u64 = 1 << 10;
/// Recovery syncs the folder before it removes a segment from the end.
pub const REMOVE_ORDER: u64 = 1 << 11;
/// A segment's link is synced before D lies in it.
pub const LINK_BEFORE_D: u64 = 1 << 20;

/// A segment's seal is on disk before the segment behind it has a name.
pub const SEAL_FIRST: u64 = 1 << 21;
/// The first copy of a seal is on disk before the second is written.
pub const SEAL_IN_TURN: u64 = 1 << 22;

/// Recovery checks the chain of segments.
pub const CHAIN: u64 = 1 << 12;
/// Recovery looks for records behind D.
pub const SCAN: u64 = 1 << 13;
/// The file with what is cut off is synced before any of it is zeroed.
pub const SAVE_SYNC: u64 = 1 << 14;
/// So is its folder, which has the file's name.
pub const SAVE_FOLDER_SYNC: u64 = 1 << 18;
/// The new epoch is synced before anything is mended.
pub const EPOCH_SYNC: u64 = 1 << 15;
/// Recovery raises D to the log's end.
pub const RAISE_D: u64 = 1 << 16;
/// The raised D is synced before anything is appended or replayed.
pub const RAISE_SYNC: u64 = 1 << 19;

/// A record of a greater epoch is stored only after the control file has that epoch.
pub const EPOCH_BEFORE_RECORD: u64 = 1 << 23;
/// Both control slots have it.
pub const EPOCH_BOTH: u64 = 1 << 24;
/// What a rejoin removes is gone for certain before it takes a seal away.
pub const CUT_GONE: u64 = 1 << 28;
/// A rejoin cuts only after the control file says so.
pub const CUT_SAID: u64 = 1 << 25;
/// Both control slots say so.
pub const CUT_BOTH: u64 = 1 << 26;
/// What a rejoin has cut is on disk before the control file says that it is done.
pub const CUT_BEFORE_DONE: u64 = 1 << 27;

/// Retention unlinks a segment only after both control slots have given it up.
pub const RETIRE_BOTH: u64 = 1 << 17;

/// A named reader's position is synced before it gets its name.
pub const READER_SYNC: u64 = 1 << 29;
/// A commit has returned once the folder of the positions is synced.
pub const READER_FOLDER_SYNC: u64 = 1 << 30;
/// Retention syncs the positions that it goes by before what they let go is unlinked.
pub const READER_SEEN_SYNC: u64 = 1 << 31;
/// What readers hold counts for a while before it is looked at again. It protects nothing but time.
pub const READER_LOOKS: u64 = 1 << 32;

/// A note of an acknowledgement that a stage waits for is synced before the gate opens.
pub const NOTE_SYNC: u64 = 1 << 33;
/// Beside the newest anchor a note has the newest whose event was durable.
pub const NOTE_DURABLE: u64 = 1 << 34;
/// A note that is on the disk for certain is not written over by one that is not.
pub const NOTE_OVER: u64 = 1 << 35;

#[cfg(feature = "negative-controls")]
thread_local! {
    static OFF: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// Runs `inside` with the protections of the mask `off` switched off on this thread.
#[cfg(feature = "negative-controls")]
pub fn without<R>(off: u64, inside: impl FnOnce() -> R) -> R {
    struct Restore(u64);
    impl Drop for Restore {
        fn drop(&mut self) {
            OFF.set(self.0);
        }
    }
    let _restore = Restore(OFF.replace(off));
    inside()
}

/// Without the feature nothing can be switched off; whoever asks for it is told.
#[cfg(not(feature = "negative-controls"))]
pub fn without<R>(off: u64, inside: impl FnOnce() -> R) -> R {
    assert_eq!(off, 0, "only a build with the feature `negative-controls` goes without a protection");
    inside()
}

/// Whether it is on.
#[cfg(feature = "negative-controls")]
pub fn on(protection: u64) -> bool {
    OFF.get() & protection == 0
}

/// Whether it is on.
#[cfg(not(feature = "negative-controls"))]
#[inline(always)]
pub const fn on(_protection: u64) -> bool {
    true
}
