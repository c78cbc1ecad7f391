//! How far everything is, for people and monitors, in this process and in others.
//!
//! The folder knows the lines of memory that figures lie in, and the cursors whose figures these are; nothing
//! of the stages that move them.
//!
//! | file | idea |
//! |---|---|
//! | `figures` | what is read |
//! | `board` | who writes which words, and how they are read |
//! | `meter` | how a lane tells of its batches |
//! | `acknowledged` | places of names under which events are acknowledged |
//! | `late` | places that late consumers take and give back |
//! | `file` | where the file goes, how it comes and goes |
//! | `reader` | reading another process's counters |

pub(crate) mod acknowledged;
pub(crate) mod board;
pub(crate) mod figures;
pub(crate) mod file;
pub(crate) mod late;
pub(crate) mod meter;
pub(crate) mod reader;
