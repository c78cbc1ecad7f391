//! From a time to a sequence: the segment by the times of the segments' first records, then a search within
//! it.
//!
//! The contract: no event whose own time is `t` or later lies before `lower_bound(t)`; events earlier than
//! `t` may follow it. Journal time is the greatest event time so far, so it never decreases, and searching it
//! is enough.
//!
//! Times of a market run nearly level for long, so the search guesses: a place in proportion to the time, and
//! of the file the one block around it, whose own times say at what pace they run there. Where that is not
//! the pace of the whole, a night lies in between, or a burst: then the next guess goes by the pace nearby,
//! and where that leads out of what is left, or guesses have missed too often, it halves. What searches have
//! read is kept (`times`), so that the next one begins nearer to its answer: nights and bursts are found
//! once. A record whose time decides is validated, on a copy.

use super::raw::RawReader;
use crate::error::ReadError;
use crate::format::RecordHeader;
use crate::storage::Storage;

/// Bytes read at once: a page of the file.
const BLOCK_BYTES: u64 = 4096;
/// Guesses that may miss; with every second halving there is one more. So the reads stay below one and a half
/// for each halving, and these, whatever the times.
const GUESSES: u32 = 3;

/// A search under way: the record at `before` is earlier than `wanted_ns`, that at `after` is not.
#[derive(Debug)]
struct Between {
    wanted_ns: u64,
    before: u64,
    before_ns: u64,
    after: u64,
    after_ns: u64,
}

impl Between {
    /// How many records lie between. None too where both are one record: a file that somebody writes to
    /// during the search may say of one record both times.
    fn count(&self) -> u64 {
        self.after.saturating_sub(self.before + 1)
    }

    fn middle(&self) -> u64 {
        self.before.midpoint(self.after)
    }

    /// Takes note of the time of a record between.
    fn learn(&mut self, sequence: u64, time_ns: u64) {
        debug_assert!(self.before < sequence && sequence < self.after);
        if time_ns < self.wanted_ns {
            (self.before, self.before_ns) = (sequence, time_ns);
        } else {
            (self.after, self.after_ns) = (sequence, time_ns);
        }
    }

    /// Where the answer may be, in floats: what those make of times far apart is a guess all the same. There
    /// is a record between; `None` if nothing says where.
    fn guess(&self, nearby: Option<&TimeSlope>) -> Option<u64> {
        let (passed_ns, left_ns) =
            ((self.wanted_ns - self.before_ns) as f64, (self.after_ns - self.wanted_ns) as f64);
        let level_ns = (passed_ns + left_ns) / (self.after - self.before) as f64;
        let at = match nearby {
            Some(pace) if level_ns > 2.0 * pace.step_ns || pace.step_ns > 2.0 * level_ns => {
                match pace.is_before {
                    true => self.before as f64 + passed_ns / pace.step_ns,
                    false => self.after as f64 - left_ns / pace.step_ns,
                }
            }
            _ => {
                let at = self.before + (passed_ns / level_ns) as u64;
                return Some(at.clamp(self.before + 1, self.after - 1));
            }
        };
        // Not so for what is no number either.
        let inside = at > self.before as f64 && at < self.after as f64;
        inside.then(|| (at as u64).clamp(self.before + 1, self.after - 1))
    }
}

/// How times run in the block that was read last.
#[derive(Debug)]
struct TimeSlope {
    step_ns: f64,
    /// The block lies before the answer, at its `before`; else behind it, at its `after`.
    is_before: bool,
}

impl<S: Storage> RawReader<S> {
    /// The first sequence whose journal time is `time_ns` or later; the end if there is none.
    ///
    /// # Errors
    /// The fault of a record that was looked at.
    pub fn lower_bound(&mut self, time_ns: u64) -> Result<u64, ReadError> {
        let count = self.chain.segments.partition_point(|segment| segment.base < self.end);
        let (before, after) = self.times.around(time_ns);
        // Of segments before the one that holds what is known to be earlier, the first record is earlier too;
        // and not of those behind the one that holds what is known not to be.
        let holding = |sequence| self.chain.holding(sequence).unwrap_or(0);
        let mut low = before.map_or(0, |(sequence, _)| holding(sequence) + 1);
        let mut high = after.map_or(count, |(sequence, _)| {
            let index = holding(sequence);
            index + usize::from(self.base(index) < sequence)
        });
        while low < high {
            let middle = low.midpoint(high);
            if self.first_time(middle)? < time_ns { low = middle + 1 } else { high = middle }
        }
        // The answer lies in the segment before the first that starts at or behind it, or is that one's base.
        let Some(holding) = low.checked_sub(1) else { return Ok(self.first_sequence()) };
        let (before, before_ns) = match before.filter(|(sequence, _)| *sequence >= self.base(holding)) {
            Some(known) => known,
            None => (self.base(holding), self.first_time(holding)?),
        };
        let known = after.filter(|(sequence, _)| low == count || *sequence <= self.base(low));
        let (after, after_ns) = match known {
            Some(known) => known,
            None if low < count => (self.base(low), self.first_time(low)?),
            None => match self.known_time(self.end - 1)? {
                last_ns if last_ns < time_ns => return Ok(self.end),
                last_ns => (self.end - 1, last_ns),
            },
        };
        self.search(holding, Between { wanted_ns: time_ns, before, before_ns, after, after_ns })
    }

    /// The first sequence whose journal time is later than `time_ns`; the end if there is none.
    ///
    /// # Errors
    /// The fault of a record that was looked at.
    pub fn upper_bound(&mut self, time_ns: u64) -> Result<u64, ReadError> {
        match time_ns.checked_add(1) {
            Some(later_ns) => self.lower_bound(later_ns),
            None => Ok(self.end),
        }
    }

    /// The sequences whose journal times lie in `times`, an end not included. They follow each other: times
    /// never decrease. Empty, and where they would lie, if there are none; so too if `times` ends before it
    /// starts.
    ///
    /// # Errors
    /// The fault of a record that was looked at.
    pub fn range(&mut self, times: std::ops::Range<u64>) -> Result<std::ops::Range<u64>, ReadError> {
        let start = self.lower_bound(times.start)?;
        let end = if times.start < times.end { self.lower_bound(times.end)? } else { start };
        Ok(start..end)
    }

    fn base(&self, index: usize) -> u64 {
        self.chain.segments[index].base
    }

    /// Time of the first record of a segment that holds records.
    fn first_time(&mut self, index: usize) -> Result<u64, ReadError> {
        self.known_time(self.base(index))
    }

    /// Time of a record, which is read once.
    fn known_time(&mut self, sequence: u64) -> Result<u64, ReadError> {
        if let Some(time_ns) = self.times.of(sequence) {
            return Ok(time_ns);
        }
        let time_ns = self.time_at(sequence)?;
        self.times.keep(sequence, time_ns);
        Ok(time_ns)
    }

    /// Finds the first record that is not earlier, among those of one segment that lie between, and `after`.
    fn search(&mut self, index: usize, mut between: Between) -> Result<u64, ReadError> {
        let record_bytes = self.chain.segments[index].record_bytes() as u64;
        let (base, in_block) = (self.base(index), (BLOCK_BYTES / record_bytes).max(1));
        let (mut guesses_left, mut halvings) = (GUESSES, 0);
        let mut pace = None;
        while between.count() > 0 {
            let all = between.before + 1..between.after;
            let block = if between.count() <= in_block {
                all
            } else {
                let at = match between.guess(pace.as_ref()).filter(|_| guesses_left > 0) {
                    Some(at) => {
                        guesses_left -= 1;
                        at
                    }
                    None => {
                        halvings += 1;
                        guesses_left += u32::from(halvings % 2 == 0);
                        between.middle()
                    }
                };
                let start = base + (at - base) / in_block * in_block;
                start.max(all.start)..(start + in_block).min(all.end)
            };
            self.read(index, block.start, (block.end - block.start) as usize)?;
            let (first, last) = (block.start, block.end - 1);
            let first_ns = self.loaded_time(index, &block, first)?;
            let last_ns = self.loaded_time(index, &block, last)?;
            self.times.learn(first, first_ns);
            self.times.learn(last, last_ns);
            let wanted_ns = between.wanted_ns;
            if first_ns >= wanted_ns || last_ns < wanted_ns {
                let is_before = last_ns < wanted_ns;
                between
                    .learn(if is_before { last } else { first }, if is_before { last_ns } else { first_ns });
                let step_ns = last_ns.saturating_sub(first_ns) as f64 / (last - first) as f64;
                pace = Some(TimeSlope { step_ns, is_before });
                continue;
            }
            between.learn(first, first_ns);
            between.learn(last, last_ns);
            while between.count() > 0 {
                let middle = between.middle();
                between.learn(middle, self.loaded_time(index, &block, middle)?);
            }
        }
        Ok(between.after)
    }

    /// Time of a record in a block that is loaded, validated.
    fn loaded_time(
        &self,
        index: usize,
        block: &std::ops::Range<u64>,
        sequence: u64,
    ) -> Result<u64, ReadError> {
        let record_bytes = self.chain.segments[index].record_bytes();
        let start = (sequence - block.start) as usize * record_bytes;
        let record = &self.buffer.bytes(start + record_bytes)[start..];
        self.validate(index, sequence, record, record_bytes)?;
        Ok(RecordHeader::decode(record).time_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_lies_between_a_record_and_itself() {
        let between = |before, after| Between { wanted_ns: 5, before, before_ns: 4, after, after_ns: 5 };
        assert_eq!(between(7, 10).count(), 2);
        assert_eq!(between(7, 8).count(), 0);
        // The file of a journal of one record changed between the looks at its first record and at its last.
        assert_eq!(between(7, 7).count(), 0);
    }
}
