//! Rounds in which the bridge and bare clients take turns.

use std::future::Future;
use std::time::Duration;

use slipring_test_servers::nats::Nats;

use crate::report::Row;
use crate::{Failed, cpu};

/// How long a run took, by its own clock.
#[derive(Clone, Copy, Debug)]
pub struct Took {
    /// Until all was there.
    pub elapsed: Duration,
    /// Until all was durable, if it was made so.
    pub durable: Option<Duration>,
}

impl From<Duration> for Took {
    fn from(elapsed: Duration) -> Self {
        Took { elapsed, durable: None }
    }
}

/// What a run took.
#[derive(Clone, Copy, Debug)]
struct Run {
    took: Took,
    /// Seconds of the processors that this process had.
    client: f64,
    /// And the servers.
    servers: f64,
}

/// All rounds of all contenders, of which the first is the bridge.
#[derive(Debug)]
pub struct Contest<'a, const N: usize> {
    nats: &'a Nats,
    records: u64,
    names: [&'static str; N],
    runs: [Vec<Run>; N],
}

impl<'a, const N: usize> Contest<'a, N> {
    /// Runs of so many records.
    pub fn new(nats: &'a Nats, records: u64, names: [&'static str; N]) -> Self {
        Contest { nats, records, names, runs: std::array::from_fn(|_| Vec::new()) }
    }

    /// In which order they take their turns: another one is the first each time.
    pub fn order(round: usize) -> [usize; N] {
        std::array::from_fn(|at| (at + round) % N)
    }

    /// A round of the one at that place among the names.
    pub async fn run<T: Into<Took>>(
        &mut self,
        who: usize,
        run: impl Future<Output = Result<T, Failed>>,
    ) -> Result<(), Failed> {
        let before = (cpu::own(), self.servers());
        let took = run.await?.into();
        let (client, servers) = (cpu::own() - before.0, self.servers() - before.1);
        self.runs[who].push(Run { took, client, servers });
        Ok(())
    }

    fn servers(&self) -> f64 {
        let processes = (0..self.nats.node_count()).filter_map(|node| self.nats.process_id(node));
        processes.map(|process| cpu::seconds(&process.to_string())).sum()
    }

    /// As figures of `bench`: the bridge's beside each of the others.
    pub fn rows(&self, bench: &str) -> Vec<Row> {
        let records = self.records as f64;
        let rate = |took: Duration| records / took.as_secs_f64() / 1e6;
        let mut rows = self.figures(bench, "throughput", "M/s", &|run| Some(rate(run.took.elapsed)));
        rows.extend(self.figures(bench, "throughput-durable", "M/s", &|run| run.took.durable.map(rate)));
        rows.extend(self.figures(bench, "cpu-client", "ns", &|run| Some(run.client / records * 1e9)));
        rows.extend(self.figures(bench, "cpu-servers", "ns", &|run| Some(run.servers / records * 1e9)));
        rows
    }

    /// One figure of all that have it.
    fn figures(
        &self,
        bench: &str,
        metric: &'static str,
        unit: &'static str,
        figure: &dyn Fn(&Run) -> Option<f64>,
    ) -> Vec<Row> {
        let all = self.names.into_iter().zip(&self.runs);
        let mut rows: Vec<Row> = all
            .map(|(contender, runs)| {
                let rounds = runs.iter().filter_map(figure).collect();
                Row { bench: bench.to_owned(), contender, metric, unit, rounds, beside: Vec::new() }
            })
            .filter(|row| !row.rounds.is_empty())
            .collect();
        if let Some((ours, others)) = rows.split_first_mut() {
            ours.beside = others.iter().map(|other| (other.contender, other.rounds.clone())).collect();
        }
        rows
    }
}
