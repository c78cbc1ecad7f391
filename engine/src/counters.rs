//! How far everything is, for people and monitors.

use std::fmt;

/// The engine's cursors at about one moment. An "end" is the last sequence plus one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counters {
    /// The sequence behind the last event published. With several publishers it may trail by those under way.
    pub published_end: u64,
    /// The sequence behind the last journalled record.
    pub journalled_end: Option<u64>,
    /// The sequence behind the last durable record.
    pub durable_end: Option<u64>,
    /// How often the journal had to wait for a segment, the window or the disk.
    pub journal_stalls: Option<u64>,
    /// How often a parked lane was not woken and should have been: 0, or slipring has a bug. It looks for itself
    /// after a tenth of a second.
    pub missed_wakeups: u64,
    /// Events that the ring holds.
    pub capacity: u64,
    /// Every stage, the journal's too.
    pub stages: Vec<StageCounters>,
    /// Every late consumer whose handle is still there. They hold nobody up, so the ring's occupancy is without them.
    pub late_consumers: Vec<LateCounters>,
}

/// One late consumer's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LateCounters {
    /// The late consumer.
    pub name: String,
    /// The sequence behind the last event that it finished.
    pub end: u64,
    /// Events published that it has not finished.
    pub lag: u64,
    /// It has failed, and its handle says why.
    pub failed: bool,
}

/// One stage's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageCounters {
    /// The stage.
    pub name: String,
    /// The sequence behind the last event that it finished.
    pub end: u64,
    /// Events published that it has not finished.
    pub lag: u64,
}

impl Counters {
    /// Slots of the ring in use: the lag of the slowest stage.
    pub fn occupancy(&self) -> u64 {
        self.stages.iter().map(|stage| stage.lag).max().unwrap_or(0)
    }
}

impl fmt::Display for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "published {}, ring {}/{}", self.published_end, self.occupancy(), self.capacity)?;
        if let (Some(journalled), Some(durable)) = (self.journalled_end, self.durable_end) {
            write!(f, ", journalled {journalled}, durable {durable}")?;
        }
        for stage in &self.stages {
            write!(f, "; {} {} (lag {})", stage.name, stage.end, stage.lag)?;
        }
        for late in &self.late_consumers {
            let failed = if late.failed { ", failed" } else { "" };
            write!(f, "; late {} {} (lag {}{failed})", late.name, late.end, late.lag)?;
        }
        Ok(())
    }
}
