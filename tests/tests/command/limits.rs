//! A limit on the size of files (`ulimit -f`): an error that names it, never the end of the process by a
//! signal.

use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Output};

const SLIPRING: &str = env!("CARGO_BIN_EXE_slipring-under-test");
const CHILD: &str = env!("CARGO_BIN_EXE_journal_child");

/// Runs it where no file may be longer.
fn limited(program: &str, args: &[&str], most_bytes: u64) -> Output {
    let mut command = Command::new(program);
    let limit = libc::rlimit { rlim_cur: most_bytes, rlim_max: most_bytes };
    // SAFETY: the struct lives through the call.
    let set = move || match unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &limit) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    };
    // SAFETY: between fork and exec only one system call is made, which is safe there.
    unsafe { command.pre_exec(set) };
    let output = command.args(args).output().expect("it runs");
    assert_eq!(output.status.signal(), None, "a signal ended it: {}", said(&output));
    output
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn row_file_size_limit_record_says_what_the_limit_is_and_how_much_is_in() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let args = ["record", journal.to_str().unwrap(), "--input", "synthetic:1000"];
    let output = limited(SLIPRING, &args, 1 << 20);
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(said(&output).contains("ulimit -f"), "{}", said(&output));
    assert!(said(&output).contains("nothing was recorded"), "{}", said(&output));
    // What is printed into a file may be too long too.
    let journal = folder.path().join("whole");
    let args = ["record", journal.to_str().unwrap(), "--input", "synthetic:1000"];
    assert!(Command::new(SLIPRING).args(args).output().unwrap().status.success());
    let command =
        format!("exec {SLIPRING} replay {} --format csv > {}/csv", args[1], folder.path().display());
    let output = limited("sh", &["-c", &command], 4096);
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(said(&output).contains("write to the standard output"), "{}", said(&output));
    // Not even a lock file may be written.
    let output = limited(SLIPRING, &args, 0);
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(said(&output).contains("ulimit -f"), "{}", said(&output));
}

/// The library in somebody else's process, whose signals are its own.
#[test]
fn row_file_size_limit_is_an_error_of_the_library() {
    let folder = tempfile::tempdir().unwrap();
    for (name, most_bytes) in [("none", 0), ("control", 4096), ("segment", 16384)] {
        let journal = folder.path().join(name);
        let output = limited(CHILD, &["live", journal.to_str().unwrap(), "200"], most_bytes);
        assert!(said(&output).starts_with("open: "), "{name}: {}", said(&output));
        assert!(said(&output).contains("ulimit -f"), "{name}: {}", said(&output));
    }
}

/// What stages keep grows on lanes and on the keeper's thread.
#[test]
fn row_file_size_limit_halts_the_engine_that_can_not_note_a_dead_letter() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    // Segments and counters fit, the log of dead letters does not.
    let output = limited(CHILD, &["refusals", journal.to_str().unwrap()], 200_000);
    assert!(
        said(&output).contains("halted: ") && said(&output).contains("dead-letters"),
        "{}",
        said(&output)
    );
    assert!(said(&output).contains("ulimit -f"), "{}", said(&output));
}
