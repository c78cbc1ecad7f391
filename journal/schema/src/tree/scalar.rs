//! The number types, and arrays of them.

use std::fmt;

use crate::kind::Integer;

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

    /// The whole number that it is; none of a float.
    fn integer(self) -> Option<Integer> {
        let (bytes, signed) = match self {
            Scalar::U8 => (1, false),
            Scalar::U16 => (2, false),
            Scalar::U32 => (4, false),
            Scalar::U64 => (8, false),
            Scalar::U128 => (16, false),
            Scalar::I8 => (1, true),
            Scalar::I16 => (2, true),
            Scalar::I32 => (4, true),
            Scalar::I64 => (8, true),
            Scalar::I128 => (16, true),
            Scalar::F32 | Scalar::F64 => return None,
        };
        Some(Integer { bytes, signed })
    }

    /// The name in Rust and in schemas.
    pub(crate) fn name(self) -> &'static str {
        match (self.integer(), self) {
            (Some(integer), _) => integer.name(),
            (None, Scalar::F32) => "f32",
            (None, _) => "f64",
        }
    }

    /// Size and alignment in bytes: `repr(C)` aligns a number to its size.
    pub(crate) fn size(self) -> usize {
        match (self.integer(), self) {
            (Some(integer), _) => integer.bytes,
            (None, Scalar::F32) => 4,
            (None, _) => 8,
        }
    }

    pub(crate) fn is_float(self) -> bool {
        self.integer().is_none()
    }

    pub(crate) fn is_signed(self) -> bool {
        self.integer().is_some_and(|integer| integer.signed)
    }

    /// Whether decimal text is an integer that this type holds; never for floats.
    pub(crate) fn holds(self, text: &str) -> bool {
        match self.integer() {
            Some(integer) if integer.signed => text.parse().is_ok_and(|number| integer.holds(number)),
            Some(Integer { bytes, .. }) => {
                text.parse().is_ok_and(|number: u128| number >> (8 * bytes - 1) <= 1)
            }
            None => false,
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

    #[test]
    fn a_type_holds_what_it_has_room_for() {
        for (scalar, least, most) in [
            (Scalar::U8, "0", "255"),
            (Scalar::I16, "-32768", "32767"),
            (Scalar::U64, "0", "18446744073709551615"),
            (Scalar::U128, "0", "340282366920938463463374607431768211455"),
            (
                Scalar::I128,
                "-170141183460469231731687303715884105728",
                "170141183460469231731687303715884105727",
            ),
        ] {
            assert!(scalar.holds(least) && scalar.holds(most), "{}", scalar.name());
            // One more is a digit that no longer fits.
            let more = format!("{most}0");
            assert!(!scalar.holds(&more) && !scalar.holds("x") && !scalar.holds("1.0"), "{}", scalar.name());
        }
        assert!(!Scalar::U8.holds("256") && !Scalar::U8.holds("-1") && !Scalar::I8.holds("128"));
        assert!(!Scalar::U128.holds("-1") && !Scalar::F64.holds("1"));
    }
}
