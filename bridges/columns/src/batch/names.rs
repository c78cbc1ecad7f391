//! The names of an enum's values, such that each text reads back as the value it was written for.

use std::collections::HashMap;

use slipring_schema::EnumNames;

use crate::error::Misfit;

/// The text of every value that has come by, in the order of their keys.
#[derive(Debug)]
pub(crate) struct NameList {
    names: EnumNames,
    keys: HashMap<i128, i32>,
    pub(crate) texts: Vec<String>,
    /// The value asked for last, and its key: mostly the next one is the same.
    last: Option<(i128, i32)>,
}

impl NameList {
    /// All names of the schema are in it from the beginning, so that all batches have one list.
    pub(crate) fn new(names: &EnumNames) -> Self {
        let mut list = NameList { names: names.clone(), keys: HashMap::new(), texts: Vec::new(), last: None };
        for (value, _) in names.iter() {
            // A value without a text of its own is refused when it comes.
            let _ = list.key(value);
        }
        list
    }

    /// The place of the value's text.
    #[inline]
    pub(crate) fn key(&mut self, value: i128) -> Result<i32, Misfit> {
        if let Some((last, key)) = self.last
            && last == value
        {
            return Ok(key);
        }
        let key = match self.keys.get(&value) {
            Some(key) => *key,
            None => self.add(value)?,
        };
        self.last = Some((value, key));
        Ok(key)
    }

    fn add(&mut self, value: i128) -> Result<i32, Misfit> {
        let text = text_of(&self.names, value)?;
        let key = self.texts.len() as i32;
        self.texts.push(text);
        self.keys.insert(value, key);
        Ok(key)
    }
}

/// The value's name, or its number; an error if that would be read as another value.
pub(crate) fn text_of(names: &EnumNames, value: i128) -> Result<String, Misfit> {
    if let Some(name) = names.name(value)
        && names.value(name) == Some(value)
        // An empty cell is no value.
        && !name.is_empty()
    {
        return Ok(name.to_owned());
    }
    let number = value.to_string();
    if names.value(&number).is_some() { Err(Misfit::Enum(value)) } else { Ok(number) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_of_one_value() {
        let names = EnumNames::new([(1, "buy".into()), (2, "buy".into()), (3, "4".into()), (5, "5".into())]);
        assert_eq!(text_of(&names, 1), Ok("buy".into()));
        assert_eq!(text_of(&names, 2), Ok("2".into()));
        assert_eq!(text_of(&names, 3), Ok("4".into()));
        assert_eq!(text_of(&names, 4), Err(Misfit::Enum(4)));
        assert_eq!(text_of(&names, 5), Ok("5".into()));
        assert_eq!(text_of(&names, -6), Ok("-6".into()));
    }
}
