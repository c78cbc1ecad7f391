//! Feeding a journal's records into a ring, with their sequences and times.

use std::ops::Range;
use std::time::{Duration, Instant};

use slipring_journal::{Chunks, Event, Kind, Reader, Unchecked};

use super::engine::Engine;
use super::replay::{Pace, Replay, Step};
use super::replay_error::ReplayError;
use crate::error::PublishError;
use crate::publish::publisher::Publisher;
use crate::ring::{Fill, Slot};

/// Publishes the records in `[first, end)`, with their sequences and times, and waits until every stage has
/// finished them.
pub(crate) fn feed<E: Event>(
    reader: &mut Reader<E>,
    (first, end): (u64, u64),
    engine: &Engine<E>,
    publisher: &mut Publisher<E>,
    replay: &mut Replay<'_>,
) -> Result<(), ReplayError> {
    let mut chunks = reader.chunks(first)?;
    let fed = if matches!(replay.pace, Pace::Max) && publisher.can_refuse() {
        feed_at_once(&mut chunks, (first, end), publisher, replay)
    } else {
        feed_paced(&mut chunks, (first, end), engine, publisher, replay)
    };
    // Behind the last void record, however it ended.
    publisher.clear_voids();
    fed?;
    Ok(engine.wait_all(end)?)
}

/// Checks and copies each record in one pass: checking waits for memory and copying for the other core's
/// cache lines, and so each has the time that the other leaves.
fn feed_at_once<E: Event>(
    chunks: &mut Chunks<'_, E>,
    (first, end): (u64, u64),
    publisher: &mut Publisher<E>,
    replay: &mut Replay<'_>,
) -> Result<(), ReplayError> {
    while let Some(chunk) = chunks.next_unchecked()? {
        let at = chunk.first_sequence;
        let count = (end.saturating_sub(at) as usize).min(chunk.records().len());
        let put = if chunk.hardware() { put::<E, true> } else { put::<E, false> };
        // Halted: who waits for the end hears by whom.
        let Ok(done) = put(&chunk, count, publisher) else { break };
        let now = at + done as u64;
        if done < count {
            chunks.recheck(now)?;
        }
        if let Some(progress) = &mut replay.progress {
            progress(now - first, end - first);
        }
        if now >= end {
            break;
        }
    }
    Ok(())
}

/// Publishes the first `count` records of a chunk, up to a part of it in which one does not validate; how
/// many.
fn put<E: Event, const HARDWARE: bool>(
    chunk: &Unchecked<'_, E>,
    count: usize,
    publisher: &mut Publisher<E>,
) -> Result<usize, PublishError<()>> {
    publisher.put_checked(count, Checked::<E, HARDWARE>(chunk))
}

/// Fills slots with a chunk's records, if all of them validate.
struct Checked<'a, E, const HARDWARE: bool>(&'a Unchecked<'a, E>);

impl<E: Event, const HARDWARE: bool> Fill<E> for Checked<'_, E, HARDWARE> {
    #[inline(always)]
    fn fill(&mut self, range: Range<usize>, slots: &mut [Slot<E>]) -> bool {
        let mut slots = slots.iter_mut();
        self.0.check::<HARDWARE>(range, |record| {
            if let Some(slot) = slots.next() {
                slot.set_in_order(record.time_ns(), record.kind() == Kind::Void, record.event());
            }
        })
    }
}

/// Checks a chunk, then copies it, as fast as the pace allows.
fn feed_paced<E: Event>(
    chunks: &mut Chunks<'_, E>,
    (first, end): (u64, u64),
    engine: &Engine<E>,
    publisher: &mut Publisher<E>,
    replay: &mut Replay<'_>,
) -> Result<(), ReplayError> {
    let total = end - first;
    let (started, mut first_time) = (Instant::now(), None);
    while let Some(chunk) = chunks.next_chunk()? {
        let count = (end.saturating_sub(chunk.first_sequence) as usize).min(chunk.records.len());
        let records = &chunk.records[..count];
        let mut done = 0;
        while done < count {
            let part = match &mut replay.pace {
                Pace::Max => count - done,
                Pace::Times(factor) => {
                    let since = *first_time.get_or_insert(records[0].time_ns());
                    let due = |index: usize| {
                        let after = records[index].time_ns().saturating_sub(since) as f64 / *factor;
                        Duration::try_from_secs_f64(after / 1e9).unwrap_or(Duration::MAX)
                    };
                    wait_until(started, due(done), engine)?;
                    let elapsed = started.elapsed();
                    1 + (done + 1..count).take_while(|index| due(*index) <= elapsed).count()
                }
                Pace::Steps(step) => {
                    let sequence = chunk.first_sequence + done as u64;
                    engine.wait_all(sequence)?;
                    step(Step { sequence, time_ns: records[done].time_ns() });
                    1
                }
            };
            let fill = |index: usize, slot: &mut Slot<E>| {
                let record = &records[done + index];
                slot.set(record.time_ns(), record.kind() == Kind::Void, record.event());
            };
            if publisher.put_all(part, None, fill).is_err() {
                // Halted: the wait below says by whom.
                break;
            }
            done += part;
            // Here, for a chunk may take an hour at this pace.
            if let Some(progress) = &mut replay.progress {
                progress(chunk.first_sequence + done as u64 - first, total);
            }
        }
        if done < records.len() || chunk.first_sequence + count as u64 >= end {
            break;
        }
    }
    Ok(())
}

/// Sleeps until `due` after `started`, the last part of a millisecond awake.
fn wait_until<E: Event>(started: Instant, due: Duration, engine: &Engine<E>) -> Result<(), ReplayError> {
    /// A sleep may be that much too long.
    const SLACK: Duration = Duration::from_micros(200);
    loop {
        let left = due.saturating_sub(started.elapsed());
        if left.is_zero() {
            return Ok(());
        }
        if let Some(halted) = engine.halted() {
            return Err(halted.into());
        }
        if engine.invoke() > 0 {
            continue;
        }
        match left.checked_sub(SLACK) {
            // Not longer than a tenth of a second at once: the engine may halt.
            Some(left) if !left.is_zero() => std::thread::sleep(left.min(Duration::from_millis(100))),
            _ => std::hint::spin_loop(),
        }
    }
}
