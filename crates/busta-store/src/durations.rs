//! How long splits took in earlier runs: what "longest expected first" is decided by.

use std::collections::HashMap;
use std::time::Duration;

use busta_core::{Result, SourceName, StreamName};
use rusqlite::params;

use crate::schema::of_sqlite;
use crate::state::StateStore;

/// How much the newest run counts against all before it: recent enough to follow a source that has
/// become slower, old enough not to follow one bad day.
const NEWEST: f64 = 0.3;

/// Mean durations of splits by source and stream.
pub type MeanDurations = HashMap<SourceName, HashMap<StreamName, Duration>>;

impl StateStore {
    /// The mean durations of all earlier runs (an exponentially weighted moving average).
    pub async fn durations(&self) -> Result<MeanDurations> {
        self.read(|db, path| {
            let sql = |e| of_sqlite(path, e);
            let mut query = db.prepare("SELECT source, stream, seconds FROM split_duration").map_err(sql)?;
            let mut rows = query.query([]).map_err(sql)?;
            let mut means = MeanDurations::new();
            while let Some(row) = rows.next().map_err(sql)? {
                let source: String = row.get(0).map_err(sql)?;
                let stream: String = row.get(1).map_err(sql)?;
                let seconds: f64 = row.get(2).map_err(sql)?;
                if let Ok(mean) = Duration::try_from_secs_f64(seconds) {
                    means.entry(source.into()).or_default().insert(stream.into(), mean);
                }
            }
            Ok(means)
        })
        .await
    }

    /// Adds the mean durations of one run.
    pub async fn learn(&self, means: MeanDurations) -> Result<()> {
        self.write(move |db, path| {
            let sql = |e| of_sqlite(path, e);
            let mut upsert = db
                .prepare(
                    "INSERT INTO split_duration (source, stream, seconds) VALUES (?1, ?2, ?3)
                     ON CONFLICT DO UPDATE SET seconds = seconds + (excluded.seconds - seconds) * ?4",
                )
                .map_err(sql)?;
            for (source, streams) in &means {
                for (stream, mean) in streams {
                    upsert
                        .execute(params![source.as_str(), stream.as_str(), mean.as_secs_f64(), NEWEST])
                        .map_err(sql)?;
                }
            }
            Ok(())
        })
        .await
    }
}
