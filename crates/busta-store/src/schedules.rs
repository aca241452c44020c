//! What schedules must remember over restarts.

use std::collections::BTreeMap;

use busta_core::{Result, RunId, SourceName};
use chrono::{DateTime, Utc};
use rusqlite::{Row, params};

use crate::row::parse_time;
use crate::schema::of_sqlite;
use crate::state::StateStore;

/// How the schedule of one source stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleState {
    /// When a schedule of this source was seen first, or was resumed last. What was due before has not
    /// been missed.
    pub since: DateTime<Utc>,
    /// The last time that it was due and was heeded.
    pub last_due_at: Option<DateTime<Utc>>,
    /// Since when it is paused, if it is.
    pub paused_at: Option<DateTime<Utc>>,
    /// Why, if it was not somebody who has paused it.
    pub failing: Option<FailurePause>,
}

/// That a source was paused by itself, after too many failures in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailurePause {
    /// In words, without secrets.
    pub reason: String,
    /// The run that it failed in.
    pub run: RunId,
    /// How often it was looked since whether it answers again.
    pub probes: u32,
    /// When it was looked last.
    pub probed_at: Option<DateTime<Utc>>,
}

impl ScheduleState {
    /// Whether it is paused, by somebody or by itself.
    pub fn is_paused(&self) -> bool {
        self.paused_at.is_some()
    }
}

impl StateStore {
    /// All that is known, also of sources that are no longer configured.
    pub async fn schedules(&self) -> Result<BTreeMap<SourceName, ScheduleState>> {
        self.read(|db, path| {
            let failed = |e| of_sqlite(path, e);
            let mut query = db
                .prepare(
                    "SELECT source, since, last_due_at, paused_at, pause_reason, pause_run, probes, probed_at
                     FROM schedule",
                )
                .map_err(failed)?;
            let mut rows = query.query([]).map_err(failed)?;
            let mut schedules = BTreeMap::new();
            while let Some(row) = rows.next().map_err(failed)? {
                let name: String = row.get(0).map_err(failed)?;
                schedules.insert(SourceName::from(name), Texts::of(row).map_err(failed)?.parsed()?);
            }
            Ok(schedules)
        })
        .await
    }

    /// Remembers of those sources that are new when they were seen first.
    pub async fn note_seen(&self, sources: Vec<SourceName>, at: DateTime<Utc>) -> Result<()> {
        self.write(move |db, path| {
            let failed = |e| of_sqlite(path, e);
            let mut insert = db
                .prepare("INSERT OR IGNORE INTO schedule (source, since) VALUES (?1, ?2)")
                .map_err(failed)?;
            for source in &sources {
                insert.execute(params![source.as_str(), at.to_rfc3339()]).map_err(failed)?;
            }
            Ok(())
        })
        .await
    }

    /// Pauses a source's schedule, or lets it go on. Once it is paused, pausing it again changes nothing but
    /// that one which was paused by itself is paused until somebody lets it go on.
    pub async fn set_paused(&self, source: &SourceName, paused: bool, at: DateTime<Utc>) -> Result<()> {
        let source = source.clone();
        self.write(move |db, path| {
            db.execute(
                "INSERT INTO schedule (source, since, paused_at) VALUES (?1, ?2, iif(?3, ?2, NULL))
                 ON CONFLICT DO UPDATE SET
                    since = iif(?3, since, ?2), paused_at = iif(?3, coalesce(paused_at, ?2), NULL),
                    pause_reason = NULL, pause_run = NULL, probes = 0, probed_at = NULL",
                params![source.as_str(), at.to_rfc3339(), paused],
            )
            .map_err(|e| of_sqlite(path, e))?;
            Ok(())
        })
        .await
    }

    /// Pauses a source that has failed too often in `run`. One that somebody has paused stays so.
    pub async fn pause_failing(
        &self,
        source: &SourceName,
        run: &RunId,
        reason: &str,
        at: DateTime<Utc>,
    ) -> Result<()> {
        let (source, run, reason) = (source.clone(), run.clone(), reason.to_owned());
        self.write(move |db, path| {
            db.execute(
                "INSERT INTO schedule (source, since, paused_at, pause_reason, pause_run)
                 VALUES (?1, ?2, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET
                    paused_at = ?2, pause_reason = ?3, pause_run = ?4, probes = 0, probed_at = NULL
                    WHERE paused_at IS NULL OR pause_reason IS NOT NULL",
                params![source.as_str(), at.to_rfc3339(), reason, run.as_str()],
            )
            .map_err(|e| of_sqlite(path, e))?;
            Ok(())
        })
        .await
    }

    /// Lets a source go on that was paused by itself, since it answers again. `false` if it was not.
    pub async fn resume_failing(&self, source: &SourceName, at: DateTime<Utc>) -> Result<bool> {
        let source = source.clone();
        self.write(move |db, path| {
            let changed = db
                .execute(
                    "UPDATE schedule SET since = ?2, paused_at = NULL, pause_reason = NULL, pause_run = NULL,
                        probes = 0, probed_at = NULL
                     WHERE source = ?1 AND pause_reason IS NOT NULL",
                    params![source.as_str(), at.to_rfc3339()],
                )
                .map_err(|e| of_sqlite(path, e))?;
            Ok(changed > 0)
        })
        .await
    }

    /// Remembers that a source which was paused by itself did not answer at `at`.
    pub async fn note_probe(&self, source: &SourceName, at: DateTime<Utc>) -> Result<()> {
        let source = source.clone();
        self.write(move |db, path| {
            db.execute(
                "UPDATE schedule SET probes = probes + 1, probed_at = ?2
                 WHERE source = ?1 AND pause_reason IS NOT NULL",
                params![source.as_str(), at.to_rfc3339()],
            )
            .map_err(|e| of_sqlite(path, e))?;
            Ok(())
        })
        .await
    }

    /// Remembers that a source was due at `at`. Written before its run begins: a crash between the two
    /// loses that run until the next time, instead of running it twice.
    pub async fn note_due(&self, source: &SourceName, at: DateTime<Utc>) -> Result<()> {
        let source = source.clone();
        self.write(move |db, path| {
            db.execute(
                "INSERT INTO schedule (source, since, last_due_at) VALUES (?1, ?2, ?2)
                 ON CONFLICT DO UPDATE SET last_due_at = ?2",
                params![source.as_str(), at.to_rfc3339()],
            )
            .map_err(|e| of_sqlite(path, e))?;
            Ok(())
        })
        .await
    }
}

/// A row as it is stored.
struct Texts {
    since: String,
    last_due_at: Option<String>,
    paused_at: Option<String>,
    reason: Option<String>,
    run: Option<String>,
    probes: u32,
    probed_at: Option<String>,
}

impl Texts {
    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            since: row.get(1)?,
            last_due_at: row.get(2)?,
            paused_at: row.get(3)?,
            reason: row.get(4)?,
            run: row.get(5)?,
            probes: row.get(6)?,
            probed_at: row.get(7)?,
        })
    }

    fn parsed(self) -> Result<ScheduleState> {
        let probed_at = self.probed_at.map(parse_time).transpose()?;
        let failing = self.reason.zip(self.run).map(|(reason, run)| FailurePause {
            reason,
            run: run.into(),
            probes: self.probes,
            probed_at,
        });
        Ok(ScheduleState {
            since: parse_time(self.since)?,
            last_due_at: self.last_due_at.map(parse_time).transpose()?,
            paused_at: self.paused_at.map(parse_time).transpose()?,
            failing,
        })
    }
}
