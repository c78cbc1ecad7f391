//! kill -9 at any instruction: a child's whole life (open, recovery, appends, rolls, syncs, close) is
//! single-stepped under ptrace, and after every instruction the journal's files are looked at. Whenever their
//! bytes differ from those after the instruction before, the journal is recovered from a copy, in memory, by
//! the same code: what recovery finds depends on the bytes alone, so an instruction that changed none of them
//! has the outcome of the one before it, and only the acknowledgements have to be compared again.
//!
//! `cargo test --release -p slipring-tests --test killed single_step -- --ignored --nocapture`

#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

use std::collections::BTreeMap;
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use slipring_journal::__private::storage::{Files, Memory, Storage};
use slipring_journal::{Journal, Reader, SyncMode};
use slipring_tests::folders::in_memory;
use slipring_tests::journals::{FileSet, HEADER_BYTES, Note, RECORD_BYTES, time};
use slipring_tests::lives::note_of_round;

/// As in the child.
const CAPACITY: u64 = 4;

/// A child under ptrace, stopped between two instructions.
struct Traced {
    pid: libc::pid_t,
    process: std::process::Child,
}

impl Traced {
    /// Starts it and waits until it has stopped itself.
    fn start(folder: &Path, round: u64) -> Self {
        let process = Command::new(env!("CARGO_BIN_EXE_journal_child"))
            .arg("step")
            .arg(folder)
            .arg(round.to_string())
            // No loops of one instruction that is stepped a hundred thousand times.
            .env(
                "GLIBC_TUNABLES",
                "glibc.cpu.x86_rep_stosb_threshold=1000000000:glibc.cpu.x86_rep_movsb_threshold=1000000000",
            )
            .stdout(Stdio::null())
            .spawn()
            .expect("the child is built with the test");
        let traced = Traced { pid: process.id() as libc::pid_t, process };
        let status = traced.wait().expect("it stops itself");
        assert!(libc::WIFSTOPPED(status) && libc::WSTOPSIG(status) == libc::SIGSTOP, "{status:#x}");
        traced
    }

    /// Waits for its next stop; `None` once it has ended in good order.
    fn wait(&self) -> Option<libc::c_int> {
        let mut status = 0;
        // SAFETY: the status lives through the call.
        assert_eq!(unsafe { libc::waitpid(self.pid, &mut status, libc::__WALL) }, self.pid);
        if libc::WIFEXITED(status) {
            assert_eq!(libc::WEXITSTATUS(status), 0, "the child failed");
            return None;
        }
        assert!(libc::WIFSTOPPED(status), "killed by signal {}", libc::WTERMSIG(status));
        Some(status)
    }

    /// Where its next instruction lies.
    fn at(&self) -> u64 {
        let offset =
            std::mem::offset_of!(libc::user, regs) + std::mem::offset_of!(libc::user_regs_struct, rip);
        // SAFETY: a read of the stopped child's registers; glibc's wrapper gives the word read.
        unsafe { libc::ptrace(libc::PTRACE_PEEKUSER, self.pid, offset, 0usize) as u64 }
    }

    /// Whether the next instruction is a system call.
    fn at_system_call(&self) -> bool {
        // SAFETY: a read of the stopped child's code, likewise.
        let word = unsafe { libc::ptrace(libc::PTRACE_PEEKTEXT, self.pid, self.at(), 0usize) };
        word & 0xffff == 0x050f
    }

    /// Where the kernel's own code lies in it.
    fn vdso(&self) -> Range<u64> {
        let maps = std::fs::read_to_string(format!("/proc/{}/maps", self.pid)).expect("it is stopped");
        let line = maps.lines().find(|line| line.ends_with("[vdso]")).unwrap_or("0-0 ");
        let (from, to) = line.split(' ').next().and_then(|part| part.split_once('-')).expect("a range");
        let word = |text| u64::from_str_radix(text, 16).expect("an address");
        word(from)..word(to)
    }

    /// Lets it execute one instruction; whether it is still there.
    fn step(&self) -> bool {
        // SAFETY: the child is stopped and traced by this thread.
        assert_eq!(unsafe { libc::ptrace(libc::PTRACE_SINGLESTEP, self.pid, 0usize, 0usize) }, 0);
        let Some(status) = self.wait() else { return false };
        assert_eq!(libc::WSTOPSIG(status), libc::SIGTRAP, "an unexpected signal");
        true
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The journal's folder as the kernel shows it, kept up to date.
struct Folder {
    path: PathBuf,
    open: BTreeMap<String, File>,
    files: FileSet,
    /// What was read of a file, to be compared.
    now: Vec<u8>,
}

impl Folder {
    fn new(path: &Path) -> Self {
        let mut folder =
            Folder { path: path.to_owned(), open: BTreeMap::new(), files: FileSet::new(), now: Vec::new() };
        folder.list();
        folder
    }

    /// Reads all anew: names, sizes, contents. Whether anything has changed.
    fn list(&mut self) -> bool {
        self.open.clear();
        let mut files = FileSet::new();
        for entry in std::fs::read_dir(&self.path).into_iter().flatten() {
            let name = entry.expect("an entry").file_name().into_string().expect("our names");
            let path = self.path.join(&name);
            files.insert(name.clone(), std::fs::read(&path).expect("readable"));
            self.open.insert(name, File::open(path).expect("readable"));
        }
        let changed = files != self.files;
        self.files = files;
        changed
    }

    /// Reads again what a store into a map may have changed. Whether anything has.
    fn look(&mut self) -> bool {
        let mut changed = false;
        for (name, file) in &self.open {
            let before = self.files.get_mut(name).expect("listed");
            if self.now.len() < before.len() {
                self.now.resize(before.len(), 0);
            }
            let now = &mut self.now[..before.len()];
            file.read_exact_at(now, 0).expect("its size changes only in a system call");
            if now != before {
                before.copy_from_slice(now);
                changed = true;
            }
        }
        changed
    }
}

/// What must be there.
#[derive(Clone, Debug, Default)]
struct Expected {
    /// The round in which each record of the lives so far was written.
    rounds: Vec<u64>,
    round: u64,
}

#[derive(Debug, Default)]
struct Counts {
    instructions: u64,
    system_calls: u64,
    images: u64,
    partial_slots: u64,
}

impl Expected {
    /// Recovers a copy and checks I1 to I4; the end of the recovered log.
    fn check(&self, files: &FileSet, boot: [u8; 16], acknowledged: u64, counts: &mut Counts) -> u64 {
        counts.images += 1;
        let memory = Memory::from_files(files.clone(), boot);
        let journal = Journal::at("memory").segment_records(CAPACITY).sync(SyncMode::EveryBatch);
        // I4 is tried by stepping recovery itself; here, that it finds the same when it is run again.
        let mut end = None;
        for again in [false, true] {
            let opened = journal.open_on::<Note, Memory>(&memory, false);
            let (mut writer, report) = opened.unwrap_or_else(|error| panic!("refused: {error}"));
            assert!(report.warnings.is_empty() && report.valid_discarded == 0, "{report}");
            if let Some(saved) = &report.discarded_saved_to {
                assert!(!again, "{report}");
                let name = saved.file_name().and_then(|name| name.to_str()).expect("our name");
                let bytes = memory.to_files()[name].len();
                assert!(bytes <= RECORD_BYTES, "more than one partial slot: {bytes} bytes");
                counts.partial_slots += 1;
            }
            assert_eq!(*end.get_or_insert(report.end_sequence), report.end_sequence, "I4");
            if again {
                // And it can be gone on with.
                writer
                    .append(time(report.end_sequence), &note_of_round(report.end_sequence, u64::MAX))
                    .unwrap();
            }
            writer.abandon();
        }
        let end = end.expect("two rounds");
        let before = self.rounds.len() as u64;
        assert!(
            end >= acknowledged && end >= before,
            "I2: {acknowledged} acknowledged, {before} before, {end}"
        );
        // What is under way: a record, or in rounds that append as the engine does those of a batch, told of
        // at its end.
        let under_way = if self.round % 4 < 2 { 1 } else { CAPACITY };
        assert!(end <= acknowledged.max(before) + under_way, "I3: {acknowledged} acknowledged, {end} there");
        let mut reader = Reader::<Note, Memory>::open_to(memory, None).expect("readable");
        assert_eq!(reader.end_sequence(), end + 1, "the record appended after recovery");
        for sequence in 0..end {
            let round = self.rounds.get(sequence as usize).copied().unwrap_or(self.round);
            let record = reader.at(sequence).expect("I1: whole");
            assert_eq!(
                (*record.event(), record.time_ns()),
                (note_of_round(sequence, round), time(sequence)),
                "I3"
            );
        }
        end
    }
}

/// Steps one life in the folder; what is expected after it.
fn step_through(folder: &Path, mut expected: Expected, counts: &mut Counts) -> Expected {
    let acks_path = PathBuf::from(format!("{}.acks", folder.display()));
    std::fs::write(&acks_path, 0u64.to_le_bytes()).unwrap();
    let acks = File::open(&acks_path).unwrap();
    let acknowledged = || {
        let mut bytes = [0; 8];
        acks.read_exact_at(&mut bytes, 0).unwrap();
        u64::from_le_bytes(bytes)
    };
    let boot = Files::new(folder).boot_id();
    let traced = Traced::start(folder, expected.round);
    let vdso = traced.vdso();
    let mut seen = Folder::new(folder);
    let mut end = expected.check(&seen.files, boot, 0, counts);
    loop {
        let call = traced.at_system_call();
        if !traced.step() {
            break;
        }
        counts.instructions += 1;
        counts.system_calls += u64::from(call);
        // It reads the clock, over and over if the clock goes on meanwhile: stepped slowly it never ends.
        if vdso.contains(&traced.at()) {
            continue;
        }
        if if call { seen.list() } else { seen.look() } {
            end = expected.check(&seen.files, boot, acknowledged(), counts);
        } else if call {
            assert!(acknowledged() <= end, "I2: {} acknowledged, {end} there", acknowledged());
        }
    }
    assert_eq!(acknowledged(), end);
    let round = expected.round;
    expected.rounds.resize(end as usize, round);
    expected
}

/// A journal whose writer died with records above D, in the middle of a record and of making a segment.
fn died_in_the_middle(folder: &Path) -> Expected {
    let journal = Journal::at(folder).segment_records(CAPACITY).sync(SyncMode::EveryBatch);
    let (mut writer, _) = journal.open_on::<Note, Files>(&Files::new(folder), false).unwrap();
    for id in 0..10 {
        while writer.step_preparer() {}
        writer.append(time(id), &note_of_round(id, 0)).unwrap();
        if id == 5 {
            writer.step_syncer();
        }
    }
    writer.abandon();
    let segment = File::options().write(true).open(folder.join("00000000000000000008.seg")).unwrap();
    // Everything of record 10 but its commit word.
    segment.write_all_at(&time(10).to_le_bytes(), (HEADER_BYTES + 2 * RECORD_BYTES) as u64).unwrap();
    segment.write_all_at(&[0xa5; 48], (HEADER_BYTES + 2 * RECORD_BYTES) as u64 + 16).unwrap();
    std::fs::write(folder.join("00000000000000000016.seg.tmp"), [7; 99]).unwrap();
    Expected { rounds: vec![0; 10], round: 0 }
}

fn lives(count: u64) {
    let place = in_memory();
    for begun in [false, true] {
        let folder = place.path().join(format!("journal-{begun}"));
        let mut expected = if begun { died_in_the_middle(&folder) } else { Expected::default() };
        for round in 1..=count {
            expected.round = round;
            let mut counts = Counts::default();
            expected = step_through(&folder, expected, &mut counts);
            println!("begun {begun}, life {round}, {} records: {counts:?}", expected.rounds.len());
            assert!(counts.images > 50 && counts.instructions > 10_000, "{counts:?}");
        }
    }
}

#[test]
#[ignore = "long: every instruction of six lives; see the top of the file"]
fn row_kill_at_any_instruction_of_append_roll_sync_recovery() {
    lives(3);
}
