//! What goes over the wire: a journal's records in messages, each of which says where it belongs.
//!
//! A message has headers and a payload. [`Head`] is what the headers say; the payload is
//! - of [`Kind::Records`]: records back to back as they lie in the journal's segment, of one schema, at most
//!   [`MOST_PAYLOAD_BYTES`] unless a single one is longer;
//! - of [`Kind::Schema`]: the text of the schema of the records that follow, as in the segment's header;
//! - of [`Kind::Epoch`]: nothing. A writer of this epoch goes on from here.
//!
//! | header | says |
//! |---|---|
//! | `Slipring-Kind` | `records`, `schema`, `epoch` |
//! | `Slipring-Journal` | the journal's id: 32 hexadecimal digits |
//! | `Slipring-Branch` | which copy of the journal: the same; left out of the one that was made first |
//! | `Slipring-Epoch` | the epoch of the last record that the message tells of; of an `epoch`, the new one |
//! | `Slipring-First` | the sequence of the first record; of the others, of the next one |
//! | `Slipring-Count` | how many records; 0 of the others |
//! | `Slipring-Crc` | the last record's checksum, 8 hexadecimal digits; of the others, the record before's |
//! | `Slipring-Time` | journal time of the first record, ns; `schema`: of the next; `epoch`: of the last |
//! | `Slipring-Schema` | the place in the stream of the schema in force; of no `schema` |
//!
//! An `epoch` has `Slipring-Promoter` besides: who asked for it.
//!
//! Of a `schema`, epoch and checksum are zero where the record before is not known: at the journal's start,
//! and where retention has taken it. Numbers are decimal, without signs and leading zeros; hexadecimal digits
//! are small letters.
//!
//! Who begins to send, or to send again behind what another has sent, begins with [`MOST_IN_FLIGHT`] equal
//! messages of [`Kind::Schema`] (who was promoted, of [`Kind::Epoch`]) in one atomic batch.
//!
//! Whatever comes off a wire may be anything: nothing here panics at it, or takes more memory than it has
//! bytes.

mod head;
mod name;
mod parse;
mod payload;
#[cfg(test)]
mod tests;

pub use head::{Head, Kind, Place};
pub use name::{
    BRANCH, COUNT, CRC, EPOCH, FIRST, HEADERS, JOURNAL, KIND, MOST_IN_FLIGHT, MOST_PAYLOAD_BYTES,
    MOST_RECORDS, PROMOTER, SCHEMA, TIME,
};
pub use parse::HeadError;
pub use payload::{PayloadError, Schema};
