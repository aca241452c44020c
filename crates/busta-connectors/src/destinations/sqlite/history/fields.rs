//! What an edit says of a row: columns that the table has, with values that they hold.

use busta_core::json::for_each_field;
use busta_core::reading::history::RowKey;
use busta_core::{Error, Result};
use serde_json::value::RawValue;

use super::super::names::OWN_PREFIX;
use super::super::rows::Kinds;
use super::super::schema::Table;

/// Fields and the JSON texts of their values, in their order.
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads an object that we have written ourselves.
    pub fn read(object: &RawValue) -> Result<Self> {
        let mut fields: Vec<(String, String)> = Vec::new();
        for_each_field(object.get().as_bytes(), |name, value| {
            // The last of two with one name counts.
            match fields.iter_mut().find(|(known, _)| **known == *name) {
                Some((_, before)) => *before = value.to_owned(),
                None => fields.push((name.into_owned(), value.to_owned())),
            }
        })
        .map_err(|error| Error::data(format!("a row must be a JSON object: {error}")))?;
        Ok(Self(fields))
    }

    /// Reads an object that somebody else has written: each field must have a column that holds such values.
    /// Collections may widen a table; a slip of the hand should not.
    pub fn checked(table: &Table, object: &RawValue) -> Result<Self> {
        let mut fields = Self::read(object)?;
        for (name, value) in &mut fields.0 {
            let column =
                table.column(name).map(|at| &table.columns[at]).ok_or_else(|| unknown(table, name))?;
            let kind = kind_of(value);
            if kind == Kinds::INTEGER && !column.kinds.has(kind) && column.kinds.has(Kinds::REAL) {
                // JavaScript writes 5.0 as 5.
                value.push_str(".0");
            } else if !kind.is_empty() && !column.kinds.has(kind) {
                let (holds, given) = (column.kinds.type_name(), kind.type_name());
                return Err(Error::data(format!("column `{name}` holds {holds}, and {value} is {given}"))
                    .hint("give a value of its type, or null"));
            }
        }
        Ok(fields)
    }

    /// These fields with others in their places. Those of the key cannot change.
    pub fn with(mut self, changes: Self, primary_key: &[String]) -> Result<Self> {
        for (name, value) in changes.0 {
            let known = self.0.iter_mut().find(|(known, _)| *known == name);
            if primary_key.contains(&name) && known.as_ref().is_none_or(|(_, before)| !same(before, &value)) {
                return Err(Error::data(format!("`{name}` is the key of the row and cannot change"))
                    .hint("remove the row and insert another"));
            }
            match known {
                Some((_, before)) => *before = value,
                None => self.0.push((name, value)),
            }
        }
        Ok(self)
    }

    /// The key, by its fields.
    pub fn key(&self, primary_key: &[String]) -> Result<RowKey> {
        let mut key = serde_json::Map::new();
        for name in primary_key {
            let value = self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
            let value = value.filter(|value| *value != "null").ok_or_else(|| {
                Error::data(format!("`{name}` is missing, which belongs to the key of the row"))
            })?;
            let value = serde_json::from_str(value)
                .map_err(|error| Error::data(format!("`{name}` cannot be a key: {error}")))?;
            key.insert(name.clone(), value);
        }
        Ok(RowKey::Value(key.into()))
    }

    /// The fields that are not null, as a JSON object.
    pub fn json(&self) -> String {
        let fields = self.0.iter().filter(|(_, value)| value != "null");
        let fields: Vec<String> = fields
            .map(|(name, value)| format!("{}:{value}", serde_json::Value::from(name.as_str())))
            .collect();
        format!("{{{}}}", fields.join(","))
    }
}

fn same(one: &str, other: &str) -> bool {
    let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
    one == other || read(one).is_some_and(|one| Some(one) == read(other))
}

/// As staging sees a value; none for null.
fn kind_of(value: &str) -> Kinds {
    match value.as_bytes().first() {
        None | Some(b'n') => Kinds::default(),
        Some(b't' | b'f') => Kinds::BOOLEAN,
        Some(b'"') => Kinds::TEXT,
        Some(b'{' | b'[') => Kinds::NESTED,
        _ if value.parse::<i64>().is_ok() => Kinds::INTEGER,
        _ if value.bytes().any(|b| matches!(b, b'.' | b'e' | b'E')) => Kinds::REAL,
        _ => Kinds::OTHER,
    }
}

fn unknown(table: &Table, name: &str) -> Error {
    /// Nobody reads more of them in an error.
    const SHOWN: usize = 40;
    if name.to_ascii_lowercase().starts_with(OWN_PREFIX) {
        return Error::data(format!("`{}` is busta's own and cannot be edited", name.escape_debug()));
    }
    let known: Vec<&str> = table.columns.iter().take(SHOWN).map(|column| column.field.as_str()).collect();
    Error::data(format!("the table `{}` has no column `{}`", table.name, name.escape_debug()))
        .hint(format!("columns: {}", known.join(", ")))
}
