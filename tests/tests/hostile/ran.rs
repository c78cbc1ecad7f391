//! The command in a process of its own, with a time-out and a bound of memory.

use std::ffi::OsStr;
use std::io::{Read, Seek};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Against hangs only.
const PATIENCE: Duration = Duration::from_secs(120);
/// Memory of a command of which a test asks nothing else, so that one which is red spares the machine.
const MOST_BYTES: u64 = 2 << 30;

/// What came of a command.
#[derive(Debug)]
pub struct Ran {
    pub status: ExitStatus,
    pub out: Vec<u8>,
    pub err: String,
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
    run_within(MOST_BYTES, args)
}

/// The same, with no more than so many bytes of memory of its own.
pub fn run_within<A: AsRef<OsStr>>(most_bytes: u64, args: impl IntoIterator<Item = A>) -> Ran {
    let mut command = command();
    command.args(args).stdin(Stdio::null());
    let (mut out, mut err) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
    command.stdout(out.try_clone().unwrap()).stderr(err.try_clone().unwrap());
    let status = wait_within(most_bytes, &mut command);
    let read = |file: &mut std::fs::File| {
        let mut bytes = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut bytes).unwrap();
        bytes
    };
    let (out, err) = (read(&mut out), String::from_utf8_lossy(&read(&mut err)).into_owned());
    assert!(!err.contains("panicked"), "{command:?}: {err}");
    let stopped = command.get_args().any(|arg| arg == "follow") && status.signal() == Some(libc::SIGTERM);
    assert!(status.code().is_some() || stopped, "{command:?}: {status}, {err}");
    Ran { status, out, err }
}

/// Its end.
pub fn wait(command: &mut Command) -> ExitStatus {
    wait_within(MOST_BYTES, command)
}

/// # Panics
/// If it hangs.
fn wait_within(most_bytes: u64, command: &mut Command) -> ExitStatus {
    let follows = command.get_args().any(|arg| arg == "follow");
    // SAFETY: setrlimit may be called between fork and exec.
    unsafe {
        command.pre_exec(move || {
            let limit = libc::rlimit { rlim_cur: most_bytes, rlim_max: most_bytes };
            libc::setrlimit(libc::RLIMIT_DATA, &limit);
            Ok(())
        });
    }
    let mut child = command.spawn().expect("the command runs");
    let started = Instant::now();
    let mut told = false;
    loop {
        if let Some(status) = child.try_wait().expect("ours") {
            return status;
        }
        if follows && !told && started.elapsed() > Duration::from_millis(150) {
            let id = rustix::process::Pid::from_child(&child);
            rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("ours");
            told = true;
        }
        if started.elapsed() > PATIENCE {
            let _ = child.kill();
            panic!("{command:?} hangs");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}
