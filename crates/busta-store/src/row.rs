//! From a row to a run.
//!
//! A run that is under way and one that was interrupted are both stored as running. The first holds its
//! lock from before its row says so until after its row says how it ended; so the row of a run whose lock
//! is free says running only if the run is dead, when it is read after the lock was looked at.

use std::path::Path;

use busta_core::report::RunReport;
use busta_core::{Error, Result, RunId};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Row, ToSql};

use crate::lease::RunLease;
use crate::run::{RunState, StoredRun, Totals, Trigger};
use crate::schema::of_sqlite;

/// How often rows are read again because a run ended while they were read.
const TRIES: usize = 3;

/// Whether reports are read with their runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reports {
    Read,
    Skip,
}

impl Reports {
    /// The beginning of a query whose rows [`collect`] reads. What follows names the table `run`.
    pub(crate) fn select(self) -> String {
        let report = match self {
            Self::Read => "(SELECT report FROM run_report WHERE run_report.run = run.id)",
            Self::Skip => "NULL",
        };
        format!(
            "SELECT run.id, started_at, finished_at, state, started_by, behind, pid, full_refresh, max_records,
                    sources, records, bytes, requests, retries, failures, splits, duration_s, {report}"
        )
    }
}

/// The first `limit` rows of a query that are wanted, as they stand now.
pub(crate) fn collect(
    db: &Connection,
    path: &Path,
    sql: &str,
    values: &[&dyn ToSql],
    limit: usize,
    wanted: impl Fn(&StoredRun) -> bool,
) -> Result<Vec<StoredRun>> {
    let mut runs = rows(db, path, sql, values, limit, &wanted)?;
    for _ in 1..TRIES {
        if are_settled(db, path, &runs)? {
            break;
        }
        runs = rows(db, path, sql, values, limit, &wanted)?;
    }
    Ok(runs)
}

fn rows(
    db: &Connection,
    path: &Path,
    sql: &str,
    values: &[&dyn ToSql],
    limit: usize,
    wanted: impl Fn(&StoredRun) -> bool,
) -> Result<Vec<StoredRun>> {
    let failed = |e| of_sqlite(path, e);
    let mut runs = Vec::new();
    let mut query = db.prepare_cached(sql).map_err(failed)?;
    let mut rows = query.query(values).map_err(failed)?;
    while runs.len() < limit
        && let Some(row) = rows.next().map_err(failed)?
    {
        let run = read(row, path)?;
        if wanted(&run) {
            runs.push(run);
        }
    }
    Ok(runs)
}

/// Whether no run that looked interrupted had only just ended.
fn are_settled(db: &Connection, path: &Path, runs: &[StoredRun]) -> Result<bool> {
    let failed = |e| of_sqlite(path, e);
    let mut query = db
        .prepare_cached("SELECT 1 FROM run WHERE id = ?1 AND state IN ('running', 'interrupted')")
        .map_err(failed)?;
    for run in runs.iter().filter(|run| run.state == RunState::Interrupted) {
        let stands = query.query_row([run.id.as_str()], |_| Ok(())).optional().map_err(failed)?;
        // Held again: it ended and was resumed in between.
        if stands.is_none() || RunLease::is_held(path, &run.id) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn read(row: &Row<'_>, path: &Path) -> Result<StoredRun> {
    let sql = |e| of_sqlite(path, e);
    let id = RunId::from(row.get::<_, String>(0).map_err(sql)?);
    let stored = RunState::from_stored(&row.get::<_, String>(3).map_err(sql)?)?;
    // Only the rows of runs that seem to be under way cost a look at a file.
    let dead = stored == RunState::Running && !RunLease::is_held(path, &id);
    let report: Option<String> = row.get(17).map_err(sql)?;
    Ok(StoredRun {
        started: parse_time(row.get(1).map_err(sql)?)?,
        finished: row.get::<_, Option<String>>(2).map_err(sql)?.map(parse_time).transpose()?,
        state: if dead { RunState::Interrupted } else { stored },
        trigger: Trigger::from_stored(&row.get::<_, String>(4).map_err(sql)?)?,
        behind: row.get::<_, Option<String>>(5).map_err(sql)?.map(RunId::from),
        pid: row.get(6).map_err(sql)?,
        full_refresh: row.get(7).map_err(sql)?,
        limit: row.get::<_, Option<i64>>(8).map_err(sql)?.and_then(|n| u64::try_from(n).ok()),
        sources: serde_json::from_str(&row.get::<_, String>(9).map_err(sql)?)
            .map_err(|_| Error::data(format!("the stored run {id} has a broken list of sources")))?,
        totals: totals(row).map_err(sql)?,
        report: report.map(|text| parse_report(&id, &text)).transpose()?,
        id,
    })
}

fn totals(row: &Row<'_>) -> rusqlite::Result<Totals> {
    let count = |column| row.get(column).map(|n: i64| u64::try_from(n).unwrap_or(0));
    Ok(Totals {
        records: count(10)?,
        bytes: count(11)?,
        requests: count(12)?,
        retries: count(13)?,
        failures: count(14)?,
        splits: count(15)?,
        duration_s: row.get(16)?,
    })
}

/// A stored time.
pub(crate) fn parse_time(text: String) -> Result<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(&text)
        .map(|at| at.with_timezone(&Utc))
        .map_err(|_| Error::data(format!("the stored time {text} is broken")))
}

/// A stored report.
pub(crate) fn parse_report(id: &RunId, text: &str) -> Result<RunReport> {
    serde_json::from_str(text).map_err(|_| Error::data(format!("the stored run {id} has a broken report")))
}

/// As SQLite counts: no further than 63 bits.
pub(crate) fn integer(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
