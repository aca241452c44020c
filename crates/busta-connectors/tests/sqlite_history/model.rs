//! The simplest thing that could be right: a map of rows, and a copy of it after each step.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::desk::Set;

/// A row: its fields, and when its content was loaded.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub fields: Value,
    pub at: i64,
}

type Key = (String, String);

/// What an edit did to a row: as it was, as it left it, whether it had been held off.
type Deed = (Key, Option<Row>, Option<Row>, bool);

#[derive(Clone, Debug)]
pub struct Past {
    pub deeds: Vec<Deed>,
    pub undone: bool,
    pub undoes: Option<u64>,
}

#[derive(Clone, Debug, Default)]
pub struct Model {
    pub rows: BTreeMap<Key, Row>,
    pub held: BTreeSet<Key>,
    pub edits: BTreeMap<u64, Past>,
}

/// Nulls are no values.
fn bare(record: &Value) -> Value {
    record
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, v)| !v.is_null())
        .map(|(k, v)| (k.clone(), v.clone()))
        .collect()
}

impl Model {
    pub fn set(&self) -> Set {
        self.rows.iter().map(|(key, row)| (key.clone(), row.fields.clone())).collect()
    }

    pub fn merge(&mut self, source: &str, records: &[Value], at: i64) {
        for record in records {
            let key = (source.to_owned(), record["id"].to_string());
            let fields = bare(record);
            match self.rows.get(&key) {
                Some(known) if known.fields == fields => {}
                None if self.held.contains(&key) => {}
                _ => drop(self.rows.insert(key, Row { fields, at })),
            }
        }
    }

    pub fn replace(&mut self, source: &str, records: &[Value], at: i64) {
        self.rows.retain(|key, _| key.0 != source);
        self.merge(source, records, at);
    }

    pub fn purge(&mut self, source: &str, older_than: i64) -> u64 {
        let before = self.rows.len();
        self.rows.retain(|key, row| key.0 != source || row.at >= older_than);
        (before - self.rows.len()) as u64
    }

    /// Puts a row by hand, or takes it away.
    pub fn put(&mut self, change: u64, key: &Key, row: Option<Row>) {
        let before = self.rows.get(key).cloned();
        let held = match &row {
            Some(row) => {
                self.rows.insert(key.clone(), row.clone());
                self.held.remove(key)
            }
            None => {
                self.rows.remove(key);
                !self.held.insert(key.clone())
            }
        };
        let past =
            self.edits.entry(change).or_insert(Past { deeds: Vec::new(), undone: false, undoes: None });
        if before.as_ref().map(|row| &row.fields) != row.as_ref().map(|row| &row.fields) {
            past.deeds.push((key.clone(), before, row, held));
        }
    }

    /// Whether the edit can be undone.
    pub fn can_undo(&self, change: u64) -> bool {
        self.edits.get(&change).is_some_and(|past| {
            let fields = |row: Option<&Row>| row.map(|row| row.fields.clone());
            let stands = |(key, _, after, _): &Deed| fields(self.rows.get(key)) == fields(after.as_ref());
            !past.undone && past.deeds.iter().all(stands)
        })
    }

    pub fn undo(&mut self, change: u64, now: u64) {
        let past = self.edits.get_mut(&change).unwrap();
        past.undone = true;
        let (deeds, undoes) = (past.deeds.clone(), past.undoes);
        if let Some(again) = undoes {
            self.edits.get_mut(&again).unwrap().undone = false;
        }
        self.edits.insert(now, Past { deeds: Vec::new(), undone: false, undoes: Some(change) });
        for (key, before, _, held) in deeds.into_iter().rev() {
            let goes = before.is_none();
            self.put(now, &key, before);
            if goes && !held {
                self.held.remove(&key);
            }
        }
    }
}
