//! The names of the headers, and the bounds of a message.

/// `records`, `schema` or `epoch`.
pub const KIND: &str = "Slipring-Kind";
/// The journal's id.
pub const JOURNAL: &str = "Slipring-Journal";
/// Which copy of the journal.
pub const BRANCH: &str = "Slipring-Branch";
/// The epoch of the last record.
pub const EPOCH: &str = "Slipring-Epoch";
/// The sequence of the first record.
pub const FIRST: &str = "Slipring-First";
/// How many records.
pub const COUNT: &str = "Slipring-Count";
/// The checksum of the last record.
pub const CRC: &str = "Slipring-Crc";
/// Journal time of the first record.
pub const TIME: &str = "Slipring-Time";
/// The place in the stream of the schema that is in force.
pub const SCHEMA: &str = "Slipring-Schema";

/// Of a message of an epoch: who asked for it, to be known again if it was cut short; 32 hexadecimal digits.
/// It says nothing of the journal, so it is none of [`HEADERS`].
pub const PROMOTER: &str = "Slipring-Promoter";

/// All of them, in the order in which they are written.
pub const HEADERS: [&str; 9] = [KIND, JOURNAL, BRANCH, EPOCH, FIRST, COUNT, CRC, TIME, SCHEMA];

/// A payload of records is at most so long, unless it is a single longer one: servers hand out what is much
/// longer badly.
pub const MOST_PAYLOAD_BYTES: usize = 64 << 10;

/// Who sends has at most so many messages on their way.
///
/// A message says behind which place of the stream it belongs, and not behind which message. So where others
/// of the same sender, sent before it, were refused because another sender's lie there now, it would be taken
/// behind those. Whoever begins to send therefore begins with so many messages in one atomic batch: whatever
/// another sender still has on its way then belongs to places that are taken.
pub const MOST_IN_FLIGHT: usize = 64;

/// So many records at most fit into a payload: none is shorter than its header.
pub const MOST_RECORDS: u32 = (MOST_PAYLOAD_BYTES / slipring_journal::RECORD_HEADER_BYTES) as u32;
