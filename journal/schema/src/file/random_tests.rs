//! Schemas and files at random: what is written is read back, and what is hostile is an error.

use proptest::prelude::*;
use slipring_journal::Schema;

use super::tests::ORDER;
use super::{from_toml, to_toml};
use crate::kind::TimeUnit;
use crate::tree::meaning::Meaning;
use crate::tree::scalar::{Leaf, Scalar};
use crate::tree::{Member, Shape, Tree, Variant};

fn any_leaf() -> impl Strategy<Value = Shape> {
    let scalar = prop::sample::select(Scalar::ALL.to_vec());
    let dims = prop::collection::vec(0usize..4, 0..3);
    let meaning = prop_oneof![
        3 => Just(Meaning::Plain),
        1 => prop::sample::select(vec![TimeUnit::Seconds, TimeUnit::Milliseconds, TimeUnit::Microseconds, TimeUnit::Nanoseconds]).prop_map(Meaning::Time),
        1 => (0u32..39).prop_map(Meaning::Decimal),
        1 => Just(Meaning::Text),
        1 => Just(Meaning::Bool),
        1 => prop::collection::btree_map("[^,:\"\\p{Cc}0-9.+-][^,:\"\\p{Cc}]{0,5}", 0u8..128, 1..4).prop_map(|names| {
            let mut values = std::collections::HashSet::new();
            let fresh = names.into_iter().filter(|(_, value)| values.insert(*value));
            Meaning::Enum(fresh.map(|(name, value)| (name, value.to_string())).collect())
        }),
    ];
    let texts = (prop::option::of(".{1,6}"), prop::option::of(".{1,6}"), prop::option::of("[a-z]{1,3}"));
    (scalar, dims, meaning, texts).prop_map(|(scalar, dims, meaning, (unit, source, other))| {
        let leaf = Leaf { scalar, dims };
        let meaning = if meaning.suits(&leaf) { meaning } else { Meaning::Plain };
        let is_time = matches!(meaning, Meaning::Time(_));
        let mut attributes: Vec<_> = meaning.attribute().into_iter().collect();
        let mut add = |name: &str, value: Option<String>| {
            attributes.extend(value.map(|value| (name.to_owned(), value)));
        };
        add("unit", unit.filter(|_| !is_time));
        add("source", source);
        add("other=%", other);
        Shape::Leaf(leaf, attributes)
    })
}

fn named(shapes: Vec<(Vec<usize>, Shape)>) -> Vec<Member> {
    const NAMES: [&str; 6] = ["type", "px", "fields", "_pad", "é-1", "count"];
    let member = |((dims, shape), name): ((Vec<usize>, Shape), &&str)| {
        let dims = if matches!(shape, Shape::Leaf(..)) { Vec::new() } else { dims };
        Member { name: (*name).to_owned(), dims, shape }
    };
    shapes.into_iter().zip(&NAMES).map(member).collect()
}

fn any_shape() -> impl Strategy<Value = Shape> {
    any_leaf().prop_recursive(3, 24, 5, |inner| {
        let dims = prop::collection::vec(1usize..3, 0..3);
        let members = prop::collection::vec((dims.clone(), inner.clone()), 1..6).prop_map(named);
        let first = (dims.clone(), inner.clone());
        let more = prop::collection::vec(prop::option::of((dims, inner)), 0..3);
        let variants = (first, more).prop_map(|(first, more)| {
            let variant = |(index, value): (usize, Option<(Vec<usize>, Shape)>)| Variant {
                attributes: match index % 2 {
                    0 => vec![("was".to_owned(), format!("Old{index},Older{index}"))],
                    _ => vec![("else".to_owned(), "a b".to_owned())],
                },
                name: format!("V{index}"),
                tag: 3 * index as u32 + 1,
                value: value
                    .and_then(|value| named(vec![value]).pop())
                    .map(|value| Member { name: String::new(), ..value }),
            };
            std::iter::once(Some(first)).chain(more).enumerate().map(variant).collect::<Vec<_>>()
        });
        prop_oneof![2 => members.prop_map(Shape::Struct), 1 => variants.prop_map(Shape::OneOf)]
    })
}

/// Schemas that a file can say.
fn any_schema() -> impl Strategy<Value = Schema> {
    let align = prop::sample::select(vec![1usize, 8, 16]);
    (any_shape(), any::<bool>(), align).prop_filter_map("an event", |(shape, packed, align)| {
        let shape = match shape {
            Shape::Leaf(..) => Shape::Struct(named(vec![(Vec::new(), shape)])),
            shape => shape,
        };
        let holds = |variant: &Variant| variant.value.is_some();
        if matches!(&shape, Shape::OneOf(variants) if !variants.iter().any(holds)) {
            return None;
        }
        let attributes = vec![("other".to_owned(), "x\ty".to_owned())];
        let tree = Tree { name: "Some".to_owned(), attributes, packed, align, shape };
        tree.lay_out().ok().filter(|schema| schema.size > 0)
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(schema in any_schema()) {
        prop_assert_eq!(Schema::from_text(&schema.to_text()), Some(schema.clone()));
        let text = to_toml(&schema);
        let read = from_toml(&text).unwrap();
        prop_assert!(read == schema, "{}\n{}\n{}", schema, text, read);
        prop_assert_eq!(to_toml(&read), text);
    }

    #[test]
    fn hostile_files_are_errors(at in 0usize..ORDER.len(), with in ".{0,12}", cut in 0usize..24) {
        let mut end = (at + cut).min(ORDER.len());
        while !ORDER.is_char_boundary(end) { end += 1; }
        let text = format!("{}{with}{}", &ORDER[..at], &ORDER[end..]);
        if let Ok(schema) = from_toml(&text) {
            prop_assert_eq!(Schema::from_text(&schema.to_text()), Some(schema));
        }
    }

    #[test]
    fn hostile_schemas_are_written(text in "E 64\n([a-c0_]([./]|\\[[0-2]\\])?[a-c0]? (u8|u32|i64|\\[u8;4\\]|u32=1|x) [0-9]{1,2} [0-9]\t?(time=s|text=|default=x|decimal=2)?\n){0,6}") {
        if let Some(schema) = Schema::from_text(&text) {
            to_toml(&schema);
        }
    }
}
