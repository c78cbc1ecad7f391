//! `slipring dead-letters`: the events that stages did not process: listed, written into a file, settled.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::fd::AsRawFd;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use serde_json::{Value, json};
use slipring::{DeadLetter, DeadLetterKind, DeadLetters};
use slipring_journal::{Journal, Kind, RawReader};

use crate::args::{DeadLettersArgs, LetterFormat};
use crate::error::{CliError, verdict};
use crate::exit::Exit;
use crate::{fields, plain, show, time};

pub(crate) fn run(args: &DeadLettersArgs, out: &mut dyn Write) -> Result<Exit, CliError> {
    // First: where no journal lies nobody can name its stages.
    let mut reader = Journal::at(&args.journal).raw_reader()?;
    let mut letters = match &args.stage {
        Some(stage) => DeadLetters::of_stage(&args.journal, stage)?,
        None => DeadLetters::of(&args.journal)?,
    };
    let is_asked = |letter: &DeadLetter| args.sequence.is_none_or(|sequence| sequence == letter.sequence);
    let listed: Vec<DeadLetter> = match args.all {
        true => letters.all().iter().filter(|letter| is_asked(letter)).cloned().collect(),
        false => letters.open().into_iter().filter(|letter| is_asked(letter)).cloned().collect(),
    };
    if let (Some(sequence), []) = (args.sequence, &listed[..]) {
        return Err(CliError::NoLetter { sequence, open: !args.all });
    }
    if let Some(into) = &args.into {
        return write_into(into, args, &mut letters, &listed, &mut reader, out);
    }
    let written = list(&listed, args, &mut reader, out);
    let Some(how) = &args.settle else { return verdict(Exit::Fine, written) };
    // Whoever reads the list deals with what it says: what did not get there is not settled.
    written.map_err(|source| CliError::NotListed { source })?;
    let open = listed.iter().filter(|letter| letter.kind != DeadLetterKind::Settled);
    let count = settle(&mut letters, open, how)?;
    verdict(
        Exit::Fine,
        match args.json {
            true => Ok(()),
            false => writeln!(out, "settled {count}: {}", plain::line(how)),
        },
    )
}

fn list(
    listed: &[DeadLetter],
    args: &DeadLettersArgs,
    reader: &mut RawReader,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    for letter in listed {
        let event = event(reader, letter);
        if args.json {
            writeln!(out, "{}", plain::json(&letter_object(letter, &event))?)?;
        } else {
            show_letter(letter, &event, out)?;
        }
    }
    if listed.is_empty() && !args.json {
        writeln!(out, "no {}dead letter", if args.all { "" } else { "open " })?;
    }
    out.flush()
}

/// Settles letters; how many.
fn settle<'a>(
    letters: &mut DeadLetters,
    settled: impl IntoIterator<Item = &'a DeadLetter>,
    how: &str,
) -> Result<u64, CliError> {
    let mut count = 0;
    for letter in settled {
        letters.settle(letter, how)?;
        count += 1;
    }
    Ok(count)
}

/// Writes letters with their events into a new file, one at a time; settles those that are in it, if asked.
fn write_into(
    into: &Path,
    args: &DeadLettersArgs,
    letters: &mut DeadLetters,
    listed: &[DeadLetter],
    reader: &mut RawReader,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let names = fields::names(reader.schema().as_ref());
    let mut with_event = Vec::new();
    write_synced(into, |file| {
        if args.format == LetterFormat::Csv {
            file.write_all(csv_head(&names).as_bytes())?;
        }
        for letter in listed {
            let event = event(reader, letter);
            let object = letter_object(letter, &event);
            match args.format {
                LetterFormat::Jsonl => writeln!(file, "{object}")?,
                LetterFormat::Csv => file.write_all(csv_line(&names, &object).as_bytes())?,
            }
            with_event.extend(event.is_ok().then_some(letter));
        }
        Ok(())
    })?;
    let without = listed.len() - with_event.len();
    let mut said = format!("wrote {} to {}\n", show::count(listed.len() as u64), plain::path(into));
    if without > 0 {
        said.push_str(&format!("{} of them have no event; the file says why\n", show::count(without as u64)));
    }
    if let Some(how) = &args.settle {
        let count = show::count(settle(letters, with_event, how)?);
        said.push_str(&format!("settled {count}: {}\n", plain::line(how)));
    }
    let code = if without == 0 { Exit::Fine } else { Exit::Part };
    verdict(code, out.write_all(said.as_bytes()))
}

/// Makes the file, and has it survive power loss, its entry in the folder too: what is settled must be
/// somewhere.
fn write_synced(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>,
) -> Result<(), CliError> {
    let fault = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::AlreadyExists => CliError::IntoExists { path: path.to_owned() },
        _ => CliError::Into { path: path.to_owned(), source },
    };
    if path.symlink_metadata().is_ok() {
        return Err(fault(std::io::ErrorKind::AlreadyExists.into()));
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // Half of it is of no use, and would be in the way of the next attempt: it gets its name when it is whole,
    // so that whatever ends this process leaves nothing.
    let (file, is_named) = match create_nameless(folder) {
        Ok(file) => (file, false),
        // A file system that has no such files.
        Err(_) => (File::create_new(path).map_err(fault)?, true),
    };
    let mut file = BufWriter::new(file);
    let filled = fill(&mut file).and_then(|()| file.flush()).and_then(|()| file.get_ref().sync_all());
    if let Err(error) = filled {
        if is_named {
            let _ = std::fs::remove_file(path);
        }
        return Err(fault(error));
    }
    if !is_named {
        give_name(file.get_ref(), path).map_err(fault)?;
    }
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(fault)
}

/// Where the files that this process has open can be named.
const OWN_FILES: &str = "/proc/self/fd";

/// A file of this folder without a name, which goes with the process.
fn create_nameless(folder: &Path) -> std::io::Result<File> {
    if !Path::new(OWN_FILES).exists() {
        return Err(std::io::ErrorKind::Unsupported.into());
    }
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    Ok(rustix::fs::open(folder, flags, Mode::from_raw_mode(0o666))?.into())
}

/// Gives it a name that nothing has.
fn give_name(file: &File, path: &Path) -> std::io::Result<()> {
    let own = format!("{OWN_FILES}/{}", file.as_raw_fd());
    Ok(rustix::fs::linkat(CWD, own, CWD, path, AtFlags::SYMLINK_FOLLOW)?)
}

/// Columns of the letter, before those of its event.
const COLUMNS: [&str; 7] = ["stage", "sequence", "epoch", "time_ns", "kind", "cause", "fault"];

fn csv_head(names: &[String]) -> String {
    let own = COLUMNS.into_iter().map(str::to_owned);
    csv_text(own.chain(names.iter().map(|name| format!("event.{name}"))))
}

/// The letter's columns, then one of each field; empty where an event has no such field.
fn csv_line(names: &[String], object: &Value) -> String {
    let own = COLUMNS.iter().map(|name| &object[*name]);
    let fields = names.iter().map(|name| &object["event"][name.as_str()]);
    csv_text(own.chain(fields).map(|value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }))
}

/// One line of CSV as in RFC 4180, but for the end of the line.
fn csv_text(cells: impl Iterator<Item = String>) -> String {
    let mut text = String::new();
    for (index, cell) in cells.enumerate() {
        if index > 0 {
            text.push(',');
        }
        if cell.contains(['"', ',', '\n', '\r']) {
            text.push_str(&format!("\"{}\"", cell.replace('"', "\"\"")));
        } else {
            text.push_str(&cell);
        }
    }
    text.push('\n');
    text
}

/// The time and the fields of an event, or why there is none.
type Event = Result<(u64, Value), String>;

/// The event of a dead letter.
fn event(reader: &mut RawReader, letter: &DeadLetter) -> Event {
    let schema = reader.schema().ok_or("the journal has no segment")?;
    let record = reader.at(letter.sequence).map_err(|error| error.to_string())?;
    match record.kind {
        _ if record.epoch != letter.epoch => {
            Err("the journal has lost this record, and holds another in its place".to_owned())
        }
        Kind::Void => Err("it is void".to_owned()),
        _ => Ok((record.time_ns, fields::of(&schema, record.event))),
    }
}

fn letter_object(letter: &DeadLetter, event: &Event) -> Value {
    let mut object = json!({
        "stage": letter.stage, "sequence": letter.sequence, "epoch": letter.epoch,
        "kind": letter.kind.to_string(), "cause": letter.cause,
    });
    match event {
        Ok((time_ns, fields)) => {
            object["time_ns"] = json!(time_ns);
            object["event"] = fields.clone();
        }
        Err(error) => object["fault"] = json!(error),
    }
    object
}

fn show_letter(letter: &DeadLetter, event: &Event, out: &mut dyn Write) -> std::io::Result<()> {
    let DeadLetter { stage, sequence, kind, cause, .. } = letter;
    let (stage, cause) = (plain::line(stage), plain::line(cause));
    let when = event.as_ref().map_or_else(|_| "-".to_owned(), |(time_ns, _)| time::show(*time_ns));
    writeln!(out, "{stage:<12} {sequence:>12}  {when}  {kind}: {cause}")?;
    match event {
        Ok((_, fields)) => writeln!(out, "{:<12} {:>12}  {}", "", "", plain::json(fields)?),
        Err(fault) => writeln!(out, "{:<12} {:>12}  no event: {}", "", "", plain::line(fault)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_its_name_once_it_is_whole_and_takes_none_that_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("letters");
        let failed = write_synced(&path, |file| {
            file.write_all(b"half")?;
            Err(std::io::ErrorKind::Interrupted.into())
        });
        assert!(matches!(failed, Err(CliError::Into { .. })), "{failed:?}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        write_synced(&path, |file| {
            assert!(!path.exists(), "whoever kills the process now leaves half of it");
            file.write_all(b"whole")
        })
        .unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"whole");
        // Made by somebody before, and by somebody meanwhile.
        let taken = write_synced(&path, |_| panic!("nothing is written"));
        assert!(matches!(taken, Err(CliError::IntoExists { .. })), "{taken:?}");
        let other = folder.path().join("other");
        let taken = write_synced(&other, |_| std::fs::write(&other, "theirs"));
        assert!(matches!(taken, Err(CliError::IntoExists { .. })), "{taken:?}");
        assert_eq!(std::fs::read(&other).unwrap(), b"theirs");
    }

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        let text = csv_text(["plain", "", "a,b", "say \"no\"", "two\nlines"].map(str::to_owned).into_iter());
        assert_eq!(text, "plain,,\"a,b\",\"say \"\"no\"\"\",\"two\nlines\"\n");
    }
}
