//! The types of records, by version.

use dbn::rtype;
use slipring_journal::{Field, Schema};

use super::row::{Row, header};
use super::{METADATA_ATTRIBUTE, definitions, records};
use crate::intake::infer::Shape;

/// What records of one layout are.
#[derive(Clone, Copy, Debug)]
pub(super) struct RecordType {
    /// As DBN calls the schema of such records; the event's name is made of it.
    pub(super) name: &'static str,
    event: &'static str,
    rtypes: &'static [u8],
    rows: fn() -> Vec<Row>,
    /// Of the record, by version, without `ts_out`.
    bytes: [usize; 3],
}

macro_rules! record_type {
    ($name:literal, $event:literal, $rtypes:expr, $rows:path, $bytes:expr) => {
        RecordType { name: $name, event: $event, rtypes: $rtypes, rows: $rows, bytes: $bytes }
    };
}

/// All types. Where a version has another layout, that is there first, with no size in the others.
const TYPES: &[RecordType] = &[
    record_type!("mbo", "Mbo", &[rtype::MBO], records::mbo, [56; 3]),
    record_type!("trades", "Trade", &[rtype::MBP_0], records::trade, [48; 3]),
    record_type!("mbp-1", "Mbp1", &[rtype::MBP_1, rtype::TBBO], records::mbp_1, [80; 3]),
    record_type!("mbp-10", "Mbp10", &[rtype::MBP_10], records::mbp_10, [368; 3]),
    record_type!("bbo", "Bbo", &[rtype::BBO_1S, rtype::BBO_1M], records::bbo, [80; 3]),
    record_type!("cmbp-1", "Cmbp1", &[rtype::CMBP_1, rtype::TCBBO], records::cmbp_1, [80; 3]),
    record_type!("cbbo", "Cbbo", &[rtype::CBBO_1S, rtype::CBBO_1M], records::cbbo, [80; 3]),
    record_type!("ohlcv", "Ohlcv", OHLCV, records::ohlcv, [56; 3]),
    record_type!("status", "Status", &[rtype::STATUS], records::status, [40; 3]),
    record_type!("imbalance", "Imbalance", &[rtype::IMBALANCE], records::imbalance, [112; 3]),
    record_type!("definition", "Definition", DEFINITION, definitions::definition_v1, [360, 0, 0]),
    record_type!("definition", "Definition", DEFINITION, definitions::definition_v2, [0, 400, 0]),
    record_type!("definition", "Definition", DEFINITION, definitions::definition, [0, 0, 520]),
    record_type!("statistics", "Statistics", &[rtype::STATISTICS], records::statistics_v1, [64, 64, 0]),
    record_type!("statistics", "Statistics", &[rtype::STATISTICS], records::statistics, [0, 0, 80]),
    record_type!("error", "Error", &[rtype::ERROR], records::error_v1, [80, 0, 0]),
    record_type!("error", "Error", &[rtype::ERROR], records::error, [0, 320, 320]),
    record_type!("symbol-mapping", "SymbolMapping", MAPPING, records::symbol_mapping_v1, [80, 0, 0]),
    record_type!("symbol-mapping", "SymbolMapping", MAPPING, records::symbol_mapping, [0, 176, 176]),
    record_type!("system", "System", &[rtype::SYSTEM], records::system_v1, [80, 0, 0]),
    record_type!("system", "System", &[rtype::SYSTEM], records::system, [0, 320, 320]),
];

const DEFINITION: &[u8] = &[rtype::INSTRUMENT_DEF];
const MAPPING: &[u8] = &[rtype::SYMBOL_MAPPING];
const OHLCV: &[u8] = &[
    rtype::OHLCV_1S,
    rtype::OHLCV_1M,
    rtype::OHLCV_1H,
    rtype::OHLCV_1D,
    rtype::OHLCV_EOD,
    // How bars of all lengths were marked once.
    0x11,
];

impl RecordType {
    /// The type of a record, in files of a version.
    pub(super) fn of(version: u8, rtype: u8) -> Option<RecordType> {
        let mut there = TYPES.iter().filter(|of| of.bytes_in(version) > 0);
        there.find(|of| of.rtypes.contains(&rtype)).copied()
    }

    /// The type with such a name: DBN's name of a schema, as `ohlcv-1s`.
    pub(super) fn named(version: u8, name: &str) -> Option<RecordType> {
        let is_it = |of: &&RecordType| {
            let rest = name.strip_prefix(of.name);
            of.bytes_in(version) > 0 && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        };
        let longest = TYPES.iter().filter(is_it).max_by_key(|of| of.name.len()).copied();
        longest.or(match name {
            "tbbo" => RecordType::of(version, rtype::MBP_1),
            "tcbbo" => RecordType::of(version, rtype::CMBP_1),
            _ => None,
        })
    }

    pub(super) fn has(self, rtype: u8) -> bool {
        self.rtypes.contains(&rtype)
    }

    fn bytes_in(&self, version: u8) -> usize {
        usize::from(version).checked_sub(1).and_then(|place| self.bytes.get(place)).copied().unwrap_or(0)
    }

    /// Bytes of a record in a file of a version.
    pub(super) fn record_bytes(self, version: u8, ts_out: bool) -> usize {
        self.bytes_in(version) + if ts_out { 8 } else { 0 }
    }

    /// The event.
    pub(super) fn schema(self, version: u8, ts_out: bool, metadata: &str) -> Schema {
        let mut rows = header();
        rows.extend((self.rows)());
        if ts_out {
            let shape = Shape::number("u64", 8).with("time", "ns");
            rows.push(Row { name: "ts_out".to_owned(), offset: self.bytes_in(version), shape });
        }
        let is_there = |name: &str| rows.iter().any(|row| row.name == name);
        let time = if is_there("ts_recv") { "ts_recv" } else { "ts_event" };
        let size = self.record_bytes(version, ts_out);
        let attributes =
            vec![("time".to_owned(), time.to_owned()), (METADATA_ATTRIBUTE.to_owned(), metadata.to_owned())];
        Schema { name: self.event.to_owned(), size, fields: fields(rows, size), attributes }
    }
}

/// The fields, with the bytes between them as padding.
fn fields(rows: Vec<Row>, size: usize) -> Vec<Field> {
    let mut fields = Vec::new();
    let (mut at, mut gaps) = (0, 0);
    let mut pad = |fields: &mut Vec<Field>, from: usize, to: usize| {
        if from < to {
            let kind = format!("[u8;{}]", to - from);
            let name = format!("_reserved{gaps}");
            fields.push(Field { name, kind, offset: from, size: to - from, attributes: Vec::new() });
            gaps += 1;
        }
    };
    for Row { name, offset, shape } in rows {
        pad(&mut fields, at, offset);
        at = offset + shape.bytes;
        let mut attributes = shape.attributes;
        if name == "ts_in_delta" {
            attributes.push(("unit".to_owned(), "ns".to_owned()));
        }
        fields.push(Field { name, kind: shape.kind, offset, size: shape.bytes, attributes });
    }
    pad(&mut fields, at, size);
    fields
}

#[cfg(test)]
mod tests {
    use std::mem::size_of;

    use dbn::{v1, v2, v3};

    use super::*;

    #[test]
    fn all_types_are_the_crates_structs() {
        let known = [
            ("mbo", size_of::<v3::MboMsg>()),
            ("trades", size_of::<v3::TradeMsg>()),
            ("mbp-1", size_of::<v3::Mbp1Msg>()),
            ("mbp-10", size_of::<v3::Mbp10Msg>()),
            ("bbo-1s", size_of::<v3::BboMsg>()),
            ("cmbp-1", size_of::<v3::Cmbp1Msg>()),
            ("cbbo-1m", size_of::<v3::CbboMsg>()),
            ("ohlcv-1d", size_of::<v3::OhlcvMsg>()),
            ("status", size_of::<v3::StatusMsg>()),
            ("imbalance", size_of::<v3::ImbalanceMsg>()),
            ("tbbo", size_of::<v3::TbboMsg>()),
            ("tcbbo", size_of::<v3::TcbboMsg>()),
        ];
        for version in 1..=3 {
            for (name, bytes) in known {
                assert_eq!(RecordType::named(version, name).unwrap().record_bytes(version, false), bytes);
            }
        }
        let differ = [
            (
                "definition",
                [
                    size_of::<v1::InstrumentDefMsg>(),
                    size_of::<v2::InstrumentDefMsg>(),
                    size_of::<v3::InstrumentDefMsg>(),
                ],
            ),
            ("statistics", [size_of::<v1::StatMsg>(), size_of::<v2::StatMsg>(), size_of::<v3::StatMsg>()]),
            ("error", [size_of::<v1::ErrorMsg>(), size_of::<v2::ErrorMsg>(), size_of::<v3::ErrorMsg>()]),
            (
                "symbol-mapping",
                [
                    size_of::<v1::SymbolMappingMsg>(),
                    size_of::<v2::SymbolMappingMsg>(),
                    size_of::<v3::SymbolMappingMsg>(),
                ],
            ),
            ("system", [size_of::<v1::SystemMsg>(), size_of::<v2::SystemMsg>(), size_of::<v3::SystemMsg>()]),
        ];
        for (name, bytes) in differ {
            let found = [1, 2, 3]
                .map(|version| RecordType::named(version, name).unwrap().record_bytes(version, false));
            assert_eq!(found, bytes, "{name}");
        }
        assert!(RecordType::named(3, "mbo-1").is_some() && RecordType::named(3, "nonsense").is_none());
        assert!(RecordType::of(3, 0xff).is_none() && RecordType::of(4, rtype::MBO).is_none());
    }

    #[test]
    fn every_schema_is_of_a_possible_event() {
        for version in 1..=3 {
            for of in TYPES.iter().filter(|of| of.bytes_in(version) > 0) {
                for ts_out in [false, true] {
                    let schema = of.schema(version, ts_out, "");
                    assert_eq!(Schema::from_text(&schema.to_text()).as_ref(), Some(&schema), "{}", of.name);
                    let bytes: usize = schema.fields.iter().map(|field| field.size).sum();
                    assert_eq!(bytes, schema.size, "{} has no gap", of.name);
                    let table = slipring_schema::Table::new(&schema);
                    assert_eq!(table.times.len(), 1, "{} has a time", of.name);
                }
            }
        }
    }
}
