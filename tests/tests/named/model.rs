//! Readers that share a name, and one that has it alone, against a plain model: a word for each record.

use std::collections::BTreeMap;
use std::ops::Range;

use proptest::prelude::*;
use slipring_journal::__private::storage::Files;
use slipring_journal::{
    Journal, NamedReaderError, RawNamedReader, RawSharedReader, ReaderStart, Retention, Writer,
};
use slipring_tests::folders::in_memory;
use slipring_tests::journals::{Note, RECORD_BYTES, append_to, note, time};

const CAPACITY: u64 = 8;
/// Records that a reader may hold.
const BOUND: u64 = 40;
const MEMBERS: usize = 4;

#[derive(Clone, Debug)]
enum Step {
    /// The writer appends so many, and makes them durable or not.
    Append(u64, bool),
    /// The writer ends in good order and opens again.
    Reopen,
    Claim(usize, u64),
    /// A member reads some of its range and commits a part of that.
    Work(usize, u64, u64),
    Release(usize),
    Die(usize),
    Resume(usize),
    /// All end, and one alone reads and commits so many.
    Alone(u64, u64),
    Seek(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let member = 0..MEMBERS;
    let step = prop_oneof![
        4 => (1..30u64, any::<bool>()).prop_map(|(count, durable)| Step::Append(count, durable)),
        1 => Just(Step::Reopen),
        6 => (member.clone(), 1..20u64).prop_map(|(member, count)| Step::Claim(member, count)),
        6 => (member.clone(), 1..20u64, 1..20u64).prop_map(|(member, read, done)| Step::Work(member, read, done)),
        1 => member.clone().prop_map(Step::Release),
        2 => member.clone().prop_map(Step::Die),
        2 => member.prop_map(Step::Resume),
        1 => (1..20u64, 0..20u64).prop_map(|(read, done)| Step::Alone(read, done)),
        1 => (0..200u64).prop_map(Step::Seek),
    ];
    prop::collection::vec(step, 1..60)
}

/// What is known of a record, if it is not free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Done,
    Claimed(usize),
}

/// The name's state in the plainest form.
#[derive(Debug, Default)]
struct Model {
    /// Done, all of it.
    position: u64,
    fates: BTreeMap<u64, Fate>,
    missed: u64,
}

impl Model {
    fn settle(&mut self) {
        while self.fates.get(&self.position) == Some(&Fate::Done) {
            self.fates.remove(&self.position);
            self.position += 1;
        }
    }

    /// The lowest records that are free, below `end`.
    fn hole(&self, most: u64, end: u64) -> Option<Range<u64>> {
        let is_free = |sequence: &u64| !self.fates.contains_key(sequence);
        let start = (self.position..end).find(is_free)?;
        let count = (start..end).take_while(is_free).take(most as usize).count() as u64;
        Some(start..start + count)
    }

    fn free(&mut self, whose: impl Fn(usize) -> bool) {
        self.fates.retain(|_, fate| !matches!(fate, Fate::Claimed(member) if whose(*member)));
    }

    fn pass_over(&mut self, first: u64) -> u64 {
        let done = self.fates.range(..first).filter(|(_, fate)| **fate == Fate::Done).count() as u64;
        let missed = first.saturating_sub(self.position).saturating_sub(done);
        self.fates = self.fates.split_off(&first);
        self.position = self.position.max(first);
        self.missed += missed;
        self.settle();
        missed
    }
}

struct World {
    journal: Journal,
    writer: Option<Writer<Note, Files>>,
    members: [Option<RawSharedReader>; MEMBERS],
    /// What each has in hand, and how far it has read.
    hands: [Option<(Range<u64>, u64)>; MEMBERS],
    model: Model,
    first: u64,
    durable: u64,
    end: u64,
    // Gone last: the folder of all of it.
    _folder: tempfile::TempDir,
}

fn open(journal: &Journal) -> Writer<Note, Files> {
    journal.open_on::<Note, Files>(&journal.files(), false).expect("it opens").0
}

impl World {
    fn new() -> Self {
        let folder = in_memory();
        let retention = Retention::new().keep_records(10).reader_bytes(BOUND * RECORD_BYTES as u64);
        let journal = Journal::at(folder.path()).segment_records(CAPACITY).retention(retention);
        let writer = Some(open(&journal));
        journal.set_reader("a", ReaderStart::First).expect("it is made");
        let (members, hands) = ([const { None }; MEMBERS], [const { None }; MEMBERS]);
        World {
            journal,
            writer,
            members,
            hands,
            model: Model::default(),
            first: 0,
            durable: 0,
            end: 0,
            _folder: folder,
        }
    }

    fn member(&mut self, member: usize) -> &mut RawSharedReader {
        self.members[member].get_or_insert_with(|| self.journal.shared_reader_raw("a").expect("it is free"))
    }

    fn append(&mut self, count: u64, durable: bool) {
        let writer = self.writer.as_mut().expect("it writes");
        for id in self.end..self.end + count {
            while writer.step_preparer() {}
            append_to(writer, id + 1);
            // No more than three segments are mapped.
            if id % CAPACITY == 0 {
                writer.step_syncer();
            }
        }
        self.end += count;
        if durable {
            while writer.step_syncer() || writer.step_preparer() {}
        }
        self.look();
    }

    /// What the writer has made durable and removed. It may remove only what the name does not hold.
    fn look(&mut self) {
        let writer = self.writer.as_ref().expect("it writes");
        self.durable = writer.cursors().durable_end();
        let first = writer.retention().expect("it has rules").first_sequence();
        if first > self.first && self.model.position < first {
            assert!(
                self.durable - self.model.position > BOUND,
                "it was held: {} {first}",
                self.model.position
            );
        }
        self.first = first;
    }

    fn reopen(&mut self) {
        self.writer.take().expect("it writes").close().expect("it closes");
        self.writer = Some(open(&self.journal));
        self.look();
    }

    /// Whether the name is told that retention took what it needs.
    fn is_evicted(&self, error: &NamedReaderError) -> bool {
        let NamedReaderError::Evicted { missed, first, .. } = error else { panic!("{error}") };
        assert_eq!((missed.end, *first), (self.first, self.first));
        self.model.position < self.first && missed.start >= self.model.position
    }

    fn claim(&mut self, member: usize, count: u64) {
        if self.hands[member].is_some() {
            let error = self.member(member).claim(count).expect_err("it has one");
            assert!(matches!(error, NamedReaderError::StillClaimed { .. }), "{error}");
            return;
        }
        let claimed = match self.member(member).claim(count) {
            Err(error) => {
                assert!(self.is_evicted(&error), "{error}");
                return;
            }
            Ok(claimed) => claimed,
        };
        assert!(self.model.position >= self.first, "it would be evicted");
        let wanted = self.model.hole(count, self.end);
        // Behind what is durable it may end where that ends.
        let wanted = wanted.map(|range| match range.start < self.durable {
            true => range.start..range.end.min(self.durable),
            false => range,
        });
        assert_eq!(claimed, wanted);
        if let Some(range) = claimed {
            self.model.fates.extend(range.clone().map(|sequence| (sequence, Fate::Claimed(member))));
            self.hands[member] = Some((range.clone(), range.start));
        }
    }

    fn work(&mut self, member: usize, count: u64, done: u64) {
        let Some((mut left, mut next)) = self.hands[member].clone() else {
            match self.member(member).next_chunk() {
                Ok(chunk) => assert!(chunk.is_none(), "it has done what it had"),
                Err(error) => assert!(matches!(error, NamedReaderError::NotClaimed { .. }), "{error}"),
            }
            return;
        };
        // A chunk is whatever is there of the range; a part of it counts as read.
        if next < left.end && next < left.start + count {
            match self.member(member).next_chunk().map(|chunk| chunk.map(|chunk| check(chunk.records()))) {
                Ok(Some(range)) => {
                    assert_eq!((range.start, range.end <= left.end), (next, true));
                    next = range.end;
                }
                Ok(None) => panic!("what is claimed is there"),
                Err(error) => {
                    let NamedReaderError::Evicted { first, .. } = error else { panic!("{error}") };
                    assert!(next < first && first == self.first);
                    return;
                }
            }
        }
        // Of a range that retention has begun to take, nothing is done any more.
        if left.start < self.first {
            self.hands[member] = Some((left, next));
            return;
        }
        let end = (left.start + done).min(left.end);
        let committed = self.member(member).commit(end);
        if end > next {
            let error = committed.expect_err("it has not read that");
            assert!(matches!(error, NamedReaderError::NotHandedOut { .. }), "{error}");
            self.hands[member] = Some((left, next));
            return;
        }
        committed.expect("it has it");
        for sequence in left.start..end {
            assert_eq!(self.model.fates.insert(sequence, Fate::Done), Some(Fate::Claimed(member)));
        }
        self.model.settle();
        left.start = end;
        self.hands[member] = Some((left.clone(), next)).filter(|_| !left.is_empty());
    }

    fn release(&mut self, member: usize) {
        self.member(member).release().expect("it is written");
        self.model.free(|one| one == member);
        self.hands[member] = None;
    }

    fn die(&mut self, member: usize) {
        if let Some(reader) = self.members[member].take() {
            reader.abandon();
        }
        self.model.free(|one| one == member);
        self.hands[member] = None;
    }

    fn resume(&mut self, member: usize) {
        let missed = self.member(member).resume_at_first().expect("it is written");
        assert_eq!(missed, self.model.pass_over(self.first));
        for one in 0..MEMBERS {
            // Who has lost what it had finds out when it commits: it begins anew.
            let start = self.hands[one].as_ref().map(|(range, _)| range.start);
            if start.is_some_and(|start| start < self.first) {
                self.die(one);
            }
        }
    }

    fn all_die(&mut self) {
        (0..MEMBERS).for_each(|member| self.die(member));
    }

    fn alone(&mut self, count: u64, done: u64) {
        self.all_die();
        let mut reader = self.journal.named_reader_raw("a").expect("nobody has it");
        if self.model.position < self.first {
            let error = reader.next_chunk().map(drop).expect_err("it is gone");
            assert!(self.is_evicted(&error), "{error}");
            return;
        }
        let read = take(&mut reader, count);
        let wanted: Vec<u64> = (self.model.position..self.end)
            .filter(|sequence| !self.model.fates.contains_key(sequence))
            .take(read.len())
            .collect();
        assert_eq!(read, wanted, "in order, without what is done");
        assert_eq!(read.is_empty(), self.model.hole(1, self.end).is_none());
        let Some(last) = read.get(..done as usize).unwrap_or(&read).last() else { return };
        reader.commit(last + 1).expect("it is written");
        read.iter().filter(|sequence| *sequence <= last).for_each(|sequence| {
            self.model.fates.insert(*sequence, Fate::Done);
        });
        self.model.settle();
        assert_eq!(reader.position(), self.model.position);
    }

    fn seek(&mut self, at: u64) {
        self.all_die();
        let start = match at % 3 {
            0 => ReaderStart::Sequence(at.clamp(self.first, self.end)),
            1 => ReaderStart::Time(time(at)),
            _ => ReaderStart::First,
        };
        let position = self.journal.set_reader("a", start).expect("it is there");
        let wanted = if at % 3 == 2 { self.first } else { at.clamp(self.first, self.end) };
        assert_eq!(position, wanted, "{start:?}");
        self.model = Model { position, missed: self.model.missed, ..Model::default() };
    }

    /// What the files say is what the model says.
    fn check(&self) {
        let info = &self.journal.readers().expect("a list")[0];
        let words = |wanted: fn(&Fate) -> bool| {
            self.model.fates.iter().filter(move |(_, fate)| wanted(fate)).map(|(sequence, _)| *sequence)
        };
        let done: Vec<u64> = info.done.iter().cloned().flatten().collect();
        assert_eq!(info.position, Some(self.model.position));
        assert_eq!(done, words(|fate| *fate == Fate::Done).collect::<Vec<_>>());
        assert_eq!(info.missed, self.model.missed);
        assert_eq!(info.lag, self.end - self.model.position - done.len() as u64);
        // What the dead had is noted till somebody claims.
        let claimed: Vec<u64> = info.claimed.iter().cloned().flatten().collect();
        assert!(words(|fate| *fate != Fate::Done).all(|sequence| claimed.contains(&sequence)), "{info:?}");
    }
}

/// Reads so many or a few more, as its chunks have it.
fn take(reader: &mut RawNamedReader, count: u64) -> Vec<u64> {
    let mut read = Vec::new();
    while read.len() < count as usize {
        match reader.next_chunk().expect("it reads") {
            Some(chunk) => read.extend(check(chunk.records())),
            None => break,
        }
    }
    read
}

/// The sequences of records, each of which is what was written.
fn check<'a>(records: impl Iterator<Item = slipring_journal::RawRecord<'a>>) -> Range<u64> {
    let mut range: Option<Range<u64>> = None;
    for record in records {
        assert_eq!(record.event, bytemuck::bytes_of(&note(record.sequence)));
        let start = range.map_or(record.sequence, |range| range.start);
        range = Some(start..record.sequence + 1);
    }
    range.expect("no chunk is empty")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn readers_do_what_a_plain_model_does(steps in steps()) {
        let mut world = World::new();
        for step in steps {
            match step {
                Step::Append(count, durable) => world.append(count, durable),
                Step::Reopen => world.reopen(),
                Step::Claim(member, count) => world.claim(member, count),
                Step::Work(member, read, done) => world.work(member, read, done),
                Step::Release(member) => world.release(member),
                Step::Die(member) => world.die(member),
                Step::Resume(member) => world.resume(member),
                Step::Alone(read, done) => world.alone(read, done),
                Step::Seek(at) => world.seek(at),
            }
            world.check();
        }
    }
}

/// What retention takes meanwhile is read all the same as long as the file is open, and then there is no more
/// of it.
#[test]
fn a_claim_that_retention_takes_is_read_once() {
    let mut world = World::new();
    world.append(27, false);
    world.claim(1, 1);
    world.work(1, 1, 1);
    world.claim(1, 1);
    world.append(15, true);
    (0..3).for_each(|_| world.work(1, 1, 1));
    assert!(world.first > 1, "it was taken");
    world.check();
}
