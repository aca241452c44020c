//! Reading the history of runs: pages, single runs, and what was last of each source.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use busta_core::report::{RunReport, SourceReport};
use busta_core::{Error, Result, RunId, SourceName};
use rusqlite::{Connection, OptionalExtension, ToSql};

use crate::row::{Reports, collect, parse_report};
use crate::run::{RunState, StoredRun};
use crate::schema::of_sqlite;
use crate::state::StateStore;

/// How many runs are looked at for one to resume.
const LOOK_BACK: usize = 1000;

/// Which runs to list.
#[derive(Clone, Debug, Default)]
pub struct RunFilter {
    /// Only those that stand so.
    pub state: Option<RunState>,
    /// Only those that collect this source.
    pub source: Option<SourceName>,
    /// Only those whose id sorts before this one: the last of the page before.
    pub before: Option<RunId>,
    /// How many at most.
    pub limit: usize,
    /// Whether their reports are read too. A list does not need them, and they are large.
    pub reports: bool,
}

/// The last run of a source that came to an end.
#[derive(Clone, Debug)]
pub struct LastRun {
    /// The run, without its report.
    pub run: StoredRun,
    /// The source's part of the report; `None` if the run ended without one.
    pub part: Option<SourceReport>,
}

impl StateStore {
    /// A page of runs, newest first.
    pub async fn runs_page(&self, filter: RunFilter) -> Result<Vec<StoredRun>> {
        self.read(move |db, path| page(db, path, &filter)).await
    }

    /// The newest runs with their reports, newest first.
    pub async fn runs(&self, limit: usize) -> Result<Vec<StoredRun>> {
        self.runs_page(RunFilter { limit, reports: true, ..RunFilter::default() }).await
    }

    /// The run whose id is `id` or, if only one does, begins with it; with its report.
    pub async fn run(&self, id: &str) -> Result<StoredRun> {
        let id = id.to_ascii_uppercase();
        self.read(move |db, path| find(db, path, &id)).await
    }

    /// The runs that wait for their turn, the oldest first.
    pub async fn queued(&self) -> Result<Vec<StoredRun>> {
        let mut runs = self.in_state(RunState::Queued).await?;
        runs.reverse();
        Ok(runs)
    }

    /// The runs that died before they could say how they ended, newest first; those too that a later
    /// run has superseded, which `resume` refuses. Whoever does not resume one marks it with
    /// [`mark_interrupted`](Self::mark_interrupted).
    pub async fn interrupted(&self) -> Result<Vec<StoredRun>> {
        self.in_state(RunState::Interrupted).await
    }

    async fn in_state(&self, state: RunState) -> Result<Vec<StoredRun>> {
        self.runs_page(RunFilter { state: Some(state), limit: usize::MAX, ..RunFilter::default() }).await
    }

    /// The last `n` runs of a source that ended, newest first, with their reports.
    pub async fn last_ended_of_source(&self, source: &SourceName, n: usize) -> Result<Vec<StoredRun>> {
        let source = source.clone();
        self.read(move |db, path| ended_of(db, path, &source, n, Reports::Read)).await
    }

    /// The last run that ended of each of `sources` that has one. A report that many sources share is
    /// read once.
    pub async fn last_ended(&self, sources: Vec<SourceName>) -> Result<HashMap<SourceName, LastRun>> {
        self.read(move |db, path| {
            let mut by_run: HashMap<RunId, (StoredRun, Vec<SourceName>)> = HashMap::new();
            for source in sources {
                if let Some(run) = ended_of(db, path, &source, 1, Reports::Skip)?.pop() {
                    by_run.entry(run.id.clone()).or_insert_with(|| (run, Vec::new())).1.push(source);
                }
            }
            let mut last = HashMap::new();
            for (id, (run, names)) in by_run {
                let report = report_of(db, path, &id)?;
                for name in names {
                    let part = report.as_ref().and_then(|r| r.sources.iter().find(|s| s.name == name));
                    last.insert(name, LastRun { run: run.clone(), part: part.cloned() });
                }
            }
            Ok(last)
        })
        .await
    }

    /// The newest run that can be resumed, with its report: one that no later run of one of its sources
    /// has superseded, since that has moved the positions on.
    pub async fn newest_resumable(&self) -> Result<Option<StoredRun>> {
        self.read(|db, path| {
            let mut runs = page(db, path, &RunFilter { limit: LOOK_BACK, ..RunFilter::default() })?;
            runs.retain(|run| run.pid.is_some());
            runs.sort_by(|a, b| (b.started, &b.id).cmp(&(a.started, &a.id)));
            let mut superseded = HashSet::new();
            for mut run in runs {
                let fresh = run.sources.iter().all(|name| !superseded.contains(name));
                if fresh && run.state.is_resumable() {
                    run.report = report_of(db, path, &run.id)?;
                    return Ok(Some(run));
                }
                superseded.extend(run.sources);
            }
            Ok(None)
        })
        .await
    }
}

fn page(db: &Connection, path: &Path, filter: &RunFilter) -> Result<Vec<StoredRun>> {
    let mut conditions = vec!["TRUE"];
    let mut values: Vec<&dyn ToSql> = Vec::new();
    let source = filter.source.as_ref().map(SourceName::as_str);
    let before = filter.before.as_ref().map(RunId::as_str);
    let state = filter.state.map(RunState::as_str);
    let (table, id) = match &source {
        Some(name) => {
            conditions.push("source = ?");
            values.push(name);
            ("run_source CROSS JOIN run ON run.id = run_source.run", "run_source.run")
        }
        None => ("run", "run.id"),
    };
    if let Some(state) = &state {
        // Those that were interrupted are stored as running until somebody has marked them.
        let interrupted = *state == RunState::Interrupted.as_str();
        conditions.push(if interrupted { "state IN (?, 'running')" } else { "state = ?" });
        values.push(state);
    }
    let earlier = format!("{id} < ?");
    if let Some(before) = &before {
        conditions.push(&earlier);
        values.push(before);
    }
    let select = if filter.reports { Reports::Read.select() } else { Reports::Skip.select() };
    let sql = format!("{select} FROM {table} WHERE {} ORDER BY {id} DESC", conditions.join(" AND "));
    let wanted = |run: &StoredRun| filter.state.is_none_or(|state| run.state == state);
    collect(db, path, &sql, &values, filter.limit, wanted)
}

fn ended_of(
    db: &Connection,
    path: &Path,
    source: &SourceName,
    n: usize,
    reports: Reports,
) -> Result<Vec<StoredRun>> {
    let sql = format!(
        "{} FROM run_source CROSS JOIN run ON run.id = run_source.run
         WHERE source = ? AND state NOT IN ('queued', 'running', 'interrupted') AND pid IS NOT NULL
         ORDER BY run_source.run DESC",
        reports.select()
    );
    collect(db, path, &sql, &[&source.as_str()], n, |_| true)
}

/// The run with this id or prefix, with its report.
pub(crate) fn find(db: &Connection, path: &Path, id: &str) -> Result<StoredRun> {
    let select = Reports::Read.select();
    let mut found = collect(db, path, &format!("{select} FROM run WHERE id = ?"), &[&id], 1, |_| true)?;
    // Ids are letters and digits; anything else cannot match, and must not be a wildcard.
    let clean: String = id.chars().filter(char::is_ascii_alphanumeric).collect();
    if found.is_empty() && !clean.is_empty() {
        let range = "FROM run WHERE id >= ?1 AND id < ?1 || '~'";
        let count: i64 = db
            .query_row(&format!("SELECT count(*) {range}"), [&clean], |row| row.get(0))
            .map_err(|e| of_sqlite(path, e))?;
        if count > 1 {
            return Err(Error::not_found(format!("{count} runs begin with {id}")));
        }
        found = collect(db, path, &format!("{select} {range}"), &[&clean], 1, |_| true)?;
    }
    found
        .pop()
        .ok_or_else(|| Error::not_found(format!("there is no run {id}")).hint("`busta runs list` shows them"))
}

fn report_of(db: &Connection, path: &Path, id: &RunId) -> Result<Option<RunReport>> {
    let failed = |e| of_sqlite(path, e);
    let mut query = db.prepare_cached("SELECT report FROM run_report WHERE run = ?1").map_err(failed)?;
    let text: Option<String> = query.query_row([id.as_str()], |row| row.get(0)).optional().map_err(failed)?;
    text.map(|text| parse_report(id, &text)).transpose()
}
