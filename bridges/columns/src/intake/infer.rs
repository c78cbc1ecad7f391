//! A schema for a file that has none of slipring's.

use std::collections::HashSet;

use arrow_schema::{DataType, Field as ArrowField};
use slipring_journal::{Field, MAX_RECORD_BYTES, RECORD_HEADER_BYTES, Schema};

use super::leaf::Leaf;
use super::target::unit_of;
use crate::error::ImportError;
use crate::intake::cell::Cell;

/// Text gets room for the longest that was seen, up to a multiple of this.
const TEXT_STEP_BYTES: usize = 8;

/// Lays fields out one behind the other, each at a multiple of its alignment, with padding in between.
#[derive(Debug)]
pub(crate) struct Layout {
    fields: Vec<Field>,
    known: HashSet<String>,
    end: usize,
    align: usize,
    pads: usize,
    /// The first field that counts as the event's time.
    time: Option<String>,
}

/// What a field is to be.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shape {
    /// As a schema's text says it: `u64`, `[u8;8]`.
    pub(crate) kind: String,
    pub(crate) bytes: usize,
    pub(crate) align: usize,
    pub(crate) attributes: Vec<(String, String)>,
}

impl Shape {
    pub(crate) fn number(kind: &str, bytes: usize) -> Self {
        Shape { kind: kind.to_owned(), bytes, align: bytes, attributes: Vec::new() }
    }

    pub(crate) fn bytes(count: usize) -> Self {
        Shape { kind: format!("[u8;{count}]"), bytes: count, align: 1, attributes: Vec::new() }
    }

    /// Text of which the longest that was seen has so many bytes.
    pub(crate) fn text(longest: usize) -> Self {
        Shape::bytes(longest.max(1).next_multiple_of(TEXT_STEP_BYTES)).with("text", "")
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.attributes.push((name.to_owned(), value.to_owned()));
        self
    }

    fn array(self, count: usize) -> Option<Self> {
        let (kind, bytes) = (format!("[{};{count}]", self.kind), self.bytes.checked_mul(count)?);
        Some(Shape { kind, bytes, ..self })
    }
}

impl Layout {
    pub(crate) fn new() -> Self {
        Layout { fields: Vec::new(), known: HashSet::new(), end: 0, align: 1, pads: 0, time: None }
    }

    /// Adds the field for a column.
    pub(crate) fn add(&mut self, column: &str, shape: Shape) {
        let name = self.name_for(column);
        self.pad_to(shape.align);
        let Shape { kind, bytes, align, mut attributes } = shape;
        if name != column {
            attributes.push(("source".to_owned(), column.to_owned()));
        }
        if self.time.is_none() && attributes.iter().any(|(name, _)| name == "time") && !kind.starts_with('[')
        {
            self.time = Some(name.clone());
        }
        self.fields.push(Field { name, kind, offset: self.end, size: bytes, attributes });
        self.end = self.end.saturating_add(bytes);
        self.align = self.align.max(align);
    }

    /// The schema of an event of that name; `time` says whether a field is to be the journal time.
    pub(crate) fn finish(mut self, event: &str, time: bool) -> Result<Schema, ImportError> {
        self.pad_to(self.align);
        let attributes = match self.time.take().filter(|_| time) {
            Some(field) => vec![("time".to_owned(), field)],
            None => Vec::new(),
        };
        let name = self.name_for(event);
        let schema = Schema { name, size: self.end, fields: self.fields, attributes };
        if schema.size == 0 {
            return Err(ImportError::NoSchema {
                what: "the file has no columns that can be read".to_owned(),
            });
        }
        let most = MAX_RECORD_BYTES - RECORD_HEADER_BYTES;
        if schema.size > most || Schema::from_text(&schema.to_text()).is_none() {
            let what = format!("an event would have {} bytes, and {most} is the most", schema.size);
            return Err(ImportError::NoSchema { what });
        }
        Ok(schema)
    }

    fn pad_to(&mut self, align: usize) {
        let gap = self.end.next_multiple_of(align.max(1)) - self.end;
        if gap > 0 {
            let name = format!("_pad{}", self.pads);
            let kind = format!("[u8;{gap}]");
            self.fields.push(Field { name, kind, offset: self.end, size: gap, attributes: Vec::new() });
            self.pads += 1;
            self.end += gap;
        }
    }

    /// A name that a schema takes: letters, digits, underscores and the dots of a path; each once.
    fn name_for(&mut self, column: &str) -> String {
        let part = |part: &str| {
            let safe: String = part
                .chars()
                .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '_' | '[' | ']') { c } else { '_' })
                .collect();
            match safe.trim_start_matches('_') {
                "" => "column".to_owned(),
                safe if safe.starts_with(|first: char| first.is_ascii_digit()) => format!("c{safe}"),
                safe => safe.to_owned(),
            }
        };
        let first = column.split('.').map(part).collect::<Vec<_>>().join(".");
        let (mut name, mut count) = (first.clone(), 2);
        while !self.known.insert(name.clone()) {
            name = format!("{first}_{count}");
            count += 1;
        }
        name
    }
}

/// What was seen of a column's values.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) longest: usize,
    pub(crate) shortest: Option<usize>,
    pub(crate) nulls: bool,
}

impl Seen {
    pub(crate) fn note(&mut self, cell: &Cell<'_>) {
        let bytes = match cell {
            Cell::Null => {
                self.nulls = true;
                return;
            }
            Cell::Text(text) => text.len(),
            Cell::Bytes(bytes) => bytes.len(),
            Cell::List(_, from, to) => to - from,
            _ => return,
        };
        self.longest = self.longest.max(bytes);
        self.shortest = Some(self.shortest.map_or(bytes, |shortest| shortest.min(bytes)));
    }

    /// Of all values in some rows of a column.
    pub(crate) fn of(&mut self, leaf: &Leaf, rows: usize) {
        (0..rows).for_each(|row| self.note(&leaf.cell(row)));
    }

    /// The length that all values have.
    pub(crate) fn one_length(&self) -> Option<usize> {
        self.shortest.filter(|shortest| *shortest == self.longest && *shortest > 0)
    }
}

/// What the field for a column is to be; `None` if it is to be left out: it never has a value.
pub(crate) fn shape_of(name: &str, field: &ArrowField, seen: &Seen) -> Result<Option<Shape>, ImportError> {
    let no_schema = |what: String| ImportError::NoSchema { what };
    let shape = match field.data_type() {
        DataType::Null => return Ok(None),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => match seen.one_length() {
            Some(bytes) => Shape::bytes(bytes),
            None => return Err(no_schema(format!("{name} holds bytes of different lengths"))),
        },
        DataType::List(item) | DataType::LargeList(item) => {
            let count = seen.one_length();
            let count = count.ok_or_else(|| no_schema(format!("{name} holds lists of different lengths")))?;
            array(name, item, count)?
        }
        DataType::FixedSizeList(item, count) => array(name, item, usize::try_from(*count).unwrap_or(0))?,
        other => match plain(other, seen) {
            Some(shape) => shape,
            None => return Err(no_schema(format!("{name} is {other}, which no field of an event is"))),
        },
    };
    Ok(Some(with_default(shape, seen)))
}

fn with_default(shape: Shape, seen: &Seen) -> Shape {
    let is_text = shape.attributes.iter().any(|(name, _)| name == "text");
    match shape.kind.as_str() {
        _ if !seen.nulls => shape,
        "f32" | "f64" => shape.with("default", "NaN"),
        _ if is_text => shape.with("default", ""),
        // No number stands for none.
        _ => shape,
    }
}

fn array(name: &str, item: &ArrowField, count: usize) -> Result<Shape, ImportError> {
    let shape = match item.data_type() {
        DataType::FixedSizeList(inner, inner_count) => {
            Some(array(name, inner, usize::try_from(*inner_count).unwrap_or(0))?)
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(..) => None,
        other => plain(other, &Seen::default()),
    };
    let shape = shape.and_then(|shape| shape.array(count)).filter(|shape| shape.bytes > 0);
    shape.ok_or_else(|| ImportError::NoSchema {
        what: format!("{name} is a list of {count} {}, which no field of an event is", item.data_type()),
    })
}

fn plain(of: &DataType, seen: &Seen) -> Option<Shape> {
    Some(match of {
        DataType::UInt8 => Shape::number("u8", 1),
        DataType::UInt16 => Shape::number("u16", 2),
        DataType::UInt32 => Shape::number("u32", 4),
        DataType::UInt64 => Shape::number("u64", 8),
        DataType::Int8 => Shape::number("i8", 1),
        DataType::Int16 => Shape::number("i16", 2),
        DataType::Int32 | DataType::Time32(_) => Shape::number("i32", 4),
        DataType::Int64 | DataType::Time64(_) | DataType::Duration(_) => Shape::number("i64", 8),
        DataType::Float16 | DataType::Float32 => Shape::number("f32", 4),
        DataType::Float64 => Shape::number("f64", 8),
        DataType::Boolean => Shape::number("u8", 1).with("bool", ""),
        DataType::Decimal32(digits, scale)
        | DataType::Decimal64(digits, scale)
        | DataType::Decimal128(digits, scale)
        | DataType::Decimal256(digits, scale) => {
            let scale = u8::try_from(*scale).unwrap_or(0);
            let (kind, bytes) = if *digits <= 18 { ("i64", 8) } else { ("i128", 16) };
            Shape::number(kind, bytes).with("decimal", &scale.min(38).to_string())
        }
        DataType::Timestamp(unit, _) => Shape::number("i64", 8).with("time", unit_of(*unit).sign()),
        DataType::Date32 => Shape::number("i64", 8).with("time", "s"),
        DataType::Date64 => Shape::number("i64", 8).with("time", "ms"),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Shape::text(seen.longest),
        DataType::FixedSizeBinary(bytes) if *bytes > 0 => Shape::bytes(usize::try_from(*bytes).ok()?),
        DataType::Dictionary(_, values) => plain(values, seen)?,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_aligned_and_named() {
        let mut layout = Layout::new();
        layout.add("Trade Price", Shape::number("i64", 8).with("decimal", "2"));
        layout.add("_side", Shape::number("u8", 1));
        layout.add("leg.px", Shape::number("u32", 4));
        layout.add("Trade/Price", Shape::text(3));
        layout.add("ts", Shape::number("i64", 8).with("time", "ns"));
        let schema = layout.finish("my event", true).unwrap();
        let wanted = "my_event 40\ttime=ts\n\
            Trade_Price i64 0 8\tdecimal=2\tsource=Trade Price\n\
            side u8 8 1\tsource=_side\n_pad0 [u8;3] 9 3\n\
            leg.px u32 12 4\n\
            Trade_Price_2 [u8;8] 16 8\ttext=\tsource=Trade/Price\n\
            ts i64 24 8\ttime=ns\n";
        let wanted = wanted.replace("my_event 40", "my_event 32");
        assert_eq!(schema, Schema::from_text(&wanted).unwrap());
    }

    #[test]
    fn an_event_that_no_journal_holds_is_refused() {
        let mut layout = Layout::new();
        layout.add("a", Shape::bytes(1 << 20));
        assert!(matches!(layout.finish("E", true), Err(ImportError::NoSchema { .. })));
        assert!(matches!(Layout::new().finish("E", true), Err(ImportError::NoSchema { .. })));
    }
}
