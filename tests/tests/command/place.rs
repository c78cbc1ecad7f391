//! A folder for one test, and the command run in it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use slipring_journal::{Journal, Kind};

/// A folder, and the command run in it.
pub struct Place(tempfile::TempDir);

/// A record: its time, and its event's bytes; none if it is void.
pub type Record = (u64, Option<Vec<u8>>);

impl Place {
    pub fn new() -> Self {
        Place(tempfile::tempdir().expect("a temporary folder"))
    }

    pub fn with(files: &[(&str, &[u8])]) -> Self {
        let place = Place::new();
        for (name, content) in files {
            place.write(name, content);
        }
        place
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), content).expect("written");
    }

    pub fn read(&self, name: &str) -> String {
        String::from_utf8_lossy(&std::fs::read(self.path(name)).expect("readable")).into_owned()
    }

    /// The command with arguments, words parted by blanks, in this folder.
    pub fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_slipring-under-test"));
        command.args(line.split_whitespace()).current_dir(self.0.path()).stdin(Stdio::null());
        command
    }

    /// Waits until a journal has so many records.
    pub fn wait_for(&self, journal: &str, count: u64) {
        let begun = Instant::now();
        let journal = Journal::at(self.path(journal));
        while !journal.raw_reader().is_ok_and(|reader| reader.end_sequence() >= count) {
            assert!(begun.elapsed() < Duration::from_secs(60), "{count} records are not to be seen");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    pub fn run(&self, line: &str) -> Output {
        self.command(line).output().expect("the command runs")
    }

    /// Runs it and insists on the exit status; what it says on both outputs.
    pub fn exits(&self, status: i32, line: &str) -> String {
        let output = self.run(line);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(status), "{line}: {said}");
        said
    }

    /// Runs it and insists that it succeeds; its output.
    pub fn fine(&self, line: &str) -> String {
        let output = self.run(line);
        assert!(output.status.success(), "{line}: {:?}: {}", output.status, said(&output));
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// Starts it with a pipe as its input.
    pub fn piped(&self, line: &str) -> Child {
        let mut command = self.command(line);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("the command starts")
    }

    /// Runs it for so long and kills it, if it may be killed; how it ended, unless it was killed.
    pub fn killed_after(&self, time: Duration, may_kill: bool, line: &str) -> Option<Output> {
        let mut child = self.command(line).stdout(Stdio::piped()).spawn().expect("the command starts");
        let deadline = Instant::now() + time;
        while Instant::now() < deadline && child.try_wait().expect("a child").is_none() {
            std::thread::sleep(Duration::from_micros(200));
        }
        if may_kill && child.try_wait().expect("a child").is_none() {
            child.kill().expect("killed");
            child.wait().expect("it ends");
            return None;
        }
        Some(ended(child))
    }

    /// The names in the folder, in order.
    pub fn names(&self) -> Vec<String> {
        names(self.0.path())
    }

    /// All records of a journal.
    pub fn records(&self, journal: &str) -> Vec<Record> {
        let mut reader = Journal::at(self.path(journal)).raw_reader().expect("a journal");
        let (first, end) = (reader.first_sequence(), reader.end_sequence());
        let all = (first..end).map(|sequence| {
            let record = reader.at(sequence).expect("a record");
            (record.time_ns, (record.kind == Kind::Event).then(|| record.event.to_vec()))
        });
        all.collect()
    }

    /// The lines of a journal's events as CSV, without the journal's own columns but its time.
    pub fn rows(&self, journal: &str) -> Vec<String> {
        let printed = self.fine(&format!("replay {journal} --format csv"));
        let own = |line: &str| {
            let mut cells = line.splitn(4, ',');
            let (_, time, _) = (cells.next(), cells.next().unwrap_or(""), cells.next());
            format!("{time} {}", cells.next().unwrap_or(""))
        };
        printed.lines().skip(1).map(own).collect()
    }
}

/// What was said on both outputs.
pub fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The end of a process that was started with [`Place::piped`].
pub fn ended(child: Child) -> Output {
    child.wait_with_output().expect("it ends")
}

/// The names in a folder, in order.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.expect("an entry").file_name();
    let mut names: Vec<String> = entries.map(|entry| name(entry).into_string().expect("UTF-8")).collect();
    names.sort();
    names
}
