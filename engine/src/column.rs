//! Columns: what a stage made of an event, for the stages behind it.
//!
//! A column lies beside the ring and has a cell for each of the ring's slots. A cell is a tag, which says of
//! which event it is, and the value's bytes as words. So an older event's cell is told apart, and nobody
//! clears anything between two laps.
//!
//! ```text
//!  slot of a sequence:   sequence & (capacity - 1)
//!  its cell:             | sequence + 1 | value, 8 bytes a word, the last filled up with zeros |
//!                          0: of no event
//! ```
//!
//! All of a cell is stored and loaded relaxed; the stages' cursors order it:
//! - A reader is gated on the writer. The writer's stage stores its cursor behind the cell (release,
//!   `Cursor::set`), and the reader's stage loads it before it handles the event (acquire, `Watch::end`),
//!   itself or through the cursors of stages between them.
//! - A cell is stored again a lap later. The writer has been shown that event, which was published after all
//!   stages had released the slot of the lap before: the crate's cursors order that, as they do for slots
//!   (`ring/slots.rs`).

use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use bytemuck::Pod;

/// One stage's result for each event, read by the stages behind it: a typed key, made before the engine.
///
/// The stage that makes it says [`Stage::writes`](crate::Stage::writes) and calls
/// [`Context::write`](crate::Context::write). A stage that waits for it says
/// [`Stage::reads`](crate::Stage::reads) and calls [`Context::read`](crate::Context::read). Replay makes the
/// values again, so nothing of them is in the journal.
///
/// A column belongs to one engine, once. It takes the value's bytes, rounded up to eight, and eight more for
/// each slot of the ring. [Late consumers](crate::LateConsumer) can't read it: by then its cells may be
/// overwritten.
///
/// ```
/// use slipring::bytemuck::{Pod, Zeroable};
/// use slipring::prelude::*;
///
/// #[derive(Clone, Copy, Debug, Event)]
/// #[repr(C)]
/// struct Tick { price: i64 }
///
/// #[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
/// #[repr(C)]
/// struct Quote { bid: i64, ask: i64 }
///
/// let quotes = Column::<Quote>::named("quotes");
/// let (written, read) = (quotes.clone(), quotes.clone());
/// let pricer = move |tick: &Tick, context: &Context| {
///     context.write(&written, Quote { bid: tick.price - 1, ask: tick.price + 1 });
/// };
/// let risk = move |tick: &Tick, context: &Context| {
///     assert_eq!(context.read(&read), Some(Quote { bid: tick.price - 1, ask: tick.price + 1 }));
/// };
/// let lane = Lane::named("main")
///     .with(Stage::new("pricer", pricer, Gate::PUBLISHED).writes(&quotes))
///     .with(Stage::new("risk", risk, Gate::PUBLISHED.after("pricer")).reads(&quotes));
/// let (engine, mut publisher) = Engine::builder().lane(lane).go_live()?;
/// publisher.publish(Tick { price: 7 })?;
/// engine.join()?;
/// # Ok::<(), slipring::Error>(())
/// ```
///
/// More: [give a result to the stages behind][page].
///
/// [page]: https://github.com/slipring/slipring/blob/main/docs/how-to/give-a-result-to-the-stages-behind.md
pub struct Column<T> {
    shared: AnyColumn,
    values: PhantomData<fn(T) -> T>,
}

/// A column of values of whatever type.
#[derive(Clone)]
pub(crate) struct AnyColumn(Arc<Shared>);

struct Shared {
    name: String,
    /// Words of a cell, the tag's among them.
    stride: usize,
    /// An engine has it.
    taken: AtomicBool,
    /// From the engine's start on.
    cells: OnceLock<Cells>,
}

/// A column's memory, and who may use it.
struct Cells {
    words: Box<[AtomicU64]>,
    /// The ring's capacity less one.
    mask: u64,
    /// The seat of the stage that writes.
    writer: u64,
    /// The seat of the engine's first stage.
    first_seat: u64,
    /// Of each of the engine's stages whether it may read.
    readers: Box<[bool]>,
    /// The stages' names.
    stages: Box<[String]>,
}

/// What the stages of an engine are to a column, by their places.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Users {
    pub(crate) writer: usize,
    pub(crate) readers: Vec<usize>,
}

/// The columns that a stage says it uses.
#[derive(Clone, Debug, Default)]
pub(crate) struct StageColumns {
    pub(crate) writes: Vec<AnyColumn>,
    pub(crate) reads: Vec<AnyColumn>,
}

/// Of no stage: whoever has it may use no column.
pub(crate) const NO_SEAT: u64 = 0;

/// Takes so many seats for the stages of an engine; returns the first. No other stage of this process has one
/// of them, so a seat tells engine and stage.
pub(crate) fn take_seats(stages: usize) -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(NO_SEAT + 1);
    // Relaxed: a number that nobody else gets, and no more.
    NEXT.fetch_add(stages as u64, Ordering::Relaxed)
}

impl<T: Pod> Column<T> {
    /// Words of a cell.
    const STRIDE: usize = 1 + size_of::<T>().div_ceil(8);

    /// A column of this name, which is what messages call it.
    pub fn named(name: impl Into<String>) -> Self {
        let (stride, taken, cells) = (Self::STRIDE, AtomicBool::new(false), OnceLock::new());
        let shared = AnyColumn(Arc::new(Shared { name: name.into(), stride, taken, cells }));
        Column { shared, values: PhantomData }
    }

    /// Writes the value of an event, for the stage that has this seat.
    #[inline]
    pub(crate) fn write(&self, seat: u64, sequence: u64, value: &T) {
        let Some(cells) = self.cells().filter(|cells| cells.writer == seat) else {
            self.shared.refuse(seat, "writes")
        };
        let Some((tag, words)) = cells.cell(sequence, Self::STRIDE) else { return };
        for (word, bytes) in words.iter().zip(bytemuck::bytes_of(value).chunks(8)) {
            // Relaxed, as is the tag: see the module.
            word.store(word_of(bytes), Ordering::Relaxed);
        }
        tag.store(sequence + 1, Ordering::Relaxed);
    }

    /// The value of an event, for the stage that has this seat; `None` if there is none.
    #[inline]
    pub(crate) fn read(&self, seat: u64, sequence: u64) -> Option<T> {
        let Some(cells) = self.cells().filter(|cells| cells.may_read(seat)) else {
            self.shared.refuse(seat, "reads")
        };
        let (tag, words) = cells.cell(sequence, Self::STRIDE)?;
        // Relaxed, as are the words: see the module.
        if tag.load(Ordering::Relaxed) != sequence + 1 {
            return None;
        }
        let mut value = T::zeroed();
        for (bytes, word) in bytemuck::bytes_of_mut(&mut value).chunks_mut(8).zip(words) {
            bytes.copy_from_slice(&word.load(Ordering::Relaxed).to_ne_bytes()[..bytes.len()]);
        }
        Some(value)
    }

    #[inline(always)]
    fn cells(&self) -> Option<&Cells> {
        self.shared.0.cells.get()
    }
}

impl<T> Column<T> {
    /// Its name.
    pub fn name(&self) -> &str {
        self.shared.name()
    }

    pub(crate) fn any(&self) -> &AnyColumn {
        &self.shared
    }
}

impl AnyColumn {
    pub(crate) fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether both are one column.
    pub(crate) fn is(&self, other: &AnyColumn) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Bytes of its cells beside a ring of so many slots.
    pub(crate) fn bytes(&self, capacity: usize) -> u64 {
        (capacity as u64).saturating_mul(8 * self.0.stride as u64)
    }

    /// Whether an engine has it.
    pub(crate) fn is_taken(&self) -> bool {
        // Relaxed: as in `take`.
        self.0.taken.load(Ordering::Relaxed)
    }

    /// Takes it for an engine, unless one has it.
    pub(crate) fn take(&self) -> bool {
        // Relaxed: of two that take it one is told so, and nothing is handed over.
        !self.0.taken.swap(true, Ordering::Relaxed)
    }

    /// Makes its cells, for the engine that has taken it. Before any of its lanes runs.
    pub(crate) fn bind(&self, capacity: usize, first_seat: u64, stages: &[String], users: &Users) {
        let mut readers = vec![false; stages.len()].into_boxed_slice();
        // A stage may read what it writes.
        for stage in users.readers.iter().chain([&users.writer]) {
            readers[*stage] = true;
        }
        let cells = Cells {
            words: (0..capacity * self.0.stride).map(|_| AtomicU64::new(0)).collect(),
            mask: capacity as u64 - 1,
            writer: first_seat + users.writer as u64,
            first_seat,
            readers,
            stages: stages.into(),
        };
        let bound = self.0.cells.set(cells);
        debug_assert!(bound.is_ok(), "one engine has taken it, and starts once");
    }

    /// Takes back what was written for an event.
    fn clear(&self, sequence: u64) {
        if let Some((tag, _)) = self.0.cells.get().and_then(|cells| cells.cell(sequence, self.0.stride)) {
            // Relaxed: see the module.
            tag.store(0, Ordering::Relaxed);
        }
    }

    /// This seat may not use it.
    #[cold]
    #[inline(never)]
    fn refuse(&self, seat: u64, does: &str) -> ! {
        let name = self.name();
        let stage = self.0.cells.get().and_then(|cells| cells.stages.get(cells.place(seat)?));
        match stage {
            _ if seat == NO_SEAT => panic!(
                "column {name}: a clone of a context {does} nothing; use the context that the handler is given"
            ),
            Some(stage) => {
                panic!(
                    "stage {stage} {does} column {name} without saying so: add .{does}(&column) to the stage"
                )
            }
            None => panic!(
                "this stage {does} column {name}, which no stage of its engine declares: add .{does}(&column) to the \
                 stage, with this Column or a clone of it"
            ),
        }
    }
}

impl Cells {
    /// Tag and value of the cell of an event.
    #[inline(always)]
    fn cell(&self, sequence: u64, stride: usize) -> Option<(&AtomicU64, &[AtomicU64])> {
        let at = (sequence & self.mask) as usize * stride;
        self.words.get(at..at + stride)?.split_first()
    }

    /// The place of the stage that has this seat, if it is one of the engine's or behind them.
    #[inline(always)]
    fn place(&self, seat: u64) -> Option<usize> {
        Some(seat.checked_sub(self.first_seat)? as usize)
    }

    #[inline(always)]
    fn may_read(&self, seat: u64) -> bool {
        self.place(seat).and_then(|place| self.readers.get(place)).is_some_and(|may| *may)
    }
}

impl StageColumns {
    /// Takes back what the stage wrote for an event.
    pub(crate) fn clear(&self, sequence: u64) {
        self.writes.iter().for_each(|column| column.clear(sequence));
    }
}

/// Up to eight bytes as a word, filled up with zeros.
#[inline(always)]
fn word_of(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    word[..bytes.len()].copy_from_slice(bytes);
    u64::from_ne_bytes(word)
}

// By hand: the value need not be Clone to clone its column.
impl<T> Clone for Column<T> {
    fn clone(&self) -> Self {
        Column { shared: self.shared.clone(), values: PhantomData }
    }
}

impl<T> fmt::Debug for Column<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Column").field(&self.name()).finish()
    }
}

impl fmt::Debug for AnyColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AnyColumn").field(&self.name()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound<T: Pod>(capacity: usize) -> (Column<T>, u64) {
        let (column, first) = (Column::<T>::named("made"), take_seats(3));
        let stages = ["a", "b", "c"].map(str::to_owned);
        column.any().bind(capacity, first, &stages, &Users { writer: 0, readers: vec![1] });
        (column, first)
    }

    fn round<T: Pod + PartialEq + fmt::Debug>(value: T, other: T) {
        let (column, first) = bound::<T>(4);
        for at in 5..11 {
            assert_eq!(column.read(first + 1, at), None);
            column.write(first, at, &other);
            column.write(first, at, &value);
            assert_eq!((column.read(first, at), column.read(first + 1, at)), (Some(value), Some(value)));
        }
        assert_eq!((column.read(first, 6), column.read(first, 7)), (None, Some(value)));
        column.any().clear(7);
        assert_eq!((column.read(first, 7), column.read(first, 8)), (None, Some(value)));
    }

    #[test]
    fn a_value_comes_back_whatever_its_size() {
        round((), ());
        round(0xa5u8, 0xff);
        round([1u8, 2, 3, 4, 5, 6, 7], [0xff; 7]);
        round(u64::MAX - 7, 3);
        round([1u16, 2, 3, 4, 5], [0xffff; 5]);
        round([u64::MAX, 1, 2], [7; 3]);
    }

    #[test]
    fn cells_take_what_the_builder_counts() {
        let (column, _) = bound::<[u8; 9]>(8);
        let words = column.cells().map(|cells| cells.words.len() as u64);
        assert_eq!(words, Some(column.any().bytes(8) / 8));
        assert_eq!(Column::<()>::named("none").any().bytes(1 << 20), 8 << 20);
    }

    fn text(call: impl FnOnce()) -> String {
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)).unwrap_err();
        *panic.downcast::<String>().unwrap()
    }

    #[test]
    fn a_stage_that_has_not_said_so_is_told() {
        // So that there are seats before its own.
        take_seats(1);
        let (column, first) = bound::<u64>(4);
        let written = text(|| column.write(first + 1, 0, &7));
        assert!(written.contains("stage b") && written.contains("column made"), "{written}");
        assert!(written.contains(".writes(&column)"), "{written}");
        let read = text(|| assert_eq!(column.read(first + 2, 0), None));
        assert!(read.contains("stage c") && read.contains(".reads(&column)"), "{read}");
        // Of another engine, before and behind, and of none.
        for seat in [first - 1, first + 3] {
            let read = text(|| assert_eq!(column.read(seat, 0), None));
            assert!(read.contains("no stage of its engine declares"), "{read}");
        }
        let unbound = text(|| assert_eq!(Column::<u64>::named("loose").read(first, 0), None));
        assert!(unbound.contains("column loose"), "{unbound}");
        let cloned = text(|| assert_eq!(column.read(NO_SEAT, 0), None));
        assert!(cloned.contains("clone of a context"), "{cloned}");
    }

    #[test]
    fn one_engine_takes_it() {
        let column = Column::<u8>::named("once");
        assert!(!column.any().is_taken() && column.clone().any().take());
        assert!(column.any().is_taken() && !column.any().take());
    }
}
