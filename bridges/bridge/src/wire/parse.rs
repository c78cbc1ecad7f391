//! From headers, whatever they are, to what they say.

use slipring_journal::{JournalId, MAX_EPOCH};

use super::head::{Head, Kind};
use super::name;

/// No journal gets to this sequence.
const MOST_SEQUENCE: u64 = 1 << 62;

/// Why headers are none of a message of slipring.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeadError {
    /// A header is missing.
    #[error("the header {name} is missing: this is no message of slipring, or something has taken it out")]
    Missing {
        /// Its name.
        name: &'static str,
    },
    /// A header is there twice.
    #[error("the header {name} is there twice")]
    Twice {
        /// Its name.
        name: &'static str,
    },
    /// A header does not say what it should.
    #[error("the header {name} says {value:?}, and should have {wanted}")]
    Value {
        /// Its name.
        name: &'static str,
        /// What it says, the beginning if it is long.
        value: String,
        /// What it should have.
        wanted: &'static str,
    },
    /// Headers contradict each other.
    #[error("the headers of a message of {kind} contradict each other: {what}", kind = kind.word())]
    Contradiction {
        /// What the message is.
        kind: Kind,
        /// How.
        what: &'static str,
    },
}

impl Head {
    /// Reads headers, by name and value; those of others are passed over. Names are taken in any case of
    /// letters.
    ///
    /// # Errors
    /// [`HeadError`]: whatever the headers are.
    pub fn parse<'h>(headers: impl IntoIterator<Item = (&'h str, &'h str)>) -> Result<Head, HeadError> {
        let found = Found::among(headers)?;
        let kind = match found.needed(name::KIND)? {
            "records" => Kind::Records,
            "schema" => Kind::Schema,
            "epoch" => Kind::Epoch,
            value => return Err(wrong(name::KIND, value, "records, schema or epoch")),
        };
        let head = Head {
            kind,
            journal_id: JournalId(
                found.id(name::JOURNAL)?.ok_or(HeadError::Missing { name: name::JOURNAL })?,
            ),
            branch: found.id(name::BRANCH)?.unwrap_or([0; 16]),
            epoch: found.number(name::EPOCH, u64::from(MAX_EPOCH))? as u32,
            first: found.number(name::FIRST, MOST_SEQUENCE)?,
            count: found.number(name::COUNT, u64::from(name::MOST_RECORDS))? as u32,
            crc: found.crc()?,
            time_ns: found.number(name::TIME, u64::MAX)?,
            schema: found.get(name::SCHEMA).map(|_| found.number(name::SCHEMA, u64::MAX)).transpose()?,
        };
        match head.contradiction() {
            Some(what) => Err(HeadError::Contradiction { kind, what }),
            None => Ok(head),
        }
    }

    fn contradiction(&self) -> Option<&'static str> {
        let Head { kind, epoch, first, count, crc, schema, .. } = *self;
        let is_records = kind == Kind::Records;
        [
            (is_records == (count == 0), "records are counted, and nothing else"),
            (epoch == 0 && kind != Kind::Schema, "no record and no writer has epoch 0"),
            (epoch == 0 && crc != 0, "a record that nobody knows has no checksum"),
            (epoch != 0 && first == 0 && kind == Kind::Schema, "nothing lies before the first record"),
            (self.end() > MOST_SEQUENCE, "no journal gets so far"),
            (schema.is_none() && is_records, "records have a schema"),
            (schema.is_some() && kind == Kind::Schema, "a schema has no other in force"),
            (schema == Some(0), "a stream's first sequence is 1"),
        ]
        .into_iter()
        .find_map(|(is_so, what)| is_so.then_some(what))
    }
}

/// The headers of slipring among others.
struct Found<'h>([Option<&'h str>; name::HEADERS.len()]);

impl<'h> Found<'h> {
    fn among(headers: impl IntoIterator<Item = (&'h str, &'h str)>) -> Result<Self, HeadError> {
        let mut found = [None; name::HEADERS.len()];
        for (given, value) in headers {
            let Some(at) = name::HEADERS.iter().position(|name| name.eq_ignore_ascii_case(given)) else {
                continue;
            };
            if found[at].replace(value).is_some() {
                return Err(HeadError::Twice { name: name::HEADERS[at] });
            }
        }
        Ok(Found(found))
    }

    fn get(&self, name: &'static str) -> Option<&'h str> {
        self.0[name::HEADERS.iter().position(|known| *known == name)?]
    }

    fn needed(&self, name: &'static str) -> Result<&'h str, HeadError> {
        self.get(name).ok_or(HeadError::Missing { name })
    }

    fn number(&self, name: &'static str, most: u64) -> Result<u64, HeadError> {
        let value = self.needed(name)?;
        let is_plain =
            value.bytes().all(|byte| byte.is_ascii_digit()) && (value == "0" || !value.starts_with('0'));
        let number = is_plain.then(|| value.parse().ok()).flatten().filter(|number| *number <= most);
        number.ok_or_else(|| wrong(name, value, "a decimal number, not beyond what there can be"))
    }

    fn id(&self, name: &'static str) -> Result<Option<[u8; 16]>, HeadError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let id = is_hex(value, 32).then(|| u128::from_str_radix(value, 16).ok()).flatten();
        let id = id.filter(|id| *id != 0 || name != name::BRANCH);
        id.map(|id| Some(id.to_be_bytes())).ok_or_else(|| wrong(name, value, "32 hexadecimal digits"))
    }

    fn crc(&self) -> Result<u32, HeadError> {
        let value = self.needed(name::CRC)?;
        let crc = is_hex(value, 8).then(|| u32::from_str_radix(value, 16).ok()).flatten();
        crc.ok_or_else(|| wrong(name::CRC, value, "8 hexadecimal digits"))
    }
}

fn is_hex(value: &str, digits: usize) -> bool {
    value.len() == digits && value.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn wrong(name: &'static str, value: &str, wanted: &'static str) -> HeadError {
    HeadError::Value { name, value: value.chars().take(64).collect(), wanted }
}
