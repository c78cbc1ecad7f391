//! What may be journalled: a plain-old-data value with a [`Schema`] that travels in every segment header; and
//! a record, which is an event with its time and its place. How an event of an older type becomes one of a
//! newer one: derived from both schemas (`mapping`), or as its author says (`upgrade`).
//!
//! The folder knows the bytes of a record's header, and no file.

use std::fmt;

use crate::format::MAX_RECORD_BYTES;

mod attributes;
mod difference;
pub(crate) mod identified;
mod integer;
mod mapping;
mod number;
#[doc(hidden)]
pub mod private;
pub(crate) mod record;
pub(crate) mod shown;
pub(crate) mod untyped;
pub(crate) mod upgrade;

pub use difference::{Difference, DifferenceTable};
pub(crate) use mapping::Recount;
pub use mapping::{Change, Mapping};
pub use upgrade::{Upcast, Upgrade};

/// A value that slipring can publish, journal and replay: plain old data, no padding, no pointers.
///
/// Derive it (`#[derive(Event)]`); the derive checks what it can at compile time and says what to change. The
/// derive also writes the [`Schema`], which goes into the header of every segment, so that a journal is
/// refused when the type no longer matches and another language can read the records.
///
/// A ring that carries several message types derives it on an enum (a one-of event): what is published and
/// journalled is then the companion that the derive writes, `MessageEvent` for an enum `Message`.
///
/// ```
/// use slipring_journal::Event;
///
/// #[derive(Clone, Copy, Debug, PartialEq, Event)]
/// #[repr(C)]
/// struct Add { order: u64, price: i64 }
///
/// #[derive(Clone, Copy, Debug, PartialEq, Event)]
/// #[repr(u32)]
/// enum Message { Add(Add) = 1, Heartbeat = 2 }
///
/// let message = Message::Add(Add { order: 7, price: 5_853_300 });
/// let event = MessageEvent::from(message);
/// assert_eq!(Message::try_from(event)?, message);
/// assert_eq!(Add::schema().fields[1].name, "price");
/// # Ok::<(), slipring_journal::UnknownTag>(())
/// ```
///
/// What a number means, `#[event(..)]` on its field says: that it is a time, a decimal, text, a number with
/// names. The command shows it so, and files and databases get it so. It is no part of the layout, and may be
/// changed while there are journals. The page of the derive macro has the list.
///
/// ```
/// use slipring_journal::Event;
///
/// #[derive(Clone, Copy, Debug, Event)]
/// #[event(time = "ts")]
/// #[repr(C)]
/// struct Order {
///     #[event(time)]
///     ts: u64,
///     #[event(decimal = 2, unit = "USD")]
///     price: i64,
///     #[event(text)]
///     symbol: [u8; 7],
///     #[event(names(buy = 1, sell = 2))]
///     side: u8,
/// }
///
/// let schema = Order::schema();
/// assert_eq!(schema.attribute("time"), Some("ts"));
/// assert_eq!(schema.fields[1].attribute("decimal"), Some("2"));
/// ```
///
/// More: [change an event](https://github.com/slipring/slipring/blob/main/docs/how-to/change-an-event.md).
///
/// # Safety
/// [`Event::schema`] must describe the layout of `Self` truly: every byte of the value belongs to exactly one
/// field, at the offset and with the size given (variants of a one-of event may overlap each other, and the
/// zeros with which a variant is filled up belong to no field).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event",
    label = "slipring can't publish or journal this type",
    note = "an event is plain old data: `#[derive(Clone, Copy, Event)] #[repr(C)] struct ..`",
    note = "if this is an enum with `#[derive(Event)]`, use the companion that the derive wrote: its name \
        with `Event` appended"
)]
pub unsafe trait Event: bytemuck::Pod + Send + Sync + 'static {
    /// Name, size and fields of the type, as written into segment headers.
    fn schema() -> Schema;

    /// The number that a newtype holds, for checks while compiling.
    #[doc(hidden)]
    const NUMBER: private::Number = private::Number::NONE;

    /// Only of the crate's own stand-in for events of whatever type.
    #[doc(hidden)]
    const IS_UNTYPED: bool = false;

    /// The version of the type; 0 where the derive was told none.
    #[doc(hidden)]
    const VERSION: u32 = 0;

    /// How events that `found` describes become events of this type; what keeps them from it, if they can't.
    #[doc(hidden)]
    fn upgrade_from(found: &Schema) -> Result<Upgrade, Vec<Difference>> {
        Upgrade::between(found, &Self::schema())
    }

    /// What keeps events of this layout, of which `found` says other things, from being taken as they are.
    #[doc(hidden)]
    fn check_alike(_found: &Schema) -> Result<(), Vec<Difference>> {
        Ok(())
    }
}

/// The layout of an event type: what a segment header says of its records.
///
/// See the example of [`Event`](trait@Event).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    /// The type's name, without its path.
    pub name: String,
    /// Size of one event in bytes, without the record header.
    pub size: usize,
    /// The fields in the order of their offsets; nested events are flattened to `outer.inner`.
    pub fields: Vec<Field>,
    /// What is said of the event beyond its layout: names and values, in order.
    pub attributes: Vec<(String, String)>,
}

/// One field of a [`Schema`].
///
/// See the example of [`Event`](trait@Event).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The field's name; dots for nested events (`leg.px`, in an array `legs[0].px`), `Variant/field` inside
    /// a one-of event.
    pub name: String,
    /// The field's type: a number type of Rust (`u8` .. `u128`, `i8` .. `i128`, `f32`, `f64`) or an array of
    /// one, written `[u8;16]`; arrays nest. A line `Variant u32=7` of a one-of event covers no bytes of its
    /// own: it says that the event holds this variant when the tag at that offset is 7.
    pub kind: String,
    /// Bytes from the start of the event.
    pub offset: usize,
    /// Size in bytes.
    pub size: usize,
    /// What is said of the field beyond its layout, that it is text say: names and values, in order.
    pub attributes: Vec<(String, String)>,
}

/// A one-of event whose tag belongs to none of its variants.
///
/// See the example of [`Event`](trait@Event).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{type_name}` has no variant with tag {tag}: a newer program may have written this event, or it was \
     never filled in; add the variant (`= {tag}`) or pass the event by"
)]
pub struct UnknownTag {
    /// The enum on which `#[derive(Event)]` stands.
    pub type_name: &'static str,
    /// The tag that was found.
    pub tag: u32,
}

impl Schema {
    /// The text that a segment header carries: the name and size on the first line, then a field a line as
    /// `name kind offset size`; on each line its attributes behind tabs.
    pub fn to_text(&self) -> String {
        self.to_string()
    }

    /// Reads back what [`Schema::to_text`] wrote; `None` if it is no schema, or one of no possible event:
    /// with a field that lies outside the event, or with fields that lie over each other, though not in
    /// different variants.
    pub fn from_text(text: &str) -> Option<Self> {
        let mut lines = text.lines().map(|line| line.split_once('\t').unwrap_or((line, "")));
        let (first, rest) = lines.next()?;
        let (name, size) = first.rsplit_once(' ')?;
        let attributes = attributes::read(rest);
        let mut schema =
            Schema { name: name.to_owned(), size: size.parse().ok()?, fields: Vec::new(), attributes };
        for (line, rest) in lines {
            let mut words = line.rsplitn(4, ' ');
            let size = words.next()?.parse().ok()?;
            let offset = words.next()?.parse().ok()?;
            let kind = words.next()?.to_owned();
            let name = words.next()?.to_owned();
            schema.fields.push(Field { name, kind, offset, size, attributes: attributes::read(rest) });
        }
        schema.is_possible().then_some(schema)
    }

    /// Whether both say the same of the bytes: all but the attributes. A journal of the one can be read and
    /// written as the other.
    pub fn same_layout(&self, other: &Schema) -> bool {
        let place = |field: &Field| (field.offset, field.size);
        let same = |one: &Field, other: &Field| {
            one.name == other.name && one.kind == other.kind && place(one) == place(other)
        };
        self.name == other.name
            && self.size == other.size
            && self.fields.len() == other.fields.len()
            && self.fields.iter().zip(&other.fields).all(|(one, other)| same(one, other))
    }

    /// The value of an attribute of the event.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        attributes::find(&self.attributes, name)
    }

    /// The version of the event type, if it says one.
    pub fn version(&self) -> Option<u32> {
        self.attribute("version")?.parse().ok()
    }

    /// The version, for people.
    pub(crate) fn version_word(&self) -> String {
        self.version().map_or_else(|| "no version".to_owned(), |version| format!("version {version}"))
    }

    /// Whether an event can be so: whoever reads by it believes what it says.
    fn is_possible(&self) -> bool {
        let end = |field: &Field| field.offset.checked_add(field.size);
        if self.size > MAX_RECORD_BYTES
            || !self.fields.iter().all(|f| end(f).is_some_and(|end| end <= self.size))
        {
            return false;
        }
        // A variant's fields share their bytes with those of other variants, and a variant's tag with the
        // field of all tags.
        let variant = |field: &Field| field.name.rsplit_once('/').map(|(variant, _)| variant.to_owned());
        let mut places: Vec<_> = self
            .fields
            .iter()
            .filter(|field| !field.kind.contains('=') && field.size > 0)
            .map(|field| (variant(field), field.offset, field.offset + field.size))
            .collect();
        places.sort_unstable();
        places.windows(2).all(|two| two[0].0 != two[1].0 || two[0].2 <= two[1].1)
    }
}

impl Field {
    /// The value of an attribute of the field.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        attributes::find(&self.attributes, name)
    }
}

impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.size)?;
        attributes::write(&self.attributes, f)?;
        for field in &self.fields {
            write!(f, "{} {} {} {}", field.name, field.kind, field.offset, field.size)?;
            attributes::write(&field.attributes, f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schema_text_round_trips() {
        let field = |name: &str, kind: &str, offset, size| Field {
            name: name.into(),
            kind: kind.into(),
            offset,
            size,
            attributes: Vec::new(),
        };
        let mut schema = Schema {
            name: "Order".into(),
            size: 24,
            fields: vec![field("id", "u64", 0, 8), field("leg.px", "[i64;2]", 8, 16)],
            attributes: Vec::new(),
        };
        assert_eq!(Schema::from_text(&schema.to_text()), Some(schema.clone()));
        let bare = schema.clone();
        let attribute = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        schema.attributes = vec![attribute("time", "id")];
        schema.fields[0].attributes = vec![attribute("unit", "a\tb\nc\r%25=é"), attribute("text", "")];
        assert_eq!(Schema::from_text(&schema.to_text()), Some(schema.clone()));
        assert_eq!(schema.fields[0].attribute("unit"), Some("a\tb\nc\r%25=é"));
        assert_eq!((schema.attribute("time"), schema.attribute("unit")), (Some("id"), None));
        assert!(schema.same_layout(&bare) && bare.same_layout(&schema) && schema != bare);
        assert_eq!(Schema::from_text("nonsense"), None);
        assert_eq!(Schema::from_text(""), None);
    }

    #[test]
    fn a_schema_of_no_possible_event_is_none() {
        let fine = "E 16\ntag u32 0 4\nA u32=1 0 4\nB u32=2 0 4\nA/x u64 8 8\nB/y u32 8 4\nB/z u32 12 4\nnone [u8;0] 16 0\n";
        assert!(Schema::from_text(fine).is_some());
        for impossible in [
            "E 16\na u64 9 8\n",
            "E 16\na u64 18446744073709551615 8\n",
            "E 16\na [u8;18446744073709551615] 1 18446744073709551615\n",
            "E 16\na u64 0 8\nb u64 7 8\n",
            "E 16\nA u32=1 0 4\nA/x u64 4 8\nA/y u32 8 4\n",
            "E 2000000\na u64 0 8\n",
        ] {
            assert_eq!(Schema::from_text(impossible), None, "{impossible}");
        }
    }
}
