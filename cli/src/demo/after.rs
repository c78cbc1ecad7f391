//! After the last life: the journal itself, against the input and against a walk through it.

use std::time::Instant;

use serde_json::json;
use slipring::{Journal, ReplayFrom};
use slipring_journal::Status;

use super::DemoError;
use super::parent::{Demo, hex};
use super::pipeline::{self, BookStage, PATIENCE};
use super::proof::Reference;
use crate::flow::message::OrderMessage;
use crate::show;

impl Demo<'_> {
    /// The journal against the input, record by record.
    pub(super) fn check_records(&mut self) -> Result<(), DemoError> {
        let bar = self.teller.bar("comparing", self.total());
        let mut reader = Journal::at(&self.journal).reader::<OrderMessage>()?;
        let mut chunks = reader.chunks(0)?;
        let (mut next, mut same) = (0, true);
        while let Some(chunk) = chunks.next_chunk()? {
            let wanted = self.messages.get(next..next + chunk.records.len());
            same &= wanted.is_some_and(|wanted| chunk.records.iter().map(|r| r.event()).eq(wanted));
            next += chunk.records.len();
            bar.set_position(next as u64);
        }
        self.teller.end_bar();
        let report = slipring_journal::verify(&self.journal, |_, _| {})?;
        self.teller.text("")?;
        self.prove(
            same && next == self.messages.len() && report.status == Status::Fine,
            &format!(
                "the journal is whole, and its {} records are the input's messages",
                show::count(next as u64)
            ),
        )
    }

    /// Seeks to a time in the middle and replays from there.
    pub(super) fn seek(&mut self, seed: u64) -> Result<(), DemoError> {
        let middle = &self.messages[self.messages.len() / 2];
        // Between two messages as likely as on one.
        let time_ns = middle.time_ns + seed % 2;
        let first = self.messages.iter().position(|message| message.time_ns >= time_ns);
        let first = first.unwrap_or(self.messages.len());
        let mut straight = Reference::new(&self.messages[first..]);
        let wanted = straight.digest_after(u64::MAX);

        let started = Instant::now();
        let found = Journal::at(&self.journal).reader::<OrderMessage>()?.lower_bound(time_ns)?;
        let sought = started.elapsed();
        let (stage, digest) = BookStage::new(None);
        let mut recovered = pipeline::engine(&self.journal, self.plan.segment_records, stage).open()?;
        let report = recovered.replay(ReplayFrom::Time(time_ns))?;
        let digest = digest.recv_timeout(PATIENCE).map_err(|_| DemoError::NotLive)?;
        let (engine, _) = recovered.go_live()?;
        engine.join()?;

        let text = format!(
            "\nseek to {}: sequence {found} in {}; replay from there: {} records in {} ({})",
            show::time(time_ns),
            show::duration(sought),
            show::count(report.events()),
            show::duration(report.elapsed),
            show::rate(report.events(), report.elapsed),
        );
        let object = json!({
            "event": "seek", "time_ns": time_ns, "sequence": found, "records": report.events(),
            "elapsed_ns": report.elapsed.as_nanos() as u64,
        });
        self.teller.say(&text, object)?;
        let first = first as u64;
        self.prove(
            found == first && report.first_sequence == first && report.end_sequence == self.total(),
            &format!(
                "{} is the first message at or after that time, by a walk through the input",
                show::count(first)
            ),
        )?;
        self.prove(digest == wanted, &format!("the book from there on ({}) is the straight one", hex(digest)))
    }
}
