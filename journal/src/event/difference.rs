//! What keeps events of one type from being read as another, for people.

use std::fmt;

/// One thing that keeps events of an older type from being read as a newer one.
///
/// ```
/// use slipring_journal::{Difference, Mapping, Schema};
///
/// let older = Schema::from_text("Order 16\nid u64 0 8\nprice i64 8 8\n").unwrap();
/// let newer = Schema::from_text("Order 16\nid u64 0 8\nprice i32 8 4\nqty u32 12 4\n").unwrap();
/// let differences = Mapping::between(&older, &newer).unwrap_err();
/// assert_eq!(differences[0].field, "price");
/// assert_eq!((&*differences[0].found, &*differences[0].wanted), ("i64", "i32"));
/// println!("{}", Difference::table(&differences));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The field or variant; empty for the event as a whole.
    pub field: String,
    /// What the journal has; empty if it has no such field.
    pub found: String,
    /// What is wanted; empty if there is no such field any more.
    pub wanted: String,
    /// What to do.
    pub advice: String,
}

/// Differences as a table, by [`Difference::table`].
///
/// See the example of [`Difference`].
#[derive(Clone, Copy, Debug)]
pub struct DifferenceTable<'a>(&'a [Difference]);

impl Difference {
    /// Of the event as a whole.
    pub(crate) fn of_event(found: String, wanted: String, advice: String) -> Self {
        Difference { field: String::new(), found, wanted, advice }
    }

    /// All of a refusal: a line for each field, what differs and what to do.
    pub fn table(differences: &[Difference]) -> DifferenceTable<'_> {
        DifferenceTable(differences)
    }

    fn cells(&self) -> [&str; 4] {
        fn or<'a>(text: &'a str, nothing: &'a str) -> &'a str {
            if text.is_empty() { nothing } else { text }
        }
        [or(&self.field, "(event)"), or(&self.found, "-"), or(&self.wanted, "-"), &self.advice]
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [field, found, wanted, advice] = self.cells();
        write!(f, "{field}: is {found}, wanted {wanted}: {advice}")
    }
}

impl fmt::Display for DifferenceTable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<[&str; 4]> = std::iter::once(["field", "found", "wanted", "what to do"])
            .chain(self.0.iter().map(Difference::cells))
            .collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        // A long list of names does not move the other lines.
        let widths = [0, 1, 2].map(|column| width(column).min(32));
        for (index, [field, found, wanted, advice]) in rows.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            let [one, two, three] = widths;
            write!(f, "  {field:one$}  {found:two$}  {wanted:three$}  {advice}")?;
        }
        Ok(())
    }
}
