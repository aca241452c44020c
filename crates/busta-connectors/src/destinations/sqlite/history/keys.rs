//! Keys: from what a request says to what `_busta_key` holds.

use busta_core::reading::history::RowKey;
use busta_core::{Error, Result};
use rusqlite::types::{Value as SqlValue, ValueRef};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A value that is kept.
pub(super) fn owned(value: ValueRef<'_>) -> SqlValue {
    match value {
        ValueRef::Null => SqlValue::Null,
        ValueRef::Integer(n) => SqlValue::Integer(n),
        ValueRef::Real(n) => SqlValue::Real(n),
        ValueRef::Text(text) => SqlValue::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(blob) => SqlValue::Blob(blob.to_vec()),
    }
}

/// What `_busta_key` may hold for a key as a request names it; several, if it can be read in several ways.
pub(super) fn candidates(key: &RowKey, primary_key: &[String]) -> Result<Vec<SqlValue>> {
    match key {
        RowKey::Value(value) => of_value(value, primary_key).map(|one| vec![one]),
        RowKey::Text(text) => {
            let mut found = Vec::new();
            if primary_key.len() == 1 {
                found.push(SqlValue::Text(text.clone()));
            }
            if let Ok(value) = serde_json::from_str::<Value>(text)
                && !(value.is_string() && primary_key.len() == 1)
                && let Ok(key) = of_value(&value, primary_key)
            {
                found.push(key);
            }
            if found.is_empty() {
                return Err(wrong(&Value::from(text.as_str()), primary_key));
            }
            Ok(found)
        }
    }
}

/// A query of the sources that have keys in a table, whether they have ever committed or not. With an index by source
/// and key it takes one look for each of them, whatever the number of rows.
pub(super) fn sources_in(table: &str, source: &str, key: &str) -> String {
    format!(
        "WITH RECURSIVE each(source) AS
           (SELECT min({source}) FROM {table} WHERE {key} IS NOT NULL UNION ALL
            SELECT (SELECT min({source}) FROM {table} WHERE {key} IS NOT NULL AND {source} > each.source)
            FROM each WHERE each.source IS NOT NULL)
         SELECT source FROM each WHERE source IS NOT NULL"
    )
}

fn of_value(value: &Value, primary_key: &[String]) -> Result<SqlValue> {
    match (value, primary_key) {
        (Value::Object(fields), _) => {
            let named = fields.keys().all(|name| primary_key.contains(name));
            // A row may lack a part of its key.
            let part = |name| fields.get(name).cloned().unwrap_or_default();
            let parts: Vec<Value> = primary_key.iter().map(part).collect();
            match &parts[..] {
                _ if !named => Err(wrong(value, primary_key)),
                [one] => single(one, value, primary_key),
                _ => composite(&parts, value, primary_key),
            }
        }
        (Value::Array(parts), [_, _, ..]) if parts.len() == primary_key.len() => {
            composite(parts, value, primary_key)
        }
        (_, [_]) => single(value, value, primary_key),
        _ => Err(wrong(value, primary_key)),
    }
}

/// As staging stores the value of one field.
fn single(part: &Value, given: &Value, primary_key: &[String]) -> Result<SqlValue> {
    Ok(match part {
        Value::Null => return Err(wrong(given, primary_key)),
        Value::String(text) => SqlValue::Text(text.clone()),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(n), _) => SqlValue::Integer(n),
            (None, Some(n)) if number.is_f64() => SqlValue::Real(n),
            _ => SqlValue::Blob(number.to_string().into_bytes()),
        },
        other => SqlValue::Blob(other.to_string().into_bytes()),
    })
}

/// As staging stores the values of several fields: their JSON array.
fn composite(parts: &[Value], given: &Value, primary_key: &[String]) -> Result<SqlValue> {
    if parts.iter().all(Value::is_null) {
        return Err(wrong(given, primary_key));
    }
    Ok(SqlValue::Text(Value::from(parts.to_vec()).to_string()))
}

fn wrong(value: &Value, primary_key: &[String]) -> Error {
    let names = primary_key.join("`, `");
    Error::data(format!("{value} is no key of this table"))
        .hint(format!("the key is `{names}`: give its value, or an array of them in this order"))
}

/// A place between keys, for cursors. Numbers go as text, so that none is rounded.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum StoredKey {
    Integer(String),
    Real(u64),
    Text(String),
    Blob(Vec<u8>),
}

impl StoredKey {
    /// The key; NULLs are none.
    pub fn of(value: ValueRef<'_>) -> Self {
        match owned(value) {
            SqlValue::Integer(n) => Self::Integer(n.to_string()),
            SqlValue::Real(n) => Self::Real(n.to_bits()),
            SqlValue::Text(text) => Self::Text(text),
            SqlValue::Blob(blob) => Self::Blob(blob),
            SqlValue::Null => Self::Text(String::new()),
        }
    }

    /// As a parameter.
    pub fn value(&self) -> SqlValue {
        match self {
            Self::Integer(n) => SqlValue::Integer(n.parse().unwrap_or_default()),
            Self::Real(bits) => SqlValue::Real(f64::from_bits(*bits)),
            Self::Text(text) => SqlValue::Text(text.clone()),
            Self::Blob(blob) => SqlValue::Blob(blob.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_may_be_a_text_or_what_it_says() {
        let one = ["id".to_owned()];
        let read = |text: &str| candidates(&RowKey::Text(text.into()), &one).unwrap();
        assert_eq!(read("abc"), [SqlValue::Text("abc".into())]);
        assert_eq!(read("17"), [SqlValue::Text("17".into()), SqlValue::Integer(17)]);
        assert_eq!(read("true"), [SqlValue::Text("true".into()), SqlValue::Blob(b"true".to_vec())]);
        let two = ["id".to_owned(), "market".to_owned()];
        let read = |text: &str| candidates(&RowKey::Text(text.into()), &two);
        assert_eq!(read(r#"["a", 1]"#).unwrap(), [SqlValue::Text(r#"["a",1]"#.into())]);
        assert!(read("a").is_err() && read("[1]").is_err());
    }

    #[test]
    fn values_are_keys_by_place_or_by_name() {
        let two = ["id".to_owned(), "market".to_owned()];
        let read = |value: Value| candidates(&RowKey::Value(value), &two);
        let expected = [SqlValue::Text(r#"["a","DE"]"#.into())];
        assert_eq!(read(json!(["a", "DE"])).unwrap(), expected);
        assert_eq!(read(json!({ "market": "DE", "id": "a" })).unwrap(), expected);
        let lacking = [SqlValue::Text(r#"["a",null]"#.into())];
        assert_eq!(read(json!(["a", null])).unwrap(), lacking);
        assert_eq!(read(json!({ "id": "a" })).unwrap(), lacking);
        for wrong in [json!("a"), json!(["a"]), json!([null, null]), json!({}), json!({ "id": 1, "x": 2 })] {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
