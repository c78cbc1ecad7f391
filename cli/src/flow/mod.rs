//! Messages of an order flow: what one is, how they are read and written.
//!
//! | module | idea |
//! |---|---|
//! | [`message`] | the event: one LOBSTER message |
//! | [`lobster`] | reading the CSV |
//! | [`mod@print`] | writing it again, and as JSON |
//! | [`random`] | random numbers, the same for the same seed for ever |

pub mod lobster;
pub mod message;
pub mod print;
pub mod random;
