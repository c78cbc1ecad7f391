//! A schema guessed from the first rows of an input, for people to look at before it is used.
//!
//! ```text
//! arrays.rs    what a column's arrays have in common
//! column.rs    what a column's values have in common, and the field that holds them all
//! names.rs     from columns' names to fields' names
//! ```
//! The guess loses nothing: an integer stays one however large, a decimal keeps every digit, a number with
//! leading zeros is text. A double is what has an exponent or is no number; names of enums are not guessed.

mod arrays;
mod column;
mod names;
#[cfg(test)]
mod tests;

use crate::tree::layout::TooLarge;
use crate::tree::{Member, Shape, Tree};
use column::Column;
use slipring_journal::Schema;

/// A value of the sample, as text, with what its format says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell<'a> {
    /// No value: an empty cell, `null`, a missing key.
    Missing,
    /// A format that says nothing, as CSV.
    Text(&'a str),
    /// A number of JSON.
    Number(&'a str),
    /// A string of JSON: never a number, though a time if all of them are.
    String(&'a str),
    /// True or false.
    Bool(bool),
    /// An array of JSON as it is written; what is none, or has more than numbers, no field can hold.
    Array(&'a str),
}

/// Why there is no schema.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InferError {
    /// There are no columns but the journal's own.
    #[error("there are no columns to make fields of")]
    NoColumns,
    /// A column without a name.
    #[error("column {index} has no name: give it one in the first line, or write a schema file")]
    NoName {
        /// Counted from 1.
        index: usize,
    },
    /// Two columns of one name.
    #[error("the column `{0}` is there twice: give one of them another name")]
    Twice(String),
    /// The name of the event can't be one.
    #[error("`{0}` can't be the name of an event: take letters, digits, `_` and `-`")]
    EventName(String),
    /// More than a journal can hold.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
}

/// A schema called `name` for rows like these. Each row has its cells in the order of `columns`; cells that
/// are not there are missing.
///
/// ```
/// use slipring_schema::infer::{Cell, infer};
///
/// let columns = ["ts", "symbol", "price"];
/// let rows = [
///     [Cell::String("2024-03-10T09:30:00.000000001Z"), Cell::String("ABC"), Cell::Number("101.25")],
///     [Cell::String("2024-03-10T09:30:00.000000002Z"), Cell::String("ABCD.N"), Cell::Number("101.5")],
/// ];
/// let schema = infer("Order", &columns, rows.iter().map(|row| &row[..]))?;
/// assert_eq!(schema.attribute("time"), Some("ts"));
/// assert_eq!(schema.fields[2].attribute("decimal"), Some("2"));
/// # Ok::<(), slipring_schema::infer::InferError>(())
/// ```
///
/// The journal time is the first time column that is never missing and never decreases in the sample. Columns
/// of the journal's own names (`_sequence`, `_time`, ..) are passed over, and so are those whose arrays
/// differ in length, or are not always there.
///
/// # Errors
/// When columns have no names, or one name, or there is more than a journal can hold.
pub fn infer<'a>(
    name: &str,
    columns: &[impl AsRef<str>],
    rows: impl IntoIterator<Item = &'a [Cell<'a>]>,
) -> Result<Schema, InferError> {
    if !crate::file::is_name(name) {
        return Err(InferError::EventName(name.to_owned()));
    }
    let paths = names::paths(columns)?;
    let mut states: Vec<Column> =
        columns.iter().map(|column| Column::new(names::is_time(column.as_ref()))).collect();
    for row in rows {
        for (index, state) in states.iter_mut().enumerate() {
            state.see(row.get(index).copied().unwrap_or(Cell::Missing));
        }
    }
    let mut members = Vec::new();
    let mut time = None;
    for ((path, state), column) in paths.into_iter().zip(&states).zip(columns) {
        let Some(path) = path else { continue };
        let Some((leaf, mut attributes)) = state.field() else { continue };
        if state.is_steady_time() && time.is_none() {
            time = Some(path.join("."));
        }
        if path.join(".") != column.as_ref() {
            // In front of the default, where files have it.
            let at = attributes.iter().position(|(name, _)| name == "default").unwrap_or(attributes.len());
            attributes.insert(at, ("source".to_owned(), column.as_ref().to_owned()));
        }
        insert(&mut members, &path, Shape::Leaf(leaf, attributes));
    }
    if members.is_empty() {
        return Err(InferError::NoColumns);
    }
    let attributes = time.map(|time| ("time".to_owned(), time)).into_iter().collect();
    let tree =
        Tree { name: name.to_owned(), attributes, packed: false, align: 1, shape: Shape::Struct(members) };
    Ok(tree.lay_out()?)
}

/// Puts a field where its path leads; the names have been checked to lead nowhere else.
fn insert(members: &mut Vec<Member>, path: &[String], shape: Shape) {
    let Some((first, rest)) = path.split_first() else { return };
    if rest.is_empty() {
        members.push(Member { name: first.clone(), dims: Vec::new(), shape });
        return;
    }
    let at = members.iter().position(|member| member.name == *first).unwrap_or_else(|| {
        members.push(Member { name: first.clone(), dims: Vec::new(), shape: Shape::Struct(Vec::new()) });
        members.len() - 1
    });
    if let Shape::Struct(inner) = &mut members[at].shape {
        insert(inner, rest, shape);
    }
}
