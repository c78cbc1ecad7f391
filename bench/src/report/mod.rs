//! `--out DIR`: everything that was found, for programs (`summary.json`, `latency.hlog`, `*.hgrm`) and for
//! people (`*.svg`, and `report.html` with the pictures in it).

mod bars;
mod hdr;
mod over_time;
mod page;
mod plots;
mod summary;
mod tables;
mod words;

use std::io;
use std::path::Path;

use crate::harness::{Row, Skipped};
use crate::jitter::CoreJitter;
use crate::latency::Latency;
use crate::machine::Machine;

pub use summary::Summary;

/// All that one run of `slipring-bench` found.
pub struct Findings {
    pub machine: Machine,
    pub command: String,
    pub quick: bool,
    pub rows: Vec<Row>,
    pub skipped: Vec<Skipped>,
    pub jitter: Vec<CoreJitter>,
    pub latency: Latency,
}

/// A picture: its file's name, its title, the words under it, the SVG itself.
pub struct Picture {
    pub name: &'static str,
    pub title: String,
    pub caption: String,
    pub svg: String,
}

/// Writes it all into `folder`, which is made if it is not there.
pub fn write(folder: &Path, findings: &Findings) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let summary = Summary::of(findings);
    let text = serde_json::to_string_pretty(&summary).map_err(io::Error::other)?;
    std::fs::write(folder.join("summary.json"), text + "\n")?;
    hdr::write(folder, findings)?;
    let pictures = plots::all(findings).map_err(|error| io::Error::other(error.to_string()))?;
    for picture in &pictures {
        std::fs::write(folder.join(picture.name), &picture.svg)?;
    }
    std::fs::write(folder.join("report.html"), page::page(findings, &pictures))
}
