//! What whoever asked for no type is told of records that no schema turns: from where on others can be shown.

use crate::error::JournalFault;
use crate::event::Difference;
use crate::storage::Storage;

use super::raw::RawReader;

impl<S: Storage> RawReader<S> {
    /// What keeps the records of a segment from being handed out.
    #[cold]
    pub(super) fn refusal(&mut self, index: usize, fault: JournalFault) -> JournalFault {
        match self.view.asked() {
            Some(_) => fault,
            None => self.with_start(self.chain.segments[index].base, fault),
        }
    }

    /// Says from where on records can be handed out, if some can that lie behind the one at `next`.
    fn with_start(&mut self, next: u64, mut fault: JournalFault) -> JournalFault {
        let all = 0..self.chain.segments.len();
        let last = all.rev().find(|index| self.look_older(*index).is_err());
        let from = last.map_or(0, |last| self.chain.segments[last].end);
        if let JournalFault::SchemaMismatch { wanted, found, differences, .. } = &mut fault
            && next < from
            && from < self.end
        {
            let advice = format!(
                "records from {from} on can be shown: begin there; of those before it only a program that knows \
                 both types can make these (`impl Upcast`)"
            );
            differences.push(Difference::of_event(found.version_word(), wanted.version_word(), advice));
        }
        fault
    }
}

/// What keeps a follower, which asked for no type, from the record at `next`.
#[cold]
pub(super) fn at<S: Storage>(storage: &S, next: u64, fault: JournalFault) -> JournalFault {
    match RawReader::open_to(storage.clone(), None) {
        Ok(mut reader) => reader.with_start(next, fault),
        // What is wrong there, whoever reads on hears.
        Err(_) => fault,
    }
}
