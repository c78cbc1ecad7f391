//! A predicate's tests, typed against the schema.
//!
//! `not` is drawn down to the tests. What is left is `and` and `or` of tests, where one of which nothing is
//! known, for the event has no such field, does as much as one that is not true. So two values suffice.

use crate::kind::Kind;
use crate::table::Table;
use crate::time_text::{TimeFault, parse_nanos};
use crate::times::{DAY_NS, time_of_day};

use super::error::{Misread, PredicateFault};
use super::field::{Field, said, unknown};
use super::like;
use super::literal;
use super::pair;
use super::run::{Load, Test};
use super::syntax::{Like, Node, Op, Operand, What};

/// Tests, and how they are joined.
#[derive(Debug)]
pub(super) enum Joined {
    All(Vec<Joined>),
    Any(Vec<Joined>),
    /// A test of a field that events with these tags have; of the others nothing is known.
    One {
        when: Vec<(usize, u32)>,
        test: Known,
        negated: bool,
    },
    /// Nothing is known of any event.
    Unknown,
}

/// A test, or its result where it has the same for all values.
#[derive(Debug)]
pub(super) enum Known {
    Never,
    Always,
    Test(Test),
}

/// A side of a comparison.
pub(super) enum Side<'a> {
    Field(Field),
    Literal(&'a Operand),
}

/// What predicates are typed against.
pub(super) struct Against<'t> {
    pub(super) table: &'t Table,
    /// The journal time of the first record.
    pub(super) first_ns: Option<u64>,
}

impl Against<'_> {
    pub(super) fn lower(&self, node: &Node, negated: bool) -> Result<Joined, Misread> {
        let each =
            |nodes: &[Node]| nodes.iter().map(|node| self.lower(node, negated)).collect::<Result<_, _>>();
        match node {
            Node::All(nodes) => Ok(join(each(nodes)?, !negated)),
            Node::Any(nodes) => Ok(join(each(nodes)?, negated)),
            Node::Not(node) => self.lower(node, !negated),
            Node::Compare { left, op, right } => self.compare(left, *op, right, negated),
            Node::Between { what, low, high } => {
                let above = self.compare(what, Op::AtLeast, low, negated)?;
                Ok(join(vec![above, self.compare(what, Op::AtMost, high, negated)?], !negated))
            }
            Node::In { what, items } => self.is_in(what, items, negated),
            Node::IsNull(what) => self.is_null(what, negated),
            Node::Like { what, how, pattern } => self.like(what, *how, pattern, negated),
            Node::Bare(operand) => self.bare(operand, negated),
        }
    }

    fn side<'a>(&self, operand: &'a Operand) -> Result<Side<'a>, Misread> {
        let What::Path(path) = &operand.what else { return Ok(Side::Literal(operand)) };
        let field = Field::find(path, operand.at, self.table)?;
        Ok(field.map_or(Side::Literal(operand), Side::Field))
    }

    /// The field that an operand must be.
    fn field(&self, operand: &Operand, test: &'static str) -> Result<Field, Misread> {
        match self.side(operand)? {
            Side::Field(field) => Ok(field),
            Side::Literal(Operand { at, what: What::Path(path) }) => Err(unknown(path, *at, self.table)),
            Side::Literal(operand) => {
                let fault = PredicateFault::Mismatch {
                    field: operand.shown(),
                    kind: "no field".to_owned(),
                    test,
                    other: String::new(),
                    write: "a field stands without quotes".to_owned(),
                };
                Err(Misread::new(operand.at, fault))
            }
        }
    }

    fn compare(&self, left: &Operand, op: Op, right: &Operand, negated: bool) -> Result<Joined, Misread> {
        match (self.side(left)?, self.side(right)?) {
            (Side::Field(field), Side::Literal(literal)) => self.with_literal(&field, op, literal, negated),
            (Side::Literal(literal), Side::Field(field)) => {
                self.with_literal(&field, op.flipped(), literal, negated)
            }
            (Side::Field(one), Side::Field(other)) => {
                let pair = pair::test(&one, op, &other, right.at)?;
                let when = one.when.iter().chain(&other.when).copied().collect();
                Ok(test_of(when, one.is_absent || other.is_absent, Known::Test(pair), negated))
            }
            (Side::Literal(one), Side::Literal(other)) => {
                // A name is more likely a field than the other side.
                for operand in [one, other] {
                    if let What::Path(path) = &operand.what {
                        return Err(unknown(path, operand.at, self.table));
                    }
                }
                let fault = PredicateFault::NoField { left: one.shown(), right: other.shown() };
                Err(Misread::new(one.at, fault))
            }
        }
    }

    fn with_literal(&self, field: &Field, op: Op, other: &Operand, negated: bool) -> Result<Joined, Misread> {
        if matches!(other.what, What::Null) {
            return Err(Misread::new(other.at, PredicateFault::Null { field: field.path.clone() }));
        }
        let (test, turned) = if let Some(load) = field.float() {
            let literal = literal::float(field, other, self)?;
            (Known::Test(Test::Float { load, op, literal }), false)
        } else if field.storage().is_some() {
            literal::whole(field, op, literal::place(field, other, self)?)
        } else if let Some(text) = field.text() {
            let literal = literal::bytes(field, other, self)?;
            literal::text(field.text_word(self.table.event_bytes), text, op, literal)
        } else {
            return Err(whole_array(field, other));
        };
        Ok(test_of(field.when.clone(), field.is_absent, test, negated != turned))
    }

    fn is_in(&self, what: &Operand, items: &[Operand], negated: bool) -> Result<Joined, Misread> {
        let (mut tests, mut words, mut place) = (Vec::new(), Vec::new(), None);
        let is_of_a_field = matches!(self.side(what)?, Side::Field(_));
        for item in items {
            match self.compare(what, Op::Equal, item, negated)? {
                Joined::One { when, test: Known::Test(Test::Word { load, low, span: 0 }), .. }
                    if is_of_a_field =>
                {
                    words.push(low);
                    place = Some((when, load));
                }
                one => tests.push(one),
            }
        }
        if let Some((when, load)) = place {
            let test = one_of(load, words);
            tests.push(Joined::One { when, test: Known::Test(test), negated });
        }
        Ok(join(tests, negated))
    }

    fn is_null(&self, what: &Operand, negated: bool) -> Result<Joined, Misread> {
        let field = self.field(what, "asked for null")?;
        let mut there: Vec<Joined> = field
            .when
            .iter()
            .map(|(offset, tag)| {
                let test = Test::Word { load: Load::U32(*offset), low: u64::from(*tag), span: 0 };
                Joined::One { when: Vec::new(), test: Known::Test(test), negated: !negated }
            })
            .collect();
        if field.is_absent || there.is_empty() {
            let test = if field.is_absent { Known::Always } else { Known::Never };
            there = vec![Joined::One { when: Vec::new(), test, negated }];
        }
        Ok(join(there, negated))
    }

    fn like(&self, what: &Operand, how: Like, pattern: &Operand, negated: bool) -> Result<Joined, Misread> {
        let field = self.field(what, "compared with a pattern")?;
        let What::Text(text) = &pattern.what else {
            let write = "write the pattern in single quotes: 'A%'";
            return Err(mismatch(&field, "compared with the pattern", pattern, write));
        };
        let pieces = like::pieces(text, how);
        let (test, turned) = match (&field.kind, field.text()) {
            (Kind::Enum { names, .. }, _) => {
                let words = names.iter().filter(|(_, name)| like::matches(&pieces, name.as_bytes()));
                (literal::values(&field, words.map(|(value, _)| value)), false)
            }
            (_, Some(text)) => {
                let word = field.text_word(self.table.event_bytes);
                literal::pattern(word, text, pieces)
            }
            _ => {
                return Err(mismatch(&field, "compared with the pattern", pattern, "only text has patterns"));
            }
        };
        Ok(test_of(field.when, field.is_absent, test, negated != turned))
    }

    /// An operand without a comparison: a field that is true or false, or one of the words.
    fn bare(&self, operand: &Operand, negated: bool) -> Result<Joined, Misread> {
        if let What::Truth(yes) = operand.what {
            let test = if yes { Known::Always } else { Known::Never };
            return Ok(Joined::One { when: Vec::new(), test, negated });
        }
        let field = self.field(operand, "taken as a test")?;
        if field.kind != Kind::Bool {
            let fault = PredicateFault::Mismatch {
                kind: said(&field.kind),
                test: "taken as a test",
                other: "by itself".to_owned(),
                write: format!("compare it: {} == ..", field.path),
                field: field.path,
            };
            return Err(Misread::new(operand.at, fault));
        }
        let truth = Operand { at: operand.at, what: What::Truth(true) };
        self.with_literal(&field, Op::Equal, &truth, negated)
    }

    /// Nanoseconds since 1970 of a text.
    pub(super) fn nanos(&self, text: &str, at: usize) -> Result<i128, Misread> {
        const FORMS: &str = "write '2024-03-10T09:30:00.5Z', '2024-03-10 09:30', '2024-03-10', or a time of the \
                             journal's first day, '09:30' (UTC)";
        let fault = |what, write| {
            let text = format!("'{}'", super::syntax::shown(text));
            Err(Misread::new(at, PredicateFault::Literal { text, what, write }))
        };
        let nanos = match (time_of_day(text), self.first_ns) {
            (Ok(_), None) => {
                let text = format!("'{}'", super::syntax::shown(text));
                return Err(Misread::new(at, PredicateFault::NoDay { text }));
            }
            (Ok(of_day_ns), Some(first_ns)) => {
                Ok(i128::from(first_ns - first_ns % DAY_NS) + i128::from(of_day_ns))
            }
            (Err(TimeFault::Form), _) => parse_nanos(text),
            (Err(other), _) => Err(other),
        };
        match nanos {
            Ok(nanos) => Ok(nanos),
            Err(TimeFault::TooFine) => fault("time to the nanosecond", "write at most nine decimals"),
            Err(TimeFault::Range) => fault("time", "there is no such day or hour"),
            Err(TimeFault::Form) => fault("time", FORMS),
        }
    }
}

fn join(mut tests: Vec<Joined>, all: bool) -> Joined {
    match tests.len() {
        1 => tests.remove(0),
        _ if all => Joined::All(tests),
        _ => Joined::Any(tests),
    }
}

fn test_of(when: Vec<(usize, u32)>, is_absent: bool, test: Known, negated: bool) -> Joined {
    if is_absent { Joined::Unknown } else { Joined::One { when, test, negated } }
}

/// A word that is one of some, of which there is at least one.
pub(super) fn one_of(load: Load, mut words: Vec<u64>) -> Test {
    words.sort_unstable();
    words.dedup();
    let (low, high) = (words[0], words[words.len() - 1]);
    match high - low {
        span if span == words.len() as u64 - 1 => Test::Word { load, low, span },
        _ => Test::OneOf { load, words: words.into() },
    }
}

fn whole_array(field: &Field, other: &Operand) -> Misread {
    mismatch(field, "compared with", other, &format!("name an item: {}[0]", field.path))
}

pub(super) fn mismatch(field: &Field, test: &'static str, other: &Operand, write: &str) -> Misread {
    let fault = PredicateFault::Mismatch {
        field: field.path.clone(),
        kind: said(&field.kind),
        test,
        other: other.shown(),
        write: write.to_owned(),
    };
    Misread::new(other.at, fault)
}
