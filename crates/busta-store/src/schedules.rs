//! What schedules must remember over restarts.

use std::collections::BTreeMap;

use busta_core::{Result, SourceName};
use chrono::{DateTime, Utc};
use rusqlite::params;

use crate::row::parse_time;
use crate::schema::of_sqlite;
use crate::state::StateStore;

/// How the schedule of one source stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScheduleState {
    /// When a schedule of this source was seen first, or was resumed last. What was due before has not
    /// been missed.
    pub since: DateTime<Utc>,
    /// The last time that it was due and was heeded.
    pub last_due_at: Option<DateTime<Utc>>,
    /// Since when it is paused, if it is.
    pub paused_at: Option<DateTime<Utc>>,
}

impl ScheduleState {
    /// Whether somebody has paused it.
    pub fn is_paused(&self) -> bool {
        self.paused_at.is_some()
    }
}

impl StateStore {
    /// All that is known, also of sources that are no longer configured.
    pub async fn schedules(&self) -> Result<BTreeMap<SourceName, ScheduleState>> {
        self.read(|db, path| {
            let failed = |e| of_sqlite(path, e);
            let mut query =
                db.prepare("SELECT source, since, last_due_at, paused_at FROM schedule").map_err(failed)?;
            let mut rows = query.query([]).map_err(failed)?;
            let mut schedules = BTreeMap::new();
            while let Some(row) = rows.next().map_err(failed)? {
                let time = |column| row.get::<_, Option<String>>(column).map_err(failed);
                let state = ScheduleState {
                    since: parse_time(row.get(1).map_err(failed)?)?,
                    last_due_at: time(2)?.map(parse_time).transpose()?,
                    paused_at: time(3)?.map(parse_time).transpose()?,
                };
                schedules.insert(SourceName::from(row.get::<_, String>(0).map_err(failed)?), state);
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

    /// Pauses a source's schedule, or lets it go on. Once it is paused, pausing it again changes nothing.
    pub async fn set_paused(&self, source: &SourceName, paused: bool, at: DateTime<Utc>) -> Result<()> {
        let source = source.clone();
        self.write(move |db, path| {
            db.execute(
                "INSERT INTO schedule (source, since, paused_at) VALUES (?1, ?2, iif(?3, ?2, NULL))
                 ON CONFLICT DO UPDATE SET
                    since = iif(?3, since, ?2), paused_at = iif(?3, coalesce(paused_at, ?2), NULL)",
                params![source.as_str(), at.to_rfc3339(), paused],
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
