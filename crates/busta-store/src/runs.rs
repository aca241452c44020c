//! The life of a run: begun, or queued and started; finished, or resumed; given up.

use std::collections::HashSet;
use std::path::Path;

use busta_core::report::RunReport;
use busta_core::{Error, Result, RunId, SourceName};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, params};

use crate::history::find;
use crate::lease::RunLease;
use crate::row::{Reports, collect, integer};
use crate::run::{NewRun, RunState, StoredRun, Totals, Trigger};
use crate::schema::of_sqlite;
use crate::state::StateStore;

impl StateStore {
    /// Stores a run that is about to start. Refused while a live run collects one of its sources,
    /// since two runs of one source would undo each other's positions.
    pub async fn begin(&self, run: NewRun) -> Result<RunLease> {
        self.write(move |db, path| {
            refuse_overlap(db, path, &run.id, &run.sources)?;
            let lease = take(path, &run.id)?;
            insert(db, path, &run, RunState::Running, None)?;
            Ok(lease)
        })
        .await
    }

    /// Stores a run that waits for its turn, `behind` another if it is known which. It waits over
    /// restarts too, until [`start_queued`](Self::start_queued) or [`unqueue`](Self::unqueue).
    pub async fn queue(&self, run: NewRun, behind: Option<RunId>) -> Result<()> {
        self.write(move |db, path| insert(db, path, &run, RunState::Queued, behind.as_ref())).await
    }

    /// Starts a run that waits. Refused while a live run collects one of its sources; it then waits on.
    pub async fn start_queued(&self, id: &RunId, now: DateTime<Utc>) -> Result<RunLease> {
        let id = id.clone();
        self.write(move |db, path| {
            let run = waiting(db, path, &id)?;
            refuse_overlap(db, path, &id, &run.sources)?;
            let lease = take(path, &id)?;
            db.execute(
                "UPDATE run SET state = 'running', pid = ?2, started_at = ?3 WHERE id = ?1",
                params![id.as_str(), std::process::id(), now.to_rfc3339()],
            )
            .map_err(|e| of_sqlite(path, e))?;
            Ok(lease)
        })
        .await
    }

    /// Takes a run that waits out of the queue. Refused once it has started.
    pub async fn unqueue(&self, id: &RunId, now: DateTime<Utc>) -> Result<()> {
        let id = id.clone();
        self.write(move |db, path| {
            waiting(db, path, &id)?;
            end(db, path, &id, RunState::Abandoned, Some(now))
        })
        .await
    }

    /// Makes a stored run live again. Refused when a later run has collected one of its sources,
    /// since that has moved the positions on.
    pub async fn resume(&self, id: &RunId, by: Trigger) -> Result<RunLease> {
        let id = id.clone();
        self.write(move |db, path| {
            let run = find(db, path, id.as_str())?;
            if !run.state.is_resumable() {
                return Err(not_resumable(&run));
            }
            refuse_overlap(db, path, &id, &run.sources)?;
            refuse_superseded(db, path, &run)?;
            let lease = take(path, &id)?;
            db.execute(
                "UPDATE run SET state = 'running', pid = ?2, started_by = ?3, finished_at = NULL WHERE id = ?1",
                params![id.as_str(), std::process::id(), by.as_str()],
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
        let (finished, totals) = (report.finished_at, Totals::from(report));
        let collected: HashSet<SourceName> = report.sources.iter().map(|s| s.name.clone()).collect();
        let lease = self
            .write(move |db, path| {
                let run = find(db, path, lease.run().as_str())?;
                let whole = run.sources.iter().all(|name| collected.contains(name));
                let state = match reported {
                    RunState::Completed if !whole => RunState::Cancelled,
                    other => other,
                };
                end(db, path, lease.run(), state, Some(finished))?;
                store_report(db, path, lease.run(), &text, &totals)?;
                Ok(lease)
            })
            .await?;
        self.write(move |_, _| {
            lease.release();
            Ok(())
        })
        .await
    }

    /// Gives up a run, so that nobody resumes or starts it. Refused while it is live.
    pub async fn abandon(&self, id: &RunId, now: DateTime<Utc>) -> Result<()> {
        let id = id.clone();
        self.write(move |db, path| {
            let run = find(db, path, id.as_str())?;
            if run.state != RunState::Queued && !run.state.is_resumable() {
                return Err(not_resumable(&run));
            }
            end(db, path, &id, RunState::Abandoned, Some(run.finished.unwrap_or(now)))?;
            RunLease::sweep(path, &id);
            Ok(())
        })
        .await
    }

    /// Writes down that a run was interrupted, so that nobody need look whether its process lives.
    /// It can be resumed as before. Refused while it is live, and of no effect once it has ended.
    pub async fn mark_interrupted(&self, id: &RunId) -> Result<()> {
        let id = id.clone();
        self.write(move |db, path| {
            let run = find(db, path, id.as_str())?;
            match run.state {
                RunState::Interrupted => {
                    end(db, path, &id, RunState::Interrupted, None)?;
                    RunLease::sweep(path, &id);
                    Ok(())
                }
                RunState::Running => Err(not_resumable(&run)),
                _ => Ok(()),
            }
        })
        .await
    }
}

fn insert(db: &Connection, path: &Path, run: &NewRun, state: RunState, behind: Option<&RunId>) -> Result<()> {
    let failed = |e| of_sqlite(path, e);
    let names = serde_json::to_string(&run.sources)
        .map_err(|e| Error::bug(format!("names cannot be encoded: {e}")))?;
    let pid = (state == RunState::Running).then(std::process::id);
    db.execute(
        "INSERT INTO run (id, started_at, state, started_by, behind, pid, full_refresh, max_records, sources)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            run.id.as_str(),
            run.started.to_rfc3339(),
            state.as_str(),
            run.trigger.as_str(),
            behind.map(RunId::as_str),
            pid,
            run.full_refresh,
            run.limit.map(integer),
            names,
        ],
    )
    .map_err(failed)?;
    let mut insert = db
        .prepare_cached("INSERT OR IGNORE INTO run_source (source, run) VALUES (?1, ?2)")
        .map_err(failed)?;
    for source in &run.sources {
        insert.execute([source.as_str(), run.id.as_str()]).map_err(failed)?;
    }
    Ok(())
}

fn take(path: &Path, id: &RunId) -> Result<RunLease> {
    RunLease::take(path, id)?.ok_or_else(|| Error::conflict(format!("run {id} is alive in another process")))
}

/// The run, if it waits.
fn waiting(db: &Connection, path: &Path, id: &RunId) -> Result<StoredRun> {
    let run = find(db, path, id.as_str())?;
    if run.state == RunState::Queued {
        return Ok(run);
    }
    Err(Error::conflict(format!("run {id} does not wait: it is {}", run.state.as_str())))
}

fn not_resumable(run: &StoredRun) -> Error {
    let error = Error::conflict(format!("run {} is {}", run.id, run.state.as_str()));
    match run.state {
        RunState::Running => error.hint("stop it first with `busta runs cancel`"),
        RunState::Queued => error.hint("it starts by itself; `busta runs cancel` takes it out of the queue"),
        _ => error.hint("start a new run with `busta sources collect`"),
    }
}

fn refuse_overlap(db: &Connection, path: &Path, id: &RunId, sources: &[SourceName]) -> Result<()> {
    let sql = format!("{} FROM run WHERE state = 'running' AND id <> ?", Reports::Skip.select());
    let live = |run: &StoredRun| run.state == RunState::Running;
    for run in collect(db, path, &sql, &[&id.as_str()], usize::MAX, live)? {
        if let Some(name) = run.sources.iter().find(|name| sources.contains(name)) {
            let pid = run.pid.map_or_else(String::new, |pid| format!(" (process {pid})"));
            return Err(Error::conflict(format!("run {}{pid} is collecting {name} right now", run.id))
                .hint("wait for it, or stop it with `busta runs cancel`"));
        }
    }
    Ok(())
}

/// Runs follow one another by when they were started, which is not the order of their ids where one has
/// waited. One that has never been started has moved nothing.
pub(crate) const LATER: &str = "later.pid IS NOT NULL
    AND (later.started_at > run.started_at OR (later.started_at = run.started_at AND later.id > run.id))";

fn refuse_superseded(db: &Connection, path: &Path, run: &StoredRun) -> Result<()> {
    use rusqlite::OptionalExtension as _;
    let sql = format!(
        "SELECT later.id, theirs.source FROM run
         CROSS JOIN run_source AS mine ON mine.run = run.id
         CROSS JOIN run_source AS theirs ON theirs.source = mine.source
         CROSS JOIN run AS later ON later.id = theirs.run
         WHERE run.id = ?1 AND {LATER} LIMIT 1"
    );
    let later: Option<(String, String)> = db
        .query_row(&sql, [run.id.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
        .map_err(|e| of_sqlite(path, e))?;
    let Some((later, name)) = later else { return Ok(()) };
    Err(Error::conflict(format!("run {later} has collected {name} after run {}", run.id))
        .hint("start a new run with `busta sources collect`; it goes on from there"))
}

fn end(
    db: &Connection,
    path: &Path,
    id: &RunId,
    state: RunState,
    finished: Option<DateTime<Utc>>,
) -> Result<()> {
    db.execute(
        "UPDATE run SET state = ?2, finished_at = ?3 WHERE id = ?1",
        params![id.as_str(), state.as_str(), finished.map(|at| at.to_rfc3339())],
    )
    .map_err(|e| of_sqlite(path, e))?;
    Ok(())
}

fn store_report(db: &Connection, path: &Path, id: &RunId, text: &str, totals: &Totals) -> Result<()> {
    let failed = |e| of_sqlite(path, e);
    db.execute("INSERT OR REPLACE INTO run_report (run, report) VALUES (?1, ?2)", [id.as_str(), text])
        .map_err(failed)?;
    db.execute(
        "UPDATE run SET records = ?2, bytes = ?3, requests = ?4, retries = ?5, failures = ?6, splits = ?7,
                        duration_s = ?8 WHERE id = ?1",
        params![
            id.as_str(),
            integer(totals.records),
            integer(totals.bytes),
            integer(totals.requests),
            integer(totals.retries),
            integer(totals.failures),
            integer(totals.splits),
            totals.duration_s,
        ],
    )
    .map_err(failed)?;
    Ok(())
}
