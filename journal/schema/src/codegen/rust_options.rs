//! What the derive is told of fields in Rust.

use super::rust::key;
use crate::file::{are_names, is_since};
use crate::kind::TimeUnit;
use crate::tree::meaning::Meaning;
use crate::tree::scalar::{Leaf, Scalar};
use crate::tree::{Attributes, Member, Shape, value_of};
use std::cell::RefCell;

/// What something was called before.
pub(super) fn former(attributes: &Attributes) -> Option<String> {
    value_of(attributes, "was").filter(|names| are_names(names)).map(|names| format!("was = {names:?}"))
}

/// Takes out of all that lies in a struct or a one-of event what the derive is told of it beside the outer
/// field: `since`, and what this was called.
pub(super) fn of_all(shape: &mut Shape) -> Vec<String> {
    if matches!(shape, Shape::Leaf(..)) {
        return Vec::new();
    }
    let since = take_common(shape, &|_| "since".to_owned(), is_since);
    let was = take_common(shape, &|levels| format!("was.{levels}"), are_names);
    let since = since.map(|version| format!("since = {version}"));
    since.into_iter().chain(was.map(|names| format!("was = {names:?}"))).collect()
}

/// Takes out an attribute that all in a shape has alike; its name is told by the levels below the shape.
fn take_common(
    shape: &mut Shape,
    name: &dyn Fn(usize) -> String,
    is_sensible: fn(&str) -> bool,
) -> Option<String> {
    let found = RefCell::new(Vec::new());
    shape.give(0, &|attributes, levels| {
        found.borrow_mut().push(value_of(attributes, &name(levels)).map(str::to_owned));
    });
    let found = found.into_inner();
    let common = found.first().cloned().flatten().filter(|value| is_sensible(value))?;
    if found.iter().any(|value| value.as_ref() != Some(&common)) {
        return None;
    }
    shape.give(0, &|attributes, levels| attributes.retain(|(said, _)| *said != name(levels)));
    Some(common)
}

/// Which of the fields the derive takes as the event's id, if one alone says that it is.
pub(super) fn id_of(members: &[Member]) -> Option<usize> {
    let says_so = |member: &Member| match &member.shape {
        Shape::Leaf(leaf, attributes) => {
            attributes.iter().any(|(name, value)| name == "id" && value.is_empty()) && may_be_id(leaf)
        }
        _ => false,
    };
    let mut ids = members.iter().enumerate().filter(|(_, member)| says_so(member)).map(|(index, _)| index);
    ids.next().filter(|_| ids.next().is_none())
}

/// An integer, or bytes that a `u128` holds.
fn may_be_id(leaf: &Leaf) -> bool {
    match leaf.dims[..] {
        [] => !leaf.scalar.is_float(),
        [count] => leaf.scalar == Scalar::U8 && count <= 16,
        _ => false,
    }
}

/// What the derive is told of a number; `is_id` if it is the event's id.
pub(super) fn leaf_options(leaf: &Leaf, attributes: &Attributes, is_id: bool) -> Vec<String> {
    let mut options = Vec::new();
    let meaning = Meaning::of(leaf, attributes);
    match &meaning {
        Meaning::Plain => {}
        Meaning::Time(unit) => options.push(format!("time = {:?}", unit.sign())),
        Meaning::Decimal(scale) => options.push(format!("decimal = {scale}")),
        Meaning::Text => options.push("text".to_owned()),
        Meaning::Bool => options.push("bool".to_owned()),
        Meaning::Enum(names) => {
            let pairs: Vec<String> =
                names.iter().map(|(name, value)| format!("{} = {value}", key(name))).collect();
            options.push(format!("names({})", pairs.join(", ")));
        }
    }
    for name in ["input", "unit", "source", "default", "since", "was"] {
        let sensible = |value: &&str| match name {
            "default" => true,
            "input" => matches!(meaning, Meaning::Time(_)) && TimeUnit::from_sign(value).is_some(),
            "unit" => !value.is_empty() && !matches!(meaning, Meaning::Time(_)),
            "since" => is_since(value),
            "was" => are_names(value),
            _ => !value.is_empty(),
        };
        if let Some(value) = value_of(attributes, name).filter(sensible) {
            let is_number = name == "since";
            options.push(if is_number { format!("{name} = {value}") } else { format!("{name} = {value:?}") });
        }
    }
    let mut others: Vec<&(String, String)> = attributes
        .iter()
        .filter(|(name, _)| !crate::file::OWN_ATTRIBUTES.contains(&name.as_str()) && !name.is_empty())
        .collect();
    let id = others.iter().position(|(name, _)| name == "id").filter(|_| is_id);
    id.map(|at| others.remove(at));
    let list: Vec<String> = others.iter().map(|(name, value)| format!("{} = {value:?}", key(name))).collect();
    let list = (!list.is_empty()).then(|| format!("attributes({})", list.join(", ")));
    // The derive keeps the order.
    let id_option = id.map(|_| "id".to_owned());
    match id {
        Some(0) => options.extend(id_option.into_iter().chain(list)),
        _ => options.extend(list.into_iter().chain(id_option)),
    }
    options
}
