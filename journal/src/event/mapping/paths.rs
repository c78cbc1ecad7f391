//! Where a field lies in an older schema: by its path, each name of which may have been another.

use super::outline::{Outline, inside};
use crate::event::Field;

/// No field had more paths; beyond them a hostile schema only takes time.
const MOST_PATHS: usize = 64;

/// What an older schema has for a field.
#[derive(Debug)]
pub(super) enum FoundField<'a> {
    Field(&'a Field),
    /// Of several of its names each is that of a field: the newest name first.
    Several(Vec<&'a Field>),
    /// A struct or an array of structs stands there.
    Struct,
    /// A number stands where the newer type has a struct.
    Number(&'a Field),
    /// The array of structs is there, and shorter.
    Shorter,
    Nothing,
}

/// Looks for `wanted` in the variant `variant` of the older schema, or in the event itself.
pub(super) fn find<'a>(found: &Outline<'a>, variant: Option<&str>, wanted: &Field) -> FoundField<'a> {
    let names: Vec<&str> = inside(&wanted.name).split('.').collect();
    let mut paths = vec![variant.map_or_else(String::new, |variant| format!("{variant}/"))];
    for (index, name) in names.iter().enumerate() {
        let (name, place) = name.split_at(name.find('[').unwrap_or(name.len()));
        let formers = formers(wanted, names.len() - 1 - index);
        let joint = if index == 0 { "" } else { "." };
        let mut next = Vec::new();
        for path in &paths {
            for name in std::iter::once(name).chain(formers.clone()) {
                let bare = format!("{path}{joint}{name}");
                let whole = format!("{bare}{place}");
                if found.leads_to(&whole) {
                    next.push(whole);
                } else if found.leads_to(&bare) && !place.is_empty() {
                    return match found.field(&bare) {
                        Some(field) => FoundField::Number(field),
                        None => FoundField::Shorter,
                    };
                }
            }
        }
        next.truncate(MOST_PATHS);
        if next.is_empty() {
            if let Some(number) = paths.iter().find_map(|path| found.field(path)) {
                return FoundField::Number(number);
            }
            let is_array = paths.iter().any(|path| found.leads_to(&format!("{path}[0]")));
            return if is_array { FoundField::Struct } else { FoundField::Nothing };
        }
        paths = next;
    }
    let mut fields: Vec<&Field> = Vec::new();
    for field in paths.iter().filter_map(|path| found.field(path)) {
        if !fields.iter().any(|known| known.name == field.name) {
            fields.push(field);
        }
    }
    match fields[..] {
        [] => FoundField::Struct,
        [field] => FoundField::Field(field),
        _ => FoundField::Several(fields),
    }
}

/// The variant of an older one-of event that was `wanted`, by its name.
pub(super) fn was_called(wanted: &Field, mut is_there: impl FnMut(&str) -> bool) -> Option<&str> {
    let name = last_name(&wanted.name);
    std::iter::once(name).chain(formers(wanted, 0)).find(|name| is_there(name))
}

/// The last name of a variant's path.
pub(super) fn last_name(path: &str) -> &str {
    &path[path.rfind(['.', '/']).map_or(0, |joint| joint + 1)..]
}

/// What the name so many levels above the field's own was before.
fn formers(field: &Field, levels: usize) -> impl Iterator<Item = &str> + Clone {
    let said = match levels {
        0 => field.attribute("was"),
        levels => field.attribute(&format!("was.{levels}")),
    };
    said.into_iter().flat_map(|names| names.split(',')).filter(|name| !name.is_empty()).take(MOST_PATHS)
}
