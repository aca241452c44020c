use busta_core::reading::history as core;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use super::Limit;

/// A record, or the fields of a key, as the JSON text that it is.
type Object = Box<RawValue>;

/// What kind of thing changed records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EpisodeKind {
    /// A source's part of a run.
    Run,
    /// Somebody, by hand.
    Edit,
    /// Retention removed old records.
    Retention,
}

impl From<core::EpisodeKind> for EpisodeKind {
    fn from(kind: core::EpisodeKind) -> Self {
        match kind {
            core::EpisodeKind::Run => Self::Run,
            core::EpisodeKind::Edit => Self::Edit,
            core::EpisodeKind::Retention => Self::Retention,
        }
    }
}

/// What an edit did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EditAction {
    /// New records.
    Insert,
    /// Other values in a record.
    Update,
    /// Records went.
    Remove,
    /// An earlier edit was taken back.
    Undo,
}

impl From<core::EditAction> for EditAction {
    fn from(action: core::EditAction) -> Self {
        match action {
            core::EditAction::Insert => Self::Insert,
            core::EditAction::Update => Self::Update,
            core::EditAction::Remove => Self::Remove,
            core::EditAction::Undo => Self::Undo,
        }
    }
}

/// Something that happened to a table.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Episode {
    /// What it was.
    pub kind: EpisodeKind,
    /// Its number, by which an edit is undone.
    pub change: u64,
    /// When: for a run, when it first changed something, or else when it ended.
    pub at: DateTime<Utc>,
    /// The run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// The source whose part of the run it was, or whose old records went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// How the source's part of the run ended (`completed`, `partial`, `failed`, `cancelled`), if there is a snapshot of
    /// its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Who edited: the name of a token; `local` without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// What the edit did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<EditAction>,
    /// The edit that this one undid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<u64>,
    /// The edit by which this one was undone: it cannot be undone again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undone_by: Option<u64>,
    /// The keys of the records that an edit concerned, the first twenty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    pub keys: Vec<Object>,
    /// Records that are new.
    pub inserted: u64,
    /// Records that changed.
    pub updated: u64,
    /// Records that went.
    pub removed: u64,
    /// How many records there were after it.
    pub count: u64,
    /// Its place in the log.
    pub seq: u64,
}

impl From<core::Episode> for Episode {
    fn from(episode: core::Episode) -> Self {
        Self {
            kind: episode.kind.into(),
            change: episode.change,
            at: episode.at,
            run: episode.run.map(|run| run.to_string()),
            source: episode.source.map(|source| source.to_string()),
            status: episode.status.map(|status| status.as_str().to_owned()),
            who: episode.who,
            action: episode.action.map(Into::into),
            undoes: episode.undoes,
            undone_by: episode.undone_by,
            keys: episode.keys,
            inserted: episode.inserted,
            updated: episode.updated,
            removed: episode.removed,
            count: episode.count,
            seq: episode.seq,
        }
    }
}

/// Which entries of a change log to show.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub struct ChangeQuery {
    /// Only those after this one, oldest first; without it, newest first.
    pub since_seq: Option<u64>,
    /// Only those of this run.
    pub run: Option<String>,
    /// Only those of the record with this key: its text, or its JSON (`["B01","DE"]` for several fields).
    pub key: Option<String>,
    /// How many at most.
    #[param(inline, required = false)]
    pub limit: Limit,
    /// Where the last part ended.
    pub cursor: Option<String>,
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeAction {
    /// It is new.
    Insert,
    /// It has other values.
    Update,
    /// It is gone.
    Remove,
}

impl From<core::ChangeAction> for ChangeAction {
    fn from(action: core::ChangeAction) -> Self {
        match action {
            core::ChangeAction::Insert => Self::Insert,
            core::ChangeAction::Update => Self::Update,
            core::ChangeAction::Remove => Self::Remove,
        }
    }
}

/// An entry of a change log.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Change {
    /// Its number.
    pub seq: u64,
    /// When.
    pub at: DateTime<Utc>,
    /// What became of the record.
    pub action: ChangeAction,
    /// The run, edit or retention to which it belongs, as in the history.
    pub change: u64,
    /// What kind of thing that is.
    pub kind: EpisodeKind,
    /// The run that did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// The source of the record.
    pub source: String,
    /// Who did it by hand.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// The record's key by its fields.
    #[schema(value_type = Object)]
    pub key: Object,
    /// The record before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub before: Option<Object>,
    /// The record after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub after: Option<Object>,
    /// How many records there were after it.
    pub count: u64,
}

impl From<core::Change> for Change {
    fn from(change: core::Change) -> Self {
        Self {
            seq: change.seq,
            at: change.at,
            action: change.action.into(),
            change: change.change,
            kind: change.kind.into(),
            run: change.run.map(|run| run.to_string()),
            source: change.source.to_string(),
            who: change.who,
            key: change.key,
            before: change.before,
            after: change.after,
            count: change.count,
        }
    }
}

/// The end of a source's part of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SnapshotMark {
    /// The run.
    pub run: String,
    /// The source.
    pub source: String,
    /// How it ended: `completed`, `partial`, `failed` or `cancelled`.
    pub status: String,
    /// When it ended.
    pub at: DateTime<Utc>,
    /// Its place in the log.
    pub seq: u64,
    /// How many records there were.
    pub count: u64,
}

impl From<core::SnapshotMark> for SnapshotMark {
    fn from(mark: core::SnapshotMark) -> Self {
        let core::SnapshotMark { run, source, status, at, seq, count } = mark;
        let status = status.as_str().to_owned();
        Self { run: run.to_string(), source: source.to_string(), status, at, seq, count }
    }
}

/// Which difference to show.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct DifferenceQuery {
    /// From where: the id of a run (as it left the table), `seq:N`, or a time in RFC 3339.
    pub from: String,
    /// To where; absent: to now.
    #[serde(default)]
    pub to: Option<String>,
    /// How many records at most.
    #[serde(default)]
    #[param(inline, required = false)]
    pub limit: Limit,
    /// Where the last part ended.
    #[serde(default)]
    pub cursor: Option<String>,
}

/// A place in a change log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PlaceMark {
    /// The last entry before it.
    pub seq: u64,
    /// When that was; absent before all entries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<DateTime<Utc>>,
    /// How many records there were.
    pub count: u64,
}

impl From<core::PlaceMark> for PlaceMark {
    fn from(mark: core::PlaceMark) -> Self {
        Self { seq: mark.seq, at: mark.at, count: mark.count }
    }
}

/// A part of the difference of two places: what came and went again in between is not in it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Difference {
    /// The one.
    pub from: PlaceMark,
    /// The other.
    pub to: PlaceMark,
    /// Records that are only in `to`.
    #[schema(value_type = Vec<Object>)]
    pub added: Vec<Object>,
    /// Records that are only in `from`.
    #[schema(value_type = Vec<Object>)]
    pub removed: Vec<Object>,
    /// Records with other values.
    pub changed: Vec<ChangedRecord>,
    /// Give this as `cursor` to get the next part; absent at the end. A part may be empty and still be followed
    /// by others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A record that has other values.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ChangedRecord {
    /// Its key by its fields.
    #[schema(value_type = Object)]
    pub key: Object,
    /// As it was.
    #[schema(value_type = Object)]
    pub before: Object,
    /// As it became.
    #[schema(value_type = Object)]
    pub after: Object,
}

impl From<core::Difference> for Difference {
    fn from(difference: core::Difference) -> Self {
        let changed = difference.changed.into_iter();
        Self {
            from: difference.from.into(),
            to: difference.to.into(),
            added: difference.added,
            removed: difference.removed,
            changed: changed
                .map(|row| ChangedRecord { key: row.key, before: row.before, after: row.after })
                .collect(),
            next: difference.next,
        }
    }
}

/// Whose records an edit means.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub struct EditQuery {
    /// The source. Needed where several land in the table: for new records always, else if two of them have
    /// a record of that key.
    pub source: Option<String>,
}

/// New records.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct InsertRequest {
    /// The records, at most 1,000, with columns that the table has.
    #[schema(value_type = Vec<Object>)]
    pub records: Vec<serde_json::Map<String, serde_json::Value>>,
}

/// Records that are to go.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RemoveRequest {
    /// Their keys, at most 1,000: the value, an array of values if the key has several fields, or an object of
    /// them.
    #[schema(value_type = Vec<serde_json::Value>)]
    pub keys: Vec<serde_json::Value>,
}

/// What an edit did.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Edited {
    /// Its number, by which it can be undone; absent if the records were like this before, and nothing was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<u64>,
    /// How many records there are now.
    pub count: u64,
    /// The records as they are now; those that went as they were.
    #[schema(value_type = Vec<Object>)]
    pub records: Vec<Object>,
}

impl From<core::Edited> for Edited {
    fn from(edited: core::Edited) -> Self {
        Self { change: edited.change, count: edited.count, records: edited.records }
    }
}
