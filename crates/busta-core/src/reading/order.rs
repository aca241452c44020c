//! The order of rows by a column.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::PAGE_BYTES;
use super::value::Value;
use crate::error::{Error, Result};
use crate::json::field;

/// Of a text or JSON text, so many characters decide where its row stands, so that a cursor that
/// remembers them stays short.
pub const ORDERED_CHARACTERS: usize = 256;

/// By what rows are ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// A top-level field.
    pub column: String,
    /// Greatest first.
    pub descending: bool,
}

impl Order {
    /// Reads `price` or, for the greatest first, `-price`.
    pub fn parse(text: &str) -> Result<Self> {
        let (column, descending) = match text.strip_prefix('-') {
            Some(column) => (column, true),
            None => (text, false),
        };
        if column.is_empty() {
            return Err(Error::data("the order names no column").hint("write price, or -price"));
        }
        Ok(Self { column: column.to_owned(), descending })
    }
}

/// What decides where a row stands: see the [module](super).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum OrderKey {
    /// Null, or no such field.
    #[serde(rename = "n")]
    Null,
    /// A whole number.
    #[serde(rename = "i")]
    Integer(i64),
    /// The bits of another number: decimal digits would have to be read back exactly.
    #[serde(rename = "r")]
    Real(u64),
    /// The beginning of a text.
    #[serde(rename = "t")]
    Text(String),
    /// The beginning of the JSON text of anything else.
    #[serde(rename = "o")]
    Other(String),
}

impl OrderKey {
    /// The key of a value.
    pub fn of(value: &Value<'_>) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Boolean(value) => Self::Other(value.to_string()),
            Value::Integer(n) => Self::Integer(*n),
            Value::Real(n) => Self::Real(n.to_bits()),
            Value::Text(text) => Self::Text(beginning(text)),
            Value::Other(json) => Self::Other(beginning(json)),
        }
    }

    fn class(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Integer(_) | Self::Real(_) => 1,
            Self::Text(_) => 2,
            Self::Other(_) => 3,
        }
    }

    fn number(&self) -> Value<'_> {
        match self {
            Self::Integer(n) => Value::Integer(*n),
            Self::Real(bits) => Value::Real(f64::from_bits(*bits)),
            _ => Value::Null,
        }
    }
}

impl Ord for OrderKey {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) | (Self::Other(a), Self::Other(b)) => a.cmp(b),
            _ => self
                .class()
                .cmp(&other.class())
                .then_with(|| self.number().compare_numbers(&other.number()).unwrap_or(Ordering::Equal)),
        }
    }
}

impl PartialOrd for OrderKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for OrderKey {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for OrderKey {}

fn beginning(text: &str) -> String {
    text.chars().take(ORDERED_CHARACTERS).collect()
}

/// Finds the rows of one page of an order while all rows pass by. It keeps as many rows as a page
/// holds, and no more.
pub struct Sorter {
    order: Order,
    after: Option<Place>,
    limit: usize,
    kept: BTreeMap<Place, Vec<u8>>,
    bytes: usize,
    more: bool,
}

impl Sorter {
    /// A page of at most `limit` rows after the row with that key and number.
    pub fn new(order: Order, after: Option<(OrderKey, u64)>, limit: usize) -> Self {
        let after = after.map(|at| Place { at, descending: order.descending });
        Self { order, after, limit: limit.max(1), kept: BTreeMap::new(), bytes: 0, more: false }
    }

    /// Takes row number `number` into account. Numbers must be the same whenever the table is read.
    pub fn push(&mut self, number: u64, row: &[u8]) {
        let value = field(row, &self.order.column).map_or(Value::Null, Value::of);
        let place = Place { at: (OrderKey::of(&value), number), descending: self.order.descending };
        if self.after.as_ref().is_some_and(|after| place <= *after) {
            return;
        }
        if self.is_full() && self.kept.last_key_value().is_some_and(|(last, _)| *last < place) {
            self.more = true;
            return;
        }
        self.bytes += row.len();
        self.kept.insert(place, row.to_vec());
        while self.kept.len() > self.limit || self.last_is_too_much() {
            self.more = true;
            let dropped = self.kept.pop_last();
            self.bytes -= dropped.map_or(0, |(_, row)| row.len());
        }
    }

    fn is_full(&self) -> bool {
        self.kept.len() >= self.limit || self.bytes >= PAGE_BYTES
    }

    /// Whether the rows before the last are a page by their size alone.
    fn last_is_too_much(&self) -> bool {
        self.kept.last_key_value().is_some_and(|(_, row)| self.bytes - row.len() >= PAGE_BYTES)
    }

    /// The rows in their order, and the place of the last if others follow it.
    pub fn finish(self) -> (Vec<Vec<u8>>, Option<(OrderKey, u64)>) {
        let last = self.kept.last_key_value().filter(|_| self.more).map(|(place, _)| place.at.clone());
        (self.kept.into_values().collect(), last)
    }
}

#[derive(PartialEq, Eq)]
struct Place {
    at: (OrderKey, u64),
    descending: bool,
}

impl Ord for Place {
    fn cmp(&self, other: &Self) -> Ordering {
        let keys = self.at.0.cmp(&other.at.0);
        (if self.descending { keys.reverse() } else { keys }).then(self.at.1.cmp(&other.at.1))
    }
}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const VALUES: [&str; 10] = ["null", "-1.5", "0", "7", "7.5", "\"\"", "\"Z\"", "\"a\"", "[1]", "true"];

    #[test]
    fn an_order_is_read() {
        assert_eq!(Order::parse("a").unwrap(), Order { column: "a".into(), descending: false });
        assert_eq!(Order::parse("-a").unwrap(), Order { column: "a".into(), descending: true });
        assert_eq!(Order::parse("-").unwrap_err().message(), "the order names no column");
    }

    #[test]
    fn classes_come_in_their_order() {
        let keys: Vec<_> = VALUES.iter().map(|raw| OrderKey::of(&Value::of(raw))).collect();
        assert!(keys.is_sorted(), "{keys:?}");
        let text = serde_json::to_string(&keys).unwrap();
        assert_eq!(serde_json::from_str::<Vec<OrderKey>>(&text).unwrap(), keys);
    }

    proptest! {
        #[test]
        fn pages_put_together_are_the_order(
            picks in proptest::collection::vec(0..VALUES.len(), 0..40), limit in 1..7_usize, descending: bool
        ) {
            let rows: Vec<String> = picks.iter().map(|&pick| format!("{{\"v\":{}}}", VALUES[pick])).collect();
            let mut numbers: Vec<usize> = (0..rows.len()).collect();
            let rank = |n: &usize| picks[*n] as isize * if descending { -1 } else { 1 };
            numbers.sort_by_key(rank);
            let order = Order { column: "v".into(), descending };
            let (mut read, mut after) = (Vec::new(), None);
            loop {
                let mut sorter = Sorter::new(order.clone(), after, limit);
                rows.iter().enumerate().for_each(|(n, row)| sorter.push(n as u64, row.as_bytes()));
                let (page, last) = sorter.finish();
                read.extend(page.into_iter().map(|row| String::from_utf8(row).unwrap()));
                after = last;
                if after.is_none() {
                    break;
                }
            }
            let expected: Vec<String> = numbers.iter().map(|n| rows[*n].clone()).collect();
            prop_assert_eq!(read, expected);
        }
    }
}
