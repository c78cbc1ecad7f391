//! What no format has room for is refused with its record and its column, and nothing is left of the file.

mod common;

use std::fs;

use common::options;
use slipring_columns::sink::{arrow::ArrowIpcSink, avro::AvroSink, parquet::ParquetSink, sqlite::SqliteSink};
use slipring_columns::{Chosen, ExportError, Misfit};
use slipring_journal::Schema;
use slipring_schema::{Row, Table};

/// A field, its bytes, what is wrong with them, and whether SQLite has room for them.
fn cases() -> Vec<(&'static str, Vec<u8>, Misfit, bool)> {
    let beyond = i128::from(i64::MAX) + 1;
    let (ns, s) = ("ns", "s");
    vec![
        ("u8 0 1\tbool=", vec![2], Misfit::Bool(2), false),
        ("[u8;4] 0 4\ttext=", b"a\0b\0".to_vec(), Misfit::Text, false),
        ("[u8;4] 0 4\ttext=", b"\xff\0\0\0".to_vec(), Misfit::Text, false),
        ("[[u8;2];2] 0 4\ttext=", b"ok\xff\0".to_vec(), Misfit::Text, false),
        ("[u8;2] 0 2\tenum=a:1", vec![0, 0], Misfit::Text, true),
        (
            "u64 0 8\ttime=ns",
            (beyond as u64).to_le_bytes().to_vec(),
            Misfit::Time { count: beyond, unit: ns },
            true,
        ),
        (
            "i64 0 8\ttime=s",
            i64::MAX.to_le_bytes().to_vec(),
            Misfit::Time { count: beyond - 1, unit: s },
            true,
        ),
        ("i128 0 16\tdecimal=3", i128::MAX.to_le_bytes().to_vec(), Misfit::Decimal, true),
    ]
}

#[test]
fn values_without_room_are_refused_and_nothing_is_left() {
    for (field, bytes, misfit, sqlite_has_room) in cases() {
        // `[u8;2]` is bytes, whatever else is said of it: nothing is refused.
        let is_fine = field.starts_with("[u8;2]");
        let schema = Schema::from_text(&format!("E 16\nx {field}\n")).unwrap();
        let table = Table::new(&schema);
        let mut event = vec![0; 16];
        event[..bytes.len()].copy_from_slice(&bytes);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        macro_rules! write {
            ($sink:ty) => {{
                let result = (|| -> Result<(), ExportError> {
                    let mut sink = <$sink>::create(&path, &table, &options(&schema))?;
                    for sequence in 0..5000 {
                        let event: &[u8] = if sequence == 4321 { &event } else { &[0; 16] };
                        sink.push(&[Row { sequence, time_ns: sequence, epoch: 1, event }])?;
                    }
                    sink.finish()
                })();
                let left = fs::read_dir(folder.path()).unwrap().count();
                assert_eq!(left, usize::from(result.is_ok()), "{field}");
                let _ = fs::remove_file(&path);
                result
            }};
        }
        let is_refused = |result: &Result<(), ExportError>| {
            matches!(result, Err(ExportError::Value { sequence: 4321, column, misfit: found })
                if column == "x" && *found == misfit)
        };
        for result in [write!(ParquetSink), write!(ArrowIpcSink), write!(AvroSink)] {
            assert!(if is_fine { result.is_ok() } else { is_refused(&result) }, "{field}: {result:?}");
        }
        let result = write!(SqliteSink);
        assert!(if sqlite_has_room { result.is_ok() } else { is_refused(&result) }, "{field}: {result:?}");
    }
}

#[test]
fn a_journal_time_that_no_column_has_room_for_is_refused() {
    let schema = Schema::from_text("E 8\nx u64 0 8\n").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut sink =
        ParquetSink::create(folder.path().join("a"), &Table::new(&schema), &options(&schema)).unwrap();
    let result = sink.push(&[Row { sequence: 7, time_ns: 1 << 63, epoch: 1, event: &[0; 8] }]);
    drop(sink);
    assert!(
        matches!(&result, Err(ExportError::Value { sequence: 7, column, .. }) if column == "_time"),
        "{result:?}"
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn columns_that_are_not_there_are_refused() {
    let schema = Schema::from_text("E 8\nx u64 0 8\n").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(&schema);
    options.columns = Some(vec![Chosen::Field(1)]);
    let result = SqliteSink::create(folder.path().join("a"), &Table::new(&schema), &options);
    assert!(matches!(result, Err(ExportError::NoColumn { .. })));
    let result = ArrowIpcSink::create(
        folder.path().join("no/folder"),
        &Table::new(&schema),
        &common::options(&schema),
    );
    assert!(matches!(result, Err(ExportError::Io { .. })));
}
