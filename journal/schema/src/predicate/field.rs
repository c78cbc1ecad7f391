//! Columns as a predicate names them.

use crate::kind::{Integer, Kind, TimeUnit};
use crate::table::{EPOCH, SEQUENCE, TIME, Table};

use super::error::{Misread, PredicateFault, near};
use super::run::{FloatLoad, Load, NumberLoad, TextLoad};
use super::syntax::shown;

/// A field, or an item of one.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) path: String,
    pub(super) kind: Kind,
    pub(super) from: From,
    /// The tags that an event must have to have it.
    pub(super) when: Vec<(usize, u32)>,
    /// The schema lies: no event has it.
    pub(super) is_absent: bool,
}

/// Where its value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    Sequence,
    Time,
    Epoch,
    Event(usize),
}

impl Field {
    /// The field of a path; `None` if there is none.
    pub(super) fn find(path: &str, at: usize, table: &Table) -> Result<Option<Self>, Misread> {
        let u64_storage = Integer { bytes: 8, signed: false };
        let ns = TimeUnit::Nanoseconds;
        let (kind, from) = match path {
            SEQUENCE => (Kind::Integer(u64_storage), From::Sequence),
            TIME => (Kind::Time { storage: u64_storage, unit: ns, input: ns }, From::Time),
            EPOCH => (Kind::Integer(Integer { bytes: 4, signed: false }), From::Epoch),
            _ => return Field::of_event(path, at, table),
        };
        let path = path.to_owned();
        Ok(Some(Field { path, kind, from, when: Vec::new(), is_absent: false }))
    }

    fn of_event(path: &str, at: usize, table: &Table) -> Result<Option<Self>, Misread> {
        if let Some(index) = table.find(path) {
            let column = &table.columns[index];
            let is_out = |offset: usize, bytes: usize| {
                offset.checked_add(bytes).is_none_or(|end| end > table.event_bytes)
            };
            return Ok(Some(Field {
                path: path.to_owned(),
                kind: column.kind.clone(),
                from: From::Event(column.offset),
                when: column.when.clone(),
                is_absent: is_out(column.offset, column.kind.bytes())
                    || column.when.iter().any(|(offset, _)| is_out(*offset, 4)),
            }));
        }
        // The brackets at its end one by one: `legs[0].ids[2][1]`.
        let mut whole = path;
        let mut indexes = Vec::new();
        while let Some((before, index)) = whole.strip_suffix(']').and_then(|text| text.rsplit_once('[')) {
            let Ok(index) = index.parse::<usize>() else { break };
            indexes.push(index);
            whole = before;
            if let Some(column) = table.find(whole) {
                let mut field = Field::of_event(&table.columns[column].path, at, table)?;
                for index in indexes.into_iter().rev() {
                    field = field.map(|field| field.item(index, at)).transpose()?;
                }
                return Ok(field);
            }
        }
        Ok(None)
    }

    fn item(self, index: usize, at: usize) -> Result<Self, Misread> {
        let (item, count) = match &self.kind {
            Kind::Array(item, count) => ((**item).clone(), *count),
            Kind::Bytes(count) => (Kind::Integer(Integer { bytes: 1, signed: false }), *count),
            kind => {
                let fault = PredicateFault::NoArray { kind: said(kind), field: self.path };
                return Err(Misread::new(at, fault));
            }
        };
        if index >= count {
            return Err(Misread::new(at, PredicateFault::NoItem { field: self.path, count }));
        }
        let from = match self.from {
            // An item of what is out of the event is absent too; its place does not matter.
            From::Event(offset) => From::Event(offset.saturating_add(index * item.bytes())),
            from => from,
        };
        Ok(Field { path: format!("{}[{index}]", self.path), kind: item, from, ..self })
    }

    /// Where its bytes are; those that are not in the event are at its start.
    pub(super) fn offset(&self) -> usize {
        match self.from {
            From::Event(offset) => offset,
            _ => 0,
        }
    }

    /// How it lies in the event, and the digits behind the point (of seconds, if it is a time), if it is a
    /// whole number of some kind.
    pub(super) fn storage(&self) -> Option<(Integer, u8)> {
        Some(match &self.kind {
            Kind::Integer(storage) | Kind::Enum { storage, .. } => (*storage, 0),
            Kind::Decimal { storage, scale } => (*storage, *scale),
            Kind::Time { storage, unit, .. } => (*storage, 9 - unit.nanos().ilog10() as u8),
            Kind::Bool => (Integer { bytes: 1, signed: false }, 0),
            _ => return None,
        })
    }

    /// Its value as a word, if it is a whole number of up to 64 bits.
    pub(super) fn word(&self) -> Option<Load> {
        let (storage, _) = self.storage()?;
        let offset = match self.from {
            From::Sequence => return Some(Load::Sequence),
            From::Time => return Some(Load::Time),
            From::Epoch => return Some(Load::Epoch),
            From::Event(offset) => offset,
        };
        Some(match (storage.signed, storage.bytes) {
            (false, 1) => Load::U8(offset),
            (false, 2) => Load::U16(offset),
            (false, 4) => Load::U32(offset),
            (false, 8) => Load::U64(offset),
            (true, 1) => Load::I8(offset),
            (true, 2) => Load::I16(offset),
            (true, 4) => Load::I32(offset),
            (true, 8) => Load::I64(offset),
            _ => return None,
        })
    }

    pub(super) fn number(&self) -> Option<NumberLoad> {
        let (storage, _) = self.storage()?;
        Some(match self.word() {
            Some(load) => NumberLoad::Word(load, storage.signed),
            None if storage.signed => NumberLoad::I128(self.offset()),
            None => NumberLoad::U128(self.offset()),
        })
    }

    pub(super) fn float(&self) -> Option<FloatLoad> {
        match self.kind {
            Kind::Float32 => Some(FloatLoad::F32(self.offset())),
            Kind::Float64 => Some(FloatLoad::F64(self.offset())),
            _ => None,
        }
    }

    pub(super) fn text(&self) -> Option<TextLoad> {
        match self.kind {
            Kind::Text(bytes) | Kind::Bytes(bytes) => Some(TextLoad { offset: self.offset(), bytes }),
            _ => None,
        }
    }

    /// Text of up to eight bytes as a word: eight bytes of the event with the field's at their start, or at
    /// their end.
    pub(super) fn text_word(&self, event_bytes: usize) -> Option<Load> {
        let TextLoad { offset, bytes } = self.text().filter(|text| (1..=8).contains(&text.bytes))?;
        let shift = match () {
            () if offset + 8 <= event_bytes => 0,
            () if offset + bytes >= 8 => 8 - bytes,
            () => return None,
        };
        Some(Load::Text { offset: offset - shift, shift: 8 * shift as u8, bytes: bytes as u8 })
    }
}

/// No field has that path.
pub(super) fn unknown(path: &str, at: usize, table: &Table) -> Misread {
    let own = [SEQUENCE, TIME, EPOCH];
    let names = || table.columns.iter().map(|column| column.path.as_str()).chain(own);
    let fault = PredicateFault::UnknownField {
        name: shown(path),
        near: near(path, names()),
        fields: names().map(str::to_owned).collect(),
    };
    Misread::new(at, fault)
}

/// What a field is, in a sentence.
pub(super) fn said(kind: &Kind) -> String {
    match kind {
        Kind::Integer(storage) => format!("a whole number ({})", storage.name()),
        Kind::Float32 => "a float (f32)".to_owned(),
        Kind::Float64 => "a float (f64)".to_owned(),
        Kind::Bool => "true or false".to_owned(),
        Kind::Decimal { scale, .. } => format!("a decimal with scale {scale}"),
        Kind::Time { unit, .. } => format!("a time in {}", unit.sign()),
        Kind::Enum { .. } => "an enum".to_owned(),
        Kind::Text(bytes) => format!("text of {bytes} bytes"),
        Kind::Bytes(bytes) => format!("{bytes} bytes"),
        Kind::Array(_, count) => format!("an array of {count}"),
    }
}
