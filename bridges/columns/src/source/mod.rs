//! Events out of files, whatever wrote them.

mod batches;
pub mod sqlite;

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::{BufRead, Read};

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, Field, FieldRef, SchemaRef};
use slipring_journal::Schema;
use slipring_schema::{Column, Kind, ParseOptions, TIME, Table};

use crate::error::ImportError;
use crate::intake::Rows;
use crate::intake::bulk;
use crate::intake::cell::Cell;
use crate::intake::infer::{Layout, Seen, shape_of};
use crate::intake::leaf::{Leaf, is_readable};
use crate::intake::store::{Nulls, expected};
use crate::intake::target::Target;
use crate::options::SCHEMA_KEY;
use crate::sink::avro::avro_names;

/// Rows that are looked at before a schema is made up.
const LOOKED_AT_ROWS: usize = 1 << 16;

/// What a format's reader gives: batches of one schema.
type Batches = Box<dyn Iterator<Item = Result<RecordBatch, ImportError>> + Send>;

/// Events out of a file of columns: Parquet, Arrow, or Avro.
///
/// Open it by the format's function, ask for a [`schema`](ColumnSource::schema) if there is none yet,
/// [`begin`](ColumnSource::begin) with the table that is wanted, and take
/// [batches](ColumnSource::next_batch).
pub struct ColumnSource {
    fields: Vec<FoundField>,
    metadata: HashMap<String, String>,
    batches: Batches,
    /// Batches that were looked at and are still to be given.
    ahead: VecDeque<RecordBatch>,
    target: Option<Target>,
    row: u64,
}

/// A column of the file; nested ones by their paths.
#[derive(Clone, Debug)]
struct FoundField {
    /// With dots: `leg.px`.
    name: String,
    /// The places of the columns that it lies in, outermost first, and its own.
    path: Vec<usize>,
    field: FieldRef,
}

impl std::fmt::Debug for ColumnSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ColumnSource")
            .field("fields", &self.fields)
            .field("row", &self.row)
            .finish_non_exhaustive()
    }
}

impl ColumnSource {
    /// Opens a Parquet file.
    ///
    /// # Errors
    /// It is none, or one that can't be read.
    pub fn parquet(file: File) -> Result<Self, ImportError> {
        let (schema, batches) = batches::parquet(file)?;
        Self::new(&schema, batches)
    }

    /// Opens Arrow IPC: a file (Feather version 2) or a stream, by its first bytes.
    ///
    /// # Errors
    /// It is none, or one that can't be read.
    pub fn arrow(file: File) -> Result<Self, ImportError> {
        let (schema, batches) = batches::arrow(file)?;
        Self::new(&schema, batches)
    }

    /// Opens an Arrow IPC stream from a pipe. Of a file that is not a stream only [`ColumnSource::arrow`]
    /// knows how to read it.
    ///
    /// # Errors
    /// As [`ColumnSource::arrow`].
    pub fn arrow_stream(input: impl Read + Send + 'static) -> Result<Self, ImportError> {
        let (schema, batches) = batches::arrow_stream(input)?;
        Self::new(&schema, batches)
    }

    /// Opens an Avro object container file, from a file or a pipe.
    ///
    /// # Errors
    /// It is none, or one that can't be read.
    pub fn avro(input: impl BufRead + Send + 'static) -> Result<Self, ImportError> {
        let (schema, metadata, batches) = batches::avro(input)?;
        let mut source = Self::new(&schema, batches)?;
        source.metadata.extend(metadata);
        Ok(source)
    }

    fn new(schema: &SchemaRef, batches: Batches) -> Result<Self, ImportError> {
        let mut fields = Vec::new();
        flatten(schema.fields(), "", &mut Vec::new(), &mut fields);
        Ok(ColumnSource {
            fields,
            metadata: schema.metadata().clone().into(),
            batches,
            ahead: VecDeque::new(),
            target: None,
            row: 0,
        })
    }

    /// The schema that slipring wrote into the file, if the file has all of its columns.
    pub fn kept_schema(&self) -> Option<Schema> {
        let kept = self.said_schema()?;
        self.target_for(&Table::new(&kept), ParseOptions::default()).is_ok().then_some(kept)
    }

    fn said_schema(&self) -> Option<Schema> {
        Schema::from_text(self.metadata.get(SCHEMA_KEY)?)
    }

    /// A schema for the file's events: the one that slipring wrote into it, if the file has all of its
    /// columns; else one made up, under the name given. Text gets as much room as the rows need that are
    /// looked at.
    ///
    /// # Errors
    /// The file can't be read, or has a column that no field can hold.
    pub fn schema(&mut self, name: &str) -> Result<Schema, ImportError> {
        if let Some(kept) = self.kept_schema() {
            return Ok(kept);
        }
        self.look_ahead()?;
        let mut layout = Layout::new();
        for found in self.fields.iter().filter(|found| !is_own(&found.name)) {
            let mut seen = Seen::default();
            for batch in &self.ahead {
                if let Some(leaf) = leaf_of(batch, &found.path) {
                    seen.of(&leaf, batch.num_rows());
                }
            }
            if let Some(shape) = shape_of(&found.name, &found.field, &seen)? {
                layout.add(&found.name, shape);
            }
        }
        let has_time = self.fields.iter().any(|found| found.name == TIME);
        layout.finish(name, !has_time)
    }

    fn look_ahead(&mut self) -> Result<(), ImportError> {
        let mut rows: usize = self.ahead.iter().map(RecordBatch::num_rows).sum();
        while rows < LOOKED_AT_ROWS {
            let Some(batch) = self.batches.next() else { break };
            let batch = batch?;
            rows += batch.num_rows();
            self.ahead.push_back(batch);
        }
        Ok(())
    }

    /// Says which events are wanted; the rows before `first_row` are passed over.
    ///
    /// # Errors
    /// Fields without a column, or with one of a type that they can't be read from.
    pub fn begin(&mut self, table: &Table, options: ParseOptions, first_row: u64) -> Result<(), ImportError> {
        self.target = Some(self.target_for(table, options)?);
        while self.row < first_row {
            let Some(batch) = self.next_raw()? else { break };
            let rows = batch.num_rows() as u64;
            if self.row + rows > first_row {
                let passed = (first_row - self.row) as usize;
                self.ahead.push_front(batch.slice(passed, batch.num_rows() - passed));
                self.row = first_row;
                break;
            }
            self.row += rows;
        }
        Ok(())
    }

    fn target_for(&self, table: &Table, options: ParseOptions) -> Result<Target, ImportError> {
        let names: Vec<String> = self.fields.iter().map(|found| found.name.clone()).collect();
        // Avro's names, as our sink makes them of the schema that it kept.
        let renamed: HashMap<String, String> = self.said_schema().map_or_else(HashMap::new, |kept| {
            let kept = Table::new(&kept);
            let own = [slipring_schema::SEQUENCE, TIME, slipring_schema::EPOCH];
            let there = kept.columns.iter().filter(|column| column.kind.bytes() > 0);
            let paths: Vec<&str> = own.into_iter().chain(there.map(|column| column.path.as_str())).collect();
            let safe = avro_names(paths.iter().copied());
            paths.iter().map(|path| (*path).to_owned()).zip(safe).collect()
        });
        let is_ours = self.metadata.contains_key(SCHEMA_KEY);
        let nulls = Nulls { no_time: is_ours, nan: false };
        let target = Target::new(table, &names, |path| renamed.get(path).cloned(), nulls, options)?;
        for (place, column) in target.wanted() {
            let found = &self.fields[place];
            if !is_readable(found.field.data_type()) || !fits(found.field.data_type(), column) {
                return Err(ImportError::OtherType {
                    column: found.name.clone(),
                    found: found.field.data_type().to_string(),
                    expected: column.map_or("a time", |column| expected(&column.kind)),
                });
            }
        }
        Ok(target)
    }

    /// The file's columns that go into no field.
    pub fn passed_over(&self) -> &[String] {
        self.target.as_ref().map_or(&[], Target::passed_over)
    }

    /// The next rows as events; 0 at the end.
    ///
    /// # Errors
    /// The file can't be read any further. A row that is no event is none: see [`Rows::faults`].
    ///
    /// # Panics
    /// If it has not [begun](ColumnSource::begin).
    pub fn next_batch(&mut self, out: &mut Rows) -> Result<usize, ImportError> {
        let batch = loop {
            match self.next_raw()? {
                Some(batch) if batch.num_rows() == 0 => {}
                Some(batch) => break batch,
                None => {
                    out.reset(self.row, 0, 0);
                    return Ok(0);
                }
            }
        };
        let target = self.target.as_ref().expect("begin comes first");
        let mut leaves: Vec<Option<Leaf>> = vec![None; self.fields.len()];
        for (place, column) in target.wanted() {
            let found = &self.fields[place];
            let leaf = leaf_of(&batch, &found.path).ok_or_else(|| ImportError::OtherType {
                column: found.name.clone(),
                found: found.field.data_type().to_string(),
                expected: column.map_or("a time", |column| expected(&column.kind)),
            })?;
            leaves[place] = Some(leaf);
        }
        let rows = batch.num_rows();
        let column = |place: usize| {
            let leaf = leaves[place].as_ref();
            move |row: usize| leaf.map_or(Cell::Null, |leaf| leaf.cell(row))
        };
        let event_bytes = target.event_bytes();
        let copy = |place: usize, field: &Column, events: &mut [u8]| {
            let leaf = leaves[place].as_ref();
            leaf.is_some_and(|leaf| bulk::copy(leaf, field, events, event_bytes))
        };
        let times = |place: usize, times: &mut [Option<u64>]| {
            leaves[place].as_ref().is_some_and(|leaf| bulk::times(leaf, times))
        };
        target.fill(out, self.row, rows, column, copy, times);
        self.row += rows as u64;
        Ok(rows)
    }

    fn next_raw(&mut self) -> Result<Option<RecordBatch>, ImportError> {
        match self.ahead.pop_front() {
            Some(batch) => Ok(Some(batch)),
            None => self.batches.next().transpose(),
        }
    }
}

/// Whether it is one of the journal's own columns.
fn is_own(name: &str) -> bool {
    [slipring_schema::SEQUENCE, TIME, slipring_schema::EPOCH].contains(&name)
}

/// What can't be right whatever the values are; said before the first row.
fn fits(of: &DataType, column: Option<&Column>) -> bool {
    let Some(column) = column else { return true };
    let of = match of {
        DataType::Dictionary(_, values) => values,
        of => of,
    };
    let is_list = matches!(of, DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..));
    let is_time = matches!(of, DataType::Timestamp(..) | DataType::Date32 | DataType::Date64);
    match &column.kind {
        Kind::Array(..) => is_list || of.is_string() || of.is_null(),
        _ if is_list => false,
        Kind::Time { .. } => !of.is_binary() && *of != DataType::Boolean,
        _ if is_time => false,
        _ => true,
    }
}

/// Columns with those that lie in structs, by their paths.
fn flatten(fields: &arrow_schema::Fields, before: &str, path: &mut Vec<usize>, out: &mut Vec<FoundField>) {
    for (place, field) in fields.iter().enumerate() {
        let name = match before {
            "" => field.name().clone(),
            before => format!("{before}.{}", field.name()),
        };
        path.push(place);
        match field.data_type() {
            DataType::Struct(inner) => flatten(inner, &name, path, out),
            _ => {
                let field: FieldRef = std::sync::Arc::new(Field::clone(field));
                out.push(FoundField { name, path: path.clone(), field });
            }
        }
        path.pop();
    }
}

fn leaf_of(batch: &RecordBatch, path: &[usize]) -> Option<Leaf> {
    let (first, rest) = path.split_first()?;
    let mut array: &ArrayRef = batch.columns().get(*first)?;
    let mut outer: Option<NullBuffer> = None;
    for place in rest {
        let lies_in = array.as_struct_opt()?;
        outer = NullBuffer::union(outer.as_ref(), lies_in.nulls());
        array = lies_in.columns().get(*place)?;
    }
    Leaf::new(array, outer.as_ref())
}
