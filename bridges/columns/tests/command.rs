//! The command `slipring-columns`, as a user runs it.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn run(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_slipring-columns")).args(args).current_dir(folder).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

fn done(folder: &Path, args: &[&str]) {
    let output = run(folder, args);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", said(&output));
}

/// Refused with 3, and with these words.
fn refused(folder: &Path, args: &[&str], words: &str) {
    let output = run(folder, args);
    assert_eq!(output.status.code(), Some(3), "{args:?}: {}", said(&output));
    assert!(said(&output).contains(words), "{args:?}: {}", said(&output));
}

const SCHEMA: &str = r#"
name = "Order"
time = "ts"
[fields]
ts = { type = "time", unit = "ns" }
price = { type = "decimal", scale = 2 }
symbol = { type = "text", length = 8 }
side = { type = "enum", values = { buy = 1, sell = 2 } }
size = "u32"
"#;

/// A folder with a journal `orders` of some orders.
fn orders() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("orders.toml"), SCHEMA).unwrap();
    let mut lines = "ts,price,symbol,side,size\n".to_owned();
    for n in 0..500 {
        let side = ["buy", "sell"][n % 2];
        lines += &format!("2024-03-10T09:30:00.{:09}Z,{}.25,AAPL,{side},{n}\n", n / 2, 100 + n);
    }
    fs::write(folder.path().join("orders.csv"), lines).unwrap();
    done(folder.path(), &["record", "orders", "--input", "orders.csv", "--schema", "orders.toml"]);
    folder
}

fn lines(folder: &Path, journal: &str) -> String {
    let output = run(folder, &["replay", journal, "--format", "jsonl"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_format_goes_out_and_in_by_its_name() {
    let folder = orders();
    let at = folder.path();
    let wanted = lines(at, "orders");
    assert_eq!(wanted.lines().count(), 500);
    let ends = ["parquet", "pq", "arrow", "feather", "avro", "sqlite", "db"];
    for end in ends {
        let (file, back) = (format!("out.{end}"), format!("back-{end}"));
        done(at, &["export", "orders", "--output", &file]);
        // The file says what its events are.
        done(at, &["record", &back, "--input", &file]);
        assert_eq!(lines(at, &back), wanted, "{end}");
    }
    let left: Vec<String> = fs::read_dir(at)
        .unwrap()
        .map(|file| file.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name.contains("partial"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn what_is_chosen_is_what_is_there() {
    let folder = orders();
    let at = folder.path();
    let chosen = ["--fields", "price,_time,side", "--where", "side == sell", "--last", "100"];
    let args =
        [&["export", "orders", "--output", "some.parquet", "--compress", "zstd:9"][..], &chosen].concat();
    done(at, &args);
    done(at, &["record", "some", "--input", "some.parquet", "--infer=some.toml"]);
    let toml = fs::read_to_string(at.join("some.toml")).unwrap();
    assert!(toml.contains("price") && !toml.contains("symbol"), "{toml}");
    let some = lines(at, "some");
    assert_eq!(some.lines().count(), 100, "{some}");
    assert!(some.lines().all(|line| line.contains("\"side\":\"sell\"") && line.contains(".25")));
    done(at, &["export", "orders", "--output", "by-side", "--format", "parquet", "--partition", "side"]);
    assert_eq!(fs::read_dir(at.join("by-side")).unwrap().count(), 2);
}

#[test]
fn a_recording_goes_on_where_it_stopped() {
    let folder = orders();
    let at = folder.path();
    for end in ["parquet", "arrow", "avro", "sqlite"] {
        let (file, back) = (format!("out.{end}"), format!("back-{end}"));
        done(at, &["export", "orders", "--output", &file]);
        done(at, &["record", &back, "--input", &file, "--limit", "123"]);
        assert_eq!(lines(at, &back).lines().count(), 123);
        done(at, &["record", &back, "--input", &file, "--resume"]);
        assert_eq!(lines(at, &back).lines().count(), 500, "{end}");
        // Another life has another epoch.
        let back = lines(at, &back).replace("\"_epoch\":2", "\"_epoch\":1");
        assert_eq!(back, lines(at, "orders"), "{end}");
    }
}

#[test]
fn what_does_not_fit_is_set_aside_or_refused_with_its_record() {
    let folder = orders();
    let at = folder.path();
    done(at, &["export", "orders", "--output", "out.parquet"]);
    let narrow =
        SCHEMA.replace("size = \"u32\"", "size = \"u8\"").replace("name = \"Order\"", "name = \"Narrow\"");
    fs::write(at.join("narrow.toml"), narrow).unwrap();
    let record = ["record", "narrow", "--input", "out.parquet", "--schema", "narrow.toml"];
    let output = run(at, &record);
    assert_ne!(output.status.code(), Some(0));
    assert!(said(&output).contains("record 257") && said(&output).contains("size"), "{}", said(&output));
    let output = run(at, &[&["record", "narrow2"][..], &record[2..], &["--rejects", "bad"]].concat());
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert_eq!(lines(at, "narrow2").lines().count(), 256);
    assert_eq!(fs::read_to_string(at.join("bad")).unwrap().lines().count(), 244);
}

#[test]
fn what_can_not_be_done_is_said_and_leaves_nothing() {
    let folder = orders();
    let at = folder.path();
    done(at, &["export", "orders", "--output", "out.parquet"]);
    refused(at, &["export", "orders", "--output", "out.parquet"], "there is something already");
    refused(at, &["export", "orders", "--output", "-", "--format", "parquet"], "standard output");
    refused(at, &["export", "orders", "--output", "x.parquet", "--compress", "gzip"], "zstd");
    refused(at, &["export", "orders", "--output", "x.parquet", "--compress", "zstd:99"], "from 1 to 22");
    refused(at, &["export", "orders", "--output", "x.dbn"], "no records of DBN");
    let whole = fs::read(at.join("out.parquet")).unwrap();
    for (name, bytes) in [("cut", &whole[..whole.len() / 2]), ("empty", &[]), ("text", b"a,b\n1,2\n")] {
        for format in ["parquet", "arrow", "avro", "sqlite", "dbn"] {
            fs::write(at.join(name), bytes).unwrap();
            let output = run(at, &["record", "none", "--input", name, "--as", format]);
            assert!(matches!(output.status.code(), Some(2 | 3)), "{name} as {format}: {}", said(&output));
            assert!(!at.join("none").exists(), "{name} as {format}");
        }
    }
    assert!(!fs::read_dir(at).unwrap().any(|file| {
        let name = file.unwrap().file_name().to_string_lossy().into_owned();
        name.starts_with("x.") || name.contains("partial")
    }));
}

#[test]
fn a_table_of_several_is_named() {
    let folder = orders();
    let at = folder.path();
    let database = rusqlite::Connection::open(at.join("two.db")).unwrap();
    database
        .execute_batch(
            "CREATE TABLE a (x INTEGER); CREATE TABLE b (y TEXT); INSERT INTO b VALUES ('7'), ('8')",
        )
        .unwrap();
    drop(database);
    refused(at, &["record", "two", "--input", "two.db"], "a, b");
    refused(at, &["record", "two", "--input", "two.db", "--table", "b"], "--infer");
    done(at, &["record", "two", "--input", "two.db", "--table", "b", "--infer"]);
    assert!(lines(at, "two").contains("\"y\":\"8\""));
}

/// From a pipe: what can be read so is, and the rest says what to do.
#[test]
fn pipes_are_read_where_the_format_can_be() {
    let folder = orders();
    let at = folder.path();
    let mut stream = Vec::new();
    let metadata = dbn::Metadata::builder()
        .version(3)
        .dataset("XNAS.ITCH")
        .schema(Some(dbn::Schema::Trades))
        .start(1)
        .stype_in(None)
        .stype_out(dbn::SType::InstrumentId)
        .build();
    let mut trade = dbn::TradeMsg { price: 5_500_000_000, ..Default::default() };
    trade.ts_recv = 1_710_063_000_000_000_001;
    {
        use dbn::encode::EncodeRecord;
        let mut encoder = dbn::encode::dbn::Encoder::new(&mut stream, &metadata).unwrap();
        (0..3).for_each(|_| encoder.encode_record(&trade).unwrap());
    }
    let piped = |args: &[&str], bytes: &[u8]| {
        let mut child = Command::new(env!("CARGO_BIN_EXE_slipring-columns"))
            .args(args)
            .current_dir(at)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It may have refused already.
        let _ = child.stdin.take().unwrap().write_all(bytes);
        child.wait_with_output().unwrap()
    };
    let output = piped(&["record", "trades", "--input", "-", "--as", "dbn"], &stream);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(lines(at, "trades").lines().count(), 3);
    assert!(lines(at, "trades").contains("\"price\":5.5,"));
    done(at, &["export", "trades", "--output", "trades.dbn"]);
    assert_eq!(fs::read(at.join("trades.dbn")).unwrap(), stream);
    done(at, &["export", "orders", "--output", "out.avro"]);
    let avro = fs::read(at.join("out.avro")).unwrap();
    let like = ["record", "piped", "--input", "-", "--as", "avro", "--like", "orders"];
    let output = piped(&like, &avro);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert_eq!(lines(at, "piped"), lines(at, "orders"));
    let output = piped(&["record", "no", "--input", "-", "--as", "parquet", "--like", "orders"], &avro);
    assert_eq!(output.status.code(), Some(3));
    assert!(said(&output).contains("write it into a file first"), "{}", said(&output));
}
