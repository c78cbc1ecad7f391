//! `slipring dead-letters`: the events that stages did not process: listed, written into a file, settled.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::fd::AsRawFd;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use slipring::{DeadLetter, DeadLetterKind, DeadLetters};
use slipring_journal::Journal;

use crate::args::{DeadLettersArgs, LetterFormat};
use crate::error::{CliError, verdict};
use crate::exit::Exit;
use crate::{plain, show};

use letter::Events;

mod letter;

pub(crate) fn run(args: &DeadLettersArgs, out: &mut dyn Write) -> Result<Exit, CliError> {
    // First: where no journal lies nobody can name its stages.
    let mut events = Events::new(Journal::at(&args.journal).raw_reader()?);
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
        return write_into(into, args, &mut letters, &listed, &mut events, out);
    }
    let written = list(&listed, args, &mut events, out);
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
    events: &mut Events,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    for letter in listed {
        let letter = events.with_event(letter);
        match args.json {
            true => writeln!(out, "{}", letter.json()?)?,
            false => letter.show(out)?,
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
    events: &mut Events,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let mut with_event = Vec::new();
    write_synced(into, |file| {
        if args.format == LetterFormat::Csv {
            file.write_all(&events.csv_head())?;
        }
        for letter in listed {
            let shown = events.with_event(letter);
            match args.format {
                LetterFormat::Jsonl => writeln!(file, "{}", shown.json()?)?,
                LetterFormat::Csv => file.write_all(&shown.csv())?,
            }
            with_event.extend(shown.has_event().then_some(letter));
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
