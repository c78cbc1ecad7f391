//! What holds the journal of an engine that is started.

use std::sync::Arc;

use slipring_journal::{Cursors, Event, JournalId, RetentionHandle, Writer};

use crate::work::news::News;
use crate::work::standby_journal::WriterSlot;

/// What an engine's journal is written by.
pub(crate) enum Held<E: Event> {
    /// There is no journal.
    Nothing,
    /// The journal's stage.
    Writer(Box<Writer<E>>),
    /// Whoever has the replica, until there is a writer.
    Replica(Replicated<E>),
}

/// What an engine knows of the replica that it stands by.
pub(crate) struct Replicated<E: Event> {
    pub(crate) journal_id: JournalId,
    /// The replica's, which go on as the writer's.
    pub(crate) cursors: Cursors,
    pub(crate) retention: Option<RetentionHandle>,
    /// Where the writer comes.
    pub(crate) slot: WriterSlot<E>,
    pub(crate) news: Arc<News>,
}

impl<E: Event> Held<E> {
    pub(crate) fn journal_id(&self) -> Option<JournalId> {
        match self {
            Held::Nothing => None,
            Held::Writer(writer) => Some(writer.journal_id()),
            Held::Replica(replica) => Some(replica.journal_id),
        }
    }

    pub(crate) fn cursors(&self) -> Option<Cursors> {
        match self {
            Held::Nothing => None,
            Held::Writer(writer) => Some(writer.cursors()),
            Held::Replica(replica) => Some(replica.cursors.clone()),
        }
    }

    pub(crate) fn retention(&self) -> Option<RetentionHandle> {
        match self {
            Held::Nothing => None,
            Held::Writer(writer) => writer.retention(),
            Held::Replica(replica) => replica.retention.clone(),
        }
    }

    /// What the stages of a standby are told by.
    pub(crate) fn news(&self) -> Option<&Arc<News>> {
        match self {
            Held::Replica(replica) => Some(&replica.news),
            Held::Nothing | Held::Writer(_) => None,
        }
    }
}
