//! The parent: an uninterrupted run, the lives that end in kills, the last life, the seek; and what each
//! proves.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;

use super::life::{self, Life, Remains};
use super::plan::{self, Kill, LEAST_PER_KILL, Plan};
use super::proof::{Reference, Tally};
use super::protocol::{Done, Latency, Orders, Said};
use super::tell::Teller;
use super::{DemoError, child};
use crate::args::DemoArgs;
use crate::feed::input::Input;
use crate::flow::message::OrderMessage;
use crate::show;

/// Most messages that are published at the steady pace; it takes a second.
const MOST_PACED: u64 = 500_000;

/// Runs the demo; whether every proof held.
pub(super) fn run(args: &DemoArgs, out: &mut dyn Write) -> Result<bool, DemoError> {
    let started = Instant::now();
    let teller = Teller::new(out, args.json);
    let input = args.input.clone().unwrap_or(Input::Synthetic(args.events));
    if input == Input::File("-".into()) {
        return Err(DemoError::StandardInput);
    }
    let messages = input.load(args.seed)?;
    let total = messages.len() as u64;
    let most = total / LEAST_PER_KILL;
    if u64::from(args.kills) > most {
        let (input, kills) = (input.to_string(), args.kills);
        return Err(DemoError::TooShort { input, messages: total, kills, most });
    }
    let folder = make_folder(args.dir.as_deref())?;
    let plan = plan::draw(total, args.kills, args.seed);
    let mut demo = Demo {
        teller,
        journal: folder.join("journal"),
        input: input.to_string(),
        seed: args.seed,
        plan,
        messages: &messages,
        reference: Reference::new(&messages),
        tally: Tally::default(),
    };
    demo.introduce()?;
    let uninterrupted = demo.uninterrupted(&folder.join("uninterrupted"))?;
    demo.lives()?;
    demo.last_life(&uninterrupted)?;
    demo.check_records()?;
    demo.seek(args.seed)?;
    demo.conclude(&uninterrupted, started.elapsed())
}

/// The folder to work in, empty.
fn make_folder(wanted: Option<&Path>) -> Result<PathBuf, DemoError> {
    let path = match wanted {
        Some(path) => path.to_owned(),
        None => {
            let since =
                std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
            std::env::temp_dir().join(format!("slipring-demo-{}-{}", std::process::id(), since.as_millis()))
        }
    };
    let fault = |source| DemoError::Folder { path: path.clone(), source };
    std::fs::create_dir_all(&path).map_err(fault)?;
    if std::fs::read_dir(&path).map_err(fault)?.next().is_some() {
        return Err(DemoError::NotEmpty { path });
    }
    Ok(path)
}

pub(super) struct Demo<'a> {
    pub(super) teller: Teller<'a>,
    pub(super) journal: PathBuf,
    input: String,
    seed: u64,
    pub(super) plan: Plan,
    pub(super) messages: &'a [OrderMessage],
    reference: Reference<'a>,
    tally: Tally,
}

impl Demo<'_> {
    pub(super) fn total(&self) -> u64 {
        self.messages.len() as u64
    }

    fn orders(&self) -> Orders {
        Orders {
            input: self.input.clone(),
            seed: self.seed,
            segment_records: self.plan.segment_records,
            stop: None,
            paced_from: None,
        }
    }

    /// Says whether a claim holds, and remembers it.
    pub(super) fn prove(&mut self, held: bool, claim: &str) -> Result<(), DemoError> {
        self.tally.count(claim, held);
        let verdict = if held { "proved" } else { "FAILED" };
        let object = json!({"event": "proof", "held": held, "claim": claim});
        Ok(self.teller.say(&format!("  {verdict}: {claim}"), object)?)
    }

    fn introduce(&mut self) -> Result<(), DemoError> {
        let (total, kills) = (self.total(), self.plan.kills.len());
        let segment_records = self.plan.segment_records;
        let text = format!(
            "{} order messages ({}, seed {}) through publisher -> ring -> journal -> order book, on one lane;\n\
             {kills} kills by SIGKILL, segments of {} records\nthe journal lies at {}\n",
            show::count(total),
            self.input,
            self.seed,
            show::count(segment_records),
            crate::plain::path(&self.journal),
        );
        let object = json!({
            "event": "start", "messages": total, "input": self.input, "seed": self.seed, "kills": kills,
            "segment_records": segment_records, "journal": crate::plain::path_value(&self.journal),
        });
        Ok(self.teller.say(&text, object)?)
    }

    /// The whole input in one life, beside the journal that will be killed; its last part paced and measured.
    fn uninterrupted(&mut self, folder: &Path) -> Result<Done, DemoError> {
        let total = self.total();
        let paced = (total / 4).min(MOST_PACED);
        let orders = Orders { paced_from: Some(total - paced), ..self.orders() };
        let bar = self.teller.bar("undisturbed", total);
        let life = life::live(folder, &orders, Duration::ZERO, |said| set_bar(&bar, said))?;
        self.teller.end_bar();
        std::fs::remove_dir_all(folder)?;
        let done = life.done.ok_or(DemoError::NotLive)?;
        let fast = Duration::from_nanos(done.fast_ns);
        let rate = show::rate(done.fast, fast);
        let text = format!(
            "undisturbed run: {} messages as fast as they go, {} in journal and book ({rate}), then {} at a \
             steady {} a second",
            show::count(done.fast),
            show::duration(fast),
            show::count(paced),
            show::count(1_000_000_000 / child::PACE_NS),
        );
        let object = json!({
            "event": "undisturbed", "fast": done.fast, "fast_ns": done.fast_ns, "paced": paced,
            "digest": hex(done.digest),
        });
        self.teller.say(&text, object)?;
        let straight = self.reference.digest_after(total);
        self.prove(
            done.digest == straight && done.end == total,
            &format!("its book ({}) is the one computed straight from the input", hex(done.digest)),
        )?;
        Ok(done)
    }

    /// Every kill of the plan, and after each the proof that the next life begins with.
    fn lives(&mut self) -> Result<(), DemoError> {
        let kills = self.plan.kills.clone();
        let mut counted = 0;
        let mut places = Vec::new();
        let mut end = 0;
        let mut recovery = Duration::from_millis(5);
        for (index, kill) in kills.iter().enumerate() {
            let orders = Orders { stop: Some(kill.stop(end)), ..self.orders() };
            let bar = self.teller.bar("journalled", self.total());
            let life = life::live(&self.journal, &orders, kill.delay(recovery), |said| set_bar(&bar, said))?;
            self.teller.end_bar();
            let remains = life::remains(&self.journal)?;
            self.after_recovery(end, &life)?;
            if let Some(elapsed) = recovery_elapsed(&life) {
                recovery = elapsed;
            }
            self.tell_kill(index, *kill, &life, remains)?;
            let counts = remains.end > 0 && remains.end < self.total();
            self.prove(
                counts && remains.end >= life.acknowledged.max(end),
                &format!(
                    "{} of {} are journalled, all that were there before or acknowledged among them",
                    show::count(remains.end),
                    show::count(self.total()),
                ),
            )?;
            counted += u64::from(counts);
            places.extend(life.place());
            end = remains.end;
        }
        let rolls = places.iter().filter(|place| **place == "roll").count();
        let again = places.iter().filter(|place| matches!(**place, "recovery" | "replay")).count();
        let wanted = kills.len() as u64;
        self.teller.text("")?;
        self.prove(
            counted == wanted && rolls > 0 && (again > 0 || wanted < 2),
            &format!("{counted} of {wanted} kills count, {rolls} in a roll, {again} in recovery or replay"),
        )
    }

    /// What a life says of the one before: where it recovered to, and the book after replay.
    fn after_recovery(&mut self, end: u64, life: &Life) -> Result<(), DemoError> {
        if let Some((found, text, report)) = &life.recovered
            && end > 0
        {
            let object = json!({"event": "recovery", "end": found, "report": report});
            self.teller.say(&format!("  recovery: {text}"), object)?;
            let claim = format!("recovery kept all {} records", show::count(end));
            self.prove(*found == end, &claim)?;
        }
        if let Some((events, elapsed_ns, digest)) = life.replayed
            && end > 0
        {
            let elapsed = Duration::from_nanos(elapsed_ns);
            let (count, rate) = (show::count(events), show::rate(events, elapsed));
            let text =
                format!("  replay: {count} records into the ring in {} ({rate})", show::duration(elapsed));
            let object = json!({"event": "replay", "records": events, "elapsed_ns": elapsed_ns});
            self.teller.say(&text, object)?;
            let straight = self.reference.digest_after(end);
            let claim = format!(
                "the replayed book ({}) is the one computed straight from the first {} messages",
                hex(digest),
                show::count(end),
            );
            self.prove(digest == straight, &claim)?;
        }
        Ok(())
    }

    fn tell_kill(
        &mut self,
        index: usize,
        kill: Kill,
        life: &Life,
        remains: Remains,
    ) -> Result<(), DemoError> {
        let place = life.place().unwrap_or("nowhere");
        let mut how = match (place, life.rolling, life.replaying) {
            ("roll", Some(at), _) => {
                let into = remains.end.saturating_sub(at);
                format!("in a roll, segment full at {}, {into} records into the next", show::count(at))
            }
            ("replay", _, Some((done, total))) => {
                format!("in replay, {} of {} published again", show::count(done), show::count(total))
            }
            ("live", ..) => match kill {
                Kill::Live { hold, .. } if remains.end < hold => "live, publishing on".to_owned(),
                _ => "live, the publisher paused".to_owned(),
            },
            _ => format!("in {place}"),
        };
        if remains.unfinished_segment {
            how.push_str(", a new segment half made");
        }
        let (number, kills) = (index + 1, self.plan.kills.len());
        let (end, durable_end) = (remains.end, remains.durable_end);
        let text = format!(
            "\nkill {number} of {kills}, {how}: {} journalled, durable to {}",
            show::count(end),
            show::count(durable_end),
        );
        let object = json!({
            "event": "kill", "number": number, "planned": kill.name(), "place": place, "journalled": end,
            "durable": durable_end, "of": self.total(), "acknowledged": life.acknowledged,
            "segment_half_made": remains.unfinished_segment,
        });
        Ok(self.teller.say(&text, object)?)
    }

    /// The life that is not killed.
    fn last_life(&mut self, uninterrupted: &Done) -> Result<(), DemoError> {
        let end = life::remains(&self.journal)?.end;
        let orders = self.orders();
        let bar = self.teller.bar("journalled", self.total());
        let life = life::live(&self.journal, &orders, Duration::ZERO, |said| set_bar(&bar, said))?;
        self.teller.end_bar();
        self.teller.text("\nlast life, not killed")?;
        self.after_recovery(end, &life)?;
        let done = life.done.ok_or(DemoError::NotLive)?;
        let elapsed = Duration::from_nanos(done.fast_ns);
        let rate = show::rate(done.fast, elapsed);
        let text = format!(
            "  live: {} more messages in {} ({rate})",
            show::count(done.fast),
            show::duration(elapsed)
        );
        let object = json!({
            "event": "done", "end": done.end, "durable": done.durable_end, "fast": done.fast,
            "fast_ns": done.fast_ns, "digest": hex(done.digest),
        });
        self.teller.say(&text, object)?;
        let all = self.total();
        self.prove(
            done.end == all && done.durable_end == all,
            &format!("all {} messages are journalled and durable", show::count(all)),
        )?;
        self.prove(
            done.digest == uninterrupted.digest,
            &format!("the final book ({}) is that of the undisturbed run", hex(done.digest)),
        )
    }

    fn conclude(&mut self, uninterrupted: &Done, elapsed: Duration) -> Result<bool, DemoError> {
        if let Some(latency) = &uninterrupted.latency {
            self.tell_latency(latency)?;
        }
        let note = "kill -9 proves nothing about power loss: the kernel keeps the pages that a dead process wrote. \
                    What survives power loss is tried elsewhere, on simulated crashes (docs/reference/guarantees.md).";
        self.teller.say(&format!("\n{note}"), json!({"event": "note", "text": note}))?;
        let Tally { held, failed } = std::mem::take(&mut self.tally);
        let all = failed.is_empty();
        let verdict = if all {
            format!("all {held} proofs held, in {}", show::duration(elapsed))
        } else {
            format!(
                "{} of {} PROOFS FAILED:\n  {}",
                failed.len(),
                failed.len() as u32 + held,
                failed.join("\n  ")
            )
        };
        let journal = crate::plain::path(&self.journal);
        let text = format!(
            "\n{verdict}\nthe journal lies at {journal}; look at it with `slipring inspect {journal}`, remove it when done"
        );
        let object = json!({
            "event": "result", "held": all, "proofs": held, "failed": failed, "journal": crate::plain::path_value(&self.journal),
            "elapsed_ns": elapsed.as_nanos() as u64,
        });
        self.teller.say(&text, object)?;
        Ok(all)
    }

    fn tell_latency(&mut self, latency: &Latency) -> Result<(), DemoError> {
        let names: Vec<String> = latency.percentiles.iter().map(|(name, _)| format!("{name:>10}")).collect();
        let values: Vec<String> =
            latency.percentiles.iter().map(|(_, ns)| format!("{:>10}", show::nanos(*ns))).collect();
        let text = format!(
            "\nlatency from when a message was due to be published until the book, gated on journalled, had applied \
             it;\nundisturbed run, {} messages at a steady {} a second, journal and book on one lane, lateness of \
             the publisher included:\n{}\n{}",
            show::count(latency.count),
            show::count(latency.per_second),
            names.join(""),
            values.join(""),
        );
        let percentiles: serde_json::Map<_, _> =
            latency.percentiles.iter().map(|(name, ns)| (name.clone(), json!(ns))).collect();
        let object = json!({
            "event": "latency", "what": "publish to applied by the book gated on journalled", "unit": "ns",
            "count": latency.count, "per_second": latency.per_second, "percentiles": percentiles,
        });
        Ok(self.teller.say(&text, object)?)
    }
}

pub(super) fn hex(digest: u64) -> String {
    format!("{digest:016x}")
}

fn recovery_elapsed(life: &Life) -> Option<Duration> {
    let (_, _, report) = life.recovered.as_ref()?;
    report.get("elapsed_ns")?.as_u64().map(Duration::from_nanos)
}

fn set_bar(bar: &indicatif::ProgressBar, said: &Said) {
    match said {
        Said::Recovered { end, .. } | Said::Journalled { end } | Said::Rolling { end } => {
            bar.set_position(*end)
        }
        _ => {}
    }
}
