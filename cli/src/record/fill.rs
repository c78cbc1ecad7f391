//! Cells of text into an event: which column each belongs to, and what is taken for those that have none.

use std::sync::Arc;

use slipring_journal::Schema;
use slipring_schema::{Column, EPOCH, FieldFault, ParseOptions, SEQUENCE, TIME, Table};

use crate::formats::source::{NoTime, Row, SourceError};

/// How the cells of an input's lines become events.
#[derive(Debug)]
pub(super) struct Fill {
    table: Arc<Table>,
    parse: ParseOptions,
    /// Columns and their cells, variants first: they say which fields an event has.
    cells: Vec<(usize, usize)>,
    /// Columns without a cell whose value hangs on the variant.
    absent: Vec<usize>,
    /// An event of which only the cells are missing.
    template: Vec<u8>,
    /// The cell with the journal time.
    time: Option<usize>,
    time_column: Column,
    /// The lines are of an export, which prints what has no name as it is.
    is_export: bool,
}

/// What is wrong with a cell.
#[derive(Debug)]
pub(super) struct BadCell {
    /// The cell, if it is of one.
    pub cell: Option<usize>,
    pub fault: CellFault,
}

/// Why an event can't be made of it.
#[derive(Debug, thiserror::Error)]
pub(super) enum CellFault {
    #[error(transparent)]
    Field(#[from] FieldFault),
    #[error(transparent)]
    Time(#[from] NoTime),
}

impl Fill {
    /// By the names of the cells, which may come in any order. Also the names of those that are of no field.
    pub fn by_names(
        table: Arc<Table>,
        parse: ParseOptions,
        names: &[String],
    ) -> Result<(Self, Vec<String>), SourceError> {
        let at = |name: &str| names.iter().position(|there| there == name);
        let twice = |name: &String| names.iter().filter(|there| *there == name).count() > 1;
        let mut fill = Fill::empty(table, parse);
        let places = fill.table.places(names);
        let mut missing = Vec::new();
        for index in in_order(&fill.table) {
            let column = &fill.table.columns[index];
            match places[index] {
                Some(cell) if twice(&names[cell]) => {
                    return Err(SourceError::Twice { column: names[cell].clone() });
                }
                Some(cell) => fill.cells.push((index, cell)),
                None if column.is_of_a_variant() => fill.absent.push(index),
                None => match column.parse_none(&mut fill.template) {
                    Ok(()) => {}
                    Err(_) => missing.push(column.source().to_owned()),
                },
            }
        }
        if !missing.is_empty() {
            return Err(SourceError::NoColumn { missing, there: names.to_vec() });
        }
        fill.time = at(TIME);
        fill.is_export = at(SEQUENCE).is_some();
        let is_known = |cell: usize| {
            matches!(names[cell].as_str(), TIME | SEQUENCE | EPOCH)
                || fill.cells.iter().any(|(_, of)| *of == cell)
        };
        let unknown = (0..names.len()).filter(|cell| !is_known(*cell)).map(|cell| names[cell].clone());
        let unknown = unknown.collect();
        Ok((fill, unknown))
    }

    /// The cells are the table's columns, in order.
    pub fn in_table_order(table: Arc<Table>, parse: ParseOptions) -> Self {
        let mut fill = Fill::empty(table, parse);
        fill.cells = in_order(&fill.table).into_iter().map(|index| (index, index)).collect();
        fill
    }

    fn empty(table: Arc<Table>, parse: ParseOptions) -> Self {
        let template = vec![0; table.event_bytes];
        let (cells, absent) = (Vec::new(), Vec::new());
        Fill {
            table,
            parse,
            cells,
            absent,
            template,
            time: None,
            time_column: time_column(),
            is_export: false,
        }
    }

    /// The events' columns.
    pub fn table(&self) -> &Arc<Table> {
        &self.table
    }

    /// Columns and their cells, by their places.
    pub fn cells(&self) -> &[(usize, usize)] {
        &self.cells
    }

    /// The cell with the journal time.
    pub fn time(&self) -> Option<usize> {
        self.time
    }

    /// An event of which only the cells are missing; `None` if more may be, as the variant says.
    pub fn template(&self) -> Option<&[u8]> {
        self.absent.is_empty().then_some(&self.template)
    }

    /// Makes the event of a line's cells. An empty cell is an empty text if `is_given` says so.
    #[inline]
    pub fn fill<'a>(
        &self,
        cell: impl Fn(usize) -> &'a str,
        is_given: impl Fn(usize) -> bool,
        row: &mut Row,
    ) -> Result<(), BadCell> {
        row.begin(&self.template);
        for (index, at) in &self.cells {
            let (column, text) = (&self.table.columns[*index], cell(*at));
            let done = match text.is_empty() && is_given(*at) {
                false => column.parse(text, &mut row.event, &self.parse),
                true => column.parse_given(text, &mut row.event, &self.parse),
            };
            let done = done.map_err(|fault| BadCell { cell: Some(*at), fault: fault.into() })?;
            if !text.is_empty() && (!self.is_export || column.is_variant()) {
                let named = column.has_name(text, &row.event);
                named.map_err(|fault| BadCell { cell: Some(*at), fault: fault.into() })?;
            }
            row.parsed.truncated |= done.truncated;
            row.parsed.rounded |= done.rounded;
        }
        for index in &self.absent {
            let done = self.table.columns[*index].parse_none(&mut row.event);
            done.map_err(|fault| BadCell { cell: None, fault: fault.into() })?;
        }
        if let Some(at) = self.time {
            let time_ns = self.time_of(cell(at));
            row.time_ns = Some(time_ns.map_err(|fault| BadCell { cell: Some(at), fault: fault.into() })?);
            return Ok(());
        }
        row.take_time(&self.table).map_err(|fault| {
            let cell = self.cells.iter().find(|(index, _)| self.table.times.contains(index));
            BadCell { cell: cell.map(|(_, at)| *at), fault: fault.into() }
        })
    }

    fn time_of(&self, text: &str) -> Result<u64, FieldFault> {
        journal_time(&self.time_column, text, &self.parse)
    }
}

/// The column `_time`, which lies in no event.
pub(super) fn time_column() -> Column {
    let schema = Schema::from_text("T 8\ntime u64 0 8\ttime=ns\n").expect("a schema");
    let mut column = Table::new(&schema).columns.remove(0);
    column.path = TIME.to_owned();
    column
}

/// A journal time that stands in an input.
pub(super) fn journal_time(column: &Column, text: &str, parse: &ParseOptions) -> Result<u64, FieldFault> {
    if text.is_empty() {
        return Err(FieldFault::Empty { field: column.path.clone() });
    }
    let mut bytes = [0; 8];
    column.parse(text, &mut bytes, parse)?;
    Ok(u64::from_le_bytes(bytes))
}

/// The columns of a table, those first that say which variant an event is of.
pub(super) fn in_order(table: &Table) -> Vec<usize> {
    let is_variant = |index: &usize| table.columns[*index].is_variant();
    let (variants, fields): (Vec<usize>, Vec<usize>) = (0..table.columns.len()).partition(is_variant);
    [variants, fields].concat()
}
