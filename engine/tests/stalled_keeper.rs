//! The thread that writes snapshots stands still: neither stage nor ring waits for it. A test of its own
//! process, in which that thread is the only one of its name.

use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use slipring::{
    Context, Engine, Event, Gate, Handler, HandlerError, Journal, Lane, ReplayFrom, Snapshot, Snapshots,
    Stage, SyncMode,
};

#[derive(Clone, Copy, Debug, Event)]
#[repr(C)]
struct Trade {
    id: u64,
}

#[derive(Default)]
struct Count(u64);

impl Handler<Trade> for Count {
    fn event(&mut self, _: &Trade, _: &Context) -> Result<(), HandlerError> {
        self.0 += 1;
        Ok(())
    }
}

impl Snapshot for Count {
    fn save(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0.to_le_bytes());
    }

    fn restore(&mut self, _: u32, bytes: &[u8]) -> Result<(), HandlerError> {
        self.0 = u64::from_le_bytes(bytes.try_into()?);
        Ok(())
    }
}

/// A thread of this process that stands still while this lives: a child traces it, and has stopped it.
struct Stalled {
    child: libc::pid_t,
    tell: Option<UnixStream>,
}

impl Stalled {
    /// Stops the thread of this name; why not, if this process may not be traced.
    fn thread(name: &str) -> Result<Self, String> {
        let named = |entry: &std::fs::DirEntry| {
            std::fs::read_to_string(entry.path().join("comm")).is_ok_and(|comm| comm.trim_end() == name)
        };
        // A thread gives itself its name, a moment after it was started.
        let thread = loop {
            let mut threads =
                std::fs::read_dir("/proc/self/task").map_err(|error| error.to_string())?.flatten();
            match threads.find(named) {
                Some(thread) => break thread,
                None => std::thread::yield_now(),
            }
        };
        let thread: libc::pid_t =
            thread.file_name().to_str().and_then(|id| id.parse().ok()).expect("a number");
        let (mut tell, childs) = UnixStream::pair().map_err(|error| error.to_string())?;
        // SAFETY: it takes no pointer. Where it is not known nobody asks for it.
        unsafe { libc::prctl(libc::PR_SET_PTRACER, libc::PR_SET_PTRACER_ANY) };
        // SAFETY: the child makes nothing but system calls, and ends.
        let child = match unsafe { libc::fork() } {
            0 => trace(thread, tell.as_raw_fd(), childs.as_raw_fd()),
            child => child,
        };
        assert!(child > 0, "{}", std::io::Error::last_os_error());
        drop(childs);
        let mut said = [0];
        let stopped = tell.read_exact(&mut said).is_ok();
        let stalled = Stalled { child, tell: Some(tell) };
        if stopped { Ok(stalled) } else { Err("its threads can't be traced here".to_owned()) }
    }
}

impl Drop for Stalled {
    fn drop(&mut self) {
        // The child reads the end of it, and lets go.
        self.tell = None;
        // SAFETY: nothing is written: the status is not asked for.
        unsafe { libc::waitpid(self.child, std::ptr::null_mut(), 0) };
    }
}

/// In the child: stops a thread of the parent, says so, and lets it go once the parent has closed its end, or
/// is gone.
fn trace(thread: libc::pid_t, parents: i32, own: i32) -> ! {
    let mut byte = [0_u8];
    // SAFETY: plain system calls, on a byte that lives; the child ends here, and a thread that is traced goes
    // on with it.
    unsafe {
        libc::close(parents);
        let none = std::ptr::null_mut::<libc::c_void>();
        let is_stopped = libc::ptrace(libc::PTRACE_SEIZE, thread, none, none) == 0
            && libc::ptrace(libc::PTRACE_INTERRUPT, thread, none, none) == 0
            && libc::waitpid(thread, std::ptr::null_mut(), libc::__WALL) == thread;
        if is_stopped {
            libc::write(own, byte.as_ptr().cast(), 1);
            libc::read(own, byte.as_mut_ptr().cast(), 1);
        }
        libc::_exit(0)
    }
}

#[test]
fn a_keeper_that_stands_still_holds_neither_stage_nor_ring_up() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new("count", Count::default(), Gate::JOURNALLED)
        .snapshots(Snapshots::every(100).at_shutdown(false));
    let mut recovered = Engine::builder()
        .ring_capacity(64)
        // A stage that waits for the keeper ends the test, not hangs it.
        .wait_timeout(Duration::from_secs(120))
        .journal(
            Journal::at(folder.path()).segment_records(64).sync(SyncMode::every(Duration::from_millis(1))),
        )
        .lane(Lane::named("main").journal().with(stage))
        .open()
        .unwrap();
    recovered.replay(ReplayFrom::Snapshot).unwrap();
    let (engine, mut publisher) = recovered.go_live().unwrap();
    let stalled = match Stalled::thread("slipring-keeper") {
        Ok(stalled) => stalled,
        Err(why) => {
            let _ = writeln!(std::io::stderr(), "skipped a_keeper_that_stands_still_*: {why}");
            return;
        }
    };
    let mut publish = |count: u64| {
        for id in 0..count {
            let sequence = publisher.publish(Trade { id }).unwrap();
            engine.wait_stage("count", sequence).unwrap();
        }
    };
    // Through ten ends of a snapshot, in a ring of 64: the first is handed over, the others are left out.
    publish(1001);
    let kept = &engine.kept()[0];
    assert_eq!((kept.snapshots, kept.missed_snapshots), (0, 9));
    drop(stalled);
    while engine.kept()[0].snapshots == 0 {
        publish(1);
    }
    assert!(engine.kept()[0].snapshot_end >= 100);
    assert_eq!(engine.keep_faults(), Vec::<String>::new());
    let end = engine.join().unwrap().end_sequence;
    assert!(end > 1000);
}
