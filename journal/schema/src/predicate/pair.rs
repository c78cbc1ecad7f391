//! A field against a field.

use crate::kind::Kind;

use super::error::{Misread, PredicateFault};
use super::field::{Field, said};
use super::run::{Pair, Test};
use super::syntax::Op;

/// What kinds of fields compare with one another.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Number,
    Time,
    Enum,
    Bool,
    Text,
    Array,
}

pub(super) fn test(left: &Field, op: Op, right: &Field, at: usize) -> Result<Test, Misread> {
    if !fit(&left.kind, &right.kind) {
        return Err(misfit(left, right, at));
    }
    let pair = match (left.number(), right.number(), left.float(), right.float()) {
        (Some(one), Some(other), ..) => {
            let (scale, other_scale) = (scale(left), scale(right));
            // The one with fewer decimals goes first.
            if scale <= other_scale {
                Pair::Numbers { left: one, right: other, power: power(other_scale - scale), op }
            } else {
                Pair::Numbers { left: other, right: one, power: power(scale - other_scale), op: op.flipped() }
            }
        }
        (_, _, Some(left), Some(right)) => Pair::Floats { left, right, op },
        (_, Some(number), Some(float), _) => Pair::Mixed { float, number, power: power(scale(right)), op },
        (Some(number), _, _, Some(float)) => {
            Pair::Mixed { float, number, power: power(scale(left)), op: op.flipped() }
        }
        _ => match (left.text(), right.text()) {
            (Some(left), Some(right)) => Pair::Texts { left, right, op },
            _ => return Err(misfit(left, right, at)),
        },
    };
    Ok(Test::Pair(Box::new(pair)))
}

fn scale(field: &Field) -> u8 {
    field.storage().map_or(0, |(_, scale)| scale)
}

fn power(scale: u8) -> i128 {
    10i128.pow(u32::from(scale))
}

fn class(kind: &Kind) -> Class {
    match kind {
        Kind::Integer(_) | Kind::Decimal { .. } | Kind::Float32 | Kind::Float64 => Class::Number,
        Kind::Time { .. } => Class::Time,
        Kind::Enum { .. } => Class::Enum,
        Kind::Bool => Class::Bool,
        Kind::Text(_) | Kind::Bytes(_) => Class::Text,
        Kind::Array(..) => Class::Array,
    }
}

fn fit(left: &Kind, right: &Kind) -> bool {
    match (left, right) {
        // Numbers with other names mean something else.
        (Kind::Enum { names, .. }, Kind::Enum { names: others, .. }) => names == others,
        (Kind::Enum { .. }, Kind::Integer(_)) | (Kind::Integer(_), Kind::Enum { .. }) => true,
        _ => class(left) == class(right) && class(left) != Class::Array,
    }
}

fn misfit(left: &Field, right: &Field, at: usize) -> Misread {
    let write = match (&left.kind, &right.kind) {
        (Kind::Array(..), _) => format!("name an item: {}[0]", left.path),
        (_, Kind::Array(..)) => format!("name an item: {}[0]", right.path),
        (Kind::Time { .. }, Kind::Integer(_)) | (Kind::Integer(_), Kind::Time { .. }) => {
            "give the field that is no time a unit in the schema, time=ns".to_owned()
        }
        (Kind::Enum { .. }, Kind::Enum { .. }) => "their values have different names".to_owned(),
        _ => "compare fields of one kind".to_owned(),
    };
    let fault = PredicateFault::Mismatch {
        field: left.path.clone(),
        kind: said(&left.kind),
        test: "compared with",
        other: format!("{}, {}", right.path, said(&right.kind)),
        write,
    };
    Misread::new(at, fault)
}
