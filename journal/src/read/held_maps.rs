//! Segments mapped for reading while the writer's lock is held: for replay, which goes through records once,
//! from the first to the last, and has them nowhere when it is over. Everybody else reads copies.

use std::ops::Range;
use std::sync::Arc;

use super::raw::RawReader;
use crate::error::{IoFault, ReadError};
use crate::judge::chain::OpenSegment;
use crate::storage::{ReadMap, Storage, StorageFile};

/// Bytes whose pages are made present at a time.
const CHUNK_BYTES: usize = 1 << 20;

/// What is mapped, one segment at a time. While the lock is held nobody opens the journal, so nobody cuts it
/// or writes to what is committed.
#[derive(Debug)]
pub(super) struct HeldMaps<S: Storage> {
    /// The segment, by its index in the chain. Dropped before the lock.
    map: Option<(usize, ReadMap)>,
    _lock: Arc<S::Lock>,
}

impl<S: Storage> HeldMaps<S> {
    pub(super) fn new(lock: Arc<S::Lock>) -> Self {
        HeldMaps { map: None, _lock: lock }
    }
}

impl<S: Storage> RawReader<S> {
    /// Where the next chunk of records lies in the map, its pages present; `None` where it is to be read.
    pub(super) fn held_chunk(
        &mut self,
        index: usize,
        sequence: u64,
        record_bytes: usize,
    ) -> Result<Option<Range<usize>>, ReadError> {
        let Some(held) = &self.held else { return Ok(None) };
        if held.map.as_ref().is_none_or(|(mapped, _)| *mapped != index) {
            self.map_segment(index, sequence)?;
        }
        let Some((_, map)) = self.held.as_ref().and_then(|held| held.map.as_ref()) else { return Ok(None) };
        let segment = &self.chain.segments[index];
        let start = segment.slots().offset(sequence) as usize;
        let count = self.chunk_count(index, sequence, CHUNK_BYTES / record_bytes);
        let bytes = start..start + count * record_bytes;
        // One that can't be made present was cut off: reading says so.
        Ok(map.populate(bytes.clone()).is_ok().then_some(bytes))
    }

    /// What lies there in the map.
    #[inline(always)]
    pub(super) fn held_bytes(&self, bytes: Range<usize>) -> &[u8] {
        let map = self.held.as_ref().and_then(|held| held.map.as_ref());
        map.map_or(&[], |(_, map)| &map[bytes])
    }

    fn map_segment(&mut self, index: usize, sequence: u64) -> Result<(), ReadError> {
        self.open(index, sequence)?;
        let (Some(held), Some(OpenSegment { name, slots, file })) = (&mut self.held, self.opened.get(index))
        else {
            return Ok(());
        };
        held.map = None;
        let map = file
            .map_read(slots.offset(self.end.min(slots.end)))
            .map_err(|error| IoFault::new("map", self.storage.path(name), error))?;
        held.map = map.map(|map| (index, map));
        Ok(())
    }
}
