//! What a payload must be for its headers.

use slipring_journal::{MAX_SCHEMA_BYTES, RawChunk, StoredFault};

use super::head::{Head, Kind};
use super::name::MOST_PAYLOAD_BYTES;

/// Why a payload is not what its headers say.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PayloadError {
    /// It is another kind of message than the one that was asked for.
    #[error("this is a message of {found}, and not of {wanted}", found = found.word(), wanted = wanted.word())]
    Kind {
        /// What it is.
        found: Kind,
        /// What it should be.
        wanted: Kind,
    },
    /// It is longer than any payload of its kind.
    #[error("a payload of {bytes} bytes, and at most {most} are sent")]
    TooLong {
        /// Its bytes.
        bytes: usize,
        /// How many there may be.
        most: usize,
    },
    /// It can't be cut into so many records.
    #[error("{bytes} bytes are not {count} records")]
    Uneven {
        /// Its bytes.
        bytes: usize,
        /// How many records the headers count.
        count: u32,
    },
    /// The records are not those of this journal at this place.
    #[error("the records are not what the journal held: {0}")]
    Records(#[from] StoredFault),
    /// The last record is another than the headers say.
    #[error("the last record is of epoch {epoch} and checksum {crc:08x}, and not what the headers say")]
    Last {
        /// Its epoch.
        epoch: u32,
        /// Its checksum.
        crc: u32,
    },
    /// The first record is of another time than the headers say.
    #[error("the first record is of time {time_ns}, and not what the headers say")]
    Time {
        /// Its journal time, nanoseconds.
        time_ns: u64,
    },
    /// No journal has such a schema.
    #[error("the payload is no schema of events")]
    NoSchema,
    /// A message that has no payload has one.
    #[error("a message of epoch has no payload, and this one has {bytes} bytes")]
    NotEmpty {
        /// How many.
        bytes: usize,
    },
}

/// The schema of records, as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    /// The text, as in the segment's header.
    pub text: String,
    /// What it says.
    pub events: slipring_journal::Schema,
}

impl Head {
    /// The records of a payload, each one checked: that it is one of this journal, at its place, as it was
    /// written, and that the headers say the same of them.
    ///
    /// # Errors
    /// [`PayloadError`]: whatever the bytes are.
    pub fn records<'p>(&self, payload: &'p [u8], schema: &Schema) -> Result<RawChunk<'p>, PayloadError> {
        self.must_be(Kind::Records)?;
        let (bytes, count) = (payload.len(), self.count);
        if count == 0 || bytes % count as usize != 0 {
            return Err(PayloadError::Uneven { bytes, count });
        }
        if count > 1 && bytes > MOST_PAYLOAD_BYTES {
            return Err(PayloadError::TooLong { bytes, most: MOST_PAYLOAD_BYTES });
        }
        let record_bytes = bytes / count as usize;
        let chunk = RawChunk::check(self.journal_id, self.first, record_bytes, schema.events.size, payload)?;
        let first = chunk.get(0).ok_or(PayloadError::Uneven { bytes, count })?;
        if first.time_ns != self.time_ns {
            return Err(PayloadError::Time { time_ns: first.time_ns });
        }
        let last = chunk.get(chunk.len() - 1).unwrap_or(first);
        if (last.epoch, last.crc) != (self.epoch, self.crc) {
            return Err(PayloadError::Last { epoch: last.epoch, crc: last.crc });
        }
        Ok(chunk)
    }

    /// The schema in a payload.
    ///
    /// # Errors
    /// [`PayloadError`]: whatever the bytes are.
    pub fn schema_of(&self, payload: &[u8]) -> Result<Schema, PayloadError> {
        self.must_be(Kind::Schema)?;
        if payload.len() > MAX_SCHEMA_BYTES {
            return Err(PayloadError::TooLong { bytes: payload.len(), most: MAX_SCHEMA_BYTES });
        }
        let text = std::str::from_utf8(payload).map_err(|_| PayloadError::NoSchema)?;
        let events = slipring_journal::Schema::from_text(text).ok_or(PayloadError::NoSchema)?;
        Ok(Schema { text: text.to_owned(), events })
    }

    /// Refuses a message of an epoch that has a payload.
    ///
    /// # Errors
    /// [`PayloadError::Kind`], [`PayloadError::NotEmpty`].
    pub fn nothing_in(&self, payload: &[u8]) -> Result<(), PayloadError> {
        self.must_be(Kind::Epoch)?;
        match payload.len() {
            0 => Ok(()),
            bytes => Err(PayloadError::NotEmpty { bytes }),
        }
    }

    fn must_be(&self, wanted: Kind) -> Result<(), PayloadError> {
        if self.kind == wanted { Ok(()) } else { Err(PayloadError::Kind { found: self.kind, wanted }) }
    }
}
