//! A header for C11 and C++11: structs with explicit padding, and the compiler's word on every offset.

use super::names::{Taken, comment, identifier, remarks, tag_remark, upper};
use crate::tree::layout::value_at;
use crate::tree::meaning::Meaning;
use crate::tree::scalar::{Leaf, Scalar};
use crate::tree::{Attributes, Member, Shape, Tree, Variant};
use slipring_journal::{RECORD_HEADER_BYTES, Schema};
use std::fmt::Write;

/// Words that C or C++ keep for themselves, and the types of `stdint.h`.
const KEYWORDS: &[&str] = &[
    "alignas",
    "alignof",
    "and",
    "and_eq",
    "asm",
    "auto",
    "bitand",
    "bitor",
    "bool",
    "break",
    "case",
    "catch",
    "char",
    "char16_t",
    "char32_t",
    "char8_t",
    "class",
    "co_await",
    "co_return",
    "co_yield",
    "compl",
    "concept",
    "const",
    "const_cast",
    "consteval",
    "constexpr",
    "constinit",
    "continue",
    "decltype",
    "default",
    "delete",
    "do",
    "double",
    "dynamic_cast",
    "else",
    "enum",
    "explicit",
    "export",
    "extern",
    "false",
    "float",
    "for",
    "friend",
    "goto",
    "if",
    "inline",
    "int",
    "long",
    "mutable",
    "namespace",
    "new",
    "noexcept",
    "not",
    "not_eq",
    "nullptr",
    "operator",
    "or",
    "or_eq",
    "private",
    "protected",
    "public",
    "register",
    "reinterpret_cast",
    "requires",
    "restrict",
    "return",
    "short",
    "signed",
    "sizeof",
    "static",
    "static_assert",
    "static_cast",
    "struct",
    "switch",
    "template",
    "this",
    "thread_local",
    "throw",
    "true",
    "try",
    "typedef",
    "typeid",
    "typename",
    "typeof",
    "typeof_unqual",
    "union",
    "unsigned",
    "using",
    "virtual",
    "void",
    "volatile",
    "wchar_t",
    "while",
    "xor",
    "xor_eq",
    "int8_t",
    "int16_t",
    "int32_t",
    "int64_t",
    "uint8_t",
    "uint16_t",
    "uint32_t",
    "uint64_t",
    "linux",
    "unix",
    "errno",
    "NULL",
];

const TOP: &str = "\
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
#define SLIPRING_ASSERT(truth) static_assert(truth, #truth)
#else
#define SLIPRING_ASSERT(truth) _Static_assert(truth, #truth)
#endif

#ifndef SLIPRING_RECORD_HEADER
#define SLIPRING_RECORD_HEADER
/* In front of every event. */
struct slipring_record_header {
    /* Journal time: nanoseconds since 1970-01-01T00:00:00Z. */
    uint64_t time_ns;
    /* Bits 0-3: kind, 1 for an event, 2 for a void record. Bits 4-31: epoch. */
    uint32_t epoch_kind;
    /* CRC-32C; docs/reference/format.md says over what. */
    uint32_t crc;
};
#endif
";

pub(super) fn generate(schema: &Schema) -> String {
    let tree = Tree::of(schema);
    let name = identifier(&tree.name, "event");
    let name = if KEYWORDS.contains(&name.as_str()) { name + "_" } else { name };
    let mut writer = Writer {
        packed: tree.packed,
        types: Taken::default(),
        macros: Taken::default(),
        text: String::new(),
        checks: String::new(),
    };
    let name = writer.types.take(name);
    let guard = format!("SLIPRING_EVENT_{}_H", upper(&tree.name));
    match &tree.shape {
        Shape::OneOf(variants) => writer.one_of(&name, variants, tree.align, schema.size),
        Shape::Struct(members) => writer.structure(&name, members),
        Shape::Leaf(..) => {}
    }
    let mut text = format!(
        "/* Written by slipring from the schema `{}`. Little-endian, as journals are. */\n#ifndef {guard}\n\
         #define {guard}\n\n{TOP}",
        comment(&tree.name)
    );
    if schema.fields.iter().any(|field| field.kind.contains("128")) {
        text.push_str(
            "\n#ifndef __SIZEOF_INT128__\n#error \"this event has integers of 128 bits\"\n#endif\n",
        );
    }
    if tree.packed {
        text.push_str("\n#pragma pack(push, 1)\n");
    }
    text.push_str(&writer.text);
    if tree.packed {
        text.push_str("\n#pragma pack(pop)\n");
    }
    let record = (RECORD_HEADER_BYTES + schema.size).next_multiple_of(8);
    let rest = record - RECORD_HEADER_BYTES - schema.size;
    let zeros = if rest == 0 { String::new() } else { format!("    uint8_t zeros[{rest}];\n") };
    let _ = write!(
        text,
        "\n/* As it lies in a segment. */\nstruct {name}_record {{\n    struct slipring_record_header header;\n    \
         struct {name} event;\n{zeros}}};\n\nSLIPRING_ASSERT(sizeof(struct {name}) == {size});\n\
         SLIPRING_ASSERT(offsetof(struct {name}_record, event) == {RECORD_HEADER_BYTES});\n\
         SLIPRING_ASSERT(sizeof(struct {name}_record) == {record});\n{checks}\n#endif\n",
        size = schema.size,
        checks = writer.checks,
    );
    text
}

struct Writer {
    packed: bool,
    types: Taken,
    macros: Taken,
    text: String,
    checks: String,
}

impl Writer {
    /// The struct `name`, behind those that it holds.
    fn structure(&mut self, name: &str, members: &[Member]) {
        let mut body = String::new();
        let mut defines = String::new();
        let mut taken = Taken::default();
        let mut at = 0;
        for member in members {
            let Some(size) = member.size(self.packed) else { continue };
            if size == 0 {
                let _ = writeln!(body, "    /* `{}` has no bytes. */", comment(&member.name));
                continue;
            }
            let ident = field_name(&member.name, &mut taken);
            let ty = self.type_of(name, &ident, &member.shape);
            let mut said = if ident == member.name {
                Vec::new()
            } else {
                vec![format!("Named `{}` in the schema.", comment(&member.name))]
            };
            if let Shape::Leaf(leaf, attributes) = &member.shape {
                said.extend(remarks(leaf, attributes));
                self.enum_constants(&mut defines, &format!("{name}_{}", member.name), leaf, attributes);
            }
            if !said.is_empty() {
                let _ = writeln!(body, "    /* {} */", said.join(" "));
            }
            let _ = writeln!(body, "    {ty} {ident}{};", counts(&member.dims, &member.shape));
            let _ = writeln!(self.checks, "SLIPRING_ASSERT(offsetof(struct {name}, {ident}) == {at});");
            at += size;
        }
        let _ = write!(self.text, "{}\nstruct {name} {{\n{body}}};\n", spaced(&defines));
    }

    /// A one-of event: its tag and a union of the values.
    fn one_of(&mut self, name: &str, variants: &[Variant], align: usize, size: usize) {
        let value_at = value_at(variants, align, self.packed).unwrap_or(4);
        let mut body = String::new();
        let mut defines = String::new();
        let mut taken = Taken::default();
        for variant in variants {
            let define = self.macros.take(format!("{}_TAG_{}", upper(name), upper(&variant.name)));
            let _ = writeln!(defines, "#define {define} UINT32_C({})", variant.tag);
            let Some(value) = &variant.value else { continue };
            if value.size(self.packed).is_none_or(|size| size == 0) {
                continue;
            }
            let ident = field_name(&variant.name, &mut taken);
            let ty = self.type_of(name, &ident, &value.shape);
            if let Shape::Leaf(leaf, attributes) = &value.shape {
                let said = remarks(leaf, attributes);
                if !said.is_empty() {
                    let _ = writeln!(body, "        /* {} */", said.join(" "));
                }
                self.enum_constants(&mut defines, &format!("{name}_{}", variant.name), leaf, attributes);
            }
            let _ = writeln!(body, "        {ty} {ident}{};", counts(&value.dims, &value.shape));
        }
        let all = taken.take("bytes".to_owned());
        let gap = if value_at > 4 { format!("    uint8_t gap[{}];\n", value_at - 4) } else { String::new() };
        let _ = write!(
            self.text,
            "{}\n/* By tag: {}. */\nstruct {name} {{\n    uint32_t tag;\n{gap}    union {{\n{body}        \
             uint8_t {all}[{}];\n    }} value;\n}};\n",
            spaced(&defines),
            tag_remark(variants),
            size.saturating_sub(value_at),
        );
        let _ = writeln!(self.checks, "SLIPRING_ASSERT(offsetof(struct {name}, value) == {value_at});");
    }

    fn type_of(&mut self, outer: &str, field: &str, shape: &Shape) -> String {
        let name = match shape {
            Shape::Leaf(leaf, _) => return number(leaf.scalar).to_owned(),
            _ => self.types.take(format!("{outer}_{field}")),
        };
        match shape {
            Shape::OneOf(variants) => {
                let size = shape.size(self.packed).unwrap_or(0);
                self.one_of(&name, variants, 1, size);
            }
            Shape::Struct(members) => self.structure(&name, members),
            Shape::Leaf(..) => {}
        }
        format!("struct {name}")
    }

    fn enum_constants(&mut self, text: &mut String, prefix: &str, leaf: &Leaf, attributes: &Attributes) {
        let Meaning::Enum(names) = Meaning::of(leaf, attributes) else { return };
        for (name, value) in names {
            let define = self.macros.take(format!("{}_{}", upper(prefix), upper(&name)));
            let literal = literal(leaf.scalar, &value);
            let Some(literal) = literal else {
                let _ = writeln!(text, "/* {define}: {value}, which is no literal of C */");
                continue;
            };
            let _ = writeln!(text, "#define {define} {literal}");
        }
    }
}

fn spaced(defines: &str) -> String {
    if defines.is_empty() { String::new() } else { format!("\n{defines}") }
}

/// An integer as the preprocessor takes it.
fn literal(scalar: Scalar, value: &str) -> Option<String> {
    let bits = scalar.size() * 8;
    let unsigned = if scalar.is_signed() { "" } else { "U" };
    if bits == 128 {
        let fits = value.parse::<i64>().is_ok_and(|value| value > i64::MIN);
        return fits.then(|| format!("(INT64_C({value}))"));
    }
    if value.parse::<i64>() == Ok(i64::MIN) {
        return Some("(-INT64_C(9223372036854775807) - 1)".to_owned());
    }
    Some(match value.strip_prefix('-') {
        Some(value) => format!("(-INT{bits}_C({value}))"),
        None => format!("{unsigned}INT{bits}_C({value})"),
    })
}

/// The counts behind a field's name.
fn counts(dims: &[usize], shape: &Shape) -> String {
    let own = match shape {
        Shape::Leaf(leaf, _) => leaf.dims.as_slice(),
        _ => &[],
    };
    dims.iter().chain(own).map(|count| format!("[{count}]")).collect()
}

fn field_name(name: &str, taken: &mut Taken) -> String {
    let plain = identifier(name, "field");
    taken.take(if KEYWORDS.contains(&plain.as_str()) { plain + "_" } else { plain })
}

fn number(scalar: Scalar) -> &'static str {
    match scalar {
        Scalar::U8 => "uint8_t",
        Scalar::U16 => "uint16_t",
        Scalar::U32 => "uint32_t",
        Scalar::U64 => "uint64_t",
        Scalar::U128 => "unsigned __int128",
        Scalar::I8 => "int8_t",
        Scalar::I16 => "int16_t",
        Scalar::I32 => "int32_t",
        Scalar::I64 => "int64_t",
        Scalar::I128 => "__int128",
        Scalar::F32 => "float",
        Scalar::F64 => "double",
    }
}
