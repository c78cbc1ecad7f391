//! `slipring dead-letters`: the events that stages did not process: listed, written into a file, settled.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value, json};
use slipring::{DeadLetter, DeadLetterKind, DeadLetters};
use slipring_journal::{Journal, Kind, RawReader};

use crate::args::{DeadLettersArgs, LetterFormat};
use crate::error::CliError;
use crate::{fields, show, time};

/// Exit status when a letter that was to be written has no event.
const NO_EVENT: u8 = 1;

pub(crate) fn run(args: &DeadLettersArgs, out: &mut dyn Write) -> Result<ExitCode, CliError> {
    let mut letters = DeadLetters::of(&args.journal)?;
    let is_asked = |letter: &DeadLetter| {
        args.stage.as_ref().is_none_or(|stage| *stage == letter.stage)
            && args.sequence.is_none_or(|sequence| sequence == letter.sequence)
    };
    let listed: Vec<DeadLetter> = match args.all {
        true => letters.all().iter().filter(|letter| is_asked(letter)).cloned().collect(),
        false => letters.open().into_iter().filter(|letter| is_asked(letter)).cloned().collect(),
    };
    let mut reader = Journal::at(&args.journal).raw_reader()?;
    if let Some(into) = &args.into {
        return write_into(into, args, &mut letters, &listed, &mut reader, out);
    }
    for letter in &listed {
        let event = event(&mut reader, letter);
        if args.json {
            writeln!(out, "{}", letter_object(letter, &event))?;
        } else {
            show_letter(letter, &event, out)?;
        }
    }
    if listed.is_empty() && !args.json {
        writeln!(out, "no {}dead letter", if args.all { "" } else { "open " })?;
    }
    if let Some(how) = &args.settle {
        let open = listed.iter().filter(|letter| letter.kind != DeadLetterKind::Settled);
        let mut count = 0;
        for letter in open {
            letters.settle(letter, how)?;
            count += 1;
        }
        if !args.json {
            writeln!(out, "settled {count}: {how}")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes letters with their events into a new file; settles those that are in it, if asked.
fn write_into(
    into: &Path,
    args: &DeadLettersArgs,
    letters: &mut DeadLetters,
    listed: &[DeadLetter],
    reader: &mut RawReader,
    out: &mut dyn Write,
) -> Result<ExitCode, CliError> {
    let events: Vec<_> = listed.iter().map(|letter| (letter, event(reader, letter))).collect();
    let text = match args.format {
        LetterFormat::Jsonl => {
            events.iter().map(|(letter, event)| format!("{}\n", letter_object(letter, event))).collect()
        }
        LetterFormat::Csv => csv(&fields::names(reader.schema().as_ref()), &events),
    };
    write_synced(into, &text)?;
    let (with_event, without): (Vec<_>, Vec<_>) = events.iter().partition(|(_, event)| event.is_ok());
    let written = show::count(events.len() as u64);
    writeln!(out, "wrote {written} to {}", into.display())?;
    if !without.is_empty() {
        writeln!(out, "{} of them have no event; the file says why", show::count(without.len() as u64))?;
    }
    if let Some(how) = &args.settle {
        for (letter, _) in &with_event {
            letters.settle(letter, how)?;
        }
        writeln!(out, "settled {}: {how}", show::count(with_event.len() as u64))?;
    }
    Ok(if without.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(NO_EVENT) })
}

/// Makes the file, and has it survive power loss, its entry in the folder too: what is settled must be somewhere.
fn write_synced(path: &Path, text: &str) -> Result<(), CliError> {
    let fault = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::AlreadyExists => CliError::IntoExists { path: path.to_owned() },
        _ => CliError::Into { path: path.to_owned(), source },
    };
    let mut file = std::fs::File::create_new(path).map_err(fault)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(fault)?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(fault)
}

/// Columns of the letter, then one of each field; empty where an event has no such field.
fn csv(names: &[String], events: &[(&DeadLetter, Event)]) -> String {
    let columns = ["stage", "sequence", "epoch", "time_ns", "kind", "cause", "fault"];
    let mut text = String::new();
    let head = columns.into_iter().map(str::to_owned);
    push_line(&mut text, head.chain(names.iter().map(|name| format!("event.{name}"))));
    for (letter, event) in events {
        let object = letter_object(letter, event);
        let own = columns.iter().map(|name| &object[*name]);
        let fields = names.iter().map(|name| &object["event"][name.as_str()]);
        push_line(
            &mut text,
            own.chain(fields).map(|value| match value {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                value => value.to_string(),
            }),
        );
    }
    text
}

/// One line of CSV as in RFC 4180, but for the end of the line.
fn push_line(text: &mut String, cells: impl Iterator<Item = String>) {
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
    let when = event.as_ref().map_or_else(|_| "-".to_owned(), |(time_ns, _)| time::show(*time_ns));
    writeln!(out, "{stage:<12} {sequence:>12}  {when}  {kind}: {cause}")?;
    match event {
        Ok((_, fields)) => writeln!(out, "{:<12} {:>12}  {fields}", "", ""),
        Err(fault) => writeln!(out, "{:<12} {:>12}  no event: {fault}", "", ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        let mut text = String::new();
        push_line(&mut text, ["plain", "", "a,b", "say \"no\"", "two\nlines"].map(str::to_owned).into_iter());
        assert_eq!(text, "plain,,\"a,b\",\"say \"\"no\"\"\",\"two\nlines\"\n");
    }
}
