//! How many requests sources send: of a day, which has a limit, and of a run, for the next one's estimate.

use busta_core::{Result, SourceName, StreamName};
use chrono::{Days, NaiveDate};
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::row::integer;
use crate::schema::of_sqlite;
use crate::state::StateStore;

/// Days that have passed are kept so long.
const KEPT_DAYS: u64 = 31;

/// What the splits of one stream took in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestsOfStream {
    /// The source.
    pub source: SourceName,
    /// Whether the run went on from where another had ended.
    pub onward: bool,
    /// The stream.
    pub stream: StreamName,
    /// Requests of all its splits.
    pub requests: u64,
    /// How many splits were read.
    pub splits: u64,
    /// How many of them planning had named.
    pub planned: u64,
}

impl StateStore {
    /// Counts up to `wanted` more requests of `source` on `day`, so that they are no more than `most` in all,
    /// whichever process counts them. Gives how many were counted; they are durable.
    pub async fn take_requests(
        &self,
        source: &SourceName,
        day: NaiveDate,
        wanted: u64,
        most: u64,
    ) -> Result<u64> {
        let source = source.clone();
        self.write(move |db, path| {
            let failed = |e| of_sqlite(path, e);
            let day_text = day.to_string();
            let sent = sent(db, &source, &day_text).map_err(failed)?;
            let granted = wanted.min(most.saturating_sub(sent));
            if granted == 0 {
                return Ok(0);
            }
            db.execute(
                "INSERT INTO request_day (source, day, requests) VALUES (?1, ?2, ?3)
                 ON CONFLICT DO UPDATE SET requests = requests + excluded.requests",
                params![source.as_str(), day_text, integer(granted)],
            )
            .map_err(failed)?;
            if let Some(old) = day.checked_sub_days(Days::new(KEPT_DAYS)) {
                db.execute(
                    "DELETE FROM request_day WHERE source = ?1 AND day < ?2",
                    [source.as_str(), &old.to_string()],
                )
                .map_err(failed)?;
            }
            Ok(granted)
        })
        .await
    }

    /// Takes back requests that were counted and not sent.
    pub async fn give_back_requests(&self, source: &SourceName, day: NaiveDate, count: u64) -> Result<()> {
        let source = source.clone();
        self.write(move |db, path| {
            db.execute(
                "UPDATE request_day SET requests = max(0, requests - ?3) WHERE source = ?1 AND day = ?2",
                params![source.as_str(), day.to_string(), integer(count)],
            )
            .map_err(|e| of_sqlite(path, e))?;
            Ok(())
        })
        .await
    }

    /// How many requests of `source` are counted on `day`: those that were sent, and those that a process
    /// may send without asking again, or was killed with.
    pub async fn requests_of_day(&self, source: &SourceName, day: NaiveDate) -> Result<u64> {
        let source = source.clone();
        self.read(move |db, path| sent(db, &source, &day.to_string()).map_err(|e| of_sqlite(path, e))).await
    }

    /// What the last complete runs of all sources took.
    pub async fn requests(&self) -> Result<Vec<RequestsOfStream>> {
        self.read(|db, path| all(db).map_err(|e| of_sqlite(path, e))).await
    }

    /// Remembers what a complete run of a source took, in place of the last one that began as it did.
    pub async fn learn_requests(&self, streams: Vec<RequestsOfStream>) -> Result<()> {
        self.write(move |db, path| learn(db, &streams).map_err(|e| of_sqlite(path, e))).await
    }
}

fn sent(db: &Connection, source: &SourceName, day: &str) -> rusqlite::Result<u64> {
    let mut query = db.prepare_cached("SELECT requests FROM request_day WHERE source = ?1 AND day = ?2")?;
    let sent: Option<i64> = query.query_row([source.as_str(), day], |row| row.get(0)).optional()?;
    Ok(sent.and_then(|sent| u64::try_from(sent).ok()).unwrap_or(0))
}

fn all(db: &Connection) -> rusqlite::Result<Vec<RequestsOfStream>> {
    let mut query =
        db.prepare("SELECT source, onward, stream, requests, splits, planned FROM stream_requests")?;
    let count = |number: i64| u64::try_from(number).unwrap_or(0);
    let rows = query.query_map([], |row| {
        Ok(RequestsOfStream {
            source: row.get::<_, String>(0)?.into(),
            onward: row.get(1)?,
            stream: row.get::<_, String>(2)?.into(),
            requests: count(row.get(3)?),
            splits: count(row.get(4)?),
            planned: count(row.get(5)?),
        })
    })?;
    rows.collect()
}

fn learn(db: &Connection, streams: &[RequestsOfStream]) -> rusqlite::Result<()> {
    let mut forget = db.prepare("DELETE FROM stream_requests WHERE source = ?1 AND onward = ?2")?;
    let mut insert = db.prepare("INSERT INTO stream_requests VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
    for of in streams {
        forget.execute(params![of.source.as_str(), of.onward])?;
    }
    for of in streams {
        let [requests, splits, planned] = [of.requests, of.splits, of.planned].map(integer);
        insert.execute(params![
            of.source.as_str(),
            of.onward,
            of.stream.as_str(),
            requests,
            splits,
            planned
        ])?;
    }
    Ok(())
}
