//! Forgetting old runs and events, a small batch at a time.
//!
//! Each call is one short transaction; whoever calls again as long as something was deleted lets other
//! writers through in between. The file does not shrink: what was freed is used again.

use busta_core::{Result, RunId};
use chrono::{DateTime, Utc};
use rusqlite::params;

use crate::lease::RunLease;
use crate::row::integer;
use crate::runs::LATER;
use crate::schema::of_sqlite;
use crate::state::{Durability, StateStore};

/// Which events are too old, too many, or both.
#[derive(Clone, Copy, Debug, Default)]
pub struct EventsKept {
    /// Those that happened earlier go.
    pub since: Option<DateTime<Utc>>,
    /// Those whose id is so far behind the newest go. Where ids follow one another, this is how many
    /// are kept; where they do not, fewer.
    pub newest: Option<u64>,
}

impl StateStore {
    /// Deletes at most `batch` runs that ended before `before`, the oldest first, and says how many.
    ///
    /// Kept are the newest `keep_at_least` runs, those that wait or are under way, and those that could
    /// still be resumed: unfinished ones that no later run of one of their sources has superseded.
    pub async fn prune_runs(
        &self,
        before: DateTime<Utc>,
        keep_at_least: usize,
        batch: usize,
    ) -> Result<usize> {
        self.write(move |db, path| {
            let failed = |e| of_sqlite(path, e);
            let sql = format!(
                "SELECT id FROM run WHERE id < ?1 AND coalesce(finished_at, started_at) < ?2
                   AND id <= (SELECT id FROM run ORDER BY id DESC LIMIT 1 OFFSET ?3)
                   AND state NOT IN ('queued', 'running')
                   AND (state IN ('completed', 'abandoned') OR EXISTS (
                        SELECT 1 FROM run_source AS mine
                        CROSS JOIN run_source AS theirs ON theirs.source = mine.source
                        CROSS JOIN run AS later ON later.id = theirs.run
                        WHERE mine.run = run.id AND {LATER}))
                 ORDER BY id LIMIT ?4"
            );
            // An id says when it was made, so the search need not look beyond `before`.
            let bound = RunId::new(before, 0);
            let values = params![
                bound.as_str(),
                before.to_rfc3339(),
                integer(keep_at_least as u64),
                integer(batch as u64)
            ];
            let mut query = db.prepare_cached(&sql).map_err(failed)?;
            let rows = query.query_map(values, |row| row.get::<_, String>(0)).map_err(failed)?;
            let old: Vec<String> = rows.collect::<rusqlite::Result<_>>().map_err(failed)?;
            for id in &old {
                for sql in [
                    "DELETE FROM run WHERE id = ?1",
                    "DELETE FROM run_source WHERE run = ?1",
                    "DELETE FROM run_report WHERE run = ?1",
                ] {
                    db.prepare_cached(sql).and_then(|mut delete| delete.execute([id])).map_err(failed)?;
                }
                RunLease::sweep(path, &RunId::from(id.as_str()));
            }
            Ok(old.len())
        })
        .await
    }

    /// Deletes at most `batch` events that need not be kept, the oldest first, and says how many.
    pub async fn prune_events(&self, kept: EventsKept, batch: usize) -> Result<usize> {
        self.write_with(Durability::Relaxed, move |db, path| {
            let since = kept.since.map_or(i64::MIN, |at| at.timestamp_micros());
            let newest = kept.newest.map_or(i64::MAX, integer);
            // Only the oldest are looked at, for events lie in the order of their time.
            db.prepare_cached(
                "DELETE FROM event WHERE (at < ?1 OR id <= (SELECT max(id) FROM event) - ?2)
                   AND id IN (SELECT id FROM event ORDER BY id LIMIT ?3)",
            )
            .and_then(|mut delete| delete.execute(params![since, newest, integer(batch as u64)]))
            .map_err(|e| of_sqlite(path, e))
        })
        .await
    }
}
