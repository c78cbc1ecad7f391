//! Tests that can't run where a server is not to be had: said by name, and counted.

use std::fs::OpenOptions;
use std::io::Write;

/// The variable that names a file; a line is appended to it for each test that was skipped.
pub const SKIPPED: &str = "SLIPRING_SKIPPED";

/// Says that the test that runs on this thread is skipped for want of `what`.
///
/// It is said past the harness, which shows the output of failing tests only.
pub fn skipped(what: &str) {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    let line = format!("skipped: {test}: no {what}\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
    if let Some(path) = std::env::var_os(SKIPPED) {
        // One write of a whole line: several tests, and several processes, append to it at once.
        let file = OpenOptions::new().append(true).create(true).open(&path);
        let noted = file.and_then(|mut file| file.write_all(line.as_bytes()));
        noted.unwrap_or_else(|error| panic!("{SKIPPED} ({}): {error}", path.display()));
    }
}
