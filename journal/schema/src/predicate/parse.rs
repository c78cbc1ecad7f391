//! The grammar of predicates.
//!
//! ```text
//! any        = all { ("or" | "||") all }
//! all        = not { ("and" | "&&") not }
//! not        = { "not" | "!" } ( "(" any ")" | test )
//! test       = operand [ op operand | ["not"] "in" "(" operand { "," operand } ")" | "is" ["not"] "null"
//!              | ["not"] "between" operand "and" operand | ["not"] like operand ]
//! ```

use winnow::ascii::multispace0;
use winnow::combinator::{alt, opt, peek, preceded};
use winnow::error::{ErrMode, ParserError};
use winnow::stream::{LocatingSlice, Location, Stateful, Stream};
use winnow::token::{any, literal, rest, take_while};
use winnow::{ModalResult, Parser};

use super::error::{Misread, PredicateFault};
use super::operand::{is_in_name, operand};
use super::syntax::{Like, Node, Op, Operand, shown};

/// Parentheses lie in each other at most so deep.
const MOST_DEEP: usize = 64;

/// Bytes of a predicate.
const MOST_BYTES: usize = 1 << 20;

/// The text, and how many parentheses are open.
pub(super) type Input<'t> = Stateful<LocatingSlice<&'t str>, usize>;

pub(super) type Read<T> = ModalResult<T, Misread>;

impl<'t> ParserError<Input<'t>> for Misread {
    type Inner = Self;

    fn from_input(input: &Input<'t>) -> Self {
        expected_at(input, "something else")
    }

    fn into_inner(self) -> Result<Self, Self> {
        Ok(self)
    }
}

pub(super) fn parse(text: &str) -> Result<Node, Misread> {
    if text.trim().is_empty() {
        return Err(Misread::new(0, PredicateFault::Empty));
    }
    if text.len() > MOST_BYTES {
        let fault = PredicateFault::TooLong { bytes: text.len(), most: MOST_BYTES };
        return Err(Misread::new(0, fault));
    }
    let mut input = Input { input: LocatingSlice::new(text), state: 0 };
    whole(&mut input).map_err(|error| match error {
        ErrMode::Backtrack(misread) | ErrMode::Cut(misread) => misread,
        ErrMode::Incomplete(_) => expected_at(&input, "more"),
    })
}

fn whole(input: &mut Input<'_>) -> Read<Node> {
    let node = any_of(input)?;
    spaces(input)?;
    if input.is_empty() { Ok(node) } else { Err(expected(input, "and, or, or the end")) }
}

fn any_of(input: &mut Input<'_>) -> Read<Node> {
    joined(input, all_of, "or", "||", Node::Any)
}

fn all_of(input: &mut Input<'_>) -> Read<Node> {
    joined(input, not, "and", "&&", Node::All)
}

/// One or more of `inner` with a word or a sign between them.
fn joined(
    input: &mut Input<'_>,
    inner: fn(&mut Input<'_>) -> Read<Node>,
    word: &'static str,
    sign: &'static str,
    join: fn(Vec<Node>) -> Node,
) -> Read<Node> {
    let first = inner(input)?;
    let mut nodes = vec![first];
    while keyword(input, word) || opt(spaced(sign)).parse_next(input)?.is_some() {
        nodes.push(inner(input)?);
    }
    Ok(if nodes.len() == 1 { nodes.remove(0) } else { join(nodes) })
}

fn not(input: &mut Input<'_>) -> Read<Node> {
    // Two of them are as none, also where nothing is known.
    let mut negated = false;
    while keyword(input, "not") || bang(input)? {
        negated = !negated;
    }
    let node = primary(input)?;
    Ok(if negated { Node::Not(Box::new(node)) } else { node })
}

/// A `!` that belongs to no `!=`.
fn bang(input: &mut Input<'_>) -> Read<bool> {
    spaces(input)?;
    if input.starts_with("!") && !input.starts_with("!=") {
        any.void().parse_next(input)?;
        return Ok(true);
    }
    Ok(false)
}

fn primary(input: &mut Input<'_>) -> Read<Node> {
    spaces(input)?;
    let at = input.current_token_start();
    if opt(literal("(")).parse_next(input)?.is_none() {
        let left = operand(input)?;
        return test(input, left);
    }
    if input.state == MOST_DEEP {
        return Err(cut(at, PredicateFault::TooDeep { most: MOST_DEEP }));
    }
    input.state += 1;
    let node = any_of(input)?;
    input.state -= 1;
    close(input, at, "a parenthesis")?;
    match node {
        // `(price) > 5`
        Node::Bare(operand) => test(input, operand),
        node => Ok(node),
    }
}

/// What is said of an operand.
fn test(input: &mut Input<'_>, what: Operand) -> Read<Node> {
    if let Some(op) = opt(op).parse_next(input)? {
        let right = operand(input)?;
        spaces(input)?;
        let at = input.current_token_start();
        if opt(peek(op_sign)).parse_next(input)?.is_some() {
            return Err(cut(at, PredicateFault::Chained));
        }
        return Ok(Node::Compare { left: what, op, right });
    }
    if keyword(input, "is") {
        let negated = keyword(input, "not");
        if !keyword(input, "null") {
            return Err(expected(input, "null or not null"));
        }
        return Ok(negate(Node::IsNull(what), negated));
    }
    let negated = keyword(input, "not");
    if keyword(input, "in") {
        let items = items(input)?;
        return Ok(negate(Node::In { what, items }, negated));
    }
    if keyword(input, "between") {
        let low = operand(input)?;
        if !keyword(input, "and") {
            return Err(expected(input, "and, and the greatest value"));
        }
        let high = operand(input)?;
        return Ok(negate(Node::Between { what, low, high }, negated));
    }
    for (word, how) in [
        ("like", Like::Pattern),
        ("starts_with", Like::StartsWith),
        ("ends_with", Like::EndsWith),
        ("contains", Like::Contains),
    ] {
        if keyword(input, word) {
            let pattern = operand(input)?;
            return Ok(negate(Node::Like { what, how, pattern }, negated));
        }
    }
    if negated {
        return Err(expected(input, "in, between, like, starts_with, ends_with or contains"));
    }
    Ok(Node::Bare(what))
}

fn items(input: &mut Input<'_>) -> Read<Vec<Operand>> {
    spaces(input)?;
    let at = input.current_token_start();
    if opt(literal("(")).parse_next(input)?.is_none() {
        return Err(expected(input, "a list in parentheses, (1, 2)"));
    }
    let mut items = vec![operand(input)?];
    while opt(spaced(",")).parse_next(input)?.is_some() {
        items.push(operand(input)?);
    }
    close(input, at, "a list")?;
    Ok(items)
}

fn close(input: &mut Input<'_>, opened_at: usize, what: &'static str) -> Read<()> {
    spaces(input)?;
    if input.is_empty() {
        return Err(cut(opened_at, PredicateFault::Open { what, with: ")" }));
    }
    match opt(literal(")")).parse_next(input)? {
        Some(_) => Ok(()),
        None => {
            Err(expected(input, if what == "a list" { "a comma or )" } else { "an operator, and, or, or )" }))
        }
    }
}

fn negate(node: Node, negated: bool) -> Node {
    if negated { Node::Not(Box::new(node)) } else { node }
}

fn op(input: &mut Input<'_>) -> Read<Op> {
    preceded(multispace0, op_sign).parse_next(input)
}

fn op_sign(input: &mut Input<'_>) -> Read<Op> {
    alt((
        alt((literal("=="), literal("="))).value(Op::Equal),
        alt((literal("!="), literal("<>"))).value(Op::NotEqual),
        literal("<=").value(Op::AtMost),
        literal(">=").value(Op::AtLeast),
        literal("<").value(Op::Less),
        literal(">").value(Op::Greater),
    ))
    .parse_next(input)
}

/// Takes the word if it comes next, in whatever case.
pub(super) fn keyword(input: &mut Input<'_>, word: &str) -> bool {
    let start = input.checkpoint();
    let found: Read<&str> = preceded(multispace0, take_while(1.., is_in_name)).parse_next(input);
    let is_it = found.is_ok_and(|found| found.eq_ignore_ascii_case(word));
    if !is_it {
        input.reset(&start);
    }
    is_it
}

fn spaced<'t>(sign: &'static str) -> impl Parser<Input<'t>, &'t str, ErrMode<Misread>> {
    preceded(multispace0, literal(sign))
}

pub(super) fn spaces(input: &mut Input<'_>) -> Read<()> {
    multispace0.void().parse_next(input)
}

pub(super) fn cut(at: usize, fault: PredicateFault) -> ErrMode<Misread> {
    ErrMode::Cut(Misread::new(at, fault))
}

/// What belongs at the next character that is no space, and what is there.
pub(super) fn expected(input: &mut Input<'_>, expected: &'static str) -> ErrMode<Misread> {
    let _ = spaces(input);
    ErrMode::Cut(expected_at(input, expected))
}

fn expected_at(input: &Input<'_>, expected: &'static str) -> Misread {
    let (at, mut left) = (input.current_token_start(), *input);
    let text: Read<&str> = rest.parse_next(&mut left);
    let text = text.unwrap_or_default();
    let mut end = text.find(|c| !is_in_name(c)).unwrap_or(text.len());
    if end == 0 {
        end = text.chars().next().map_or(0, char::len_utf8);
    }
    let found = if text.is_empty() { "the end".to_owned() } else { shown(&text[..end]) };
    Misread::new(at, PredicateFault::Expected { expected, found })
}
