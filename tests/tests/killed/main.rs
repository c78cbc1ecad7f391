//! Processes that are killed, again and again, and what their next life finds; and the order book that they
//! prove it with.

mod acknowledged_killed;
mod crash;
mod cuts_killed;
mod gateway_killed;
mod matching_book;
mod matching_killed;
mod retry_killed;
mod single_step;
