//! A whole flow of messages: a file of them, or one that is made up with a [book](crate::book) of its own.
//!
//! | module | idea |
//! |---|---|
//! | [`synthetic`] | a made-up flow |
//! | [`input`] | either, as `--input` names it |

pub mod input;
pub mod synthetic;
