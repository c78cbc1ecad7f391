//! From columns' names to fields' names.

use super::InferError;
use std::collections::HashSet;

/// Columns that are the journal's own.
const JOURNAL: [&str; 4] = ["_sequence", "_time", "_epoch", "_variant"];

/// As deep as a schema file nests.
const MAX_DEPTH: usize = 16;

/// The path of the field for each column: `leg.px` is two parts. `None` for the journal's own columns.
pub(super) fn paths(columns: &[impl AsRef<str>]) -> Result<Vec<Option<Vec<String>>>, InferError> {
    let mut seen = HashSet::new();
    for (index, column) in columns.iter().enumerate() {
        let column = column.as_ref();
        if column.trim().is_empty() {
            return Err(InferError::NoName { index: index + 1 });
        }
        if !seen.insert(column) {
            return Err(InferError::Twice(column.to_owned()));
        }
    }
    // What leads to fields is no field itself: with `leg` and `leg.px` the second is `leg_px`.
    let mut taken: HashSet<String> = HashSet::new();
    let mut structs: HashSet<String> = HashSet::new();
    let whole: HashSet<&str> = columns.iter().map(AsRef::as_ref).collect();
    let mut paths = Vec::with_capacity(columns.len());
    for column in columns {
        let column = column.as_ref();
        if JOURNAL.contains(&column) {
            paths.push(None);
            continue;
        }
        let mut path: Vec<String> = column.split('.').map(str::to_owned).collect();
        let outer =
            |path: &[String]| -> Vec<String> { (1..path.len()).map(|end| path[..end].join(".")).collect() };
        let parts_fit = path.iter().all(|part| crate::file::is_name(part) && !part.starts_with('_'));
        // A struct of a lone `0` would read as the number itself.
        let numbered = path.len() > 1 && path.last().is_some_and(|part| part == "0");
        let free = outer(&path).iter().all(|outer| !taken.contains(outer) && !whole.contains(outer.as_str()));
        if !parts_fit || !free || numbered || path.len() > MAX_DEPTH {
            path = vec![plain(column)];
        }
        while taken.contains(&path.join(".")) || structs.contains(&path.join(".")) {
            if let Some(last) = path.last_mut() {
                last.push_str("_2");
            }
        }
        structs.extend(outer(&path));
        taken.insert(path.join("."));
        paths.push(Some(path));
    }
    Ok(paths)
}

/// A name with `_` for what no name may have.
fn plain(column: &str) -> String {
    let letter = |c: char| if c.is_alphanumeric() || c == '-' { c } else { '_' };
    let name: String = column.trim().chars().map(letter).take(60).collect();
    if name.starts_with('_') { format!("field{name}") } else { name }
}

/// Whether a column of that name may count from 1970: `ts`, `time`, `timestamp`, also as a word among others.
pub(super) fn is_time(column: &str) -> bool {
    let name = column.to_lowercase();
    name.split(|c: char| !c.is_alphanumeric()).any(|word| matches!(word, "ts" | "time" | "timestamp"))
}
