//! Proofs: the book computed straight from the input, and the tally of what held.

use crate::book::RebuiltBook;
use crate::flow::message::OrderMessage;

/// The book straight from the input: no ring, no journal, nothing that could be killed.
pub(super) struct Reference<'a> {
    messages: &'a [OrderMessage],
    book: RebuiltBook,
    next: usize,
}

impl<'a> Reference<'a> {
    pub(super) fn new(messages: &'a [OrderMessage]) -> Self {
        Reference { messages, book: RebuiltBook::new(), next: 0 }
    }

    /// The digest after the first `count` messages.
    pub(super) fn digest_after(&mut self, count: u64) -> u64 {
        let end = (count as usize).min(self.messages.len());
        if end < self.next {
            *self = Reference::new(self.messages);
        }
        for message in &self.messages[self.next..end] {
            self.book.apply(message);
        }
        self.next = end;
        self.book.digest()
    }
}

/// What was proved, and what was not.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) held: u32,
    pub(super) failed: Vec<String>,
}

impl Tally {
    pub(super) fn count(&mut self, claim: &str, held: bool) {
        if held {
            self.held += 1;
        } else {
            self.failed.push(claim.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::synthetic::Synthetic;

    #[test]
    fn the_reference_goes_forward_and_back() {
        let messages: Vec<_> = Synthetic::new(5, 0, [0; 8]).take(2000).collect();
        let mut reference = Reference::new(&messages);
        let (half, all) = (reference.digest_after(1000), reference.digest_after(2000));
        assert_ne!(half, all);
        assert_eq!(reference.digest_after(1000), half);
        assert_eq!(reference.digest_after(2001), all);
    }
}
