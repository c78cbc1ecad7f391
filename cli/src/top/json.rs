//! The counters as an object.

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use slipring::{Counters, CountersReader};

use crate::plain;

/// The counters, and what was journalled last.
#[derive(Serialize)]
pub(super) struct Object {
    #[serde(flatten)]
    pub(super) counters: Value,
    pub(super) newest_event: Option<Box<RawValue>>,
}

/// All of them.
pub(super) fn object(reader: &CountersReader, counters: &Counters, stale: bool) -> Value {
    let stages = counters.stages.iter().map(|stage| {
        json!({
            "name": stage.name, "lane": stage.lane, "end": stage.end, "lag": stage.lag,
            "batches": stage.batches, "last_batch": stage.last_batch, "max_batch": stage.max_batch,
            "retries": stage.retries, "retry_wait_ns": stage.retry_wait_ns, "dead_letters": stage.dead_letters,
            "set_aside": stage.set_aside,
        })
    });
    let late_consumers = counters.late_consumers.iter().map(|late| {
        json!({
            "name": late.name, "end": late.end, "lag": late.lag, "caught_up": late.is_caught_up(),
            "failed": late.failed, "evicted": late.evicted,
        })
    });
    let acknowledged =
        counters.acknowledged.iter().map(|one| json!({ "name": one.name, "end": one.end, "lag": one.lag }));
    json!({
        "path": plain::path_value(reader.path()),
        "process": counters.process,
        "stale": stale,
        "closed": counters.closed,
        "folder_moved": counters.folder_moved,
        "halted": counters.halted.as_ref().map(|halted| json!({
            "stage": halted.stage, "sequence": halted.sequence, "cause": halted.cause,
        })),
        "published_end": counters.published_end,
        "journalled_end": counters.journalled_end,
        "durable_end": counters.durable_end,
        "journal_time": counters.journal_time.map(|journal| json!({
            "last_ns": journal.last_ns, "ahead_ns": journal.ahead_ns, "regressions": journal.regressions,
        })),
        "live_from": counters.live_from,
        "capacity": counters.capacity,
        "occupancy": counters.occupancy(),
        "full_waits": counters.full_waits,
        "full_refusals": counters.full_refusals,
        "doubles": counters.doubles,
        "journal_stalls": counters.journal_stalls.map(|stalls| json!({
            "segment": stalls.segment, "window": stalls.window, "disk_full": stalls.disk_full,
        })),
        "missed_wakeups": counters.missed_wakeups,
        "stages": stages.collect::<Vec<_>>(),
        "late_consumers": late_consumers.collect::<Vec<_>>(),
        "late_not_shown": counters.late_not_shown,
        "acknowledged": acknowledged.collect::<Vec<_>>(),
    })
}
