//! The table as people read it: decimals with their point, times as text.

use slipring_schema::{Integer, Kind, TimeUnit};

use super::{Part, quoted};

/// The statement that makes the view `<table>_readable`.
pub(super) fn create(table: &str, parts: &[Part], names: &[String]) -> String {
    let shown = |(part, name): (&Part, &String)| {
        let name = quoted(name);
        let expression = match part {
            Part::Field(column) => shown_as(&column.kind, &name),
            Part::Time => Some(time(&name, TimeUnit::Nanoseconds)),
            Part::Sequence | Part::Epoch => None,
        };
        expression.map_or_else(|| name.clone(), |expression| format!("{expression} AS {name}"))
    };
    let shown: Vec<String> = parts.iter().zip(names).map(shown).collect();
    let view = quoted(&format!("{table}_readable"));
    format!("CREATE VIEW {view} AS SELECT {} FROM {}", shown.join(", "), quoted(table))
}

fn shown_as(kind: &Kind, name: &str) -> Option<String> {
    match kind {
        Kind::Decimal { storage: Integer { bytes: 1..=8, .. }, scale: scale @ 1..=18 } => {
            Some(decimal(name, *scale))
        }
        Kind::Time { unit, .. } => Some(time(name, *unit)),
        _ => None,
    }
}

/// `-1250` with two decimals is `-12.50`; what is no integer is left as it is.
fn decimal(name: &str, scale: u8) -> String {
    let power = 10u64.pow(u32::from(scale));
    format!(
        "CASE WHEN typeof({name}) = 'integer' THEN printf('%s%d.%0{scale}d', \
         CASE WHEN {name} < 0 AND {name} > -{power} THEN '-' ELSE '' END, {name} / {power}, abs({name} % {power})) \
         ELSE {name} END"
    )
}

/// RFC 3339 with as many decimals as the unit has.
fn time(name: &str, unit: TimeUnit) -> String {
    let (power, digits) = match unit {
        TimeUnit::Nanoseconds => (1_000_000_000u64, 9),
        TimeUnit::Microseconds => (1_000_000, 6),
        TimeUnit::Milliseconds => (1_000, 3),
        TimeUnit::Seconds => (1, 0),
    };
    // Division rounds towards zero, and times before 1970 are negative.
    let rest = format!("(({name} % {power} + {power}) % {power})");
    let seconds = format!("({name} / {power} - ({name} % {power} < 0))");
    let decimals = match digits {
        0 => "'Z'".to_owned(),
        digits => format!("printf('.%0{digits}dZ', {rest})"),
    };
    format!(
        "CASE WHEN typeof({name}) = 'integer' THEN \
         coalesce(strftime('%Y-%m-%dT%H:%M:%S', {seconds}, 'unixepoch') || {decimals}, {name}) ELSE {name} END"
    )
}
