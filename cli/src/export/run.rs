//! `slipring export`: what is chosen of a journal goes into one file, or one a partition.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::json;
use slipring_schema::Row;

use super::partition::Parts;
use crate::args::ExportArgs;
use crate::error::{CliError, Failure};
use crate::exit::Exit;
use crate::formats::sink::{Sink, SinkError, SinkFormat, SinkPlan};
use crate::formats::{Formats, Found};
use crate::rows::reading::{Piece, Reading};
use crate::signals::{First, Stop};
use crate::whole::{What, Whole};
use crate::{elsewhere, plain, show};

/// Why nothing was exported, or not all.
#[derive(Debug, thiserror::Error)]
enum ExportError {
    /// A file of rows could not be written.
    #[error("export to {}: {source}; nothing was written there", path.display())]
    File { path: PathBuf, source: SinkError },
    /// Rows could not be written to the standard output.
    #[error("export to the standard output: {source}; what went before stands")]
    ToOutput { source: SinkError },
    /// A signal said stop.
    #[error("stopped by a signal: {}", if *to_stdout { "the output breaks off" } else { "nothing was written" })]
    Stopped {
        /// What was written before is gone out.
        to_stdout: bool,
    },
    /// A way to compress that a format does not have.
    #[error("{format} can't be compressed with {asked:?}: there are {known}")]
    NoSuchCompression { format: &'static str, asked: String, known: String },
}

impl Failure for ExportError {
    fn exit(&self) -> Exit {
        match self {
            ExportError::Stopped { .. } => Exit::Part,
            _ => Exit::CouldNot,
        }
    }

    fn is_broken_pipe(&self) -> bool {
        let ExportError::ToOutput { source: SinkError::Io(source) } = self else { return false };
        source.kind() == io::ErrorKind::BrokenPipe
    }
}

pub(crate) fn run(args: &ExportArgs, formats: &Formats, out: &mut dyn Write) -> Result<Exit, CliError> {
    let format = match formats.sink(args.format.as_deref(), &args.output)? {
        Found::Here(format) => format,
        Found::Elsewhere(command) => return Err(elsewhere::run(command).into()),
    };
    let compress = compression(format, args)?;
    let started = Instant::now();
    let mut reading = Reading::open(&args.journal, &args.choice, args.last)?;
    // From here on there is something to remove.
    let stop = Stop::listen(Exit::Part, First::Waits)?;
    let columns = reading.columns(&args.choice)?;
    let (schema, table) = (reading.schema.clone(), reading.table.clone());
    let (schema, table, columns) = (&schema, &table, &columns[..]);
    let plan = SinkPlan { schema, table, columns, compress: &compress, journal_id: reading.journal_id() };
    let failed = |source: SinkError| failed(args, source);
    let to_stdout = args.output.as_os_str() == "-";
    let what = if args.partition.is_some() { What::Parts } else { What::File };
    let whole = match to_stdout {
        true => None,
        false => {
            Some(Whole::begin(&args.output, what, args.overwrite).map_err(|error| failed(error.into()))?)
        }
    };
    whole.iter().for_each(|whole| stop.may_remove(whole.beside()));
    let partial = whole.as_ref().map_or(Path::new("-"), Whole::partial);
    let mut target = Target::begin(args, partial, format, plan)?;
    let bar = show::bar("exporting", reading.range.end - reading.range.start, args.json || to_stdout);
    let (start, mut seen) = (reading.range.start, Seen::default());
    reading.for_each_piece(|piece| {
        if stop.is_said() {
            return Err(ExportError::Stopped { to_stdout }.into());
        }
        seen.piece(&piece);
        seen.voids_written += target.piece(&piece, format.has_voids).map_err(failed)?;
        bar.set_position(piece.end - start);
        Ok(ControlFlow::Continue(()))
    })?;
    let parts = target.finish().map_err(failed)?;
    let bytes = whole.map(Whole::keep).transpose().map_err(|error| failed(error.into()))?;
    bar.finish_and_clear();
    match bytes {
        Some(bytes) => summary(args, format, &seen, (bytes, parts), started, out)?,
        // Where the output is the file there is no other place.
        None => {
            if let Some(left_out) = seen.left_out() {
                plain::complain(&format!("slipring: {left_out}"));
            }
        }
    }
    Ok(Exit::Fine)
}

fn failed(args: &ExportArgs, source: SinkError) -> ExportError {
    match args.output.as_os_str() == "-" {
        true => ExportError::ToOutput { source },
        false => ExportError::File { path: args.output.clone(), source },
    }
}

/// How the file is to be compressed: as asked for, as its name says, or as is usual for the format.
fn compression(format: SinkFormat, args: &ExportArgs) -> Result<String, ExportError> {
    let usual = format.compressions.first().copied().unwrap_or("none");
    let by_name = args.output.extension().is_some_and(|extension| extension == "gz").then_some("gzip");
    let Some(asked) = args.compress.as_deref().or(by_name) else { return Ok(usual.to_owned()) };
    let (kind, level) = asked.split_once(':').map_or((asked, None), |(kind, level)| (kind, Some(level)));
    if format.compressions.contains(&kind) && (level.is_none() || kind != "none") {
        return Ok(asked.to_owned());
    }
    let known = format.compressions.join(", ");
    Err(ExportError::NoSuchCompression { format: format.name, asked: asked.to_owned(), known })
}

/// Where rows go.
enum Target<'a> {
    One(Box<dyn Sink>),
    Parts(Box<Parts<'a>>),
}

impl<'a> Target<'a> {
    fn begin(
        args: &ExportArgs,
        partial: &Path,
        format: SinkFormat,
        plan: SinkPlan<'a>,
    ) -> Result<Self, CliError> {
        let failed = |source: SinkError| failed(args, source);
        let Some(by) = &args.partition else {
            return Ok(Target::One((format.create)(partial, &plan).map_err(failed)?));
        };
        if partial == Path::new("-") {
            let said = "parts are a folder of files: give its path";
            return Err(failed(SinkError::Format(said.to_owned())).into());
        }
        std::fs::create_dir(partial).map_err(|error| failed(error.into()))?;
        Ok(Target::Parts(Box::new(Parts::new(partial, by, format, plan)?)))
    }

    /// Writes the rows and, if there is a form for them, the records without an event, all in their order.
    /// How many of those were written.
    fn piece(&mut self, piece: &Piece<'_>, has_voids: bool) -> Result<u64, SinkError> {
        let voids = if has_voids { &piece.voids[..] } else { &[] };
        let (mut done, mut written) = (0, 0);
        for (before, row) in voids {
            self.push(&piece.rows[done..*before])?;
            done = *before;
            let is_written = match self {
                Target::One(sink) => sink.void(row).map(|()| true),
                Target::Parts(parts) => parts.void(row),
            };
            written += u64::from(is_written?);
        }
        self.push(&piece.rows[done..])?;
        Ok(written)
    }

    fn push(&mut self, rows: &[Row<'_>]) -> Result<(), SinkError> {
        match self {
            Target::One(sink) => sink.push(rows),
            Target::Parts(parts) => parts.push(rows),
        }
    }

    /// How many parts there are, if it was divided.
    fn finish(self) -> Result<Option<usize>, SinkError> {
        match self {
            Target::One(sink) => sink.finish().map(|()| None),
            Target::Parts(parts) => {
                let count = parts.count();
                parts.finish().map(|()| Some(count))
            }
        }
    }
}

/// What was written.
#[derive(Debug, Default)]
struct Seen {
    rows: u64,
    voids: u64,
    voids_written: u64,
    /// Sequence and time of the first row and of the last.
    range: Option<((u64, u64), (u64, u64))>,
}

impl Seen {
    fn piece(&mut self, piece: &Piece<'_>) {
        self.rows += piece.rows.len() as u64;
        self.voids += piece.voids.len() as u64;
        let place = |row: &Row<'_>| (row.sequence, row.time_ns);
        if let (Some(first), Some(last)) = (piece.rows.first(), piece.rows.last()) {
            let first = self.range.map_or(place(first), |(first, _)| first);
            self.range = Some((first, place(last)));
        }
    }

    /// What is not in the file, in words.
    fn left_out(&self) -> Option<String> {
        let count = self.voids - self.voids_written;
        (count > 0).then(|| format!("records without an event, left out: {}", show::count(count)))
    }
}

fn summary(
    args: &ExportArgs,
    format: SinkFormat,
    seen: &Seen,
    (bytes, parts): (u64, Option<usize>),
    started: Instant,
    out: &mut dyn Write,
) -> io::Result<()> {
    let elapsed = started.elapsed();
    if args.json {
        let object = json!({
            "path": plain::path_value(&args.output), "format": format.name, "events": seen.rows,
            "voids": seen.voids, "voids_left_out": seen.voids - seen.voids_written, "bytes": bytes, "parts": parts,
            "first_sequence": seen.range.map(|(first, _)| first.0),
            "end_sequence": seen.range.map(|(_, last)| last.0 + 1),
            "first_time_ns": seen.range.map(|(first, _)| first.1),
            "last_time_ns": seen.range.map(|(_, last)| last.1),
            "seconds": elapsed.as_secs_f64(),
        });
        return writeln!(out, "{}", plain::json(&object)?);
    }
    let range = match seen.range {
        Some(((first, first_ns), (last, last_ns))) => {
            format!(": sequence {first} to {}, {} to {}", last + 1, show::time(first_ns), show::time(last_ns))
        }
        None => ": nothing was chosen".to_owned(),
    };
    let files = parts
        .map_or_else(String::new, |parts| format!(" in {}", show::counted(parts as u64, "part", "parts")));
    writeln!(
        out,
        "exported {} to {}{files}{range}; {} in {} ({})",
        show::counted(seen.rows, "event", "events"),
        plain::path(&args.output),
        show::bytes(bytes),
        show::duration(elapsed),
        show::rate(seen.rows, elapsed),
    )?;
    if seen.voids_written > 0 {
        let count = show::count(seen.voids_written);
        writeln!(out, "records without an event, as \"_void\":true: {count}")?;
    }
    if let Some(left_out) = seen.left_out() {
        writeln!(out, "{left_out}")?;
    }
    Ok(())
}
