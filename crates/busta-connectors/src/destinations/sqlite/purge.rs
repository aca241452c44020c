//! Removing old records and failures, a batch at a time.
//!
//! What is old is looked for with a connection that only reads, which keeps nobody waiting; the writer's
//! thread then removes those very rows, if they are still old, in one transaction. The room of removed
//! rows is used again by new ones; the file does not shrink (`VACUUM` would, and keeps everybody waiting).

use busta_core::destination::{Purge, Purged};
use busta_core::{Error, ErrorKind, Result};
use chrono::{DateTime, SecondsFormat, Utc};
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use super::SqliteDestination;
use super::errors::At;
use super::history::{self, By, Log};
use super::names::quoted;
use super::schema::{Catalogue, Table};

/// How many rows a batch looks at for each that it may remove: rows of other sources lie between them.
const EXAMINED: usize = 20;

/// Where the next batch goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    /// The table; `None` for the failures, which come last.
    table: Option<String>,
    after: i64,
    /// Whether it is the log of the table's changes, which comes after its rows.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    log: bool,
}

/// Old rows of one table, or old failures.
struct Old {
    place: Place,
    rows: Vec<i64>,
    next: Option<Place>,
}

/// Removes one batch.
pub(super) async fn run(destination: &SqliteDestination, purge: &Purge) -> Result<Purged> {
    let from = purge.after.as_deref().map(read_place).transpose()?;
    let (path, wanted) = (destination.location.path.clone(), purge.clone());
    let found = destination.reading.with(move |connection| find(&connection, &wanted, from).at(&path)).await;
    let Old { place, rows, next } = match found {
        Ok(old) => old,
        // Nothing has been collected yet.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Purged::default()),
        Err(error) => return Err(error),
    };
    let removed = match &place.table {
        _ if rows.is_empty() => 0,
        Some(table) if place.log => history::trim(destination, table, rows).await?,
        _ => remove(destination, purge, &place, rows).await?,
    };
    let next = next.map(|next| serde_json::to_string(&next)).transpose();
    let next = next.map_err(|e| Error::bug(format!("the place of a purge cannot be encoded: {e}")))?;
    Ok(match place.table {
        Some(_) if place.log => Purged { rows: 0, failures: 0, next },
        Some(_) => Purged { rows: removed, failures: 0, next },
        None => Purged { rows: 0, failures: removed, next },
    })
}

fn read_place(text: &str) -> Result<Place> {
    serde_json::from_str(text).map_err(|e| Error::data(format!("a purge cannot go on at `{text}`: {e}")))
}

/// The time as `_busta_loaded_at` has it, so that texts compare as times.
fn as_loaded_at(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn find(connection: &Connection, purge: &Purge, from: Option<Place>) -> rusqlite::Result<Old> {
    let catalogue = Catalogue::load(connection)?;
    let names: Vec<&str> = catalogue.tables().into_iter().map(|table| table.name.as_str()).collect();
    let begin = |table: Option<&str>| Place { table: table.map(str::to_owned), after: i64::MIN, log: false };
    let first = || begin(names.first().copied());
    let place = from.unwrap_or_else(first);
    let (rows, end) = match &place.table {
        Some(table) => match catalogue.table(table) {
            Some(table) if place.log => old_rows(connection, purge, &old_entries(table), place.after)?,
            Some(table) => {
                old_rows(connection, purge, &OLD_ROWS.replace("{}", &quoted(&table.name)), place.after)?
            }
            None => (Vec::new(), None),
        },
        None => old_failures(connection, purge, place.after)?,
    };
    let next = match (end, &place.table) {
        (Some(after), _) => Some(Place { after, ..place.clone() }),
        (None, Some(table)) if !place.log && catalogue.table(table).is_some_and(|table| table.logged) => {
            Some(Place { log: true, ..begin(Some(table)) })
        }
        (None, Some(table)) => Some(begin(names.into_iter().find(|name| *name > table.as_str()))),
        (None, None) => None,
    };
    Ok(Old { place, rows, next })
}

const OLD_ROWS: &str = "SELECT _rowid_, _busta_source = ?1 AND _busta_loaded_at < ?2 FROM {}
     WHERE _rowid_ > ?3 ORDER BY _rowid_ LIMIT ?4";

/// The same for entries of a log.
fn old_entries(table: &Table) -> String {
    format!(
        "SELECT seq, source = ?1 AND at < ?2 FROM {} WHERE seq > ?3 ORDER BY seq LIMIT ?4",
        quoted(&history::log_name(&table.name))
    )
}

/// Rows that are old, among some after a rowid; and the last of them all if there may be more.
fn old_rows(
    connection: &Connection,
    purge: &Purge,
    sql: &str,
    after: i64,
) -> rusqlite::Result<(Vec<i64>, Option<i64>)> {
    let mut statement = connection.prepare(sql)?;
    let (batch, examined) = (purge.batch.max(1), purge.batch.max(1).saturating_mul(EXAMINED));
    let limit = i64::try_from(examined).unwrap_or(i64::MAX);
    let mut rows =
        statement.query(params![purge.source.as_str(), as_loaded_at(purge.older_than), after, limit])?;
    let (mut old, mut seen) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let rowid = row.get(0)?;
        seen += 1;
        if row.get(1)? {
            old.push(rowid);
        }
        if old.len() == batch || seen == examined {
            return Ok((old, Some(rowid)));
        }
    }
    Ok((old, None))
}

fn old_failures(
    connection: &Connection,
    purge: &Purge,
    after: i64,
) -> rusqlite::Result<(Vec<i64>, Option<i64>)> {
    let sql = "SELECT _rowid_, at FROM _busta_failures WHERE _rowid_ > ?1 AND +source = ?2 ORDER BY _rowid_";
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query(params![after, purge.source.as_str()])?;
    let mut old = Vec::new();
    while let Some(row) = rows.next()? {
        let (rowid, at): (i64, String) = (row.get(0)?, row.get(1)?);
        // Their times have fractions of any length, so their texts have no order.
        if DateTime::parse_from_rfc3339(&at).is_ok_and(|at| at < purge.older_than) {
            old.push(rowid);
        }
        if old.len() == purge.batch.max(1) {
            return Ok((old, Some(rowid)));
        }
    }
    Ok((old, None))
}

async fn remove(
    destination: &SqliteDestination,
    purge: &Purge,
    place: &Place,
    rows: Vec<i64>,
) -> Result<u64> {
    let (source, before) = (purge.source.clone(), as_loaded_at(purge.older_than));
    let (now, table) = (destination.clock.now(), place.table.clone());
    // A row may have been replaced by a newer one meanwhile; a failure never changes.
    let sql = match &place.table {
        Some(table) => format!(
            "DELETE FROM {} WHERE _rowid_ = ?1 AND _busta_source = ?2 AND _busta_loaded_at < ?3",
            quoted(table)
        ),
        None => "DELETE FROM _busta_failures WHERE _rowid_ = ?1 AND source = ?2 AND ?3 IS ?3".to_owned(),
    };
    destination
        .handle()?
        .run(move |session| {
            let path = session.location().path.clone();
            let delete = |connection: &Connection, catalogue: &Catalogue| -> rusqlite::Result<u64> {
                let logged = table.as_deref().and_then(|table| catalogue.table(table));
                let by = By::Retention { source: source.as_str() };
                if let Some(table) = logged
                    && let Some(mut log) = Log::open(connection, table, by, now)?
                {
                    let mut statement = connection.prepare_cached(&(sql + &log.returning()))?;
                    let removed =
                        history::remove_all(&mut log, &mut statement, &rows, source.as_str(), &before)?;
                    log.close()?;
                    return Ok(removed);
                }
                let mut statement = connection.prepare_cached(&sql)?;
                rows.iter().try_fold(0, |removed, rowid| {
                    Ok(removed + statement.execute(params![rowid, source.as_str(), before])? as u64)
                })
            };
            session.transaction(
                |connection, catalogue| delete(connection, catalogue).at(&path),
                "sqlite.purge.before_commit",
                "sqlite.purge.after_commit",
            )
        })
        .await
}
