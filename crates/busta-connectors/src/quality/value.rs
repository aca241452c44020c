//! The values of a record that rules look at.

use std::borrow::Cow;

use busta_core::CursorValue;
use busta_core::json;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

/// The way to a field: its name, or the names on the way to it.
#[derive(Debug)]
pub struct FieldPath {
    /// As it is written.
    pub name: String,
    first: String,
    rest: Vec<String>,
}

impl FieldPath {
    /// The path that `name` names: parts between dots.
    pub fn new(name: &str) -> Self {
        let mut parts = name.split('.').map(str::to_owned);
        Self { name: name.to_owned(), first: parts.next().unwrap_or_default(), rest: parts.collect() }
    }

    /// The JSON text of the field in a record whose top-level fields are `fields`. A field whose own name
    /// has dots in it goes before the path.
    pub fn find<'a>(&self, fields: &[(Cow<'a, str>, &'a str)]) -> Option<&'a str> {
        let top = |name: &str| fields.iter().rev().find(|(key, _)| key == name).map(|(_, raw)| *raw);
        if self.rest.is_empty() {
            return top(&self.first);
        }
        top(&self.name).or_else(|| {
            self.rest.iter().try_fold(top(&self.first)?, |raw, part| json::field(raw.as_bytes(), part))
        })
    }
}

/// Whether a field says nothing: it is not there, null, or an empty text.
pub fn is_missing(raw: Option<&str>) -> bool {
    raw.is_none_or(|raw| raw == "null" || raw == "\"\"")
}

/// The time that a field holds: RFC 3339, a date as the beginning of its day in UTC, or Unix seconds or
/// milliseconds.
pub fn instant(raw: &str) -> Option<DateTime<Utc>> {
    /// Seconds reach this in the year 5138, milliseconds did in 1973.
    const MILLISECONDS: f64 = 1e11;
    match CursorValue::from_json(raw)? {
        CursorValue::Text(text) => match DateTime::parse_from_rfc3339(&text) {
            Ok(time) => Some(time.to_utc()),
            Err(_) => date(&text),
        },
        CursorValue::Integer(n) => unix(n as f64, MILLISECONDS),
        CursorValue::Float(n) => unix(n, MILLISECONDS),
    }
}

/// `2024-05-01`, as `full-date` of RFC 3339 has it.
fn date(text: &str) -> Option<DateTime<Utc>> {
    let is_full = text.len() == 10 && text.starts_with(|first: char| first.is_ascii_digit());
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| is_full)?;
    Some(date.and_time(NaiveTime::MIN).and_utc())
}

fn unix(number: f64, milliseconds: f64) -> Option<DateTime<Utc>> {
    let millis = if number.abs() >= milliseconds { number } else { number * 1000.0 };
    DateTime::from_timestamp_millis(millis as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(path: &str, record: &str) -> Option<String> {
        let mut fields = Vec::new();
        json::for_each_field(record.as_bytes(), |key, raw| fields.push((key, raw))).unwrap();
        FieldPath::new(path).find(&fields).map(str::to_owned)
    }

    #[test]
    fn a_path_leads_inside_and_a_name_with_dots_goes_first() {
        let record = r#"{"a": {"b": {"c": 1}}, "a.d": 2, "e": [1]}"#;
        assert_eq!(find("a.b.c", record).as_deref(), Some("1"));
        assert_eq!(find("a.d", record).as_deref(), Some("2"));
        assert_eq!(find("e.0", record), None);
        assert_eq!(find("x", record), None);
    }

    #[test]
    fn times_are_read_in_all_their_forms() {
        let noon = "2024-01-01T12:00:00Z".parse::<DateTime<Utc>>().unwrap();
        for raw in ["\"2024-01-01T13:00:00+01:00\"", "1704110400", "1704110400000", "1704110400.0"] {
            assert_eq!(instant(raw), Some(noon), "{raw}");
        }
        assert_eq!(instant("\"2024-01-01\""), Some(noon - chrono::Duration::hours(12)));
        for wrong in
            ["\"yesterday\"", "\"2024-1-1\"", "\"2024-13-01\"", "\"2024-01-01T12\"", "\" 2024-01-1\""]
        {
            assert_eq!(instant(wrong), None, "{wrong}");
        }
        assert_eq!(instant("true"), None);
    }
}
