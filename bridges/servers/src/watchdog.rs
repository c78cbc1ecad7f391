//! A server does not outlive whoever started it, however that one ends.
//!
//! `PR_SET_PDEATHSIG` would not do: it comes when the thread that started the server ends, and tests start
//! servers on threads that end earlier. So a shell waits at a pipe whose other end only this process has.
//! Where the process ends, by whatever signal, the pipe does, and the shell kills the server.

use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Waits for this process's end. Dropping it calls it off.
#[derive(Debug)]
pub(crate) struct Watchdog(Child);

/// The server may have gone, and its number be another's.
const SCRIPT: &str = r#"
read -r _
[ "$(readlink "/proc/$1/exe")" = "$2" ] && kill -9 "$1"
"#;

impl Watchdog {
    /// Over this process, of this program.
    pub(crate) fn over(process: u32, program: &Path) -> Self {
        let program = program.canonicalize().expect("the server's program, which was started");
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT, "watchdog", &process.to_string()]).arg(program);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Watchdog(command.spawn().expect("start sh"))
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        // Before its pipe ends: else it does what it is for.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
