//! The power-loss simulator: a machine, and the lives of a journal on it.

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
