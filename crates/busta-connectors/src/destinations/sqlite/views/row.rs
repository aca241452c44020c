//! What a row of the table counts for, as it stands.

use busta_core::reading::Value;
use busta_core::reading::view::Label;
use rusqlite::{Connection, OptionalExtension};

use super::super::condition::value;
use super::super::names::quoted;
use super::super::schema::{Storage, Table};
use super::layout::View;
use super::moment::millis;
use super::stop::StopWords;
use super::words::terms;

/// Longer names of groups are cut: they stand in indexes.
const GROUP_CHARACTERS: usize = 200;
/// Compound scores are kept in millionths.
const MILLIONTHS: f64 = 1e6;

/// A row as its view sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// Milliseconds since 1970.
    pub at: i64,
    pub group: Option<String>,
    pub label: Option<Label>,
    /// In millionths.
    pub compound: Option<i64>,
    pub score: Option<f64>,
    /// When it was stored, in milliseconds since 1970.
    pub loaded_at: i64,
    pub terms: Vec<String>,
}

/// Reads rows.
pub struct Reading {
    sql: String,
    /// Of each column that is read.
    storages: Vec<Storage>,
    stop: StopWords,
}

/// Where the `sentiment` transform puts the label and the compound score.
pub fn sentiment_columns(into: &str) -> [String; 2] {
    ["label", "compound"].map(|part| format!("{into}_{part}"))
}

/// The columns before the texts.
const TIME: usize = 0;
const GROUP: usize = 1;
const LABEL: usize = 2;
const COMPOUND: usize = 3;
const SCORE: usize = 4;
const LOADED_AT: usize = 5;
const TEXTS: usize = 6;

impl Reading {
    pub fn new(table: &Table, view: &View) -> Self {
        let settings = &view.settings;
        let [label, compound] = match &settings.sentiment {
            Some(into) => sentiment_columns(into).map(Some),
            None => [None, None],
        };
        let first = [
            Some(&settings.time),
            settings.group_by.as_ref(),
            label.as_ref(),
            compound.as_ref(),
            settings.score.as_ref(),
        ];
        let column = |field: Option<&String>| match field.and_then(|field| table.column(field)) {
            Some(at) => (quoted(&table.columns[at].name), table.columns[at].storage),
            None => ("NULL".to_owned(), Storage::Text),
        };
        let mut columns: Vec<(String, Storage)> = first.map(column).into();
        columns.push(("_busta_loaded_at".to_owned(), Storage::Text));
        columns.extend(settings.text.iter().map(|field| column(Some(field))));
        let (names, storages): (Vec<String>, Vec<Storage>) = columns.into_iter().unzip();
        let sql = format!("SELECT {} FROM {} WHERE _rowid_ = ?1", names.join(", "), quoted(&table.name));
        Self { sql, storages, stop: StopWords::new(&settings.stop_words) }
    }

    /// The row with this rowid; `None` if it is gone, or has no time.
    pub fn row(&self, connection: &Connection, id: i64) -> rusqlite::Result<Option<Seen>> {
        let mut statement = connection.prepare_cached(&self.sql)?;
        statement.query_row([id], |row| self.seen(row)).optional().map(Option::flatten)
    }

    /// The texts of a row.
    pub fn texts<'r>(&self, row: &'r rusqlite::Row<'_>) -> rusqlite::Result<Vec<Value<'r>>> {
        (TEXTS..self.storages.len()).map(|at| Ok(value(row.get_ref(at)?, self.storages[at]))).collect()
    }

    /// The statement that reads a row, for its [texts](Self::texts).
    pub fn sql(&self) -> &str {
        &self.sql
    }

    fn seen(&self, row: &rusqlite::Row<'_>) -> rusqlite::Result<Option<Seen>> {
        let value = |at: usize| row.get_ref(at).map(|stored| value(stored, self.storages[at]));
        let Some(at) = millis(&value(TIME)?) else { return Ok(None) };
        let texts = self.texts(row)?;
        let texts = texts.iter().filter_map(|text| match text {
            Value::Text(text) => Some(&**text),
            _ => None,
        });
        Ok(Some(Seen {
            at,
            group: group(&value(GROUP)?),
            label: match &value(LABEL)? {
                Value::Text(word) => Label::parse(word),
                _ => None,
            },
            compound: number(&value(COMPOUND)?).map(|n| (n.clamp(-1.0, 1.0) * MILLIONTHS).round() as i64),
            score: number(&value(SCORE)?),
            loaded_at: millis(&value(LOADED_AT)?).unwrap_or(at),
            terms: terms(texts, &self.stop),
        }))
    }
}

fn number(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Integer(n) => Some(*n as f64),
        Value::Real(n) => Some(*n),
        _ => None,
    }
}

fn group(value: &Value<'_>) -> Option<String> {
    let name = match value {
        Value::Null => return None,
        Value::Boolean(value) => value.to_string(),
        Value::Integer(n) => n.to_string(),
        Value::Real(n) => n.to_string(),
        Value::Text(text) | Value::Other(text) => text.chars().take(GROUP_CHARACTERS).collect(),
    };
    Some(name)
}
