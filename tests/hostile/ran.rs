//! The command in a process of its own, with a time-out and a bound of memory.

use std::ffi::OsStr;
use std::io::{Read, Seek};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Against hangs only.
const PATIENCE: Duration = Duration::from_secs(120);
/// So that a test which is red spares the machine.
const MOST_ADDRESSES: u64 = 4 << 30;

/// What came of a command.
#[derive(Debug)]
pub struct Ran {
    pub status: ExitStatus,
    pub out: Vec<u8>,
    pub err: String,
    /// The most memory that it had at once.
    pub peak_bytes: u64,
}

impl Ran {
    pub fn code(&self) -> Option<i32> {
        self.status.code()
    }

    pub fn out(&self) -> String {
        String::from_utf8_lossy(&self.out).into_owned()
    }
}

pub fn command() -> Command {
    Command::new(env!("CARGO_BIN_EXE_slipring-under-test"))
}

/// Runs the command to its end; where it goes on by itself a signal says stop.
pub fn run<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Ran {
    let mut command = command();
    command.args(args);
    finish(&mut command)
}

pub fn finish(command: &mut Command) -> Ran {
    let (mut out, mut err) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
    command.stdin(Stdio::null()).stdout(out.try_clone().unwrap()).stderr(err.try_clone().unwrap());
    let (status, peak_bytes) = wait(command);
    let read = |file: &mut std::fs::File| {
        let mut bytes = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut bytes).unwrap();
        bytes
    };
    let ran = Ran {
        status,
        out: read(&mut out),
        err: String::from_utf8_lossy(&read(&mut err)).into_owned(),
        peak_bytes,
    };
    assert!(!ran.err.contains("panicked"), "{command:?}: {}", ran.err);
    ran
}

/// Its end and its peak of memory.
///
/// # Panics
/// If it hangs, or ends by a fault of memory.
pub fn wait(command: &mut Command) -> (ExitStatus, u64) {
    let follows = command.get_args().any(|arg| arg == "follow");
    // SAFETY: setrlimit may be called between fork and exec.
    unsafe {
        command.pre_exec(|| {
            let limit = libc::rlimit { rlim_cur: MOST_ADDRESSES, rlim_max: MOST_ADDRESSES };
            libc::setrlimit(libc::RLIMIT_AS, &limit);
            Ok(())
        });
    }
    let process = command.spawn().expect("the command runs").id() as i32;
    let started = Instant::now();
    let mut told = false;
    loop {
        let mut status = 0;
        // SAFETY: the usage is plain data, which the call fills; the child is ours and nobody else waits for it.
        let (done, usage) = unsafe {
            let mut usage: libc::rusage = std::mem::zeroed();
            (libc::wait4(process, &mut status, libc::WNOHANG, &mut usage), usage)
        };
        if done == process {
            let status = ExitStatus::from_raw(status);
            let stopped = follows && status.signal() == Some(libc::SIGTERM);
            assert!(status.code().is_some() || stopped, "{command:?}: {status}");
            return (status, usage.ru_maxrss as u64 * 1024);
        }
        if follows && !told && started.elapsed() > Duration::from_millis(300) {
            // SAFETY: the child has not been waited for, so the number is still its own.
            unsafe { libc::kill(process, libc::SIGTERM) };
            told = true;
        }
        if started.elapsed() > PATIENCE {
            // SAFETY: as above.
            unsafe { libc::kill(process, libc::SIGKILL) };
            panic!("{command:?} hangs");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}
