//! The failures store.

use std::path::Path;

use busta_core::reading::{FailuresPage, FailuresQuery};
use busta_core::{ErrorKind, Failure, Position, Result, RunId, SourceName};
use chrono::SecondsFormat;
use rusqlite::{Connection, Row, params};

use super::commit::Entry;
use super::errors::At;

/// How many failures a page looks at to find those that are asked for.
const EXAMINED: u32 = 100_000;

/// Stores a chunk's failures, each once by its id; a split that is done has not failed.
pub(super) fn store(connection: &Connection, entry: &Entry) -> rusqlite::Result<()> {
    for failure in &entry.failures {
        connection
            .prepare_cached(
                "INSERT OR IGNORE INTO _busta_failures VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            )?
            .execute(params![
                failure.id,
                failure.run.as_str(),
                failure.source.as_str(),
                failure.stream.as_str(),
                failure.split.as_str(),
                failure.position,
                failure.stage.to_string(),
                failure.kind.as_str(),
                failure.reason,
                failure.payload,
                failure.at.to_rfc3339_opts(SecondsFormat::AutoSi, true),
            ])?;
    }
    match &entry.step {
        Some(step) if step.to == Position::Done => connection
            .prepare_cached(
                "DELETE FROM _busta_failures WHERE source = ?1 AND split = ?2 AND run = ?3 AND position IS NULL",
            )?
            .execute([entry.source.as_str(), step.split.as_str(), entry.run.as_str()])
            .map(drop),
        _ => Ok(()),
    }
}

/// Stored failures, oldest first.
pub(super) fn read(
    connection: &Connection,
    run: Option<&RunId>,
    limit: usize,
) -> rusqlite::Result<Vec<Failure>> {
    let mut statement = connection.prepare(
        "SELECT id, run, source, stream, split, position, stage, kind, reason, payload, at
         FROM _busta_failures WHERE ?1 IS NULL OR run = ?1 ORDER BY at, rowid LIMIT ?2",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    statement.query_map(params![run.map(RunId::as_str), limit], failure)?.collect()
}

/// Stored failures, the last stored first.
pub(super) fn page(connection: &Connection, path: &Path, query: &FailuresQuery) -> Result<FailuresPage> {
    let before = query.place::<i64>()?.unwrap_or(i64::MAX);
    let limit = query.limit.max(1);
    // One view for both statements.
    connection.execute_batch("BEGIN").at(path)?;
    let (end, more) = end(connection, before).at(path)?;
    let sql = "SELECT id, run, source, stream, split, position, stage, kind, reason, payload, at, _rowid_
         FROM _busta_failures WHERE _rowid_ < ?1 AND _rowid_ >= ?2 AND (?3 IS NULL OR run = ?3)
         AND (?4 IS NULL OR +source = ?4) AND (?5 IS NULL OR kind = ?5) ORDER BY _rowid_ DESC LIMIT ?6";
    let asked = params![
        before,
        end,
        query.run.as_ref().map(RunId::as_str),
        query.source.as_ref().map(SourceName::as_str),
        query.kind.map(ErrorKind::as_str),
        i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1),
    ];
    let mut statement = connection.prepare(sql).at(path)?;
    let found = statement.query_map(asked, |row| Ok((failure(row)?, row.get::<_, i64>(11)?))).at(path)?;
    let mut found = found.collect::<rusqlite::Result<Vec<_>>>().at(path)?;
    let next = if found.len() > limit {
        found.truncate(limit);
        found.last().map(|(_, rowid)| *rowid)
    } else {
        more.then_some(end)
    };
    let next = next.map(|rowid| query.cursor(&rowid)).transpose()?;
    Ok(FailuresPage { failures: found.into_iter().map(|(failure, _)| failure).collect(), next })
}

/// The last of the failures that a page looks at, and whether there may be more behind it.
fn end(connection: &Connection, before: i64) -> rusqlite::Result<(i64, bool)> {
    let sql = format!(
        "SELECT min(_rowid_), count(*) FROM (SELECT _rowid_ FROM _busta_failures WHERE _rowid_ < ?1
         ORDER BY _rowid_ DESC LIMIT {EXAMINED})"
    );
    connection.query_row(&sql, [before], |row| {
        let examined: i64 = row.get(1)?;
        Ok((row.get::<_, Option<i64>>(0)?.unwrap_or(i64::MIN), examined == i64::from(EXAMINED)))
    })
}

fn failure(row: &Row<'_>) -> rusqlite::Result<Failure> {
    let id = |at| row.get::<_, String>(at);
    Ok(Failure {
        id: id(0)?,
        run: id(1)?.into(),
        source: id(2)?.into(),
        stream: id(3)?.into(),
        split: id(4)?.into(),
        position: row.get(5)?,
        stage: word(row, 6)?,
        kind: word(row, 7)?,
        reason: row.get(8)?,
        payload: row.get(9)?,
        at: word(row, 10)?,
    })
}

fn word<T: serde::de::DeserializeOwned>(row: &Row<'_>, at: usize) -> rusqlite::Result<T> {
    serde_json::from_value(serde_json::Value::String(row.get(at)?))
        .map_err(|e| rusqlite::Error::FromSqlConversionFailure(at, rusqlite::types::Type::Text, e.into()))
}
