//! A journal's records into a stream of a real server, each once: counted by a consumer that knows nothing of
//! slipring but the headers.
#![forbid(unsafe_code)]

mod access;
#[path = "../shared/caught_up.rs"]
mod caught_up;
mod common;
mod disturbed;
mod flow;
mod older;
mod other_history;
mod recover;
mod streams;
