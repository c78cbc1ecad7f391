//! From two schemas to the steps between them, or all that differs.

use std::collections::{HashMap, HashSet};

use super::change::Change;
use super::convert;
use super::default;
use super::leaf::{Leaf, described};
use super::outline::{OneOf, Outline, Variant, inside, is_padding, scope_of};
use super::paths::{FoundField, find, last_name, was_called};
use super::since;
use super::steps::{Case, Steps, Switch};
use crate::event::{Difference, Field};

/// How deep one-of events may lie in each other, and arrays of structs.
const MOST_NESTED: usize = 16;

const ADDED: &str = "say what it is in older events: `default = ..`, or `since = N` for zero; if it had another \
    name, `was = \"..\"`";
const OTHER_KIND: &str = "give it another name, or say how in `impl Upcast`";

/// What is known so far.
pub(super) struct MappingPlan<'a> {
    found: &'a Outline<'a>,
    wanted: &'a Outline<'a>,
    /// Older fields, each with the newer one that it becomes.
    used: HashMap<&'a str, &'a str>,
    /// The older scopes that were looked at, each with its slash.
    visited: HashSet<String>,
    /// What was said of the elements of an array is not said again.
    said: HashSet<String>,
    pub differences: Vec<Difference>,
    pub changes: Vec<Change>,
}

/// A scope of the newer schema with the older variant that it was; `None` for the event itself.
#[derive(Clone, Copy)]
struct Place<'p> {
    wanted: Option<&'p str>,
    found: Option<&'p str>,
    depth: usize,
}

impl<'a> MappingPlan<'a> {
    pub fn new(found: &'a Outline<'a>, wanted: &'a Outline<'a>) -> Self {
        MappingPlan {
            found,
            wanted,
            used: HashMap::new(),
            visited: HashSet::new(),
            said: HashSet::new(),
            differences: Vec::new(),
            changes: Vec::new(),
        }
    }

    /// All steps; they are of no use if there are differences.
    pub fn make(&mut self) -> Steps {
        let steps = self.scope(Place { wanted: None, found: None, depth: 0 });
        self.left_over();
        steps
    }

    /// Of the older type and of the newer one.
    fn versions(&self) -> [Option<u32>; 2] {
        [self.found, self.wanted].map(|outline| outline.schema.version())
    }

    fn differs(&mut self, field: &str, found: String, wanted: String, advice: impl Into<String>) {
        if self.is_news(field) {
            let (field, advice) = (shown(field), advice.into());
            self.differences.push(Difference { field, found, wanted, advice });
        }
    }

    fn changes(&mut self, field: &str, change: Change) {
        if self.is_news(&format!("{field} {:?}", std::mem::discriminant(&change))) {
            self.changes.push(change);
        }
    }

    /// Whether nothing was said of another element of the same array.
    fn is_news(&mut self, path: &str) -> bool {
        let bare: String =
            path.split('[').map(|part| part.split_once(']').map_or(part, |two| two.1)).collect();
        self.said.insert(bare)
    }

    fn scope(&mut self, place: Place<'_>) -> Steps {
        let (mut steps, wanted) = (Steps::default(), self.wanted);
        self.visited.insert(place.found.map_or_else(String::new, |variant| format!("{variant}/")));
        let Some(scope) = wanted.scope(place.wanted) else { return steps };
        for field in &scope.fields {
            self.field(field, place.found, &mut steps);
        }
        for one_of in &scope.one_ofs {
            self.one_of(one_of, place, &mut steps);
        }
        steps.merge();
        steps
    }

    fn field(&mut self, wanted: &'a Field, variant: Option<&str>, steps: &mut Steps) {
        let found = self.find(variant, wanted);
        if is_padding(&wanted.name) && wanted.attribute("was").is_none() {
            if let FoundField::Field(found) = found
                && (&found.kind, found.size) == (&wanted.kind, wanted.size)
                && let Ok(Some(step)) = convert::step(found, wanted)
            {
                steps.push(step);
            }
            return;
        }
        match found {
            FoundField::Field(found) => match self.found.one_of(found) {
                None => self.pair(found, wanted, steps),
                Some(_) => {
                    self.differs(&wanted.name, "a one-of event".to_owned(), described(wanted), OTHER_KIND)
                }
            },
            other => self.other(other, wanted, steps),
        }
    }

    /// What the older type has for a field. A name that it had before counts for it unless another field is
    /// called so now, and was never called otherwise.
    fn find(&self, variant: Option<&str>, wanted: &Field) -> FoundField<'a> {
        let found = find(self.found, variant, wanted);
        let FoundField::Several(mut fields) = found else { return found };
        let scope = scope_of(&wanted.name);
        let has_own = |field: &Field| {
            let now = self.wanted.field(&format!("{scope}{}", inside(&field.name)));
            now.is_some_and(|now| {
                !now.attributes.iter().any(|(name, _)| name == "was" || name.starts_with("was."))
            })
        };
        let first = fields[0];
        fields.retain(|field| field.name == first.name || !has_own(field));
        if fields.len() == 1 { FoundField::Field(first) } else { FoundField::Several(fields) }
    }

    /// A field that becomes another.
    fn pair(&mut self, found: &'a Field, wanted: &'a Field, steps: &mut Steps) {
        let kinds = (described(found), described(wanted));
        if let Some(difference) = since::other(self.versions(), found, wanted) {
            return self.differs(&wanted.name, difference.found, difference.wanted, difference.advice);
        }
        if let Some(other) = self.used.insert(&found.name, &wanted.name) {
            let advice = format!("`{other}` is that too: take its `was` from one of them");
            return self.differs(&wanted.name, shown(&found.name), kinds.1, advice);
        }
        match convert::step(found, wanted) {
            Ok(step) => steps.extend(step),
            Err(advice) => return self.differs(&wanted.name, kinds.0, kinds.1, advice),
        }
        let field = shown(&wanted.name);
        if inside(&found.name) != inside(&wanted.name) {
            let was = shown(&found.name);
            self.changes(&wanted.name, Change::Renamed { field: field.clone(), was });
        }
        if kinds.0 != kinds.1 {
            let (found, wanted_kind) = kinds;
            self.changes(&wanted.name, Change::Converted { field, found, wanted: wanted_kind });
        }
    }

    /// A field for which the older type has none, or something else.
    fn other(&mut self, found: FoundField<'_>, wanted: &'a Field, steps: &mut Steps) {
        let (name, kind) = (&wanted.name, described(wanted));
        match found {
            FoundField::Field(found) => self.differs(name, described(found), kind, OTHER_KIND),
            FoundField::Several(fields) => {
                let names: Vec<String> =
                    fields.iter().map(|field| format!("`{}`", shown(&field.name))).collect();
                let advice = "older events have all of these: take all but one out of `was`, or give it a name that they \
                    lack, or say how in `impl Upcast`";
                self.differs(name, names.join(", "), kind, advice);
            }
            FoundField::Struct => self.differs(name, "a struct".to_owned(), kind, OTHER_KIND),
            FoundField::Number(found) => {
                let found = format!("{} as `{}`", described(found), shown(&found.name));
                self.differs(name, found, kind, OTHER_KIND);
            }
            FoundField::Shorter => {
                let advice = "an array keeps its length: give a longer one another name, or say how in `impl \
                    Upcast`";
                self.differs(name, "fewer elements".to_owned(), kind, advice);
            }
            FoundField::Nothing if wanted.size == 0 => {}
            FoundField::Nothing => self.added(wanted, steps),
        }
    }

    fn added(&mut self, wanted: &'a Field, steps: &mut Steps) {
        let default = wanted.attribute("default");
        if let Some(text) = default {
            match Leaf::of(wanted).and_then(|leaf| default::bytes(&leaf, text)) {
                Some(bytes) => steps.fix(wanted.offset, bytes),
                None => {
                    let advice = format!(
                        "the default {text:?} is no value that can be taken here: write a plain number"
                    );
                    return self.differs(&wanted.name, String::new(), described(wanted), advice);
                }
            }
        } else if wanted.attribute("since").is_none() {
            return self.differs(&wanted.name, String::new(), described(wanted), ADDED);
        }
        let change = Change::Added { field: shown(&wanted.name), default: default.map(str::to_owned) };
        self.changes(&wanted.name, change);
    }

    fn one_of(&mut self, wanted: &'a OneOf<'a>, place: Place<'_>, steps: &mut Steps) {
        let tag = wanted.tag;
        let found = match self.find(place.found, tag) {
            FoundField::Nothing if tag.attribute("since").is_some() => return self.added(tag, steps),
            FoundField::Field(found) => self.found.one_of(found),
            _ => None,
        };
        let Some(found) = found else {
            let advice = "a one-of event in place of another event: say how in `impl Upcast`";
            return self.differs(&tag.name, String::new(), "a one-of event".to_owned(), advice);
        };
        if place.depth == MOST_NESTED {
            let advice = "one-of events lie in each other at most 16 deep: say how in `impl Upcast`";
            return self.differs(&tag.name, String::new(), String::new(), advice);
        }
        if let Some(difference) = since::other(self.versions(), found.tag, tag) {
            return self.differs(&tag.name, difference.found, difference.wanted, difference.advice);
        }
        self.used.insert(&found.tag.name, &tag.name);
        let mut by_name = HashMap::new();
        for variant in &found.variants {
            by_name.entry(last_name(&variant.line.name)).or_insert((variant, None));
        }
        let mut cases: Vec<Case> = wanted
            .variants
            .iter()
            .filter_map(|variant| self.variant(variant, &mut by_name, place.depth))
            .collect();
        cases.sort_by_key(|case| case.from_tag);
        for gone in &found.variants {
            if by_name[last_name(&gone.line.name)].1.is_some() {
                continue;
            }
            let advice = "its events could not be shown: keep the variant, say its new name's `was = \"..\"`, or \
                say how in `impl Upcast`";
            self.differs(&gone.line.name, format!("a variant, tag {}", gone.tag), String::new(), advice);
        }
        let mut known: Vec<u32> = wanted.variants.iter().map(|variant| variant.tag).collect();
        known.sort_unstable();
        steps.switch(Switch { from: found.tag.offset, to: tag.offset, cases, known });
    }

    /// The case of a variant; `None` if older events have no such variant. `by_name` has the older ones, each
    /// with the newer one that it becomes.
    fn variant(
        &mut self,
        wanted: &Variant<'a>,
        by_name: &mut HashMap<&'a str, (&'a Variant<'a>, Option<&'a str>)>,
        depth: usize,
    ) -> Option<Case> {
        let name = &wanted.line.name;
        let was = was_called(wanted.line, |name| by_name.contains_key(name))?;
        let (was, taken) = by_name.get_mut(was)?;
        if let Some(other) = taken.replace(name) {
            let advice = format!("`{other}` is that too: take its `was` from one of them");
            self.differs(name, shown(&was.line.name), "a variant".to_owned(), advice);
            return None;
        }
        if last_name(&was.line.name) != last_name(name) {
            let (field, was) = (shown(name), shown(&was.line.name));
            self.changes(name, Change::Renamed { field, was });
        }
        if was.tag != wanted.tag {
            let change = Change::Tagged { variant: shown(name), was: was.tag, is: wanted.tag };
            self.changes(name, change);
        }
        let steps = self.scope(Place { wanted: Some(name), found: Some(&was.line.name), depth: depth + 1 });
        Some(Case { from_tag: was.tag, to_tag: wanted.tag, steps })
    }

    /// Older fields that become nothing.
    fn left_over(&mut self) {
        let found = self.found;
        // The arrays of which an element was used, and the elements.
        let used: HashSet<String> = self.used.keys().flat_map(|path| elements(path)).collect();
        for field in &found.schema.fields {
            let is_data = !field.kind.contains('=') && field.size > 0 && !is_padding(&field.name);
            let is_left =
                !self.used.contains_key(&*field.name) && self.visited.contains(scope_of(&field.name));
            if !is_data || !is_left {
                continue;
            }
            let cut = elements(&field.name)
                .collect::<Vec<_>>()
                .chunks_exact(2)
                .any(|two| used.contains(&two[0]) && !used.contains(&two[1]));
            if cut {
                let advice = "an array keeps its length: keep its elements, or say how in `impl Upcast`";
                self.differs(&field.name, described(field), "fewer elements".to_owned(), advice);
            } else {
                let change = Change::Removed { field: shown(&field.name), found: described(field) };
                self.changes(&field.name, change);
            }
        }
    }
}

/// Of each array on the way to a field: its path, then that of its element.
fn elements(path: &str) -> impl Iterator<Item = String> + use<'_> {
    path.match_indices('[').take(MOST_NESTED).flat_map(|(at, _)| {
        let end = path[at..].find(']').map_or(path.len(), |end| at + end + 1);
        [format!("{}[]", &path[..at]), path[..end].to_owned()]
    })
}

/// A path as people see it.
fn shown(path: &str) -> String {
    path.replace('/', ".")
}
