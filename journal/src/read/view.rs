//! As what records are shown: as those of the type that was asked for, or of the newest that the journal
//! holds. Records of older types, and of that type where their numbers count otherwise, are turned into such,
//! one by one, in a buffer of their own.
//!
//! Time, kind, epoch and checksum stay those of the record in the file: a position that was saved from one is
//! found again whatever it is read as.

use std::path::Path;
use std::sync::Arc;

use crate::error::JournalFault;
use crate::event::{Difference, Schema, Upgrade};
use crate::format::{Kind, RECORD_HEADER_BYTES, RecordHeader};
use crate::judge::event_type::{EventType, TakenAs};
use crate::judge::layout::Layout;

/// What a reader shows, and how it makes that of what lies there.
#[derive(Debug, Default)]
pub(super) struct View {
    /// The type that was asked for; `None` for whatever is the newest.
    asked: Option<EventType>,
    /// Records are shown as they lie, whatever their type.
    as_stored: bool,
    /// Of what is shown; 0 while there is no segment.
    pub(super) record_bytes: usize,
    pub(super) event_bytes: usize,
    /// The newest layout, where no type was asked for; and its schema.
    newest: Option<Arc<Layout>>,
    newest_schema: Option<Schema>,
    /// What is known of the journal's layouts: seldom more than one.
    known: Vec<(Arc<Layout>, TakenAs)>,
    /// The one of these that records come in now.
    at: usize,
    /// Aligned for records; those of an older type, as they are shown.
    buffer: Vec<u128>,
    count: usize,
}

impl View {
    /// As events of a type.
    pub(super) fn of(asked: EventType) -> Self {
        let (record_bytes, event_bytes) = (asked.record_bytes, asked.schema.size);
        View { asked: Some(asked), record_bytes, event_bytes, ..View::default() }
    }

    /// As events of the newest type that there is.
    pub(super) fn of_newest(newest: Option<Arc<Layout>>) -> Self {
        let bytes = |bytes: fn(&Layout) -> u32| newest.as_deref().map_or(0, bytes) as usize;
        View {
            record_bytes: bytes(|layout| layout.record_bytes),
            event_bytes: bytes(|layout| layout.event_bytes),
            known: newest.iter().map(|layout| (Arc::clone(layout), TakenAs::AsTheyLie)).collect(),
            newest_schema: newest.as_deref().and_then(|layout| Schema::from_text(&layout.schema)),
            newest,
            ..View::default()
        }
    }

    /// As they lie.
    pub(super) fn of_stored() -> Self {
        View { as_stored: true, ..View::default() }
    }

    /// Whether records are shown as they lie.
    pub(super) fn is_as_stored(&self) -> bool {
        self.as_stored
    }

    /// The type that was asked for.
    pub(super) fn asked(&self) -> Option<&EventType> {
        self.asked.as_ref()
    }

    /// The newest layout that there was, where no type was asked for.
    pub(super) fn newest(&self) -> Option<&Arc<Layout>> {
        self.newest.as_ref()
    }

    /// What is shown; `None` where nothing is, or nobody can say what it is.
    pub(super) fn schema(&self) -> Option<&Schema> {
        self.asked.as_ref().map(|asked| &asked.schema).or(self.newest_schema.as_ref())
    }

    /// Looks whether the records of a layout have to be turned into what is shown.
    pub(super) fn is_older(
        &mut self,
        layout: &Arc<Layout>,
        path: impl FnOnce() -> std::path::PathBuf,
    ) -> Result<bool, JournalFault> {
        if self.as_stored {
            (self.record_bytes, self.event_bytes) =
                (layout.record_bytes as usize, layout.event_bytes as usize);
            return Ok(false);
        }
        if self.known.get(self.at).is_none_or(|(known, _)| !Arc::ptr_eq(known, layout)) {
            self.at = match self.known.iter().position(|(known, _)| known == layout) {
                Some(at) => {
                    // So that the next look sees at once that it is the same.
                    self.known[at].0 = Arc::clone(layout);
                    at
                }
                None => {
                    let taken = self.take(layout, &path())?;
                    self.known.push((Arc::clone(layout), taken));
                    self.known.len() - 1
                }
            };
        }
        Ok(!matches!(self.known[self.at].1, TakenAs::AsTheyLie))
    }

    /// Refuses a journal with these layouts, the oldest first, unless all of it can be shown.
    pub(super) fn check(&mut self, layouts: &[Arc<Layout>], path: &Path) -> Result<(), JournalFault> {
        let Some(asked) = &self.asked else { return self.check_newest(layouts, path) };
        asked.check_newest(layouts, path)?;
        layouts.iter().try_for_each(|layout| self.is_older(layout, || path.to_owned()).map(drop))
    }

    /// Refuses what has come behind the newest layout, where that was looked up before, and counts otherwise.
    fn check_newest(&self, layouts: &[Arc<Layout>], path: &Path) -> Result<(), JournalFault> {
        let (Some(newest), Some((last, before))) = (&self.newest, layouts.split_last()) else {
            return Ok(());
        };
        let Some(shown) = self.shown() else { return Ok(()) };
        let has_gone_on = before.contains(newest) && last != newest && shown.is_of(last);
        match last.events() {
            Some(found) if has_gone_on && !shown.counts_as(last) => {
                let (is, was) = ("numbers that count otherwise", "numbers as they were");
                let difference = Difference::of_event(is.to_owned(), was.to_owned(), gone_on());
                Err(shown.mismatch(path, found, vec![difference]))
            }
            _ => Ok(()),
        }
    }

    /// The type that is shown; `None` while there is no segment.
    fn shown(&self) -> Option<EventType> {
        match &self.asked {
            Some(asked) => Some(asked.clone()),
            None => Some(EventType::untyped(self.newest.as_deref()?.events()?, self.record_bytes)),
        }
    }

    fn take(&self, layout: &Layout, path: &Path) -> Result<TakenAs, JournalFault> {
        if let Some(asked) = &self.asked {
            return asked.take(layout, path);
        }
        let bad_header = || JournalFault::BadHeader { path: path.to_owned() };
        let newest = self.newest.as_deref().ok_or_else(bad_header)?;
        let (shown, found) = (self.shown().ok_or_else(bad_header)?, layout.events().ok_or_else(bad_header)?);
        if layout.event_version > newest.event_version && !shown.is_of(layout) {
            let version = |layout: &Layout| format!("version {}", layout.event_version);
            let difference = Difference::of_event(version(layout), version(newest), gone_on());
            return Err(shown.mismatch(path, found, vec![difference]));
        }
        shown.take(layout, path)
    }

    /// Turns records of the layout that [`View::is_older`] looked at last into what is shown: all of them, or
    /// those before one that can't be. The first of them is that of `sequence`.
    ///
    /// Refuses the first one if it can't be shown: one of its numbers has no room counted so.
    pub(super) fn turn(
        &mut self,
        sequence: u64,
        records: &[u8],
        path: impl FnOnce() -> std::path::PathBuf,
    ) -> Result<(), JournalFault> {
        let Some((layout, TakenAs::By(upgrade))) = self.known.get(self.at) else { return Ok(()) };
        let (older_bytes, record_bytes) = (layout.record_bytes as usize, self.record_bytes);
        let bytes = records.len() / older_bytes * record_bytes;
        self.buffer.resize(bytes.div_ceil(16).max(self.buffer.len()), 0);
        let newer: &mut [u8] = &mut bytemuck::cast_slice_mut(&mut self.buffer)[..bytes];
        // What an upgrade leaves out is zero, and so are void records.
        newer.fill(0);
        self.count = 0;
        let event_bytes = (layout.event_bytes as usize, self.event_bytes);
        for (older, newer) in records.chunks_exact(older_bytes).zip(newer.chunks_exact_mut(record_bytes)) {
            if let Err(mut difference) = turn_one(upgrade, older, newer, event_bytes) {
                if self.count > 0 {
                    return Ok(());
                }
                difference.advice = format!("record {sequence}: {}", difference.advice);
                let (Some(shown), Some(found)) = (self.shown(), layout.events()) else { return Ok(()) };
                return Err(shown.mismatch(&path(), found, vec![difference]));
            }
            self.count += 1;
        }
        Ok(())
    }

    /// Which bytes of its event a record tells that lies in the layout which [`View::is_older`] looked at
    /// last: they are set.
    pub(super) fn told(&self, record: &[u8]) -> Vec<u8> {
        match self.known.get(self.at) {
            Some((layout, TakenAs::By(upgrade))) => {
                let event_bytes = layout.event_bytes as usize;
                let mut told = vec![0; self.event_bytes];
                upgrade.mark_told(&record[RECORD_HEADER_BYTES..][..event_bytes], &mut told);
                told
            }
            _ => vec![u8::MAX; self.event_bytes],
        }
    }

    /// How many records were turned last.
    pub(super) fn turned_count(&self) -> usize {
        self.count
    }

    /// What was turned last.
    pub(super) fn turned(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.buffer)[..self.count * self.record_bytes]
    }
}

/// Turns one record; `event_bytes` are those of an older and of a newer event.
#[inline]
fn turn_one(
    upgrade: &Upgrade,
    older: &[u8],
    newer: &mut [u8],
    event_bytes: (usize, usize),
) -> Result<(), Difference> {
    let (older_head, older_event) = older.split_at(RECORD_HEADER_BYTES);
    let (newer_head, newer_event) = newer.split_at_mut(RECORD_HEADER_BYTES);
    newer_head.copy_from_slice(older_head);
    if RecordHeader::decode(older).kind() == Some(Kind::Event) {
        upgrade.apply(&older_event[..event_bytes.0], &mut newer_event[..event_bytes.1])?;
    }
    Ok(())
}

fn gone_on() -> String {
    "the journal has gone on to a newer type since this began: begin anew from here".to_owned()
}
