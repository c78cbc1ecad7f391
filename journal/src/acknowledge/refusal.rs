//! Why an acknowledgement is not taken, in one word each: as many as a reply can say.

/// Why a program did not take an acknowledgement. What was acknowledged before still is.
///
/// See the example of [`AcknowledgementSender`](crate::AcknowledgementSender).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// Nobody in the program waits for acknowledgements of that name, or not yet: a late consumer may be
    /// about to start.
    UnknownName,
    /// The anchor is of another journal.
    AnotherJournal,
    /// The journal does not hold the record that the anchor was made of: another lies there, or retention has
    /// removed it.
    NotConfirmed,
    /// A later event was acknowledged before.
    GoesBack,
    /// The journal has not come to that event.
    BeyondJournalled,
    /// The program can't note it: its disk refuses.
    NotKept,
    /// The engine has ended.
    Ended,
    /// The message is none, or is damaged.
    Garbled,
    /// Too many connections are open.
    Busy,
}

impl Refusal {
    const ALL: [Refusal; 9] = [
        Refusal::UnknownName,
        Refusal::AnotherJournal,
        Refusal::NotConfirmed,
        Refusal::GoesBack,
        Refusal::BeyondJournalled,
        Refusal::NotKept,
        Refusal::Ended,
        Refusal::Garbled,
        Refusal::Busy,
    ];

    /// As a reply says it; 0 is for what was taken.
    pub(super) fn code(self) -> u32 {
        1 + self as u32
    }

    /// From a reply.
    pub(super) fn of(code: u32) -> Option<Self> {
        code.checked_sub(1).and_then(|at| Refusal::ALL.get(at as usize)).copied()
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Refusal::UnknownName => "nobody there waits for acknowledgements of that name (yet)",
            Refusal::AnotherJournal => "it is of another journal",
            Refusal::NotConfirmed => "the journal does not hold the record that it was made of",
            Refusal::GoesBack => "a later event was acknowledged before",
            Refusal::BeyondJournalled => "the journal has not come to that event",
            Refusal::NotKept => "it could not be noted on disk there",
            Refusal::Ended => "the engine there has ended",
            Refusal::Garbled => "the message did not come as it was sent",
            Refusal::Busy => "too many connections are open there",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_code_of_its_own() {
        for (at, refusal) in Refusal::ALL.into_iter().enumerate() {
            assert_eq!((refusal.code(), Refusal::of(refusal.code())), (at as u32 + 1, Some(refusal)));
        }
        assert_eq!([Refusal::of(0), Refusal::of(10), Refusal::of(u32::MAX)], [None; 3]);
    }
}
