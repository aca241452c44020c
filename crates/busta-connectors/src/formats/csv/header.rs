//! The names of the columns.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

use super::value::is_typed;

/// Whether the first row holds the names of the columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Header {
    /// It does.
    #[default]
    Present,
    /// It is a record already.
    Absent,
    /// It does unless one of its fields is empty, a number or a boolean.
    Auto,
}

impl Header {
    /// Whether `first` is a row of names.
    pub(super) fn is_in<'a>(self, mut first: impl Iterator<Item = Cow<'a, str>>) -> bool {
        match self {
            Self::Present => true,
            Self::Absent => false,
            Self::Auto => first.all(|field| !field.trim().is_empty() && !is_typed(&field)),
        }
    }
}

/// Names that are neither empty nor there twice: `column_3` for an empty third one, `name_2` for the
/// second `name`.
pub(super) fn unique_names<'a>(names: impl Iterator<Item = Cow<'a, str>>) -> Vec<String> {
    let mut known = HashSet::new();
    let mut unique = Vec::new();
    for (index, name) in names.enumerate() {
        let name = match name.trim() {
            "" => format!("column_{}", index + 1),
            name => name.to_owned(),
        };
        let mut candidate = name.clone();
        let mut number = 2;
        while !known.insert(candidate.clone()) {
            candidate = format!("{name}_{number}");
            number += 1;
        }
        unique.push(candidate);
    }
    unique
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BoolOrAuto;
        impl de::Visitor<'_> for BoolOrAuto {
            type Value = Header;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true, false or auto")
            }
            fn visit_bool<E>(self, present: bool) -> Result<Header, E> {
                Ok(if present { Header::Present } else { Header::Absent })
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Header, E> {
                match text {
                    "auto" => Ok(Header::Auto),
                    _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }
        }
        deserializer.deserialize_any(BoolOrAuto)
    }
}

impl JsonSchema for Header {
    fn schema_name() -> Cow<'static, str> {
        "Header".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "enum": [true, false, "auto"] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_unique() {
        let names = ["a", " b ", "", "a", "a_2", "a", ""].map(Cow::Borrowed);
        let unique = unique_names(names.into_iter());
        assert_eq!(unique, ["a", "b", "column_3", "a_2", "a_2_2", "a_3", "column_7"]);
    }

    #[test]
    fn a_row_of_values_is_no_header() {
        let auto = |row: &[&'static str]| Header::Auto.is_in(row.iter().map(|f| Cow::Borrowed(*f)));
        assert!(auto(&["open_time", "open"]));
        assert!(!auto(&["1499040000000", "0.1"]));
        assert!(!auto(&["a", ""]));
    }
}
