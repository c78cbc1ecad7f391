//! How commands end when nobody reads any more, and when a signal says stop.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal};

use crate::place::names;

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slipring-under-test"));
    command.args(args);
    // What a shell starts in the background ignores it, and so does all that is started from there.
    // SAFETY: a plain call with numbers that there are.
    let heed = || match unsafe { libc::signal(libc::SIGINT, libc::SIG_DFL) } {
        libc::SIG_ERR => Err(std::io::Error::last_os_error()),
        _ => Ok(()),
    };
    // SAFETY: between fork and exec only one system call is made, which is safe there.
    unsafe { command.pre_exec(heed) };
    command
}

/// A journal of the command, and a folder for what commands write.
struct Place {
    folder: tempfile::TempDir,
    journal: String,
}

impl Place {
    fn new(messages: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let journal = folder.path().join("journal").to_str().unwrap().to_owned();
        let input = format!("synthetic:{messages}");
        let output = command(&["record", &journal, "--input", &input]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        Place { folder, journal }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A command line of every command that prints and ends by itself.
    fn all(&self) -> Vec<Vec<String>> {
        let (journal, into) = (self.journal.as_str(), self.path("salvaged"));
        let more = self.path("more");
        let (into, more) = (into.to_str().unwrap(), more.to_str().unwrap());
        let lines: [&[&str]; 11] = [
            &["inspect", journal],
            &["inspect", journal, "--json"],
            &["verify", journal],
            &["stages", journal],
            &["dead-letters", journal],
            &["replay", journal],
            &["replay", journal, "--format", "csv"],
            &["salvage", journal, into],
            &["record", more, "--input", "synthetic:100"],
            &["completions", "bash"],
            &["man"],
        ];
        lines.iter().map(|line| line.iter().map(|word| (*word).to_owned()).collect()).collect()
    }
}

/// Both ends of a pipe.
fn pipe() -> (OwnedFd, OwnedFd) {
    let (read, write) = std::io::pipe().unwrap();
    (read.into(), write.into())
}

/// A pipe that takes no byte more.
fn full_pipe() -> (OwnedFd, OwnedFd) {
    let (read, write) = pipe();
    rustix::io::ioctl_fionbio(&write, true).unwrap();
    while rustix::io::write(&write, &[b'x'; 4096]).is_ok() {}
    while rustix::io::write(&write, b"x").is_ok() {}
    rustix::io::ioctl_fionbio(&write, false).unwrap();
    (read, write)
}

fn wait_till_blocked(id: u32) {
    let stat = || std::fs::read_to_string(format!("/proc/{id}/wchan")).unwrap();
    while !stat().contains("pipe") {
        std::thread::yield_now();
    }
}

fn send(id: u32, signal: Signal) {
    rustix::process::kill_process(Pid::from_raw(id as i32).unwrap(), signal).unwrap();
}

#[test]
fn a_reader_that_has_gone_before_the_first_byte_is_no_failure_of_any_command() {
    let place = Place::new(100);
    let mut lines = place.all();
    lines.push(vec!["--help".to_owned()]);
    for args in lines {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let (read, write) = pipe();
        drop(read);
        let output = command(&args).stdout(Stdio::from(write)).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {said}");
        assert!(!said.contains("ipe"), "{args:?}: {said}");
    }
}

/// A full disk is one: also where the text is short.
#[test]
fn an_output_that_takes_nothing_is_an_i_o_error_of_every_command() {
    let place = Place::new(100);
    for args in place.all() {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = command(&args).stdout(Stdio::from(full)).output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{args:?}: {output:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("write to the standard output"), "{args:?}: {said}");
    }
}

/// Commands that only read leave nothing behind, so a signal ends them as it ends anything.
#[test]
fn a_signal_ends_a_command_that_is_stuck() {
    let place = Place::new(100);
    for args in place.all() {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let (_read, write) = full_pipe();
        let mut child = command(&args).stdout(Stdio::from(write)).stderr(Stdio::null()).spawn().unwrap();
        wait_till_blocked(child.id());
        send(child.id(), Signal::INT);
        let status = child.wait().unwrap();
        assert_eq!(status.signal(), Some(Signal::INT.as_raw()), "{args:?}: {status:?}");
    }
}

/// Whoever has no patience sends a second one.
#[test]
fn a_signal_leaves_nothing_half_made() {
    let place = Place::new(1_000_000);
    let path = |name: &str| place.path(name).to_str().unwrap().to_owned();
    let (out, parts, salvaged, atomic) = (path("out.csv"), path("parts"), path("salvaged"), path("atomic"));
    let lines: [(&[&str], &str); 4] = [
        (&["export", &place.journal, "-o", &out], ".out.csv.partial-"),
        (
            &["export", &place.journal, "-o", &parts, "--format", "csv", "--partition", "direction"],
            ".parts.partial-",
        ),
        (&["salvage", &place.journal, &salvaged], "salvaged"),
        (&["record", &atomic, "--input", &place.journal, "--atomic"], "atomic.part"),
    ];
    for (args, half_made) in lines {
        for signals in [1, 2] {
            let mut child = command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            while !names(place.folder.path()).iter().any(|name| name.starts_with(half_made)) {
                assert!(child.try_wait().unwrap().is_none(), "{args:?} ended before it began");
                std::thread::yield_now();
            }
            for _ in 0..signals {
                send(child.id(), Signal::TERM);
                // Those that come together are one.
                std::thread::sleep(std::time::Duration::from_millis(120));
            }
            assert_eq!(child.wait().unwrap().code(), Some(1), "{args:?} after {signals}");
            assert_eq!(names(place.folder.path()), ["journal"], "{args:?} after {signals}");
        }
    }
}

/// Reads one line and goes; how the command then ends.
fn head_1(args: &[&str]) -> ExitStatus {
    use std::io::{BufRead, BufReader};
    let mut child = command(args).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(!line.is_empty());
    child.wait().unwrap()
}

/// `slipring follow JOURNAL | head -1` on a journal into which nobody writes.
#[test]
fn who_prints_slowly_notices_that_the_reader_has_gone() {
    let place = Place::new(100);
    let hour = "34200,1,1,1,1,1\n37800,1,2,1,1,1\n";
    std::fs::write(place.path("slow.csv"), hour).unwrap();
    let (slow, input) = (place.path("slow"), place.path("slow.csv"));
    let (slow, input) = (slow.to_str().unwrap(), input.to_str().unwrap());
    assert!(command(&["record", slow, "--input", input]).status().unwrap().success());
    let lines: [&[&str]; 4] = [
        &["follow", &place.journal, "--last", "1"],
        &["follow", &place.journal, "--last", "1", "--json"],
        // The second message is due an hour after the first.
        &["replay", slow, "--speed", "1x", "--format", "csv"],
        &["replay", slow, "--speed", "1x", "--format", "jsonl"],
    ];
    for args in lines {
        assert_eq!(head_1(args).code(), Some(0), "{args:?}");
    }
}

/// The engine runs on; the next look is an hour away.
#[test]
fn top_that_watches_notices_that_the_reader_has_gone_and_ends_by_a_signal() {
    use slipring::{Context, Engine, Event, Gate, Journal, Lane};
    #[derive(Clone, Copy, Debug, Event)]
    #[repr(C)]
    struct Tick {
        price: u64,
    }
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("ticks");
    let lane = Lane::named("main").journal().stage("book", |_: &Tick, _: &Context| (), Gate::JOURNALLED);
    let builder = Engine::builder().ring_capacity(64).journal(Journal::at(&journal).segment_records(64));
    let (engine, _publisher) = builder.lane(lane).go_live().unwrap();
    let journal = journal.to_str().unwrap();
    assert_eq!(head_1(&["top", journal, "--watch=3600", "--json"]).code(), Some(0));
    let mut child = command(&["top", journal, "--watch=3600"]).stdout(Stdio::null()).spawn().unwrap();
    send(child.id(), Signal::INT);
    assert_eq!(child.wait().unwrap().signal(), Some(Signal::INT.as_raw()));
    drop(engine);
}

/// Whoever reads has seen enough, or says so: no part of the demo goes on.
#[test]
fn the_demo_ends_with_its_reader_and_by_a_signal_and_its_child_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (one, other) = (path("one"), path("other"));
    assert_eq!(head_1(&["demo", "--events", "5000", "--kills", "2", "--dir", &one]).code(), Some(0));
    let mut child = command(&["demo", "--events", "2000000", "--dir", &other])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let journal = folder.path().join("other/journal/control");
    while !journal.exists() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it began");
        std::thread::yield_now();
    }
    send(child.id(), Signal::INT);
    assert_eq!(child.wait().unwrap().signal(), Some(Signal::INT.as_raw()));
    // Its child finds nobody to report to, and lets go of the journal.
    let journal = slipring_journal::__private::storage::Files::new(folder.path().join("other/journal"));
    while journal.is_locked() == Some(true) {
        std::thread::yield_now();
    }
}
