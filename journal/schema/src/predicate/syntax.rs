//! A predicate as it is written, before anything is known of its fields.

/// A test, or several.
#[derive(Debug)]
pub(super) enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Compare { left: Operand, op: Op, right: Operand },
    In { what: Operand, items: Vec<Operand> },
    Between { what: Operand, low: Operand, high: Operand },
    IsNull(Operand),
    Like { what: Operand, how: Like, pattern: Operand },
    Bare(Operand),
}

/// A field or a literal, and the byte of the text at which it begins.
#[derive(Clone, Debug)]
pub(super) struct Operand {
    pub(super) at: usize,
    pub(super) what: What,
}

#[derive(Clone, Debug)]
pub(super) enum What {
    /// A field, or the name of an enum's value.
    Path(String),
    /// Digits with a sign, a point and an exponent.
    Number(String),
    /// The digits behind `0x`.
    Hexadecimal(String),
    Text(String),
    Truth(bool),
    /// `-inf`; without the sign it is a [`What::Path`].
    MinusInfinity,
    Null,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

/// How text is compared with a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Like {
    Pattern,
    StartsWith,
    EndsWith,
    Contains,
}

impl Op {
    /// The same with the sides changed.
    pub(super) fn flipped(self) -> Self {
        match self {
            Op::Equal | Op::NotEqual => self,
            Op::Less => Op::Greater,
            Op::AtMost => Op::AtLeast,
            Op::Greater => Op::Less,
            Op::AtLeast => Op::AtMost,
        }
    }
}

impl Operand {
    /// As it is written, for messages.
    pub(super) fn shown(&self) -> String {
        let text = match &self.what {
            What::Path(text) | What::Number(text) => text.clone(),
            What::Hexadecimal(digits) => format!("0x{digits}"),
            What::Text(text) => format!("'{text}'"),
            What::Truth(yes) => yes.to_string(),
            What::MinusInfinity => "-inf".to_owned(),
            What::Null => "null".to_owned(),
        };
        shown(&text)
    }
}

/// Text for a message: what is long is cut, and no terminal takes orders from it.
pub(super) fn shown(text: &str) -> String {
    let mut shown: String =
        text.chars().take(60).map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect();
    if text.chars().nth(60).is_some() {
        shown.push_str("..");
    }
    shown
}
