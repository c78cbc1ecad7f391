//! Order flow: what a message is, where messages come from, how they are written.
//!
//! | module | idea |
//! |---|---|
//! | [`message`] | the event: one LOBSTER message |
//! | [`lobster`] | reading the CSV |
//! | [`mod@print`] | writing it again, and as JSON |
//! | [`synthetic`] | a made-up flow |
//! | [`input`] | either, as `--input` names it |

pub mod input;
pub mod lobster;
pub mod message;
pub mod print;
pub mod random;
pub mod synthetic;
