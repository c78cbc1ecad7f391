//! Whether a process is still the one that wrote a file. A number alone does not say: numbers are used again.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;

use super::format::Process;

impl Process {
    /// This process. What can't be found out is zero, which no reader takes for a difference.
    pub(crate) fn this() -> Self {
        Process {
            id: u64::from(std::process::id()),
            start_ticks: stat("self").ok().flatten().map_or(0, |stat| stat.start_ticks),
            namespace: namespace(),
            boot_id: boot_id(),
        }
    }

    /// Whether it is certain that this process is gone.
    ///
    /// From within another process namespace nothing can be said, and a process counts as there.
    pub(crate) fn is_dead(&self) -> bool {
        let (here, boot) = (namespace(), boot_id());
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

struct Stat {
    start_ticks: u64,
    /// A zombie without threads: it has ended, and nobody has asked how.
    is_ended: bool,
}

/// What /proc says of a process; `None` if that can't be understood.
fn stat(who: &str) -> Result<Option<Stat>, ErrorKind> {
    match fs::read_to_string(format!("/proc/{who}/stat")) {
        Ok(text) => Ok(parse_stat(&text)),
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Err(ErrorKind::NotFound),
        Err(error) => Err(error.kind()),
    }
}

/// The name in brackets may hold anything, so fields count from the last bracket. The first behind it is the third.
fn parse_stat(text: &str) -> Option<Stat> {
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    let is_zombie = matches!(*fields.first()?, "Z" | "X");
    Some(Stat { start_ticks: number(22)?, is_ended: is_zombie && number(20)? <= 1 })
}

/// Whether a process of this number may be there, though /proc does not show it.
fn may_exist(id: u64) -> bool {
    let Ok(id) = libc::pid_t::try_from(id) else { return false };
    // SAFETY: signal 0 is none: the call only checks.
    let is_there = id > 0 && unsafe { libc::kill(id, 0) } == 0;
    is_there || std::io::Error::last_os_error().raw_os_error() != Some(libc::ESRCH)
}

fn namespace() -> u64 {
    fs::metadata("/proc/self/ns/pid").map_or(0, |namespace| namespace.ino())
}

fn boot_id() -> [u8; 16] {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    u128::from_str_radix(&digits, 16).unwrap_or(0).to_be_bytes()
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

    #[test]
    fn a_name_full_of_brackets_and_blanks_is_only_a_name() {
        let text = "12 (a) R 1 (b c) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 3 18 777 20";
        let stat = parse_stat(text).unwrap();
        assert_eq!((stat.start_ticks, stat.is_ended), (777, false));
        assert!(parse_stat("12 (a").is_none());
    }
}
