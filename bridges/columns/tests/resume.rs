//! Recordings that are killed at any moment and gone on with: nothing is lost, nothing is there twice, of
//! every format that is read by its records.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use dbn::encode::EncodeRecord;
use slipring_journal::{Journal, Kind};

const EVENTS: u64 = 60_000;

/// Lives that end by a kill, of each format.
const KILLS: usize = 12;

fn command(folder: &Path, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slipring-columns"));
    command.args(line.split_whitespace()).current_dir(folder).stdin(Stdio::null());
    command
}

fn exits(folder: &Path, status: i32, line: &str) -> String {
    let output = command(folder, line).output().unwrap();
    assert_eq!(output.status.code(), Some(status), "{line}: {}", said(&output));
    said(&output)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

/// All records of a journal: times, and events.
fn records(journal: &Path) -> Vec<(u64, Vec<u8>)> {
    let mut reader = Journal::at(journal).raw_reader().unwrap();
    let all = (reader.first_sequence()..reader.end_sequence()).map(|sequence| {
        let record = reader.at(sequence).unwrap();
        assert_eq!(record.kind, Kind::Event);
        (record.time_ns, record.event.to_vec())
    });
    all.collect()
}

/// Kills a recording again and again and goes on with it, until so many lives have ended so. What is set
/// aside goes into `JOURNAL.bad`.
fn kill(folder: &Path, what: &str, status: i32, record: impl Fn(&str) -> String) {
    let begun = Instant::now();
    exits(folder, status, &record("whole"));
    // Of the quickest whole life: the first may have been slow, and moments behind the end kill nobody.
    let mut took = begun.elapsed();
    let wanted = records(&folder.join("whole"));
    let (mut kills, mut resumed) = (0, 0);
    let holds_some =
        || Journal::at(folder.join("copy")).raw_reader().is_ok_and(|reader| reader.end_sequence() > 0);
    // An unoptimised reader of Avro takes long to come to the first row.
    let most = if what == "avro" { KILLS / 3 } else { KILLS };
    let mut life = 0;
    while kills < most {
        loop {
            let (begun, is_whole) = (Instant::now(), !folder.join("copy").exists());
            let mut child = command(folder, &format!("{} --resume", record("copy")))
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            // Early and late ones: by the life and not by the kills, so that another one follows each that
            // came too late. Every twelfth kills at once.
            let deadline = begun + took.mul_f64((life * 5 % KILLS) as f64 / KILLS as f64 * 0.9);
            // Every other life once there is something to go on with, which may take most of the time.
            life += 1;
            assert!(life < 100 * KILLS, "{what}: {kills} kills in {life} lives");
            let waits = || Instant::now() < deadline || life % 2 == 0 && !holds_some();
            while child.try_wait().unwrap().is_none() && waits() {
                std::thread::sleep(Duration::from_micros(500));
            }
            if child.try_wait().unwrap().is_none() && kills < most {
                child.kill().unwrap();
                child.wait().unwrap();
                kills += 1;
                resumed += usize::from(holds_some());
                continue;
            }
            let output = child.wait_with_output().unwrap();
            assert_eq!(output.status.code(), Some(status), "{what}: {}", said(&output));
            took = if is_whole { took.min(begun.elapsed()) } else { took };
            break;
        }
        assert!(records(&folder.join("copy")) == wanted, "{what}: after {kills} kills another journal");
        for end in ["bad", "bad.why"] {
            let [whole, copy] = ["whole", "copy"].map(|journal| folder.join(format!("{journal}.{end}")));
            assert_eq!(fs::read(whole).ok(), fs::read(&copy).ok(), "{what}: {end}");
            let _ = fs::remove_file(copy);
        }
        fs::remove_dir_all(folder.join("copy")).unwrap();
    }
    println!("{what}: {resumed} of {kills} kills in {life} lives left something to go on with");
    // Of Avro most of the time goes by before the first row: all of them lie in one block.
    assert!(resumed > 0 || what == "avro", "{what}: no kill left anything to go on with");
}

const SCHEMA: &str = r#"
name = "Order"
time = "ts"
[fields]
ts = { type = "time", unit = "ns" }
price = { type = "decimal", scale = 2 }
symbol = { type = "text", length = LENGTH }
size = "u32"
"#;

/// Of some events the text does not fit: they are set aside.
fn kill_columns(end: &str) {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    fs::write(folder.join("wide.toml"), SCHEMA.replace("LENGTH", "8")).unwrap();
    fs::write(folder.join("narrow.toml"), SCHEMA.replace("LENGTH", "4")).unwrap();
    let mut lines = "ts,price,symbol,size\n".to_owned();
    for n in 0..EVENTS {
        let symbol = if n % 997 == 5 { "TOOLONG" } else { "ABCD" };
        lines += &format!("{},{}.25,{symbol},{}\n", 1_700_000_000_000_000_000 + n / 3, n % 1000, n % 7);
    }
    fs::write(folder.join("in.csv"), lines).unwrap();
    exits(folder, 0, "record wide --input in.csv --schema wide.toml");
    exits(folder, 0, &format!("export wide --output out.{end}"));
    kill(folder, end, 1, |journal| {
        format!(
            "record {journal} --input out.{end} --schema narrow.toml --rejects {journal}.bad \
             --segment-records 16384"
        )
    });
    let set_aside = EVENTS.div_ceil(997);
    assert_eq!(records(&folder.join("whole")).len() as u64, EVENTS - set_aside);
    assert_eq!(fs::read_to_string(folder.join("whole.bad")).unwrap().lines().count() as u64, set_aside);
}

#[test]
fn kills_change_nothing_of_parquet() {
    kill_columns("parquet");
}

#[test]
fn kills_change_nothing_of_arrow() {
    kill_columns("arrow");
}

#[test]
fn kills_change_nothing_of_avro() {
    kill_columns("avro");
}

#[test]
fn kills_change_nothing_of_sqlite() {
    kill_columns("sqlite");
}

#[test]
fn kills_change_nothing_of_dbn() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let metadata = dbn::Metadata::builder()
        .dataset("GLBX.MDP3")
        .schema(Some(dbn::Schema::Mbo))
        .start(1_609_160_400_000_000_000)
        .stype_in(Some(dbn::SType::RawSymbol))
        .stype_out(dbn::SType::InstrumentId)
        .build();
    let mut file = Vec::new();
    let mut encoder = dbn::encode::dbn::Encoder::new(&mut file, &metadata).unwrap();
    for n in 0..EVENTS {
        let ts_recv = 1_609_160_400_000_000_000 + n / 3;
        let record = dbn::MboMsg { order_id: n, price: n as i64, size: 1, ts_recv, ..Default::default() };
        encoder.encode_record(&record).unwrap();
    }
    fs::write(folder.join("in.dbn"), &file).unwrap();
    fs::write(folder.join("in.dbn.zst"), zstd::encode_all(&file[..], 1).unwrap()).unwrap();
    for name in ["in.dbn", "in.dbn.zst"] {
        kill(folder, name, 0, |journal| format!("record {journal} --input {name} --segment-records 16384"));
        assert_eq!(records(&folder.join("whole")).len() as u64, EVENTS);
        fs::remove_dir_all(folder.join("whole")).unwrap();
    }
}
