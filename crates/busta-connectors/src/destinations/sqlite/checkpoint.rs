//! The checkpoint: runs, positions, found splits, starts.

use std::collections::HashMap;

use busta_core::{
    Checkpoint, Cursor, Error, Position, RunId, SourceName, Split, SplitState, Step, StreamName,
};
use rusqlite::{Connection, OptionalExtension, params};

use super::commit::Entry;
use super::replace;
use super::schema::Catalogue;
use crate::destinations::claims::{Claims, refused};

/// Whether a chunk may be written.
pub(super) enum Standing {
    /// The split stands at its `from`.
    Here,
    /// So it does, and with this chunk the run takes the source over.
    First,
    /// The split stands at its `to`.
    Already,
    /// The split stands elsewhere, or another run has taken over.
    Conflict(Error),
}

/// The run that has written last to `source`.
pub(super) fn run_of(connection: &Connection, source: &SourceName) -> rusqlite::Result<Option<RunId>> {
    connection
        .prepare_cached("SELECT run FROM _busta_sources WHERE source = ?1")?
        .query_row([source.as_str()], |row| Ok(row.get::<_, String>(0)?.into()))
        .optional()
}

/// Makes `run` the run of `source`, and forgets the positions and the unfinished rows of any other.
pub(super) fn take_over(
    connection: &Connection,
    catalogue: &Catalogue,
    run: &RunId,
    source: &SourceName,
) -> rusqlite::Result<()> {
    replace::sweep(connection, catalogue, run, source)?;
    let (run, source) = (run.as_str(), source.as_str());
    connection.execute("INSERT OR REPLACE INTO _busta_sources VALUES (?1, ?2)", [source, run])?;
    connection.execute("DELETE FROM _busta_splits WHERE source = ?1 AND run <> ?2", [source, run])?;
    connection.execute("DELETE FROM _busta_finished WHERE source = ?1 AND run <> ?2", [source, run])?;
    connection.execute("DELETE FROM _busta_held_starts WHERE source = ?1 AND run <> ?2", [source, run])?;
    Ok(())
}

/// What `run` finds of `source`: the starts, and what is its own.
pub(super) fn load(
    connection: &Connection,
    run: &RunId,
    source: &SourceName,
) -> rusqlite::Result<Checkpoint> {
    let ours = [source.as_str(), run.as_str()];
    let mut splits = HashMap::new();
    let mut statement = connection.prepare_cached(
        "SELECT split, position, high, found FROM _busta_splits WHERE source = ?1 AND run = ?2",
    )?;
    let mut rows = statement.query(ours)?;
    while let Some(row) = rows.next()? {
        let id: String = row.get(0)?;
        let high: Option<String> = row.get(2)?;
        let found: Option<String> = row.get(3)?;
        let state = SplitState {
            position: decoded(&row.get::<_, String>(1)?)?,
            high: high.as_deref().map(decoded).transpose()?,
            found: found.as_deref().map(decoded).transpose()?,
        };
        splits.insert(id.into(), state);
    }
    let mut statement =
        connection.prepare_cached("SELECT key, cursor FROM _busta_starts WHERE source = ?1 ORDER BY key")?;
    let starts = statement
        .query_map([source.as_str()], |row| Ok((row.get(0)?, Cursor::from_stored(row.get::<_, String>(1)?))))?
        .collect::<rusqlite::Result<_>>()?;
    let mut statement =
        connection.prepare_cached("SELECT stream FROM _busta_finished WHERE source = ?1 AND run = ?2")?;
    let finished = statement
        .query_map(ours, |row| Ok(row.get::<_, String>(0)?.into()))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Checkpoint { splits, finished, starts })
}

/// Where the chunk's split stands against the chunk's step.
pub(super) fn standing(
    connection: &Connection,
    claims: &Claims,
    entry: &Entry,
) -> rusqlite::Result<Standing> {
    let run = run_of(connection, &entry.source)?;
    let known = run.as_ref() == Some(&entry.run);
    if !known && !claims.allow(&entry.source, &entry.run, run.as_ref()) {
        return Ok(Standing::Conflict(refused(&entry.source, &entry.run, run.as_ref())));
    }
    let here = if known { Standing::Here } else { Standing::First };
    let Some(step) = &entry.step else { return Ok(here) };
    let stands: Option<String> = connection
        .prepare_cached("SELECT position FROM _busta_splits WHERE source = ?1 AND split = ?2 AND run = ?3")?
        .query_row([entry.source.as_str(), step.split.as_str(), entry.run.as_str()], |row| row.get(0))
        .optional()?;
    let stands = match stands {
        Some(text) => decoded(&text)?,
        None => Position::Start,
    };
    Ok(if stands == step.from {
        here
    } else if stands == step.to {
        Standing::Already
    } else {
        let Step { split, from, .. } = step;
        let message = format!("split {split} of {} stands at {stands:?}, not at {from:?}", entry.source);
        Standing::Conflict(Error::conflict(message))
    })
}

/// Stores the chunk's step, found splits and starts.
pub(super) fn advance(connection: &Connection, entry: &Entry) -> rusqlite::Result<()> {
    let (run, source, stream) = (entry.run.as_str(), entry.source.as_str(), entry.stream.as_str());
    if let Some(step) = &entry.step {
        let high = entry.high.as_ref().map(encoded).transpose()?;
        connection
            .prepare_cached(
                "INSERT INTO _busta_splits (source, split, stream, run, position, high) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT DO UPDATE SET run = ?4, position = ?5, high = coalesce(?6, high)",
            )?
            .execute(params![source, step.split.as_str(), stream, run, encoded(&step.to)?, high])?;
        if step.to == Position::Done {
            empty(connection, source, step.split.as_str())?;
        }
    }
    for split in &entry.found {
        connection
            .prepare_cached(
                "INSERT INTO _busta_splits (source, split, stream, run, position, found) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT DO NOTHING",
            )?
            .execute(params![
                source,
                split.id.as_str(),
                split.stream.as_str(),
                run,
                encoded(&Position::Start)?,
                encoded(split)?
            ])?;
    }
    for (key, cursor) in &entry.starts {
        if entry.replaced {
            connection
                .prepare_cached("INSERT OR REPLACE INTO _busta_held_starts VALUES (?1, ?2, ?3, ?4, ?5)")?
                .execute([source, stream, key, run, cursor.as_str()])?;
        } else {
            start(connection, &entry.source, key, cursor)?;
        }
    }
    Ok(())
}

/// Forgets what a split that is done was opened with, so that it does not lie there until the stream is finished.
fn empty(connection: &Connection, source: &str, split: &str) -> rusqlite::Result<()> {
    let found: Option<String> = connection
        .prepare_cached("SELECT found FROM _busta_splits WHERE source = ?1 AND split = ?2")?
        .query_row([source, split], |row| row.get(0))?;
    let Some(found) = found else { return Ok(()) };
    let emptied = encoded(&decoded::<Split>(&found)?.emptied())?;
    connection
        .prepare_cached("UPDATE _busta_splits SET found = ?3 WHERE source = ?1 AND split = ?2")?
        .execute([source, split, &emptied])?;
    Ok(())
}

/// Stores where the next run starts.
pub(super) fn start(
    connection: &Connection,
    source: &SourceName,
    key: &str,
    cursor: &Cursor,
) -> rusqlite::Result<()> {
    connection.prepare_cached("INSERT OR REPLACE INTO _busta_starts VALUES (?1, ?2, ?3)")?.execute([
        source.as_str(),
        key,
        cursor.as_str(),
    ])?;
    Ok(())
}

/// Has the start cursors hold from now on that have waited with the rows of a stream.
pub(super) fn release(
    connection: &Connection,
    run: &RunId,
    source: &SourceName,
    stream: &StreamName,
) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT OR REPLACE INTO _busta_starts
         SELECT source, key, cursor FROM _busta_held_starts WHERE source = ?1 AND stream = ?2 AND run = ?3",
        [source.as_str(), stream.as_str(), run.as_str()],
    )?;
    connection.execute(
        "DELETE FROM _busta_held_starts WHERE source = ?1 AND stream = ?2",
        [source.as_str(), stream.as_str()],
    )?;
    Ok(())
}

/// Forgets the positions of a stream's splits, and remembers that the run has finished it.
pub(super) fn finish(
    connection: &Connection,
    run: &RunId,
    source: &SourceName,
    stream: &StreamName,
) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT OR REPLACE INTO _busta_finished VALUES (?1, ?2, ?3)",
        [source.as_str(), stream.as_str(), run.as_str()],
    )?;
    connection
        .prepare_cached("DELETE FROM _busta_splits WHERE source = ?1 AND stream = ?2")?
        .execute([source.as_str(), stream.as_str()])?;
    Ok(())
}

fn encoded<T: serde::Serialize>(value: &T) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|e| rusqlite::Error::ToSqlConversionFailure(e.into()))
}

fn decoded<T: serde::de::DeserializeOwned>(text: &str) -> rusqlite::Result<T> {
    serde_json::from_str(text)
        .map_err(|e| rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, e.into()))
}
