//! What is known about the columns of a table: their names, in the order in which they were met, and
//! the types of JSON that were seen in them.

use std::collections::HashMap;

use busta_core::destination::{ColumnInfo, SchemaChange};
use serde::{Deserialize, Serialize};

/// Names of the fields that busta adds to every row.
pub(super) const OWN_FIELDS: [&str; 3] = ["_busta_run", "_busta_source", "_busta_loaded_at"];

/// A table that has more columns than this (objects that use ids as field names) has its further
/// ones found by reading the data, so that the manifest stays small.
const MAX_TRACKED: usize = 10_000;

/// The types of JSON met in a column, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Types(u8);

const NAMES: [&str; 7] = ["null", "boolean", "integer", "number", "string", "array", "object"];
const NULL: u8 = 1;
const INTEGER: u8 = 1 << 2;
const NUMBER: u8 = 1 << 3;

impl Types {
    /// The type of a JSON text.
    pub(super) fn of(raw: &str) -> Self {
        let bytes = raw.as_bytes();
        Self(match bytes.first() {
            Some(b'n') => NULL,
            Some(b't' | b'f') => 1 << 1,
            Some(b'"') => 1 << 4,
            Some(b'[') => 1 << 5,
            Some(b'{') => 1 << 6,
            _ if bytes.iter().any(|b| matches!(b, b'.' | b'e' | b'E')) => NUMBER,
            _ => INTEGER,
        })
    }

    pub(super) fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// In words: `integer`, `number|string`; `null` if nothing else was met.
    fn describe(self) -> String {
        let mut bits = self.0;
        if bits & NUMBER != 0 {
            bits &= !INTEGER;
        }
        if bits != NULL {
            bits &= !NULL;
        }
        let names: Vec<_> =
            NAMES.iter().enumerate().filter(|(i, _)| bits & (1 << i) != 0).map(|(_, n)| *n).collect();
        names.join("|")
    }
}

/// Columns in the order in which they were met.
#[derive(Clone, Debug, Default)]
pub(super) struct Columns {
    list: Vec<(String, Types)>,
    index: HashMap<String, usize>,
    /// Where the next field is expected, since records of one stream look alike.
    next: usize,
}

impl Columns {
    /// Adds what a field shows.
    pub(super) fn note(&mut self, name: &str, types: Types) {
        let at = match self.list.get(self.next) {
            Some((expected, _)) if expected == name => self.next,
            _ => match self.index.get(name) {
                Some(at) => *at,
                None => self.add(name),
            },
        };
        self.next = at + 1;
        self.list[at].1 = self.list[at].1.with(types);
    }

    fn add(&mut self, name: &str) -> usize {
        self.list.push((name.to_owned(), Types::default()));
        self.index.insert(name.to_owned(), self.list.len() - 1);
        self.list.len() - 1
    }

    /// Adds what a record shows: a shallow walk. A record that is no JSON object shows nothing.
    pub(super) fn note_record(&mut self, record: &[u8]) {
        self.next = 0;
        let _ = busta_core::json::for_each_field(record, |name, raw| self.note(&name, Types::of(raw)));
    }

    /// The next field is the first of a record.
    pub(super) fn restart(&mut self) {
        self.next = 0;
    }

    pub(super) fn merge(&mut self, other: &[(String, Types)]) {
        for (name, types) in other {
            self.note(name, *types);
        }
    }

    pub(super) fn list(&self) -> &[(String, Types)] {
        &self.list
    }

    pub(super) fn into_list(self) -> Vec<(String, Types)> {
        self.list
    }

    /// Their names, with busta's own.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> + Clone {
        let own = OWN_FIELDS.into_iter().filter(|own| !self.index.contains_key(*own));
        self.list.iter().map(|(name, _)| name.as_str()).chain(own)
    }

    fn types(&self, name: &str) -> Option<Types> {
        self.index.get(name).map(|at| self.list[*at].1)
    }

    /// What `seen` adds to these columns: the columns with all their types, and the changes in words.
    pub(super) fn news(&self, table: &str, seen: &Self) -> (Vec<(String, Types)>, Vec<SchemaChange>) {
        let (mut added, mut changes) = (Vec::new(), Vec::new());
        for (name, types) in &seen.list {
            let known = self.types(name);
            let all = known.unwrap_or_default().with(*types);
            if known == Some(all) || (known.is_none() && self.list.len() + added.len() >= MAX_TRACKED) {
                continue;
            }
            let change = match known {
                None => Some(format!("new column {name} ({})", all.describe())),
                Some(old) if old.describe() == all.describe() => None,
                Some(old) => Some(format!("{name}: {} -> {}", old.describe(), all.describe())),
            };
            changes.extend(change.map(|change| SchemaChange { table: table.to_owned(), change }));
            added.push((name.clone(), all));
        }
        (added, changes)
    }

    /// For people, with busta's own columns at the end.
    pub(super) fn describe(&self, primary_key: &[String]) -> Vec<ColumnInfo> {
        let own = |name: &str| OWN_FIELDS.contains(&name);
        let column = |name: &str, kind: String| ColumnInfo {
            name: name.to_owned(),
            kind,
            primary_key: primary_key.iter().any(|key| key == name),
        };
        let data = self.list.iter().filter(|(name, _)| !own(name));
        data.map(|(name, types)| column(name, types.describe()))
            .chain(OWN_FIELDS.iter().map(|name| column(name, "string".to_owned())))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(records: &[&str]) -> Columns {
        let mut columns = Columns::default();
        for record in records {
            columns.note_record(record.as_bytes());
        }
        columns
    }

    #[test]
    fn new_columns_and_wider_types_are_news() {
        let old = seen(&[r#"{"a":1,"b":null}"#]);
        let (added, changes) =
            old.news("t", &seen(&[r#"{"a":1}"#, r#"{"c":"x","a":1.5}"#, r#"{"b":[1],"a":null}"#]));
        let words: Vec<_> = changes.iter().map(|c| c.change.as_str()).collect();
        assert_eq!(words, ["a: integer -> number", "new column c (string)", "b: null -> array"]);
        assert_eq!(added.len(), 3);
        assert_eq!(old.news("t", &old.clone()), (vec![], vec![]));
    }

    #[test]
    fn the_catalogue_is_bounded() {
        let record: String = (0..MAX_TRACKED + 5).map(|i| format!("\"c{i}\":1,")).collect();
        let wide = seen(&[&format!("{{{}}}", record.trim_end_matches(','))]);
        assert_eq!(wide.list().len(), MAX_TRACKED + 5);
        assert_eq!(Columns::default().news("t", &wide).0.len(), MAX_TRACKED);
    }
}
