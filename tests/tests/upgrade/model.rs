//! The plain model: what a newer event must be, field by field, from where random types lie in their events.

use std::collections::HashMap;

use proptest::prelude::*;
use slipring_journal::{Field, Mapping, Schema};

use crate::random::{Dice, Leaf, Maker, Member, Node, Variant};

/// A part of the older type, with the elements of arrays on the way.
type Key = (usize, Vec<usize>);

/// Which tags an event must have.
type When = Vec<(usize, u32)>;

/// Where everything lies.
#[derive(Default)]
struct Layout {
    schema: Vec<Field>,
    size: usize,
    leaves: Vec<Placed>,
    tags: Vec<PlacedTag>,
    /// The variants of an older type, by their keys.
    scopes: HashMap<Key, When>,
}

struct Placed {
    path: String,
    key: Option<Key>,
    leaf: Leaf,
    offset: usize,
    /// The older variant that it lies in, the innermost; `None` in one that is new.
    scope: Option<Option<Key>>,
}

struct PlacedTag {
    key: Option<Key>,
    offset: usize,
    when: When,
    scope: Option<Option<Key>>,
    variants: Vec<(Option<usize>, u32)>,
}

/// Where one lays out.
#[derive(Clone, Default)]
struct At {
    path: String,
    index: Vec<usize>,
    /// What the names on the way were.
    was: Vec<Option<String>>,
    when: When,
    scope: Option<Option<Key>>,
}

impl At {
    fn below(&self, name: &str, was: Option<&String>) -> At {
        let joint = if self.path.is_empty() || self.path.ends_with('/') { "" } else { "." };
        let mut at = At { path: format!("{}{joint}{name}", self.path), ..self.clone() };
        at.was.push(was.cloned());
        at
    }

    fn key(&self, origin: Option<usize>) -> Option<Key> {
        origin.map(|origin| (origin, self.index.clone()))
    }

    fn field(&self, kind: String, offset: usize, size: usize) -> Field {
        let mut field = Field { name: self.path.clone(), kind, offset, size, attributes: Vec::new() };
        for (level, was) in self.was.iter().rev().enumerate() {
            if let Some(was) = was {
                let name = if level == 0 { "was".to_owned() } else { format!("was.{level}") };
                field.attributes.push((name, was.clone()));
            }
        }
        field
    }
}

fn bytes_of(scalar: &str) -> usize {
    if scalar == "text" { 1 } else { scalar[1..].parse::<usize>().unwrap() / 8 }
}

fn count(leaf: &Leaf) -> usize {
    leaf.dims.iter().product()
}

impl Layout {
    fn of(members: &[Member], dice: &mut Dice) -> (Schema, Layout) {
        let mut layout = Layout::default();
        let size = layout.members(members, &At::default(), 0, dice) + dice.roll(3);
        layout.size = size;
        let fields = layout.schema.clone();
        (Schema { name: "E".to_owned(), size, fields, attributes: Vec::new() }, layout)
    }

    fn members(&mut self, members: &[Member], at: &At, mut offset: usize, dice: &mut Dice) -> usize {
        for member in members {
            offset += if dice.one_in(3) { dice.roll(4) } else { 0 };
            let below = at.below(&member.name, member.was.as_ref());
            offset = self.node(&member.node, member.origin, &below, offset, dice);
        }
        offset
    }

    fn node(&mut self, node: &Node, origin: Option<usize>, at: &At, offset: usize, dice: &mut Dice) -> usize {
        match node {
            Node::Leaf(leaf) => self.leaf(leaf, origin, at, offset),
            Node::Struct(members) => self.members(members, at, offset, dice),
            Node::Array(count, members) => {
                // Each element lies as the first does.
                let (seed, mut offset) = (dice.0, offset);
                for index in 0..*count {
                    let mut element = at.clone();
                    element.path = format!("{}[{index}]", at.path);
                    element.index.push(index);
                    dice.0 = seed;
                    offset = self.members(members, &element, offset, dice);
                }
                offset
            }
            Node::OneOf(variants) => self.one_of(variants, origin, at, offset, dice),
        }
    }

    fn leaf(&mut self, leaf: &Leaf, origin: Option<usize>, at: &At, offset: usize) -> usize {
        let scalar = if leaf.scalar == "text" { "u8" } else { leaf.scalar };
        let kind = leaf.dims.iter().rev().fold(scalar.to_owned(), |kind, count| format!("[{kind};{count}]"));
        let size = bytes_of(leaf.scalar) * count(leaf);
        let mut field = at.field(kind, offset, size);
        let mut says = |name: &str, value: String| field.attributes.push((name.to_owned(), value));
        if leaf.scalar == "text" {
            says("text", String::new());
        }
        if let Some(scale) = leaf.decimal {
            says("decimal", scale.to_string());
        }
        for said in leaf.added.iter().flat_map(|(said, _)| said.split('\t')) {
            let (name, value) = said.split_once('=').unwrap();
            says(name, value.to_owned());
        }
        self.schema.push(field);
        let (path, key, leaf) = (at.path.clone(), at.key(origin), leaf.clone());
        self.leaves.push(Placed { path, key, leaf, offset, scope: at.scope.clone() });
        offset + size
    }

    fn one_of(
        &mut self,
        variants: &[Variant],
        origin: Option<usize>,
        at: &At,
        offset: usize,
        dice: &mut Dice,
    ) -> usize {
        self.schema.push(at.below("tag", None).field("u32".to_owned(), offset, 4));
        let numbers = variants.iter().map(|variant| (variant.origin, variant.tag)).collect();
        let (key, when, scope) = (at.key(origin), at.when.clone(), at.scope.clone());
        self.tags.push(PlacedTag { key, offset, when, scope, variants: numbers });
        let mut end = offset + 4;
        for variant in variants {
            let line = at.below(&variant.name, variant.was.as_ref());
            self.schema.push(line.field(format!("u32={}", variant.tag), offset, 4));
            let mut inside = at.below(&variant.name, None);
            inside.path.push('/');
            inside.when.push((offset, variant.tag));
            inside.scope = Some(at.key(variant.origin));
            if let Some(key) = at.key(variant.origin) {
                self.scopes.insert(key, inside.when.clone());
            }
            end = end.max(self.members(&variant.members, &inside, offset + 4, dice));
        }
        end
    }
}

fn tag_at(event: &[u8], offset: usize) -> u32 {
    u32::from_le_bytes(event[offset..][..4].try_into().unwrap())
}

fn is_true(when: &When, event: &[u8]) -> bool {
    when.iter().all(|(offset, tag)| tag_at(event, *offset) == *tag)
}

/// A number as text is read: signs, powers of ten and all.
fn converted(old: &Leaf, new: &Leaf, bytes: &[u8]) -> Vec<u8> {
    if old.scalar == new.scalar && old.decimal == new.decimal {
        return bytes.to_vec();
    }
    if old.scalar == "f32" {
        return f64::from(f32::from_le_bytes(bytes.try_into().unwrap())).to_le_bytes().to_vec();
    }
    let negative = old.scalar.starts_with('i') && bytes[bytes.len() - 1] >= 0x80;
    let mut wide = bytes.to_vec();
    wide.resize(16, if negative { 0xff } else { 0 });
    let value = i128::from_le_bytes(wide.try_into().unwrap());
    let digits = new.decimal.unwrap_or(0) - old.decimal.unwrap_or(0);
    let value = (0..digits).fold(value, |value, _| value.checked_mul(10).unwrap());
    value.to_le_bytes()[..bytes_of(new.scalar)].to_vec()
}

/// What the newer event must be.
fn expected(old: &Layout, new: &Layout, event: &[u8]) -> Vec<u8> {
    let mut expected = vec![0; new.size];
    let is_there = |scope: &Option<Option<Key>>| match scope {
        None => true,
        Some(None) => false,
        Some(Some(key)) => old.scopes.get(key).is_some_and(|when| is_true(when, event)),
    };
    for tag in new.tags.iter().filter(|tag| is_there(&tag.scope)) {
        let was = old.tags.iter().find(|was| was.key.is_some() && was.key == tag.key).unwrap();
        let number = tag_at(event, was.offset);
        let variant = was.variants.iter().find(|(_, tag)| *tag == number);
        let now = match variant {
            Some((origin, _)) => tag.variants.iter().find(|(now, _)| now == origin).unwrap().1,
            None if tag.variants.iter().any(|(_, tag)| *tag == number) => 0,
            None => number,
        };
        expected[tag.offset..][..4].copy_from_slice(&now.to_le_bytes());
    }
    for leaf in new.leaves.iter().filter(|leaf| is_there(&leaf.scope)) {
        let Some(key) = &leaf.key else {
            let (_, default) = leaf.leaf.added.as_ref().unwrap();
            expected[leaf.offset..][..default.len()].copy_from_slice(default);
            continue;
        };
        let was = old.leaves.iter().find(|was| was.key.as_ref() == Some(key)).unwrap();
        let (strings, each) = match was.leaf.scalar {
            "text" => {
                let last = |leaf: &Leaf| *leaf.dims.last().unwrap();
                (count(&was.leaf) / last(&was.leaf), (last(&was.leaf), last(&leaf.leaf)))
            }
            scalar => (count(&was.leaf), (bytes_of(scalar), bytes_of(leaf.leaf.scalar))),
        };
        for index in 0..strings {
            let bytes = &event[was.offset + index * each.0..][..each.0];
            let bytes = if was.leaf.scalar == "text" {
                bytes.to_vec()
            } else {
                converted(&was.leaf, &leaf.leaf, bytes)
            };
            expected[leaf.offset + index * each.1..][..bytes.len()].copy_from_slice(&bytes);
        }
    }
    expected
}

/// Random bytes, in which tags mostly mean something.
fn event(layout: &Layout, dice: &mut Dice) -> Vec<u8> {
    let mut event: Vec<u8> = (0..layout.size).map(|_| dice.roll(256) as u8).collect();
    for tag in &layout.tags {
        if is_true(&tag.when, &event) && !dice.one_in(6) {
            let number = match dice.roll(5) {
                0 => [0, 2, 11, 99][dice.roll(4)],
                _ => tag.variants[dice.roll(tag.variants.len())].1,
            };
            event[tag.offset..][..4].copy_from_slice(&number.to_le_bytes());
        }
    }
    event
}

fn without_places(path: &str) -> String {
    path.split('[').map(|part| part.split_once(']').map_or(part, |(_, rest)| rest)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(ProptestConfig::default().cases.max(1500)))]

    #[test]
    fn a_mapping_does_what_the_model_says(seed in any::<u64>()) {
        let mut dice = Dice(seed);
        let mut maker = Maker::new(&mut dice);
        let older = maker.members(3);
        let newer = maker.edited(&older);
        let (old_schema, old) = Layout::of(&older, &mut dice);
        let (new_schema, new) = Layout::of(&newer, &mut dice);
        prop_assert_eq!(Schema::from_text(&old_schema.to_text()), Some(old_schema.clone()));
        let mapping = Mapping::between(&old_schema, &new_schema);
        let mapping = mapping.map_err(|told| TestCaseError::fail(format!("{told:?}\n{old_schema}\n{new_schema}")))?;
        for _ in 0..8 {
            let event = event(&old, &mut dice);
            let mut found = vec![0xa5; new.size];
            mapping.apply(&event, &mut found);
            prop_assert_eq!(&found, &expected(&old, &new, &event), "{:?}\n{}\n{}", event, old_schema, new_schema);
        }
    }

    #[test]
    fn what_was_spoilt_is_refused_and_nothing_else(seed in any::<u64>()) {
        let mut dice = Dice(seed);
        let mut maker = Maker::new(&mut dice);
        let older = maker.members(2);
        maker.spoils = true;
        let newer = maker.edited(&older);
        let spoilt = maker.spoilt;
        let (old_schema, old) = Layout::of(&older, &mut dice);
        let (new_schema, new) = Layout::of(&newer, &mut dice);
        let is_spoilt = |leaf: &&Placed| match &leaf.key {
            None => leaf.leaf.added.is_none() && leaf.scope != Some(None),
            Some(key) => {
                let was = &old.leaves.iter().find(|was| was.key.as_ref() == Some(key)).unwrap().leaf;
                let widens = |old: &Leaf, new: &Leaf| old.dims.iter().zip(&new.dims).any(|(old, new)| old > new);
                was.decimal > leaf.leaf.decimal || widens(was, &leaf.leaf) || narrows(was.scalar, leaf.leaf.scalar)
            }
        };
        let mut wanted: Vec<String> =
            new.leaves.iter().filter(is_spoilt).map(|leaf| without_places(&leaf.path).replace('/', ".")).collect();
        let mut told: Vec<String> = match Mapping::between(&old_schema, &new_schema) {
            Ok(_) => Vec::new(),
            Err(told) => told.iter().map(|one| without_places(&one.field)).collect(),
        };
        wanted.sort();
        wanted.dedup();
        told.sort();
        prop_assert!(wanted.len() <= spoilt);
        prop_assert_eq!(told, wanted, "{}\n{}", old_schema, new_schema);
    }
}

/// Whether some number of the one is none of the other.
fn narrows(old: &str, new: &str) -> bool {
    let bits = |scalar: &str| bytes_of(scalar) * 8;
    match (&old[..1], &new[..1]) {
        _ if old == new => false,
        ("u", "u") | ("i", "i") | ("f", "f") => bits(new) < bits(old),
        ("u", "i") => bits(new) <= bits(old),
        _ => true,
    }
}
