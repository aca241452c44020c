//! What retention does to a log: rows that go are recorded, and old entries go themselves.
//!
//! Entries of a source go when they are older than its rows may be. So what was removed from a table by
//! retention stays in the log for as long again, and no longer. From then on the rows are known only at
//! places behind them.

use busta_core::Result;
use rusqlite::{Connection, Statement, params};

use super::super::SqliteDestination;
use super::super::errors::At;
use super::super::names::quoted;
use super::super::schema::Catalogue;
use super::log::Log;
use super::tables::{State, log_name};

/// Executes a `DELETE … RETURNING` for each rowid, and records the rows that went.
pub(in super::super) fn remove_all(
    log: &mut Log<'_>,
    statement: &mut Statement<'_>,
    rowids: &[i64],
    source: &str,
    before: &str,
) -> rusqlite::Result<u64> {
    let mut removed = 0;
    for rowid in rowids {
        let mut rows = statement.query(params![rowid, source, before])?;
        while let Some(row) = rows.next()? {
            removed += 1;
            if row.get_ref(log.key_column())? != rusqlite::types::ValueRef::Null {
                log.gone(row, false)?;
            }
        }
    }
    Ok(removed)
}

/// Removes entries of a table's log.
pub(in super::super) async fn trim(
    destination: &SqliteDestination,
    table: &str,
    entries: Vec<i64>,
) -> Result<u64> {
    let table = table.to_owned();
    destination
        .handle()?
        .run(move |session| {
            let path = session.location().path.clone();
            session.transaction(
                |connection, catalogue| remove(connection, catalogue, &table, &entries).at(&path),
                "sqlite.purge.before_commit",
                "sqlite.purge.after_commit",
            )
        })
        .await
}

fn remove(
    connection: &Connection,
    catalogue: &Catalogue,
    table: &str,
    entries: &[i64],
) -> rusqlite::Result<u64> {
    let Some(table) = catalogue.table(table) else { return Ok(0) };
    let Some(mut state) = State::of(connection, table)? else { return Ok(0) };
    let log = quoted(&log_name(&table.name));
    let sql = format!("DELETE FROM {log} WHERE seq = ?1 RETURNING at");
    let mut statement = connection.prepare_cached(&sql)?;
    for seq in entries {
        let mut rows = statement.query([seq])?;
        while let Some(row) = rows.next()? {
            if *seq > state.base {
                (state.base, state.since) = (*seq, row.get(0)?);
            }
        }
    }
    state.save(connection, &table.name)?;
    Ok(entries.len() as u64)
}
