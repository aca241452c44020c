//! What records get of what their split is read for.

use busta_core::{Records, RecordsBuilder};
use serde_json::Value;

use super::part::Part;
use super::stream::Stream;
use super::template::FieldRef;

/// Puts fields of the parents, and values of `for_each`, into the records that do not have them.
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
}
