//! The journal as its user sees it: appended to, read, left and opened again. One program: its parts share
//! what they make of the same code.

mod appended;
mod beside;
mod confirm;
mod golden;
mod look_again;
mod raw;
mod stored;
mod whole_calls;
