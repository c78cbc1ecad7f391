//! What ran beside the two threads that are measured: how long each of the journal's own threads was on a
//! core, in how many pieces, and what the cores were interrupted for.

use std::fs;
use std::sync::LazyLock;
use std::time::Instant;

use slipring::WholeCall;

use crate::stats::human_ns;

/// A reading, or what came between two.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    /// When it was read; or how long it was between the two, of all rounds together.
    pub span_ns: u64,
    pub threads: Vec<Thread>,
    /// Interrupts on all cores because pages were unmapped or write-protected elsewhere.
    pub tlb_interrupts: u64,
    /// What the journal's own threads can't cut into pieces, since the engine was opened.
    pub calls: Vec<Call>,
}

/// A kind of such calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    pub name: &'static str,
    pub times: u64,
    pub on_core_ns: u64,
    /// How long the longest was on a core.
    pub longest_ns: u64,
}

impl Call {
    /// How long one is on a core, in the mean and, in brackets, at most: `90 us (210 us)`.
    pub fn figures(&self) -> String {
        match self.times {
            0 => "-".to_owned(),
            times => {
                let mean_ns = self.on_core_ns as f64 / times as f64;
                format!("{} ({})", human_ns(mean_ns), human_ns(self.longest_ns as f64))
            }
        }
    }
}

impl From<WholeCall> for Call {
    fn from(call: WholeCall) -> Self {
        let ns = |time: std::time::Duration| time.as_nanos() as u64;
        let (on_core_ns, longest_ns) = (ns(call.on_core), ns(call.longest));
        Call { name: call.name, times: call.times, on_core_ns, longest_ns }
    }
}

/// A thread of this process, as the scheduler saw it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Thread {
    pub id: u64,
    pub name: String,
    pub on_core_ns: u64,
    /// Ready, and without a core.
    pub waiting_ns: u64,
    pub slices: u64,
}

/// What readings count their time from.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

impl Beside {
    /// What the kernel counts now; empty where it does not tell.
    pub fn now() -> Self {
        let span_ns = START.elapsed().as_nanos() as u64;
        let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
        let threads = tasks.filter_map(|task| read(&task.path())).collect();
        let interrupts = fs::read_to_string("/proc/interrupts").unwrap_or_default();
        Beside { span_ns, threads, tlb_interrupts: of_line(&interrupts, "TLB:"), calls: Vec::new() }
    }

    /// What came since an earlier reading.
    pub fn since(&self, before: &Beside) -> Beside {
        let of_thread = |now: &Thread| {
            let then = before.threads.iter().find(|then| then.id == now.id).cloned().unwrap_or_default();
            Thread {
                on_core_ns: now.on_core_ns - then.on_core_ns,
                waiting_ns: now.waiting_ns - then.waiting_ns,
                slices: now.slices - then.slices,
                ..now.clone()
            }
        };
        let threads = self.threads.iter().map(of_thread).collect();
        let tlb_interrupts = self.tlb_interrupts - before.tlb_interrupts;
        let span_ns = self.span_ns - before.span_ns;
        Beside { span_ns, threads, tlb_interrupts, calls: self.calls.clone() }
    }

    /// Adds another round, thread by thread of the same name.
    pub fn add(&mut self, other: &Beside) {
        self.span_ns += other.span_ns;
        self.tlb_interrupts += other.tlb_interrupts;
        for call in &other.calls {
            match self.calls.iter_mut().find(|known| known.name == call.name) {
                Some(known) => {
                    known.times += call.times;
                    known.on_core_ns += call.on_core_ns;
                    known.longest_ns = known.longest_ns.max(call.longest_ns);
                }
                None => self.calls.push(call.clone()),
            }
        }
        for thread in &other.threads {
            match self.threads.iter_mut().find(|known| known.name == thread.name) {
                Some(known) => {
                    known.on_core_ns += thread.on_core_ns;
                    known.waiting_ns += thread.waiting_ns;
                    known.slices += thread.slices;
                }
                None => self.threads.push(thread.clone()),
            }
        }
    }
}

fn read(task: &std::path::Path) -> Option<Thread> {
    let id = task.file_name()?.to_str()?.parse().ok()?;
    let name = fs::read_to_string(task.join("comm")).ok()?.trim().to_owned();
    let stat = fs::read_to_string(task.join("schedstat")).ok()?;
    let mut numbers = stat.split_whitespace().map_while(|word| word.parse().ok());
    let (on_core_ns, waiting_ns, slices) = (numbers.next()?, numbers.next()?, numbers.next()?);
    Some(Thread { id, name, on_core_ns, waiting_ns, slices })
}

/// The sum over the cores of a line of /proc/interrupts.
fn of_line(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.trim_start().strip_prefix(name));
    line.map_or(0, |line| line.split_whitespace().map_while(|word| word.parse::<u64>().ok()).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_works_is_seen_by_its_name() {
        let of = |beside: &Beside| beside.threads.iter().find(|t| t.name.starts_with("worker-of")).cloned();
        let begun = Instant::now();
        let before = Beside::now();
        let worker = std::thread::Builder::new().name("worker-of-test".to_owned()).spawn(move || {
            // However long it takes to get so much of a core.
            loop {
                let now = Beside::now();
                if of(&now).is_none_or(|own| own.on_core_ns > 5_000_000) {
                    break now;
                }
            }
        });
        let after = worker.expect("a thread").join().expect("no panic");
        let between = after.since(&before);
        let on_core_ns = of(&between).expect("it was seen").on_core_ns;
        let most_ns = begun.elapsed().as_nanos() as u64;
        assert!(on_core_ns > 5_000_000 && on_core_ns <= most_ns, "{on_core_ns} {between:?}");
        assert_eq!(of(&before), None);
    }

    #[test]
    fn rounds_keep_the_longest_call_of_all() {
        let round = |times, on_core_ns, longest_ns| Beside {
            calls: vec![Call { name: "sync", times, on_core_ns, longest_ns }],
            ..Beside::default()
        };
        let mut all = Beside::default();
        [round(2, 30, 20), round(1, 50, 50), round(3, 30, 10)].iter().for_each(|one| all.add(one));
        assert_eq!(all.calls, round(6, 110, 50).calls);
    }

    #[test]
    fn interrupts_are_summed_over_the_cores() {
        let text = " LOC: 5 6 Local timer interrupts\n TLB: 8315 8512 TLB shootdowns\n";
        assert_eq!((of_line(text, "TLB:"), of_line(text, "XYZ:")), (16_827, 0));
    }
}
