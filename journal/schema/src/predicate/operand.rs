//! Fields and literals as they are written.

use winnow::Parser;
use winnow::ascii::digit1;
use winnow::combinator::{opt, peek, preceded};
use winnow::stream::{Location, Stream};
use winnow::token::{any, literal, one_of, take_while};

use super::error::PredicateFault;
use super::parse::{Input, Read, cut, expected, keyword, spaces};
use super::syntax::{Operand, What};

const OPERAND: &str = "a field or a value";

/// Words that are no fields unless they stand in quotes.
const KEYWORDS: [&str; 10] =
    ["and", "or", "not", "in", "between", "is", "like", "starts_with", "ends_with", "contains"];

pub(super) fn is_in_name(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

pub(super) fn operand(input: &mut Input<'_>) -> Read<Operand> {
    spaces(input)?;
    let at = input.current_token_start();
    let next = peek(opt(any)).parse_next(input)?;
    let what = match next {
        Some('\'') => What::Text(quoted(input, '\'', "text", "'")?),
        Some('0'..='9' | '-' | '+' | '.') => number(input)?,
        Some(c) if c == '"' || is_in_name(c) => word(input)?,
        _ => return Err(expected(input, OPERAND)),
    };
    Ok(Operand { at, what })
}

/// What stands between two quotes; a quote in it is written twice.
fn quoted(input: &mut Input<'_>, quote: char, what: &'static str, with: &'static str) -> Read<String> {
    let at = input.current_token_start();
    let mut text = String::new();
    any.void().parse_next(input)?;
    loop {
        text.push_str(take_while(0.., |c| c != quote).parse_next(input)?);
        if opt(any).parse_next(input)?.is_none() {
            return Err(cut(at, PredicateFault::Open { what, with }));
        }
        if opt(literal(quote)).parse_next(input)?.is_none() {
            return Ok(text);
        }
        text.push(quote);
    }
}

fn number(input: &mut Input<'_>) -> Read<What> {
    let (at, start) = (input.current_token_start(), input.checkpoint());
    let sign = opt(one_of(['-', '+'])).parse_next(input)?;
    if sign == Some('-') && (keyword(input, "inf") || keyword(input, "infinity")) {
        return Ok(What::MinusInfinity);
    }
    let text: &str = take_while(0.., |c| is_in_name(c) || c == '.').parse_next(input)?;
    let mut text = text.to_owned();
    // The sign of an exponent.
    if text.ends_with(['e', 'E'])
        && !text.starts_with("0x")
        && let Some((sign, digits)) =
            opt((one_of::<_, _, winnow::error::ErrMode<_>>(['-', '+']), digit1)).parse_next(input)?
    {
        text.push(sign);
        text.push_str(digits);
    }
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        let digits: String = digits.chars().filter(|c| *c != '_').collect();
        if sign.is_none() && !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Ok(What::Hexadecimal(digits));
        }
    } else if is_number(&text) {
        let digits = text.chars().filter(|c| *c != '_');
        return Ok(What::Number(sign.filter(|sign| *sign == '-').into_iter().chain(digits).collect()));
    }
    input.reset(&start);
    let text = sign.into_iter().collect::<String>() + &text;
    let write = "write 1000, 1_000, -12.5, 1e6 or 0xff; times and text stand in single quotes";
    Err(cut(at, PredicateFault::Literal { text: super::syntax::shown(&text), what: "number", write }))
}

/// Digits, with a point in them or an exponent behind them. A `_` stands between two digits.
fn is_number(text: &str) -> bool {
    let digits = |text: &str| {
        text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_')
            && !text.starts_with('_')
            && !text.ends_with('_')
    };
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent_is_one = exponent.is_none_or(|exponent| {
        let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        !exponent.is_empty() && exponent.bytes().all(|byte| byte.is_ascii_digit())
    });
    whole.len() + fraction.len() > 0 && digits(whole) && digits(fraction) && exponent_is_one
}

/// A path, or one of the words that are literals.
fn word(input: &mut Input<'_>) -> Read<What> {
    let in_quotes = peek(any).parse_next(input)? == '"';
    let first = name(input, true)?;
    let mut path = first.clone();
    loop {
        if opt(literal(".")).parse_next(input)?.is_some() {
            path.push('.');
            path.push_str(&name(input, false)?);
        } else if opt(literal("[")).parse_next(input)?.is_some() {
            let index = opt(preceded(winnow::ascii::multispace0, digit1)).parse_next(input)?;
            let Some(index) = index else { return Err(expected(input, "the number of an item, from 0")) };
            spaces(input)?;
            if opt(literal("]")).parse_next(input)?.is_none() {
                return Err(expected(input, "]"));
            }
            let index = index.trim_start_matches('0');
            path.push_str(&format!("[{}]", if index.is_empty() { "0" } else { index }));
        } else {
            break;
        }
    }
    if in_quotes || path != first {
        return Ok(What::Path(path));
    }
    Ok(match path.to_ascii_lowercase().as_str() {
        "true" => What::Truth(true),
        "false" => What::Truth(false),
        "null" => What::Null,
        _ => What::Path(path),
    })
}

/// A part of a path. Behind a point no word is a keyword.
fn name(input: &mut Input<'_>, is_first: bool) -> Read<String> {
    let start = input.checkpoint();
    if peek(opt(literal("\""))).parse_next(input)?.is_some() {
        return quoted(input, '"', "a name", "\"");
    }
    let name: &str = take_while(0.., is_in_name).parse_next(input)?;
    if name.is_empty() {
        return Err(expected(input, "a name"));
    }
    if is_first && KEYWORDS.iter().any(|keyword| name.eq_ignore_ascii_case(keyword)) {
        input.reset(&start);
        return Err(expected(input, "a field or a value (a field of that name stands in double quotes)"));
    }
    Ok(name.to_owned())
}
