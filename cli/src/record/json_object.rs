//! JSON objects as they are read: each key is looked up, each value handed over as it is written.

use std::borrow::Cow;
use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;

use super::json::JsonFill;
use super::json_keys::Key;
use crate::formats::source::Row;

/// Objects lie in each other at most so deep; what lies deeper is no field.
const MOST_NESTED: usize = 32;

/// An object, at the top or within another.
pub(super) struct Object<'f> {
    pub fill: &'f mut JsonFill,
    pub row: &'f mut Row,
    /// Where it lies.
    pub path: Option<String>,
    pub depth: usize,
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Object { fill, row, path, depth } = self;
        while let Some(found) = map.next_key_seed(FindKey { fill, path: path.as_deref() })? {
            match found {
                Found::Key(key) => {
                    let raw: &RawValue = map.next_value()?;
                    fill.value(key, raw.get(), row).ok_or_else(|| A::Error::custom("a value"))?;
                }
                Found::Beginning(path) if depth < MOST_NESTED => {
                    map.next_value_seed(Nested { fill, row, path, depth: depth + 1 })?;
                }
                Found::Beginning(_) | Found::Unknown => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

enum Found {
    Key(Key),
    /// Fields lie in it.
    Beginning(String),
    Unknown,
}

/// Finds what a key is.
struct FindKey<'f> {
    fill: &'f mut JsonFill,
    path: Option<&'f str>,
}

impl<'de> DeserializeSeed<'de> for FindKey<'_> {
    type Value = Found;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Found, D::Error> {
        reader.deserialize_str(self)
    }
}

impl Visitor<'_> for FindKey<'_> {
    type Value = Found;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Found, E> {
        let path = match self.path {
            None => Cow::Borrowed(key),
            Some(path) => Cow::Owned(format!("{path}.{key}")),
        };
        Ok(found(self.fill, path))
    }
}

fn found(fill: &mut JsonFill, path: Cow<'_, str>) -> Found {
    let found = known(fill, &path);
    if let Found::Unknown = found {
        fill.is_unknown(&path);
    }
    found
}

/// The same without a note of what no field takes.
fn known(fill: &mut JsonFill, path: &str) -> Found {
    if let Some(key) = fill.keys.find(path) {
        return Found::Key(key);
    }
    match fill.keys.is_beginning(path) {
        true => Found::Beginning(path.to_owned()),
        false => Found::Unknown,
    }
}

/// What lies under a path that fields go on from: an object or an array of them; all else is no field's.
struct Nested<'f> {
    fill: &'f mut JsonFill,
    row: &'f mut Row,
    path: String,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Nested<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Nested<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object or an array in {}", self.path)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        let Nested { fill, row, path, depth } = self;
        Object { fill, row, path: Some(path), depth }.visit_map(map)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Nested { fill, row, path, depth } = self;
        for index in 0.. {
            let path = format!("{path}[{index}]");
            match known(fill, &path) {
                Found::Key(key) => {
                    let Some(raw) = items.next_element::<&RawValue>()? else { break };
                    fill.value(key, raw.get(), row).ok_or_else(|| A::Error::custom("a value"))?;
                }
                Found::Beginning(path) if depth < MOST_NESTED => {
                    let nested = Nested { fill, row, path, depth: depth + 1 };
                    if items.next_element_seed(nested)?.is_none() {
                        break;
                    }
                }
                beyond => {
                    if items.next_element::<IgnoredAny>()?.is_none() {
                        break;
                    }
                    // Only what is there is passed over.
                    if let Found::Unknown = beyond {
                        fill.is_unknown(&path);
                    }
                }
            }
        }
        Ok(())
    }

    /// `null`: no field has a value.
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// An object's values by their keys, in order.
pub(super) struct Pairs<'a>(pub Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        struct Reads;
        impl<'de> Visitor<'de> for Reads {
            type Value = Pairs<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<'de>, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        reader.deserialize_map(Reads)
    }
}
