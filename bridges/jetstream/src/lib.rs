//! Journals of slipring out to NATS JetStream, and in from it.

#![deny(missing_docs)]
