//! Memory that parts of files are read into.

/// Where in its page the memory begins. Some processors (Zen 3 for one) take three to five times as long for
/// the kernel's copy where the target lies a few bytes further in its page than the source; and there is
/// where an allocator puts a large buffer, behind its own 16 bytes. Records begin at the start of a page.
const PLACE_BYTES: usize = PAGE_BYTES / 2;
const PAGE_BYTES: usize = super::PAGE_BYTES as usize;

/// Memory that is used again for each read, aligned for records.
#[derive(Debug, Default)]
pub(crate) struct ReadBuffer {
    memory: Vec<u128>,
    /// Where the bytes begin, in units of the memory's.
    start: usize,
}

impl ReadBuffer {
    /// Room for so many bytes. What was there before stays, unless there was less.
    pub(crate) fn room(&mut self, bytes: usize) -> &mut [u8] {
        const UNIT_BYTES: usize = size_of::<u128>();
        if self.memory.len() < self.start + bytes.div_ceil(UNIT_BYTES) || self.memory.is_empty() {
            self.memory = vec![0; (bytes + PAGE_BYTES).div_ceil(UNIT_BYTES)];
            let ahead_bytes =
                (PLACE_BYTES + PAGE_BYTES - self.memory.as_ptr() as usize % PAGE_BYTES) % PAGE_BYTES;
            self.start = ahead_bytes / UNIT_BYTES;
        }
        &mut bytemuck::cast_slice_mut(&mut self.memory[self.start..])[..bytes]
    }

    /// The first bytes of what was read last.
    #[inline(always)]
    pub(crate) fn bytes(&self, count: usize) -> &[u8] {
        &bytemuck::cast_slice(&self.memory[self.start..])[..count]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_begins_at_its_place_whatever_its_size() {
        let mut buffer = ReadBuffer::default();
        assert!(buffer.bytes(0).is_empty() && buffer.room(0).is_empty());
        for bytes in [1, 64, 4096, 64 << 10, 1 << 20, 7] {
            let room = buffer.room(bytes);
            assert_eq!((room.len(), room.as_ptr() as usize % PAGE_BYTES), (bytes, PLACE_BYTES));
            room.fill(bytes as u8);
            assert!(buffer.bytes(bytes).iter().all(|byte| *byte == bytes as u8));
        }
        // What has room stays where it is.
        assert_eq!(buffer.bytes(8), [7, 7, 7, 7, 7, 7, 7, (1_u32 << 20) as u8]);
    }
}
