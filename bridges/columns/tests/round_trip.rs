//! Out into a file of every format and in again: equal events, equal times, of any schema.

mod common;

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use common::{Random, any_event, any_schema, journal_of, options, records_of};
use proptest::prelude::*;
use slipring_columns::sink::{arrow::ArrowIpcSink, avro::AvroSink, parquet::ParquetSink, sqlite::SqliteSink};
use slipring_columns::source::ColumnSource;
use slipring_columns::source::sqlite::{SqliteRows, SqliteSource};
use slipring_columns::{Compress, SinkOptions};
use slipring_journal::{Journal, Schema};
use slipring_schema::{Kind, ParseOptions, Table};

type Read = Vec<(Option<u64>, Vec<u8>)>;

fn read_columns(mut source: ColumnSource, schema: &Schema) -> Read {
    assert_eq!(source.schema("Other").as_ref().unwrap(), schema);
    source.begin(&Table::new(schema), ParseOptions::default(), 0).unwrap();
    assert!(source.passed_over().is_empty(), "{:?}", source.passed_over());
    read_all!(source)
}

fn parquet(journal: &Journal, path: &Path, options: &SinkOptions) -> Read {
    let schema = &options.origin.schema;
    write_all!(ParquetSink::create(path, &Table::new(schema), options).unwrap(), journal);
    read_columns(ColumnSource::parquet(File::open(path).unwrap()).unwrap(), schema)
}

fn arrow(journal: &Journal, path: &Path, options: &SinkOptions) -> Read {
    let schema = &options.origin.schema;
    write_all!(ArrowIpcSink::create(path, &Table::new(schema), options).unwrap(), journal);
    read_columns(ColumnSource::arrow(File::open(path).unwrap()).unwrap(), schema)
}

fn avro(journal: &Journal, path: &Path, options: &SinkOptions) -> Read {
    let schema = &options.origin.schema;
    write_all!(AvroSink::create(path, &Table::new(schema), options).unwrap(), journal);
    read_columns(ColumnSource::avro(BufReader::new(File::open(path).unwrap())).unwrap(), schema)
}

fn sqlite(journal: &Journal, path: &Path, options: &SinkOptions) -> Read {
    let schema = &options.origin.schema;
    write_all!(SqliteSink::create(path, &Table::new(schema), options).unwrap(), journal);
    let mut source = SqliteSource::open(path, &SqliteRows::OnlyTable).unwrap();
    assert_eq!(source.schema("Other").as_ref().unwrap(), schema);
    source.begin(&Table::new(schema), ParseOptions::default(), 0).unwrap();
    assert!(source.passed_over().is_empty());
    read_all!(source)
}

/// What SQLite and JSON have no form for: NaNs that differ, and in a `REAL` the zero that is negative.
fn as_sqlite_has_it(table: &Table, event: &mut [u8]) {
    fn canonical(kind: &Kind, out: &mut [u8], in_list: bool) {
        match kind {
            Kind::Float32 => {
                let value = f32::from_le_bytes(out.try_into().unwrap());
                if value.is_nan() {
                    out.copy_from_slice(&f32::NAN.to_le_bytes());
                } else if value == 0.0 && !in_list {
                    out.fill(0);
                }
            }
            Kind::Float64 => {
                let value = f64::from_le_bytes(out.try_into().unwrap());
                if value.is_nan() {
                    out.copy_from_slice(&f64::NAN.to_le_bytes());
                } else if value == 0.0 && !in_list {
                    out.fill(0);
                }
            }
            Kind::Array(item, _) => {
                out.chunks_exact_mut(item.bytes()).for_each(|bytes| canonical(item, bytes, true));
            }
            _ => {}
        }
    }
    for column in table.columns.iter().filter(|column| column.kind.bytes() > 0) {
        if column.is_in(event) {
            let range = column.offset..column.offset + column.kind.bytes();
            canonical(&column.kind, &mut event[range], false);
        }
    }
}

fn compress() -> impl Strategy<Value = Option<Compress>> {
    prop_oneof![
        Just(None),
        Just(Some(Compress::None)),
        Just(Some(Compress::Zstd(3))),
        Just(Some(Compress::Snappy)),
        Just(Some(Compress::Lz4)),
        Just(Some(Compress::Deflate)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.max(48)))]

    #[test]
    fn out_and_in_is_equal(
        schema in any_schema(),
        seed in any::<u64>(),
        count in 0usize..200,
        compress in compress(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let table = Table::new(&schema);
        let mut random = Random(seed);
        let events: Vec<Vec<u8>> = (0..count).map(|_| any_event(&table, &mut random)).collect();
        let journal = journal_of(&folder.path().join("journal"), &schema, &events);
        let mut wanted: Read =
            records_of(&journal).into_iter().map(|((_, time_ns, _), event)| (Some(time_ns), event)).collect();
        let mut options = options(&schema);
        options.compress = compress;
        let path = |name| folder.path().join(name);
        if compress != Some(Compress::Deflate) {
            prop_assert_eq!(&parquet(&journal, &path("a.parquet"), &options), &wanted);
        }
        if !matches!(compress, Some(Compress::Snappy | Compress::Deflate)) {
            prop_assert_eq!(&arrow(&journal, &path("a.arrow"), &options), &wanted);
        }
        if compress != Some(Compress::Lz4) {
            prop_assert_eq!(&avro(&journal, &path("a.avro"), &options), &wanted);
        }
        options.compress = None;
        wanted.iter_mut().for_each(|(_, event)| as_sqlite_has_it(&table, event));
        prop_assert_eq!(&sqlite(&journal, &path("a.sqlite"), &options), &wanted);
    }
}

#[test]
fn many_events_fill_several_batches() {
    let schema = Schema::from_text(
        "Tick 24\tts\nts u64 0 8\ttime=ns\nid u64 8 8\nside u8 16 1\tenum=a:1\n_p [u8;7] 17 7\n",
    );
    let schema = schema.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let events: Vec<Vec<u8>> = (0..200_000u64)
        .map(|n| {
            let mut event = vec![0; 24];
            event[..8].copy_from_slice(&(1_710_063_000_000_000_000 + n).to_le_bytes());
            event[8..16].copy_from_slice(&n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
            // Numbers without a name come late: the list of an enum grows.
            event[16] = (n / 50_000) as u8;
            event
        })
        .collect();
    let journal = Journal::at(folder.path().join("journal")).max_time_step(std::time::Duration::MAX);
    let (mut writer, _) = journal.open_raw(&schema).unwrap();
    for (n, event) in (0u64..).zip(&events) {
        writer.append(n, event).unwrap();
    }
    writer.close().unwrap();
    let wanted: Read = (0u64..).zip(events).map(|(n, event)| (Some(n), event)).collect();
    let options = options(&schema);
    let path = |name| folder.path().join(name);
    // Not by `assert_eq`, which would print all of them.
    assert!(parquet(&journal, &path("a.parquet"), &options) == wanted);
    assert!(arrow(&journal, &path("a.arrow"), &options) == wanted);
    assert!(avro(&journal, &path("a.avro"), &options) == wanted);
    assert!(sqlite(&journal, &path("a.sqlite"), &options) == wanted);
}
