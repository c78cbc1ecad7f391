//! Processes, disks and tools that fault tests use, each gone with the test that made it; and how a test says
//! that it can't be run here.

use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::mount::{MountFlags, UnmountFlags};
use rustix::process::{Pid, Signal};
use tempfile::TempDir;

/// Says on the real standard error, past the test harness's capture, that a test did not run and why.
pub fn skipped(test: &str, reason: &str) {
    let _ = writeln!(std::io::stderr(), "skipped {test}: {reason}");
}

/// Whether this process may mount, change its user, and the like.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Whether a tool can be run.
pub fn has_tool(name: &str) -> bool {
    Command::new(name).arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// A child that talks in lines. It is killed with this value.
#[derive(Debug)]
pub struct Child {
    process: std::process::Child,
    lines: BufReader<ChildStdout>,
}

impl Child {
    /// Starts it.
    pub fn start(command: &mut Command) -> Self {
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let lines = BufReader::new(process.stdout.take().expect("just piped"));
        Child { process, lines }
    }

    /// Its next line; `None` once it has closed its output.
    pub fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let count = self.lines.read_line(&mut line).expect("lines of text");
        (count > 0).then(|| line.trim_end().to_owned())
    }

    /// Says a line to it.
    pub fn send(&mut self, line: &str) {
        let input = self.process.stdin.as_mut().expect("piped");
        writeln!(input, "{line}").expect("it listens");
    }

    /// All its lines from here to its end, and how it ended.
    pub fn rest(mut self) -> (Vec<String>, std::process::ExitStatus) {
        let lines = std::iter::from_fn(|| self.line()).collect();
        (lines, self.process.wait().expect("the child is ours"))
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.process.id() as i32).expect("a process");
        rustix::process::kill_process(pid, signal).expect("the child is there");
    }

    /// kill -9, and its end.
    pub fn kill(mut self) {
        self.process.kill().expect("the child is there");
        self.process.wait().expect("the child is ours");
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A small file system, mounted while this value lives.
#[derive(Debug)]
pub struct Mount {
    place: TempDir,
    image: Option<PathBuf>,
}

impl Mount {
    /// A tmpfs of so many bytes; why not, if it can't be had.
    ///
    /// # Errors
    /// The reason, for [`skipped`].
    pub fn tmpfs(bytes: u64) -> Result<Self, String> {
        let place = TempDir::new().map_err(|error| error.to_string())?;
        let options = std::ffi::CString::new(format!("size={bytes}")).expect("no zero in it");
        rustix::mount::mount("tmpfs", place.path(), "tmpfs", MountFlags::empty(), options.as_c_str())
            .map_err(|error| format!("a tmpfs can't be mounted: {error}"))?;
        Ok(Mount { place, image: None })
    }

    /// A file system of this kind in an image file of so many bytes, on a loop device.
    ///
    /// # Errors
    /// The reason, for [`skipped`].
    pub fn image(kind: &str, bytes: u64) -> Result<Self, String> {
        let place = TempDir::new().map_err(|error| error.to_string())?;
        let image = place.path().with_extension("image");
        let file = std::fs::File::create(&image).map_err(|error| error.to_string())?;
        file.set_len(bytes).map_err(|error| error.to_string())?;
        let mount = Mount { place, image: Some(image.clone()) };
        let force = if kind == "xfs" { "-f" } else { "-F" };
        run(Command::new(format!("mkfs.{kind}")).args(["-q", force]).arg(&image))?;
        mount.mount()?;
        Ok(mount)
    }

    /// Mounts the image again, after [`Mount::unmount`].
    ///
    /// # Errors
    /// What the tool said.
    pub fn mount(&self) -> Result<(), String> {
        let image = self.image.as_ref().ok_or("there is no image to mount again")?;
        run(Command::new("mount").args(["-o", "loop"]).arg(image).arg(self.path()))
    }

    /// Unmounts it.
    ///
    /// # Errors
    /// What the system said, such as that it is in use.
    pub fn unmount(&self) -> Result<(), String> {
        rustix::mount::unmount(self.path(), UnmountFlags::empty()).map_err(|error| error.to_string())
    }

    /// Takes the power from it: nothing that was not synced is there when it is mounted again, mapped pages
    /// neither.
    ///
    /// # Panics
    /// If the file system has no such call.
    pub fn shut_down(&self) {
        // _IOR('X', 125, u32), the same on ext4 and xfs, with "do not flush the log".
        const SHUTDOWN: libc::Ioctl = 0x8004_587d;
        const NO_LOG_FLUSH: u32 = 2;
        let folder = std::fs::File::open(self.path()).expect("the mount point");
        // SAFETY: the flag lives through the call, which reads it.
        let done = unsafe { libc::ioctl(folder.as_raw_fd(), SHUTDOWN, &NO_LOG_FLUSH) };
        assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
    }

    /// Unmounts and mounts: the file system recovers its own log, as after a start of the machine.
    ///
    /// # Panics
    /// If it stays in use.
    pub fn start_again(&self) {
        let patience = Instant::now() + Duration::from_secs(60);
        while let Err(reason) = self.unmount() {
            assert!(Instant::now() < patience, "{reason}");
            std::thread::sleep(Duration::from_millis(1));
        }
        self.mount().expect("it was mounted before");
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        self.place.path()
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = rustix::mount::unmount(self.path(), UnmountFlags::DETACH);
        if let Some(image) = &self.image {
            let _ = std::fs::remove_file(image);
        }
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim())),
        Err(error) => Err(format!("{command:?}: {error}")),
    }
}
