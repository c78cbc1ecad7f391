//! `slipring record`: events into a journal.
//!
//! | module | idea |
//! |---|---|
//! | `source` | the trait of every format |
//! | `input` | a file or a pipe |
//! | `lobster` | order messages, byte for byte |

pub mod blocks;
pub(crate) mod csv;
mod fill;
pub mod input;
mod json;
pub(crate) mod jsonl;
mod lobster;
pub mod source;

pub(crate) use lobster::run;
