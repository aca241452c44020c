//! The columns of a table, found by looking at records.

mod typed;

use std::collections::HashMap;
use std::fmt;

use busta_core::Records;
use busta_core::json::for_each_field;
use serde::{Deserialize, Serialize};

use crate::value::Value;

/// What a column of a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// True and false.
    Bool,
    /// 64-bit integers.
    Int,
    /// Doubles.
    Float,
    /// Texts in UTF-8. Where a column holds texts beside numbers or booleans, these stand as their
    /// JSON text.
    Text,
    /// Moments in microseconds, whose texts are all of the one form `2024-01-31T23:59:59.000000Z`. A column with
    /// times in any other form is a [`Text`](Self::Text), so that its texts come back as they were.
    Time,
    /// The JSON text of values, of which some are objects or arrays.
    Json,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Bool => "Bool",
            Self::Int => "Int",
            Self::Float => "Float",
            Self::Text => "Text",
            Self::Time => "Time",
            Self::Json => "Json",
        })
    }
}

/// The kinds of values that a column has held, as bits. Joining two is set union, so the order in
/// which records are met changes nothing about the outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Vec<SeenName>", into = "Vec<SeenName>")]
pub(crate) struct Seen(u8);

impl Seen {
    pub const BOOL: Self = Self(1);
    /// Integers that a double holds exactly.
    pub const INT: Self = Self(2);
    /// Other 64-bit integers.
    pub const LONG: Self = Self(4);
    pub const FLOAT: Self = Self(8);
    pub const TEXT: Self = Self(16);
    pub const NESTED: Self = Self(32);
    /// Texts that are moments in the form of [`Kind::Time`].
    pub const TIME: Self = Self(64);

    pub fn with(self, more: Self) -> Self {
        Self(self.0 | more.0)
    }

    fn has(self, kinds: Self) -> bool {
        self.0 & kinds.0 != 0
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The same where times are texts like others.
    pub fn without_time(self) -> Self {
        if self.has(Self::TIME) { Self(self.0 & !Self::TIME.0).with(Self::TEXT) } else { self }
    }

    /// Whether one type other than text holds all of these exactly, or all are texts.
    pub fn is_uniform(self) -> bool {
        self == Self::TEXT || !matches!(self.kind(), Kind::Text | Kind::Json)
    }

    /// The narrowest kind that holds all of these exactly.
    pub fn kind(self) -> Kind {
        let numbers = Self::INT.with(Self::LONG).with(Self::FLOAT);
        if self.has(Self::NESTED) {
            Kind::Json
        } else if self == Self::TIME {
            Kind::Time
        } else if self.has(Self::TEXT.with(Self::TIME))
            || self.is_empty()
            || self.has(Self::BOOL) && self.has(numbers)
            || self.has(Self::FLOAT) && self.has(Self::LONG)
        {
            Kind::Text
        } else if self.has(Self::BOOL) {
            Kind::Bool
        } else if self.has(Self::FLOAT) {
            Kind::Float
        } else {
            Kind::Int
        }
    }
}

/// The bits by name, for manifests.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum SeenName {
    Bool,
    Int,
    Long,
    Float,
    Text,
    Nested,
    Time,
}

const NAMES: [(SeenName, Seen); 7] = [
    (SeenName::Bool, Seen::BOOL),
    (SeenName::Int, Seen::INT),
    (SeenName::Long, Seen::LONG),
    (SeenName::Float, Seen::FLOAT),
    (SeenName::Text, Seen::TEXT),
    (SeenName::Nested, Seen::NESTED),
    (SeenName::Time, Seen::TIME),
];

impl From<Vec<SeenName>> for Seen {
    fn from(names: Vec<SeenName>) -> Self {
        names.iter().fold(Self::default(), |all, name| all.with(NAMES[*name as usize].1))
    }
}

impl From<Seen> for Vec<SeenName> {
    fn from(seen: Seen) -> Self {
        NAMES.iter().filter(|(_, bit)| seen.has(*bit)).map(|(name, _)| *name).collect()
    }
}

/// A column: a top-level field of the records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    name: Box<str>,
    seen: Seen,
}

impl Column {
    /// The field's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it holds. A column in which nothing but null was seen is [`Kind::Text`].
    pub fn kind(&self) -> Kind {
        self.seen.kind()
    }

    /// What the value with this JSON text says beyond what is known of it. A text column learns nothing
    /// from more text, which is what most values are.
    pub(crate) fn learns(&self, raw: &str) -> Seen {
        let is_known = raw.starts_with('"') && self.seen.has(Seen::TEXT);
        if is_known { Seen::default() } else { Value::seen(raw) }
    }

    /// Whether nothing but null was seen in it.
    pub fn is_null(&self) -> bool {
        self.seen.is_empty()
    }
}

/// The columns of a table, in the order in which they were first met.
///
/// It may stand in a manifest (serde): it remembers which kinds of values were seen, so that joining
/// shapes in any order gives the same kinds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Shape {
    columns: Vec<Column>,
}

impl Shape {
    /// The shape of `records`. Null and absent say nothing about a column but its name. A record that
    /// is no JSON object, which [`Records`] rules out, is passed over.
    pub fn of(records: &Records) -> Self {
        if let Some(columns) = records.columns() {
            return Self { columns: typed::shape(columns) };
        }
        let mut finder = Finder::default();
        for record in records.iter() {
            finder.look(record);
        }
        finder.shape
    }

    /// The columns in order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Takes in what `other` has seen. Says in words what became different: `new column price
    /// (Float)`, `price: Int -> Float`.
    pub fn widen(&mut self, other: &Self) -> Vec<String> {
        let places: HashMap<Box<str>, usize> =
            self.columns.iter().enumerate().map(|(n, column)| (column.name.clone(), n)).collect();
        let mut changes = Vec::new();
        for column in &other.columns {
            let Some(&place) = places.get(&column.name) else {
                changes.push(format!("new column {} ({})", column.name, column.kind()));
                self.columns.push(column.clone());
                continue;
            };
            let own = &mut self.columns[place];
            let before = own.kind();
            own.seen = own.seen.with(column.seen);
            if own.kind() != before {
                changes.push(format!("{}: {before} -> {}", own.name, own.kind()));
            }
        }
        changes
    }

    /// The columns that hold something else here than they do in `wider`.
    pub fn narrower<'a>(&'a self, wider: &'a Self) -> impl Iterator<Item = &'a str> {
        let kinds: HashMap<&str, Kind> =
            wider.columns.iter().map(|column| (column.name(), column.kind())).collect();
        let differs =
            move |column: &&Column| kinds.get(column.name()).is_some_and(|kind| *kind != column.kind());
        self.columns.iter().filter(differs).map(Column::name)
    }

    /// Whether a file with this shape can take records with shape `other` as they are.
    pub fn holds(&self, other: &Self) -> bool {
        self.clone().widen(other).is_empty()
    }
}

/// Finds the shape of records that are shown one by one.
#[derive(Debug, Default)]
struct Finder {
    shape: Shape,
    places: Places,
}

impl Finder {
    fn look(&mut self, record: &[u8]) {
        let Self { shape: Shape { columns }, places } = self;
        let mut nth = 0;
        let outcome = for_each_field(record, |name, raw| {
            let place = match places.find(nth, &name, |place| &columns[place].name) {
                Some(place) => place,
                None => {
                    columns.push(Column { name: name.as_ref().into(), seen: Seen::default() });
                    places.add(nth, name.as_ref().into())
                }
            };
            nth += 1;
            let column = &mut columns[place];
            column.seen = column.seen.with(column.learns(raw));
        });
        debug_assert!(outcome.is_ok(), "a record is one JSON object");
    }
}

/// Finds columns by name. Most records have their fields in the same order, so it first looks where
/// the record before had this one.
#[derive(Debug, Default)]
pub(crate) struct Places {
    by_name: HashMap<Box<str>, usize>,
    order: Vec<usize>,
}

impl Places {
    /// The places of these names, in order.
    pub fn of<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let by_name: HashMap<Box<str>, usize> = names.enumerate().map(|(n, name)| (name.into(), n)).collect();
        Self { order: (0..by_name.len()).collect(), by_name }
    }

    /// The place of the field `name`, the `nth` of its record. `at` gives the name at a place.
    pub fn find<'a>(&mut self, nth: usize, name: &str, at: impl Fn(usize) -> &'a str) -> Option<usize> {
        if let Some(&guess) = self.order.get(nth)
            && at(guess) == name
        {
            return Some(guess);
        }
        let place = *self.by_name.get(name)?;
        self.remember(nth, place);
        Some(place)
    }

    fn add(&mut self, nth: usize, name: Box<str>) -> usize {
        let place = self.by_name.len();
        self.by_name.insert(name, place);
        self.remember(nth, place);
        place
    }

    fn remember(&mut self, nth: usize, place: usize) {
        // Where the field before was unknown, `nth` is beyond the end, and this is only a guess.
        match self.order.get_mut(nth) {
            Some(known) => *known = place,
            None => self.order.push(place),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(records: &[&str]) -> Shape {
        Shape::of(&records.iter().copied().collect())
    }

    fn kind_of(values: &[&str]) -> Kind {
        let records: Vec<String> = values.iter().map(|v| format!(r#"{{"a":{v}}}"#)).collect();
        Shape::of(&records.iter().map(String::as_str).collect()).columns()[0].kind()
    }

    #[test]
    fn kinds_widen_without_loss() {
        assert_eq!(kind_of(&["null"]), Kind::Text);
        assert_eq!(kind_of(&["true", "null"]), Kind::Bool);
        assert_eq!(kind_of(&["1", "9007199254740993"]), Kind::Int);
        assert_eq!(kind_of(&["1", "1.5"]), Kind::Float);
        assert_eq!(kind_of(&["9007199254740993", "1.5"]), Kind::Text);
        assert_eq!(kind_of(&["true", "1"]), Kind::Text);
        assert_eq!(kind_of(&["18446744073709551616"]), Kind::Text);
        assert_eq!(kind_of(&["1", "\"x\""]), Kind::Text);
        assert_eq!(kind_of(&["1", "[]"]), Kind::Json);
        assert_eq!(kind_of(&["\"x\"", "{}"]), Kind::Json);
        let time = "\"2024-01-31T23:59:59.000001Z\"";
        assert_eq!(kind_of(&[time, "null"]), Kind::Time);
        for other in ["\"x\"", "1", "\"2024-01-31T23:59:59Z\"", "\"2024-01-31T23:59:59.000001+00:00\""] {
            assert_eq!(kind_of(&[time, other]), Kind::Text, "{other}");
        }
        assert_eq!(kind_of(&[time, "{}"]), Kind::Json);
    }

    #[test]
    fn changes_are_said_in_words() {
        let mut table = shape(&[r#"{"id":"a","price":1}"#]);
        let changes = table.widen(&shape(&[r#"{"price":1.5,"id":null,"tag":[1]}"#]));
        assert_eq!(changes, ["price: Int -> Float", "new column tag (Json)"]);
        let names: Vec<&str> = table.columns().iter().map(Column::name).collect();
        assert_eq!(names, ["id", "price", "tag"]);
        assert!(table.holds(&shape(&[r#"{"tag":1,"price":3}"#])));
        assert!(!table.holds(&shape(&[r#"{"price":"x"}"#])));
        let old = shape(&[r#"{"id":"a","price":1,"gone":true}"#]);
        assert_eq!(old.narrower(&table).collect::<Vec<_>>(), ["price"]);
        assert_eq!(table.narrower(&table).count(), 0);
    }

    #[test]
    fn a_shape_keeps_in_a_manifest() {
        let found = shape(&[r#"{"a":1,"b":[],"c":null,"d":1.5}"#]);
        let text = serde_json::to_string(&found).unwrap();
        assert_eq!(
            text,
            r#"[{"name":"a","seen":["int"]},{"name":"b","seen":["nested"]},{"name":"c","seen":[]},{"name":"d","seen":["float"]}]"#
        );
        assert_eq!(serde_json::from_str::<Shape>(&text).unwrap(), found);
    }
}
