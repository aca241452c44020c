//! The history of runs.

use std::collections::HashSet;
use std::path::Path;

use busta_core::report::RunReport;
use busta_core::{Error, Result, RunId, SourceName};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::lease::RunLease;
use crate::run::{NewRun, RunState, StoredRun};
use crate::schema::of_sqlite;
use crate::state::StateStore;

const COLUMNS: &str =
    "SELECT id, started_at, finished_at, state, pid, full_refresh, max_records, sources, report FROM run";

/// How many runs are looked at for one to resume.
const LOOK_BACK: usize = 1000;

impl StateStore {
    /// Stores a run that is about to start. Refused while a live run collects one of its sources,
    /// since two runs of one source would undo each other's positions.
    pub async fn begin(&self, run: NewRun) -> Result<RunLease> {
        self.with(move |db, path| {
            refuse_overlap(db, path, &run.id, &run.sources)?;
            let lease = take(path, &run.id)?;
            db.execute(
                "INSERT INTO run (id, started_at, state, pid, full_refresh, max_records, sources)
                 VALUES (?1, ?2, 'running', ?3, ?4, ?5, ?6)",
                params![
                    run.id.as_str(),
                    run.started.to_rfc3339(),
                    std::process::id(),
                    run.full_refresh,
                    run.limit.map(|n| i64::try_from(n).unwrap_or(i64::MAX)),
                    names_to_json(&run.sources)?,
                ],
            )
            .map_err(|e| of_sqlite(path, e))?;
            Ok(lease)
        })
        .await
    }

    /// Makes a stored run live again. Refused when a later run has collected one of its sources,
    /// since that has moved the positions on.
    pub async fn resume(&self, id: &RunId) -> Result<RunLease> {
        let id = id.clone();
        self.with(move |db, path| {
            let run = find(db, path, id.as_str())?;
            if !run.state.is_resumable() {
                return Err(not_resumable(&run));
            }
            refuse_overlap(db, path, &id, &run.sources)?;
            refuse_superseded(db, path, &run)?;
            let lease = take(path, &id)?;
            db.execute(
                "UPDATE run SET state = 'running', pid = ?2, finished_at = NULL WHERE id = ?1",
                params![id.as_str(), std::process::id()],
            )
            .map_err(|e| of_sqlite(path, e))?;
            Ok(lease)
        })
        .await
    }

    /// Stores how a run ended. One that was resumed for some of its sources only has not come to
    /// its end: whatever the report says of those, the run can still be resumed for the others.
    pub async fn finish(&self, lease: RunLease, report: &RunReport) -> Result<()> {
        let text = serde_json::to_string(report)
            .map_err(|e| Error::bug(format!("a report cannot be encoded: {e}")))?;
        let reported = RunState::from(report.status);
        let finished = report.finished_at;
        let collected: HashSet<SourceName> = report.sources.iter().map(|s| s.name.clone()).collect();
        self.with(move |db, path| {
            let run = find(db, path, lease.run().as_str())?;
            let whole = run.sources.iter().all(|name| collected.contains(name));
            let state = match reported {
                RunState::Completed if !whole => RunState::Cancelled,
                other => other,
            };
            end(db, path, lease.run(), state, Some(finished), Some(&text))?;
            lease.release();
            Ok(())
        })
        .await
    }

    /// Gives up a run, so that nobody resumes it. Refused while it is live.
    pub async fn abandon(&self, id: &RunId, now: DateTime<Utc>) -> Result<()> {
        let id = id.clone();
        self.with(move |db, path| {
            let run = find(db, path, id.as_str())?;
            if !run.state.is_resumable() {
                return Err(not_resumable(&run));
            }
            end(db, path, &id, RunState::Abandoned, Some(run.finished.unwrap_or(now)), None)
        })
        .await
    }

    /// The newest runs, newest first.
    pub async fn runs(&self, limit: usize) -> Result<Vec<StoredRun>> {
        self.with(move |db, path| {
            let mut query = db
                .prepare(&format!("{COLUMNS} ORDER BY id DESC LIMIT ?1"))
                .map_err(|e| of_sqlite(path, e))?;
            let rows = query
                .query_map([i64::try_from(limit).unwrap_or(i64::MAX)], |row| Ok(read(row, path)))
                .map_err(|e| of_sqlite(path, e))?;
            rows.map(|row| row.map_err(|e| of_sqlite(path, e))?).collect()
        })
        .await
    }

    /// The run whose id is `id` or, if only one does, begins with it.
    pub async fn run(&self, id: &str) -> Result<StoredRun> {
        let id = id.to_ascii_uppercase();
        self.with(move |db, path| find(db, path, &id)).await
    }

    /// The newest run that can be resumed: one that no later run of one of its sources has
    /// superseded, since that has moved the positions on.
    pub async fn newest_resumable(&self) -> Result<Option<StoredRun>> {
        let mut superseded = HashSet::new();
        for run in self.runs(LOOK_BACK).await? {
            let fresh = run.sources.iter().all(|name| !superseded.contains(name));
            if fresh && run.state.is_resumable() {
                return Ok(Some(run));
            }
            superseded.extend(run.sources);
        }
        Ok(None)
    }
}

fn take(path: &Path, id: &RunId) -> Result<RunLease> {
    RunLease::take(path, id)?.ok_or_else(|| Error::conflict(format!("run {id} is alive in another process")))
}

fn not_resumable(run: &StoredRun) -> Error {
    let error = Error::conflict(format!("run {} is {}", run.id, run.state.as_str()));
    match run.state {
        RunState::Running => error.hint("stop it first with `busta runs cancel`"),
        _ => error.hint("start a new run with `busta sources collect`"),
    }
}

fn refuse_overlap(db: &Connection, path: &Path, id: &RunId, sources: &[SourceName]) -> Result<()> {
    let mut query =
        db.prepare(&format!("{COLUMNS} WHERE state = 'running'")).map_err(|e| of_sqlite(path, e))?;
    let rows = query.query_map([], |row| Ok(read(row, path))).map_err(|e| of_sqlite(path, e))?;
    for run in rows {
        let run = run.map_err(|e| of_sqlite(path, e))??;
        let shared = run.sources.iter().find(|name| sources.contains(name));
        if let Some(name) = shared.filter(|_| run.state == RunState::Running && run.id != *id) {
            let pid = run.pid.map_or_else(String::new, |pid| format!(" (process {pid})"));
            return Err(Error::conflict(format!("run {}{pid} is collecting {name} right now", run.id))
                .hint("wait for it, or stop it with `busta runs cancel`"));
        }
    }
    Ok(())
}

fn refuse_superseded(db: &Connection, path: &Path, run: &StoredRun) -> Result<()> {
    let mut query =
        db.prepare(&format!("{COLUMNS} WHERE id > ?1 ORDER BY id DESC")).map_err(|e| of_sqlite(path, e))?;
    let rows =
        query.query_map([run.id.as_str()], |row| Ok(read(row, path))).map_err(|e| of_sqlite(path, e))?;
    for later in rows {
        let later = later.map_err(|e| of_sqlite(path, e))??;
        if let Some(name) = later.sources.iter().find(|name| run.sources.contains(name)) {
            return Err(Error::conflict(format!(
                "run {} has collected {name} after run {}",
                later.id, run.id
            ))
            .hint("start a new run with `busta sources collect`; it goes on from there"));
        }
    }
    Ok(())
}

fn find(db: &Connection, path: &Path, id: &str) -> Result<StoredRun> {
    // Ids are letters and digits; anything else cannot match, and must not be a wildcard.
    let clean: String = id.chars().filter(char::is_ascii_alphanumeric).collect();
    let one = |sql: &str, key: &str| {
        db.query_row(sql, [key], |row| Ok(read(row, path))).optional().map_err(|e| of_sqlite(path, e))
    };
    let found = match one(&format!("{COLUMNS} WHERE id = ?1"), id)? {
        Some(run) => Some(run),
        None if clean.is_empty() => None,
        None => {
            let sql = "SELECT count(*) FROM run WHERE id LIKE ?1 || '%'";
            let count: i64 = db.query_row(sql, [&clean], |row| row.get(0)).map_err(|e| of_sqlite(path, e))?;
            if count > 1 {
                return Err(Error::not_found(format!("{count} runs begin with {id}")));
            }
            one(&format!("{COLUMNS} WHERE id LIKE ?1 || '%'"), &clean)?
        }
    };
    found.unwrap_or_else(|| {
        Err(Error::not_found(format!("there is no run {id}")).hint("`busta runs list` shows them"))
    })
}

fn end(
    db: &Connection,
    path: &Path,
    id: &RunId,
    state: RunState,
    finished: Option<DateTime<Utc>>,
    report: Option<&str>,
) -> Result<()> {
    db.execute(
        "UPDATE run SET state = ?2, finished_at = ?3, report = coalesce(?4, report) WHERE id = ?1",
        params![id.as_str(), state.as_str(), finished.map(|at| at.to_rfc3339()), report],
    )
    .map_err(|e| of_sqlite(path, e))?;
    Ok(())
}

fn names_to_json(names: &[SourceName]) -> Result<String> {
    serde_json::to_string(names).map_err(|e| Error::bug(format!("names cannot be encoded: {e}")))
}

fn read(row: &Row<'_>, path: &Path) -> Result<StoredRun> {
    let sql = |e| of_sqlite(path, e);
    let id = RunId::from(row.get::<_, String>(0).map_err(sql)?);
    let wrong = |what: &str| Error::data(format!("the stored run {id} has a broken {what}"));
    let time = |text: String| {
        DateTime::parse_from_rfc3339(&text).map(|at| at.with_timezone(&Utc)).map_err(|_| wrong("time"))
    };
    let stored = RunState::from_stored(&row.get::<_, String>(3).map_err(sql)?)?;
    let dead = stored == RunState::Running && !RunLease::is_held(path, &id);
    let report: Option<String> = row.get(8).map_err(sql)?;
    Ok(StoredRun {
        started: time(row.get(1).map_err(sql)?)?,
        finished: row.get::<_, Option<String>>(2).map_err(sql)?.map(time).transpose()?,
        state: if dead { RunState::Interrupted } else { stored },
        pid: row.get::<_, Option<u32>>(4).map_err(sql)?,
        full_refresh: row.get(5).map_err(sql)?,
        limit: row.get::<_, Option<i64>>(6).map_err(sql)?.and_then(|n| u64::try_from(n).ok()),
        sources: serde_json::from_str(&row.get::<_, String>(7).map_err(sql)?)
            .map_err(|_| wrong("list of sources"))?,
        report: report.map(|text| serde_json::from_str(&text)).transpose().map_err(|_| wrong("report"))?,
        id,
    })
}
