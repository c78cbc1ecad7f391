//! The append path: one record, or many in a row. The hot path of the crate.
//!
//! The folder knows what a writer shares with its companions, and starts, wakes and ends them. It knows how
//! records are judged and read, and who may hold segments. It knows nothing of opening.

pub(crate) mod batch;
pub(crate) mod raw_writer;
pub(crate) mod stored;
pub(crate) mod times;
pub(crate) mod writer;
