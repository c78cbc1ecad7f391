//! `slipring dead-letters`: the events that stages did not process: listed, written into a file, settled.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use slipring::{DeadLetter, DeadLetterKind, DeadLetters};
use slipring_journal::Journal;

use crate::args::{DeadLettersArgs, LetterFormat};
use crate::error::{CliError, Failure, verdict};
use crate::exit::Exit;
use crate::whole::{What, Whole, folder_of, sync_name};
use crate::{plain, show};

use letter::Events;

mod letter;

/// Why letters were not written or settled.
#[derive(Debug, thiserror::Error)]
enum LettersError {
    /// The sequence asked for has no letter.
    #[error(
        "there is no {}dead letter of sequence {sequence}: nothing was written or settled; slipring dead-letters without \
         --sequence lists those that there are",
        if *open { "open " } else { "" }
    )]
    NoLetter {
        sequence: u64,
        /// Settled ones do not count.
        open: bool,
    },
    /// There is something at the place for a new file.
    #[error("{} is there already: nothing was written or settled; give the path of a new file", path.display())]
    IntoExists { path: PathBuf },
    /// A file can't be written.
    #[error("write {}: {source}; nothing was settled", path.display())]
    Into { path: PathBuf, source: std::io::Error },
    /// What is to be settled could not be listed.
    #[error("write to the standard output: {source}; nothing was settled")]
    NotListed { source: std::io::Error },
}

impl Failure for LettersError {
    fn exit(&self) -> Exit {
        match self {
            LettersError::NoLetter { .. } => Exit::Part,
            _ => Exit::CouldNot,
        }
    }
}

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
        return Err(LettersError::NoLetter { sequence, open: !args.all }.into());
    }
    if let Some(into) = &args.into {
        return write_into(into, args, &mut letters, &listed, &mut events, out);
    }
    let (without, written) = list(&listed, args, &mut events, out);
    let Some(how) = &args.settle else { return verdict(without, written) };
    // Whoever reads the list deals with what it says: what did not get there is not settled.
    written.map_err(|source| LettersError::NotListed { source })?;
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

/// Lists letters; whether all of them have an event.
fn list(
    listed: &[DeadLetter],
    args: &DeadLettersArgs,
    events: &mut Events,
    out: &mut dyn Write,
) -> (Exit, std::io::Result<()>) {
    let mut exit = Exit::Fine;
    let mut write = || {
        for letter in listed {
            let letter = events.with_event(letter);
            if !letter.has_event() {
                exit = Exit::Part;
            }
            match args.json {
                true => writeln!(out, "{}", letter.json()?)?,
                false => letter.show(out)?,
            }
        }
        if listed.is_empty() && !args.json {
            writeln!(out, "no {}dead letter", if args.all { "" } else { "open " })?;
        }
        out.flush()
    };
    let written = write();
    (exit, written)
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
) -> Result<(), LettersError> {
    let fault = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::AlreadyExists => LettersError::IntoExists { path: path.to_owned() },
        _ => LettersError::Into { path: path.to_owned(), source },
    };
    if path.symlink_metadata().is_ok() {
        return Err(fault(std::io::ErrorKind::AlreadyExists.into()));
    }
    // Half of it is of no use, and would be in the way of the next attempt: it gets its name when it is
    // whole.
    let written = match create_nameless(folder_of(path)) {
        Ok(file) => write_nameless(file, path, fill),
        // A file system that has no files without a name.
        Err(_) => write_beside(path, fill),
    };
    written.map_err(fault)
}

fn filled(
    file: File,
    fill: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>,
) -> std::io::Result<File> {
    let mut file = BufWriter::new(file);
    fill(&mut file)?;
    Ok(file.into_inner()?)
}

/// Without a name first.
fn write_nameless(
    file: File,
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let file = filled(file, fill)?;
    file.sync_all()?;
    give_name(&file, path)?;
    sync_name(path)
}

/// Under another name first.
fn write_beside(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let whole = Whole::begin(path, What::File, false)?;
    filled(File::create_new(whole.partial())?, fill)?;
    // It syncs the file and its name.
    whole.keep().map(|_| ())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_filled_gets_no_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("letters");
        let names = || std::fs::read_dir(folder.path()).unwrap().count();
        let failed = write_beside(&path, |file| {
            file.write_all(b"half")?;
            assert!(!path.exists());
            Err(std::io::ErrorKind::StorageFull.into())
        });
        assert_eq!((failed.unwrap_err().kind(), names()), (std::io::ErrorKind::StorageFull, 0));
        write_beside(&path, |file| file.write_all(b"whole")).unwrap();
        assert_eq!((std::fs::read(&path).unwrap(), names()), (b"whole".to_vec(), 1));
        let again = write_beside(&path, |file| file.write_all(b"other"));
        assert_eq!(again.unwrap_err().kind(), std::io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&path).unwrap(), b"whole");
    }
}
