//! What is done with an event's bytes, in order: nothing here knows schemas.

use super::recount::Counted;
use crate::event::Difference;
use crate::event::integer::Integer;

/// What makes a newer event of an older one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Steps {
    steps: Vec<MappingStep>,
    /// Bytes that every newer event has there: its defaults.
    fixed: Vec<(usize, Box<[u8]>)>,
    switches: Vec<Switch>,
    /// Numbers that count otherwise. Only they can fail.
    counted: Vec<Counted>,
}

/// One step. All places are bytes from the start of the event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MappingStep {
    Copy {
        from: usize,
        to: usize,
        bytes: usize,
    },
    /// Texts into longer ones: so many of so many bytes each, zeros behind each.
    Strings {
        from: usize,
        to: usize,
        count: usize,
        bytes: (usize, usize),
    },
    Integers {
        from: usize,
        to: usize,
        count: usize,
        kinds: (Integer, Integer),
        factor: i128,
    },
    /// `f32` into `f64`.
    Floats {
        from: usize,
        to: usize,
        count: usize,
    },
}

/// A one-of event within an event: what is done depends on its tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Switch {
    pub from: usize,
    pub to: usize,
    /// In the order of the older tags.
    pub cases: Vec<Case>,
    /// The tags that mean something in the newer type, in order.
    pub known: Vec<u32>,
}

/// A variant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Case {
    pub from_tag: u32,
    pub to_tag: u32,
    pub steps: Steps,
}

impl Steps {
    pub fn push(&mut self, step: MappingStep) {
        self.steps.push(step);
    }

    pub fn extend(&mut self, steps: impl IntoIterator<Item = MappingStep>) {
        self.steps.extend(steps);
    }

    /// Zeros at the end, of which there may be very many, are there anyway.
    pub fn fix(&mut self, at: usize, mut bytes: Vec<u8>) {
        let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        bytes.truncate(end);
        self.fixed.push((at, bytes.into()));
    }

    pub fn switch(&mut self, switch: Switch) {
        self.switches.push(switch);
    }

    pub fn count(&mut self, counted: Counted) {
        self.counted.push(counted);
    }

    /// Whether nothing is done.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.fixed.is_empty() && self.switches.is_empty() && self.counted.is_empty()
    }

    /// Makes one copy of those that are neighbours in both events.
    pub fn merge(&mut self) {
        self.steps.sort_by_key(|step| step.place());
        self.steps.dedup_by(|next, last| match (last, *next) {
            (
                MappingStep::Copy { from, to, bytes },
                MappingStep::Copy { from: next_from, to: next_to, bytes: next_bytes },
            ) if *from + *bytes == next_from && *to + *bytes == next_to => {
                *bytes += next_bytes;
                true
            }
            _ => false,
        });
    }

    /// How many steps there are, those of all variants too.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        let inner = self.switches.iter().flat_map(|switch| &switch.cases).map(|case| case.steps.len());
        self.steps.len() + inner.sum::<usize>()
    }

    /// `newer` is zeros where nothing is said of it.
    pub fn apply(&self, older: &[u8], newer: &mut [u8]) -> Result<(), Difference> {
        for step in &self.steps {
            step.apply(older, newer);
        }
        for (at, bytes) in &self.fixed {
            newer[*at..*at + bytes.len()].copy_from_slice(bytes);
        }
        self.switches.iter().try_for_each(|switch| switch.apply(older, newer))?;
        self.counted.iter().try_for_each(|counted| counted.apply(older, newer))
    }
}

impl Steps {
    /// Sets the bytes of the newer event that `older` says something of; defaults and zeros are said by
    /// nobody.
    pub fn mark_told(&self, older: &[u8], told: &mut [u8]) {
        for step in &self.steps {
            step.mark_told(told);
        }
        for switch in &self.switches {
            told[switch.to..][..4].fill(u8::MAX);
            if let Some(case) = switch.case(older) {
                case.steps.mark_told(older, told);
            }
        }
    }
}

impl MappingStep {
    /// Where it writes.
    fn place(&self) -> usize {
        let (MappingStep::Copy { to, .. }
        | MappingStep::Strings { to, .. }
        | MappingStep::Integers { to, .. }
        | MappingStep::Floats { to, .. }) = self;
        *to
    }

    fn mark_told(self, told: &mut [u8]) {
        let (to, bytes) = match self {
            MappingStep::Copy { to, bytes, .. } => (to, bytes),
            MappingStep::Integers { to, count, kinds: (_, new), .. } => (to, count * new.bytes),
            MappingStep::Floats { to, count, .. } => (to, 8 * count),
            MappingStep::Strings { to, count, bytes: (old_bytes, new_bytes), .. } => {
                // What stands behind the older text is no part of it.
                (0..count).for_each(|index| told[to + index * new_bytes..][..old_bytes].fill(u8::MAX));
                return;
            }
        };
        told[to..to + bytes].fill(u8::MAX);
    }

    #[inline]
    fn apply(self, older: &[u8], newer: &mut [u8]) {
        match self {
            MappingStep::Copy { from, to, bytes } => {
                newer[to..to + bytes].copy_from_slice(&older[from..from + bytes]);
            }
            MappingStep::Strings { from, to, count, bytes: (old_bytes, new_bytes) } => {
                for index in 0..count {
                    let old = &older[from + index * old_bytes..][..old_bytes];
                    newer[to + index * new_bytes..][..old_bytes].copy_from_slice(old);
                }
            }
            MappingStep::Integers { from, to, count, kinds: (old, new), factor } => {
                for index in 0..count {
                    // The plan has refused what could overflow.
                    let value = old.read(&older[from + index * old.bytes..]).wrapping_mul(factor);
                    new.write(value, &mut newer[to + index * new.bytes..]);
                }
            }
            MappingStep::Floats { from, to, count } => {
                for index in 0..count {
                    let mut bytes = [0; 4];
                    bytes.copy_from_slice(&older[from + 4 * index..][..4]);
                    let value = f64::from(f32::from_le_bytes(bytes));
                    newer[to + 8 * index..][..8].copy_from_slice(&value.to_le_bytes());
                }
            }
        }
    }
}

impl Switch {
    fn tag(&self, older: &[u8]) -> u32 {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(&older[self.from..][..4]);
        u32::from_le_bytes(bytes)
    }

    fn case(&self, older: &[u8]) -> Option<&Case> {
        let tag = self.tag(older);
        self.cases.binary_search_by_key(&tag, |case| case.from_tag).ok().map(|at| &self.cases[at])
    }

    /// An event of no known variant stays one: its tag stays, or is 0 where the newer type has given that
    /// number to a variant.
    fn apply(&self, older: &[u8], newer: &mut [u8]) -> Result<(), Difference> {
        let (tag, case) = (self.tag(older), self.case(older));
        let new_tag = match case {
            Some(case) => case.to_tag,
            None if self.known.binary_search(&tag).is_ok() => 0,
            None => tag,
        };
        newer[self.to..][..4].copy_from_slice(&new_tag.to_le_bytes());
        case.map_or(Ok(()), |case| case.steps.apply(older, newer))
    }
}
