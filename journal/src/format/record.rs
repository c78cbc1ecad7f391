//! A record's header and its checksum.

use super::{RECORD_HEADER_BYTES, u32_at, u64_at};
use crate::format::crc::RecordCrc;

const KIND_BITS: u32 = 4;

/// What a record holds.
///
/// See the example of [`Reader`](crate::Reader).
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// An event.
    Event,
    /// No event: it stands for one that is lost (salvage writes such), and keeps position and sequence one.
    Void,
}

/// The word that commits a record: epoch and kind in the low half, the checksum in the high half.
pub(crate) const fn epoch_kind(epoch: u32, kind: Kind) -> u32 {
    let kind = match kind {
        Kind::Event => 1,
        Kind::Void => 2,
    };
    epoch << KIND_BITS | kind
}

/// The header before an event, as read from bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RecordHeader {
    pub(crate) time_ns: u64,
    pub(crate) epoch_kind: u32,
    pub(crate) crc: u32,
}

impl RecordHeader {
    pub(crate) fn decode(record: &[u8]) -> Self {
        RecordHeader { time_ns: u64_at(record, 0), epoch_kind: u32_at(record, 8), crc: u32_at(record, 12) }
    }

    pub(crate) fn epoch(self) -> u32 {
        self.epoch_kind >> KIND_BITS
    }

    pub(crate) fn kind(self) -> Option<Kind> {
        match self.epoch_kind & ((1 << KIND_BITS) - 1) {
            1 => Some(Kind::Event),
            2 => Some(Kind::Void),
            _ => None,
        }
    }
}

/// The header before an event, as bytes.
pub(crate) fn encode_record_header(header: RecordHeader) -> [u8; RECORD_HEADER_BYTES] {
    let mut bytes = [0; RECORD_HEADER_BYTES];
    bytes[..8].copy_from_slice(&header.time_ns.to_le_bytes());
    bytes[8..12].copy_from_slice(&header.epoch_kind.to_le_bytes());
    bytes[12..].copy_from_slice(&header.crc.to_le_bytes());
    bytes
}

/// Reads the record that should be `sequence`; `None` unless its checksum holds and its kind is known. An
/// epoch of 0 is never valid, so neither is a slot of zeros.
#[inline(always)]
pub(crate) fn valid_record(crc: &RecordCrc, sequence: u64, record: &[u8]) -> Option<RecordHeader> {
    let header = RecordHeader::decode(record);
    // First what is cheap: an empty slot needs no checksum.
    if header.epoch() == 0 || header.kind().is_none() {
        return None;
    }
    let wanted = crc.record(sequence, header.time_ns, header.epoch_kind, &record[RECORD_HEADER_BYTES..]);
    (wanted == header.crc).then_some(header)
}

/// As [`valid_record`], of records that follow each other and are equally long, whether all of them are
/// valid. Without branches: for whoever checks many and asks at the end.
#[inline(always)]
pub(crate) fn are_valid_records<const HARDWARE: bool, const N: usize>(
    crc: &RecordCrc,
    first_sequence: u64,
    records: [&[u8]; N],
) -> bool {
    let headers = records.map(RecordHeader::decode);
    let wanted = crc.records_with::<HARDWARE, N>(
        first_sequence,
        headers.map(|header| header.time_ns),
        headers.map(|header| header.epoch_kind),
        records.map(|record| &record[RECORD_HEADER_BYTES..]),
    );
    headers.iter().zip(wanted).fold(true, |valid, (header, wanted)| {
        valid & (wanted == header.crc) & (header.epoch() != 0) & header.kind().is_some()
    })
}
