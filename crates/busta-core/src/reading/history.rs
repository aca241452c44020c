//! What became of a table's rows over time, and edits by hand: the contract behind `change_log` and
//! `snapshot` of a dataset.
//!
//! Every row that appears, changes or goes is an entry of the table's *log*, numbered from 1 by `seq`, with
//! the number of rows after it. Entries are written with the rows themselves, in one atomic step. Together
//! they belong to *episodes*: what one source's part of a run did, one edit, one batch of a retention. At
//! the end of a source's part of a run, whatever came of it, a *snapshot* keeps the place in the log and the
//! number of rows, so that the rows as they were then can be read again.
//!
//! # Edits
//!
//! - An edit is one atomic step: all of its rows or none. It says who, and can be undone as a whole for as
//!   long as its rows stand as it left them; an undo is an edit too, and can be undone itself.
//! - A row that was **removed** by hand does not come back with the next collection; it does when the removal
//!   is undone, or when somebody inserts it again.
//! - A row that was **inserted or changed** by hand is one like any other: with `keep: first` collections leave it
//!   alone; with `keep: newest` a collected record with its key takes its place, unless that is older by the
//!   cursor field or the same. Streams that `replace` their rows replace it.
//! - Retention removes it when it is old, counted from the edit.

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::RowPage;
use super::cursor::{cursor_in, place_in};
use crate::error::{Error, Result};
use crate::ids::{RunId, SourceName};
use crate::report::Status;

/// The text of a JSON object: a record, or a key by its fields.
pub type JsonText = Box<RawValue>;

/// How many rows one edit may concern.
pub const EDIT_ROWS: usize = 1_000;

/// The past of tables, and edits.
///
/// Errors of all calls: `NotFound` means a table that is not there or has no change log; `Data` a request that cannot
/// be answered (a cursor of another list, a place before the log begins, a column that is not there);
/// `Conflict` that the rows do not stand as an edit needs them.
#[async_trait]
pub trait History: Send + Sync {
    /// What happened to the table, newest first.
    async fn episodes(&self, part: &PartQuery) -> Result<Part<Episode>>;

    /// Entries of the log.
    async fn changes(&self, query: &ChangesQuery) -> Result<Part<Change>>;

    /// The ends of runs, newest first.
    async fn snapshots(&self, part: &PartQuery) -> Result<Part<SnapshotMark>>;

    /// The rows as they were at a place, ordered by source and key. Following [`RowPage::next`] to the end gives
    /// exactly them, whatever is written meanwhile; each page costs a bounded amount of work.
    async fn rows_at(&self, place: &Place, part: &PartQuery) -> Result<RowPage>;

    /// The net effect of all entries between two places: what came and went again is not in it. If `from` is
    /// the later one, it tells the way back.
    async fn difference(&self, query: &DifferenceQuery) -> Result<Difference>;

    /// Changes rows by hand.
    async fn edit(&self, edit: Edit) -> Result<Edited>;
}

/// Which part of a table's list to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartQuery {
    /// The table.
    pub table: String,
    /// Where the part before this one ended: its `next`, of the same list.
    pub after: Option<String>,
    /// How many at most, at least 1.
    pub limit: usize,
}

impl PartQuery {
    /// The first part.
    pub fn of(table: impl Into<String>, limit: usize) -> Self {
        Self { table: table.into(), after: None, limit }
    }

    /// The text of a place in `list` of the table.
    pub fn cursor<P: Serialize>(&self, list: &str, place: &P) -> Result<String> {
        cursor_in(&(list, &self.table), place)
    }

    /// The place in `list` that [`after`](Self::after) means. A `Data` error if it is not one, or another
    /// list's.
    pub fn place<P: DeserializeOwned>(&self, list: &str) -> Result<Option<P>> {
        place_in(&(list, &self.table), self.after.as_deref())
    }
}

/// A part of a list.
#[derive(Clone, Debug, Serialize)]
pub struct Part<T> {
    /// The entries.
    pub items: Vec<T>,
    /// Where to go on; `None` at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A place in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// After the entry of that number; 0 is before all.
    Seq(u64),
    /// As the run left the table: its last snapshot, or else its last entry.
    Run(RunId),
    /// After the last entry that is not later.
    At(DateTime<Utc>),
    /// As it is.
    Now,
}

impl FromStr for Place {
    type Err = Error;

    /// `now`, `seq:N`, an RFC 3339 time, or the id of a run.
    fn from_str(text: &str) -> Result<Self> {
        if text == "now" {
            return Ok(Self::Now);
        }
        if let Some(number) = text.strip_prefix("seq:") {
            let wrong = |_| {
                Error::data(format!("`{}` is no place: expected a number after `seq:`", text.escape_debug()))
            };
            return number.parse().map(Self::Seq).map_err(wrong);
        }
        if let Ok(time) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self::At(time.with_timezone(&Utc)));
        }
        if !text.is_empty()
            && text.len() <= 64
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        {
            return Ok(Self::Run(text.into()));
        }
        Err(Error::data(format!("`{}` is no place in a history", text.escape_debug()))
            .hint("give a run's id, `seq:N`, a time such as 2026-11-23T10:00:00Z, or `now`"))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seq(seq) => write!(f, "seq:{seq}"),
            Self::Run(run) => write!(f, "run {run}"),
            Self::At(time) => write!(f, "{}", time.to_rfc3339()),
            Self::Now => f.write_str("now"),
        }
    }
}

/// What kind of thing changed rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EpisodeKind {
    /// A source's part of a run.
    Run,
    /// Somebody, by hand.
    Edit,
    /// `retention` removed old rows.
    Retention,
}

/// What an edit does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EditAction {
    /// New rows.
    Insert,
    /// Other values in a row.
    Update,
    /// Rows go.
    Remove,
    /// An earlier edit is taken back.
    Undo,
}

impl EditAction {
    /// The action as a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Remove => "remove",
            Self::Undo => "undo",
        }
    }
}

/// Something that happened to a table.
#[derive(Clone, Debug, Serialize)]
pub struct Episode {
    /// What it was.
    pub kind: EpisodeKind,
    /// Its number, by which an edit is undone.
    pub change: u64,
    /// When: for a run, when it first changed something, or else when it ended.
    pub at: DateTime<Utc>,
    /// The run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// The source whose part of the run it was, or whose old rows went.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceName>,
    /// How the source's part of the run ended, if there is a snapshot of its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// Who edited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// What the edit did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<EditAction>,
    /// The edit that this one undid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undoes: Option<u64>,
    /// The edit by which this one was undone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undone_by: Option<u64>,
    /// The keys of the rows that an edit concerned, the first twenty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<JsonText>,
    /// Rows that are new.
    pub inserted: u64,
    /// Rows that changed.
    pub updated: u64,
    /// Rows that went.
    pub removed: u64,
    /// How many rows there were after it.
    pub count: u64,
    /// The last entry of the log that belongs to it, or the place of the run's snapshot.
    pub seq: u64,
}

/// Which entries of the log to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangesQuery {
    /// The table.
    pub table: String,
    /// Only those after this one, oldest first; without it, newest first.
    pub since: Option<u64>,
    /// Only those of this run.
    pub run: Option<RunId>,
    /// Only those of rows with this key, of whatever source.
    pub key: Option<RowKey>,
    /// Where the part before this one ended: its `next`, of the same query.
    pub after: Option<String>,
    /// How many at most, at least 1.
    pub limit: usize,
}

impl ChangesQuery {
    /// The text of a place among the entries.
    pub fn cursor<P: Serialize>(&self, place: &P) -> Result<String> {
        cursor_in(&(&self.table, self.since, &self.run, &self.key), place)
    }

    /// The place that [`after`](Self::after) means. A `Data` error if it is not one, or another query's.
    pub fn place<P: DeserializeOwned>(&self) -> Result<Option<P>> {
        place_in(&(&self.table, self.since, &self.run, &self.key), self.after.as_deref())
    }
}

/// What became of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeAction {
    /// It is new.
    Insert,
    /// It has other values.
    Update,
    /// It is gone.
    Remove,
}

/// An entry of the log.
#[derive(Clone, Debug, Serialize)]
pub struct Change {
    /// Its number.
    pub seq: u64,
    /// When.
    pub at: DateTime<Utc>,
    /// What became of the row.
    pub action: ChangeAction,
    /// The episode to which it belongs.
    pub change: u64,
    /// What kind of episode that is.
    pub kind: EpisodeKind,
    /// The run that did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// The source of the row.
    pub source: SourceName,
    /// Who did it by hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// The row's key by its fields.
    pub key: JsonText,
    /// The row before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<JsonText>,
    /// The row after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<JsonText>,
    /// How many rows there were after it.
    pub count: u64,
}

/// The end of a source's part of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SnapshotMark {
    /// The run.
    pub run: RunId,
    /// The source.
    pub source: SourceName,
    /// How it ended.
    pub status: Status,
    /// When it ended.
    pub at: DateTime<Utc>,
    /// Its place in the log.
    pub seq: u64,
    /// How many rows there were.
    pub count: u64,
}

/// Which difference to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DifferenceQuery {
    /// The table.
    pub table: String,
    /// From where.
    pub from: Place,
    /// To where.
    pub to: Place,
    /// Where the part before this one ended: its `next`, of the same query.
    pub after: Option<String>,
    /// How many rows at most, at least 1.
    pub limit: usize,
}

impl DifferenceQuery {
    /// The text of a place in the difference.
    pub fn cursor<P: Serialize>(&self, place: &P) -> Result<String> {
        cursor_in(&(&self.table, &self.from, &self.to), place)
    }

    /// The place that [`after`](Self::after) means. A `Data` error if it is not one, or another query's.
    pub fn place<P: DeserializeOwned>(&self) -> Result<Option<P>> {
        place_in(&(&self.table, &self.from, &self.to), self.after.as_deref())
    }
}

/// A place in the log as it was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlaceMark {
    /// The last entry before it.
    pub seq: u64,
    /// When that was; absent before all entries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<DateTime<Utc>>,
    /// How many rows there were.
    pub count: u64,
}

/// A part of the difference of two places.
#[derive(Clone, Debug, Serialize)]
pub struct Difference {
    /// The one.
    pub from: PlaceMark,
    /// The other.
    pub to: PlaceMark,
    /// Rows that are only in `to`.
    pub added: Vec<JsonText>,
    /// Rows that are only in `from`.
    pub removed: Vec<JsonText>,
    /// Rows with other values.
    pub changed: Vec<ChangedRow>,
    /// Where to go on; `None` at the end. A part may be empty and still have a successor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A row that has other values.
#[derive(Clone, Debug, Serialize)]
pub struct ChangedRow {
    /// Its key by its fields.
    pub key: JsonText,
    /// As it was.
    pub before: JsonText,
    /// As it became.
    pub after: JsonText,
}

/// How a request names a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowKey {
    /// As in an address or on a command line: the text of the key, or what it is as JSON (`17`,
    /// `["B01","DE"]`).
    Text(String),
    /// The key's value; an array in the order of the key's fields if there are several; or an object of them.
    Value(serde_json::Value),
}

impl fmt::Display for RowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{}", text.escape_debug()),
            Self::Value(value) => write!(f, "{value}"),
        }
    }
}

/// Rows changed by hand.
#[derive(Clone, Debug)]
pub struct Edit {
    /// The table.
    pub table: String,
    /// Whose rows. Needed for new ones; else only where two sources have rows of one key.
    pub source: Option<SourceName>,
    /// Who does it: the name of a token.
    pub who: String,
    /// What is done.
    pub work: EditWork,
}

/// What an edit is to do.
#[derive(Clone, Debug)]
pub enum EditWork {
    /// New rows: JSON objects with the columns that the table has.
    Insert(Vec<JsonText>),
    /// Other values for columns of a row: a JSON object. `null` empties a column, those that are not named stay.
    Update {
        /// The row.
        key: RowKey,
        /// The columns.
        fields: JsonText,
    },
    /// Rows go.
    Remove(Vec<RowKey>),
    /// An edit is taken back.
    Undo(u64),
}

impl EditWork {
    /// What kind of edit it is.
    pub fn action(&self) -> EditAction {
        match self {
            Self::Insert(_) => EditAction::Insert,
            Self::Update { .. } => EditAction::Update,
            Self::Remove(_) => EditAction::Remove,
            Self::Undo(_) => EditAction::Undo,
        }
    }
}

/// What an edit did.
#[derive(Clone, Debug, Serialize)]
pub struct Edited {
    /// Its number, by which it can be undone; `None` if the rows were like this before, and nothing was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<u64>,
    /// How many rows there are now.
    pub count: u64,
    /// The rows as they are now; those that went as they were.
    pub records: Vec<JsonText>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read() {
        let place = |text: &str| text.parse::<Place>();
        assert_eq!(place("now").unwrap(), Place::Now);
        assert_eq!(place("seq:12").unwrap(), Place::Seq(12));
        assert_eq!(place("01HF7YAT00").unwrap(), Place::Run("01HF7YAT00".into()));
        let time = "2026-11-23T10:00:00+01:00";
        assert_eq!(place(time).unwrap(), Place::At("2026-11-23T09:00:00Z".parse().unwrap()));
        for wrong in ["", "seq:", "seq:-1", "2026-11-23 10:00", "a/b", "é"] {
            assert!(place(wrong).is_err(), "{wrong}");
        }
    }
}
