//! CSV and JSON lines, as files: the printers of [`rows`](crate::rows), perhaps through gzip.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use slipring_schema::{Row, Table};

use crate::formats::sink::{Sink, SinkError, SinkFormat, SinkPlan};
use crate::rows::columns::Shown;
use crate::rows::printer::{Format, Printer, text_printer};

/// Text is handed on in pieces of about this many bytes.
const PIECE_BYTES: usize = 1 << 18;

/// CSV with a line of names.
pub(crate) const CSV: SinkFormat = SinkFormat {
    name: "csv",
    about: "CSV with a line of names",
    extensions: &["csv"],
    compressions: &["none", "gzip"],
    has_voids: false,
    create: |path, plan| Text::create(path, plan, Format::Csv),
};

/// A JSON object a line.
pub(crate) const JSONL: SinkFormat = SinkFormat {
    name: "jsonl",
    about: "a JSON object a line",
    extensions: &["jsonl", "ndjson"],
    compressions: &["none", "gzip"],
    has_voids: true,
    create: |path, plan| Text::create(path, plan, Format::Jsonl),
};

struct Text {
    out: Out,
    table: Table,
    columns: Vec<Shown>,
    format: Format,
    buffer: Vec<u8>,
}

enum Out {
    Plain(Box<dyn Write>),
    Gzip(Box<GzEncoder<Box<dyn Write>>>),
}

impl Text {
    fn create(path: &Path, plan: &SinkPlan<'_>, format: Format) -> Result<Box<dyn Sink>, SinkError> {
        let out: Box<dyn Write> = match path.as_os_str() == "-" {
            true => Box::new(io::stdout()),
            false => Box::new(File::create_new(path)?),
        };
        let (kind, level) = plan.compress.split_once(':').unwrap_or((plan.compress, "6"));
        let out = match kind {
            "gzip" => {
                let level = level.parse().ok().filter(|level| *level <= 9);
                let level = level.ok_or_else(|| SinkError::Format("gzip has levels 0 to 9".to_owned()))?;
                Out::Gzip(Box::new(GzEncoder::new(out, Compression::new(level))))
            }
            _ => Out::Plain(out),
        };
        let (table, columns) = (plan.table.clone(), plan.columns.to_vec());
        let mut text = Text { out, table, columns, format, buffer: Vec::new() };
        text.print(|printer, buffer| printer.head(buffer));
        Ok(Box::new(text))
    }

    fn print(&mut self, print: impl FnOnce(&mut dyn Printer, &mut Vec<u8>)) {
        let mut printer = text_printer(self.format, &self.columns, &self.table);
        print(&mut *printer, &mut self.buffer);
    }

    fn write(&mut self) -> io::Result<()> {
        match &mut self.out {
            Out::Plain(out) => out.write_all(&self.buffer)?,
            Out::Gzip(out) => out.write_all(&self.buffer)?,
        }
        self.buffer.clear();
        Ok(())
    }
}

impl Sink for Text {
    fn push(&mut self, rows: &[Row<'_>]) -> Result<(), SinkError> {
        for rows in rows.chunks(1024) {
            self.print(|printer, buffer| rows.iter().for_each(|row| printer.row(row, buffer)));
            if self.buffer.len() >= PIECE_BYTES {
                self.write()?;
            }
        }
        Ok(())
    }

    fn void(&mut self, row: &Row<'_>) -> Result<(), SinkError> {
        self.print(|printer, buffer| printer.void(row, buffer));
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), SinkError> {
        self.write()?;
        match self.out {
            Out::Plain(mut out) => out.flush()?,
            Out::Gzip(out) => out.finish()?.flush()?,
        }
        Ok(())
    }
}
