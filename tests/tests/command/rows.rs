//! Records of any schema on their way out: `replay`, `follow` and `export` of a journal that a program of its
//! own wrote.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use slipring_journal::{Event, Journal};

use crate::place::names;

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Leg {
    #[event(decimal = 2)]
    px: i64,
    qty: u32,
    _pad: u32,
}

#[derive(Clone, Copy, Debug, Event)]
#[event(time = "ts")]
#[repr(C)]
struct Order {
    #[event(time)]
    ts: u64,
    #[event(names(buy = 1, sell = 2))]
    side: u8,
    #[event(bool)]
    live: u8,
    _pad: [u8; 6],
    big: u128,
    legs: [Leg; 2],
    #[event(text)]
    symbol: [u8; 8],
    levels: [i16; 4],
}

#[derive(Clone, Copy, Debug, Event)]
#[repr(u32)]
enum Message {
    Order(Order) = 1,
    Cancel(u64) = 2,
    Heartbeat = 3,
}

/// 09:30 on the tenth of March 2024.
const OPEN_NS: u64 = 1_710_063_000_000_000_000;

fn order(n: u64) -> Order {
    let leg = |px| Leg { px, qty: n as u32, _pad: 0 };
    Order {
        ts: OPEN_NS + n,
        side: 1 + (n % 2) as u8,
        live: u8::from(n % 3 == 0),
        _pad: [7; 6],
        big: u128::MAX - u128::from(n),
        legs: [leg(10_000 + n as i64), leg(-5)],
        symbol: if n == 2 { *b"A,\"B\"\0\0\0" } else { *b"ABC\0\0\0\0\0" },
        levels: [1, -2, 3, n as i16],
    }
}

/// Ten orders, a nanosecond apart.
fn orders(path: &Path) {
    let (mut writer, _) = Journal::at(path).open::<Order>().unwrap();
    for n in 0..10 {
        writer.append(OPEN_NS + n, &order(n)).unwrap();
    }
    writer.close().unwrap();
}

fn slipring(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_slipring-under-test")).args(args).output().unwrap()
}

fn fine(args: &[&str]) -> String {
    let output = slipring(args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Why it can't be done.
fn refused(args: &[&str]) -> String {
    let output = slipring(args);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{args:?}: {said}");
    said
}

fn journal(folder: &tempfile::TempDir) -> String {
    let path = folder.path().join("orders");
    orders(&path);
    path.to_str().unwrap().to_owned()
}

#[test]
fn csv_and_json_lines_say_every_field_as_its_schema_means_it() {
    let folder = tempfile::tempdir().unwrap();
    let journal = journal(&folder);
    let csv = fine(&["replay", &journal]);
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(
        lines[0],
        "_sequence,_time,_epoch,ts,side,live,big,legs[0].px,legs[0].qty,legs[1].px,legs[1].qty,symbol,levels"
    );
    assert_eq!(
        lines[3],
        "2,2024-03-10T09:30:00.000000002Z,1,2024-03-10T09:30:00.000000002Z,buy,false,\
         340282366920938463463374607431768211453,100.02,2,-0.05,2,\"A,\"\"B\"\"\",\"[1,-2,3,2]\""
    );
    assert_eq!(lines.len(), 11);
    let jsonl = fine(&["replay", &journal, "--json", "--from-sequence", "2", "--to-sequence", "3"]);
    let object: Value = serde_json::from_str(&jsonl).unwrap();
    let wanted = json!({
        "_sequence": 2, "_time": "2024-03-10T09:30:00.000000002Z", "_epoch": 1,
        "ts": "2024-03-10T09:30:00.000000002Z", "side": "buy", "live": false,
        "big": "340282366920938463463374607431768211453", "legs[0].px": 100.02, "legs[0].qty": 2,
        "legs[1].px": -0.05, "legs[1].qty": 2, "symbol": "A,\"B\"", "levels": [1, -2, 3, 2],
    });
    assert_eq!(object, wanted);
}

#[test]
fn a_choice_is_exact_to_the_nanosecond_and_to_128_bits() {
    let folder = tempfile::tempdir().unwrap();
    let journal = journal(&folder);
    let sequences = |args: &[&str]| {
        let all = [&["replay", journal.as_str(), "--fields", "_sequence"], args].concat();
        fine(&all).lines().skip(1).map(str::to_owned).collect::<Vec<_>>().join(" ")
    };
    for (args, wanted) in [
        (&["--from", "2024-03-10T09:30:00.000000007Z"][..], "7 8 9"),
        (&["--from", "2024-03-10 09:30:00.000000007"], "7 8 9"),
        (&["--from", "09:30:00.000000008"], "8 9"),
        (&["--from", "09:30", "--to", "09:30:00.000000002"], "0 1"),
        (&["--from", "2024-03-10", "--limit", "2"], "0 1"),
        (&["--from", "1710063000000000009"], "9"),
        (&["--from", "2024-03-11"], ""),
        (&["--last", "3"], "7 8 9"),
        (&["--last", "3", "--to-sequence", "5"], "2 3 4"),
        (&["--last", "2", "--where", "side == buy"], "6 8"),
        (&["--limit", "2", "--where", "side == sell"], "1 3"),
        (&["--where", "legs[0].px >= 100.075 and symbol == 'ABC'"], "8 9"),
        (&["--where", "big == 340282366920938463463374607431768211448"], "7"),
        (&["--where", "ts > '2024-03-10T09:30:00.000000008Z'"], "9"),
        (&["--where", "live and not side == buy"], "3 9"),
        (&["--where", "_sequence in (1, 2) or levels[3] = 5"], "1 2 5"),
    ] {
        assert_eq!(sequences(args), wanted, "{args:?}");
    }
}

#[test]
fn what_makes_no_sense_is_refused_and_says_what_would() {
    let folder = tempfile::tempdir().unwrap();
    let journal = journal(&folder);
    for (args, wanted) in [
        (&["--where", "prize > 5"][..], "prize"),
        (&["--where", "side > 'x'"], "side"),
        (&["--where", "side =="], "side =="),
        (&["--fields", "legs,nope"], "there are _sequence, _time, _epoch, ts"),
        (&["--fields", "side,side"], "named twice"),
        (&["--from", "09:30", "--to", "09:00"], "does not lie before"),
        (&["--from-sequence", "5", "--to-sequence", "5"], "does not lie before"),
        (&["--from", "half past nine"], "09:30"),
        (&["--format", "lobster"], "no LOBSTER messages"),
    ] {
        let said = refused(&[&["replay", journal.as_str()], args].concat());
        assert!(said.contains(wanted), "{args:?}: {said}");
    }
}

#[test]
fn a_struct_is_chosen_by_its_name_and_columns_come_in_the_order_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let journal = journal(&folder);
    let csv = fine(&["replay", &journal, "--fields", "symbol,legs[1],_sequence", "--limit", "1"]);
    assert_eq!(csv, "symbol,legs[1].px,legs[1].qty,_sequence\nABC,-0.05,0,0\n");
}

#[test]
fn a_table_shows_what_fits_and_names_what_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let journal = journal(&folder);
    let table = fine(&["replay", &journal, "--format", "table", "--fields", "_sequence,side,legs[0].px"]);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines[..2], ["sequence  side  legs[0].px", "       0  buy       100.00"]);
    assert_eq!(lines.len(), 11);
    let wide = fine(&["replay", &journal, "--format", "table"]);
    assert!(wide.starts_with('(') && wide.contains("more from"), "{wide}");
}

#[test]
fn a_one_of_event_shows_the_fields_of_its_variant() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("messages");
    let (mut writer, _) = Journal::at(&path).open::<MessageEvent>().unwrap();
    for (time_ns, message) in
        [(1, Message::Heartbeat), (2, Message::Cancel(9)), (3, Message::Order(order(0)))]
    {
        writer.append(time_ns, &MessageEvent::from(message)).unwrap();
    }
    writer.append(4, &bytemuck::Zeroable::zeroed()).unwrap();
    writer.append_void(5).unwrap();
    writer.close().unwrap();
    let journal = path.to_str().unwrap();
    let fields = "_variant,Cancel,Order.side";
    let csv = fine(&["replay", journal, "--fields", fields]);
    assert_eq!(csv, "_variant,Cancel.0,Order.side\nHeartbeat,,\nCancel,9,\nOrder,,buy\n0,,\n");
    let jsonl = fine(&["replay", journal, "--fields", fields, "--json"]);
    let wanted = "{\"_variant\":\"Heartbeat\"}\n{\"_variant\":\"Cancel\",\"Cancel.0\":9}\n\
                  {\"_variant\":\"Order\",\"Order.side\":\"buy\"}\n{\"_variant\":0}\n{\"_void\":true}\n";
    assert_eq!(jsonl, wanted);
    let chosen = fine(&["replay", journal, "--fields", "_sequence", "--where", "_variant == Cancel"]);
    assert_eq!(chosen, "_sequence\n1\n");
    let none = slipring(&["replay", journal, "--format", "none"]);
    let said = String::from_utf8_lossy(&none.stdout).into_owned();
    assert!(said.contains("replayed 5 records") && said.contains("1 of them hold no event"), "{said}");
}

#[test]
fn an_export_is_whole_or_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let journal = journal(&folder);
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let said = fine(&["export", &journal, "--output", &path("all.csv")]);
    assert!(said.starts_with("exported 10 events"), "{said}");
    assert_eq!(std::fs::read_to_string(path("all.csv")).unwrap(), fine(&["replay", &journal]));
    // By its name, and compressed by its name.
    fine(&["export", &journal, "-o", &path("some.jsonl.gz"), "--where", "_sequence < 4"]);
    let mut text = String::new();
    let file = std::fs::File::open(path("some.jsonl.gz")).unwrap();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    assert_eq!(text, fine(&["replay", &journal, "--json", "--limit", "4"]));
    assert_eq!(fine(&["export", &journal, "-o", "-", "--format", "csv"]), fine(&["replay", &journal]));
    // What is there is not replaced unasked, and what fails leaves nothing behind.
    assert!(refused(&["export", &journal, "-o", &path("all.csv")]).contains("--overwrite"));
    fine(&["export", &journal, "-o", &path("all.csv"), "--overwrite", "--last", "1"]);
    assert_eq!(std::fs::read_to_string(path("all.csv")).unwrap().lines().count(), 2);
    for (name, more, wanted) in [
        ("x.unknown", &[][..], "--format csv, jsonl, parquet"),
        ("x.csv", &["--compress", "zstd"], "none, gzip"),
        ("x.csv", &["--format", "xml"], "no format \"xml\""),
        ("x.csv", &["--partition", "nope"], "no field"),
        ("x.csv", &["--partition", "legs"], "is a structure: take one of legs[0].px"),
        ("x.csv", &["--compress", "none:9"], "none, gzip"),
        ("no/x.csv", &[], "No such file"),
    ] {
        let said = refused(&[&["export", journal.as_str(), "-o", &path(name)], more].concat());
        assert!(said.contains(wanted), "{name} {more:?}: {said}");
    }
    assert_eq!(names(folder.path()), ["all.csv", "orders", "some.jsonl.gz"]);
}

/// What an export can't have written is not replaced, and least of all a journal.
#[test]
fn overwrite_replaces_an_export_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let journal = journal(&folder);
    let path = |name: &str| folder.path().join(name);
    std::fs::create_dir(path("notes")).unwrap();
    std::fs::write(path("notes/keep"), "x").unwrap();
    std::os::unix::fs::symlink(path("notes"), path("link")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, path("fifo"), rustix::fs::Mode::RWXU).unwrap();
    for (name, parts, wanted) in [
        ("orders", false, "folder"),
        ("orders", true, "more than parts"),
        ("notes/", false, "folder"),
        ("notes", true, "more than parts"),
        ("link/", false, "no regular file"),
        ("fifo", false, "no regular file"),
    ] {
        let name = format!("{}/{name}", folder.path().display());
        let more: &[&str] = if parts { &["--partition", "side"] } else { &[] };
        let all =
            [&["export", journal.as_str(), "-o", &name, "--format", "csv", "--overwrite"], more].concat();
        let said = refused(&all);
        assert!(said.contains(wanted), "{name}: {said}");
    }
    assert_eq!(std::fs::read(path("notes/keep")).unwrap(), b"x");
    assert_eq!(fine(&["replay", &journal]).lines().count(), 11);
    // Parts are replaced by parts.
    let parts = path("parts");
    for limit in ["10", "1"] {
        let parts = parts.to_str().unwrap();
        let args = [
            "export",
            &journal,
            "-o",
            parts,
            "--format",
            "csv",
            "--partition",
            "side",
            "--overwrite",
            "--limit",
            limit,
        ];
        fine(&args);
    }
    assert_eq!(std::fs::read_dir(&parts).unwrap().count(), 1);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 5, "nothing is left beside");
}

#[test]
fn an_export_that_is_interrupted_leaves_nothing() {
    use std::os::unix::process::CommandExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("many");
    let (mut writer, _) = Journal::at(&path).open::<Order>().unwrap();
    for n in 0..200_000 {
        writer.append(OPEN_NS + n, &order(n)).unwrap();
    }
    writer.close().unwrap();
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_slipring-under-test"));
        command
            .args(["export".as_ref(), path.as_os_str(), "-o".as_ref()])
            .arg(folder.path().join("out.csv.gz"));
        // SAFETY: between fork and exec only signal dispositions are set.
        unsafe {
            command.pre_exec(move || {
                libc::signal(signal, libc::SIG_DFL);
                Ok(())
            })
        };
        let mut child = command.spawn().unwrap();
        // Once it writes.
        while std::fs::read_dir(folder.path()).unwrap().count() == 1 {
            assert!(child.try_wait().unwrap().is_none(), "it has ended already");
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::from_named_raw(signal).unwrap()).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(1), "{signal}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "{signal}");
    }
}

#[test]
fn what_lies_before_damage_can_be_had_and_what_lies_behind() {
    let folder = tempfile::tempdir().unwrap();
    let journal = journal(&folder);
    let segment = folder.path().join("orders").join(format!("{:020}.seg", 0));
    let file = std::fs::OpenOptions::new().write(true).open(segment).unwrap();
    let record = slipring_journal::Record::<Order>::BYTES as u64;
    let damage = |sequence: u64| {
        let at = slipring_journal::HEADER_BYTES + sequence * record + 20;
        std::os::unix::fs::FileExt::write_all_at(&file, &[9], at).unwrap();
    };
    let sequences = |args: &[&str]| {
        let all = [&["replay", journal.as_str(), "--fields", "_sequence"], args].concat();
        fine(&all).lines().skip(1).map(str::to_owned).collect::<Vec<_>>().join(" ")
    };
    damage(5);
    assert_eq!(sequences(&["--to-sequence", "5"]), "0 1 2 3 4");
    assert_eq!(sequences(&["--limit", "5"]), "0 1 2 3 4");
    damage(0);
    assert_eq!(sequences(&["--from-sequence", "8"]), "8 9");
    assert_eq!(sequences(&["--last", "2"]), "8 9");
    let follow = ["follow", &journal, "--fields", "_sequence", "--last", "2", "--limit", "2"];
    assert_eq!(fine(&follow), "_sequence\n8\n9\n");
}

#[test]
fn a_time_that_goes_back_is_shown_beside_the_journal_s() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("orders");
    let (mut writer, _) = Journal::at(&path).max_time_step(std::time::Duration::MAX).open::<Order>().unwrap();
    for n in [5, 3, u64::MAX - OPEN_NS] {
        writer.append(OPEN_NS + n, &Order { ts: OPEN_NS + n, ..order(0) }).unwrap();
    }
    writer.close().unwrap();
    let journal = path.to_str().unwrap();
    let table = fine(&["replay", journal, "--format", "table"]);
    assert!(table.contains("2024-03-10T09:30:00.000000005Z (ts 2024-03-10T09:30:00.000000003Z)"), "{table}");
    // The greatest time of all ends nobody who asked for no end.
    let all = fine(&["follow", journal, "--fields", "_sequence", "--limit", "3", "--from-sequence", "0"]);
    assert_eq!(all, "_sequence\n0\n1\n2\n");
}

#[test]
fn an_export_of_a_damaged_journal_fails_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let journal = journal(&folder);
    let segment = folder.path().join("orders").join(format!("{:020}.seg", 0));
    let file = std::fs::OpenOptions::new().write(true).open(segment).unwrap();
    let record = slipring_journal::Record::<Order>::BYTES as u64;
    std::os::unix::fs::FileExt::write_all_at(&file, &[9], slipring_journal::HEADER_BYTES + 5 * record + 20)
        .unwrap();
    let output = folder.path().join("all.csv");
    let ran = slipring(&["export", &journal, "-o", output.to_str().unwrap()]);
    assert_eq!(ran.status.code(), Some(2), "{ran:?}");
    assert!(!output.exists());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    let replay = slipring(&["replay", &journal]);
    assert_eq!(String::from_utf8_lossy(&replay.stdout).lines().count(), 6, "what lies before the damage");
}

#[test]
fn parts_are_folders_by_day_hour_or_value() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("orders");
    let (mut writer, _) = Journal::at(&path).open::<Order>().unwrap();
    for n in 0..6u64 {
        writer.append(OPEN_NS + n * 10 * 3_600_000_000_000, &order(n)).unwrap();
    }
    writer.close().unwrap();
    let journal = path.to_str().unwrap();
    let parts = |by: &str| {
        let output = folder.path().join(format!("by-{by}"));
        fine(&["export", journal, "-o", output.to_str().unwrap(), "--format", "csv", "--partition", by]);
        let mut parts: Vec<(String, usize)> = std::fs::read_dir(&output)
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let text = std::fs::read_to_string(entry.path().join("part-0.csv")).unwrap();
                (entry.file_name().into_string().unwrap(), text.lines().count() - 1)
            })
            .collect();
        parts.sort();
        parts
    };
    let named = |parts: &[(&str, usize)]| -> Vec<(String, usize)> {
        parts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    };
    assert_eq!(parts("day"), named(&[("day=2024-03-10", 2), ("day=2024-03-11", 2), ("day=2024-03-12", 2)]));
    assert_eq!(parts("hour")[0], ("hour=2024-03-10T09".to_owned(), 1));
    assert_eq!(parts("side"), named(&[("side=buy", 3), ("side=sell", 3)]));
    assert_eq!(parts("symbol"), named(&[("symbol=A,%22B%22", 1), ("symbol=ABC", 5)]));
}

#[test]
fn what_is_followed_is_chosen_too() {
    let folder = tempfile::tempdir().unwrap();
    let journal = journal(&folder);
    let follow =
        |args: &[&str]| fine(&[&["follow", journal.as_str(), "--fields", "_sequence"], args].concat());
    assert_eq!(follow(&["--from-sequence", "3", "--limit", "2"]), "_sequence\n3\n4\n");
    assert_eq!(follow(&["--last", "2", "--where", "side == buy", "--limit", "2"]), "_sequence\n6\n8\n");
    assert_eq!(follow(&["--from", "09:30", "--to-sequence", "2"]), "_sequence\n0\n1\n");
    assert_eq!(follow(&["--from", "09:30", "--to", "09:30:00.000000001"]), "_sequence\n0\n");
}
