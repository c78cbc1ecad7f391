//! A record as it lies in memory and in the file: the header, then the event.

use crate::event::Event;
use crate::format::{Kind, MAX_RECORD_BYTES, RECORD_HEADER_BYTES, RecordHeader};

/// One journalled event with what the journal knows of it.
///
/// See the example of [`Reader`](crate::Reader).
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Record<E> {
    time_ns: u64,
    epoch_kind: u32,
    crc: u32,
    event: E,
}

impl<E: Event> Record<E> {
    /// Size of a record in the file, header and padding included: always whole words.
    pub const BYTES: usize = {
        assert!(align_of::<E>() <= RECORD_HEADER_BYTES, "an event's alignment is at most 16 bytes");
        assert!(std::mem::offset_of!(Self, event) == RECORD_HEADER_BYTES);
        assert!(size_of::<Self>() % 8 == 0);
        assert!(size_of::<Self>() <= MAX_RECORD_BYTES, "a record is at most 1 MiB");
        size_of::<Self>()
    };

    /// Journal time in nanoseconds: the greatest event time up to this record.
    pub fn time_ns(&self) -> u64 {
        self.time_ns
    }

    /// The epoch of the writer that appended it.
    pub fn epoch(&self) -> u32 {
        self.header().epoch()
    }

    /// Event or void.
    pub fn kind(&self) -> Kind {
        // Only records that validated are handed out, so the kind is known. One comparison: replay asks it of
        // every record.
        match self.header().kind() {
            Some(Kind::Event) => Kind::Event,
            _ => Kind::Void,
        }
    }

    /// The checksum over journal id, sequence, epoch, kind, time and event.
    pub fn crc(&self) -> u32 {
        self.crc
    }

    /// The event; all zero in a void record.
    pub fn event(&self) -> &E {
        &self.event
    }

    fn header(&self) -> RecordHeader {
        RecordHeader { time_ns: self.time_ns, epoch_kind: self.epoch_kind, crc: self.crc }
    }

    /// Sees whole records in bytes as they lie in a file.
    ///
    /// # Panics
    /// If `bytes` is not aligned to 16 or not a whole number of records.
    pub(crate) fn slice(bytes: &[u8]) -> &[Self] {
        if bytes.is_empty() {
            return &[];
        }
        assert!(bytes.as_ptr() as usize % align_of::<Self>() == 0 && bytes.len() % Self::BYTES == 0);
        // SAFETY: the bytes are aligned and cover whole records (just asserted); `Record<E>` is repr(C) of
        // plain integers and `E: Pod`, so any bytes are a valid value, and its padding is never read.
        unsafe { std::slice::from_raw_parts(bytes.as_ptr().cast(), bytes.len() / Self::BYTES) }
    }
}

/// A record of whatever type, as bytes.
///
/// See the example of [`RawReader`](crate::RawReader).
#[derive(Clone, Copy, Debug)]
pub struct RawRecord<'a> {
    /// The record's sequence.
    pub sequence: u64,
    /// Journal time in nanoseconds.
    pub time_ns: u64,
    /// The epoch of the writer that appended it.
    pub epoch: u32,
    /// Event or void.
    pub kind: Kind,
    /// The record's checksum.
    pub crc: u32,
    /// The event's bytes.
    pub event: &'a [u8],
}

impl<'a> RawRecord<'a> {
    pub(crate) fn new(sequence: u64, record: &'a [u8], event_bytes: usize) -> Self {
        let header = RecordHeader::decode(record);
        RawRecord {
            sequence,
            time_ns: header.time_ns,
            epoch: header.epoch(),
            kind: header.kind().unwrap_or(Kind::Void),
            crc: header.crc,
            event: &record[RECORD_HEADER_BYTES..][..event_bytes],
        }
    }
}
