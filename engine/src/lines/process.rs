//! Whether a process is still the one that wrote a file. A number alone does not say: numbers are used again.

use std::io::ErrorKind;

use slipring_journal::__private::storage::holder::{boot_id, pid_namespace, stat};

use super::format::Process;

impl Process {
    /// This process. What can't be found out is zero, which no reader takes for a difference.
    pub(crate) fn this() -> Self {
        Process {
            id: u64::from(std::process::id()),
            start_ticks: stat("self").ok().flatten().map_or(0, |stat| stat.start_ticks),
            namespace: pid_namespace(),
            boot_id: boot_id(),
        }
    }

    /// Whether it is of this process namespace, so that its number means something here.
    pub(crate) fn is_visible(&self) -> bool {
        self.namespace == pid_namespace()
    }

    /// Whether it is certain that this process is gone.
    ///
    /// From within another process namespace nothing can be said, and a process counts as there.
    pub(crate) fn is_dead(&self) -> bool {
        let (here, boot) = (pid_namespace(), boot_id());
        if self.boot_id != boot && self.boot_id != [0; 16] && boot != [0; 16] {
            return true;
        }
        if self.namespace != here {
            return false;
        }
        match stat(&self.id.to_string()) {
            Ok(Some(stat)) => {
                stat.is_ended || (self.start_ticks != 0 && stat.start_ticks != self.start_ticks)
            }
            Ok(None) => false,
            // Not there, or hidden from this user.
            Err(ErrorKind::NotFound) => !may_exist(self.id),
            Err(_) => false,
        }
    }
}

/// Whether a process of this number may be there, though /proc does not show it.
fn may_exist(id: u64) -> bool {
    let Ok(id) = libc::pid_t::try_from(id) else { return false };
    // SAFETY: signal 0 is none: the call only checks.
    let is_there = id > 0 && unsafe { libc::kill(id, 0) } == 0;
    is_there || std::io::Error::last_os_error().raw_os_error() != Some(libc::ESRCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives_and_its_likes_do_not() {
        let this = Process::this();
        assert!(this.start_ticks > 0 && this.namespace > 0 && this.boot_id != [0; 16]);
        assert!(!this.is_dead());
        // The number is used again by a process that started later, or before the last boot.
        assert!(Process { start_ticks: this.start_ticks - 1, ..this }.is_dead());
        assert!(Process { boot_id: [1; 16], ..this }.is_dead());
        // Of another namespace nothing is known.
        assert!(!Process { namespace: 1, start_ticks: 1, ..this }.is_dead());
    }

    #[test]
    fn a_child_that_has_ended_is_dead_before_and_after_it_is_waited_for() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let stat = stat(&child.id().to_string()).unwrap().unwrap();
        let process = Process { id: child.id().into(), start_ticks: stat.start_ticks, ..Process::this() };
        assert!(!process.is_dead());
        child.kill().unwrap();
        while !process.is_dead() {
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert!(process.is_dead());
    }
}
