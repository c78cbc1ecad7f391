//! Events as columns: one loop per column over many events, the kind matched outside of it.

mod buffer;
pub(crate) mod names;
pub(crate) mod plan;

use std::mem::take;
use std::sync::Arc;

use arrow_array::builder::BooleanBufferBuilder;
use arrow_array::types::{UInt32Type, UInt64Type};
use arrow_array::{ArrayRef, PrimitiveArray, RecordBatch, TimestampNanosecondArray};
use arrow_buffer::NullBuffer;
use arrow_schema::{ArrowError, Field, Schema, SchemaRef};
use slipring_schema::{Column, Kind, TIME, Table};

pub(crate) use buffer::text;
use buffer::{Place, Values, nested};

use crate::error::{ExportError, Misfit};
use crate::options::{Chosen, SinkOptions};
use crate::records::Records;

/// Builds batches of columns from events.
#[derive(Debug)]
pub(crate) struct Batch {
    schema: SchemaRef,
    parts: Vec<Part>,
    rows: usize,
}

/// One column and its values so far.
#[derive(Debug)]
enum Part {
    Sequence(Vec<u64>),
    Time(Times),
    Epoch(Vec<u32>),
    Field(Box<Built>),
}

#[derive(Debug, Default)]
struct Times {
    values: Vec<i64>,
    /// Which of them are none.
    none: Vec<usize>,
}

/// A field and its values so far.
#[derive(Debug)]
struct Built {
    column: Column,
    /// Innermost values of an event.
    items: usize,
    values: Values,
    /// Which events have it, if it is of a variant.
    present: Option<BooleanBufferBuilder>,
}

impl Batch {
    pub(crate) fn new(table: &Table, options: &SinkOptions) -> Result<Self, ExportError> {
        let chosen = options.chosen(table)?;
        let fields: Vec<Field> = chosen.iter().map(|chosen| plan::chosen_field(*chosen, table)).collect();
        let schema = Schema::new_with_metadata(fields, options.origin.metadata());
        let part = |chosen: &Chosen| match chosen {
            Chosen::Sequence => Part::Sequence(Vec::new()),
            Chosen::Time => Part::Time(Times::default()),
            Chosen::Epoch => Part::Epoch(Vec::new()),
            Chosen::Field(place) => Part::Field(Box::new(Built::new(&table.columns[*place]))),
        };
        Ok(Batch { schema: Arc::new(schema), parts: chosen.iter().map(part).collect(), rows: 0 })
    }

    /// What the columns are.
    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// How many events it has.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Appends events. After an error the batch is of no use any more.
    pub(crate) fn append(&mut self, records: &Records<'_>) -> Result<(), ExportError> {
        let refuse = |column: &str, (index, misfit): (usize, Misfit)| ExportError::Value {
            sequence: records.rows()[index].sequence,
            column: column.to_owned(),
            misfit,
        };
        for part in &mut self.parts {
            match part {
                Part::Sequence(all) => all.extend(records.rows().iter().map(|row| row.sequence)),
                Part::Epoch(all) => all.extend(records.rows().iter().map(|row| row.epoch)),
                Part::Time(times) => times.append(records).map_err(|unfit| refuse(TIME, unfit))?,
                Part::Field(built) => {
                    built.append(records).map_err(|unfit| refuse(&built.column.path, unfit))?;
                }
            }
        }
        self.rows += records.rows().len();
        Ok(())
    }

    /// What was appended since the last time.
    pub(crate) fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        let array = |part: &mut Part| -> Result<ArrayRef, ArrowError> {
            Ok(match part {
                Part::Sequence(all) => Arc::new(PrimitiveArray::<UInt64Type>::new(take(all).into(), None)),
                Part::Epoch(all) => Arc::new(PrimitiveArray::<UInt32Type>::new(take(all).into(), None)),
                Part::Time(times) => times.finish(),
                Part::Field(built) => built.finish()?,
            })
        };
        let arrays = self.parts.iter_mut().map(array).collect::<Result<Vec<_>, _>>()?;
        let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(self.rows));
        self.rows = 0;
        RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options)
    }
}

impl Times {
    fn append(&mut self, records: &Records<'_>) -> Result<(), (usize, Misfit)> {
        for (index, row) in records.rows().iter().enumerate() {
            match i64::try_from(row.time_ns) {
                Ok(time) => self.values.push(time),
                Err(_) if row.time_ns == u64::MAX => {
                    self.none.push(self.values.len());
                    self.values.push(0);
                }
                Err(_) => {
                    return Err((index, Misfit::Time { count: i128::from(row.time_ns), unit: "ns" }));
                }
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> ArrayRef {
        let nulls = (!self.none.is_empty()).then(|| {
            let mut there = vec![true; self.values.len()];
            self.none.iter().for_each(|index| there[*index] = false);
            NullBuffer::from(there)
        });
        self.none.clear();
        let times = TimestampNanosecondArray::new(take(&mut self.values).into(), nulls);
        Arc::new(times.with_timezone("UTC"))
    }
}

impl Built {
    fn new(column: &Column) -> Self {
        let leaf = plan::leaf(&column.kind);
        Built {
            column: column.clone(),
            items: column.kind.bytes() / leaf.bytes(),
            values: Values::new(leaf),
            present: column.is_of_a_variant().then(|| BooleanBufferBuilder::new(0)),
        }
    }

    fn append(&mut self, records: &Records<'_>) -> Result<(), (usize, Misfit)> {
        let present: Option<Vec<bool>> = self.present.as_mut().map(|all| {
            let present: Vec<bool> = records.rows().iter().map(|row| self.column.is_in(row.event)).collect();
            all.append_slice(&present);
            present
        });
        let at = Place { offset: self.column.offset, items: self.items, present: present.as_deref() };
        match plan::leaf(&self.column.kind) {
            Kind::Text(size) => self.values.append_text(*size, records, at),
            _ => self.values.append(records, at),
        }
    }

    fn finish(&mut self) -> Result<ArrayRef, ArrowError> {
        let nulls = self.present.as_mut().map(|present| NullBuffer::new(present.finish()));
        match &self.column.kind {
            kind @ Kind::Array(..) => {
                let leaves = self.values.finish(None)?;
                nested(kind, leaves, nulls)
            }
            _ => self.values.finish(nulls),
        }
    }
}
