//! Figures: the median of the rounds with the least and the greatest, and ratios taken within a round.

use std::io::Write;

use serde_json::{Value, json};

/// A figure of each round.
#[derive(Clone, Debug)]
pub struct Row {
    /// What is measured: `out/R1`.
    pub bench: String,
    /// Who.
    pub contender: &'static str,
    /// What of it: `throughput`, `p99`.
    pub metric: &'static str,
    pub unit: &'static str,
    /// One a round.
    pub rounds: Vec<f64>,
    /// Beside whom, and each one's figures of the same rounds.
    pub beside: Vec<(&'static str, Vec<f64>)>,
}

/// Median, least and greatest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    pub median: f64,
    pub least: f64,
    pub greatest: f64,
}

impl Spread {
    /// Of one value at least.
    pub fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |at: usize| sorted.get(at).copied().unwrap_or(f64::NAN);
        let (half, last) = (sorted.len() / 2, sorted.len().saturating_sub(1));
        let median =
            if sorted.len() % 2 == 1 { at(half) } else { at(half.saturating_sub(1)).midpoint(at(half)) };
        Spread { median, least: at(0), greatest: at(last) }
    }
}

impl Row {
    /// This one's figure over each of the others', within a round.
    fn ratios(&self) -> impl Iterator<Item = (&'static str, Spread)> {
        self.beside.iter().map(|(whom, theirs)| {
            let ratios: Vec<f64> =
                self.rounds.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect();
            (*whom, Spread::of(&ratios))
        })
    }

    /// As an object of one line, of the form that slipring-bench has.
    fn json(&self) -> Value {
        let Spread { median, least, greatest } = Spread::of(&self.rounds);
        let mut value = json!({
            "bench": self.bench, "contender": self.contender, "metric": self.metric, "unit": self.unit,
            "median": rounded(median), "min": rounded(least), "max": rounded(greatest), "rounds": self.rounds.len(),
        });
        for (whom, ratio) in self.ratios() {
            value["ratio"][whom] = json!(rounded(ratio.median));
            value["ratio_spread"][whom] = json!([rounded(ratio.least), rounded(ratio.greatest)]);
        }
        value
    }

    fn cells(&self) -> [String; 6] {
        let Spread { median, least, greatest } = Spread::of(&self.rounds);
        let ratios = self.ratios().map(|(whom, ratio)| {
            format!("{:.2}x {whom} ({:.2}-{:.2})", ratio.median, ratio.least, ratio.greatest)
        });
        let ratio = ratios.collect::<Vec<_>>().join("; ");
        let metric = format!("{}, {}", self.metric, self.unit);
        let spread = format!("{}-{}", rounded(least), rounded(greatest));
        [self.bench.clone(), self.contender.to_owned(), metric, rounded(median).to_string(), spread, ratio]
    }
}

/// Prints figures as they come: lines of JSON, or a table a part.
#[derive(Clone, Copy, Debug)]
pub struct Report {
    pub json: bool,
}

impl Report {
    /// Prints them.
    ///
    /// # Errors
    /// If the standard output takes nothing.
    pub fn print(self, rows: &[Row]) -> std::io::Result<()> {
        let mut out = std::io::stdout().lock();
        if self.json {
            return rows.iter().try_for_each(|row| writeln!(out, "{}", row.json()));
        }
        let head =
            ["what", "who", "figure", "median", "least-most", "ratio within a round"].map(str::to_owned);
        let lines: Vec<[String; 6]> = std::iter::once(head).chain(rows.iter().map(Row::cells)).collect();
        let width = |column: usize| lines.iter().map(|line| line[column].len()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..6).map(width).collect();
        for line in &lines {
            let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
            writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        writeln!(out)
    }
}

/// Three significant digits: no two runs agree on more.
fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let digits = 2 - value.abs().log10().floor() as i32;
    let power = 10_f64.powi(digits.abs());
    if digits < 0 { (value / power).round() * power } else { (value * power).round() / power }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_taken_within_a_round() {
        let row = Row {
            bench: "out/R1".to_owned(),
            contender: "slipring",
            metric: "throughput",
            unit: "M/s",
            rounds: vec![4.0, 1.0, 3.0],
            beside: vec![("bare", vec![5.0, 2.0, 3.0]), ("file", vec![1.0, 1.0, 1.0])],
        };
        let bare = Spread { median: 0.8, least: 0.5, greatest: 1.0 };
        let file = Spread { median: 3.0, least: 1.0, greatest: 4.0 };
        assert_eq!(row.ratios().collect::<Vec<_>>(), [("bare", bare), ("file", file)]);
        let value = row.json();
        assert_eq!((&value["median"], &value["ratio"]), (&json!(3.0), &json!({ "bare": 0.8, "file": 3.0 })));
        assert_eq!(value["ratio_spread"]["file"], json!([1.0, 4.0]));
        assert_eq!(row.cells()[5], "0.80x bare (0.50-1.00); 3.00x file (1.00-4.00)");
    }

    #[test]
    fn figures_have_three_digits() {
        assert_eq!(
            [rounded(123_456.0), rounded(0.012_34), rounded(1.0), rounded(0.0)],
            [123_000.0, 0.0123, 1.0, 0.0]
        );
        assert_eq!(Spread::of(&[1.0, 4.0]).median, 2.5);
    }
}
