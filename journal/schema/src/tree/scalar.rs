//! The number types, and arrays of them.

use std::fmt;

/// How deep arrays may nest. Nobody's do; a line of a header can't make anybody's stack end.
const MAX_DEPTH: usize = 16;

/// A number type of Rust.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Scalar {
    U8,
    U16,
    U32,
    U64,
    U128,
    I8,
    I16,
    I32,
    I64,
    I128,
    F32,
    F64,
}

impl Scalar {
    pub(crate) const ALL: [Scalar; 12] = [
        Scalar::U8,
        Scalar::U16,
        Scalar::U32,
        Scalar::U64,
        Scalar::U128,
        Scalar::I8,
        Scalar::I16,
        Scalar::I32,
        Scalar::I64,
        Scalar::I128,
        Scalar::F32,
        Scalar::F64,
    ];

    /// The name in Rust and in schemas.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Scalar::U8 => "u8",
            Scalar::U16 => "u16",
            Scalar::U32 => "u32",
            Scalar::U64 => "u64",
            Scalar::U128 => "u128",
            Scalar::I8 => "i8",
            Scalar::I16 => "i16",
            Scalar::I32 => "i32",
            Scalar::I64 => "i64",
            Scalar::I128 => "i128",
            Scalar::F32 => "f32",
            Scalar::F64 => "f64",
        }
    }

    /// Size and alignment in bytes: `repr(C)` aligns a number to its size.
    pub(crate) fn size(self) -> usize {
        match self {
            Scalar::U8 | Scalar::I8 => 1,
            Scalar::U16 | Scalar::I16 => 2,
            Scalar::U32 | Scalar::I32 | Scalar::F32 => 4,
            Scalar::U64 | Scalar::I64 | Scalar::F64 => 8,
            Scalar::U128 | Scalar::I128 => 16,
        }
    }

    pub(crate) fn is_float(self) -> bool {
        matches!(self, Scalar::F32 | Scalar::F64)
    }

    pub(crate) fn is_signed(self) -> bool {
        matches!(self, Scalar::I8 | Scalar::I16 | Scalar::I32 | Scalar::I64 | Scalar::I128)
    }

    /// Whether decimal text is an integer that this type holds; never for floats.
    pub(crate) fn holds(self, text: &str) -> bool {
        match self {
            Scalar::U8 => text.parse::<u8>().is_ok(),
            Scalar::U16 => text.parse::<u16>().is_ok(),
            Scalar::U32 => text.parse::<u32>().is_ok(),
            Scalar::U64 => text.parse::<u64>().is_ok(),
            Scalar::U128 => text.parse::<u128>().is_ok(),
            Scalar::I8 => text.parse::<i8>().is_ok(),
            Scalar::I16 => text.parse::<i16>().is_ok(),
            Scalar::I32 => text.parse::<i32>().is_ok(),
            Scalar::I64 => text.parse::<i64>().is_ok(),
            Scalar::I128 => text.parse::<i128>().is_ok(),
            Scalar::F32 | Scalar::F64 => false,
        }
    }
}

/// A number, or arrays of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Leaf {
    pub(crate) scalar: Scalar,
    /// The outermost array first: `[[u8;4];2]` is 2, 4.
    pub(crate) dims: Vec<usize>,
}

impl Leaf {
    pub(crate) fn new(scalar: Scalar) -> Self {
        Self { scalar, dims: Vec::new() }
    }

    /// `[u8;length]`.
    pub(crate) fn bytes(length: usize) -> Self {
        Self { scalar: Scalar::U8, dims: vec![length] }
    }

    /// Reads a type as schemas write it; blanks around its parts are passed over.
    pub(crate) fn parse(kind: &str) -> Option<Self> {
        let mut kind = kind.trim();
        let mut dims = Vec::new();
        while let Some(inner) = kind.strip_prefix('[') {
            let (element, count) = inner.strip_suffix(']')?.rsplit_once(';')?;
            let count = count.trim();
            // No sign: `+4` is no length.
            if dims.len() == MAX_DEPTH || !count.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            dims.push(count.parse().ok()?);
            kind = element.trim();
        }
        let scalar = Scalar::ALL.into_iter().find(|scalar| scalar.name() == kind)?;
        Some(Self { scalar, dims })
    }

    /// Size in bytes, if there is a number for it.
    pub(crate) fn size(&self) -> Option<usize> {
        self.dims.iter().try_fold(self.scalar.size(), |size, count| size.checked_mul(*count))
    }

    /// The length of the innermost array of bytes: what may hold text.
    pub(crate) fn text_length(&self) -> Option<usize> {
        self.dims.last().copied().filter(|_| self.scalar == Scalar::U8)
    }
}

impl fmt::Display for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for _ in &self.dims {
            f.write_str("[")?;
        }
        f.write_str(self.scalar.name())?;
        for count in self.dims.iter().rev() {
            write!(f, ";{count}]")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_read_as_they_are_written() {
        for kind in ["u8", "i128", "f64", "[u8;16]", "[[u16;2];3]", "[u64;0]"] {
            assert_eq!(Leaf::parse(kind).unwrap().to_string(), kind);
        }
        assert_eq!(Leaf::parse("[[u16;2];3]").unwrap().dims, [3, 2]);
        assert_eq!(Leaf::parse(" [ u64 ; 4 ] ").unwrap().to_string(), "[u64;4]");
        let deep = format!("{}u8{}", "[".repeat(100_000), ";1]".repeat(100_000));
        for wrong in
            ["", "U8", "[u8]", "[u8;]", "[u8;-1]", "[u8;+1]", "[u8;1", "u8;1]", "usize", "u32=1", &deep]
        {
            assert_eq!(Leaf::parse(wrong), None, "{wrong:.40}");
        }
        assert_eq!(Leaf::parse("[[u64;4294967296];4294967296]").unwrap().size(), None);
    }
}
