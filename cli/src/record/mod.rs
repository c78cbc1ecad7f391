//! `slipring record`: events into a journal.
//!
//! | module | idea |
//! |---|---|
//! | `source` | the trait of every format |
//! | `input` | a file or a pipe |
//! | `lobster` | order messages, byte for byte |

pub mod input;
mod lobster;
pub mod source;

pub(crate) use lobster::run;
