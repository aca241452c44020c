//! Reading what happened: the timeline and the snapshots.

use busta_core::reading::history::{
    EditAction, Episode, EpisodeKind, JsonText, Part, PartQuery, SnapshotMark,
};
use busta_core::report::Status;
use busta_core::{Error, Result};
use chrono::{DateTime, Utc};
use rusqlite::{Row, params};
use serde::de::DeserializeOwned;

use super::super::errors::At;
use super::View;
use super::tables::number;

/// A page of what happened, newest first.
pub(super) fn episodes(view: &View<'_>, part: &PartQuery) -> Result<Part<Episode>> {
    const LIST: &str = "episodes";
    let sql =
        "SELECT id, kind, at, run, source, who, action, undoes, undone_by, keys, inserted, updated, removed,
                      coalesce(ended_count, count), max(seq, coalesce(ended_seq, 0)), status
               FROM _busta_episodes WHERE table_name = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3";
    let mut statement = view.connection.prepare_cached(sql).at(view.path)?;
    let before = part.place::<i64>(LIST)?.unwrap_or(i64::MAX);
    let limit = part.limit.max(1);
    let mut rows = statement.query(params![view.table.name, before, limit as i64 + 1]).at(view.path)?;
    let mut items = Vec::new();
    while let Some(row) = rows.next().at(view.path)? {
        items.push(episode(row).at(view.path)?.read()?);
    }
    let more = items.len() > limit;
    items.truncate(limit);
    let last = items.last().filter(|_| more);
    let next = last.map(|episode: &Episode| part.cursor(LIST, &episode.change)).transpose()?;
    Ok(Part { items, next })
}

/// A row as it is stored.
struct Stored {
    episode: Episode,
    kind: String,
    at: String,
    action: Option<String>,
    keys: Option<String>,
    status: Option<String>,
}

fn episode(row: &Row<'_>) -> rusqlite::Result<Stored> {
    let name = |at: usize| row.get::<_, Option<String>>(at);
    let episode = Episode {
        kind: EpisodeKind::Run,
        change: number(row, 0)?,
        at: DateTime::UNIX_EPOCH,
        run: name(3)?.map(Into::into),
        source: name(4)?.map(Into::into),
        status: None,
        who: name(5)?,
        action: None,
        undoes: row.get::<_, Option<i64>>(7)?.map(|id| id as u64),
        undone_by: row.get::<_, Option<i64>>(8)?.map(|id| id as u64),
        keys: Vec::new(),
        inserted: number(row, 10)?,
        updated: number(row, 11)?,
        removed: number(row, 12)?,
        count: number(row, 13)?,
        seq: number(row, 14)?,
    };
    let (kind, at) = (row.get(1)?, row.get(2)?);
    Ok(Stored { episode, kind, at, action: name(6)?, keys: name(9)?, status: name(15)? })
}

impl Stored {
    fn read(self) -> Result<Episode> {
        Ok(Episode {
            kind: word(&self.kind)?,
            at: time(&self.at)?,
            action: self.action.as_deref().map(word::<EditAction>).transpose()?,
            keys: self.keys.as_deref().map(list).transpose()?.unwrap_or_default(),
            status: self.status.as_deref().map(word::<Status>).transpose()?,
            ..self.episode
        })
    }
}

fn list(json: &str) -> Result<Vec<JsonText>> {
    serde_json::from_str(json).map_err(|error| broken(&error.to_string()))
}

/// A word of an enumeration, as it was stored.
pub(super) fn word<T: DeserializeOwned>(word: &str) -> Result<T> {
    serde_json::from_value(word.into()).map_err(|error| broken(&error.to_string()))
}

/// A time as it was stored.
pub(super) fn time(text: &str) -> Result<DateTime<Utc>> {
    let time = DateTime::parse_from_rfc3339(text).map_err(|error| broken(&error.to_string()))?;
    Ok(time.with_timezone(&Utc))
}

fn broken(what: &str) -> Error {
    Error::corrupt(format!("the change log holds what busta never wrote: {what}"))
}

/// A page of the ends of runs, newest first.
pub(super) fn snapshots(view: &View<'_>, part: &PartQuery) -> Result<Part<SnapshotMark>> {
    const LIST: &str = "snapshots";
    let sql = "SELECT id, run, source, ended, ended_seq, ended_count, status FROM _busta_episodes
               WHERE table_name = ?1 AND id < ?2 AND ended IS NOT NULL ORDER BY id DESC LIMIT ?3";
    let mut statement = view.connection.prepare_cached(sql).at(view.path)?;
    let before = part.place::<i64>(LIST)?.unwrap_or(i64::MAX);
    let limit = part.limit.max(1);
    let mut rows = statement.query(params![view.table.name, before, limit as i64 + 1]).at(view.path)?;
    let (mut items, mut last, mut next) = (Vec::new(), 0, None);
    while let Some(row) = rows.next().at(view.path)? {
        if items.len() == limit {
            next = Some(part.cursor(LIST, &last)?);
            break;
        }
        let read = || -> rusqlite::Result<(i64, String, String, SnapshotMark)> {
            let mark = SnapshotMark {
                run: row.get::<_, String>(1)?.into(),
                source: row.get::<_, String>(2)?.into(),
                status: Status::Completed,
                at: DateTime::UNIX_EPOCH,
                seq: number(row, 4)?,
                count: number(row, 5)?,
            };
            Ok((row.get(0)?, row.get(3)?, row.get(6)?, mark))
        };
        let (id, at, status, mark) = read().at(view.path)?;
        last = id;
        items.push(SnapshotMark { at: time(&at)?, status: word(&status)?, ..mark });
    }
    Ok(Part { items, next })
}
