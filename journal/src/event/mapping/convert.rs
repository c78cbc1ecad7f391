//! From one field to another: what is done, or why it can't be.

use super::leaf::{Leaf, Meaning, Scalar, described};
use super::steps::MappingStep;
use crate::event::Field;

/// What to do where the derived mapping ends.
const UPCAST: &str = "say how in `impl Upcast`";

/// The step that makes `wanted` of `found`; `None` if there are no bytes. What to do, if there is no step.
pub(super) fn step(found: &Field, wanted: &Field) -> Result<Option<MappingStep>, String> {
    let (from, to) = (found.offset, wanted.offset);
    let copy = |bytes: usize| (bytes > 0).then_some(MappingStep::Copy { from, to, bytes });
    let (Some(old), Some(new)) = (Leaf::of(found), Leaf::of(wanted)) else {
        let same = (&found.kind, found.size) == (&wanted.kind, wanted.size);
        return if same { Ok(copy(wanted.size)) } else { Err(keep(found)) };
    };
    if old.dims.len() != new.dims.len() {
        return Err(format!("a number and an array are two things: {}", keep(found)));
    }
    let factor = factor(found, &old.meaning, &new.meaning)?;
    if let (Some(old_bytes), Some(new_bytes)) = (old.string_bytes(), new.string_bytes()) {
        let outer = |leaf: &Leaf| leaf.dims[..leaf.dims.len() - 1].to_vec();
        if outer(&old) != outer(&new) {
            return Err(format!("an array keeps its length: {}", keep(found)));
        }
        if new_bytes < old_bytes {
            return Err(format!("it would be cut: {}", keep(found)));
        }
        if old_bytes == new_bytes {
            return Ok(copy(wanted.size));
        }
        let count = outer(&old).iter().product();
        let step = match count {
            1 => MappingStep::Copy { from, to, bytes: old_bytes },
            count => MappingStep::Strings { from, to, count, bytes: (old_bytes, new_bytes) },
        };
        return Ok((found.size > 0).then_some(step));
    }
    if old.dims != new.dims {
        return Err(format!("an array keeps its length: {}", keep(found)));
    }
    if old.scalar == new.scalar && factor == 1 {
        return Ok(copy(wanted.size));
    }
    let count = new.count();
    let step = match (old.scalar, new.scalar) {
        (Scalar::Float32, Scalar::Float64) => MappingStep::Floats { from, to, count },
        (Scalar::Integer(old), Scalar::Integer(new)) => {
            if old.signed && !new.signed {
                return Err(format!("it may be below zero: {}", keep(found)));
            }
            if !new.holds_all(old, 1) {
                return Err(format!("it may be too great for that: {}", keep(found)));
            }
            if !new.holds_all(old, factor.unsigned_abs()) {
                let why = "counted so finely it may be too great for that";
                return Err(format!("{why}: take a wider number, or {UPCAST}"));
            }
            MappingStep::Integers { from, to, count, kinds: (old, new), factor }
        }
        _ => return Err(format!("these are two kinds of numbers: {}", keep(found))),
    };
    Ok((found.size > 0).then_some(step))
}

fn keep(found: &Field) -> String {
    format!("keep `{}`, or {UPCAST}", described(found))
}

/// How many of the newer units an older one is. What nobody had said of a number may be said, and a meaning
/// may go.
fn factor(found: &Field, old: &Meaning, new: &Meaning) -> Result<i128, String> {
    match (old, new) {
        (Meaning::Plain, _) | (_, Meaning::Plain) => Ok(1),
        (Meaning::Time(old, _), Meaning::Time(new, _)) if old >= new => Ok(i128::from(old / new)),
        (Meaning::Decimal(old), Meaning::Decimal(new)) if old <= new => Ok(10i128.pow(new - old)),
        (Meaning::Time(..), Meaning::Time(..)) | (Meaning::Decimal(_), Meaning::Decimal(_)) => {
            Err(format!("digits would be lost: {}", keep(found)))
        }
        (Meaning::Names(old), Meaning::Names(new)) => {
            old.iter().find_map(|(name, value)| other_name(name, *value, new)).map_or(Ok(1), Err)
        }
        (old, new) if std::mem::discriminant(old) == std::mem::discriminant(new) => Ok(1),
        (old, new) => Err(format!("{} is not {}: {}", old.word(), new.word(), keep(found))),
    }
}

/// What is in the way of a number that had this name: it has another one now, or the name another number. A
/// number may lose its name, or get one where it had none.
fn other_name(name: &str, value: i128, new: &[(String, i128)]) -> Option<String> {
    let now: Vec<i128> = new.iter().filter(|(other, _)| other == name).map(|(_, now)| *now).collect();
    if now.contains(&value) {
        return None;
    }
    if let Some(now) = now.first() {
        return Some(format!("`{name}` was {value} and can't be {now}: leave it its number, or {UPCAST}"));
    }
    let (other, _) = new.iter().find(|(_, now)| *now == value)?;
    Some(format!("{value} was `{name}` and can't be `{other}`: keep that name, or {UPCAST}"))
}
