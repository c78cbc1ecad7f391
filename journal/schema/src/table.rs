//! An event type as columns.

use slipring_journal::{Field, Schema};

use crate::kind::{EnumNames, Kind, TimeUnit};
use crate::value::Value;

/// The name of the column with a record's sequence. Names that begin with `_` are no fields' names.
pub const SEQUENCE: &str = "_sequence";
/// The name of the column with a record's journal time.
pub const TIME: &str = "_time";
/// The name of the column with the epoch of a record's writer.
pub const EPOCH: &str = "_epoch";
/// The name of the column with the variant of a one-of event.
pub const VARIANT: &str = "_variant";

/// An event type as columns: those fields of its schema that people see, in the order of the schema.
///
/// See the example of the crate.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Table {
    /// The type's name.
    pub name: String,
    /// Size of an event in bytes.
    pub event_bytes: usize,
    /// The columns.
    pub columns: Vec<Column>,
    /// The variants of a one-of event.
    pub variants: Vec<Variant>,
    /// The columns whose value is the journal time, by their places in `columns`: one, or of a one-of event
    /// one of each variant that has it.
    pub times: Vec<usize>,
}

/// One column: a field, what its bytes are, and in which events it is there.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Column {
    /// The field's path with dots: `leg.px`, `legs[0].px`, `Add.price`; `_variant` for a variant's tag.
    pub path: String,
    /// Its name in files that are read, where it is not the path.
    pub source: Option<String>,
    /// What its bytes are.
    pub kind: Kind,
    /// Bytes from the start of the event.
    pub offset: usize,
    /// What people count it in.
    pub unit: Option<String>,
    /// The text that is taken where an input has no value.
    pub default: Option<String>,
    /// The tags that an event must have to have this column, with their offsets.
    pub(crate) when: Vec<(usize, u32)>,
}

/// A variant of a one-of event.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Variant {
    /// Its path with dots.
    pub path: String,
    /// The tag that an event of it has.
    pub tag: u32,
    /// Where the tag lies.
    pub offset: usize,
    /// The name in the schema, with slashes.
    name: String,
    when: Vec<(usize, u32)>,
}

impl Table {
    /// The columns of a schema. A schema is a file's word: what it says wrongly is shown as bytes or not at
    /// all.
    pub fn new(schema: &Schema) -> Self {
        let variants = variants(schema);
        let columns: Vec<Column> = schema
            .fields
            .iter()
            .filter(|field| !field.kind.contains('=') && !is_padding(&field.name))
            .filter_map(|field| column(field, &variants))
            .collect();
        let wanted = schema.attribute("time").map(dotted);
        let is_time = |column: &Column| {
            let within = column.within_variant(&variants);
            let path = wanted.as_deref();
            (Some(column.path.as_str()) == path || within == path) && matches!(column.kind, Kind::Time { .. })
        };
        let times = (0..columns.len()).filter(|at| wanted.is_some() && is_time(&columns[*at])).collect();
        Table { name: schema.name.clone(), event_bytes: schema.size, columns, variants, times }
    }

    /// The column of a path, by its place.
    pub fn find(&self, path: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.path == path)
    }

    /// From which of an input's columns each column is read, by their names. An input that names the fields
    /// by their own paths, as an export does, is read by those; any other by the names that the schema says
    /// files have, then by the paths. No name is taken twice.
    pub fn places<N: AsRef<str>>(&self, names: &[N]) -> Vec<Option<usize>> {
        let at = |name: &str| names.iter().position(|there| there.as_ref() == name);
        let by_path: Vec<Option<usize>> = self.columns.iter().map(|column| at(&column.path)).collect();
        if at(SEQUENCE).is_some() || by_path.iter().all(Option::is_some) {
            return by_path;
        }
        let by_source: Vec<Option<usize>> =
            self.columns.iter().map(|column| column.source.as_deref().and_then(at)).collect();
        let free = |place: &usize| !by_source.contains(&Some(*place));
        by_source.iter().zip(by_path).map(|(source, path)| source.or(path.filter(free))).collect()
    }

    /// What differs, if events mean something else by this table than by `other`, though they have the same
    /// fields: a decimal's scale, a time's unit, an enum's names.
    pub fn differs_from(&self, other: &Table) -> Option<String> {
        let kind_of = |kind: &Kind| match kind {
            // What bare numbers of an input count changes nothing of what is there.
            Kind::Time { storage, unit, .. } => Kind::Time { storage: *storage, unit: *unit, input: *unit },
            kind => kind.clone(),
        };
        let differs = |(one, other): &(&Column, &Column)| {
            one.path != other.path || kind_of(&one.kind) != kind_of(&other.kind)
        };
        if let Some((column, _)) = self.columns.iter().zip(&other.columns).find(differs) {
            return Some(column.path.clone());
        }
        let time = |table: &Table| {
            table.times.first().map_or("the clock", |at| table.columns[*at].path.as_str()).to_owned()
        };
        (self.times != other.times).then(|| time(self))
    }

    /// The column that is the journal time of this event; `None` if the event says none.
    #[inline]
    pub fn time_column(&self, event: &[u8]) -> Option<&Column> {
        self.times.iter().map(|at| &self.columns[*at]).find(|column| column.is_in(event))
    }

    /// The journal time that an event says itself, in nanoseconds; `None` if it says none, or one that no
    /// journal holds.
    #[inline]
    pub fn time_ns(&self, event: &[u8]) -> Option<u64> {
        // What nearly all of them are.
        if let [at] = self.times[..]
            && let Column {
                kind: Kind::Time { storage, unit: TimeUnit::Nanoseconds, .. }, when, offset, ..
            } = &self.columns[at]
            && let (8, true) = (storage.bytes, when.is_empty())
        {
            let bytes = event.get(*offset..)?.first_chunk()?;
            return match storage.signed {
                true => u64::try_from(i64::from_le_bytes(*bytes)).ok(),
                false => Some(u64::from_le_bytes(*bytes)),
            };
        }
        let nanos = self.time_column(event)?.value(event).nanos()?;
        u64::try_from(nanos).ok()
    }
}

impl Column {
    /// What it holds in an event, of which there must be as many bytes as the schema says.
    #[inline]
    pub fn value<'a>(&'a self, event: &'a [u8]) -> Value<'a> {
        if !self.is_in(event) {
            return Value::Null;
        }
        self.bytes_in(event).map_or(Value::Null, |bytes| self.kind.read(bytes))
    }

    /// Whether the event has it: whether it is of the variant.
    #[inline]
    pub fn is_in(&self, event: &[u8]) -> bool {
        self.when.iter().all(|(offset, tag)| tag_at(event, *offset) == Some(*tag))
    }

    /// Whether events can be without it.
    pub fn is_of_a_variant(&self) -> bool {
        !self.when.is_empty()
    }

    /// Whether it says which variant an event is of.
    pub fn is_variant(&self) -> bool {
        matches!(self.kind, Kind::Enum { .. }) && last_part(&self.path) == VARIANT
    }

    /// Its bytes in an event, whatever its variant.
    #[inline]
    pub fn bytes_in<'a>(&self, event: &'a [u8]) -> Option<&'a [u8]> {
        event.get(self.offset..)?.get(..self.kind.bytes())
    }

    /// Its path within the variant that it is of; `None` if it is of none.
    fn within_variant(&self, variants: &[Variant]) -> Option<&str> {
        let (offset, tag) = self.when.last()?;
        let variant = variants.iter().find(|variant| (variant.offset, variant.tag) == (*offset, *tag))?;
        self.path.strip_prefix(&variant.path)?.strip_prefix('.')
    }

    /// Its name in files that are read.
    pub fn source(&self) -> &str {
        self.source.as_deref().unwrap_or(&self.path)
    }
}

fn tag_at(event: &[u8], offset: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*event.get(offset..)?.first_chunk()?))
}

/// A schema's name as people see it.
fn dotted(name: &str) -> String {
    name.replace('/', ".")
}

fn is_padding(name: &str) -> bool {
    name.split(['.', '/']).any(|part| part.starts_with('_'))
}

/// A line `Variant u32=7` of the schema: the event holds this variant if the tag there is 7. Of several with
/// one tag the first counts.
fn variants(schema: &Schema) -> Vec<Variant> {
    let mut variants: Vec<Variant> = Vec::new();
    for field in &schema.fields {
        let Some(tag) = field.kind.strip_prefix("u32=").and_then(|tag| tag.parse().ok()) else { continue };
        if variants.iter().any(|known| known.offset == field.offset && known.tag == tag) {
            continue;
        }
        let Some(when) = conditions(&field.name, &variants) else { continue };
        let (name, path) = (field.name.clone(), dotted(&field.name));
        variants.push(Variant { path, tag, offset: field.offset, name, when });
    }
    variants
}

/// Which tags an event must have to have the field of that name; `None` if no variant is known that holds it.
fn conditions(name: &str, variants: &[Variant]) -> Option<Vec<(usize, u32)>> {
    let Some((of, _)) = name.rsplit_once('/') else { return Some(Vec::new()) };
    let variant = variants.iter().find(|variant| variant.name == of)?;
    let mut when = variant.when.clone();
    when.push((variant.offset, variant.tag));
    Some(when)
}

fn column(field: &Field, variants: &[Variant]) -> Option<Column> {
    let when = conditions(&field.name, variants)?;
    let (mut kind, mut path) = (Kind::of(field), dotted(&field.name));
    // The field that all tags at this place are values of.
    let tags = variants.iter().filter(|variant| variant.offset == field.offset && variant.when == when);
    let names: Vec<(i128, String)> =
        tags.map(|variant| (i128::from(variant.tag), last_part(&variant.path).to_owned())).collect();
    if let (Kind::Integer(storage), false) = (&kind, names.is_empty())
        && storage.name() == "u32"
    {
        kind = Kind::Enum { storage: *storage, names: EnumNames::new(names) };
        path = format!("{}{VARIANT}", &path[..path.len() - last_part(&path).len()]);
    }
    let owned = |name: &str| field.attribute(name).map(str::to_owned);
    let (source, unit, default) = (owned("source"), owned("unit"), owned("default"));
    Some(Column { path, source, kind, offset: field.offset, unit, default, when })
}

fn last_part(path: &str) -> &str {
    path.rsplit_once('.').map_or(path, |(_, last)| last)
}
