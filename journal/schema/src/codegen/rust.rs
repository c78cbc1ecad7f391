//! Rust: structs and enums that derive `Event`, with all that the schema says of the fields.

use super::names::{Taken, camel, comment, identifier, remarks, tag_remark, upper};
use super::rust_options::{former, id_of, leaf_options, of_all};
use crate::file::is_version;
use crate::tree::meaning::{Meaning, is_enum_name};
use crate::tree::scalar::Leaf;
use crate::tree::{Attributes, Member, Shape, Tree, Variant, value_of};
use slipring_journal::Schema;
use std::fmt::Write;

const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro",
    "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "static", "struct", "trait",
    "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// Those that can't be written as `r#self` either.
const NO_RAW: &[&str] = &["self", "Self", "super", "crate", "_"];

pub(super) fn generate(schema: &Schema) -> String {
    let tree = Tree::of(schema);
    let mut writer =
        Writer { packed: tree.packed, types: Taken::default(), known: Vec::new(), items: Vec::new() };
    let options = type_options(&tree);
    match &tree.shape {
        Shape::OneOf(variants) => {
            let stripped = tree.name.strip_suffix("Event").filter(|name| is_type_name(name));
            let (name, companion) = match stripped {
                Some(name) => (name.to_owned(), tree.name.clone()),
                None => (camel(&tree.name), format!("{}Event", camel(&tree.name))),
            };
            let name = writer.one_of_name(name);
            let options = with_name(options, &tree.name, &companion);
            let over_aligned = (tree.align > 1).then_some(tree.align);
            writer.one_of(
                &name,
                &options,
                &format!("The event `{}`.", comment(&tree.name)),
                variants,
                over_aligned,
            );
        }
        Shape::Struct(members) => {
            let name = if is_type_name(&tree.name) { tree.name.clone() } else { camel(&tree.name) };
            let name = writer.types.take(name);
            let options = with_name(options, &tree.name, &name);
            writer.structure(
                &name,
                &options,
                &format!("The event `{}`.", comment(&tree.name)),
                members,
                None,
            );
        }
        Shape::Leaf(..) => {}
    }
    let mut text = format!(
        "// Written by slipring from the schema `{}`.\n// With the crate `slipring` alone, write \
         `slipring::Event` for `slipring_journal::Event`.\n",
        comment(&tree.name)
    );
    if !tree.clone().lay_out().is_ok_and(|laid_out| laid_out.same_layout(schema)) {
        text.push_str(
            "// No type of Rust has quite this schema: bytes that belong to no field are padding here, and names\n\
             // are not the same. A journal of the one is not opened as the other.\n",
        );
    }
    // What is used stands behind what uses it.
    for item in writer.items.iter().rev() {
        let _ = write!(text, "\n{item}");
    }
    text
}

fn type_options(tree: &Tree) -> Vec<String> {
    let mut options = Vec::new();
    if let Some(time) = value_of(&tree.attributes, "time") {
        options.push(format!("time = {:?}", time.replace('/', ".")));
    }
    if let Some(version) = value_of(&tree.attributes, "version").filter(|version| is_version(version)) {
        options.push(format!("version = {version}"));
    }
    options.extend(former(&tree.attributes));
    options
}

fn with_name(mut options: Vec<String>, schema_name: &str, rust_name: &str) -> Vec<String> {
    if schema_name != rust_name && crate::file::is_name(schema_name) {
        options.push(format!("name = {schema_name:?}"));
    }
    options
}

struct Writer {
    packed: bool,
    types: Taken,
    /// Structs and enums that are written, with their names.
    known: Vec<(Shape, String)>,
    items: Vec<String>,
}

impl Writer {
    /// A name for an enum with its two companions.
    fn one_of_name(&mut self, name: String) -> String {
        let free = |types: &Taken, name: &str| {
            !["", "Event", "Ref"].iter().any(|suffix| types.has(&format!("{name}{suffix}")))
        };
        let mut taken = name.clone();
        let mut number = 2;
        while !free(&self.types, &taken) {
            taken = format!("{name}{number}");
            number += 1;
        }
        for suffix in ["", "Event", "Ref"] {
            self.types.take(format!("{taken}{suffix}"));
        }
        taken
    }

    fn struct_name(&mut self, name: String) -> String {
        let mut taken = name.clone();
        let mut number = 2;
        while self.types.has(&taken) {
            taken = format!("{name}{number}");
            number += 1;
        }
        self.types.take(taken)
    }

    /// The type of a field, written first if it is a struct or an enum of its own.
    fn type_of(&mut self, wanted: &str, dims: &[usize], shape: &Shape, align: Option<usize>) -> String {
        let mut ty = match shape {
            Shape::Leaf(leaf, _) => return leaf_type(leaf),
            _ => match self.known.iter().find(|(known, _)| known == shape) {
                Some((_, name)) => name.clone(),
                None => self.new_type(wanted, shape, align),
            },
        };
        for count in dims.iter().rev() {
            ty = format!("[{ty}; {count}]");
        }
        ty
    }

    fn new_type(&mut self, wanted: &str, shape: &Shape, align: Option<usize>) -> String {
        let wanted = camel(wanted);
        let doc = format!("The value of `{wanted}`.");
        let name = match shape {
            Shape::OneOf(variants) => {
                let name = self.one_of_name(wanted);
                self.one_of(&name, &[], &doc, variants, None);
                format!("{name}Event")
            }
            Shape::Struct(members) => {
                let name = self.struct_name(wanted);
                self.structure(&name, &[], &doc, members, align);
                name
            }
            Shape::Leaf(leaf, _) => leaf_type(leaf),
        };
        self.known.push((shape.clone(), name.clone()));
        name
    }

    fn structure(
        &mut self,
        name: &str,
        options: &[String],
        doc: &str,
        members: &[Member],
        align: Option<usize>,
    ) {
        let mut body = String::new();
        let mut constants = String::new();
        let is_tuple = members.iter().enumerate().all(|(index, member)| member.name == index.to_string());
        let mut taken = Taken::default();
        let mut constant_names = Taken::default();
        let id = id_of(members);
        for (index, member) in members.iter().enumerate() {
            let mut shape = member.shape.clone();
            let mut field_options = of_all(&mut shape);
            let ty = self.type_of(&member.name, &member.dims, &shape, None);
            let ident = field_name(&member.name, &mut taken);
            let mut said = Vec::new();
            if let Shape::Leaf(leaf, attributes) = &member.shape {
                field_options = leaf_options(leaf, attributes, id == Some(index));
                said = remarks(leaf, attributes);
                let named = Named { field: &member.name, leaf };
                enum_constants(&mut constants, &mut constant_names, &named, attributes);
            }
            if !is_tuple && ident.trim_start_matches("r#") != member.name {
                said.insert(0, format!("Named `{}` in the schema.", comment(&member.name)));
                field_options = with_name(field_options, &member.name, "");
            }
            if said.is_empty() {
                said.push(match member.is_padding() {
                    true => "Padding, zeros.".to_owned(),
                    false => format!("The field `{}`.", comment(&member.name)),
                });
            }
            let _ = writeln!(body, "    /// {}", said.join(" "));
            body.push_str(&attribute("    ", &field_options));
            let _ = if is_tuple {
                writeln!(body, "    pub {ty},")
            } else {
                writeln!(body, "    pub {ident}: {ty},")
            };
        }
        let repr = match align {
            Some(align) => format!("C, align({align})"),
            None if self.packed => "C, packed".to_owned(),
            None => "C".to_owned(),
        };
        let head = format!("{}{}", head(doc, options), format_args!("#[repr({repr})]\npub struct {name}"));
        let body = if is_tuple { format!("{head}(\n{body});\n") } else { format!("{head} {{\n{body}}}\n") };
        let constants =
            if constants.is_empty() { constants } else { format!("\nimpl {name} {{\n{constants}}}\n") };
        self.items.push(format!("{body}{constants}"));
    }

    /// An enum; `over_aligned` says how its values lie if that is more than their own alignment.
    fn one_of(
        &mut self,
        name: &str,
        options: &[String],
        doc: &str,
        variants: &[Variant],
        over_aligned: Option<usize>,
    ) {
        let mut over_aligned = over_aligned.filter(|_| !self.packed);
        let mut body = String::new();
        let mut taken = Taken::default();
        for variant in variants {
            let wanted =
                if is_type_name(&variant.name) { variant.name.clone() } else { camel(&variant.name) };
            let ident = taken.take(wanted);
            let _ = writeln!(body, "    /// Tag {}.", variant.tag);
            let mut said = Vec::new();
            if ident != variant.name {
                said = with_name(said, &variant.name, &ident);
            }
            said.extend(former(&variant.attributes));
            body.push_str(&attribute("    ", &said));
            let value = variant.value.as_ref().map(|value| {
                let aligned = over_aligned.filter(|align| {
                    value.dims.is_empty() && value.shape.struct_size().is_some_and(|size| size % align == 0)
                });
                if aligned.is_some() {
                    over_aligned = None;
                }
                let ty = self.type_of(&ident, &value.dims, &value.shape, aligned);
                let options = match &value.shape {
                    Shape::Leaf(leaf, attributes) => leaf_options(leaf, attributes, false),
                    _ => Vec::new(),
                };
                let said = if options.is_empty() {
                    String::new()
                } else {
                    format!("#[event({})] ", options.join(", "))
                };
                format!("({said}{ty})")
            });
            let _ = writeln!(body, "    {ident}{} = {},", value.unwrap_or_default(), variant.tag);
        }
        let tags = format!("{doc} By tag: {}.", tag_remark(variants));
        let head = head(&tags, options);
        self.items.push(format!("{head}#[repr(u32)]\npub enum {name} {{\n{body}}}\n"));
    }
}

fn head(doc: &str, options: &[String]) -> String {
    let derive = "#[derive(Clone, Copy, Debug, slipring_journal::Event)]";
    format!("/// {doc}\n{derive}\n{}", attribute("", options))
}

/// A line `#[event(..)]`; nothing without options.
fn attribute(indent: &str, options: &[String]) -> String {
    if options.is_empty() { String::new() } else { format!("{indent}#[event({})]\n", options.join(", ")) }
}

/// A field with named numbers.
struct Named<'a> {
    field: &'a str,
    leaf: &'a Leaf,
}

/// The constants of a field with names.
fn enum_constants(text: &mut String, taken: &mut Taken, named: &Named<'_>, attributes: &Attributes) {
    let Meaning::Enum(names) = Meaning::of(named.leaf, attributes) else { return };
    let ty = named.leaf.scalar.name();
    for (name, value) in names {
        debug_assert!(is_enum_name(&name));
        let constant = taken.take(format!("{}_{}", upper(named.field), upper(&name)));
        let said = comment(&format!("`{}`: {name}.", named.field));
        let _ = writeln!(text, "    /// {said}\n    pub const {constant}: {ty} = {value};");
    }
}

/// A key as an identifier, or as text where it can't be one.
pub(super) fn key(name: &str) -> String {
    if is_identifier(name) && !NO_RAW.contains(&name) && !KEYWORDS.contains(&name) {
        name.to_owned()
    } else {
        format!("{name:?}")
    }
}

fn is_identifier(name: &str) -> bool {
    name != "_"
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// A name that begins with a capital hides no number type.
fn is_type_name(name: &str) -> bool {
    is_identifier(name) && name.starts_with(|c: char| c.is_ascii_uppercase()) && name != "Self"
}

fn field_name(name: &str, taken: &mut Taken) -> String {
    if NO_RAW.contains(&name) {
        return taken.take(format!("{}_", if name == "_" { "pad" } else { name }));
    }
    if KEYWORDS.contains(&name) {
        return taken.take(format!("r#{name}"));
    }
    let plain = if is_identifier(name) { name.to_owned() } else { identifier(name, "field") };
    let plain = if KEYWORDS.contains(&plain.as_str()) || NO_RAW.contains(&plain.as_str()) {
        plain + "_"
    } else {
        plain
    };
    taken.take(plain)
}

fn leaf_type(leaf: &Leaf) -> String {
    let mut ty = leaf.scalar.name().to_owned();
    for count in leaf.dims.iter().rev() {
        ty = format!("[{ty}; {count}]");
    }
    ty
}
