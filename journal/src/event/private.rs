//! What the code written by `#[derive(Event)]` calls. Public only because that code stands in the user's
//! crate; no promise of stability. It keeps the generated code small, and the rule for naming fields in one
//! place.

use super::attributes::MEANINGS;
pub use super::identified::{IdField, Identified};
pub use super::integer::Integer;
pub use super::number::Number;
pub use super::upgrade::Upcasts;
pub use super::{Difference, Event, Field, Schema, UnknownTag, Upcast, Upgrade};
pub use bytemuck;

/// All that keeps a schema from becoming a type.
pub type Differences = Vec<Difference>;

/// What a field of an event may be: a number, an array of what may be a field, or another event.
///
/// # Safety
/// [`FieldType::fields`] covers every byte of `Self` exactly once (but for one-of events, as [`Event`] says).
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be a field of an event",
    label = "not a number, not an array of numbers or events, not an event",
    note = "fields are `u8`..`u128`, `i8`..`i128`, `f32`, `f64`, arrays of what may be a field, and structs \
        with `#[derive(Event)]`",
    note = "a plain enum: keep its number in the event (`side: u8`) and convert where you read it; any byte \
        may come back from a file",
    note = "an enum with `#[derive(Event)]`: use the companion that the derive wrote, its name with `Event` \
        appended",
    note = "a time or a duration: keep nanoseconds as `u64`"
)]
pub unsafe trait FieldType: bytemuck::Pod {
    /// What number it is, or an array of.
    const NUMBER: Number;

    /// The flattened fields; a number is one field without a name at offset 0.
    fn fields() -> Vec<Field>;
}

macro_rules! numbers {
    ($($number:ident)*) => {$(
        // SAFETY: a number is one field of its own size.
        unsafe impl FieldType for $number {
            const NUMBER: Number = Number::of(stringify!($number));

            fn fields() -> Vec<Field> {
                let kind = stringify!($number).to_owned();
                vec![Field { name: String::new(), kind, offset: 0, size: size_of::<$number>(), attributes: Vec::new() }]
            }
        }
    )*};
}

numbers!(u8 u16 u32 u64 u128 i8 i16 i32 i64 i128 f32 f64);

// SAFETY: an array without padding is its elements one behind the other, each covered by its own fields.
unsafe impl<T: FieldType, const N: usize> FieldType for [T; N] {
    const NUMBER: Number = T::NUMBER.array();

    fn fields() -> Vec<Field> {
        let element = T::fields();
        // An array of numbers (or of arrays of numbers) stays one field.
        if let [only] = element.as_slice()
            && only.name.is_empty()
        {
            // Rust writes `[[u8; 4]; 2]` for two arrays of four, and so does the schema.
            let kind = format!("[{};{N}]", only.kind);
            return vec![Field {
                name: String::new(),
                kind,
                offset: 0,
                size: size_of::<Self>(),
                attributes: only.attributes.clone(),
            }];
        }
        let mut fields = Vec::with_capacity(N * element.len());
        for index in 0..N {
            add(&mut fields, &format!("[{index}]"), index * size_of::<T>(), &element);
        }
        fields
    }
}

// SAFETY: the contract of `Event::schema` is the contract of `fields`.
unsafe impl<T: Event> FieldType for T {
    const NUMBER: Number = T::NUMBER;

    fn fields() -> Vec<Field> {
        let mut fields = T::schema().fields;
        // A newtype such as `struct Price(i64)` reads as what it wraps: `px`, not `px.0`.
        if let [only] = fields.as_mut_slice()
            && only.name == "0"
        {
            only.name.clear();
        }
        fields
    }
}

/// Appends `inner` under the name `outer`, moved by `offset`.
fn add(fields: &mut Vec<Field>, outer: &str, offset: usize, inner: &[Field]) {
    for field in inner {
        let joint = if field.name.is_empty() || field.name.starts_with('[') { "" } else { "." };
        fields.push(Field {
            name: format!("{outer}{joint}{}", field.name),
            kind: field.kind.clone(),
            offset: offset + field.offset,
            size: field.size,
            attributes: field.attributes.clone(),
        });
    }
}

/// Collects the [`Schema`] of one event.
#[derive(Debug)]
pub struct SchemaBuilder {
    schema: Schema,
    /// The first of the fields that were added last.
    last: usize,
}

impl SchemaBuilder {
    /// The schema of the event type `E`, without fields as yet.
    pub fn new<E>(name: &str) -> Self {
        let (name, size) = (name.to_owned(), size_of::<E>());
        Self { schema: Schema { name, size, fields: Vec::new(), attributes: Vec::new() }, last: 0 }
    }

    /// Adds a field, flattened if it is an event itself.
    pub fn field<T: FieldType>(mut self, name: &str, offset: usize) -> Self {
        self.last = self.schema.fields.len();
        add(&mut self.schema.fields, name, offset, &T::fields());
        self
    }

    /// Says which version of the type it is.
    pub fn version(mut self, version: u32) -> Self {
        self.schema.attributes.push(("version".to_owned(), version.to_string()));
        self
    }

    /// Says what the type was called before, in one list.
    pub fn was_type(mut self, names: &str) -> Self {
        self.schema.attributes.push(("was".to_owned(), names.to_owned()));
        self
    }

    /// Says what was added last was called before, in one list. The fields of a struct say how far above them
    /// the name stands.
    pub fn was(mut self, names: &str) -> Self {
        let Some(outer) = self.schema.fields.get(self.last).map(|field| field.name.clone()) else {
            return self;
        };
        let outer = &outer[..outer.find(['.', '[']).unwrap_or(outer.len())];
        for field in &mut self.schema.fields[self.last..] {
            let levels = field.name[outer.len()..].matches(['.', '/']).count();
            let name = if levels == 0 { "was".to_owned() } else { format!("was.{levels}") };
            say(field, name, names.to_owned());
        }
        self
    }

    /// Says in which version what was added last came to the type.
    pub fn since(mut self, version: u32) -> Self {
        for field in &mut self.schema.fields[self.last..] {
            say(field, "since".to_owned(), version.to_string());
        }
        self
    }

    /// Adds a variant of a one-of event by its tag.
    pub fn variant(mut self, name: &str, tag: u32) -> Self {
        self.last = self.schema.fields.len();
        let kind = format!("u32={tag}");
        let (name, size) = (name.to_owned(), size_of::<u32>());
        self.schema.fields.push(Field { name, kind, offset: 0, size, attributes: Vec::new() });
        self
    }

    /// Adds what the variant `name` of a one-of event holds.
    pub fn payload<T: FieldType>(mut self, name: &str, offset: usize) -> Self {
        self.last = self.schema.fields.len();
        for field in T::fields() {
            // A number that stands in the variant by itself has no name; its place is its name.
            let own = if field.name.is_empty() || field.name.starts_with('[') { "0" } else { "" };
            let name = format!("{name}/{own}{}", field.name);
            self.schema.fields.push(Field { name, offset: offset + field.offset, ..field });
        }
        self
    }

    /// Gives attributes to what was added last. What a newtype says of its number stays, but for what is said
    /// here.
    pub fn attributes(mut self, attributes: &[(&str, &str)]) -> Self {
        let is_meaning = |name: &str| MEANINGS.contains(&name);
        let replaced =
            |old: &str| attributes.iter().any(|(new, _)| *new == old || (is_meaning(new) && is_meaning(old)));
        for field in &mut self.schema.fields[self.last..] {
            field.attributes.retain(|(name, _)| !replaced(name));
            let new = attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            field.attributes.extend(new);
            field.attributes.sort_by_key(|(name, _)| rank(name));
        }
        self
    }

    /// Says which field is the journal time: by its name, in a one-of event by `Variant.field` or the name
    /// that several variants have.
    pub fn time(mut self, name: &str) -> Self {
        let is = |field: &&Field| field.name.replace('/', ".") == name;
        let found = self.schema.fields.iter().find(is).map_or(name, |field| field.name.as_str()).to_owned();
        self.schema.attributes.push(("time".to_owned(), found));
        self
    }

    /// The schema.
    pub fn build(self) -> Schema {
        self.schema
    }
}

const RANKS: [&str; 6] = ["input", "unit", "source", "default", "since", "was"];

/// Gives a field an attribute, in place of one of that name.
fn say(field: &mut Field, name: String, value: String) {
    field.attributes.retain(|(said, _)| *said != name);
    field.attributes.push((name, value));
    field.attributes.sort_by_key(|(name, _)| rank(name));
}

/// In which order a field's attributes stand.
fn rank(name: &str) -> usize {
    match RANKS.iter().position(|rank| *rank == name) {
        Some(rank) => rank + 1,
        None if MEANINGS.contains(&name) => 0,
        None => RANKS.len() + 1,
    }
}

/// Stops the compilation when `gap_bytes` is not 0; the number goes between the parts of the message.
#[track_caller]
pub const fn refuse_padding(gap_bytes: usize, message: &[&str]) {
    if gap_bytes == 0 {
        return;
    }
    let mut text = [0u8; 1024];
    let mut length = 0;
    let mut index = 0;
    while index < message.len() {
        if index > 0 {
            if gap_bytes >= 10 {
                length = append(&mut text, length, &[b'0' + (gap_bytes / 10 % 10) as u8]);
            }
            length = append(&mut text, length, &[b'0' + (gap_bytes % 10) as u8]);
        }
        length = append(&mut text, length, message[index].as_bytes());
        index += 1;
    }
    match std::str::from_utf8(text.split_at(length).0) {
        Ok(text) => panic!("{}", text),
        Err(_) => panic!("this event has padding, which would be journalled as garbage"),
    }
}

/// Copies as much of `more` behind `text[..length]` as has room; returns the new length.
const fn append(text: &mut [u8], mut length: usize, more: &[u8]) -> usize {
    let mut index = 0;
    while index < more.len() && length < text.len() {
        text[length] = more[index];
        length += 1;
        index += 1;
    }
    length
}

/// `offset_bytes` rounded up to a multiple of `align_bytes`.
pub const fn round_up(offset_bytes: usize, align_bytes: usize) -> usize {
    offset_bytes.div_ceil(align_bytes) * align_bytes
}

/// The greatest of `values`; 0 if there are none.
pub const fn greatest(values: &[usize]) -> usize {
    let mut greatest = 0;
    let mut index = 0;
    while index < values.len() {
        if values[index] > greatest {
            greatest = values[index];
        }
        index += 1;
    }
    greatest
}
