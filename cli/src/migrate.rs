//! `slipring migrate`: a journal's records as events of a newer type, into a new journal.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use slipring_journal::{
    AppendError, Change, Difference, Journal, Kind, Mapping, OpenError, RawReader, RawWriter, ReadError,
    Schema, SyncError,
};

use crate::args::MigrateArgs;
use crate::error::{CliError, Failure, is_damage, verdict};
use crate::exit::Exit;
use crate::record;
use crate::record::error::RecordError;
use crate::signals::{First, Stop};
use crate::whole::{What, Whole};
use crate::{plain, show};

/// Why nothing was migrated.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MigrateError {
    /// The schema file says nothing sensible.
    #[error(transparent)]
    Schema(Box<RecordError>),
    /// The journal can't be read.
    #[error("{0}\nnothing was migrated")]
    Read(#[from] ReadError),
    /// There is no segment yet, so there is no older type.
    #[error("{} holds no record yet: begin a journal with the new schema; nothing was migrated", path.display())]
    NoRecordYet {
        /// The journal.
        path: PathBuf,
    },
    /// No mapping can be derived.
    #[error(
        "events of {} can't become {name}:\n{}\nnothing was migrated", path.display(), Difference::table(differences)
    )]
    Differs {
        /// The journal.
        path: PathBuf,
        /// The newer type.
        name: String,
        /// All that differs.
        differences: Vec<Difference>,
    },
    /// The new journal can't be begun.
    #[error("{0}\nnothing was migrated")]
    Open(#[from] OpenError),
    /// The new journal took no more.
    #[error("{0}\nnothing was migrated")]
    Append(#[from] AppendError),
    /// The new journal could not be closed.
    #[error("{0}\nnothing was migrated")]
    Close(#[from] SyncError),
    /// There is something at the new journal's place.
    #[error("{} is there already: give the path of a new folder; nothing was migrated", path.display())]
    IntoExists {
        /// The place.
        path: PathBuf,
    },
    /// The new journal can't be put at its place.
    #[error("{}: {source}; nothing was migrated", path.display())]
    Into {
        /// Its place.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A signal said stop.
    #[error("stopped by a signal: nothing was migrated")]
    Stopped,
}

impl Failure for MigrateError {
    fn exit(&self) -> Exit {
        match self {
            MigrateError::Read(error) if is_damage(error) => Exit::Damaged,
            MigrateError::Stopped => Exit::Part,
            _ => Exit::CouldNot,
        }
    }
}

/// What was migrated.
#[derive(Default)]
struct Done {
    records: u64,
    voids: u64,
    /// The sequence of the first in the older journal; it is 0 in the new one.
    first: u64,
}

pub(crate) fn run(args: &MigrateArgs, out: &mut dyn Write) -> Result<Exit, CliError> {
    let started = Instant::now();
    match migrate(args) {
        Ok((mapping, done)) => {
            let written = match args.json {
                true => tell_json(args, &mapping, done.as_ref(), out),
                false => tell(args, &mapping, done.as_ref(), started.elapsed(), out),
            };
            verdict(Exit::Fine, written)
        }
        Err(ref error @ MigrateError::Differs { ref differences, .. }) if args.json => {
            refuse(args, error, differences, out)
        }
        Err(error) => Err(error.into()),
    }
}

fn migrate(args: &MigrateArgs) -> Result<(Mapping, Option<Done>), MigrateError> {
    let wanted = record::schema_file(&args.schema).map_err(|error| MigrateError::Schema(Box::new(error)))?;
    let mut reader = Journal::at(&args.journal).raw_reader()?;
    let path = || args.journal.clone();
    let found = reader.schema().ok_or_else(|| MigrateError::NoRecordYet { path: path() })?;
    let mapping = Mapping::between(&found, &wanted).map_err(|differences| MigrateError::Differs {
        path: path(),
        name: wanted.name.clone(),
        differences,
    })?;
    if args.dry_run {
        return Ok((mapping, None));
    }
    let put = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => MigrateError::IntoExists { path: args.into.clone() },
        _ => MigrateError::Into { path: args.into.clone(), source },
    };
    let stop = Stop::listen(Exit::Part, First::Waits).map_err(put)?;
    let whole = Whole::begin(&args.into, What::Parts, false).map_err(put)?;
    stop.may_remove(whole.beside());
    let (mut writer, _) = record::journal_at(whole.partial(), args.segment_records).open_raw(&wanted)?;
    let copied = copy(&mut reader, &mut writer, &mapping, &wanted, &stop, args.json);
    let closed = writer.close();
    let done = copied?;
    closed?;
    whole.keep().map_err(put)?;
    Ok((mapping, Some(done)))
}

fn copy(
    reader: &mut RawReader,
    writer: &mut RawWriter,
    mapping: &Mapping,
    wanted: &Schema,
    stop: &Stop,
    hidden: bool,
) -> Result<Done, MigrateError> {
    let (first, end) = (reader.first_sequence(), reader.end_sequence());
    let bar = show::bar("migrating", end - first, hidden);
    let mut event = vec![0; wanted.size];
    let (mut done, mut next) = (Done { first, ..Done::default() }, first);
    while next < end {
        let chunk = reader.chunk(next)?;
        for record in chunk.records().take_while(|record| record.sequence < end) {
            if record.kind == Kind::Event {
                mapping.apply(record.event, &mut event);
                writer.append(record.time_ns, &event)?;
            } else {
                writer.append_void(record.time_ns)?;
                done.voids += 1;
            }
            done.records += 1;
            next = record.sequence + 1;
        }
        writer.end_batch();
        bar.set_position(done.records);
        if stop.is_said() {
            return Err(MigrateError::Stopped);
        }
    }
    bar.finish_and_clear();
    Ok(done)
}

fn tell(
    args: &MigrateArgs,
    mapping: &Mapping,
    done: Option<&Done>,
    elapsed: Duration,
    out: &mut dyn Write,
) -> io::Result<()> {
    let (from, into) = (plain::path(&args.journal), plain::path(&args.into));
    match done {
        None => writeln!(out, "{from} can be migrated into {into}:")?,
        Some(Done { records, voids, first }) => {
            let counted = show::counted(*records, "record", "records");
            let (took, rate) = (show::duration(elapsed), show::rate(*records, elapsed));
            writeln!(out, "migrated {counted} of {from} into {into}, durable, in {took} ({rate})")?;
            if *voids > 0 {
                writeln!(out, "without an event, as before: {}", show::count(*voids))?;
            }
            if *first > 0 {
                writeln!(out, "sequences begin at 0; they began at {}", show::count(*first))?;
            }
        }
    }
    if mapping.changes().is_empty() {
        writeln!(out, "  no field changes")?;
    }
    mapping.changes().iter().try_for_each(|change| writeln!(out, "  {}", plain::lines(&change.to_string())))
}

fn tell_json(
    args: &MigrateArgs,
    mapping: &Mapping,
    done: Option<&Done>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let changes: Vec<String> = mapping.changes().iter().map(Change::to_string).collect();
    let object = json!({
        "from": plain::path_value(&args.journal), "into": plain::path_value(&args.into),
        "status": if done.is_some() { "migrated" } else { "possible" },
        "records": done.map(|done| done.records), "voids": done.map(|done| done.voids),
        "first_sequence": done.map(|done| done.first), "changes": changes,
    });
    writeln!(out, "{}", plain::json(&object)?)
}

fn refuse(
    args: &MigrateArgs,
    error: &MigrateError,
    differences: &[Difference],
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    plain::complain(&format!("slipring: {error}"));
    let differences: Vec<Value> = differences
        .iter()
        .map(|Difference { field, found, wanted, advice }| {
            json!({ "field": field, "found": found, "wanted": wanted, "what_to_do": advice })
        })
        .collect();
    let object = json!({
        "from": plain::path_value(&args.journal), "into": plain::path_value(&args.into), "status": "refused",
        "differences": differences,
    });
    verdict(error.exit(), writeln!(out, "{}", plain::json(&object)?))
}
