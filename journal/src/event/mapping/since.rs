//! A name that is in use again: an older event has a field of that name, and the newer type says that its own
//! came later. They are two fields, and neither is shown in place of the other.

use super::leaf::described;
use super::outline::inside;
use crate::event::{Difference, Field, Schema};

/// What keeps the older field from being taken for the newer one. `versions` are those of the older type and
/// of the newer one; where the older one is not said, nobody can tell, and the name counts.
pub(super) fn other(versions: [Option<u32>; 2], found: &Field, wanted: &Field) -> Option<Difference> {
    let since = |field: &Field| field.attribute("since").and_then(|since| since.parse::<u32>().ok());
    let (version, came) = (versions[0]?, since(wanted)?);
    // A struct in events of several types may say the version of another one of them.
    let is_own = versions[1].is_none_or(|newer| came <= newer) && since(found) != Some(came);
    let is_other = is_own && version < came && inside(&found.name) == inside(&wanted.name);
    is_other.then(|| Difference {
        field: wanted.name.replace('/', "."),
        found: format!("{} in version {version}", described(found)),
        wanted: format!("{} since version {came}", described(wanted)),
        advice:
            "if it is the same field, say the version in which it came, or no `since`; if it is another one, \
            give it a name that older events lack"
                .to_owned(),
    })
}

/// The same of all fields of two types of one layout, whichever of them is the newer.
pub(crate) fn others(found: &Schema, wanted: &Schema) -> Vec<Difference> {
    let (old, new) = (found.version(), wanted.version());
    let turned = |said: Difference| Difference { found: said.wanted, wanted: said.found, ..said };
    let of = |(found, wanted): (&Field, &Field)| {
        other([old, new], found, wanted).or_else(|| other([new, old], wanted, found).map(turned))
    };
    found.fields.iter().zip(&wanted.fields).filter_map(of).collect()
}
