//! Text into an event's bytes: exactly, or not at all.

use serde_json::value::RawValue;

use crate::fault::FieldFault;
use crate::kind::{Integer, Kind, TimeUnit};
use crate::number::{self, NumberFault, Scaled};
use crate::table::Column;
use crate::time_text;

/// What may be done to a value that does not fit as it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct ParseOptions {
    /// Cut text that is too long, at the end of a character.
    pub truncate_text: bool,
    /// Round times that are finer than what the field counts.
    pub round_times: bool,
}

/// What was done to a value so that it fits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    /// Text was cut.
    pub truncated: bool,
    /// A time was rounded.
    pub rounded: bool,
}

/// What of a value does not fit; [`Column::parse`] says where.
enum Misfit {
    NotA,
    OutOfRange(&'static str),
    TooFine(String, &'static str),
    TooLong(usize, usize),
}

impl Column {
    /// Puts the value that `text` says into `event`. An empty text is as none at all if the field is no text,
    /// or has a default: see [`Column::parse_none`]. An event's variant must be in it before its fields.
    ///
    /// # Errors
    /// The text is no value of this field; `event` is as it was.
    pub fn parse(&self, text: &str, event: &mut [u8], options: &ParseOptions) -> Result<Parsed, FieldFault> {
        if text.is_empty() && self.default.is_some() {
            return self.parse_none(event).map(|()| Parsed::default());
        }
        self.parse_given(text, event, options)
    }

    /// As [`Column::parse`], of a text that an input has in so many words, as a quoted cell of CSV and a
    /// string of JSON: an empty one is a value of a field of text, whatever its default.
    ///
    /// ```
    /// # use slipring_journal::Schema;
    /// # use slipring_schema::{ParseOptions, Table};
    /// let schema = Schema::from_text("Order 4\nvenue [u8;4] 0 4\ttext=\tdefault=XNAS\n").unwrap();
    /// let venue = &Table::new(&schema).columns[0];
    /// let mut event = [0; 4];
    /// venue.parse("", &mut event, &ParseOptions::default())?;
    /// assert_eq!(&event, b"XNAS");
    /// venue.parse_given("", &mut event, &ParseOptions::default())?;
    /// assert_eq!(event, [0; 4]);
    /// # Ok::<(), slipring_schema::FieldFault>(())
    /// ```
    ///
    /// # Errors
    /// As [`Column::parse`].
    pub fn parse_given(
        &self,
        text: &str,
        event: &mut [u8],
        options: &ParseOptions,
    ) -> Result<Parsed, FieldFault> {
        if text.is_empty() && !matches!(self.kind, Kind::Text(_)) {
            return self.parse_none(event).map(|()| Parsed::default());
        }
        if !self.is_in(event) {
            let (field, text) = (self.path.clone(), shortened(text));
            return if text.is_empty() {
                Ok(Parsed::default())
            } else {
                Err(FieldFault::OtherVariant { field, text })
            };
        }
        let bytes = self.offset..self.offset + self.kind.bytes();
        let Some(bytes) = event.get_mut(bytes) else { return Ok(Parsed::default()) };
        self.kind.parse(text, bytes, options).map_err(|misfit| self.fault(text, misfit))
    }

    /// Takes the field's default where an input has no value. Nothing is done if the event is of another
    /// variant.
    ///
    /// # Errors
    /// [`FieldFault::Missing`] if it has none, [`FieldFault::NoVariant`] if it says the event's variant.
    pub fn parse_none(&self, event: &mut [u8]) -> Result<(), FieldFault> {
        if !self.is_in(event) {
            return Ok(());
        }
        match self.default.as_deref() {
            Some("") => Ok(()),
            Some(default) => self.parse(default, event, &ParseOptions::default()).map(drop),
            None if self.is_variant() => {
                Err(FieldFault::NoVariant { field: self.path.clone(), expected: self.kind.expected() })
            }
            None => Err(FieldFault::Missing { field: self.path.clone() }),
        }
    }

    /// Whether what `event` has of it is a value with a name, if it is of an enum; all else is. Numbers that
    /// no name stands for are parsed as any: what an export prints of them has to come back. An input that is
    /// no export has them by mistake, and no event is of a variant that is not there.
    ///
    /// ```
    /// # use slipring_journal::Schema;
    /// # use slipring_schema::{ParseOptions, Table};
    /// let schema = Schema::from_text("Order 1\nside u8 0 1\tenum=buy:1,sell:2\n").unwrap();
    /// let side = &Table::new(&schema).columns[0];
    /// let mut event = [0];
    /// side.parse("2", &mut event, &ParseOptions::default())?;
    /// assert!(side.has_name("2", &event).is_ok());
    /// side.parse("9", &mut event, &ParseOptions::default())?;
    /// assert!(side.has_name("9", &event).is_err());
    /// # Ok::<(), slipring_schema::FieldFault>(())
    /// ```
    ///
    /// # Errors
    /// [`FieldFault::NotA`] with the text that it is of.
    #[inline]
    pub fn has_name(&self, text: &str, event: &[u8]) -> Result<(), FieldFault> {
        match self.kind {
            // Said first: each cell of an input is asked.
            Kind::Enum { .. } | Kind::Array(..) => self.has_name_in(text, event),
            _ => Ok(()),
        }
    }

    fn has_name_in(&self, text: &str, event: &[u8]) -> Result<(), FieldFault> {
        let is_named =
            !self.is_in(event) || self.bytes_in(event).is_none_or(|bytes| self.kind.is_named(bytes));
        if is_named { Ok(()) } else { Err(self.fault(text, Misfit::NotA)) }
    }

    fn fault(&self, text: &str, misfit: Misfit) -> FieldFault {
        let (field, text) = (self.path.clone(), shortened(text));
        match misfit {
            Misfit::NotA => FieldFault::NotA { field, text, expected: self.kind.expected() },
            Misfit::OutOfRange(kind) => FieldFault::OutOfRange { field, text, kind },
            Misfit::TooFine(kept, way_out) => FieldFault::TooFine { field, text, kept, way_out },
            Misfit::TooLong(bytes, most) => FieldFault::TooLong { field, text, bytes, most },
        }
    }
}

impl Kind {
    /// Whether there is a name for each value of an enum in these bytes.
    fn is_named(&self, bytes: &[u8]) -> bool {
        match self {
            Kind::Enum { storage, names } => names.name(storage.read(bytes)).is_some(),
            Kind::Array(item, _) if matches!(**item, Kind::Enum { .. } | Kind::Array(..)) => {
                bytes.chunks_exact(item.bytes()).all(|bytes| item.is_named(bytes))
            }
            _ => true,
        }
    }

    fn parse(&self, text: &str, out: &mut [u8], options: &ParseOptions) -> Result<Parsed, Misfit> {
        match self {
            Kind::Integer(storage) => whole(*storage, text, out)?,
            Kind::Float32 => {
                let value: f32 = text.parse().map_err(|_| Misfit::NotA)?;
                check_finite(value.is_infinite(), text, "f32")?;
                out.copy_from_slice(&value.to_le_bytes());
            }
            Kind::Float64 => {
                let value: f64 = text.parse().map_err(|_| Misfit::NotA)?;
                check_finite(value.is_infinite(), text, "f64")?;
                out.copy_from_slice(&value.to_le_bytes());
            }
            Kind::Bool => out[0] = u8::from(truth(text).ok_or(Misfit::NotA)?),
            Kind::Decimal { storage, scale } => {
                let value = number::scaled(text, i32::from(*scale), false).map_err(|fault| match fault {
                    NumberFault::Form => Misfit::NotA,
                    NumberFault::Range => Misfit::OutOfRange(storage.name()),
                    NumberFault::TooFine => Misfit::TooFine(format!("{scale} decimals"), ""),
                })?;
                store(*storage, value.value, out)?;
            }
            Kind::Time { storage, unit, input } => {
                let (count, rounded) = time(text, *unit, *input, options.round_times, *storage)?;
                store(*storage, count, out)?;
                return Ok(Parsed { rounded, truncated: false });
            }
            Kind::Enum { storage, names } => match names.value(text) {
                Some(value) => store(*storage, value, out)?,
                None => whole(*storage, text, out)?,
            },
            Kind::Text(_) => return put_text(text, out, options.truncate_text),
            Kind::Bytes(_) => match hexadecimal(text, out.len()) {
                Some(bytes) => out.copy_from_slice(&bytes),
                None => return put_text(text, out, options.truncate_text),
            },
            Kind::Array(item, count) => return put_array(item, *count, text, out, options),
        }
        Ok(Parsed::default())
    }
}

/// Refuses digits that have become infinity.
fn check_finite(is_infinite: bool, text: &str, kind: &'static str) -> Result<(), Misfit> {
    let has_digits = text.bytes().any(|byte| byte.is_ascii_digit());
    if is_infinite && has_digits { Err(Misfit::OutOfRange(kind)) } else { Ok(()) }
}

/// A whole number; one that is written with a point or an exponent too, if it is whole.
fn whole(storage: Integer, text: &str, out: &mut [u8]) -> Result<(), Misfit> {
    if storage.bytes == 16 && !storage.signed {
        let value = number::unsigned(text).map_err(|fault| not_whole(fault, storage))?;
        out.copy_from_slice(&value.to_le_bytes());
        return Ok(());
    }
    let Scaled { value, .. } = number::scaled(text, 0, false).map_err(|fault| not_whole(fault, storage))?;
    store(storage, value, out)
}

fn not_whole(fault: NumberFault, storage: Integer) -> Misfit {
    match fault {
        NumberFault::Range => Misfit::OutOfRange(storage.name()),
        NumberFault::Form | NumberFault::TooFine => Misfit::NotA,
    }
}

fn store(storage: Integer, value: i128, out: &mut [u8]) -> Result<(), Misfit> {
    if !storage.holds(value) {
        return Err(Misfit::OutOfRange(storage.name()));
    }
    storage.write(value, out);
    Ok(())
}

/// Units since 1970, and whether they were rounded.
fn time(
    text: &str,
    unit: TimeUnit,
    input: TimeUnit,
    round: bool,
    storage: Integer,
) -> Result<(i128, bool), Misfit> {
    let too_fine =
        || Misfit::TooFine(format!("times in {}", unit.sign()), ", or round the times with --round-times");
    let out_of_range = || Misfit::OutOfRange(storage.name());
    let from_number = |fault| match fault {
        NumberFault::Form => Misfit::NotA,
        NumberFault::Range => out_of_range(),
        NumberFault::TooFine => too_fine(),
    };
    // What nearly all times are.
    let decimals = input.nanos().ilog10() as i32 - unit.nanos().ilog10() as i32;
    if let Some(count) = u8::try_from(decimals).ok().and_then(|scale| number::short(text.as_bytes(), scale)) {
        return Ok((count, false));
    }
    if unit == TimeUnit::Nanoseconds
        && let Some(nanos) = time_text::parse_usual(text.as_bytes())
    {
        return Ok((nanos, false));
    }
    if let Some((number, input)) = counted(text, input) {
        // Straight to the field's unit, so that nothing is rounded twice.
        let decimals = input.nanos().ilog10() as i32 - unit.nanos().ilog10() as i32;
        let Scaled { value, rounded } = number::scaled(number, decimals, round).map_err(from_number)?;
        return Ok((value, rounded));
    }
    let (whole_ns, digits) = time_text::parts(text).map_err(|_| Misfit::NotA)?;
    let decimals = 9 - unit.nanos().ilog10() as i32;
    let fraction = number::scaled(&format!("0.{digits}"), decimals, round).map_err(from_number)?;
    Ok((whole_ns / unit.nanos() + fraction.value, fraction.rounded))
}

/// A bare number and what it counts: by its sign (`300s`), else what the field's numbers in files count.
fn counted(text: &str, input: TimeUnit) -> Option<(&str, TimeUnit)> {
    let number = text.trim_end_matches(|character: char| character.is_ascii_lowercase());
    let counted = match &text[number.len()..] {
        "" => (text, input),
        sign => (number, TimeUnit::from_sign(sign)?),
    };
    number::is_plain(counted.0).then_some(counted)
}

fn truth(text: &str) -> Option<bool> {
    let is = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is(&["true", "1", "t", "yes", "y"]) {
        return Some(true);
    }
    is(&["false", "0", "f", "no", "n"]).then_some(false)
}

fn put_text(text: &str, out: &mut [u8], truncate: bool) -> Result<Parsed, Misfit> {
    // Zeros fill the field up, so the text can't have one.
    if text.contains('\0') {
        return Err(Misfit::NotA);
    }
    let mut end = text.len();
    if end > out.len() {
        if !truncate {
            return Err(Misfit::TooLong(end, out.len()));
        }
        end = (0..=out.len()).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    }
    out[..end].copy_from_slice(&text.as_bytes()[..end]);
    out[end..].fill(0);
    Ok(Parsed { truncated: end < text.len(), rounded: false })
}

/// `0x` and two digits for each of so many bytes.
fn hexadecimal(text: &str, count: usize) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("0x").filter(|digits| digits.len() == 2 * count)?.as_bytes();
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    digits.chunks_exact(2).map(|two| Some(16 * digit(two[0])? + digit(two[1])?)).collect()
}

/// A JSON array of so many values.
fn put_array(
    item: &Kind,
    count: usize,
    text: &str,
    out: &mut [u8],
    options: &ParseOptions,
) -> Result<Parsed, Misfit> {
    let values: Vec<&RawValue> = serde_json::from_str(text).map_err(|_| Misfit::NotA)?;
    if values.len() != count {
        return Err(Misfit::NotA);
    }
    let mut all = Parsed::default();
    let mut bytes = vec![0; out.len()];
    for (value, bytes) in values.iter().zip(bytes.chunks_exact_mut(item.bytes())) {
        let text = value.get();
        let done = match text.starts_with('"') {
            true => {
                let text: String = serde_json::from_str(text).map_err(|_| Misfit::NotA)?;
                item.parse(&text, bytes, options)?
            }
            false => item.parse(text, bytes, options)?,
        };
        all.truncated |= done.truncated;
        all.rounded |= done.rounded;
    }
    out.copy_from_slice(&bytes);
    Ok(all)
}

/// Text for a message; what is long is cut.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}..", &text[..end]),
        None => text.to_owned(),
    }
}
