//! Who holds a journal: named so that it means something on another machine that shares the disk, in another
//! process namespace, and after a restart.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;

/// What a LOCK file begins with.
pub(super) const PROCESS: &str = "process ";

/// The line of this process in a LOCK file: its number, its machine and the machine's boot, and when it
/// started.
pub(super) fn this_process() -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let host: String = host.chars().filter(|c| !c.is_control()).collect();
    let boot = u128::from_be_bytes(boot_id());
    let started = stat("self").ok().flatten().map_or(0, |stat| stat.start_ticks);
    let (id, namespace) = (std::process::id(), pid_namespace());
    format!(
        "{PROCESS}{id} on {host} (boot {boot:032x}, started at tick {started}, process namespace {namespace})"
    )
}

/// The machine's boot; zeros if that can't be found out.
pub fn boot_id() -> [u8; 16] {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    u128::from_str_radix(&digits, 16).unwrap_or(0).to_be_bytes()
}

/// Inode of this process's namespace of process numbers; 0 if that can't be found out.
pub fn pid_namespace() -> u64 {
    fs::metadata("/proc/self/ns/pid").map_or(0, |namespace| namespace.ino())
}

/// What the system says of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// When it started, clock ticks after the boot.
    pub start_ticks: u64,
    /// A zombie without threads: it has ended, and nobody has asked how.
    pub is_ended: bool,
}

/// What /proc says of a process; `None` if that can't be understood.
pub fn stat(who: &str) -> Result<Option<Stat>, ErrorKind> {
    match fs::read_to_string(format!("/proc/{who}/stat")) {
        Ok(text) => Ok(parse_stat(&text)),
        Err(error) if is_gone(&error) => Err(ErrorKind::NotFound),
        Err(error) => Err(error.kind()),
    }
}

fn is_gone(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ESRCH)
}

/// The name in brackets may hold anything, so fields count from the last bracket. The first behind it is the
/// third.
fn parse_stat(text: &str) -> Option<Stat> {
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    let is_zombie = matches!(*fields.first()?, "Z" | "X");
    Some(Stat { start_ticks: number(22)?, is_ended: is_zombie && number(20)? <= 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_full_of_brackets_and_blanks_is_only_a_name() {
        let text = "12 (a) R 1 (b c) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 3 18 777 20";
        let stat = parse_stat(text).unwrap();
        assert_eq!((stat.start_ticks, stat.is_ended), (777, false));
        assert!(parse_stat("12 (a").is_none());
    }

    #[test]
    fn the_line_of_a_process_names_machine_boot_and_start() {
        let line = this_process();
        let boot = format!("{:032x}", u128::from_be_bytes(boot_id()));
        assert!(line.starts_with(&format!("process {} on ", std::process::id())), "{line}");
        assert!(line.contains(&boot) && !line.contains("tick 0"), "{line}");
    }
}
