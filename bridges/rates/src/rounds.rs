//! Rounds in which the bridge and a bare client take turns.

use std::future::Future;
use std::time::Duration;

use slipring_test_servers::nats::Nats;

use crate::report::Row;
use crate::{Failed, cpu};

/// What a run took.
#[derive(Clone, Copy, Debug)]
struct Run {
    elapsed: Duration,
    /// Seconds of the processors that this process had.
    client: f64,
    /// And the servers.
    servers: f64,
}

/// All rounds of both.
#[derive(Debug)]
pub struct Contest<'a> {
    nats: &'a Nats,
    records: u64,
    ours: Vec<Run>,
    bare: Vec<Run>,
}

impl<'a> Contest<'a> {
    /// Runs of so many records.
    pub fn new(nats: &'a Nats, records: u64) -> Self {
        Contest { nats, records, ours: Vec::new(), bare: Vec::new() }
    }

    /// Whether ours comes first: every second round.
    pub fn order(round: usize) -> [bool; 2] {
        [round % 2 == 0, round % 2 != 0]
    }

    /// A round of the bridge.
    pub async fn ours(&mut self, run: impl Future<Output = Result<Duration, Failed>>) -> Result<(), Failed> {
        let run = self.run(run).await?;
        self.ours.push(run);
        Ok(())
    }

    /// A round of the bare client.
    pub async fn bare(&mut self, run: impl Future<Output = Result<Duration, Failed>>) -> Result<(), Failed> {
        let run = self.run(run).await?;
        self.bare.push(run);
        Ok(())
    }

    async fn run(&self, run: impl Future<Output = Result<Duration, Failed>>) -> Result<Run, Failed> {
        let before = (cpu::own(), self.servers());
        let elapsed = run.await?;
        Ok(Run { elapsed, client: cpu::own() - before.0, servers: self.servers() - before.1 })
    }

    fn servers(&self) -> f64 {
        let processes = (0..self.nats.node_count()).filter_map(|node| self.nats.process_id(node));
        processes.map(|process| cpu::seconds(&process.to_string())).sum()
    }

    /// As figures of `bench`, beside who is called `bare` there.
    pub fn rows(&self, bench: &str, bare: &'static str) -> Vec<Row> {
        let records = self.records as f64;
        let mut rows = Vec::new();
        let mut add = |metric, unit, figure: &dyn Fn(&Run) -> f64| {
            let ours: Vec<f64> = self.ours.iter().map(figure).collect();
            let theirs: Vec<f64> = self.bare.iter().map(figure).collect();
            let row = |contender, rounds, beside| {
                let bench = bench.to_owned();
                Row { bench, contender, metric, unit, rounds, beside }
            };
            rows.push(row("slipring", ours, Some((bare, theirs.clone()))));
            rows.push(row(bare, theirs, None));
        };
        add("throughput", "M/s", &|run| records / run.elapsed.as_secs_f64() / 1e6);
        add("cpu-client", "ns", &|run| run.client / records * 1e9);
        add("cpu-servers", "ns", &|run| run.servers / records * 1e9);
        rows
    }
}
