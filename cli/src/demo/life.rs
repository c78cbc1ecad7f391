//! One life of the child, seen from the parent: start it, read its reports, kill it where the plan says, and
//! look at what it left.

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use slipring::Journal;

use super::DemoError;
use super::protocol::{Done, Orders, Said, Stop};
use crate::args::DEMO_CHILD;
use crate::flow::message::OrderMessage;

/// What a life came to.
#[derive(Debug, Default)]
pub(super) struct Life {
    /// Where recovery ended, its report for people and for machines.
    pub(super) recovered: Option<(u64, String, serde_json::Value)>,
    /// Records replayed, nanoseconds, and the book's digest after it.
    pub(super) replayed: Option<(u64, u64, u64)>,
    /// It was stopped in the middle of replay: records done and of how many.
    pub(super) replaying: Option<(u64, u64)>,
    /// It was killed as a segment got full here.
    pub(super) rolling: Option<u64>,
    /// The largest sequence below which it said that everything is journalled.
    pub(super) acknowledged: u64,
    /// It ended by itself.
    pub(super) done: Option<Done>,
    /// It was killed by signal 9.
    pub(super) killed: bool,
}

impl Life {
    /// Where in its life it was killed.
    pub(super) fn place(&self) -> Option<&'static str> {
        if !self.killed {
            return None;
        }
        Some(match self {
            Life { recovered: None, .. } => "recovery",
            Life { replaying: Some(_), .. } => "replay",
            Life { replayed: None, .. } => "between recovery and replay",
            Life { rolling: Some(_), .. } => "roll",
            _ => "live",
        })
    }
}

/// Runs a child. With a stop it is killed there, `delay` after its report.
pub(super) fn live(
    journal: &Path,
    orders: &Orders,
    delay: Duration,
    mut progress: impl FnMut(&Said),
) -> Result<Life, DemoError> {
    let (mut child, mut lines) = start(journal, orders)?;
    let mut life = Life::default();
    let mut killed = false;
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 {
            break;
        }
        // A line cut off by death is no report.
        let Ok(said) = serde_json::from_str::<Said>(&line) else { continue };
        progress(&said);
        let here = match (orders.stop, &said) {
            (Some(Stop::Recovery), Said::Recovering | Said::Recovered { .. }) => true,
            (Some(Stop::Replay { .. }), Said::Replaying { .. }) => true,
            (Some(Stop::Live { at, .. }), Said::Journalled { end }) => *end == at,
            (Some(Stop::Roll { .. }), Said::Rolling { .. }) => true,
            _ => false,
        };
        if here && !killed {
            std::thread::sleep(delay);
            child.kill()?;
            killed = true;
        }
        note(&mut life, said);
    }
    let status = child.wait()?;
    life.killed = killed && status.signal() == Some(9);
    let expected = if orders.stop.is_some() { life.killed } else { status.success() && life.done.is_some() };
    if expected { Ok(life) } else { Err(DemoError::Child { status, orders: format!("{orders:?}") }) }
}

fn note(life: &mut Life, said: Said) {
    match said {
        Said::Recovering => {}
        Said::Recovered { end, text, report } => life.recovered = Some((end, text, report)),
        Said::Replaying { done, total } => life.replaying = Some((done, total)),
        Said::Replayed { events, elapsed_ns, digest } => life.replayed = Some((events, elapsed_ns, digest)),
        Said::Journalled { end } => life.acknowledged = life.acknowledged.max(end),
        Said::Rolling { end } => {
            life.acknowledged = life.acknowledged.max(end);
            life.rolling = Some(end);
        }
        Said::Done(done) => life.done = Some(done),
    }
}

/// The same program again, under a command that help does not show.
fn start(journal: &Path, orders: &Orders) -> Result<(Child, BufReader<ChildStdout>), DemoError> {
    let text = serde_json::to_string(orders).map_err(std::io::Error::from)?;
    let mut child = Command::new(std::env::current_exe()?)
        .arg(DEMO_CHILD)
        .arg("--orders")
        .arg(text)
        .arg("--")
        .arg(journal)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let stdout = child.stdout.take().ok_or(DemoError::Orders)?;
    Ok((child, BufReader::new(stdout)))
}

/// What lies on the disk between two lives, read without changing it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Remains {
    /// The sequence behind the last whole record.
    pub(super) end: u64,
    /// D.
    pub(super) durable_end: u64,
    /// A segment was being made.
    pub(super) unfinished_segment: bool,
}

pub(super) fn remains(journal: &Path) -> Result<Remains, DemoError> {
    let mut reader = Journal::at(journal).reader::<OrderMessage>()?;
    let mut unfinished_segment = false;
    for entry in std::fs::read_dir(journal)? {
        unfinished_segment |= entry?.file_name().to_string_lossy().ends_with(".tmp");
    }
    let durable_end = reader.as_raw().durable_end();
    Ok(Remains { end: reader.end_sequence(), durable_end, unfinished_segment })
}
