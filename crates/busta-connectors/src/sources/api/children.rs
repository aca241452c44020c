//! Child streams: the splits that a parent's records lead to, and what children keep of them.

use std::collections::HashSet;

use busta_core::{Error, Failure, Records, RecordsBuilder, Stage};
use serde_json::Value;

use super::page::Page;
use super::stream::{Part, Stream};
use super::template::{FieldRef, Fields};

/// A child's split, found in a record.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The child's place in [`Api::streams`](super::stream::Api::streams).
    pub stream: usize,
    /// The fields that its split carries.
    pub fields: Fields,
}

/// Adds to `page` the splits that its records lead to, one for each record and child; records with
/// the same values lead to the same split. A record whose field is `null` has no children.
pub fn find(stream: &Stream, part: &Part, page: &mut Page, name: &str) {
    if stream.children.is_empty() {
        return;
    }
    let mut known = HashSet::new();
    let records = page.records.clone();
    for (index, record) in records.iter().enumerate() {
        for child in &stream.children {
            match fields(stream, part, &child.fields, record) {
                Ok(Some(fields)) => {
                    let key = (child.stream, fields.values().map(Value::to_string).collect::<Vec<_>>());
                    if known.insert(key) {
                        page.found.push(Found { stream: child.stream, fields });
                    }
                }
                Ok(None) => {}
                Err(error) => {
                    let position = format!("{name}, record {}", index + 1);
                    page.failures.push(Failure::item(Stage::Parse, position, &error, Some(record)));
                }
            }
        }
    }
}

fn fields(stream: &Stream, part: &Part, wanted: &[FieldRef], record: &[u8]) -> Result<Option<Fields>, Error> {
    let mut fields = Fields::new();
    for field in wanted {
        let key = field.key();
        let value = if field.stream == stream.spec.name.as_str() {
            pick(record, &field.field)?
        } else {
            part.fields.get(&key).cloned().unwrap_or(Value::Null)
        };
        if value.is_null() {
            return Ok(None);
        }
        fields.insert(key, value);
    }
    Ok(Some(fields))
}

/// The value of a field, which must fit into a URL.
fn pick(record: &[u8], path: &str) -> Result<Value, Error> {
    let wrong = |what: &str| {
        Error::data(format!("the record's `{path}` {what}, so its child streams cannot be read"))
            .hint("check the placeholders of the child streams")
    };
    let mut raw = None;
    let mut inside = record;
    for name in path.split('.') {
        let field = busta_core::json::field(inside, name).ok_or_else(|| wrong("is missing"))?;
        inside = field.as_bytes();
        raw = Some(field);
    }
    match serde_json::from_str(raw.unwrap_or("null")) {
        Ok(Value::String(text)) if matches!(text.as_str(), "" | "." | "..") => {
            Err(wrong("cannot stand in a path"))
        }
        Ok(value @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_))) => Ok(value),
        _ => Err(wrong("is neither a text nor a number")),
    }
}

/// Puts the parents' fields into the records that do not have them.
pub fn include(stream: &Stream, part: &Part, records: &mut Records) {
    let known = |field: &FieldRef| part.fields.get(&field.key());
    let extra: Vec<(&str, String)> = stream
        .include
        .iter()
        .filter_map(|(name, field)| Some((name.as_str(), known(field)?.to_string())))
        .collect();
    if extra.is_empty() {
        return;
    }
    let size = extra.iter().map(|(name, value)| name.len() + value.len() + 4).sum::<usize>();
    let mut built = RecordsBuilder::with_capacity(records.bytes() as usize + records.len() * size);
    let mut text = Vec::new();
    for record in records.iter() {
        text.clear();
        with_fields(record, &extra, &mut text);
        built.push(&text);
    }
    *records = built.finish();
}

fn with_fields(record: &[u8], extra: &[(&str, String)], text: &mut Vec<u8>) {
    let mut missing = vec![true; extra.len()];
    let mut empty = true;
    // A record is an object: it has been cut as one.
    let _ = busta_core::json::for_each_field(record, |name, _| {
        empty = false;
        if let Some(index) = extra.iter().position(|(known, _)| *known == name) {
            missing[index] = false;
        }
    });
    text.push(b'{');
    let mut first = true;
    for ((name, value), _) in extra.iter().zip(missing).filter(|(_, missing)| *missing) {
        if !first {
            text.push(b',');
        }
        first = false;
        text.extend_from_slice(Value::from(*name).to_string().as_bytes());
        text.push(b':');
        text.extend_from_slice(value.as_bytes());
    }
    if !first && !empty {
        text.push(b',');
    }
    text.extend_from_slice(&record[1..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_put_in_where_they_are_missing() {
        let extra = [("a", "1".to_owned()), ("b\"", "\"x\"".to_owned())];
        let put = |record: &str| {
            let mut text = Vec::new();
            with_fields(record.as_bytes(), &extra, &mut text);
            serde_json::from_slice::<Value>(&text).unwrap()
        };
        assert_eq!(put("{}"), serde_json::json!({"a": 1, "b\"": "x"}));
        assert_eq!(put(r#"{ "c": 3 }"#), serde_json::json!({"a": 1, "b\"": "x", "c": 3}));
        assert_eq!(put(r#"{"a":7}"#), serde_json::json!({"a": 7, "b\"": "x"}));
        assert_eq!(put(r#"{"a":7,"b\"":8}"#), serde_json::json!({"a": 7, "b\"": 8}));
    }

    #[test]
    fn values_must_fit_into_a_url() {
        assert_eq!(pick(br#"{"a":{"b":7}}"#, "a.b").unwrap(), 7);
        assert_eq!(pick(br#"{"a":null}"#, "a").unwrap(), Value::Null);
        for (record, said) in [
            ("{}", "missing"),
            (r#"{"a":[]}"#, "neither"),
            (r#"{"a":".."}"#, "path"),
            (r#"{"a":""}"#, "path"),
        ] {
            let error = pick(record.as_bytes(), "a").unwrap_err().to_string();
            assert!(error.contains(said), "{record}: {error}");
        }
    }
}
