//! Commits: what is written for each chunk, in one transaction for all.

use std::sync::Arc;

use busta_core::failpoint::hit;
use busta_core::{
    Chunk, Committed, Cursor, CursorValue, Error, Failure, Result, RunId, SourceName, Split, Step,
    StreamName, WriteMode,
};
use chrono::{DateTime, SecondsFormat, Utc};
use rusqlite::Connection;

use super::checkpoint::{self, Standing};
use super::history::{By, Log};
use super::insert::{self, Origin, insert};
use super::rows::Rows;
use super::schema::Catalogue;
use super::{failures, replace};
use crate::destinations::claims::Claims;

/// A chunk as the writer's thread gets it: nothing of it is copied but ids and failures.
pub(super) struct Entry {
    pub run: RunId,
    pub source: SourceName,
    pub stream: StreamName,
    pub step: Option<Step>,
    pub rows: Option<Arc<Rows>>,
    pub failures: Vec<Failure>,
    pub high: Option<CursorValue>,
    pub found: Vec<Split>,
    pub starts: Vec<(String, Cursor)>,
    /// The stream's rows, and its start cursors with them, wait for the end of their run.
    pub replaced: bool,
}

impl Entry {
    /// Takes a chunk over. Refusals of `stage` that nobody has placed are placed here.
    pub fn new(chunk: &Chunk, replaced: bool, now: DateTime<Utc>) -> Result<Self> {
        let rows = chunk.staged.as_ref().map(|staged| insert::rows_of(&*staged.body)).transpose()?;
        if let Some(rows) = &rows
            && rows.spec.is_none()
        {
            return Err(insert::unprepared(chunk.stream.as_str()));
        }
        let split = chunk.step.as_ref().map_or_else(|| "".into(), |step| step.split.clone());
        let refused = chunk.staged.iter().flat_map(|staged| &staged.failures).cloned().map(|failure| {
            if failure.id.is_empty() {
                failure.place(&chunk.run, &chunk.source, &chunk.stream, &split, now)
            } else {
                failure
            }
        });
        Ok(Self {
            run: chunk.run.clone(),
            source: chunk.source.clone(),
            stream: chunk.stream.clone(),
            step: chunk.step.clone(),
            failures: chunk.failures.iter().cloned().chain(refused).collect(),
            rows,
            high: chunk.high.clone(),
            found: chunk.found.clone(),
            starts: chunk.starts.clone(),
            replaced,
        })
    }
}

/// Writes the chunks inside a transaction that is already open.
pub(super) fn write(
    connection: &Connection,
    catalogue: &mut Catalogue,
    claims: &Claims,
    entries: &[Entry],
    now: DateTime<Utc>,
) -> rusqlite::Result<Vec<Result<Committed>>> {
    hit("sqlite.commit.begin");
    let mut outcomes = Vec::with_capacity(entries.len());
    for entry in entries {
        outcomes.push(match checkpoint::standing(connection, claims, entry)? {
            Standing::Conflict(error) => Err(error),
            Standing::Already => Ok(Committed { already: true, ..Committed::default() }),
            Standing::Here => Ok(write_entry(connection, catalogue, entry, now)?),
            Standing::First => {
                checkpoint::take_over(connection, catalogue, &entry.run, &entry.source)?;
                Ok(write_entry(connection, catalogue, entry, now)?)
            }
        });
    }
    Ok(outcomes)
}

fn write_entry(
    connection: &Connection,
    catalogue: &mut Catalogue,
    entry: &Entry,
    now: DateTime<Utc>,
) -> rusqlite::Result<Committed> {
    let committed = write_rows(connection, catalogue, entry, now)?;
    hit("sqlite.commit.rows_written");
    checkpoint::advance(connection, entry)?;
    failures::store(connection, entry)?;
    Ok(committed)
}

fn write_rows(
    connection: &Connection,
    catalogue: &mut Catalogue,
    entry: &Entry,
    now: DateTime<Utc>,
) -> rusqlite::Result<Committed> {
    let Some((rows, spec)) = entry.rows.as_ref().and_then(|rows| Some((rows, rows.spec.as_ref()?))) else {
        return Ok(Committed::default());
    };
    let replaced = spec.write_mode == WriteMode::Replace;
    if replaced {
        replace::reopen(connection, &entry.source, &entry.stream)?;
    }
    let mut committed = Committed::default();
    if !rows.rows.is_empty() {
        catalogue.fit(connection, &spec.table, &rows.columns, spec.cursor_field.as_deref())?;
        if spec.has_key() {
            catalogue.note_key(connection, &spec.table, &spec.primary_key)?;
        }
        let Some(table) = catalogue.table(&spec.table) else { return Err(rusqlite::Error::InvalidQuery) };
        let physical = if replaced { table.shadow_name() } else { table.name.clone() };
        let (run, source) = (entry.run.as_str(), entry.source.as_str());
        let loaded_at = now.to_rfc3339_opts(SecondsFormat::Millis, true);
        let origin = Origin { run, source, loaded_at: &loaded_at };
        // Rows that wait for the end of their run are logged when they take the place of the old.
        let mut log =
            if replaced { None } else { Log::open(connection, table, By::Run { run, source }, now)? };
        committed = insert(connection, table, &physical, rows, &origin, log.as_mut())?;
        if let Some(log) = log {
            log.close()?;
        }
    }
    committed.rejected = rows.rejected;
    Ok(committed)
}

/// The table names that a stream may have.
pub(super) fn check_table(name: &str) -> Result<()> {
    let lower = name.to_ascii_lowercase();
    if name.is_empty() || name.contains('\0') || lower.starts_with("sqlite_") || lower.starts_with("_busta_")
    {
        return Err(Error::config(format!("`{}` cannot be the name of a table", name.escape_debug()))
            .hint("set `table:` of the stream to a name that does not start with `sqlite_` or `_busta_`"));
    }
    Ok(())
}
