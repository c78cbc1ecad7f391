//! What the journal's own threads ask of the system and can't cut into pieces, and how long it has a core.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// What one kind of call took of the journal's own threads: one that can't be cut into pieces, so that a
/// lane on the same core may have to wait for all of it.
///
/// From [`Cursors::whole_calls`](crate::Cursors::whole_calls).
///
/// ```
/// # use slipring_journal::{Event, Journal};
/// # use std::time::Duration;
/// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Tick { price: u64 }
/// # let folder = tempfile::tempdir()?;
/// # let (mut writer, _) = Journal::at(folder.path()).segment_records(1024).open::<Tick>()?;
/// let cursors = writer.cursors();
/// cursors.wait_durable(writer.append(1_000, &Tick { price: 101 })?, Duration::from_secs(10))?;
/// for call in cursors.whole_calls() {
///     println!("{}: {} times, at most {:?}", call.name, call.times, call.longest);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WholeCall {
    /// `let go` (unmaps pages that a sync is about to write), `sync` (of records), `control` (the control
    /// file written and synced), `make` (a segment's file, allocated and synced) or `unlink` (of one, and the
    /// folder synced).
    pub name: &'static str,
    /// How often it was made.
    pub times: u64,
    /// How long all of them together were on a core.
    pub on_core: Duration,
    /// How long the longest was on a core. Waiting for the disk is not in it, and gives the core to others.
    pub longest: Duration,
}

/// Which of them; the order is that of [`NAMES`].
#[derive(Clone, Copy, Debug)]
pub(crate) enum Whole {
    LetGo,
    Sync,
    Control,
    Make,
    Unlink,
}

const NAMES: [&str; 5] = ["let go", "sync", "control", "make", "unlink"];

/// Counts them.
#[derive(Debug, Default)]
pub(crate) struct WholeCalls([Counted; NAMES.len()]);

#[derive(Debug, Default)]
struct Counted {
    times: AtomicU64,
    on_core_ns: AtomicU64,
    longest_ns: AtomicU64,
}

impl WholeCalls {
    /// Makes a call and counts it.
    pub(crate) fn count<T>(&self, which: Whole, call: impl FnOnce() -> T) -> T {
        let before = on_core();
        let done = call();
        let ns = u64::try_from(on_core().saturating_sub(before).as_nanos()).unwrap_or(u64::MAX);
        let counted = &self.0[which as usize];
        // Relaxed: figures.
        counted.times.fetch_add(1, Ordering::Relaxed);
        counted.on_core_ns.fetch_add(ns, Ordering::Relaxed);
        counted.longest_ns.fetch_max(ns, Ordering::Relaxed);
        done
    }

    pub(crate) fn read(&self) -> Vec<WholeCall> {
        let figure = |of: &AtomicU64| of.load(Ordering::Relaxed);
        let of = |(name, counted): (_, &Counted)| WholeCall {
            name,
            times: figure(&counted.times),
            on_core: Duration::from_nanos(figure(&counted.on_core_ns)),
            longest: Duration::from_nanos(figure(&counted.longest_ns)),
        };
        NAMES.into_iter().zip(&self.0).map(of).collect()
    }
}

/// How long this thread has been on a core until now.
fn on_core() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_counts_and_waiting_does_not() {
        let calls = WholeCalls::default();
        let work = || {
            let until = on_core() + Duration::from_millis(3);
            while on_core() < until {}
        };
        let most = std::time::Instant::now();
        calls.count(Whole::Sync, work);
        calls.count(Whole::Sync, || {
            work();
            work();
        });
        let most = most.elapsed();
        calls.count(Whole::Unlink, || std::thread::sleep(Duration::from_millis(20)));
        let read = calls.read();
        let of = |name| *read.iter().find(|call| call.name == name).expect("its name");
        let sync = of("sync");
        assert_eq!((sync.times, of("unlink").times, of("let go").times), (2, 1, 0));
        assert!(sync.longest >= Duration::from_millis(6) && sync.longest < sync.on_core, "{sync:?}");
        assert!(sync.on_core >= Duration::from_millis(9) && sync.on_core <= most, "{sync:?}");
        assert!(of("unlink").longest < Duration::from_millis(20), "{read:?}");
    }
}
