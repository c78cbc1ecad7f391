//! Whether the log is the one that a reader has read: the same journal, and before each place the record that
//! was there.

use crate::error::{NamedReaderError, ReadError};
use crate::format::{Anchor, ControlState, JournalId, ReaderPlace, ReaderState};
use crate::read::raw::RawReader;
use crate::storage::Files;

/// Refuses the state of another journal, or of another copy of it.
pub(super) fn check_journal(
    name: &str,
    state: &ReaderState,
    control: &ControlState,
) -> Result<(), NamedReaderError> {
    let other = |what| Err(NamedReaderError::OtherJournal { name: name.to_owned(), what });
    if state.journal_id != control.journal_id {
        return other(format!("journal {}", state.journal_id));
    }
    if state.branch != control.branch {
        return other(match state.branch {
            [0, ..] if state.branch == [0; 16] => "the copy that was made first".to_owned(),
            branch => format!("the copy {}", JournalId(branch)),
        });
    }
    Ok(())
}

/// Refuses a log that is not the one that `state` is of.
pub(super) fn check_log(
    name: &str,
    state: &ReaderState,
    reader: &mut RawReader<Files>,
) -> Result<(), NamedReaderError> {
    let control = *reader.parts().1;
    check_journal(name, state, &control)?;
    if state.position.end < control.first {
        return Err(evicted(name, state.position, &control, reader));
    }
    check_place(name, state, state.position, reader)?;
    state.done_ahead().try_for_each(|range| check_place(name, state, range.end, reader))
}

fn check_place(
    name: &str,
    state: &ReaderState,
    place: ReaderPlace,
    reader: &mut RawReader<Files>,
) -> Result<(), NamedReaderError> {
    let changed =
        |what| Err(NamedReaderError::HistoryChanged { name: name.to_owned(), position: place.end, what });
    let control = *reader.parts().1;
    if place.end <= control.first {
        let known = place.end == control.first && place.last.is_known() && control.before_first.is_known();
        return match known && place.last != control.before_first {
            true => changed("another record lay there"),
            false => Ok(()),
        };
    }
    match reader.check_anchor(&Anchor::at(state.journal_id, place.end - 1, place.last)) {
        Err(ReadError::HistoryChanged { what, .. }) => changed(what),
        // Gone since the journal was looked at.
        Err(ReadError::Evicted { .. }) => Ok(()),
        checked => Ok(checked?),
    }
}

/// What retention has taken from behind `from`, as far as is known.
pub(super) fn evicted(
    name: &str,
    from: ReaderPlace,
    control: &ControlState,
    reader: &mut RawReader<Files>,
) -> NamedReaderError {
    let first = control.first.max(reader.first_sequence());
    NamedReaderError::Evicted {
        name: name.to_owned(),
        missed: from.end..first,
        first,
        after_ns: Some(from.last_ns).filter(|_| from.last.is_known()),
        before_ns: reader.time_at(first).ok(),
    }
}
