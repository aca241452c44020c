//! Child streams: what a parent's records lead to.

use std::collections::HashSet;

use busta_core::{Error, Failure, Records};
use serde_json::Value;

use super::found::{Found, Way};
use super::page::{Page, Reading};
use super::programs::{Variables, scalar};
use super::stream::{Child, Means};
use super::template::{FieldRef, Fields, WITH};
use crate::jq::Program;

/// Adds to `page` what its records lead to: a split for each record and child, where records with the same values
/// lead to the same split, and one for all the records of a stream that is made from these. A record whose field is
/// `null` has no children.
pub fn find(reading: &Reading<'_>, variables: &Variables, page: &mut Page) {
    let mut known = HashSet::new();
    let records = page.records.clone();
    for child in &reading.stream.children {
        match &child.means {
            Means::Read(with) => {
                for (index, record) in records.iter().enumerate() {
                    match fields(reading, variables, child, with, record) {
                        Ok(Some(fields)) => {
                            let key = fields.values().map(Value::to_string).collect::<Vec<_>>();
                            if known.insert((child.stream, key)) {
                                page.found.push(Found { stream: child.stream, fields, way: Way::Read });
                            }
                        }
                        Ok(None) => {}
                        Err(error) => page.failures.push(reading.failed_record(index, &error, record)),
                    }
                }
            }
            Means::Made(map) => {
                let records = make(reading, variables, map.as_ref(), &records, &mut page.failures);
                let fields = inherited(reading, &child.fields);
                if !records.is_empty() {
                    page.found.push(Found { stream: child.stream, fields, way: Way::Made(records) });
                }
            }
        }
    }
}

/// The records that are made from `records`.
fn make(
    reading: &Reading<'_>,
    variables: &Variables,
    map: Option<&Program>,
    records: &Records,
    failures: &mut Vec<Failure>,
) -> Vec<String> {
    let mut made = Vec::new();
    for (index, record) in records.iter().enumerate() {
        // A record is UTF-8: it is a slice of a text.
        let record = std::str::from_utf8(record).unwrap_or_default();
        match map.map(|map| map.records(record, variables.timed())) {
            None => made.push(record.to_owned()),
            Some(Ok(records)) => made.extend(records),
            Some(Err(error)) => {
                failures.push(reading.failed_record(index, &error.at("`map`"), record.as_bytes()))
            }
        }
    }
    made
}

/// What the split carries already.
fn inherited(reading: &Reading<'_>, wanted: &[FieldRef]) -> Fields {
    let known = |field: &FieldRef| {
        let key = field.key();
        Some((key.clone(), reading.part.fields.get(&key)?.clone()))
    };
    wanted.iter().filter_map(known).collect()
}

fn fields(
    reading: &Reading<'_>,
    variables: &Variables,
    child: &Child,
    with: &[(String, Program)],
    record: &[u8],
) -> Result<Option<Fields>, Error> {
    let mut fields = Fields::new();
    for field in &child.fields {
        let key = field.key();
        let value = if field.stream == reading.stream.spec.name.as_str() {
            pick(record, &field.field)?
        } else {
            reading.part.fields.get(&key).cloned().unwrap_or(Value::Null)
        };
        if value.is_null() {
            return Ok(None);
        }
        fields.insert(key, value);
    }
    // A record is UTF-8: it is a slice of a text.
    let record = std::str::from_utf8(record).unwrap_or_default();
    for (name, program) in with {
        let key = format!("{WITH}.{name}");
        match scalar(program, record, variables).map_err(|error| error.at(format_args!("`{key}`")))? {
            Some(value) => fields.insert(key, value),
            None => return Ok(None),
        };
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

#[cfg(test)]
mod tests {
    use super::*;

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
