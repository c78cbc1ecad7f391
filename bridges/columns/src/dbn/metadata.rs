//! What a DBN file says about itself, as an attribute of a schema.

use std::io::{self, Read};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use dbn::Metadata;
use dbn::decode::DbnMetadata;
use dbn::decode::dbn::Decoder;
use dbn::encode::dbn::MetadataEncoder;

use crate::error::{ExportError, ImportError};

/// The letters that every DBN file begins with.
const MAGIC: &[u8; 3] = b"DBN";
/// The letters, the version, and the length of what follows.
const PRELUDE_BYTES: usize = 8;
/// Metadata larger than this is no metadata.
const MOST_BYTES: u32 = 256 << 20;
/// The most that an attribute takes, so that the rest of the schema has room too.
const MOST_ATTRIBUTE_BYTES: usize = 160 << 10;
/// Of the compression in the attribute.
const ZSTD_LEVEL: i32 = 9;
/// The versions that are read.
const VERSIONS: std::ops::RangeInclusive<u8> = 1..=3;

/// A file's metadata, as it lies in the file and as it is read.
#[derive(Clone, Debug)]
pub(super) struct KeptMetadata {
    pub(super) bytes: Vec<u8>,
    pub(super) read: Metadata,
}

impl KeptMetadata {
    /// Reads the beginning of a file.
    pub(super) fn read(input: &mut impl Read) -> Result<Self, ImportError> {
        let not_this = |what: String| ImportError::NotThis { expected: "DBN file", what };
        let cut =
            |error: io::Error| not_this(format!("it ends, or can't be read, within its metadata ({error})"));
        let mut bytes = vec![0; PRELUDE_BYTES];
        let first = input.read_exact(&mut bytes[..MAGIC.len()]);
        if first.is_err() || !bytes.starts_with(MAGIC) {
            return Err(not_this("it does not begin as one".to_owned()));
        }
        input.read_exact(&mut bytes[MAGIC.len()..]).map_err(cut)?;
        let version = bytes[MAGIC.len()];
        if !VERSIONS.contains(&version) {
            return Err(not_this(format!("it is of version {version}, and 1 to 3 are read")));
        }
        let length = u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
        if length > MOST_BYTES {
            return Err(not_this(format!("its metadata would have {length} bytes")));
        }
        // A lie about the length takes no more memory than there are bytes.
        let read = input.take(u64::from(length)).read_to_end(&mut bytes).map_err(cut)?;
        if read < length as usize {
            return Err(not_this("it ends within its metadata".to_owned()));
        }
        Self::from_bytes(bytes).map_err(ImportError::from)
    }

    fn from_bytes(bytes: Vec<u8>) -> Result<Self, dbn::Error> {
        // As it is: an event is what lies in the file.
        let policy = dbn::VersionUpgradePolicy::AsIs;
        let decoder = Decoder::with_upgrade_policy(bytes.as_slice(), policy)?;
        let read = decoder.metadata().clone();
        Ok(KeptMetadata { bytes, read })
    }

    /// As an attribute, and whether symbols had to be left out.
    pub(super) fn attribute(&self) -> Result<(String, bool), ImportError> {
        let whole = packed(&self.bytes)?;
        if whole.len() <= MOST_ATTRIBUTE_BYTES {
            return Ok((whole, false));
        }
        let mut short = self.read.clone();
        short.mappings.clear();
        short.symbols.clear();
        short.partial.clear();
        short.not_found.clear();
        let mut bytes = Vec::new();
        MetadataEncoder::new(&mut bytes).encode(&short)?;
        Ok((packed(&bytes)?, true))
    }

    /// Back from an attribute.
    pub(super) fn from_attribute(event: &str, attribute: &str) -> Result<Self, ExportError> {
        let no_dbn =
            || ExportError::NoDbn { name: event.to_owned(), what: "their attribute `dbn` is damaged" };
        let packed = STANDARD.decode(attribute).map_err(|_| no_dbn())?;
        let mut bytes = Vec::new();
        let most = u64::from(MOST_BYTES) + PRELUDE_BYTES as u64;
        let unpacked = zstd::stream::read::Decoder::new(packed.as_slice());
        unpacked.and_then(|unpacked| unpacked.take(most).read_to_end(&mut bytes)).map_err(|_| no_dbn())?;
        let version = bytes.get(MAGIC.len()).copied().unwrap_or(0);
        if !bytes.starts_with(MAGIC) || !VERSIONS.contains(&version) {
            return Err(no_dbn());
        }
        Self::from_bytes(bytes).map_err(|_| no_dbn())
    }
}

fn packed(bytes: &[u8]) -> Result<String, ImportError> {
    let packed = zstd::stream::encode_all(bytes, ZSTD_LEVEL)
        .map_err(|source| ImportError::Io { path: "the metadata".into(), source })?;
    Ok(STANDARD.encode(packed))
}
