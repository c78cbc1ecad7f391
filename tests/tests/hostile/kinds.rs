//! Something else in place of each file: nothing waits for it, follows it or writes into it, and what lies
//! there is said.

use slipring_tests::folders::copy_folder;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::ran::run;
use crate::sample;

const KINDS: [&str; 7] =
    ["fifo", "folder", "device", "link to a device", "loop", "dangling link", "link to a file"];

fn put(kind: &str, at: &Path, victim: &Path) {
    use rustix::fs::{CWD, FileType, mknodat};
    match kind {
        "fifo" => mknodat(CWD, at, FileType::Fifo, 0o600.into(), 0).unwrap(),
        "folder" => std::fs::create_dir(at).unwrap(),
        // /dev/zero; without the right to make one, a link to it.
        "device" => {
            if mknodat(CWD, at, FileType::CharacterDevice, 0o600.into(), rustix::fs::makedev(1, 5)).is_err() {
                symlink("/dev/zero", at).unwrap();
            }
        }
        "link to a device" => symlink("/dev/zero", at).unwrap(),
        "loop" => symlink(at, at).unwrap(),
        "dangling link" => symlink(at.with_extension("nothing"), at).unwrap(),
        _ => symlink(victim, at).unwrap(),
    }
}

fn remove(path: &Path) {
    match std::fs::symlink_metadata(path) {
        Ok(about) if about.is_dir() => std::fs::remove_dir_all(path).unwrap(),
        Ok(_) => std::fs::remove_file(path).unwrap(),
        Err(_) => {}
    }
}

fn names_the_kind(said: &str) -> bool {
    let said = said.to_lowercase();
    ["fifo", "pipe", "folder", "directory", "device", "link"].iter().any(|word| said.contains(word))
}

/// Commands, their arguments behind the journal's folder, and the statuses that are documented.
const COMMANDS: [(&str, &[&str], &[i32]); 9] = [
    ("inspect", &[], &[0, 2, 3]),
    ("verify", &[], &[0, 1, 2, 3]),
    ("replay", &["--format", "csv"], &[0, 2, 3]),
    ("follow", &[], &[0, 2, 3]),
    ("top", &[], &[0, 1, 3]),
    ("stages", &[], &[0, 2, 3]),
    ("dead-letters", &[], &[0, 2, 3]),
    ("salvage", &["INTO"], &[0, 1, 2, 3]),
    ("record", &["--date", "2020-01-01", "--input", "synthetic:10"], &[0, 2, 3]),
];

/// Runs every command; of those that must have met what lies at `name` the text must say so.
fn every_command(journal: &Path, folder: &Path, kind: &str, name: &str, must_meet: &[&str]) {
    for (command, more, codes) in COMMANDS {
        let into = folder.join("into");
        let more = more.iter().map(|arg| if *arg == "INTO" { into.as_os_str() } else { arg.as_ref() });
        let ran = run([command.as_ref(), journal.as_os_str()].into_iter().chain(more));
        let what = format!("{command}, {kind} at {name}: {:?}, {}, {}", ran.status, ran.out(), ran.err);
        assert!(ran.code().is_none_or(|code| codes.contains(&code)), "{what}");
        assert!(
            ran.code().is_none_or(|code| code == 0) || !ran.err.is_empty() || !ran.out.is_empty(),
            "{what}"
        );
        if must_meet.contains(&command) {
            assert!(ran.code().is_some_and(|code| code != 0), "{what}");
            assert!(names_the_kind(&format!("{}{}", ran.out(), ran.err)), "{what}");
        }
        remove(&into);
    }
}

#[test]
fn row_no_regular_file_in_place_of_each_file_of_ours() {
    let place = tempfile::tempdir().unwrap();
    let whole = place.path().join("whole");
    sample::make(&whole);
    let mut names = sample::files(&whole);
    assert!(names.iter().any(|name| name.ends_with(".snapshot")) && names.len() >= 10, "{names:?}");
    let segments: Vec<String> = names.iter().filter(|name| name.ends_with(".seg")).cloned().collect();
    names.push(format!("discarded-{:020}-epoch-2.bin", 200));
    let victim = place.path().join("victim");
    let journal = place.path().join("journal");
    for name in &names {
        // Salvage does without a control file.
        let readers = ["inspect", "verify", "replay", "follow", "stages", "dead-letters", "record"];
        let must_meet: &[&str] = match name.as_str() {
            "control" => &readers,
            "LOCK" => &["top", "record"],
            // The last may be an empty spare, which readers need not open.
            name if segments[..segments.len() - 1].iter().any(|segment| segment == name) => &readers[..4],
            "stages/sum/dead-letters" => &["stages", "dead-letters"],
            name if name.starts_with("stages/") => &["stages"],
            _ => &[],
        };
        for kind in KINDS {
            remove(&journal);
            copy_folder(&whole, &journal);
            std::fs::write(&victim, "not yours").unwrap();
            remove(&journal.join(name));
            put(kind, &journal.join(name), &victim);
            every_command(&journal, place.path(), kind, name, must_meet);
            assert_eq!(std::fs::read(&victim).unwrap(), b"not yours", "{kind} at {name}: written through");
        }
    }
}

#[test]
fn row_no_folder_in_place_of_the_journal_or_of_what_stages_keep() {
    let place = tempfile::tempdir().unwrap();
    let whole = place.path().join("whole");
    sample::make(&whole);
    let victim = place.path().join("victim");
    std::fs::write(&victim, "not yours").unwrap();
    let journal = place.path().join("journal");
    for kind in KINDS.into_iter().filter(|kind| *kind != "folder") {
        remove(&journal);
        put(kind, &journal, &victim);
        every_command(
            &journal,
            place.path(),
            kind,
            "the folder",
            &["inspect", "verify", "replay", "salvage", "record"][..0],
        );
        remove(&journal);
        for name in ["stages", "stages/sum"] {
            remove(&journal);
            copy_folder(&whole, &journal);
            remove(&journal.join(name));
            put(kind, &journal.join(name), &victim);
            every_command(&journal, place.path(), kind, name, &[]);
        }
        assert_eq!(std::fs::read(&victim).unwrap(), b"not yours", "{kind}");
    }
}

#[test]
fn row_no_regular_file_in_place_of_the_counters() {
    let place = tempfile::tempdir().unwrap();
    let journal = place.path().join("journal");
    sample::make(&journal);
    let counters = place.path().join("counters");
    let victim = place.path().join("victim");
    std::fs::write(&victim, "not yours").unwrap();
    for kind in KINDS {
        remove(&counters);
        put(kind, &counters, &victim);
        let ran = run(["top".as_ref(), journal.as_os_str()]);
        assert_eq!(ran.code(), Some(3), "{kind}: {}", ran.err);
        assert_eq!(std::fs::read(&victim).unwrap(), b"not yours", "{kind}");
    }
}

/// An input may be a pipe: whoever gives it means it.
#[test]
fn an_input_may_be_a_pipe_and_a_folder_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let (pipe, journal) = (place.path().join("pipe"), place.path().join("journal"));
    put("fifo", &pipe, &pipe);
    let line = "34200.25,1,2,3,4,1\n";
    let to = pipe.clone();
    let writer = std::thread::spawn(move || std::fs::write(to, line).unwrap());
    let record =
        |input: &Path| run(["record".as_ref(), journal.as_os_str(), "--input".as_ref(), input.as_os_str()]);
    assert_eq!(record(&pipe).code(), Some(0));
    writer.join().unwrap();
    assert_eq!(
        run(["replay".as_ref(), journal.as_os_str(), "--format".as_ref(), "lobster".as_ref()]).out(),
        line
    );
    let ran = record(place.path());
    assert_eq!(ran.code(), Some(3));
    assert!(names_the_kind(&ran.err), "{}", ran.err);
}
