//! A numpy dtype of a whole record: the header, then the fields at their offsets.

use super::names::{Column, columns, comment, remarks};
use crate::tree::meaning::Meaning;
use crate::tree::scalar::{Leaf, Scalar};
use slipring_journal::{RECORD_HEADER_BYTES, Schema};
use std::fmt::Write;

pub(super) fn generate(schema: &Schema) -> String {
    let mut text = format!(
        "# Written by slipring from the schema `{}`. One element is one record of a segment, the header\n\
         # included: np.memmap(segment, dtype, \"r\", records_at, capacity); where the records begin and end\n\
         # is in docs/reference/format.md. The sequence is not stored: it is the segment's base + index.\n\
         # The epoch is `_epoch_kind >> 4`, the kind `_epoch_kind & 15`: 1 for an event, 2 for a void record.\n",
        comment(&schema.name)
    );
    let columns = columns(schema);
    if columns.iter().any(|column| column.leaf.scalar.size() == 16) {
        text.push_str(
            "# numpy has no integers of 128 bits: they are their bytes, int.from_bytes(bytes(n), \"little\").\n",
        );
    }
    text.push_str("import numpy as np\n\n# name, format, offset in the record\nfields = [\n");
    for (name, format, offset, said) in
        [("_time", "M8[ns]", 0, ""), ("_epoch_kind", "<u4", 8, ""), ("_crc", "<u4", 12, "")]
    {
        let _ = writeln!(text, "    ({}, {}, {offset}),{said}", string(name), string(format));
    }
    for column in &columns {
        let said = remarks(&column.leaf, &column.field.attributes).join(" ");
        let said = if said.is_empty() { said } else { format!("  # {said}") };
        let (name, offset) = (string(&column.path), RECORD_HEADER_BYTES + column.field.offset);
        let _ = writeln!(text, "    ({name}, {}, {offset}),{said}", format_of(column));
    }
    let record = (RECORD_HEADER_BYTES + schema.size).next_multiple_of(8);
    let _ = write!(
        text,
        "]\n\ndtype = np.dtype({{\n    \"names\": [name for name, _, _ in fields],\n    \
         \"formats\": [format for _, format, _ in fields],\n    \
         \"offsets\": [offset for _, _, offset in fields],\n    \"itemsize\": {record},\n}})\n"
    );
    dictionaries(&mut text, &columns);
    text
}

/// What the dtype itself can't say: the scales of decimals, the names of numbers.
fn dictionaries(text: &mut String, columns: &[Column<'_>]) {
    text.push_str("\n# digits behind the point: divide by 10 ** scale, or make decimal.Decimal(n).scaleb(-scale)\nscales = {\n");
    for column in columns {
        if let Meaning::Decimal(scale) = column.meaning {
            let _ = writeln!(text, "    {}: {scale},", string(&column.path));
        }
    }
    text.push_str("}\n\n# the names of numbers\nnames = {\n");
    for column in columns {
        let pairs = match &column.meaning {
            _ if !column.tags.is_empty() => &column.tags,
            Meaning::Enum(names) => names,
            _ => continue,
        };
        let pairs: Vec<String> =
            pairs.iter().map(|(name, value)| format!("{value}: {}", string(name))).collect();
        let _ = writeln!(text, "    {}: {{{}}},", string(&column.path), pairs.join(", "));
    }
    text.push_str("}\n");
}

/// The format, as a Python expression; the same as the package `slipring` has.
fn format_of(column: &Column<'_>) -> String {
    let Leaf { scalar, dims } = &column.leaf;
    let (one, dims) = match (&column.meaning, dims.split_last()) {
        (Meaning::Text, Some((length, outer))) => (format!("S{length}"), outer),
        (Meaning::Bool, _) => ("?".to_owned(), dims.as_slice()),
        (Meaning::Time(unit), _) if scalar.size() == 8 => (format!("M8[{}]", unit.sign()), dims.as_slice()),
        _ => (number(*scalar).to_owned(), dims.as_slice()),
    };
    let shape: Vec<String> = dims.iter().map(|count| format!("{count},")).collect();
    if shape.is_empty() { string(&one) } else { format!("({}, ({}))", string(&one), shape.join(" ")) }
}

fn number(scalar: Scalar) -> &'static str {
    match scalar {
        Scalar::U8 => "u1",
        Scalar::I8 => "i1",
        Scalar::U16 => "<u2",
        Scalar::I16 => "<i2",
        Scalar::U32 => "<u4",
        Scalar::I32 => "<i4",
        Scalar::U64 => "<u8",
        Scalar::U128 | Scalar::I128 => "V16",
        Scalar::I64 => "<i8",
        Scalar::F32 => "<f4",
        Scalar::F64 => "<f8",
    }
}

/// A literal of Python.
fn string(text: &str) -> String {
    let mut literal = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => literal.extend(['\\', character]),
            ' '..='~' => literal.push(character),
            other => {
                let _ = write!(literal, "\\U{:08x}", u32::from(other));
            }
        }
    }
    literal.push('"');
    literal
}
