//! Read by the tools that people use, and read again from files that these have written.
//!
//! Skipped where they are not: it needs a Python with pyarrow, polars, duckdb, pandas and fastavro, that of
//! the venv that `bridges/python/venv` makes, or named by `SLIPRING_PYTHON`.

mod common;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{options, records_of};
use serde_json::json;
use slipring_columns::sink::{arrow::ArrowIpcSink, avro::AvroSink, parquet::ParquetSink, sqlite::SqliteSink};
use slipring_columns::source::ColumnSource;
use slipring_journal::{Journal, Schema};
use slipring_schema::{ParseOptions, Table, show_nanos};

const SCHEMA: &str = "Order 112\n\
    ts u64 0 8\ttime=ns\nleg.px i64 8 8\tdecimal=4\nid u64 16 8\nbig u128 24 16\nside u8 40 1\tenum=buy:1,sell:2\n\
    live u8 41 1\tbool=\nsymbol [u8;8] 42 8\ttext=\n_pad0 [u8;2] 50 2\nsizes [u32;3] 52 12\nratio f64 64 8\n\
    key [u8;16] 72 16\nday u32 88 4\ttime=s\n_pad1 [u8;20] 92 20\n";

/// 09:30 on the tenth of March 2024.
const OPEN_NS: u64 = 1_710_063_000_000_000_000;

fn python() -> Option<PathBuf> {
    let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/python-venv/bin/python");
    let python = std::env::var_os("SLIPRING_PYTHON").map_or(usual, PathBuf::from);
    let needed = "import pyarrow, polars, duckdb, pandas, fastavro";
    let found = Command::new(&python).args(["-c", needed]).output();
    if !found.is_ok_and(|output| output.status.success()) {
        eprintln!(
            "skipped: no Python with pyarrow, polars, duckdb, pandas and fastavro at {}",
            python.display()
        );
        return None;
    }
    Some(python)
}

fn event(n: u64) -> Vec<u8> {
    let mut event = vec![0; 112];
    let mut put = |at: usize, bytes: &[u8]| event[at..at + bytes.len()].copy_from_slice(bytes);
    // Times one nanosecond apart; now and then there is none.
    put(0, &if n % 7 == 3 { u64::MAX } else { OPEN_NS + n }.to_le_bytes());
    put(8, &(n as i64 * 10_001 - 50_000).to_le_bytes());
    put(16, &(u64::MAX - n).to_le_bytes());
    put(24, &(u128::MAX - u128::from(n)).to_le_bytes());
    put(40, &[1 + (n % 3) as u8, (n % 2) as u8]);
    put(42, [&b"AAPL"[..], "é,\"".as_bytes(), b"12345678"][(n % 3) as usize]);
    (0..3).for_each(|item| put(52 + 4 * item, &(n as u32 + item as u32).to_le_bytes()));
    put(64, &(n as f64 / 3.0).to_le_bytes());
    put(72, &[n as u8; 16]);
    put(88, &(1_710_028_800 + n as u32).to_le_bytes());
    event
}

fn wanted(n: u64, time_ns: u64) -> serde_json::Value {
    let unscaled = n as i64 * 10_001 - 50_000;
    let (sign, magnitude) = (if unscaled < 0 { "-" } else { "" }, unscaled.abs());
    let shown = show_nanos(i128::from(time_ns));
    let (whole, _) = shown.split_at(19);
    let (side, symbol) = [("buy", "AAPL"), ("sell", "é,\""), ("3", "12345678")][(n % 3) as usize];
    json!({
        "sequence": n, "time": time_ns, "ts": (n % 7 != 3).then_some(OPEN_NS + n),
        "price": format!("{sign}{}.{:04}", magnitude / 10_000, magnitude % 10_000), "id": u64::MAX - n,
        "big": (u128::MAX - u128::from(n)).to_string(), "side": side,
        "symbol": symbol, "live": n % 2 == 1,
        "sizes": [n, n + 1, n + 2], "ratio": n as f64 / 3.0,
        "shown": format!("{whole}.{:09}Z", time_ns % 1_000_000_000),
    })
}

#[test]
fn people_s_tools_read_the_same_rows_and_write_them_back() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().unwrap();
    let schema = Schema::from_text(SCHEMA).unwrap();
    let journal = Journal::at(folder.path().join("journal"));
    let (mut writer, _) = journal.open_raw(&schema).unwrap();
    let mut lines = String::new();
    for n in 0..1000 {
        let time_ns = OPEN_NS + n - n % 2;
        writer.append(time_ns, &event(n)).unwrap();
        lines += &format!("{}\n", wanted(n, time_ns));
    }
    writer.close().unwrap();
    fs::write(folder.path().join("wanted.jsonl"), lines).unwrap();
    let (table, options) = (Table::new(&schema), options(&schema));
    let path = |name: &str| folder.path().join(name);
    write_all!(ParquetSink::create(path("a.parquet"), &table, &options).unwrap(), journal);
    write_all!(ArrowIpcSink::create(path("a.arrow"), &table, &options).unwrap(), journal);
    write_all!(AvroSink::create(path("a.avro"), &table, &options).unwrap(), journal);
    write_all!(SqliteSink::create(path("a.sqlite"), &table, &options).unwrap(), journal);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/others.py");
    let since_ns = (OPEN_NS + 501).to_string();
    let output = Command::new(python).arg(script).arg(folder.path()).arg(since_ns).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    let wanted: Vec<(Option<u64>, Vec<u8>)> =
        records_of(&journal).into_iter().map(|((_, time_ns, _), event)| (Some(time_ns), event)).collect();
    for name in ["polars.parquet", "polars.arrow", "pyarrow.parquet", "duckdb.parquet", "pandas.parquet"] {
        let file = File::open(path(name)).unwrap();
        let source =
            if name.ends_with(".arrow") { ColumnSource::arrow(file) } else { ColumnSource::parquet(file) };
        let mut source = source.unwrap();
        source.begin(&table, ParseOptions::default(), 0).unwrap();
        let mut rows = slipring_columns::Rows::default();
        let mut found = Vec::new();
        while source.next_batch(&mut rows).unwrap() > 0 {
            for (row, time) in rows.times.iter().enumerate() {
                // Of a null these tools do not keep what it stood for: the field says that it has no value.
                if let Some(fault) = rows.faults.get(&row) {
                    assert!(found.len() % 7 == 3, "{name}: {fault}");
                    found.push(wanted[found.len()].clone());
                } else {
                    found.push((*time, rows.events[row * 112..][..112].to_vec()));
                }
            }
        }
        assert!(found == wanted, "{name}");
    }
}
