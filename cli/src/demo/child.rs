//! The child: opens, replays, goes live, publishes, and reports each step, until it is done or killed.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use slipring::{Engine, Publisher, Replay, ReplayFrom, StageKey};

use super::DemoError;
use super::pipeline::{self, BOOK, BookStage, PATIENCE, Pace};
use super::protocol::{Done, Orders, Said, Stop, say};
use crate::feed::input::Input;
use crate::flow::message::OrderMessage;

/// Messages published at once.
const BATCH: usize = 256;
/// Between two paced messages: half a million a second.
pub(super) const PACE_NS: u64 = 2_000;

pub(super) fn run(journal: &Path, orders: &Orders, out: &mut dyn Write) -> Result<(), DemoError> {
    // Should the parent die, nobody is left to kill the child.
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
    let input: Input = orders.input.parse().map_err(|_| DemoError::Orders)?;
    let messages = input.load(orders.seed)?;
    let pace =
        orders.paced_from.map(|from| Arc::new(Pace { from, interval_ns: PACE_NS, start: OnceLock::new() }));

    let (stage, live_digest) = BookStage::new(pace.clone());
    say(out, &Said::Recovering)?;
    let mut recovered = pipeline::engine(journal, orders.segment_records, stage).open()?;
    let recovery = recovered.recovery().ok_or(DemoError::NotLive)?;
    let (end, text) = (recovered.end_sequence(), recovery.to_string());
    let report = serde_json::to_value(recovery).map_err(std::io::Error::from)?;
    say(out, &Said::Recovered { end, text, report })?;
    if orders.stop == Some(Stop::Recovery) {
        await_death();
    }

    let mut unsaid = Ok(());
    let replayed =
        recovered.replay(Replay::new(ReplayFrom::Start).progress(|done, total| match orders.stop {
            Some(Stop::Replay { at }) if done >= at && unsaid.is_ok() => {
                unsaid = say(out, &Said::Replaying { done, total });
                if unsaid.is_ok() {
                    await_death();
                }
            }
            _ => {}
        }))?;
    unsaid?;
    let digest = live_digest.recv_timeout(PATIENCE).map_err(|_| DemoError::NotLive)?;
    let elapsed_ns = replayed.elapsed.as_nanos() as u64;
    say(out, &Said::Replayed { events: replayed.events(), elapsed_ns, digest })?;

    let (engine, publisher) = recovered.go_live()?;
    let mut live = Live { engine, publisher, messages: &messages, next: end as usize, batch: Vec::new() };
    match orders.stop {
        Some(Stop::Live { at, hold }) => {
            live.publish_to(at, out)?;
            live.journalled(at)?;
            say(out, &Said::Journalled { end: at })?;
            live.trickle(hold, 64, Duration::from_micros(10))?;
            await_death();
        }
        Some(Stop::Roll { at, hold }) => {
            live.publish_to(at, out)?;
            live.journalled(at)?;
            say(out, &Said::Rolling { end: at })?;
            live.trickle(hold, 1, Duration::from_micros(20))?;
            await_death();
        }
        _ => {
            let done = live.finish(pace.as_deref(), out)?;
            say(out, &Said::Done(done))?;
        }
    }
    Ok(())
}

/// Does nothing until it is killed, which should be at once.
fn await_death() -> ! {
    std::thread::sleep(PATIENCE);
    crate::plain::complain("slipring demo: the child was not killed; giving up");
    std::process::exit(1);
}

/// A live engine and what is left to publish.
struct Live<'a> {
    engine: Engine<OrderMessage>,
    publisher: Publisher<OrderMessage>,
    messages: &'a [OrderMessage],
    /// The next message is the next sequence: the journal holds the input from its start.
    next: usize,
    batch: Vec<(u64, OrderMessage)>,
}

impl Live<'_> {
    /// Publishes `count` messages at once, or as many as there are.
    fn publish(&mut self, count: usize) -> Result<(), DemoError> {
        let end = (self.next + count).min(self.messages.len());
        self.batch.clear();
        self.batch.extend(self.messages[self.next..end].iter().map(|message| (message.time_ns, *message)));
        self.publisher.publish_all_at(&self.batch)?;
        self.next = end;
        Ok(())
    }

    /// Publishes up to `end` as fast as possible, reporting now and then.
    fn publish_to(&mut self, end: u64, out: &mut dyn Write) -> Result<(), DemoError> {
        let report_every = self.messages.len() / 50 + 1;
        let mut report_at = self.next + report_every;
        while self.next < end as usize {
            self.publish(BATCH.min(end as usize - self.next))?;
            if self.next >= report_at {
                report_at += report_every;
                let end = self.engine.counters().journalled_end.unwrap_or(0);
                say(out, &Said::Journalled { end })?;
            }
        }
        Ok(())
    }

    /// Waits until everything below `end` is journalled.
    fn journalled(&self, end: u64) -> Result<(), DemoError> {
        Ok(self.engine.wait_journalled(end - 1)?)
    }

    /// Publishes on in small steps, so that death comes between two of them, to `end` at most.
    fn trickle(&mut self, end: u64, step: usize, pause: Duration) -> Result<(), DemoError> {
        while self.next < end as usize {
            self.publish(step.min(end as usize - self.next))?;
            let since = Instant::now();
            while since.elapsed() < pause {
                std::hint::spin_loop();
            }
        }
        Ok(())
    }

    /// Publishes the rest, the last part at its pace, and shuts the engine down.
    fn finish(mut self, pace: Option<&Pace>, out: &mut dyn Write) -> Result<Done, DemoError> {
        let total = self.messages.len() as u64;
        let fast_end = pace.map_or(total, |pace| pace.from.clamp(self.next as u64, total));
        let (first, started) = (self.next as u64, Instant::now());
        self.publish_to(fast_end, out)?;
        if fast_end > first {
            self.engine.wait_stage(BOOK, fast_end - 1)?;
        }
        let fast_ns = started.elapsed().as_nanos() as u64;
        if let Some(pace) = pace {
            self.publish_paced(pace)?;
        }
        let mut report = self.engine.join()?;
        let stage: BookStage = report.take(&StageKey::named(BOOK)).ok_or(DemoError::NotLive)?;
        Ok(Done {
            end: report.end_sequence,
            durable_end: report.durable_end.unwrap_or(0),
            digest: stage.book.digest(),
            fast: fast_end - first,
            fast_ns,
            latency: stage.latency(),
        })
    }

    /// Publishes each message when it is due; when late, at once, and the lateness counts.
    fn publish_paced(&mut self, pace: &Pace) -> Result<(), DemoError> {
        let start = *pace.start.get_or_init(Instant::now);
        while self.next < self.messages.len() {
            let due = Duration::from_nanos(pace.due_ns(self.next as u64));
            while start.elapsed() < due {
                std::hint::spin_loop();
            }
            let message = self.messages[self.next];
            self.publisher.publish_at(message.time_ns, message)?;
            self.next += 1;
        }
        Ok(())
    }
}
