//! Common ground of slipring's bridges: what the ways out of one machine share, whatever lies at the other
//! end. It knows no server and no runtime.
//!
//! | module | idea |
//! |---|---|
//! | [`wire`] | what a message says, and how its payload is checked |
//! | [`history`] | whether what lies at the other end is this journal's, and where to go on |
//! | [`source`] | the journal's side: records in batches, and a named reader's position |
//! | [`pack`] | records into payloads |
//! | [`compose`] | payloads into messages, with the schema where it is needed |
//! | [`follow`] | a thread that reads the journal |
//! | [`tell`] | tells the journal's program what was acknowledged |
//! | [`retry`] | pauses between tries |

#![deny(missing_docs)]

pub mod compose;
pub mod follow;
pub mod history;
pub mod pack;
pub mod retry;
pub mod source;
pub mod tell;
pub mod wire;
