//! The failures store.

use busta_core::{Failure, Position, RunId};
use chrono::SecondsFormat;
use rusqlite::{Connection, Row, params};

use super::commit::Entry;

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
