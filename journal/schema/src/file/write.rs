//! From a schema to a file. What is written is read back: padding that the reader fills in by itself is left
//! out if the schema stays the same without it.

use super::default;
use super::read::{goes_behind_a_dot, is_name};
use super::types::OWN_ATTRIBUTES;
use super::versions::{are_names, is_since, is_version};
use crate::kind::TimeUnit;
use crate::tree::meaning::Meaning;
use crate::tree::scalar::{Leaf, Scalar};
use crate::tree::{Attributes, Member, Shape, Tree, Variant, value_of};
use slipring_journal::Schema;
use std::fmt::Write;

pub(super) fn write(schema: &Schema) -> String {
    let tree = Tree::of(schema);
    let mut bare = tree.clone();
    bare.shape = without_padding(&bare.shape);
    let time = schema.attribute("time");
    for tree in [&bare, &tree] {
        let text = file(tree, time);
        if super::from_toml(&text).as_ref() == Ok(schema) {
            return text;
        }
    }
    // What may keep it from being read at all.
    let time = time.filter(|_| super::from_toml(&file(&tree, time)).is_ok());
    let text = file(&tree, time);
    let why = match super::from_toml(&text) {
        Ok(read) if read.same_layout(schema) => "attributes that make no sense for their field are left out",
        Ok(_) => {
            "bytes that belong to no field are given to padding, and journals of this schema are not of the file"
        }
        Err(_) => "this schema has names or sizes that a schema file can't have",
    };
    format!("# Not the schema that this was written from: {why}.\n{text}")
}

/// Without the padding that the reader would call by these names.
fn without_padding(shape: &Shape) -> Shape {
    let filled = |member: &Member| {
        let number = member.name.strip_prefix("_pad");
        number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
            && matches!(&member.shape, Shape::Leaf(leaf, attributes)
                if leaf.scalar == Scalar::U8 && leaf.dims.len() == 1 && attributes.is_empty())
    };
    let member = |member: &Member| Member { shape: without_padding(&member.shape), ..member.clone() };
    match shape {
        Shape::Leaf(..) => shape.clone(),
        Shape::Struct(members) => {
            Shape::Struct(members.iter().filter(|field| !filled(field)).map(member).collect())
        }
        Shape::OneOf(variants) => Shape::OneOf(
            variants
                .iter()
                .map(|variant| Variant { value: variant.value.as_ref().map(member), ..variant.clone() })
                .collect(),
        ),
    }
}

fn file(tree: &Tree, time: Option<&str>) -> String {
    let mut text = format!("name = {}\n", quoted(&tree.name));
    if let Some(time) = time {
        let _ = writeln!(text, "time = {}", quoted(&time.replace('/', ".")));
    }
    let (version, was) = (value_of(&tree.attributes, "version"), value_of(&tree.attributes, "was"));
    let version = version.filter(|version| is_version(version));
    if let Some(version) = version {
        let _ = writeln!(text, "version = {version}");
    }
    if let Some(was) = was.filter(|was| are_names(was)) {
        let _ = writeln!(text, "was = {}", quoted(was));
    }
    if tree.packed {
        text.push_str("packed = true\n");
    }
    if tree.align > 1 {
        let _ = writeln!(text, "align = {}", tree.align);
    }
    let rest = tree.attributes.iter().filter(|(name, _)| name != "version" || version.is_none()).cloned();
    if let Some(attributes) = others(&rest.collect()) {
        let _ = writeln!(text, "{attributes}");
    }
    match &tree.shape {
        Shape::OneOf(variants) => {
            for variant in variants {
                variant_table(&mut text, variant);
            }
        }
        Shape::Struct(members) => {
            text.push_str("\n[fields]\n");
            lines(&mut text, "", members);
        }
        Shape::Leaf(..) => {}
    }
    text
}

fn variant_table(text: &mut String, variant: &Variant) {
    let name = key(&variant.name);
    let _ = writeln!(text, "\n[variants.{name}]\ntag = {}", variant.tag);
    for said in variant_attributes(variant) {
        let _ = writeln!(text, "{said}");
    }
    match &variant.value {
        Some(Member { dims, shape: Shape::Struct(members), .. }) if dims.is_empty() => {
            let _ = writeln!(text, "\n[variants.{name}.fields]");
            lines(text, "", members);
        }
        Some(value) => {
            let _ = writeln!(text, "value = {}", definition(value));
        }
        None => {}
    }
}

/// A line for each field, those of a struct with the struct's name in front.
fn lines(text: &mut String, prefix: &str, members: &[Member]) {
    for member in members {
        let name = format!("{prefix}{}", key(&member.name));
        match &member.shape {
            Shape::Struct(inner) if with_dots(member, inner) => lines(text, &format!("{name}."), inner),
            _ => {
                let _ = writeln!(text, "{name} = {}", definition(member));
            }
        }
    }
}

/// Whether a struct can be written with dots: there is one of it, and no field's name is that of an option.
fn with_dots(member: &Member, inner: &[Member]) -> bool {
    let names_fit = inner.iter().all(|member| goes_behind_a_dot(&member.name) && is_name(&member.name));
    member.dims.is_empty() && !inner.is_empty() && names_fit
}

/// What stands behind a field's name.
fn definition(member: &Member) -> String {
    let (key, body) = match &member.shape {
        Shape::Leaf(leaf, attributes) => return leaf_definition(leaf, attributes),
        Shape::Struct(members) => ("fields", inline(members)),
        Shape::OneOf(variants) => ("variants", inline_variants(variants)),
    };
    let counts: Vec<String> = member.dims.iter().map(usize::to_string).collect();
    match counts.as_slice() {
        [] => format!("{{ {key} = {body} }}"),
        [count] => format!("{{ count = {count}, {key} = {body} }}"),
        counts => format!("{{ count = [{}], {key} = {body} }}", counts.join(", ")),
    }
}

fn inline(members: &[Member]) -> String {
    let fields: Vec<String> =
        members.iter().map(|member| format!("{} = {}", key(&member.name), definition(member))).collect();
    format!("{{ {} }}", fields.join(", "))
}

fn inline_variants(variants: &[Variant]) -> String {
    let one = |variant: &Variant| {
        let value = match &variant.value {
            None => String::new(),
            Some(Member { dims, shape: Shape::Struct(members), .. }) if dims.is_empty() => {
                format!(", fields = {}", inline(members))
            }
            Some(value) => format!(", value = {}", definition(value)),
        };
        let said: String = variant_attributes(variant).iter().map(|said| format!(", {said}")).collect();
        format!("{} = {{ tag = {}{said}{value} }}", key(&variant.name), variant.tag)
    };
    format!("{{ {} }}", variants.iter().map(one).collect::<Vec<_>>().join(", "))
}

fn leaf_definition(leaf: &Leaf, attributes: &Attributes) -> String {
    let meaning = Meaning::of(leaf, attributes);
    let storage = |usual: Leaf| {
        if *leaf == usual { String::new() } else { format!(", storage = {}", quoted(&leaf.to_string())) }
    };
    let mut is_time = false;
    let mut said = match &meaning {
        Meaning::Plain => format!("type = {}", quoted(&leaf.to_string())),
        Meaning::Bool => format!("type = \"bool\"{}", storage(Leaf::new(Scalar::U8))),
        Meaning::Decimal(scale) => {
            format!("type = \"decimal\", scale = {scale}{}", storage(Leaf::new(Scalar::I64)))
        }
        Meaning::Text => match leaf.dims.as_slice() {
            [length] if *length > 0 => format!("type = \"text\", length = {length}"),
            _ => format!("type = \"text\", storage = {}", quoted(&leaf.to_string())),
        },
        Meaning::Time(unit) => {
            is_time = true;
            let stored = if *leaf == Leaf::new(Scalar::I64) {
                ", signed = true".to_owned()
            } else {
                storage(Leaf::new(Scalar::U64))
            };
            format!("type = \"time\", unit = \"{}\"{stored}", unit.sign())
        }
        Meaning::Enum(names) => {
            // Beyond 64 bits TOML has no integers that everybody reads.
            let value =
                |value: &str| if value.parse::<i64>().is_ok() { value.to_owned() } else { quoted(value) };
            let pairs: Vec<String> =
                names.iter().map(|(name, number)| format!("{} = {}", key(name), value(number))).collect();
            let values = pairs.join(", ");
            format!("type = \"enum\", values = {{ {values} }}{}", storage(Leaf::new(Scalar::U8)))
        }
    };
    for name in ["input", "unit", "source", "default", "since", "was"] {
        let sensible = |value: &str| match name {
            "default" => default::refusal(leaf, attributes, value).is_none(),
            "input" => is_time && TimeUnit::from_sign(value).is_some(),
            "unit" => !value.is_empty() && !is_time,
            "since" => is_since(value),
            "was" => are_names(value),
            _ => !value.is_empty(),
        };
        if let Some(value) = value_of(attributes, name).filter(|value| sensible(value)) {
            let value = if name == "since" { value.to_owned() } else { quoted(value) };
            let _ = write!(said, ", {name} = {value}");
        }
    }
    if let Some(others) = others(attributes) {
        let _ = write!(said, ", {others}");
    }
    match (said.strip_prefix("type = "), said.contains(',')) {
        (Some(only), false) => only.to_owned(),
        _ => format!("{{ {said} }}"),
    }
}

/// What a variant says beside its tag and its value.
fn variant_attributes(variant: &Variant) -> Vec<String> {
    let was = value_of(&variant.attributes, "was").filter(|was| are_names(was));
    let was = was.map(|was| format!("was = {}", quoted(was)));
    let since = value_of(&variant.attributes, "since").filter(|since| is_since(since));
    let since = since.map(|since| format!("since = {since}"));
    since.into_iter().chain(was).chain(others(&variant.attributes)).collect()
}

/// Attributes without an option of their own.
fn others(attributes: &Attributes) -> Option<String> {
    let others: Vec<String> = attributes
        .iter()
        .filter(|(name, _)| !OWN_ATTRIBUTES.contains(&name.as_str()))
        .map(|(name, value)| format!("{} = {}", key(name), quoted(value)))
        .collect();
    (!others.is_empty()).then(|| format!("attributes = {{ {} }}", others.join(", ")))
}

fn key(name: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if !name.is_empty() && name.bytes().all(bare) { name.to_owned() } else { quoted(name) }
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            control if control.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(control));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}
