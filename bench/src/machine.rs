//! The host block: what every figure must be read with.

use std::fs::read_to_string;
use std::path::Path;

use crate::clock::Ticks;

/// The machine and how it is set up. What can't be found out says "unknown".
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Machine {
    pub cpu: String,
    pub architecture: String,
    /// Cores that this process may use, by the system's numbers.
    pub cores: Vec<usize>,
    pub cores_online: String,
    pub threads_per_core: String,
    pub governor: String,
    pub isolated_cores: String,
    pub nohz_full: String,
    pub transparent_huge_pages: String,
    pub clock_source: String,
    pub kernel: String,
    /// The hypervisor, or "no".
    pub virtual_machine: String,
    pub memory_gib: f64,
    /// The file system of the folder that journals are written to.
    pub file_system: String,
    pub load_average: String,
    /// This process's niceness: below 0 it was preferred to all others.
    pub niceness: i32,
    /// The niceness of the session that it belongs to, where the kernel groups by session.
    pub autogroup: String,
    /// What one reading of the counter costs.
    pub stamp_ns: f64,
    pub slipring_bench: String,
    /// When it was run, UTC.
    pub date: String,
    /// The compiler that built this program, and how.
    pub rustc: String,
    /// `SLIPRING_COMMIT` as it was when this was built.
    pub commit: String,
}

/// What to say when it was.
pub const BUSY: &str =
    "Others were running when this began: read the tails with the jitter table beside them.";

const UNKNOWN: &str = "unknown";

impl Machine {
    /// Looks at the machine and at `folder`.
    pub fn look(folder: &Path) -> Self {
        let info = read_to_string("/proc/cpuinfo").unwrap_or_default();
        let memory = read_to_string("/proc/meminfo").unwrap_or_default();
        let kib = memory
            .lines()
            .find_map(|line| line.strip_prefix("MemTotal:")?.split_whitespace().next()?.parse::<f64>().ok());
        let cores: Vec<usize> =
            core_affinity::get_core_ids().unwrap_or_default().iter().map(|core| core.id).collect();
        Machine {
            cpu: cpu_model(&info),
            architecture: std::env::consts::ARCH.to_owned(),
            governor: governor(&cores),
            cores,
            cores_online: read("/sys/devices/system/cpu/online"),
            threads_per_core: match &read("/sys/devices/system/cpu/smt/active")[..] {
                "0" => "one (no SMT)".to_owned(),
                "1" => "several (SMT on)".to_owned(),
                other => other.to_owned(),
            },
            isolated_cores: none_if_empty(read("/sys/devices/system/cpu/isolated")),
            nohz_full: none_if_empty(read("/sys/devices/system/cpu/nohz_full")),
            transparent_huge_pages: chosen(&read("/sys/kernel/mm/transparent_hugepage/enabled")),
            clock_source: read("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
            kernel: format!("Linux {}", read("/proc/sys/kernel/osrelease")),
            virtual_machine: virtual_machine(&info),
            memory_gib: kib.map_or(0.0, |kib| (kib / 1024.0 / 1024.0 * 10.0).round() / 10.0),
            file_system: read_to_string("/proc/self/mounts")
                .ok()
                .and_then(|mounts| file_system(&mounts, &folder.canonicalize().ok()?))
                .unwrap_or_else(|| UNKNOWN.to_owned()),
            // What else is in it, processes and the newest one's number, is no load.
            load_average: read("/proc/loadavg").split(' ').take(3).collect::<Vec<_>>().join(" "),
            autogroup: read("/proc/self/autogroup")
                .split_once(' ')
                .map_or_else(|| UNKNOWN.to_owned(), |(_, nice)| nice.to_owned()),
            niceness: rustix::process::getpriority_process(None).unwrap_or(0),
            stamp_ns: crate::stats::round(Ticks::get().cost_ns()),
            slipring_bench: env!("CARGO_PKG_VERSION").to_owned(),
            date: jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M UTC").to_string(),
            rustc: format!("{}, {}", rustc(), if cfg!(debug_assertions) { "debug" } else { "release" }),
            commit: option_env!("SLIPRING_COMMIT").unwrap_or("not told to the build").to_owned(),
        }
    }

    /// What to call each fact, and the fact.
    pub fn facts(&self) -> Vec<(&'static str, String)> {
        let cores: Vec<String> = self.cores.iter().map(usize::to_string).collect();
        vec![
            ("CPU", format!("{} ({})", self.cpu, self.architecture)),
            ("cores to use", format!("{} (numbers {})", cores.len(), cores.join(", "))),
            ("cores online", self.cores_online.clone()),
            ("threads a core", self.threads_per_core.clone()),
            ("virtual machine", self.virtual_machine.clone()),
            ("governor", self.governor.clone()),
            ("isolated cores", self.isolated_cores.clone()),
            ("nohz_full", self.nohz_full.clone()),
            ("transparent huge pages", self.transparent_huge_pages.clone()),
            ("clock source", self.clock_source.clone()),
            ("kernel", self.kernel.clone()),
            ("memory", format!("{} GiB", self.memory_gib)),
            ("file system", self.file_system.clone()),
            ("load average", self.load_average.clone()),
            ("niceness", format!("{}, of the session: {}", self.niceness, self.autogroup)),
            ("a stamp costs", format!("{} ns", self.stamp_ns)),
            ("date", self.date.clone()),
            ("slipring-bench", self.slipring_bench.clone()),
            ("commit", self.commit.clone()),
            ("built with", self.rustc.clone()),
        ]
    }

    /// Whether others were running: then every figure is theirs too.
    pub fn is_busy(&self) -> bool {
        let load = self.load_average.split_whitespace().next().and_then(|load| load.parse::<f64>().ok());
        load.is_some_and(|load| load > 0.25 * self.cores.len() as f64)
    }

    /// The block as lines for people.
    pub fn text(&self) -> String {
        let lines: Vec<String> =
            self.facts().iter().map(|(name, fact)| format!("  {name:<23} {fact}")).collect();
        let busy = if self.is_busy() { format!("  {BUSY}\n") } else { String::new() };
        format!("host\n{}\n{busy}", lines.join("\n"))
    }
}

/// The compiler writes its name into each program: what is installed here now may be another.
fn rustc() -> String {
    let program = std::fs::read("/proc/self/exe").unwrap_or_default();
    compiler_in(&program).unwrap_or_else(|| UNKNOWN.to_owned())
}

/// The first `rustc version 1.2.3 (...)` in a program.
fn compiler_in(program: &[u8]) -> Option<String> {
    const MARK: &[u8] = b"rustc version ";
    program.windows(MARK.len() + 1).enumerate().find_map(|(at, bytes)| {
        // The mark itself is in this program too, without a number behind it.
        if !bytes.starts_with(MARK) || !bytes[MARK.len()].is_ascii_digit() {
            return None;
        }
        let rest = &program[at + MARK.len()..];
        let end = rest.iter().position(|byte| !matches!(byte, b' '..=b'~')).unwrap_or(rest.len());
        let text = String::from_utf8_lossy(&rest[..end.min(60)]);
        Some(format!(
            "rustc {}",
            text.split_once(')').map_or(&text[..], |(text, _)| text).replace('(', "").trim()
        ))
    })
}

fn read(path: &str) -> String {
    read_to_string(path).map_or_else(|_| UNKNOWN.to_owned(), |text| text.trim().to_owned())
}

fn none_if_empty(text: String) -> String {
    if text.is_empty() || text == "(null)" { "none".to_owned() } else { text }
}

/// The bracketed word of a list of choices.
fn chosen(text: &str) -> String {
    let inner = text.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
    inner.map_or_else(|| text.to_owned(), |(word, _)| word.to_owned())
}

fn cpu_model(info: &str) -> String {
    let field = |name: &str| {
        info.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            (key.trim() == name).then(|| value.trim().to_owned())
        })
    };
    // Arm processors have no model name here, only numbers.
    field("model name")
        .or_else(|| field("CPU part").map(|part| format!("part {part}")))
        .unwrap_or(UNKNOWN.into())
}

fn governor(cores: &[usize]) -> String {
    let path = |core: &usize| format!("/sys/devices/system/cpu/cpu{core}/cpufreq/scaling_governor");
    let mut all: Vec<String> = cores.iter().map(|core| read(&path(core))).collect();
    all.dedup();
    match &all[..] {
        [one] if one == UNKNOWN => "not shown by this machine".to_owned(),
        [one] => one.clone(),
        _ => all.join(", "),
    }
}

fn virtual_machine(info: &str) -> String {
    let flagged = info.split_whitespace().any(|word| word == "hypervisor");
    let vendor = ["/sys/class/dmi/id/sys_vendor", "/sys/hypervisor/type"]
        .iter()
        .map(|path| read(path))
        .find(|text| text != UNKNOWN && !text.is_empty());
    match (flagged, vendor) {
        (true, Some(vendor)) => format!("yes ({vendor})"),
        (true, None) => "yes".to_owned(),
        (false, _) => "no sign of one".to_owned(),
    }
}

/// The type of the mount that `folder` lies in: the longest mount point that is a prefix of it.
fn file_system(mounts: &str, folder: &Path) -> Option<String> {
    let best = mounts
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let (_, point, kind) = (words.next()?, words.next()?, words.next()?);
            let options = words.next().unwrap_or("");
            folder.starts_with(point).then_some((point.len(), kind, options))
        })
        // Of two mounts on one point the later hides the earlier.
        .max_by_key(|(length, ..)| *length)?;
    let journal = best.2.split(',').find(|option| option.starts_with("data="));
    Some(match journal {
        Some(option) => format!("{} ({option})", best.1),
        None => best.1.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_mount_point_wins() {
        let mounts = "/dev/vda / ext4 rw,relatime 0 0\n\
                      tmpfs /tmp tmpfs rw 0 0\n\
                      /dev/vdb /tmp/deep xfs rw 0 0\n";
        assert_eq!(file_system(mounts, Path::new("/tmp/x")).as_deref(), Some("tmpfs"));
        assert_eq!(file_system(mounts, Path::new("/tmp/deep/x")).as_deref(), Some("xfs"));
        assert_eq!(file_system(mounts, Path::new("/home")).as_deref(), Some("ext4"));
        // A name that only begins alike is another folder.
        assert_eq!(file_system(mounts, Path::new("/tmp/deeper")).as_deref(), Some("tmpfs"));
    }

    #[test]
    fn the_chosen_word_is_the_bracketed_one() {
        assert_eq!(chosen("always [madvise] never"), "madvise");
        assert_eq!(chosen("unknown"), "unknown");
    }

    #[test]
    fn the_compiler_is_read_from_the_program() {
        let program = b"\x7fELF rustc version \0\0rustc version 1.95.0 (59807616e 2026-04-14)\0GCC";
        assert_eq!(compiler_in(program).as_deref(), Some("rustc 1.95.0 59807616e 2026-04-14"));
        assert_eq!(compiler_in(b"rustc version "), None);
        assert!(rustc().starts_with("rustc 1."), "{}", rustc());
    }

    #[test]
    fn processors_are_named() {
        assert_eq!(cpu_model("processor\t: 0\nmodel name\t: AMD EPYC\n"), "AMD EPYC");
        assert_eq!(cpu_model("CPU part\t: 0xd40\n"), "part 0xd40");
        assert_eq!(cpu_model(""), UNKNOWN);
    }
}
