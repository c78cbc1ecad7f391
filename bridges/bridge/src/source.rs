//! The journal's side: records in batches, and a named reader's position that follows what was acknowledged.

use std::time::{Duration, Instant};

use slipring_journal::{
    Anchor, Journal, JournalFault, JournalIdentity, NamedReaderError, ReadError, ReaderStart, StoredReader,
};

use crate::history::{GoOn, Judge};
use crate::pack::{Batch, Packer};

/// What is read of a journal, and how it is packed.
#[derive(Clone, Debug)]
pub struct SourceOptions {
    /// The named reader's name.
    pub reader: String,
    /// How long a record may wait for others to share a message with.
    pub max_delay: Duration,
    /// Records go out once they are journalled, and not only once they are durable.
    pub ahead_of_disk: bool,
}

/// A journal's records on their way out.
///
/// It never waits; poll it, or have a [`follow`](crate::follow) thread do so.
///
/// ```
/// use std::time::Duration;
/// use slipring_bridge::source::{Source, SourceOptions};
/// # use slipring_journal::{Event, Journal};
/// # #[derive(Clone, Copy, Debug, Event)] #[repr(C)] struct Tick { price: u64 }
/// # let folder = tempfile::tempdir()?;
/// # let journal = Journal::at(folder.path());
/// # let (mut writer, _) = journal.open::<Tick>()?;
/// # (0..3).try_for_each(|n| writer.append(n, &Tick { price: n }).map(drop))?;
/// # writer.close()?;
/// let reader = "to-paris".to_owned();
/// let options = SourceOptions { reader, max_delay: Duration::ZERO, ahead_of_disk: false };
/// let mut source = Source::open(&journal, &options)?;
/// let batch = source.next_batch()?.expect("three records");
/// assert_eq!((batch.first, batch.count), (0, 3));
/// // Sent and acknowledged.
/// source.commit(batch.end())?;
/// assert_eq!(source.close()?, 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Source {
    journal: Journal,
    reader: StoredReader,
    packer: Packer,
    ahead_of_disk: bool,
    /// Records before it may go.
    end: u64,
}

impl Source {
    /// Takes the named reader, which is made if it is not there.
    ///
    /// # Errors
    /// [`NamedReaderError`].
    pub fn open(journal: &Journal, options: &SourceOptions) -> Result<Self, NamedReaderError> {
        let reader = journal.stored_reader(&options.reader)?;
        let mut packer = Packer::new(options.max_delay);
        packer.start_behind(reader.position_anchor().as_ref());
        let (ahead_of_disk, end) = (options.ahead_of_disk, 0);
        Ok(Source { journal: journal.clone(), reader, packer, ahead_of_disk, end })
    }

    /// Whose records these are.
    ///
    /// # Errors
    /// [`NamedReaderError`].
    pub fn identity(&self) -> Result<JournalIdentity, NamedReaderError> {
        self.reader.identity()
    }

    /// Who looks whether the other end is this journal's.
    pub fn judge(&self) -> Judge {
        Judge::new(self.journal.clone(), self.reader.position(), self.reader.position_anchor())
    }

    /// The named reader's position: all before it was acknowledged.
    pub fn position(&self) -> u64 {
        self.reader.position()
    }

    /// The sequence of the next record that it reads.
    pub fn next_sequence(&self) -> u64 {
        self.reader.next_sequence()
    }

    /// The end of what may go, as it last looked.
    pub fn seen_end(&self) -> u64 {
        self.end.max(self.next_sequence())
    }

    /// Goes on there. What was read and not handed out is forgotten.
    ///
    /// # Errors
    /// [`NamedReaderError`].
    pub fn go_on(&mut self, place: &GoOn) -> Result<(), NamedReaderError> {
        match &place.behind {
            Some(anchor) => self.reader.go_on_behind(anchor)?,
            None if place.sequence == self.reader.next_sequence() => {}
            None => self.reader.seek(ReaderStart::Sequence(place.sequence))?,
        }
        self.packer.start_behind(place.behind.as_ref());
        Ok(())
    }

    /// The next batch, if one is ripe.
    ///
    /// # Errors
    /// [`NamedReaderError`], as of a named reader.
    pub fn next_batch(&mut self) -> Result<Option<Batch>, NamedReaderError> {
        let mut now = Instant::now();
        loop {
            if let Some(batch) = self.packer.ripe(now) {
                return Ok(Some(batch));
            }
            if !self.read(now)? {
                return Ok(self.packer.ripe(now));
            }
            now = Instant::now();
        }
    }

    /// Reads what there is, if there is any.
    fn read(&mut self, now: Instant) -> Result<bool, NamedReaderError> {
        if self.ahead_of_disk {
            self.end = u64::MAX;
        } else if self.end <= self.reader.next_sequence() {
            self.end = self.reader.identity()?.durable_end;
        }
        let run = self.reader.next_run_below(self.end)?;
        if let Some(run) = &run {
            self.packer.push(run, now);
        }
        let is_some = run.is_some();
        if self.ahead_of_disk {
            self.end = self.reader.next_sequence();
        }
        Ok(is_some)
    }

    /// How long until a batch is ripe without more records; `None` if nothing waits.
    pub fn wait(&self) -> Option<Duration> {
        self.packer.wait(Instant::now())
    }

    /// All before `end` was acknowledged.
    ///
    /// # Errors
    /// As [`StoredReader::commit`].
    pub fn commit(&mut self, end: u64) -> Result<(), NamedReaderError> {
        self.reader.commit(end)
    }

    /// Lets go of the name; the position.
    ///
    /// # Errors
    /// As [`StoredReader::close`].
    pub fn close(self) -> Result<u64, NamedReaderError> {
        self.reader.close()
    }

    /// The record before the position.
    pub fn position_anchor(&self) -> Option<Anchor> {
        self.reader.position_anchor()
    }
}

/// Whether it is the journal that is damaged, or the reader's file.
pub fn is_damage(error: &NamedReaderError) -> bool {
    match error {
        NamedReaderError::Damaged { .. } => true,
        NamedReaderError::Read(ReadError::Journal(fault)) => JournalFault::is_damage(fault),
        _ => false,
    }
}
