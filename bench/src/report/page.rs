//! `report.html`: one file, nothing fetched, to be read from top to bottom.

use std::fmt::Write;

use crate::harness::Row;
use crate::latency::cost::Costs;
use crate::latency::{Cell, USUAL_RATE};
use crate::report::words::WORDS;
use crate::report::{Findings, Picture, tables};

const STYLE: &str = "
:root { color-scheme: light; }
body { font: 15px/1.5 system-ui, 'DejaVu Sans', sans-serif; color: #282c34; background: #fff; max-width: 1240px;
       margin: 2em auto; padding: 0 1.5em; }
h1 { font-size: 1.7em; margin-bottom: .2em; } h2 { font-size: 1.25em; margin-top: 2.2em;
       border-bottom: 1px solid #e1e4e8; padding-bottom: .2em; } h3 { font-size: 1.05em; margin: 1.6em 0 .3em; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; border-bottom: 2px solid #c8ccd2; padding: .25em .7em .25em 0; }
td { border-bottom: 1px solid #eceef1; padding: .25em .7em .25em 0; vertical-align: top; white-space: nowrap; }
td:last-child { white-space: normal; min-width: 15em; } .line { white-space: nowrap; }
small { color: #667; } .luck { color: #9aa0aa; } .better { color: #1a7f37; } .worse { color: #b3392f; } .scroll { overflow-x: auto; }
figure { margin: 1em 0 2em; } figure svg { width: 100%; min-width: 700px; height: auto; border: 1px solid #e8eaed; }
figcaption { color: #556; font-size: 13px; } .skip { color: #844; }
ul { padding-left: 1.3em; } details { margin: .6em 0; } summary { cursor: pointer; }
";

pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The whole page.
pub fn page(findings: &Findings, pictures: &[Picture]) -> String {
    let mut page = String::new();
    let kind = if findings.quick { "quick" } else { "full" };
    let _ = write!(
        page,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width\">\n<title>slipring: benchmark report</title>\n<style>{STYLE}</style></head>\
         <body>\n<h1>slipring: benchmark report</h1>\n<p>{}, {} cores, {}; a {kind} run: <code>{}</code></p>\n",
        escape(&findings.machine.cpu),
        findings.machine.cores.len(),
        escape(&findings.machine.kernel),
        escape(&findings.command),
    );
    page.push_str(&in_short(findings));
    section(&mut page, "The machine");
    page.push_str(&tables::machine(findings));
    if findings.machine.is_busy() {
        let _ = writeln!(page, "<p class=\"skip\">{}</p>", crate::machine::BUSY);
    }
    if !findings.jitter.is_empty() {
        page.push_str(
            "<p>The machine alone, before slipring runs: a thread on each core only looks at the clock. Whatever it \
             shows is in every other figure too.</p>\n",
        );
        page.push_str(&tables::jitter(findings));
        figures(&mut page, pictures, &["jitter.svg"]);
    }
    let is_neighbour = |row: &&Row| row.bench == "neighbour";
    let between: Vec<&Row> = findings.rows.iter().filter(is_neighbour).collect();
    if !between.is_empty() {
        page.push_str("<p>What the first two cores are to each other: how much of its work one gets done beside the other, and how long a word takes there and back.</p>\n");
        page.push_str(&tables::rows(&between));
    }
    if !findings.latency.cells.is_empty() {
        latency(&mut page, findings, pictures);
    }
    let other = |row: &&Row| {
        !row.bench.starts_with("latency/") && !row.bench.starts_with("jitter/") && !is_neighbour(row)
    };
    let rows: Vec<&Row> = findings.rows.iter().filter(other).collect();
    if !rows.is_empty() {
        section(&mut page, "Throughput, replay, seeking, opening, draining");
        let _ = writeln!(page, "<p>{}Figures are medians of the rounds.</p>", tables::RATIOS);
        figures(&mut page, pictures, &["throughput.svg"]);
        let (drawn, others): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| row.metric == "throughput");
        if !others.is_empty() {
            page.push_str("<h3>What the picture does not show</h3>\n");
            page.push_str(&tables::rows(&others));
        }
        if !drawn.is_empty() {
            details(&mut page, "The figures of the picture", &tables::rows(&drawn));
        }
    }
    skipped(&mut page, findings);
    section(&mut page, "What was measured");
    for (head, text) in WORDS {
        let _ = write!(page, "<h3>{head}</h3>\n<p>{text}</p>\n");
    }
    page.push_str("</body></html>\n");
    page
}

fn section(page: &mut String, name: &str) {
    let _ = writeln!(page, "<h2>{name}</h2>");
}

fn details(page: &mut String, name: &str, inner: &str) {
    let _ = write!(page, "<details><summary>{name}</summary>\n{inner}</details>\n");
}

fn figures(page: &mut String, pictures: &[Picture], names: &[&str]) {
    for picture in pictures.iter().filter(|picture| names.contains(&picture.name)) {
        let _ = write!(
            page,
            "<figure><h3>{}</h3>\n<div class=\"scroll\">{}</div>\n<figcaption>{}</figcaption></figure>\n",
            escape(&picture.title),
            picture.svg,
            escape(&picture.caption)
        );
    }
}

fn latency(page: &mut String, findings: &Findings, pictures: &[Picture]) {
    let cells = &findings.latency.cells;
    let usual = |cell: &&Cell| cell.variant.is_empty();
    section(page, "Latency");
    page.push_str(
        "<p>The percentiles in these tables and pictures are of all rounds together; <code>summary.json</code> has under \
         <code>rows</code> the median of each round's percentile, with the least and the greatest. The ratios, p50 and \
         p99.9 over the ring's (of the ring over the raw one's) and over home-made logs', are medians of the rounds': below \
         1 is faster.</p>\n",
    );
    figures(page, pictures, &["latency-percentiles.svg"]);
    let at_usual: Vec<&Cell> = cells.iter().filter(usual).filter(|cell| cell.rate == USUAL_RATE).collect();
    page.push_str(&tables::latency(&at_usual, &findings.rows));
    figures(page, pictures, &["latency-by-rate.svg"]);
    if !findings.latency.knees.is_empty() {
        page.push_str(
            "<p>The last rate before the knee (99% taken in time, p50 within ten times the least): ",
        );
        let knees: Vec<String> = findings
            .latency
            .knees
            .iter()
            .map(|knee| format!("{} <b>{}</b>", escape(&knee.who), knee.text()))
            .collect();
        let _ = writeln!(page, "{}.</p>", knees.join(", "));
    }
    let costs = Costs::of(&findings.latency);
    if !costs.lines.is_empty() {
        page.push_str(
            "<h3>What it costs you</h3>\n<p>The share of a core that the threads beside take: the journal's preparer, maker, \
             syncer and sweeper, or the syncer of a home-made log. The lanes' own cores are not in it.</p>\n",
        );
        page.push_str(&tables::costs(&costs));
        page.push_str(&tables::calls(&at_usual));
    }
    figures(page, pictures, &["latency-over-time.svg"]);
    let rates: Vec<&Cell> = cells.iter().filter(usual).filter(|cell| cell.rate != USUAL_RATE).collect();
    details(page, "All other rates", &tables::latency(&rates, &findings.rows));
    let variants: Vec<&Cell> = cells.iter().filter(|cell| !cell.variant.is_empty()).collect();
    details(
        page,
        "Bursts, event sizes, ways to wait, topologies",
        &tables::latency(&variants, &findings.rows),
    );
}

fn skipped(page: &mut String, findings: &Findings) {
    if findings.skipped.is_empty() {
        return;
    }
    section(page, "Skipped on this machine");
    page.push_str("<ul class=\"skip\">\n");
    for skipped in &findings.skipped {
        let _ = writeln!(page, "<li>{}: {}</li>", escape(&skipped.bench), escape(&skipped.why));
    }
    page.push_str("</ul>\n");
}

/// The few lines that a hurried reader reads.
fn in_short(findings: &Findings) -> String {
    let mut lines = Vec::new();
    let find = |bench: &str, contender: &str, metric: &str| {
        findings
            .rows
            .iter()
            .find(|row| row.bench == bench && row.contender == contender && row.metric == metric)
    };
    let journalled = format!("latency/journalled/{USUAL_RATE:.0}");
    for (metric, name) in [
        ("p50", "p50 as measured"),
        ("p999", "p99.9 as measured"),
        ("p999-outside-host", "p99.9 outside the host's stalls"),
    ] {
        if let Some(row) = find(&journalled, "slipring", metric)
            && let Some(ratio) = row.ratio.get("ring")
        {
            let (low, high) = row.ratio_spread.get("ring").copied().unwrap_or((*ratio, *ratio));
            lines.push(format!(
                "Gated on journalled at 1 M events/s, {name} is <b>{}</b>: {ratio:.2}x that of the ring alone ({low:.2} \
                 to {high:.2} over {} rounds).",
                crate::stats::human_ns(row.median),
                row.rounds
            ));
        }
    }
    for (bench, what, other) in [
        ("ring/b1", "Ring, one event a publish", "disruptor"),
        ("ring/b64", "Ring, batches of 64", "disruptor"),
        ("append", "Append into prepared pages", "bound-copy-crc"),
        ("append/sustained", "Append from an empty folder, preparation counted", "write-2-every-5ms"),
        ("replay", "Replay into the ring, every checksum verified", "disruptor"),
    ] {
        if let Some(row) = find(bench, "slipring", "throughput") {
            let ratio = row.ratio.get(other).map_or(String::new(), |ratio| format!(", {ratio:.2}x {other}"));
            // How long a sustained one was is half of what it says.
            let span = row.topology.split(", ").find(|part| part.contains(" s from an empty folder"));
            let span = span.and_then(|part| part.split(" from").next());
            let span = span.map_or(String::new(), |span| format!(", for {span}"));
            lines.push(format!(
                "{what}{span}: <b>{} M/s</b> ({} to {}){ratio}.",
                row.median, row.min, row.max
            ));
        }
    }
    for (bench, what) in [
        ("append", "Append, a burst"),
        ("append/sustained", "Append, sustained, from an empty folder"),
        ("replay", "Replay by time"),
    ] {
        // The command `peers` has the plain names, `all` these.
        let row = find(&format!("peers/{bench}"), "slipring", "throughput");
        if let Some(row) = row.or_else(|| find(bench, "slipring", "throughput"))
            && row.ratio.contains_key("sqlite")
        {
            let ratios: Vec<String> =
                row.ratio.iter().map(|(other, ratio)| format!("{ratio:.2}x {}", escape(other))).collect();
            lines.push(format!("{what}: <b>{} M/s</b>, {}.", row.median, ratios.join(", ")));
        }
    }
    if lines.is_empty() {
        return String::new();
    }
    let lines: String = lines.iter().map(|line| format!("<li>{line}</li>\n")).collect();
    format!("<ul>\n{lines}</ul>\n<p><small>{}</small></p>\n", tables::RATIOS)
}
