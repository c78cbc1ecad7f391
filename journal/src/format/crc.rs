//! CRC-32C of records, fast at 64 bytes.
//!
//! The `crc32c` crate is tuned for long inputs; its call and set-up cost more than a record's nine words. So
//! x86-64 and 64-bit ARM use the processor's instruction directly, and everything else the crate. Both give
//! the standard CRC-32C (Castagnoli), so that a reader in any language can check a record with a stock
//! library.
//!
//! Hidden from the docs: public for the benchmarks' bounds, which must use the same routine.

/// The part of a record's checksum that is the same for every record of a journal: its id.
#[derive(Clone, Copy, Debug)]
pub struct RecordCrc {
    /// CRC-32C of the journal id.
    seed: u32,
    hardware: bool,
}

impl RecordCrc {
    /// For the journal of this id.
    pub fn new(journal_id: [u8; 16]) -> Self {
        RecordCrc { seed: crc32c::crc32c(&journal_id), hardware: has_instruction() }
    }

    /// As on a processor without the instruction.
    #[cfg(test)]
    pub(crate) fn without_instruction(self) -> Self {
        RecordCrc { hardware: false, ..self }
    }

    /// Whether the processor's own instruction is used.
    #[inline(always)]
    pub fn hardware(&self) -> bool {
        self.hardware
    }

    /// Starts the checksum of one record. `HARDWARE` must be what [`RecordCrc::hardware`] says.
    #[inline(always)]
    pub fn start<const HARDWARE: bool>(&self) -> RunningCrc<HARDWARE> {
        RunningCrc { state: if HARDWARE { u64::from(!self.seed) } else { u64::from(self.seed) } }
    }

    /// The checksum of a whole record whose event lies in `event`, padded with zeros to whole words.
    #[inline(always)]
    pub(crate) fn record(&self, sequence: u64, time_ns: u64, epoch_kind: u32, event: &[u8]) -> u32 {
        if self.hardware {
            self.records_with::<true, 1>(sequence, [time_ns], [epoch_kind], [event])[0]
        } else {
            self.records_with::<false, 1>(sequence, [time_ns], [epoch_kind], [event])[0]
        }
    }

    /// The checksums of records that follow each other, as far as what comes before their events.
    #[inline(always)]
    pub(crate) fn begin<const HARDWARE: bool, const N: usize>(
        &self,
        first_sequence: u64,
        times_ns: [u64; N],
        epoch_kinds: [u32; N],
    ) -> [RunningCrc<HARDWARE>; N] {
        let mut sums = [self.start::<HARDWARE>(); N];
        (0..N).for_each(|n| sums[n].word(first_sequence + n as u64));
        (0..N).for_each(|n| sums[n].word(times_ns[n]));
        (0..N).for_each(|n| sums[n].word(u64::from(epoch_kinds[n])));
        sums
    }

    /// The checksums of records that follow each other and whose events are equally long, word by word of all
    /// of them: see `append::batch`. `HARDWARE` must be what [`RecordCrc::hardware`] says.
    #[inline(always)]
    pub(crate) fn records_with<const HARDWARE: bool, const N: usize>(
        &self,
        first_sequence: u64,
        times_ns: [u64; N],
        epoch_kinds: [u32; N],
        events: [&[u8]; N],
    ) -> [u32; N] {
        let mut sums = self.begin::<HARDWARE, N>(first_sequence, times_ns, epoch_kinds);
        let parts = events.map(|event| event.as_chunks::<8>());
        for at in 0..parts[0].0.len() {
            (0..N).for_each(|n| sums[n].word(u64::from_le_bytes(parts[n].0[at])));
        }
        if !parts[0].1.is_empty() {
            (0..N).for_each(|n| sums[n].word(last_word(parts[n].1)));
        }
        sums.map(RunningCrc::finish)
    }
}

/// The last bytes of an event that does not end with a whole word, as one that zeros fill up.
#[inline(always)]
pub(crate) fn last_word(rest: &[u8]) -> u64 {
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    u64::from_le_bytes(last)
}

/// A checksum under way.
#[derive(Clone, Copy, Debug)]
pub struct RunningCrc<const HARDWARE: bool> {
    state: u64,
}

impl<const HARDWARE: bool> RunningCrc<HARDWARE> {
    /// Takes in eight bytes, as a little-endian word.
    #[inline(always)]
    pub fn word(&mut self, word: u64) {
        if HARDWARE {
            self.state = instruction(self.state, word);
        } else {
            self.state = u64::from(crc32c::crc32c_append(self.state as u32, &word.to_le_bytes()));
        }
    }

    /// The checksum.
    #[inline(always)]
    pub fn finish(self) -> u32 {
        if HARDWARE { !(self.state as u32) } else { self.state as u32 }
    }
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
fn has_instruction() -> bool {
    std::arch::is_x86_feature_detected!("sse4.2")
}

#[cfg(all(target_arch = "aarch64", not(miri)))]
fn has_instruction() -> bool {
    std::arch::is_aarch64_feature_detected!("crc")
}

// Inline assembly rather than the intrinsics: one with a target feature is not inlined into a caller without
// it, and a call costs as much as the checksum.

#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline(always)]
fn instruction(mut state: u64, word: u64) -> u64 {
    // SAFETY: `RunningCrc<true>` is only made after `has_instruction` found SSE 4.2 (RecordCrc::hardware);
    // the instruction touches its two registers and nothing else.
    unsafe {
        core::arch::asm!(
            "crc32 {state}, {word}",
            state = inout(reg) state,
            word = in(reg) word,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    state
}

#[cfg(all(target_arch = "aarch64", not(miri)))]
#[inline(always)]
fn instruction(mut state: u64, word: u64) -> u64 {
    // SAFETY: `RunningCrc<true>` is only made after `has_instruction` found the CRC extension
    // (RecordCrc::hardware); the instruction touches its two registers and nothing else.
    unsafe {
        core::arch::asm!(
            ".arch_extension crc",
            "crc32cx {state:w}, {state:w}, {word:x}",
            state = inout(reg) state,
            word = in(reg) word,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    state
}

#[cfg(not(all(any(target_arch = "x86_64", target_arch = "aarch64"), not(miri))))]
fn has_instruction() -> bool {
    false
}

#[cfg(not(all(any(target_arch = "x86_64", target_arch = "aarch64"), not(miri))))]
fn instruction(_: u64, _: u64) -> u64 {
    unreachable!("RunningCrc<true> is made only where has_instruction() holds")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both ways give the plain CRC-32C of the bytes laid end to end, as docs/reference/format.md says.
    #[test]
    fn both_ways_equal_the_standard() {
        let id = *b"0123456789abcdef";
        let crc = RecordCrc::new(id);
        for length in [0, 1, 7, 8, 12, 48, 240] {
            let event: Vec<u8> = (0..length).map(|i| (i * 37 + 11) as u8).collect();
            let mut plain = id.to_vec();
            plain.extend(77u64.to_le_bytes());
            plain.extend(123_456_789u64.to_le_bytes());
            plain.extend(0x35u64.to_le_bytes());
            plain.extend(&event);
            plain.resize(plain.len().next_multiple_of(8), 0);
            let wanted = crc32c::crc32c(&plain);
            assert_eq!(crc.record(77, 123_456_789, 0x35, &event), wanted);
            let without = crc.without_instruction();
            assert_eq!(without.record(77, 123_456_789, 0x35, &event), wanted);
            // Two at a time each have their own.
            let other: Vec<u8> = event.iter().map(|byte| byte ^ 0x5a).collect();
            let (times_ns, kinds) = ([123_456_789, 9], [0x35, 0x36]);
            let alone = [wanted, crc.record(78, 9, 0x36, &other)];
            assert_eq!(crc.records_with::<false, 2>(77, times_ns, kinds, [&event, &other]), alone);
            if crc.hardware() {
                assert_eq!(crc.records_with::<true, 2>(77, times_ns, kinds, [&event, &other]), alone);
            }
        }
    }
}
