//! Objects that are written like one before, into events in one go: the same keys in the same order, with the
//! same spaces. Nearly all objects of a file are. All others are for `JsonFill`, which takes every form and
//! says what is wrong.

use std::sync::Arc;

use slipring_schema::quick::{QuickField, Stops, plain_json};
use slipring_schema::{Column, Table};

use super::fill::time_column;
use super::json::JsonFill;
use super::json_keys::Key;
use super::json_object::Pairs;
use super::lines::line_end;
use crate::formats::source::Row;

/// A string that is as it is written: without escapes.
const IN_QUOTES: Stops = Stops::new(b'"', b'\\');

/// So many objects are written otherwise before the next is learned from.
const PATIENCE: u32 = 64;

/// From a longer object nothing is learned: what is known of one takes many times its bytes.
const MOST_BYTES: usize = 64 << 10;

/// How the objects of a file are read where they lie.
#[derive(Debug)]
pub(super) struct QuickObjects {
    table: Arc<Table>,
    /// Of each column; none at all if an event's variant says which it has.
    fields: Option<Vec<QuickField>>,
    shape: Option<Shape>,
    /// Objects until the next is learned from.
    patience: u32,
}

/// How objects are written.
#[derive(Debug)]
struct Shape {
    parts: Vec<Part>,
    /// What follows the last value.
    end: Box<[u8]>,
    /// A value says the journal time.
    has_time: bool,
    /// An event of which only the values are missing.
    template: Vec<u8>,
}

/// A value, and what is written before it.
#[derive(Debug)]
struct Part {
    before: Box<[u8]>,
    is_quoted: bool,
    value: Value,
}

#[derive(Debug)]
enum Value {
    Field(QuickField),
    Time(QuickField),
    PassedOver,
}

impl QuickObjects {
    pub fn new(table: &Arc<Table>) -> Self {
        let has_variants = table.columns.iter().any(Column::is_variant);
        let fields = table.columns.iter().map(slipring_schema::Column::quick).collect();
        let fields = if has_variants { None } else { fields };
        QuickObjects { table: Arc::clone(table), fields, shape: None, patience: 0 }
    }

    /// Takes a line that was an event for what others look like.
    pub fn learn(&mut self, line: &str, fill: &JsonFill) {
        if self.patience > 0 {
            self.patience -= 1;
            return;
        }
        self.patience = PATIENCE;
        let fields = self.fields.as_ref().filter(|_| line.len() <= MOST_BYTES);
        if let Some(shape) = fields.and_then(|fields| Shape::of(line, fill, fields)) {
            self.shape = Some(shape);
        }
    }

    /// Makes an event of the line that `text` begins with, and gives the line's bytes, its end too. `None`,
    /// and `row` may hold anything, if it is written otherwise, malformed, or not whole.
    #[inline]
    pub fn take(&self, text: &[u8], row: &mut Row) -> Option<usize> {
        let shape = self.shape.as_ref()?;
        row.begin(&shape.template);
        let mut at = 0;
        for part in &shape.parts {
            at = behind(text, at, &part.before)?;
            at = part.take(text, at, row)?;
        }
        at = behind(text, at, &shape.end)?;
        at += line_end(&text[at..])?;
        if !shape.has_time {
            row.take_time(&self.table).ok()?;
        }
        Some(at)
    }
}

/// Behind `wanted`, if that is what lies at `at`.
#[inline(always)]
fn behind(text: &[u8], at: usize, wanted: &[u8]) -> Option<usize> {
    text[at..].starts_with(wanted).then_some(at + wanted.len())
}

impl Part {
    /// Takes the value that begins at `at`, and gives where it ends.
    #[inline(always)]
    fn take(&self, text: &[u8], at: usize, row: &mut Row) -> Option<usize> {
        match &self.value {
            Value::Field(field) => self.take_field(field, text, at, &mut row.event),
            Value::Time(time) => {
                let mut bytes = [0; 8];
                let end = self.take_field(time, text, at, &mut bytes)?;
                row.time_ns = Some(u64::from_le_bytes(bytes));
                Some(end)
            }
            Value::PassedOver if self.is_quoted => IN_QUOTES.text_of(text, at).map(|text| at + text.len()),
            Value::PassedOver => plain_json(text, at),
        }
    }

    #[inline(always)]
    fn take_field(&self, field: &QuickField, text: &[u8], at: usize, event: &mut [u8]) -> Option<usize> {
        match self.is_quoted {
            true => field.take_given(text, at, &IN_QUOTES, event),
            false => field.take_json(text, at, event),
        }
    }
}

impl Shape {
    /// How the objects are written of which a line is one; `None` if it has more than plain values.
    fn of(line: &str, fill: &JsonFill, fields: &[QuickField]) -> Option<Self> {
        let pairs: Pairs<'_> = serde_json::from_str(line).ok()?;
        let (mut parts, mut at) = (Vec::new(), 0);
        let (mut seen, mut is_export, mut has_time) = (vec![false; fields.len()], false, false);
        for (key, raw) in &pairs.0 {
            let (start, raw) = (raw.get().as_ptr() as usize - line.as_ptr() as usize, raw.get());
            let is_quoted = raw.starts_with('"');
            if !is_quoted && plain_json(raw.as_bytes(), 0) != Some(raw.len()) {
                return None;
            }
            let found = fill.keys.at_top(key, is_export);
            is_export |= found == Some(Key::Sequence);
            let value = match found {
                Some(Key::Column(_)) if raw == "null" => return None,
                Some(Key::Column(index)) => {
                    seen[index] = true;
                    Value::Field(fields[index].clone())
                }
                Some(Key::Time) => {
                    has_time = true;
                    Value::Time(time_column().quick()?)
                }
                Some(Key::Sequence | Key::PassedOver) => Value::PassedOver,
                None if !fill.keys.is_beginning(key) => Value::PassedOver,
                Some(Key::Void) | None => return None,
            };
            let quote = usize::from(is_quoted);
            let before = line.as_bytes()[at..start + quote].into();
            parts.push(Part { before, is_quoted, value });
            at = start + raw.len() - quote;
        }
        let mut template = vec![0; fill.table().event_bytes];
        let columns = &fill.table().columns;
        for (column, _) in columns.iter().zip(&seen).filter(|(_, seen)| !**seen) {
            column.parse_none(&mut template).ok()?;
        }
        Some(Shape { parts, end: line.as_bytes()[at..].into(), has_time, template })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use slipring_journal::Schema;
    use slipring_schema::ParseOptions;

    use super::*;

    const SCHEMA: &str = "Order 40\tts\nts u64 0 8\ttime=ns\nprice i64 8 8\tdecimal=2\nqty i32 16 4\tdefault=7\n\
                          side u8 20 1\tenum=buy:1,sell:2\nname [u8;11] 21 11\ttext\nrate f64 32 8\tdefault=0.5\n";

    fn table() -> Arc<Table> {
        Arc::new(Table::new(&Schema::from_text(SCHEMA).expect("a schema")))
    }

    fn fill() -> JsonFill {
        JsonFill::new(table(), ParseOptions::default())
    }

    /// The event of a line as it is made of any line.
    fn closely(line: &str) -> Option<Row> {
        let (mut fill, mut row) = (fill(), Row::new(&table()));
        fill.begin(&mut row);
        fill.object(line, &mut row).ok()?;
        fill.end(&mut row).ok()?;
        Some(row)
    }

    /// Whether the second line is taken by who has learned from the first; it must be the event that it is.
    fn same(learned: &str, line: &str) -> Result<bool, TestCaseError> {
        let (table, mut row) = (table(), Row::new(&table()));
        let mut quick = QuickObjects::new(&table);
        quick.learn(learned, &fill());
        let Some(bytes) = quick.take(line.as_bytes(), &mut row) else { return Ok(false) };
        let (line, behind) = line.split_at(bytes);
        prop_assert!(line.ends_with('\n') && !line[..bytes - 1].contains('\n'), "{:?}, {:?}", line, behind);
        let Some(wanted) = closely(line.trim_ascii_end()) else {
            return Err(TestCaseError::fail(format!("{line:?} is no event")));
        };
        prop_assert_eq!((&row.event, row.time_ns), (&wanted.event, wanted.time_ns), "{:?}", line);
        prop_assert_eq!((row.is_void, row.parsed), (wanted.is_void, wanted.parsed), "{:?}", line);
        Ok(true)
    }

    const LEARNED: [&str; 4] = [
        r#"{"ts":5,"price":1.5,"side":"buy","name":"A","rate":1}"#,
        r#" { "name" : "A", "x" : -5, "side":1, "ts":"1970-01-01T00:00:00Z" , "price":"7" , "y":"z" }"#,
        r#"{"_sequence":9,"_time":3,"_epoch":1,"ts":5,"price":1,"qty":2,"side":"buy","name":"","rate":1.5}"#,
        r#"{"rate":0.25,"name":"é","qty":-3,"price":0,"side":"sell","ts":1}"#,
    ];

    fn values() -> impl Strategy<Value = String> {
        let bare =
            "-?[0-9]{1,3}|-?[0-9]{0,2}\\.?[0-9]{1,2}(e[0-9])?|buy|1st|true|null|1970-01-01T00:00:00Z|01";
        let quoted = "\"(-?[0-9]{1,4}|buy|sell|[A-Zé世]{0,12}|1970-01-01T00:00:00Z|a\\\\n|\t|\\.5)\"";
        prop_oneof![bare, quoted]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2048))]

        /// Each value of an object that was learned from replaced by another, sensible or not.
        #[test]
        fn an_object_that_is_taken_is_the_event_that_it_would_be(
            which in 0..LEARNED.len(), at in 0usize..9, value in values(), end in "\n|\r\n| \n|",
        ) {
            let pairs: Pairs<'_> = serde_json::from_str(LEARNED[which]).unwrap();
            let old = pairs.0[at % pairs.0.len()].1.get();
            let start = old.as_ptr() as usize - LEARNED[which].as_ptr() as usize;
            let (before, behind) = (&LEARNED[which][..start], &LEARNED[which][start + old.len()..]);
            same(LEARNED[which], &format!("{before}{value}{behind}{end}{{"))?;
        }
    }

    #[test]
    fn objects_like_the_one_before_are_taken_and_others_are_left() {
        for learned in LEARNED {
            for (line, is_taken) in [
                (format!("{learned}\n"), true),
                (format!("{learned}\r\n{{}}"), true),
                (learned.to_owned(), false),
                (format!("{learned} \n"), false),
                (format!("{learned},\n"), false),
                (format!(" {learned}\n"), false),
            ] {
                assert_eq!(same(learned, &line).unwrap(), is_taken, "{learned}: {line:?}");
            }
        }
    }

    #[test]
    fn nothing_is_learned_from_what_has_more_than_plain_values() {
        for learned in [
            r#"{"ts":5,"price":1.5,"side":"buy","name":"A","x":[1]}"#,
            r#"{"ts":5,"price":1.5,"side":"buy","name":"A","x":{}}"#,
            r#"{"ts":5,"price":1.5,"side":"buy","name":"A","qty":null}"#,
            r#"{"ts":5,"price":1.5,"side":"buy","name":"A","_void":false}"#,
        ] {
            closely(learned).expect("it is an event");
            assert!(!same(learned, &format!("{learned}\n")).unwrap(), "{learned}");
        }
    }

    #[test]
    fn it_learns_anew_when_objects_have_changed() {
        let (mut quick, fill, mut row) = (QuickObjects::new(&table()), fill(), Row::new(&table()));
        quick.learn(LEARNED[0], &fill);
        let line = format!("{}\n", LEARNED[3]);
        let tries = (0..1000).take_while(|_| {
            let is_taken = quick.take(line.as_bytes(), &mut row).is_some();
            quick.learn(LEARNED[3], &fill);
            !is_taken
        });
        assert!((1..1000).contains(&tries.count()));
    }
}
