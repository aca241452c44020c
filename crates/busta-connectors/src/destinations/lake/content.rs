//! A hash of what a record says, however it is written.
//!
//! A record that has not changed keeps its row. The row may be read back from a file that does not keep
//! the text (Parquet knows no order of fields, no blanks, and no difference between `1` and `1.0`), so the
//! hash must not know them either: fields that are null count for nothing, the order of fields does not
//! matter, and equal texts and numbers are equal in every spelling.

use std::fmt;
use std::hash::Hasher;

use busta_core::columns::{Cell, Column, Columns, Values};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use twox_hash::XxHash64;

use super::columns::OWN_FIELDS;

/// So many digits that count may say more than a number of 64 bits can hold: what has them is known by its
/// text. The shortest text of a double has 17 at most.
const LONG: usize = 18;

/// The least integer that may have so many.
const LEAST_LONG: u64 = 100_000_000_000_000_000;

/// Of the fields that were added.
#[derive(Default)]
pub(super) struct Content(u64);

impl Content {
    /// Adds a field by its name and its JSON text, which is valid and not `null`.
    pub(super) fn add(&mut self, name: &str, raw: &str) {
        self.0 = self.0.wrapping_add(field(name_of(name), value(raw)));
    }

    pub(super) fn hash(&self) -> u64 {
        self.0
    }
}

/// Of all rows of a batch, but for busta's own fields and those that are ignored.
pub(super) fn of_columns(batch: &Columns, ignored: &[String]) -> Vec<u64> {
    let mut sums = vec![0_u64; batch.rows()];
    let counts = |name: &str| !OWN_FIELDS.contains(&name) && !ignored.iter().any(|field| field == name);
    for column in batch.list().iter().filter(|column| counts(column.name())) {
        add_column(&mut sums, column);
    }
    sums
}

fn add_column(sums: &mut [u64], column: &Column) {
    let name = name_of(column.name());
    if let Values::Same(raw) = column.values() {
        let added = if &**raw == "null" { 0 } else { field(name, value(raw)) };
        sums.iter_mut().for_each(|sum| *sum = sum.wrapping_add(added));
        return;
    }
    let mut text = Vec::new();
    for (row, sum) in sums.iter_mut().enumerate() {
        let value = match column.get(row) {
            None | Some(Cell::Null) => continue,
            Some(Cell::Bool(value)) => boolean(value),
            Some(Cell::Int(value)) if value.unsigned_abs() < LEAST_LONG => integer(value),
            Some(Cell::Int(number)) => value(&number.to_string()),
            Some(Cell::Float(value)) => float(value),
            Some(Cell::Text(text)) => part(b's', text.as_bytes()),
            Some(Cell::Raw(json)) => value(json),
            Some(cell @ Cell::Time(_)) => {
                text.clear();
                cell.push(&mut text);
                part(b's', &text[1..text.len() - 1])
            }
        };
        *sum = sum.wrapping_add(field(name, value));
    }
}

/// The integer that a float stands for, if it is whole and small enough to be exact.
pub(super) fn whole(float: f64) -> Option<i64> {
    (float.fract() == 0.0 && float.abs() < 9e15).then_some(float as i64)
}

fn value(raw: &str) -> u64 {
    let bytes = raw.as_bytes();
    match bytes {
        [b'"', text @ .., b'"'] if !text.contains(&b'\\') => part(b's', text),
        [b'"', ..] => parsed(raw),
        _ if has_long_number(bytes) => part(b'r', bytes),
        [b'-' | b'0'..=b'9', ..] => number(raw).unwrap_or_else(|| parsed(raw)),
        _ => parsed(raw),
    }
}

/// A number, to its last bit: the library alone is content with its neighbours.
fn number(raw: &str) -> Option<u64> {
    match raw.parse() {
        Ok(value) => Some(integer(value)),
        Err(_) if raw.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E')) => raw.parse().ok().map(float),
        Err(_) => None,
    }
}

fn parsed(raw: &str) -> u64 {
    let mut input = serde_json::Deserializer::from_str(raw);
    Value.deserialize(&mut input).unwrap_or_else(|_| part(b'r', raw.as_bytes()))
}

/// Whether there is a number, or a text like one, with so many digits that count.
fn has_long_number(bytes: &[u8]) -> bool {
    let is_part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'.');
    // A number so long covers one in so many bytes: the others need no look.
    let mut at = LONG - 1;
    while let Some(byte) = bytes.get(at) {
        if is_part(byte) {
            let (before, after) = bytes.split_at(at);
            let start = at - before.iter().rev().take_while(|byte| is_part(byte)).count();
            at += after.iter().take_while(|byte| is_part(byte)).count();
            if digits(&bytes[start..at]) >= LONG {
                return true;
            }
        }
        at += LONG;
    }
    false
}

/// How many digits there are from the first to the last that is not 0.
fn digits(number: &[u8]) -> usize {
    let digits = number.iter().filter(|byte| **byte != b'.').skip_while(|byte| **byte == b'0');
    let (count, _zeros) = digits.fold((0, 0), |(count, zeros), byte| match byte {
        b'0' => (count, zeros + 1),
        _ => (count + zeros + 1, 0),
    });
    count
}

fn boolean(value: bool) -> u64 {
    mix(b'b', value.into())
}

fn integer(value: i64) -> u64 {
    mix(b'i', value as u64)
}

fn float(value: f64) -> u64 {
    match whole(value) {
        Some(whole) => integer(whole),
        None => mix(b'f', value.to_bits()),
    }
}

/// A number of some kind, mixed up.
fn mix(tag: u8, value: u64) -> u64 {
    fold(u64::from(tag).wrapping_mul(FACTORS[1]), value)
}

/// The halves of a product, one over the other, after wyhash (Wang Yi).
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a ^ FACTORS[0]) * u128::from(b ^ FACTORS[1]);
    (product >> 64) as u64 ^ product as u64
}

/// Odd, with as many bits set as not.
const FACTORS: [u64; 2] = [0xa076_1d64_78bd_642f, 0xe703_7ed1_a0b4_28db];

fn part(tag: u8, bytes: &[u8]) -> u64 {
    XxHash64::oneshot(tag.into(), bytes)
}

fn name_of(name: &str) -> u64 {
    part(b'n', name.as_bytes())
}

fn field(name: u64, value: u64) -> u64 {
    fold(name, value)
}

/// Hashes a value while it is parsed; `null` is 0.
struct Value;

impl<'de> DeserializeSeed<'de> for Value {
    type Value = u64;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<u64, D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<u64, E> {
        Ok(0)
    }

    fn visit_bool<E>(self, value: bool) -> Result<u64, E> {
        Ok(boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<u64, E> {
        Ok(integer(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<u64, E> {
        match i64::try_from(value) {
            Ok(value) => self.visit_i64(value),
            Err(_) => Ok(mix(b'u', value)),
        }
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<u64, E> {
        Ok(float(value))
    }

    fn visit_str<E>(self, text: &str) -> Result<u64, E> {
        Ok(part(b's', text.as_bytes()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<u64, A::Error> {
        let mut hash = XxHash64::with_seed(b'a'.into());
        while let Some(element) = list.next_element_seed(Value)? {
            hash.write_u64(element);
        }
        Ok(hash.finish())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<u64, A::Error> {
        let mut sum = 0_u64;
        while let Some(name) = map.next_key_seed(Name)? {
            let value = map.next_value_seed(Value)?;
            if value != 0 {
                // The order of the fields does not matter to a sum.
                sum = sum.wrapping_add(field(name, value));
            }
        }
        Ok(part(b'o', &sum.to_le_bytes()))
    }
}

/// Hashes a name.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = u64;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<u64, D::Error> {
        input.deserialize_str(Value)
    }
}

#[cfg(test)]
mod tests {
    use busta_core::json::for_each_field;
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    use super::*;

    fn hash(record: &str) -> u64 {
        let mut content = Content::default();
        for_each_field(record.as_bytes(), |name, raw| {
            if raw != "null" {
                content.add(&name, raw);
            }
        })
        .unwrap();
        content.hash()
    }

    #[test]
    fn one_record_in_every_spelling() {
        let plain = hash(r#"{"a":1,"b":"é/","c":{"x":[1,2.5],"y":true},"d":-0.1}"#);
        for other in [
            r#"{"d":-1e-1,"c":{"y":true,"x":[1.0,2.5]},"b":"\u00e9\/","a":1}"#,
            "{ \"a\" : 1.0, \"b\" : \"é/\", \"c\" : { \"x\" : [ 1, 2.50 ], \"y\" : true, \"z\" : null }, \"d\" : -0.1, \"e\" : null }",
        ] {
            assert_eq!(hash(other), plain, "{other}");
        }
    }

    #[test]
    fn whatever_it_says_otherwise_changes_it() {
        let records = [
            r#"{"a":1,"b":2}"#,
            r#"{"a":2,"b":1}"#,
            r#"{"a":"1","b":2}"#,
            r#"{"a":1,"b":true}"#,
            r#"{"a":1,"b":[2]}"#,
            r#"{"a":1,"b":[null,2]}"#,
            r#"{"a":1,"b":[[2]]}"#,
            r#"{"a":1,"b":{}}"#,
            r#"{"a":1,"b":{"c":2}}"#,
            r#"{"a":1,"b":{"2":"c"}}"#,
            r#"{"a":1}"#,
            r#"{"b":1}"#,
            "{}",
            r#"{"a":12345678901234567890123}"#,
            r#"{"a":12345678901234567890124}"#,
            r#"{"a":[12345678901234567890123]}"#,
            r#"{"a":[12345678901234567890124]}"#,
            r#"{"a":9007199254740993}"#,
            r#"{"a":9007199254740992}"#,
        ];
        let mut hashes: Vec<u64> = records.iter().map(|record| hash(record)).collect();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), records.len());
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "[a-c\"é]{0,3}".prop_map(Value::from)
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::hash_map("[a-d]", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    #[test]
    fn texts_have_the_hash_that_is_stored_since_the_first_version() {
        let text = [b'x'; 100];
        for bytes in (0..text.len()).map(|length| &text[..length]) {
            let mut hash = XxHash64::with_seed(b's'.into());
            hash.write(bytes);
            assert_eq!(part(b's', bytes), hash.finish());
        }
    }

    proptest! {
        #[test]
        fn long_numbers_are_found_wherever_they_stand(json in "[0-9.0a-]{0,60}|[^0-9]{0,40}-?[0-9.]{16,22}[^0-9.]{0,40}") {
            let is_long = |run: &str| run.replace('.', "").trim_matches('0').len() >= LONG;
            let wanted = json.split(|sign: char| sign != '.' && !sign.is_ascii_digit()).any(is_long);
            prop_assert_eq!(has_long_number(json.as_bytes()), wanted);
        }

        #[test]
        fn it_is_equal_exactly_when_the_record_is(a in any_json(), b in any_json()) {
            let record = |value: &Value| json!({"x": value}).to_string();
            prop_assert_eq!(hash(&record(&a)) == hash(&record(&b)), a == b);
            // `Map` sorts its names; written backwards it is the same record.
            if let Value::Object(map) = &a {
                let backwards: Vec<String> = map.iter().rev().map(|(k, v)| format!("{}:{v}", json!(k))).collect();
                let map: &Map<String, Value> = map;
                prop_assert_eq!(hash(&format!("{{{}}}", backwards.join(","))), hash(&json!(map).to_string()));
            }
        }
    }
}
