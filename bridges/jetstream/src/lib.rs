//! Journals of slipring out to NATS JetStream, and in from it.
//!
//! | module | idea |
//! |---|---|
//! | [`incoming`] | in from a stream: where to begin, what must follow, into a replica |

#![deny(missing_docs)]

pub mod incoming;
