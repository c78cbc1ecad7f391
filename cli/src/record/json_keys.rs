//! Which keys of an object are which columns.

use std::collections::{BTreeSet, HashMap};

use slipring_schema::{EPOCH, SEQUENCE, TIME, Table};

/// The key that says of a line that it stands for an event that is lost.
const VOID: &str = "_void";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Column(usize),
    Time,
    /// Whether there is no event.
    Void,
    /// A record's sequence, which is not taken: the object is of an export.
    Sequence,
    /// A column of the journal's own that is not taken.
    PassedOver,
}

/// The keys that a table's columns have in objects.
pub(super) struct Keys {
    /// By what the schema says of the files' names, else by the fields' own paths.
    keys: HashMap<String, Key>,
    /// The keys of an export: the fields' own paths, whatever the schema says of the files' names.
    paths: HashMap<String, Key>,
    /// All beginnings of paths that go on behind them: `leg`, `legs[0]`.
    beginnings: BTreeSet<String>,
    /// The object in hand is of an export.
    is_export: bool,
    /// The keys of the object before, in their order: most objects have the same.
    last: Vec<(String, Key)>,
    next: usize,
}

impl Keys {
    pub fn of(table: &Table) -> Self {
        let mut keys = HashMap::new();
        for (index, column) in table.columns.iter().enumerate() {
            keys.entry(column.path.clone()).or_insert(Key::Column(index));
        }
        // What a schema says of the files' names goes before its own.
        for (index, column) in table.columns.iter().enumerate() {
            if column.source.is_some() {
                keys.insert(column.source().to_owned(), Key::Column(index));
            }
        }
        let mut paths: HashMap<String, Key> = table
            .columns
            .iter()
            .enumerate()
            .map(|(at, column)| (column.path.clone(), Key::Column(at)))
            .collect();
        for keys in [&mut keys, &mut paths] {
            keys.insert(TIME.to_owned(), Key::Time);
            keys.insert(VOID.to_owned(), Key::Void);
            keys.insert(SEQUENCE.to_owned(), Key::Sequence);
            keys.insert(EPOCH.to_owned(), Key::PassedOver);
        }
        let beginnings = keys.keys().flat_map(|path| beginnings(path)).collect();
        Keys { keys, paths, beginnings, is_export: false, last: Vec::new(), next: 0 }
    }

    /// Begins an event.
    pub fn begin(&mut self) {
        self.is_export = false;
    }

    /// Whether the object in hand is of an export, as far as it has been gone through.
    pub fn is_export(&self) -> bool {
        self.is_export
    }

    /// Begins to go through an object.
    pub fn begin_pass(&mut self) {
        self.next = 0;
    }

    /// Those that begin so.
    pub fn beginning_with(&self, prefix: &str) -> Vec<String> {
        self.keys.keys().filter(|key| key.starts_with(prefix)).cloned().collect()
    }

    /// Whether there are keys that go on behind this path.
    pub fn is_beginning(&self, path: &str) -> bool {
        self.beginnings.contains(path)
    }

    /// The column of a key.
    pub fn column(&self, key: &str) -> Option<usize> {
        match self.keys.get(key) {
            Some(Key::Column(index)) => Some(*index),
            _ => None,
        }
    }

    /// What a key is at the top of an object, of an export or not; `None` if no field takes it.
    pub fn at_top(&self, key: &str, is_export: bool) -> Option<Key> {
        let keys = if is_export { &self.paths } else { &self.keys };
        keys.get(key).copied()
    }

    /// What a path of the object in hand is the key of, if it is one.
    #[inline]
    pub fn find(&mut self, path: &str) -> Option<Key> {
        let at = self.next;
        if let Some((last, key)) = self.last.get(at)
            && last == path
        {
            self.next += 1;
            self.is_export |= *key == Key::Sequence;
            return Some(*key);
        }
        let key = self.at_top(path, self.is_export)?;
        self.is_export |= key == Key::Sequence;
        // No object has more keys that count than there are.
        if at < self.keys.len() {
            self.last.truncate(at);
            self.last.push((path.to_owned(), key));
            self.next += 1;
        }
        Some(key)
    }
}

/// `a.b[0].c`: `a`, `a.b`, `a.b[0]`.
fn beginnings(path: &str) -> Vec<String> {
    let ends = path.char_indices().filter(|(_, character)| matches!(character, '.' | '['));
    ends.map(|(at, _)| path[..at].to_owned()).collect()
}
