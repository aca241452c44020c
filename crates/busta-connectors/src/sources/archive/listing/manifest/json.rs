//! Lists of files in JSON.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::sources::archive::listing::MAX_ENTRIES;
use crate::sources::archive::listing::fields::{Fields, is_location};

/// The names under which objects have their list of files.
const LISTS: [&str; 8] = ["files", "objects", "entries", "items", "contents", "data", "results", "manifest"];

/// An object whose values are not yet read.
type Raw<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;

/// The elements of a list: those of the array, those of the array in an object, or one after the other.
pub(in super::super) fn elements(text: &str) -> serde_json::Result<Vec<&RawValue>> {
    let values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    let values: Vec<&RawValue> = values.take(MAX_ENTRIES + 1).collect::<Result<_, _>>()?;
    if values.len() > MAX_ENTRIES {
        return Err(too_many());
    }
    let [one] = values.as_slice() else { return Ok(values) };
    if one.get().starts_with('[') {
        return array(one);
    }
    let Ok(object) = serde_json::from_str::<Raw<'_>>(one.get()) else { return Ok(values) };
    let list = LISTS.iter().find_map(|name| object.get(*name));
    match list.filter(|list| list.get().starts_with('[')) {
        Some(list) if !object.keys().any(|name| is_location(name) && name != "name") => array(list),
        _ => Ok(values),
    }
}

/// The elements of an array, which are counted before there are too many.
fn array(text: &RawValue) -> serde_json::Result<Vec<&RawValue>> {
    struct Elements;

    impl<'de> Visitor<'de> for Elements {
        type Value = Vec<&'de RawValue>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of files")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
            let mut elements = Vec::new();
            while let Some(element) = sequence.next_element()? {
                if elements.len() >= MAX_ENTRIES {
                    return Err(A::Error::custom(too_many()));
                }
                elements.push(element);
            }
            Ok(elements)
        }
    }

    serde_json::Deserializer::from_str(text.get()).deserialize_seq(Elements)
}

fn too_many() -> serde_json::Error {
    serde_json::Error::custom(format!("it has more than {MAX_ENTRIES} entries"))
}

/// What an object says about a file. The error is a clause.
pub(in super::super) fn fields(element: &RawValue) -> Result<Fields, String> {
    let object: Raw<'_> =
        serde_json::from_str(element.get()).map_err(|_| "is neither a path nor an object".to_owned())?;
    let mut fields = Fields::default();
    for (name, value) in &object {
        match Value::deserialize(*value) {
            Ok(Value::String(text)) => fields.set(name, &text)?,
            Ok(value @ (Value::Number(_) | Value::Bool(_))) => fields.set(name, &value.to_string())?,
            _ => {}
        }
    }
    Ok(fields)
}
