//! Hive-style folders: which one a row belongs to.
//!
//! Names follow Hive: `key=value`, with its special characters percent-encoded, and
//! `__HIVE_DEFAULT_PARTITION__` for what has no value (`FileUtils.escapePathName` of Apache Hive).

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use busta_core::json::{field, for_each_field};
use busta_core::{Records, RecordsBuilder};
use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::digest;

/// What stands for null, absent and empty.
const NOTHING: &str = "__HIVE_DEFAULT_PARTITION__";

/// Longer values are cut and get a digest, since file systems end at 255 bytes.
const MAX_VALUE: usize = 150;

/// A level of folders.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(with = "KeySchema")]
pub struct PartitionKey {
    /// The field, with dots between the parts of a nested one.
    pub field: String,
    /// The period that its time is cut to; the value itself without one.
    pub by: Option<Period>,
}

/// How a key is described to editors.
#[derive(JsonSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "it is only a schema")]
enum KeySchema {
    /// A field, with dots between the parts of a nested one.
    Field(String),
    /// A field of time and a period.
    Time(TimeKey),
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TimeKey {
    /// The field, with dots between the parts of a nested one. It holds RFC 3339, a date, or a number
    /// of seconds, milliseconds, microseconds or nanoseconds since 1970 (told apart by its size).
    field: String,
    /// The period, in UTC.
    #[serde(default)]
    by: Option<Period>,
}

/// A period of time, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Period {
    /// `2024-05-17`.
    Day,
    /// `2024-05`.
    Month,
    /// `2024`.
    Year,
}

impl Period {
    fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
            Self::Year => "year",
        }
    }

    fn pattern(self) -> &'static str {
        match self {
            Self::Day => "%Y-%m-%d",
            Self::Month => "%Y-%m",
            Self::Year => "%Y",
        }
    }
}

impl<'de> Deserialize<'de> for PartitionKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Key;
        impl<'de> Visitor<'de> for Key {
            type Value = PartitionKey;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a field, or { field: created_at, by: day }")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<PartitionKey, E> {
                Ok(PartitionKey { field: text.to_owned(), by: None })
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<PartitionKey, A::Error> {
                let TimeKey { field, by } = TimeKey::deserialize(MapAccessDeserializer::new(map))?;
                Ok(PartitionKey { field, by })
            }
        }
        deserializer.deserialize_any(Key)
    }
}

impl PartitionKey {
    /// What its folders are named: the last part of the field, and the period.
    fn name(&self) -> String {
        let last = self.field.rsplit('.').next().unwrap_or(&self.field);
        match self.by {
            Some(period) => format!("{last}_{}", period.as_str()),
            None => last.to_owned(),
        }
    }

    /// What is wrong with it behind the `others`.
    pub(super) fn problem(&self, others: &[Self]) -> Option<String> {
        if self.field.split('.').any(str::is_empty) {
            return Some(
                "names no field: expected one such as `country` or `properties.datetime`".to_owned(),
            );
        }
        let name = self.name();
        let twice = others.iter().any(|other| other.name() == name);
        twice.then(|| format!("gives a second folder the name `{name}`: leave one of the two out"))
    }

    /// Whether its field stands in the folder's name and not in the file: a column must not be there
    /// twice.
    fn moves(&self) -> bool {
        self.by.is_none() && !self.field.contains('.')
    }

    fn raw<'a>(&self, record: &'a [u8]) -> Option<&'a str> {
        let mut parts = self.field.split('.');
        let mut raw = field(record, parts.next()?)?;
        for part in parts {
            raw = field(raw.as_bytes(), part)?;
        }
        (raw != "null").then_some(raw)
    }

    /// The text of a value as it stands in a folder's name, before it is encoded; `None` if it has none.
    fn text<'a>(&self, raw: &'a str) -> Option<Cow<'a, str>> {
        let text = if raw.starts_with('"') {
            Cow::Owned(serde_json::from_str::<String>(raw).ok()?)
        } else {
            Cow::Borrowed(raw)
        };
        let text = match self.by {
            Some(period) => Cow::Owned(date(&text)?.format(period.pattern()).to_string()),
            None => text,
        };
        (!text.is_empty()).then_some(text)
    }
}

/// The day of a time, in UTC.
fn date(text: &str) -> Option<NaiveDate> {
    if let Ok(number) = text.parse::<i64>() {
        // The digits tell the unit: as seconds, 10^11 is the year 5138; as milliseconds, 1973.
        let time = match number.unsigned_abs() {
            ..100_000_000_000 => DateTime::from_timestamp(number, 0),
            100_000_000_000..100_000_000_000_000 => DateTime::from_timestamp_millis(number),
            100_000_000_000_000..100_000_000_000_000_000 => DateTime::from_timestamp_micros(number),
            _ => Some(DateTime::from_timestamp_nanos(number)),
        };
        return Some(time?.date_naive());
    }
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.with_timezone(&Utc).date_naive());
    }
    // A date, or a time without its zone, which is taken as UTC.
    NaiveDate::parse_from_str(text.get(..10)?, "%Y-%m-%d").ok()
}

/// How rows are spread over folders.
#[derive(Clone, Debug)]
pub(super) struct Partitioning {
    keys: Vec<PartitionKey>,
    /// The fields that stand in folders' names only.
    moved: Vec<String>,
}

/// A folder and what its rows have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Partition {
    /// `country=FR/created_at_day=2024-05-17`.
    pub(super) folder: String,
    /// The fields that are not in the file, as JSON. Rows of one folder may differ in them: `1` and
    /// `"1"` look the same in a name.
    pub(super) fixed: Vec<(String, String)>,
}

impl Partitioning {
    pub(super) fn new(keys: &[PartitionKey]) -> Self {
        let moved = keys.iter().filter(|key| key.moves()).map(|key| key.field.clone()).collect();
        Self { keys: keys.to_vec(), moved }
    }

    /// The same folders, for files that keep all fields.
    pub(super) fn with_whole_rows(&self) -> Self {
        Self { moved: Vec::new(), ..self.clone() }
    }

    /// Where a record belongs.
    pub(super) fn of(&self, record: &[u8]) -> Partition {
        let mut partition = Partition::default();
        for key in &self.keys {
            let raw = key.raw(record);
            if !partition.folder.is_empty() {
                partition.folder.push('/');
            }
            push_escaped(&mut partition.folder, &key.name());
            partition.folder.push('=');
            match raw.and_then(|raw| key.text(raw)) {
                Some(text) => push_value(&mut partition.folder, &text),
                None => partition.folder.push_str(NOTHING),
            }
            if let Some(raw) = raw.filter(|_| self.moved.contains(&key.field)) {
                partition.fixed.push((key.field.clone(), raw.to_owned()));
            }
        }
        partition
    }

    /// The records as they stand in files.
    pub(super) fn strip<'a>(&self, records: &'a Records) -> Cow<'a, Records> {
        if self.moved.is_empty() {
            return Cow::Borrowed(records);
        }
        let mut stripped = RecordsBuilder::with_capacity(records.bytes() as usize);
        let mut row = Vec::new();
        for record in records.iter() {
            row.clear();
            row.push(b'{');
            let _ = for_each_field(record, |name, raw| {
                if self.moved.iter().any(|moved| *moved == name) {
                    return;
                }
                if row.len() > 1 {
                    row.push(b',');
                }
                row.extend_from_slice(serde_json::Value::from(name).to_string().as_bytes());
                row.push(b':');
                row.extend_from_slice(raw.as_bytes());
            });
            row.push(b'}');
            stripped.push(&row);
        }
        Cow::Owned(stripped.finish())
    }
}

fn push_value(out: &mut String, text: &str) {
    let mut value = String::new();
    push_escaped(&mut value, text);
    if value.len() > MAX_VALUE {
        let end = (0..=MAX_VALUE - 17).rev().find(|end| value.is_char_boundary(*end)).unwrap_or(0);
        value.truncate(end);
        value.push('~');
        value.push_str(&digest::first(8, text));
    }
    out.push_str(&value);
}

fn push_escaped(out: &mut String, text: &str) {
    for c in text.chars() {
        if c.is_ascii_control() || "\"#%'*/:=?\\{[]^".contains(c) {
            let _ = write!(out, "%{:02X}", u32::from(c));
        } else {
            out.push(c);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn keys(keys: Value) -> Partitioning {
        Partitioning::new(&serde_json::from_value::<Vec<PartitionKey>>(keys).unwrap())
    }

    fn folder(by: Value, record: &Value) -> String {
        keys(json!([by])).of(record.to_string().as_bytes()).folder
    }

    #[test]
    fn values_stand_in_names_as_hive_writes_them() {
        let of = |value: Value| folder(json!("k"), &json!({ "k": value }));
        assert_eq!(of(json!("FR")), "k=FR");
        assert_eq!(of(json!("a/b=c:d%")), "k=a%2Fb%3Dc%3Ad%25");
        assert_eq!(of(json!("é ü")), "k=é ü");
        assert_eq!(of(json!(1.5)), "k=1.5");
        assert_eq!(of(json!(true)), "k=true");
        assert_eq!(of(json!("..")), "k=..");
        for nothing in [json!(null), json!("")] {
            assert_eq!(of(nothing), "k=__HIVE_DEFAULT_PARTITION__");
        }
        assert_eq!(folder(json!("k"), &json!({})), "k=__HIVE_DEFAULT_PARTITION__");
        assert_eq!(folder(json!("a.b"), &json!({"a": {"b": "x"}})), "b=x");
        assert!(of(json!("x".repeat(1000))).len() < 200);
        assert_ne!(of(json!("x".repeat(1000))), of(json!("x".repeat(1001))));
    }

    #[test]
    fn times_are_cut_to_their_period_in_utc() {
        let of =
            |by: &str, value: Value| folder(json!({"field": "p.at", "by": by}), &json!({"p": {"at": value}}));
        assert_eq!(of("day", json!("2024-05-17T23:30:00-02:00")), "at_day=2024-05-18");
        assert_eq!(of("month", json!("2024-05-17")), "at_month=2024-05");
        assert_eq!(of("year", json!("2024-05-17T10:00:00")), "at_year=2024");
        for time in [1_715_940_000i64, 1_715_940_000_000, 1_715_940_000_000_000, 1_715_940_000_000_000_000] {
            assert_eq!(of("day", json!(time)), "at_day=2024-05-17", "{time}");
        }
        for nothing in [json!("soon"), json!(null), json!([1]), json!("ééééééé")] {
            assert_eq!(of("day", nothing), "at_day=__HIVE_DEFAULT_PARTITION__");
        }
    }

    #[test]
    fn what_stands_in_the_name_is_kept_exactly() {
        let by = keys(json!(["k"]));
        let of = |record: &str| by.of(record.as_bytes());
        assert_eq!(of(r#"{"k":1}"#).folder, of(r#"{"k":"1"}"#).folder);
        assert_ne!(of(r#"{"k":1}"#), of(r#"{"k":"1"}"#));
        let rows: Records = [r#"{"k":1,"a\"b":[1, 2]}"#, r#"{"a":2,"k":3,"c":null}"#].into_iter().collect();
        let stripped = by.strip(&rows).into_owned();
        let texts: Vec<_> = stripped.iter().map(String::from_utf8_lossy).collect();
        assert_eq!(texts, [r#"{"a\"b":[1, 2]}"#, r#"{"a":2,"c":null}"#]);
    }

    proptest! {
        #[test]
        fn no_value_leaves_its_folder(value: String, number: i64) {
            for value in [json!(value), json!(number), json!([value])] {
                let folder = folder(json!("k"), &json!({ "k": value }));
                prop_assert!(folder.starts_with("k=") && !folder.contains(['/', '\\', '\0']), "{}", folder);
                prop_assert!(folder.len() <= 2 + MAX_VALUE.max(NOTHING.len()));
            }
        }

        #[test]
        fn different_texts_have_different_folders(a: String, b: String) {
            prop_assume!(a != b && !a.is_empty() && !b.is_empty());
            let of = |text: &str| folder(json!("k"), &json!({ "k": text }));
            prop_assert_ne!(of(&a), of(&b));
        }
    }
}
