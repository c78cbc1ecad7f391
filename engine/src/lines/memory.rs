//! The counters' memory, in a file that other processes may map or private to this one. All the `unsafe` of
//! it.

use std::fs::File;
use std::io;
use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use memmap2::{MmapOptions, MmapRaw};

use super::format::BLOCK_BYTES;

/// Memory of 8-byte atomic words, whole pages of it.
#[derive(Debug)]
pub(crate) enum LineMemory {
    /// A mapped file.
    Mapped(MmapRaw),
    /// The same, in this process's own memory.
    Private(Box<[Page]>),
}

/// A page of words.
#[derive(Debug)]
#[repr(C, align(4096))]
pub(crate) struct Page([AtomicU64; BLOCK_BYTES / 8]);

const _: () = assert!(size_of::<Page>() == BLOCK_BYTES);

/// A group of words that lies in [`LineMemory`].
///
/// # Safety
/// The type is `repr(C)` and has no fields but `AtomicU64`: any bytes are a value of it, and whatever is done
/// to it through a shared reference is atomic.
pub(crate) unsafe trait Words: Sync + 'static {}

impl LineMemory {
    /// Zeros, in this process alone.
    pub(crate) fn private(bytes: usize) -> Arc<Self> {
        let block = || Page(std::array::from_fn(|_| AtomicU64::new(0)));
        Arc::new(LineMemory::Private((0..bytes.div_ceil(BLOCK_BYTES)).map(|_| block()).collect()))
    }

    /// The whole of a file that is open for reading and writing, whose space is allocated.
    pub(crate) fn map(file: &File) -> io::Result<Arc<Self>> {
        Ok(Arc::new(LineMemory::Mapped(MmapOptions::new().map_raw(file)?)))
    }

    /// So many bytes of it for reading: a store through it would be a fault, and so would be a load of what
    /// the file has lost.
    pub(crate) fn map_read_only(file: &File, bytes: usize) -> io::Result<Arc<Self>> {
        Ok(Arc::new(LineMemory::Mapped(MmapOptions::new().len(bytes).map_raw_read_only(file)?)))
    }

    fn start_and_bytes(&self) -> (*const u8, usize) {
        match self {
            LineMemory::Mapped(map) => (map.as_ptr(), map.len()),
            LineMemory::Private(blocks) => (blocks.as_ptr().cast(), size_of_val::<[Page]>(blocks)),
        }
    }

    /// The words at a place, which keep the memory there.
    pub(crate) fn at<T: Words>(self: &Arc<Self>, offset: usize) -> LineRef<T> {
        let (start, bytes) = self.start_and_bytes();
        assert!(offset % align_of::<T>() == 0 && offset + size_of::<T>() <= bytes, "a place within it");
        // SAFETY: within the memory, as just asserted.
        let place = unsafe { start.add(offset) }.cast_mut().cast::<T>();
        let place = NonNull::new(place).expect("memory is not at null");
        LineRef { place, _memory: Arc::clone(self), words: PhantomData }
    }
}

/// Words in memory that lives as long as this does. Clones are the same words.
pub(crate) struct LineRef<T: Words> {
    place: NonNull<T>,
    _memory: Arc<LineMemory>,
    words: PhantomData<T>,
}

// SAFETY: it gives nothing but `&T`, and `T` is `Sync` (atomic words); the memory is released by whichever
// clone is the last, on whatever thread, which both kinds of memory allow.
unsafe impl<T: Words> Send for LineRef<T> {}
// SAFETY: as above.
unsafe impl<T: Words> Sync for LineRef<T> {}

impl<T: Words> Clone for LineRef<T> {
    fn clone(&self) -> Self {
        LineRef { place: self.place, _memory: Arc::clone(&self._memory), words: PhantomData }
    }
}

impl<T: Words> Deref for LineRef<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        // SAFETY: the place lies within the memory and is aligned (`LineMemory::at`), the memory lives and
        // does not move while this does, any bytes are a `T`, and everybody's access to them is atomic
        // (`Words`), another process's too. Nobody shortens a counters file: docs/reference/counters.md;
        // whoever reads another's looks at its length first.
        unsafe { self.place.as_ref() }
    }
}

impl<T: Words + std::fmt::Debug> std::fmt::Debug for LineRef<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        (**self).fmt(f)
    }
}
