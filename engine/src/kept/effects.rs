//! How far a stage's effects are: the one thing that is kept on the hot path, for it must be noted after each
//! effect.
//!
//! Two slots in a mapped file are written in turn, two stores each; a process that dies between the stores
//! leaves a slot that does not validate, and the other one, an event older. The page is the system's from the
//! store on, so the death of the process loses nothing. Power loss may take the last notes: then more effects
//! come twice, none is missed.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use memmap2::{MmapOptions, MmapRaw};
use slipring_journal::__private::storage::{Access, Files, Folder};
use slipring_journal::{JournalId, RawReader};

use super::epochs;
use super::folders::{make_folder, stage_folder, stage_path, write_whole};
use crate::error::{KeepError, io};

/// What to take for emitted when a stage with effects meets a journal that it has never seen.
///
/// See the example of [`Effects`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstTime {
    /// Nothing: the effects of the whole journal are emitted.
    EmitAll,
    /// Everything that is journalled: only what comes is emitted.
    EmitNew,
}

/// A stage with effects on the world outside: what it emits can't be taken back, and must be emitted at least
/// once.
///
/// After each event the stage's progress is noted in a file, so that [`Context::already_done`] can tell the
/// handler in the next life what not to emit again. The stage should be gated on
/// [durable](crate::Gate::DURABLE): power loss may take an event that was only journalled, after its effect.
///
/// [`Context::already_done`]: crate::Context::already_done
///
/// ```
/// # use slipring::{Context, Effects, Event, FirstTime, Gate, HandlerError, Stage};
/// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Order { quantity: u64 }
/// # fn send(_: String, _: &Order) -> Result<(), HandlerError> { Ok(()) }
/// let send_once = |order: &Order, context: &Context| -> Result<(), HandlerError> {
///     if context.already_done() {
///         return Ok(());
///     }
///     let key = context.key().ok_or("there is a journal")?;
///     send(key.to_string(), order)
/// };
/// // A stage that is new to a journal with history emits nothing of that history.
/// let effects = Effects::new().first_time(FirstTime::EmitNew);
/// let stage = Stage::new("gateway", send_once, Gate::DURABLE.after("risk")).effects(effects);
/// ```
///
/// More: [send effects once].
///
/// [send effects once]: https://github.com/slipring/slipring/blob/main/docs/how-to/send-effects-once.md
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    first_time: Option<FirstTime>,
}

impl Effects {
    /// Effects noted from the first record of the journal on.
    pub fn new() -> Self {
        Self::default()
    }

    /// What to take for emitted if the journal holds records and nothing is noted yet: the stage is new, or
    /// its file is lost. Without it such a journal is refused: to emit a year of orders again is as wrong as
    /// to miss one.
    #[must_use]
    pub fn first_time(mut self, what: FirstTime) -> Self {
        self.first_time = Some(what);
        self
    }
}

/// "slipring effects", as an integer in memory order.
const MAGIC: u64 = u64::from_le_bytes(*b"slipreff");
const VERSION: u64 = 1;
const FILE_BYTES: usize = 4096;
/// Words: magic, version, journal id (2), checksum of those; then from word 8 on the slots.
const HEADER_WORDS: usize = 5;
const SLOT_WORDS: [usize; 2] = [8, 16];
const NAME: &str = "effects";
const ADVICE: &str = "remove it and say with Effects::first_time what has been emitted";

/// The file, mapped.
#[derive(Debug)]
pub(crate) struct EffectsProgress {
    map: MmapRaw,
    file: File,
    path: PathBuf,
    journal_id: JournalId,
    next_slot: usize,
}

/// What opening found.
pub(crate) struct FoundEffects {
    pub(crate) progress: EffectsProgress,
    /// The effects of events below it have been emitted.
    pub(crate) end: u64,
    /// Effects were emitted for events that the log no longer holds, up to this sequence.
    pub(crate) lost_to: Option<u64>,
}

impl EffectsProgress {
    /// Opens or makes the stage's file, and finds how far its effects are.
    pub(crate) fn open(
        journal: &Files,
        stage: &str,
        effects: Effects,
        reader: &mut RawReader,
    ) -> Result<FoundEffects, KeepError> {
        let found = match stage_folder(journal, stage)? {
            Some(folder) if has_file(&folder)? => Some(folder),
            _ => None,
        };
        let (first, log_end) = (reader.first_sequence(), reader.end_sequence());
        let mut made = None;
        let folder = if let Some(folder) = found {
            folder
        } else {
            let end = match effects.first_time {
                _ if log_end == 0 => 0,
                Some(FirstTime::EmitAll) => first,
                Some(FirstTime::EmitNew) => log_end,
                None => {
                    let path = stage_path(journal, stage).join(NAME);
                    return Err(KeepError::EffectsUnknown { stage: stage.to_owned(), end: log_end, path });
                }
            };
            let epoch = if end > first { reader.anchor(end - 1)?.epoch } else { 0 };
            let folder = make_folder(journal, stage)?;
            let mut words = [0u64; FILE_BYTES / 8];
            words[..HEADER_WORDS].copy_from_slice(&header(reader.journal_id()));
            words[SLOT_WORDS[0]] = end;
            words[SLOT_WORDS[0] + 1] = seal(reader.journal_id(), end, epoch);
            write_whole(&folder, NAME, |file| file.write_all(bytemuck::cast_slice(&words)))?;
            made = Some((end, None));
            folder
        };
        let (progress, noted_end, epoch) = Self::map(&folder, reader.journal_id())?;
        let (end, lost_to) = match made {
            Some(made) => made,
            // The log may have lost what was noted, and gone on with other records in a later epoch.
            None => {
                let end = epochs::first_above(reader, first.min(noted_end), log_end.min(noted_end), epoch)?;
                (end, (end < noted_end).then_some(noted_end))
            }
        };
        Ok(FoundEffects { progress, end, lost_to })
    }

    /// How far the effects of the stage of this folder are, if it has any.
    pub(crate) fn peek(folder: &Folder, journal_id: JournalId) -> Result<Option<u64>, KeepError> {
        if !has_file(folder)? {
            return Ok(None);
        }
        Self::map(folder, journal_id).map(|(_, end, _)| Some(end))
    }

    fn map(folder: &Folder, journal_id: JournalId) -> Result<(Self, u64, u32), KeepError> {
        let path = &folder.path().join(NAME);
        let damaged = |what| KeepError::Damaged { path: path.clone(), what, advice: ADVICE };
        let file = folder.open_file(NAME, Access::Write).map_err(io("open", path))?;
        if file.metadata().map_err(io("look at", path))?.len() != FILE_BYTES as u64 {
            return Err(damaged("it has not its size"));
        }
        let map = MmapOptions::new().len(FILE_BYTES).map_raw(&file).map_err(io("map", path))?;
        let mut progress = EffectsProgress { map, file, path: path.clone(), journal_id, next_slot: 0 };
        let read = |word: usize| progress.word(word).load(Ordering::Relaxed);
        let found: Vec<u64> = (0..HEADER_WORDS).map(read).collect();
        if found != header(journal_id) {
            let own = JournalId(bytemuck::cast([found[2], found[3]]));
            return Err(match found == header(own) {
                true => KeepError::Foreign { path: path.clone() },
                false => damaged("its header does not validate"),
            });
        }
        let slots = SLOT_WORDS.map(|slot| (read(slot), read(slot + 1)));
        let valid = |(end, sealed): (u64, u64)| sealed == seal(journal_id, end, (sealed >> 32) as u32);
        let newest = (0..2).filter(|slot| valid(slots[*slot])).max_by_key(|slot| {
            // By epoch first: a later life may have gone on from an earlier end, after power loss.
            let (end, sealed) = slots[*slot];
            (sealed >> 32, end)
        });
        let Some(newest) = newest else { return Err(damaged("neither of its slots validates")) };
        progress.next_slot = 1 - newest;
        Ok((progress, slots[newest].0, (slots[newest].1 >> 32) as u32))
    }

    /// Notes that the effects of all events below `end` have been emitted; the last of them is of `epoch`.
    ///
    /// Cold: its checksum would take the registers from the loop of stages without effects.
    #[cold]
    pub(crate) fn note(&mut self, end: u64, epoch: u32) {
        let slot = SLOT_WORDS[self.next_slot];
        let sealed = seal(self.journal_id, end, epoch);
        // Relaxed: nobody reads them in this life; the next one reads them when the process is gone.
        self.word(slot).store(end, Ordering::Relaxed);
        self.word(slot + 1).store(sealed, Ordering::Relaxed);
        self.next_slot = 1 - self.next_slot;
    }

    /// Another handle on the file, to sync the notes by.
    pub(crate) fn to_sync(&self) -> Result<File, KeepError> {
        self.file.try_clone().map_err(io("open", &self.path))
    }

    fn word(&self, index: usize) -> &AtomicU64 {
        assert!(index < FILE_BYTES / 8);
        // SAFETY: the map is page-aligned, FILE_BYTES long and lives as long as `self`; the word lies inside
        // (just asserted). This process touches it by atomic words alone.
        unsafe { AtomicU64::from_ptr(self.map.as_mut_ptr().cast::<u64>().add(index)) }
    }
}

/// Whether the stage's file is there. What else may lie there is for whoever opens it to refuse.
fn has_file(folder: &Folder) -> Result<bool, KeepError> {
    let found = folder.kind(NAME).map_err(io("look at", &folder.path().join(NAME)))?;
    Ok(found.is_some())
}

fn header(journal_id: JournalId) -> [u64; HEADER_WORDS] {
    let [low, high]: [u64; 2] = bytemuck::cast(journal_id.0);
    let words = [MAGIC, VERSION, low, high];
    [MAGIC, VERSION, low, high, u64::from(crc32c::crc32c(bytemuck::bytes_of(&words)))]
}

/// A slot's second word: epoch and checksum. Never 0 for a slot of zeros, because the journal's id is in it.
#[inline]
fn seal(journal_id: JournalId, end: u64, epoch: u32) -> u64 {
    let [low, high]: [u64; 2] = bytemuck::cast(journal_id.0);
    let words = [low, high, end, u64::from(epoch)];
    u64::from(epoch) << 32 | u64::from(crc32c::crc32c(bytemuck::bytes_of(&words)))
}
