//! Names, paths and outputs that do not behave: text is fit for a terminal, JSON is JSON, and where nobody
//! listens the status still tells.

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use slipring_tests::folders::copy_folder;
use slipring_tests::journals::{BLOCK_BYTES, HEADER_BYTES, mend_checksum, segment};

use crate::ran::{Ran, command, run, wait};
use crate::sample;

const HOSTILE: &str = "a\u{1b}[2J\u{1b}]0;title\u{7}\r\u{9b}31m\u{7f}\u{202e}txt";

fn is_shown(character: char) -> bool {
    character == '\n' || !(character.is_control() || ('\u{202a}'..='\u{202e}').contains(&character))
}

fn check_shown(ran: &Ran, what: &str) {
    let text = format!("{}{}", ran.out(), ran.err);
    assert!(text.chars().all(is_shown), "{what}: {text:?}");
}

/// The commands that read a journal, with and without `--json`.
fn looks(journal: &Path, into: &Path) -> Vec<(String, Ran)> {
    let mut all = Vec::new();
    for name in ["inspect", "verify", "stages", "dead-letters", "top", "replay", "follow", "salvage"] {
        for json in [false, true] {
            let mut args = vec![OsStr::new(name), journal.as_os_str()];
            match (name, json) {
                ("salvage", _) => args.push(into.as_os_str()),
                ("replay", false) => args.extend(["--format", "csv"].map(OsStr::new)),
                ("replay", true) => args.extend(["--format", "jsonl"].map(OsStr::new)),
                _ => {}
            }
            if json && name != "replay" {
                args.push(OsStr::new("--json"));
            }
            let ran = run(args);
            if json {
                for line in ran.out().lines() {
                    let value: Result<Value, _> = serde_json::from_str(line);
                    assert!(value.is_ok(), "{name}: {line}");
                }
            }
            all.push((format!("{name}, json {json}"), ran));
            let _ = std::fs::remove_dir_all(into);
        }
    }
    all
}

#[test]
fn row_names_and_paths_are_shown_and_not_obeyed() {
    let place = tempfile::tempdir().unwrap();
    let journal = place.path().join(HOSTILE);
    sample::make(&journal);
    for name in sample::files(&journal).iter().filter(|name| name.ends_with(".seg")) {
        let path = journal.join(name);
        let mut bytes = std::fs::read(&path).unwrap();
        for block in bytes[..2 * BLOCK_BYTES].chunks_exact_mut(BLOCK_BYTES) {
            let text = format!("E{HOSTILE} 48\nf{HOSTILE} [u8;48]{HOSTILE} 0 48\n");
            block[60..64].copy_from_slice(&(text.len() as u32).to_le_bytes());
            block[128..128 + text.len()].copy_from_slice(text.as_bytes());
            mend_checksum(block);
        }
        std::fs::write(path, bytes).unwrap();
    }
    // What settled them is shown with them.
    let settled = run([
        "dead-letters".as_ref(),
        journal.as_os_str(),
        "--stage".as_ref(),
        "sum".as_ref(),
        "--sequence".as_ref(),
        "48".as_ref(),
        "--settle".as_ref(),
        OsStr::new(HOSTILE),
    ]);
    assert_eq!(settled.code(), Some(0), "{}", settled.err);
    check_shown(&settled, "settle");
    let all = run(["dead-letters".as_ref(), journal.as_os_str(), "--all".as_ref()]);
    assert!(all.out().contains("\\u{1b}[2J"), "{}", all.out());
    check_shown(&all, "dead-letters --all");
    // Two folders of no stage.
    std::fs::create_dir(journal.join("stages").join(HOSTILE)).unwrap();
    std::fs::create_dir(journal.join("stages/a\nb")).unwrap();
    let into = place.path().join(format!("into{HOSTILE}"));
    for (what, ran) in looks(&journal, &into) {
        check_shown(&ran, &what);
    }
    let info = run(["inspect".as_ref(), journal.as_os_str()]);
    assert!(info.out().contains("Ea\\u{1b}[2J"), "{}", info.out());
    let nowhere = run(["inspect".as_ref(), place.path().join(format!("no{HOSTILE}")).as_os_str()]);
    assert_eq!(nowhere.code(), Some(3));
    check_shown(&nowhere, "nowhere");
    check_shown(&run(["inspect", "--json", &format!("--{HOSTILE}")]), "an argument");
    check_shown(&run([HOSTILE]), "a command");
}

#[test]
fn row_the_holder_of_a_lock_is_shown_and_not_obeyed() {
    let place = tempfile::tempdir().unwrap();
    let journal = place.path().join("journal");
    let writer = slipring_journal::Journal::at(&journal).open::<slipring_cli::flow::message::OrderMessage>();
    std::fs::write(journal.join("LOCK"), format!("process {HOSTILE}\n{HOSTILE}\n")).unwrap();
    let ran = run(["record".as_ref(), journal.as_os_str(), "--input".as_ref(), "synthetic:10".as_ref()]);
    assert_eq!(ran.code(), Some(3), "{}", ran.out());
    check_shown(&ran, "locked");
    drop(writer);
}

#[test]
fn row_a_path_that_is_no_utf_8() {
    let place = tempfile::tempdir().unwrap();
    let journal = place.path().join(OsStr::from_bytes(b"odd \xff\xfe name"));
    let into = place.path().join(OsStr::from_bytes(b"into \xff"));
    sample::make(&journal);
    let codes: Vec<_> = looks(&journal, &into).into_iter().map(|(what, ran)| (what, ran.code())).collect();
    for (what, code) in &codes {
        let wanted = if what.starts_with("top") { Some(3) } else { Some(0) };
        assert!(*code == wanted || (code.is_none() && what.starts_with("follow")), "{what}: {code:?}");
    }
    let info: Value =
        serde_json::from_str(&run(["inspect".as_ref(), journal.as_os_str(), "--json".as_ref()]).out())
            .unwrap();
    assert!(info["path"].as_str().unwrap().ends_with("odd \u{fffd}\u{fffd} name"), "{info}");
    // Damaged, missing, or with something in the way.
    let path = journal.join(segment(0));
    OpenOptions::new()
        .write(true)
        .open(&path)
        .unwrap()
        .write_all_at(&[7], HEADER_BYTES as u64 + 100)
        .unwrap();
    looks(&journal, &into);
    std::fs::write(&path, "").unwrap();
    looks(&journal, &into);
    std::fs::remove_file(journal.join("control")).unwrap();
    looks(&journal, &into);
    looks(&place.path().join(OsStr::from_bytes(b"no\xff")), &into);
    let letters = place.path().join(OsStr::from_bytes(b"letters\xff"));
    let journal = place.path().join(OsStr::from_bytes(b"second\xff"));
    sample::make(&journal);
    let args = ["dead-letters".as_ref(), journal.as_os_str(), "--into".as_ref(), letters.as_os_str()];
    assert_eq!(run(args).code(), Some(0));
    assert_eq!(run(args).code(), Some(3));
    let record = |input: &OsStr| run(["record".as_ref(), journal.as_os_str(), "--input".as_ref(), input]);
    assert_eq!(record(OsStr::from_bytes(b"no\xff")).code(), Some(3));
    let demo = place.path().join(OsStr::from_bytes(b"demo\xff"));
    let args = [
        "demo".as_ref(),
        "--json".as_ref(),
        "--events".as_ref(),
        "1000".as_ref(),
        "--kills".as_ref(),
        "1".as_ref(),
        "--dir".as_ref(),
        demo.as_os_str(),
    ];
    let ran = run(args);
    assert!(ran.out().lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{}", ran.out());
}

/// A pipe that takes nothing: its reader is gone, or it is full and nobody reads.
fn pipe(full: bool) -> (Option<OwnedFd>, OwnedFd) {
    let (reader, writer) = std::io::pipe().unwrap();
    let (reader, writer) = (OwnedFd::from(reader), OwnedFd::from(writer));
    if !full {
        return (None, writer);
    }
    rustix::io::ioctl_fionbio(&writer, true).unwrap();
    while rustix::io::write(&writer, &[b'x'; 1024]).is_ok() {}
    while rustix::io::write(&writer, b"x").is_ok() {}
    rustix::io::ioctl_fionbio(&writer, false).unwrap();
    assert!(reader.as_raw_fd() != writer.as_raw_fd());
    (Some(reader), writer)
}

fn full_disk() -> Stdio {
    OpenOptions::new().write(true).open("/dev/full").unwrap().into()
}

#[test]
fn row_a_full_disk_and_a_reader_that_is_gone_change_no_verdict() {
    let place = tempfile::tempdir().unwrap();
    let (journal, corrupt) = (place.path().join("journal"), place.path().join("corrupt"));
    sample::make(&journal);
    copy_folder(&journal, &corrupt);
    let file = OpenOptions::new().write(true).open(corrupt.join(segment(0))).unwrap();
    file.write_all_at(&[7], HEADER_BYTES as u64 + 100).unwrap();
    let into = place.path().join("into");
    let args = |name: &'static str, journal: &PathBuf, more: &[&'static str]| -> Vec<std::ffi::OsString> {
        let mut args = vec![name.into(), journal.into()];
        if name == "salvage" {
            args.push(into.clone().into());
        }
        args.extend(more.iter().map(|arg| (*arg).into()));
        args
    };
    // The arguments, then the statuses where the disk is full and where the reader is gone.
    let commands = [
        (args("inspect", &journal, &[]), 3, 0),
        (args("inspect", &journal, &["--json"]), 3, 0),
        (args("verify", &journal, &[]), 3, 0),
        (args("verify", &corrupt, &[]), 3, 2),
        (args("verify", &corrupt, &["--json"]), 3, 2),
        (args("salvage", &corrupt, &[]), 3, 1),
        (args("stages", &journal, &[]), 3, 0),
        (args("dead-letters", &journal, &[]), 3, 0),
        (args("replay", &journal, &["--format", "csv"]), 3, 0),
        (args("replay", &journal, &[]), 3, 0),
        (vec!["--help".into()], 3, 0),
        (vec!["man".into()], 3, 0),
        (vec!["completions".into(), "bash".into()], 3, 0),
    ];
    for (args, full, gone) in commands {
        for (what, wanted) in [("full", full), ("gone", gone)] {
            let mut command = command();
            command.args(&args).stdin(Stdio::null()).stderr(Stdio::null());
            match what {
                "full" => command.stdout(full_disk()),
                _ => command.stdout(Stdio::from(pipe(false).1)),
            };
            let status = wait(&mut command);
            assert_eq!(status.code(), Some(wanted), "{args:?}, {what}");
            let _ = std::fs::remove_dir_all(&into);
        }
        // Nobody hears what went wrong: the status is the same, and not that of a panic.
        let mut deaf = command();
        deaf.args(&args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(full_disk());
        let status = wait(&mut deaf);
        assert_ne!(status.code(), Some(101), "{args:?}");
        let _ = std::fs::remove_dir_all(&into);
    }
    let mut deaf = command();
    deaf.args(["inspect", "/nowhere"]).stdin(Stdio::null()).stdout(full_disk()).stderr(full_disk());
    assert_eq!(wait(&mut deaf).code(), Some(3));
}

/// What was to be listed did not arrive, and so nobody has dealt with it.
#[test]
fn a_dead_letter_that_could_not_be_listed_is_not_settled() {
    let place = tempfile::tempdir().unwrap();
    let journal = place.path().join("journal");
    sample::make(&journal);
    let settle = |out: Stdio| {
        let mut command = command();
        command.args(["dead-letters".as_ref(), journal.as_os_str(), "--stage".as_ref(), "sum".as_ref()]);
        command.args(["--settle", "sent on"]).stdin(Stdio::null()).stderr(Stdio::null()).stdout(out);
        wait(&mut command).code()
    };
    let open = || slipring::DeadLetters::of(&journal).unwrap().open().len();
    assert_eq!(open(), 4);
    assert_eq!((settle(pipe(false).1.into()), open()), (Some(3), 4));
    assert_eq!((settle(full_disk()), open()), (Some(3), 4));
    assert_eq!((settle(Stdio::null()), open()), (Some(0), 0));
}

/// `follow` ends by a signal whatever its output does, and so does `record` once all is durable.
#[test]
fn row_a_signal_ends_a_command_whose_output_is_stuck() {
    let place = tempfile::tempdir().unwrap();
    let journal = place.path().join("journal");
    sample::make(&journal);
    let (_reader, writer) = pipe(true);
    let mut follow = command();
    follow.arg("follow").arg(&journal).args(["--from-sequence", "0"]).stdin(Stdio::null()).stdout(writer);
    assert_eq!(wait(&mut follow).code(), Some(1), "it was cut short");

    let (_reader, writer) = pipe(true);
    let new = place.path().join("new");
    let mut record = command();
    record.arg("record").arg(&new).args(["--input", "synthetic:10"]).stdin(Stdio::null()).stdout(writer);
    let child = record.stderr(Stdio::null()).spawn().unwrap();
    while !slipring_journal::inspect(&new).is_ok_and(|info| info.closed) {
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_millis(200));
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    let (done, is_done) = std::sync::mpsc::channel();
    let mut child = child;
    std::thread::spawn(move || done.send(child.wait().unwrap()));
    let ended = is_done.recv_timeout(Duration::from_secs(120));
    if ended.is_err() {
        rustix::process::kill_process(id, rustix::process::Signal::KILL).unwrap();
    }
    assert!(ended.is_ok(), "it hangs");
    assert_eq!(run(["verify".as_ref(), new.as_os_str()]).code(), Some(0));
}
