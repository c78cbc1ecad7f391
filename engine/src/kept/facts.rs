//! What a stage was asked to keep, as one value: said when the stage is described, and asked by whoever
//! checks, opens or starts.

use super::plan::StateKind;

/// What a stage keeps beside the journal, and asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StageFacts {
    /// How many snapshots, if it keeps any.
    pub(crate) snapshots: Option<usize>,
    pub(crate) digests: bool,
    pub(crate) effects: bool,
    pub(crate) dead_letters: bool,
    /// It has no state that history makes.
    pub(crate) stateless: bool,
    /// It asks when each event was published.
    pub(crate) asks_publish: bool,
}

impl StageFacts {
    /// Of the journal's stage: what it keeps is the journal.
    pub(crate) const JOURNAL: StageFacts = StageFacts {
        snapshots: None,
        digests: false,
        effects: false,
        dead_letters: false,
        stateless: true,
        asks_publish: false,
    };

    /// What is of a state, if anything is.
    pub(crate) fn of_a_state(&self) -> Option<&'static str> {
        first_of(&[(self.snapshots.is_some(), "snapshots"), (self.digests, "digests")])
    }

    /// What is of a state that it says it has not.
    pub(crate) fn contradiction(&self) -> Option<&'static str> {
        self.of_a_state().filter(|_| self.stateless)
    }

    /// What needs a journal of its own, if anything does. In a backtest effects do not: there all are done.
    pub(crate) fn needs_journal(&self, is_backtest: bool) -> Option<&'static str> {
        let effects = (self.effects && !is_backtest, "effects");
        self.of_a_state().or_else(|| first_of(&[effects, (self.dead_letters, "dead letters")]))
    }

    /// Whether it keeps what would be of no use without history.
    pub(crate) fn holds_history(&self) -> bool {
        self.of_a_state().is_some() || self.effects
    }

    /// What decides where replay from a snapshot may start it.
    pub(crate) fn kind(&self) -> StateKind {
        match self.snapshots {
            Some(keep) => StateKind::Snapshots { keep },
            None if self.stateless => StateKind::Stateless { has_effects: self.effects },
            None => StateKind::Whole,
        }
    }
}

fn first_of(asked: &[(bool, &'static str)]) -> Option<&'static str> {
    asked.iter().find(|(is_asked, _)| *is_asked).map(|(_, what)| *what)
}
