//! Rows as the log keeps them: `[run, loaded at, {fields}]` as JSON, which no change of the schema touches.

use std::borrow::Cow;

use busta_core::json::for_each_field;
use busta_core::reading::history::JsonText;
use busta_core::{Error, Result};
use rusqlite::Row;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::super::names::{OWN_PREFIX, SYSTEM};
use super::super::read::write_fields;
use super::super::schema::Table;

/// A row: when its content was written, by what, and its fields.
#[derive(Debug, Deserialize)]
pub(super) struct Image<'a> {
    /// The run, or the edit.
    #[serde(borrow)]
    pub run: Cow<'a, str>,
    /// When.
    #[serde(borrow)]
    pub loaded_at: Cow<'a, str>,
    /// The fields that are not null, as a JSON object.
    #[serde(borrow)]
    pub fields: &'a RawValue,
}

/// Writes the image of a row that was read as `_rowid_` and [`Table::all_columns`], and tells where in it the fields begin.
pub(super) fn write(table: &Table, row: &Row<'_>, out: &mut Vec<u8>) -> rusqlite::Result<usize> {
    let own = |at: usize| row.get_ref(1 + at).map(|value| value.as_str().unwrap_or_default());
    begin(own(0)?, own(2)?, out);
    let fields = out.len();
    write_fields(table, row, out)?;
    out.push(b']');
    Ok(fields)
}

/// Writes an image up to its fields.
pub(super) fn begin(run: &str, loaded_at: &str, out: &mut Vec<u8>) {
    out.push(b'[');
    for own in [run, loaded_at] {
        // Writing to memory does not fail.
        let _ = serde_json::to_writer(&mut *out, own);
        out.push(b',');
    }
}

impl<'a> Image<'a> {
    /// An image from the log.
    pub fn parse(text: &'a str) -> Result<Self> {
        serde_json::from_str(text)
            .map_err(|error| Error::corrupt(format!("the change log holds what busta never wrote: {error}")))
    }

    /// Whether the fields are the same, whatever their order, but for those that are ignored.
    pub fn says_but_for(&self, other: &Self, ignored: &[String]) -> bool {
        let read = |image: &Self| {
            let mut fields = serde_json::from_str::<Map<String, Value>>(image.fields.get())?;
            fields.retain(|field, _| !ignored.contains(field));
            Ok::<_, serde_json::Error>(fields)
        };
        self.fields.get() == other.fields.get()
            || matches!((read(self), read(other)), (Ok(one), Ok(two)) if one == two)
    }

    /// The record, as reading the table would have given it.
    pub fn record(&self, source: &str) -> Result<JsonText> {
        let fields = self.fields.get();
        let mut record = fields.strip_suffix('}').unwrap_or(fields).to_owned();
        for (name, value) in SYSTEM.into_iter().zip([&*self.run, source, &*self.loaded_at]) {
            if fields.contains(OWN_PREFIX) && busta_core::json::field(fields.as_bytes(), name).is_some() {
                continue;
            }
            if record.len() > 1 {
                record.push(',');
            }
            record.push_str(&format!("\"{name}\":{}", Value::from(value)));
        }
        record.push('}');
        raw(record)
    }

    /// The values of the key's fields, as an object.
    pub fn key(&self, primary_key: &[String]) -> Result<JsonText> {
        let mut key = String::from("{");
        for_each_field(self.fields.get().as_bytes(), |name, value| {
            if primary_key.iter().any(|field| *field == *name) {
                if key.len() > 1 {
                    key.push(',');
                }
                key.push_str(&format!("{}:{value}", Value::from(&*name)));
            }
        })
        .map_err(|error| Error::corrupt(format!("the change log holds what busta never wrote: {error}")))?;
        key.push('}');
        raw(key)
    }
}

/// A JSON text that was put together.
pub(super) fn raw(json: String) -> Result<JsonText> {
    RawValue::from_string(json).map_err(|error| Error::bug(format!("a record is no JSON: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_has_our_columns_unless_it_has_fields_of_those_names() {
        let plain = Image::parse(r#"["R","T",{"a":1}]"#).unwrap();
        let expected = r#"{"a":1,"_busta_run":"R","_busta_source":"s","_busta_loaded_at":"T"}"#;
        assert_eq!(plain.record("s").unwrap().get(), expected);
        let odd = Image::parse(r#"["R","T",{"_busta_run":"mine"}]"#).unwrap();
        let expected = r#"{"_busta_run":"mine","_busta_source":"s","_busta_loaded_at":"T"}"#;
        assert_eq!(odd.record("s").unwrap().get(), expected);
        let empty = Image::parse(r#"["R","T",{}]"#).unwrap();
        assert!(empty.record("s").unwrap().get().starts_with("{\"_busta_run\""));
        assert_eq!(plain.key(&["a".into()]).unwrap().get(), r#"{"a":1}"#);
    }
}
