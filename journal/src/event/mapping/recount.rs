//! From one meaning of the same bytes to another: where a decimal has other digits, a time another unit or a
//! name another number, the number that lies there becomes the one that means the same. Names, units and
//! defaults for people turn nothing, nor does a meaning that nobody had said, or of another kind.

use std::collections::HashSet;

use super::leaf::{Leaf, Meaning, Scalar, described};
use super::outline::Outline;
use super::steps::{Case, MappingStep, Steps, Switch};
use crate::event::integer::Integer;
use crate::event::{Difference, Field, Schema};

/// How deep one-of events are looked at that lie in each other.
const MOST_NESTED: usize = 16;

/// How events of one layout become those whose numbers count otherwise.
#[derive(Clone, Debug)]
pub(crate) struct Recount {
    steps: Steps,
    event_bytes: usize,
}

/// One field whose number becomes another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Counted {
    at: usize,
    count: usize,
    number: Integer,
    by: By,
    /// For people: the field, what it was and what it is.
    field: String,
    found: String,
    wanted: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum By {
    /// So many of the newer units an older one is.
    Times(i128),
    /// So many of the older units a newer one is.
    Per(i128),
    /// Names: each older number with its newer one, by the older.
    Names(Vec<(i128, i128)>),
}

impl Recount {
    /// From events that `found` describes to those that `wanted` does; `None` if the layout is another, or
    /// all numbers count alike.
    pub(crate) fn between(found: &Schema, wanted: &Schema) -> Option<Self> {
        if found == wanted || !found.same_layout(wanted) || !found.is_possible() {
            return None;
        }
        let mut steps = scope(&Outline::of(found), &Outline::of(wanted), None, 0);
        if steps.is_empty() {
            return None;
        }
        steps.push(MappingStep::Copy { from: 0, to: 0, bytes: found.size });
        Some(Recount { steps, event_bytes: found.size })
    }

    /// Writes into `newer` what `older` is.
    ///
    /// # Errors
    /// The first number that the field can't hold so.
    ///
    /// # Panics
    /// If one of them has not as many bytes as the schema says.
    pub(crate) fn apply(&self, older: &[u8], newer: &mut [u8]) -> Result<(), Difference> {
        assert_eq!((older.len(), newer.len()), (self.event_bytes, self.event_bytes), "bytes of an event");
        self.steps.apply(older, newer)
    }
}

/// What counts otherwise in the event itself, or in a variant of both.
fn scope(found: &Outline<'_>, wanted: &Outline<'_>, variant: Option<&str>, depth: usize) -> Steps {
    let mut steps = Steps::default();
    let (Some(old), Some(new)) = (found.scope(variant), wanted.scope(variant)) else { return steps };
    // One layout: the same fields in the same order.
    old.fields.iter().zip(&new.fields).for_each(|(old, new)| {
        if let Some(counted) = Counted::between(old, new) {
            steps.count(counted);
        }
    });
    if depth == MOST_NESTED {
        return steps;
    }
    for one_of in &old.one_ofs {
        let (mut cases, mut names): (Vec<Case>, HashSet<&str>) = (Vec::new(), HashSet::new());
        for variant in one_of.variants.iter().filter(|variant| names.insert(&variant.line.name)) {
            let inner = scope(found, wanted, Some(&variant.line.name), depth + 1);
            if !inner.is_empty() {
                cases.push(Case { from_tag: variant.tag, to_tag: variant.tag, steps: inner });
            }
        }
        if !cases.is_empty() {
            cases.sort_by_key(|case| case.from_tag);
            let at = one_of.tag.offset;
            steps.switch(Switch { from: at, to: at, cases, known: Vec::new() });
        }
    }
    steps
}

impl Counted {
    fn between(found: &Field, wanted: &Field) -> Option<Self> {
        let (old, new) = (Leaf::of(found)?, Leaf::of(wanted)?);
        let Scalar::Integer(number) = new.scalar else { return None };
        let by = match (&old.meaning, &new.meaning) {
            (Meaning::Time(old, _), Meaning::Time(new, _)) if old > new => By::Times(i128::from(old / new)),
            (Meaning::Time(old, _), Meaning::Time(new, _)) if old < new => By::Per(i128::from(new / old)),
            (Meaning::Decimal(old), Meaning::Decimal(new)) if old < new => By::Times(10_i128.pow(new - old)),
            (Meaning::Decimal(old), Meaning::Decimal(new)) if old > new => By::Per(10_i128.pow(old - new)),
            (Meaning::Names(old), Meaning::Names(new)) => By::Names(moved(old, new)?),
            _ => return None,
        };
        Some(Counted {
            at: wanted.offset,
            count: new.count(),
            number,
            by,
            field: wanted.name.replace('/', "."),
            found: described(found),
            wanted: described(wanted),
        })
    }

    pub fn apply(&self, older: &[u8], newer: &mut [u8]) -> Result<(), Difference> {
        for index in 0..self.count {
            let at = self.at + index * self.number.bytes;
            let value = self.number.read(&older[at..]);
            let counted = self.by.turn(value).filter(|new| self.number.holds(*new));
            self.number.write(counted.ok_or_else(|| self.unfit(value))?, &mut newer[at..]);
        }
        Ok(())
    }

    #[cold]
    fn unfit(&self, value: i128) -> Difference {
        let why = match self.by {
            By::Times(_) => "is too great for that: give the field a wider number in a newer version",
            By::Per(_) => "has digits that would be lost: leave the field what it counts",
            By::Names(_) => "had no such name, and has one now: leave each name its number",
        };
        let advice = format!("{value}, as it lies there, {why}");
        Difference {
            field: self.field.clone(),
            found: self.found.clone(),
            wanted: self.wanted.clone(),
            advice,
        }
    }
}

impl By {
    /// `None` if there is no such number.
    #[inline]
    fn turn(&self, value: i128) -> Option<i128> {
        match self {
            By::Times(factor) => value.checked_mul(*factor),
            By::Per(factor) => (value % factor == 0).then(|| value / factor),
            By::Names(moved) => match moved.binary_search_by_key(&value, |(was, _)| *was) {
                Ok(at) => Some(moved[at].1),
                // Another name has that number now.
                Err(_) => moved.iter().all(|(_, is)| *is != value).then_some(value),
            },
        }
    }
}

/// The older numbers of names with those that they have now; `None` if all are the same. Of several with one
/// name the first counts, as for whoever shows them; so it does of several with one number.
fn moved(old: &[(String, i128)], new: &[(String, i128)]) -> Option<Vec<(i128, i128)>> {
    let is_shown = |(at, (name, value)): &(usize, &(String, i128))| {
        !old[..*at].iter().any(|(other, was)| other == name || was == value)
    };
    let mut moved: Vec<(i128, i128)> = old
        .iter()
        .enumerate()
        .filter(is_shown)
        .filter_map(|(_, (name, was))| {
            // Another name of the same number will do.
            let mut alike = old.iter().filter(|(_, value)| value == was).map(|(name, _)| name);
            let stays = alike.any(|name| new.iter().any(|(other, is)| other == name && is == was));
            let now = new.iter().find(|(other, _)| other == name).map(|(_, is)| *is);
            Some((*was, if stays { *was } else { now? }))
        })
        .collect();
    moved.sort_unstable();
    moved.iter().any(|(was, is)| was != is).then_some(moved)
}
