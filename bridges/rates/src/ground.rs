//! What a part measures on: the servers, how much of it, and a place on the disk.

use std::path::Path;

use slipring_jetstream::connect::Link;
use slipring_jetstream::message::Outgoing;
use slipring_journal::Journal;
use slipring_test_servers::nats::Nats;

use crate::event::written;
use crate::stream::{self, composed, to};
use crate::{Failed, Options};

/// What a part measures on.
#[derive(Clone, Copy, Debug)]
pub struct Ground<'a> {
    pub options: &'a Options,
    pub nats: &'a Nats,
    /// Of the streams.
    pub replicas: usize,
    /// A folder for journals.
    pub place: &'a Path,
}

/// A journal, and its records in the messages that the bridge would make.
#[derive(Debug)]
pub struct Filled {
    pub journal: Journal,
    pub messages: Vec<Outgoing>,
}

impl Ground<'_> {
    /// A connection.
    pub async fn link(&self) -> Result<Link, Failed> {
        Ok(to(&self.nats.url()).connect().await?)
    }

    /// What is measured, by its part and the streams' replicas.
    pub fn bench(&self, part: &str) -> String {
        format!("{part}/R{}", self.replicas)
    }

    /// A closed journal of as many records as a round has.
    pub fn filled(&self, part: &str) -> Result<Filled, Failed> {
        let folder = self.place.join(format!("{part}-R{}", self.replicas));
        let journal = written(&folder, self.options.records)?;
        let messages = composed(&journal, "composed")?;
        Ok(Filled { journal, messages })
    }

    /// Makes a stream that is empty.
    pub async fn make(&self, link: &Link, name: &str) -> Result<(), Failed> {
        stream::make(&link.jetstream, self.nats, name, self.replicas).await
    }
}
