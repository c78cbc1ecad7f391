//! The power-loss simulator: a machine, and the lives of a journal on it.

use slipring_journal::__private::protect;
use slipring_tests::often::times;

pub(crate) mod acknowledged;
pub(crate) mod cut_off;
mod entry;
pub(crate) mod every_call;
mod inode;
pub(crate) mod lives;
pub(crate) mod machine;
pub(crate) mod moved;
pub(crate) mod new_type;
pub(crate) mod readers;
pub(crate) mod rejoin;
pub(crate) mod removed_twice;
pub(crate) mod replica;
pub(crate) mod torn_control;

/// Crash images in one run, over all plans; the other sweeps go by it too.
pub(crate) fn images_wanted() -> u64 {
    times("SLIPRING_IMAGES", 3_000)
}

/// Whether `look` finds, with the protections of the mask `off` switched off, the violation that they are
/// there to prevent.
pub(crate) fn turns_red_without(off: u64, look: impl FnOnce() -> Option<String>) -> bool {
    let story = protect::without(off, look);
    println!("{off:#x}: {}", story.as_deref().unwrap_or("no violation"));
    story.is_some()
}
