//! Something else lies where a file of ours should be: a link, a link in a circle, a named pipe, a device, a
//! folder, a socket. It is never followed, waited for, read or written, by whatever would have opened it.

use std::os::unix::fs::{FileTypeExt, symlink};
use std::os::unix::net::UnixListener;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use slipring::{Engine, EngineBuilder, Journal, Lane, ReplayFrom, Snapshots, SyncMode};
use slipring_journal::{JournalFault, OpenError};
use slipring_tests::children::{is_root, skipped};
use slipring_tests::journals::{Note, note};
use slipring_tests::keeps_all;

fn engine(folder: &Path) -> EngineBuilder<Note> {
    let stage = keeps_all::stage(Snapshots::every(100));
    let journal = Journal::at(folder).segment_records(64).sync(SyncMode::every(Duration::from_millis(1)));
    Engine::builder().ring_capacity(64).journal(journal).lane(Lane::named("main").journal().with(stage))
}

fn live(folder: &Path) -> Result<(), String> {
    let mut recovered = engine(folder).open().map_err(|error| error.to_string())?;
    recovered.replay(ReplayFrom::Snapshot).map_err(|error| error.to_string())?;
    let end = recovered.end_sequence();
    let (engine, mut publisher) = recovered.go_live().map_err(|error| error.to_string())?;
    for id in end..end + 150 {
        publisher.publish(note(id)).map_err(|error| error.to_string())?;
    }
    engine.join().map_err(|error| error.to_string())?;
    Ok(())
}

const VICTIM: &[u8] = b"somebody's letter, which is nobody else's";

/// What may lie in place of a file, made there by its function.
type Odd = (&'static str, fn(&Path, &Path));

const KINDS: [Odd; 7] = [
    ("a symbolic link", |at, victim| symlink(victim, at).unwrap()),
    ("a symbolic link", |at, _| symlink(at, at).unwrap()),
    ("a symbolic link", |at, _| symlink("/nowhere/at/all", at).unwrap()),
    ("a named pipe", |at, _| assert!(Command::new("mkfifo").arg(at).status().unwrap().success())),
    ("a folder", |at, _| std::fs::create_dir(at).unwrap()),
    ("a socket", |at, _| drop(UnixListener::bind(at).unwrap())),
    // The zero device: read to its end by nobody.
    ("a device", |at, _| {
        let made = Command::new("mknod").arg(at).args(["c", "1", "5"]).status().unwrap();
        assert!(made.success());
    }),
];

/// Every file below a folder, the folders too.
fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        all.push(entry.path());
        if entry.file_type().unwrap().is_dir() {
            all.extend(walk(&entry.path()));
        }
    }
    all.sort();
    all
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap().success());
}

fn remove(path: &Path) {
    let is_folder = std::fs::symlink_metadata(path).unwrap().is_dir();
    if is_folder { std::fs::remove_dir_all(path).unwrap() } else { std::fs::remove_file(path).unwrap() }
}

fn kinds(test: &str) -> Vec<Odd> {
    let mut kinds = KINDS.to_vec();
    if !is_root() {
        skipped(test, "a device can only be made by root");
        kinds.retain(|(name, _)| *name != "a device");
    }
    kinds
}

/// The commands that look at a journal; `follow` is ended by a signal.
fn commands(journal: &Path, into: &Path) -> Vec<(String, Vec<PathBuf>)> {
    let with = |name: &str, more: &[&str]| {
        let mut args = vec![PathBuf::from(name), journal.to_owned()];
        args.extend(more.iter().map(PathBuf::from));
        (name.to_owned(), args)
    };
    let salvage = ("salvage".to_owned(), vec!["salvage".into(), journal.to_owned(), into.to_owned()]);
    vec![
        with("inspect", &[]),
        with("verify", &["--json"]),
        with("stages", &[]),
        with("dead-letters", &[]),
        with("top", &[]),
        with("replay", &[]),
        with("record", &["--input", "synthetic:3"]),
        with("follow", &[]),
        salvage,
    ]
}

/// Runs one to its end; whoever waits for ever is killed, and that is the test's failure.
fn run(name: &str, args: &[PathBuf]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slipring-under-test"));
    let command = command.args(args).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (patience, started) = (Duration::from_secs(120), Instant::now());
    let mut told = false;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            let mut text = String::new();
            std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut text).unwrap();
            // Told before it listened for signals, it ends by this one.
            let ended = status.code().or(status.signal().filter(|signal| told && *signal == libc::SIGTERM));
            return (ended, text);
        }
        // What follows on where nothing is wrong for it goes on until it is told to end, and then it ends.
        if name == "follow" && !told && started.elapsed() > Duration::from_millis(150) {
            let pid = rustix::process::Pid::from_child(&child);
            rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
            told = true;
        }
        if started.elapsed() > patience {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{name} hangs: {args:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Every file that an engine has, each replaced by each kind: the engine opens or refuses, in good order, and
/// says what lies there; the victim is as it was, and so is what lies there.
#[test]
fn row_odd_files_in_place_of_any_file_are_left_alone_by_the_engine() {
    let place = tempfile::tempdir().unwrap();
    let good = place.path().join("good");
    live(&good).unwrap();
    live(&good).unwrap();
    let names: Vec<PathBuf> =
        walk(&good).iter().map(|path| path.strip_prefix(&good).unwrap().into()).collect();
    assert!(names.len() > 10, "{names:?}");
    let victim = place.path().join("victim");
    for (what, put) in kinds("row_odd_files_in_place_of_any_file_are_left_alone_by_the_engine") {
        for name in &names {
            let is_folder = good.join(name).is_dir();
            if is_folder && what == "a folder" {
                continue;
            }
            let folder = place.path().join("j");
            copy(&good, &folder);
            std::fs::write(&victim, VICTIM).unwrap();
            let at = folder.join(name);
            remove(&at);
            put(&at, &victim);
            let kind = std::fs::symlink_metadata(&at).unwrap().file_type();
            let lived = live(&folder);
            let context = format!("{what} for {}: {lived:?}", name.display());
            assert_eq!(std::fs::read(&victim).unwrap(), VICTIM, "{context}");
            // A snapshot that can't be used is one of several; a segment before the tail is needed.
            let is_snapshot = name.extension().is_some_and(|extension| extension == "snapshot");
            match lived {
                Ok(()) => assert!(is_snapshot, "{context}"),
                Err(text) => {
                    assert!(text.contains(what) || is_folder, "{context}");
                    assert_eq!(std::fs::symlink_metadata(&at).unwrap().file_type(), kind, "{context}");
                }
            }
            remove(&folder);
        }
    }
}

/// And no command hangs, whatever lies in place of whatever file.
#[test]
fn row_odd_files_hang_no_command() {
    let place = tempfile::tempdir().unwrap();
    let good = place.path().join("good");
    let recorded = run("record", &["record".into(), good.clone(), "--input".into(), "synthetic:500".into()]);
    assert_eq!(recorded.0, Some(0), "{}", recorded.1);
    let names = walk(&good);
    let victim = place.path().join("victim");
    let (folder, into) = (place.path().join("j"), place.path().join("into"));
    for (what, put) in kinds("row_odd_files_hang_no_command") {
        for name in &names {
            copy(&good, &folder);
            std::fs::write(&victim, VICTIM).unwrap();
            let at = folder.join(name.strip_prefix(&good).unwrap());
            remove(&at);
            put(&at, &victim);
            for (command, args) in commands(&folder, &into) {
                let (code, text) = run(&command, &args);
                assert!(code.is_some() && !text.contains("panicked"), "{command}, {what}: {text}");
                assert_eq!(std::fs::read(&victim).unwrap(), VICTIM, "{command}, {what}");
                if into.exists() {
                    remove(&into);
                }
            }
            remove(&folder);
        }
    }
}

#[test]
fn row_odd_files_the_folder_itself_may_be_a_link_and_nothing_else() {
    let place = tempfile::tempdir().unwrap();
    for (what, put) in kinds("row_odd_files_the_folder_itself_may_be_a_link_and_nothing_else") {
        if what == "a folder" {
            continue;
        }
        let folder = place.path().join("j");
        let victim = place.path().join("victim");
        std::fs::write(&victim, VICTIM).unwrap();
        put(&folder, &victim);
        assert!(Journal::at(&folder).open::<Note>().is_err());
        assert!(Journal::at(&folder).raw_reader().is_err());
        assert_eq!(std::fs::read(&victim).unwrap(), VICTIM);
        remove(&folder);
    }
}

#[test]
fn row_odd_files_are_said_by_type() {
    let place = tempfile::tempdir().unwrap();
    Journal::at(place.path()).open::<Note>().unwrap().0.close().unwrap();
    let control = place.path().join("control");
    std::fs::remove_file(&control).unwrap();
    symlink("elsewhere", &control).unwrap();
    match Journal::at(place.path()).open::<Note>() {
        Err(OpenError::Journal(JournalFault::Io(fault))) => {
            let found = fault.not_ours().expect("it says what lies there");
            assert_eq!(found.found, slipring_journal::FileKind::Link);
            assert_eq!(fault.path, control);
        }
        other => panic!("{:?}", other.err()),
    }
    assert!(std::fs::symlink_metadata(&control).unwrap().is_symlink());
}

/// Temporary files of ours that a link was put in place of: what is made is made anew, not where the link
/// points.
#[test]
fn row_odd_files_in_place_of_temporaries_are_not_followed() {
    let place = tempfile::tempdir().unwrap();
    let (folder, victim) = (place.path().join("j"), place.path().join("victim"));
    for (_, put) in kinds("row_odd_files_in_place_of_temporaries_are_not_followed") {
        std::fs::write(&victim, VICTIM).unwrap();
        std::fs::create_dir_all(folder.join("stages/sum")).unwrap();
        let names = ["control.tmp", "00000000000000000000.seg.tmp", "00000000000000000064.seg.tmp"];
        for name in names
            .into_iter()
            .chain(["stages/sum/.effects.tmp", "stages/sum/.00000000000000000100.snapshot.tmp"])
        {
            put(&folder.join(name), &victim);
        }
        // A folder in its way is an error that says so, anything else is replaced.
        let _ = live(&folder);
        assert_eq!(std::fs::read(&victim).unwrap(), VICTIM);
        remove(&folder);
    }
}

#[test]
fn kinds_are_what_they_are_called() {
    let place = tempfile::tempdir().unwrap();
    for (what, put) in kinds("kinds_are_what_they_are_called") {
        let at = place.path().join("odd");
        put(&at, place.path());
        let kind = std::fs::symlink_metadata(&at).unwrap().file_type();
        let is_so = match what {
            "a symbolic link" => kind.is_symlink(),
            "a named pipe" => kind.is_fifo(),
            "a folder" => kind.is_dir(),
            "a socket" => kind.is_socket(),
            _ => kind.is_char_device(),
        };
        assert!(is_so, "{what}");
        remove(&at);
    }
}
