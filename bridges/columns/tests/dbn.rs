//! DBN in, out, back: the same bytes.

mod common;

use std::fs::{self, File};
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use common::{options, records_of};
use dbn::decode::{DbnMetadata, DynReader};
use dbn::encode::dbn::Encoder;
use dbn::encode::{EncodeRecord, EncodeRecordRef};
use dbn::{Metadata, RecordRef, SType, Schema as DbnSchema};
use slipring_columns::dbn::{DbnSink, DbnSource};
use slipring_columns::sink::parquet::ParquetSink;
use slipring_columns::source::ColumnSource;
use slipring_columns::{Chosen, Compress, ExportError, ImportError, Rows};
use slipring_journal::{Journal, Schema};
use slipring_schema::{ParseOptions, Table};

/// Records a source, as the command does.
fn record(mut source: DbnSource, folder: &Path) -> (Journal, Schema) {
    let schema = source.schema().clone();
    let table = Table::new(&schema);
    source.begin(&table, 0).unwrap();
    let journal = Journal::at(folder).max_time_step(std::time::Duration::MAX);
    let (mut writer, _) = journal.open_raw(&schema).unwrap();
    let mut rows = Rows::default();
    while source.next_batch(&mut rows).unwrap() > 0 {
        assert!(rows.faults.is_empty());
        for event in rows.events.chunks_exact(table.event_bytes) {
            writer.append(table.time_ns(event).unwrap(), event).unwrap();
        }
    }
    assert!(source.notices().is_empty(), "{:?}", source.notices());
    writer.close().unwrap();
    (journal, schema)
}

fn uncompressed(file: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    DynReader::inferred_with_buffer(Cursor::new(file)).unwrap().read_to_end(&mut all).unwrap();
    all
}

/// In, out, back, plain and compressed, and by Parquet too.
fn in_out_back(name: &str, file: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let wanted = uncompressed(file);
    let source = DbnSource::open(Cursor::new(file.to_vec()), None).unwrap();
    let (journal, schema) = record(source, &folder.path().join("journal"));
    let kept = journal.raw_reader().unwrap().schema().unwrap_or(schema);
    let (table, options) = (Table::new(&kept), options(&kept));
    for out in ["out.dbn", "out.dbn.zst"] {
        let path = folder.path().join(out);
        write_all!(DbnSink::create(&path, &table, &options).unwrap(), journal);
        let written = fs::read(&path).unwrap();
        assert_eq!(written == wanted, out == "out.dbn", "{name}: {out}");
        assert_eq!(uncompressed(&written), wanted, "{name}: {out}");
    }
    let path = folder.path().join("out.parquet");
    write_all!(ParquetSink::create(&path, &table, &options).unwrap(), journal);
    let mut back = ColumnSource::parquet(File::open(&path).unwrap()).unwrap();
    assert_eq!(back.schema("Other").unwrap(), kept, "{name}");
    back.begin(&table, ParseOptions::default(), 0).unwrap();
    let path = folder.path().join("back.dbn");
    let mut sink = DbnSink::create(&path, &table, &options).unwrap();
    for ((_, event), ((sequence, time_ns, epoch), _)) in read_all!(back).into_iter().zip(records_of(&journal))
    {
        sink.push(&[slipring_schema::Row { sequence, time_ns, epoch, event: &event }]).unwrap();
    }
    sink.finish().unwrap();
    let written = fs::read(&path).unwrap();
    assert_eq!(decoded(&written), decoded(&wanted), "{name} by Parquet");
}

/// What the crate reads: the metadata, and every record as it prints itself.
fn decoded(file: &[u8]) -> (Metadata, Vec<String>) {
    use dbn::decode::{DecodeRecordRef, DynDecoder};
    let policy = dbn::VersionUpgradePolicy::AsIs;
    let mut decoder = DynDecoder::inferred_with_buffer(Cursor::new(file), policy).unwrap();
    let mut all = Vec::new();
    while let Some(record) = decoder.decode_record_ref().unwrap() {
        all.push(format!("{:?} {:?}", record.header(), record.as_enum()));
    }
    (decoder.metadata().clone(), all)
}

/// The samples of the format's own repository, where they are at hand.
fn samples() -> Option<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shared = here.ancestors().map(|folder| folder.join("shared/data/dbn")).find(|folder| folder.is_dir());
    if shared.is_none() {
        eprintln!("skipped: no folder shared/data/dbn above {}", here.display());
    }
    shared
}

#[test]
fn all_samples_come_back_as_they_were() {
    let Some(folder) = samples() else { return };
    let mut count = 0;
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.contains(".dbn") {
            in_out_back(&name, &fs::read(&path).unwrap());
            count += 1;
        }
    }
    assert!(count >= 8, "{count} samples");
}

#[test]
fn a_sample_has_the_values_that_the_format_says() {
    let Some(folder) = samples() else { return };
    let source = DbnSource::open(File::open(folder.join("mbo.v3.dbn")).unwrap(), None).unwrap();
    let metadata = source.metadata().clone();
    assert_eq!((metadata.version, metadata.schema), (3, Some(DbnSchema::Mbo)));
    let temporary = tempfile::tempdir().unwrap();
    let (journal, schema) = record(source, temporary.path());
    let table = Table::new(&schema);
    let shown = |path: &str, event: &[u8]| table.columns[table.find(path).unwrap()].value(event).to_string();
    let records = records_of(&journal);
    let mut decoder = dbn::decode::DbnDecoder::from_file(folder.join("mbo.v3.dbn")).unwrap();
    for ((_, time_ns, _), event) in &records {
        use dbn::decode::DecodeRecord;
        let theirs = decoder.decode_record::<dbn::MboMsg>().unwrap().unwrap();
        assert_eq!(shown("order_id", event), theirs.order_id.to_string());
        assert_eq!(shown("action", event), (theirs.action as u8 as char).to_string());
        assert_eq!(shown("side", event), (theirs.side as u8 as char).to_string());
        assert_eq!(shown("price", event).replace('.', ""), theirs.price.to_string());
        assert_eq!(*time_ns, theirs.ts_recv);
    }
    assert_eq!(records.len(), 2);
}

fn metadata(version: u8, schema: Option<DbnSchema>, ts_out: bool) -> Metadata {
    let symbols = ["ESH1", "NQH1"].map(str::to_owned);
    Metadata::builder()
        .version(version)
        .dataset("GLBX.MDP3")
        .schema(schema)
        .start(1_609_160_400_000_000_000)
        .stype_in(Some(SType::RawSymbol))
        .stype_out(SType::InstrumentId)
        .ts_out(ts_out)
        .symbols(symbols.to_vec())
        .build()
}

fn file(metadata: &Metadata, records: &[RecordRef<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, metadata).unwrap();
    encoder.encode_record_refs(records).unwrap();
    out
}

/// Made by the crate: types and versions of which there are no samples.
#[test]
fn every_version_and_type_comes_back_as_it_was() {
    for version in 1..=3 {
        macro_rules! try_type {
            ($schema:expr, $record:expr) => {{
                let mut one = $record;
                one.hd.instrument_id = 5482;
                one.hd.ts_event = 1_609_160_400_098_821_953;
                let mut other = one.clone();
                other.hd.instrument_id = u32::MAX;
                let records = [RecordRef::from(&one), RecordRef::from(&other)];
                let name = format!("{} of version {version}", stringify!($record));
                in_out_back(&name, &file(&metadata(version, $schema, false), &records));
                // Without any record, it is of the type that the file says.
                if $schema.is_some() {
                    in_out_back(&name, &file(&metadata(version, $schema, false), &[]));
                }
            }};
        }
        try_type!(Some(DbnSchema::Mbo), dbn::MboMsg::default());
        try_type!(Some(DbnSchema::Trades), dbn::TradeMsg::default());
        try_type!(Some(DbnSchema::Mbp1), dbn::Mbp1Msg::default());
        try_type!(Some(DbnSchema::Tbbo), dbn::TbboMsg::default());
        try_type!(Some(DbnSchema::Mbp10), dbn::Mbp10Msg::default());
        try_type!(Some(DbnSchema::Bbo1S), dbn::BboMsg::default_for_schema(DbnSchema::Bbo1S));
        try_type!(Some(DbnSchema::Cmbp1), dbn::Cmbp1Msg::default_for_schema(DbnSchema::Cmbp1));
        try_type!(Some(DbnSchema::Cbbo1M), dbn::CbboMsg::default_for_schema(DbnSchema::Cbbo1M));
        try_type!(Some(DbnSchema::Ohlcv1D), dbn::OhlcvMsg::default_for_schema(DbnSchema::Ohlcv1D));
        try_type!(Some(DbnSchema::Status), dbn::StatusMsg::default());
        try_type!(Some(DbnSchema::Imbalance), dbn::ImbalanceMsg::default());
        match version {
            1 => {
                try_type!(Some(DbnSchema::Definition), dbn::v1::InstrumentDefMsg::default());
                try_type!(Some(DbnSchema::Statistics), dbn::v1::StatMsg::default());
                try_type!(None::<DbnSchema>, dbn::v1::SystemMsg::default());
                try_type!(None::<DbnSchema>, dbn::v1::SymbolMappingMsg::default());
            }
            2 => {
                try_type!(Some(DbnSchema::Definition), dbn::v2::InstrumentDefMsg::default());
                try_type!(Some(DbnSchema::Statistics), dbn::v2::StatMsg::default());
                try_type!(None::<DbnSchema>, dbn::v2::SystemMsg::default());
            }
            _ => {
                try_type!(Some(DbnSchema::Definition), dbn::InstrumentDefMsg::default());
                try_type!(Some(DbnSchema::Statistics), dbn::StatMsg::default());
                try_type!(None::<DbnSchema>, dbn::SymbolMappingMsg::default());
            }
        }
    }
}

#[test]
fn a_send_time_behind_each_record_is_a_field() {
    let rec = dbn::TradeMsg { price: 5, ..Default::default() };
    let record = dbn::WithTsOut::new(rec, 1_609_160_400_000_000_001);
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, &metadata(3, Some(DbnSchema::Trades), true)).unwrap();
    encoder.encode_record(&record).unwrap();
    in_out_back("ts_out", &out);
    let source = DbnSource::open(Cursor::new(out), None).unwrap();
    assert!(source.schema().fields.iter().any(|field| field.name == "ts_out"));
}

/// Of a file of several types.
fn mixed() -> Vec<u8> {
    let (mbo, trade) = (dbn::MboMsg::default(), dbn::TradeMsg::default());
    let records = [RecordRef::from(&mbo), RecordRef::from(&trade), RecordRef::from(&mbo)];
    file(&metadata(3, None, false), &records)
}

#[test]
fn of_several_types_one_is_taken_when_it_is_asked_for() {
    let mut rows = Rows::default();
    for (of, count) in [("mbo", 2), ("trades", 1), ("status", 0)] {
        let mut source = DbnSource::open(Cursor::new(mixed()), Some(of)).unwrap();
        let table = Table::new(source.schema());
        source.begin(&table, 0).unwrap();
        assert_eq!(source.next_batch(&mut rows).unwrap(), count, "{of}");
        assert_eq!(source.next_batch(&mut rows).unwrap(), 0);
        assert_eq!(source.notices(), [format!("{} records of other types were passed over", 3 - count)]);
    }
    let mut source = DbnSource::open(Cursor::new(mixed()), None).unwrap();
    let table = Table::new(source.schema());
    source.begin(&table, 0).unwrap();
    assert_eq!(source.next_batch(&mut rows).unwrap(), 1);
    let refused = source.next_batch(&mut rows);
    assert!(matches!(refused, Err(ImportError::OtherRecord { record: 2, found: 0, .. })), "{refused:?}");
    let none = DbnSource::open(Cursor::new(mixed()), Some("nonsense"));
    assert!(matches!(none, Err(ImportError::NotThis { .. })));
}

#[test]
fn a_file_that_is_cut_off_anywhere_is_said_to_be() {
    let whole = mixed();
    let plain_end = whole.len() - 56 - 48 - 56;
    let packed = zstd::encode_all(whole.as_slice(), 1).unwrap();
    let read = |bytes: &[u8]| -> Result<usize, ImportError> {
        let mut source = DbnSource::open(Cursor::new(bytes.to_vec()), Some("mbo"))?;
        let table = Table::new(source.schema());
        source.begin(&table, 0)?;
        let (mut rows, mut count) = (Rows::default(), 0);
        loop {
            match source.next_batch(&mut rows)? {
                0 => return Ok(count),
                more => count += more,
            }
        }
    };
    assert_eq!(read(&whole).unwrap(), 2);
    assert_eq!(read(&packed).unwrap(), 2);
    let ends_of_records = [plain_end, plain_end + 56, plain_end + 56 + 48];
    for cut in 0..whole.len() {
        let result = read(&whole[..cut]);
        assert_eq!(result.is_ok(), ends_of_records.contains(&cut), "cut at {cut}: {result:?}");
    }
    for cut in 0..packed.len() {
        assert!(read(&packed[..cut]).is_err(), "compressed, cut at {cut}");
    }
    // Any byte changed: an answer, right or wrong, and no crash.
    for at in 0..whole.len() {
        for byte in [0, 1, 0x7f, 0xff] {
            let mut damaged = whole.clone();
            damaged[at] = byte;
            let _ = read(&damaged);
        }
    }
}

#[test]
fn symbols_that_no_schema_has_room_for_are_left_out_and_said_to_be() {
    let mut many = metadata(3, Some(DbnSchema::Mbo), false);
    let mut random = common::Random(7);
    many.symbols = (0..60_000).map(|_| format!("{:016x}", random.next())).collect();
    let record = dbn::MboMsg::default();
    let mut source = DbnSource::open(Cursor::new(file(&many, &[RecordRef::from(&record)])), None).unwrap();
    assert_eq!(source.notices().len(), 1);
    let schema = source.schema().clone();
    assert!(schema.to_text().len() < slipring_journal::MAX_SCHEMA_BYTES);
    source.begin(&Table::new(&schema), 0).unwrap();
    let mut rows = Rows::default();
    assert_eq!(source.next_batch(&mut rows).unwrap(), 1);
}

#[test]
fn events_that_are_no_records_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.dbn");
    let refused = |schema: &Schema| {
        let result = DbnSink::create(&path, &Table::new(schema), &options(schema));
        assert!(matches!(result, Err(ExportError::NoDbn { .. })), "{result:?}");
    };
    refused(&Schema::from_text("E 8\na u64 0 8\n").unwrap());
    refused(&Schema::from_text("E 8\tdbn=nonsense\na u64 0 8\n").unwrap());
    let source = DbnSource::open(Cursor::new(mixed()), Some("mbo")).unwrap();
    let mut schema = source.schema().clone();
    let attribute = schema.attribute("dbn").unwrap().to_owned();
    refused(&Schema::from_text(&format!("E 8\tdbn={attribute}\na u64 0 8\n")).unwrap());
    let mut wanted = options(&schema);
    wanted.compress = Some(Compress::Snappy);
    let result = DbnSink::create(&path, &Table::new(&schema), &wanted);
    assert!(matches!(result, Err(ExportError::Compression { .. })));
    wanted.compress = None;
    wanted.columns = Some(vec![Chosen::Field(0)]);
    let result = DbnSink::create(&path, &Table::new(&schema), &wanted);
    assert!(matches!(result, Err(ExportError::NoDbn { .. })));
    schema.fields[3].name = "other".to_owned();
    refused(&schema);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
