//! Retention: old records, runs and events are deleted a little at a time.

use std::sync::Arc;
use std::time::Duration;

use busta_core::destination::Purge;
use busta_core::units::Span;
use busta_core::{ErrorKind, Result};
use busta_store::EventsKept;
use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;

use super::service::Serving;
use crate::config::BuiltSource;

/// When it begins after the start at the latest: the start itself has enough to do.
const FIRST: Duration = Duration::from_secs(60);

/// So many rows, runs and events go in one step.
const ROWS: usize = 2000;
const RUNS: usize = 100;
const EVENTS: usize = 2000;

/// Between two steps others have their turn.
const BREATH: Duration = Duration::from_millis(20);

/// Cleans now and then, until `stop`.
pub async fn run(serving: Arc<Serving>, stop: CancellationToken) {
    let every = serving.wired.config.retention.every.0;
    let mut wait = FIRST.min(every);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = clean(&serving) => {}
        }
        wait = every;
    }
}

/// All of it once. What fails is tried again the next time.
async fn clean(serving: &Serving) {
    for source in &serving.wired.config.sources {
        if let Some(kept) = source.retention.records {
            told("records", source.name.as_str(), records(serving, source, kept).await);
        }
    }
    told("runs", "", runs(serving).await);
    told("events", "", events(serving).await);
}

fn told(what: &str, source: &str, result: Result<u64>) {
    match result {
        Ok(0) => {}
        Ok(count) => tracing::info!(source, count, "old {what} deleted"),
        Err(error) => tracing::warn!(source, error = %error, "old {what} cannot be deleted"),
    }
}

async fn records(serving: &Serving, source: &BuiltSource, kept: Span) -> Result<u64> {
    let Some(older_than) = before(serving.clock.now(), kept) else { return Ok(0) };
    let destination = &serving.wired.config.destinations[source.destination].destination;
    let mut purge = Purge { source: source.name.clone(), older_than, batch: ROWS, after: None };
    let mut rows = 0;
    loop {
        let purged = match destination.purge(&purge).await {
            // There is nothing yet.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(rows),
            other => other?,
        };
        rows += purged.rows;
        let Some(next) = purged.next else { return Ok(rows) };
        purge.after = Some(next);
        tokio::time::sleep(BREATH).await;
    }
}

async fn runs(serving: &Serving) -> Result<u64> {
    let kept = serving.wired.config.retention;
    let Some(older_than) = before(serving.clock.now(), kept.runs) else { return Ok(0) };
    let mut count = 0;
    loop {
        let gone = serving.store.prune_runs(older_than, kept.keep_runs, RUNS).await?;
        count += gone as u64;
        if gone == 0 {
            return Ok(count);
        }
        tokio::time::sleep(BREATH).await;
    }
}

async fn events(serving: &Serving) -> Result<u64> {
    let kept = serving.wired.config.retention;
    let since = before(serving.clock.now(), kept.events);
    let mut count = 0;
    loop {
        let kept = EventsKept { since, newest: Some(kept.max_events) };
        let gone = serving.store.prune_events(kept, EVENTS).await?;
        count += gone as u64;
        if gone == 0 {
            return Ok(count);
        }
        tokio::time::sleep(BREATH).await;
    }
}

fn before(now: DateTime<Utc>, kept: Span) -> Option<DateTime<Utc>> {
    now.checked_sub_signed(TimeDelta::from_std(kept.0).ok()?)
}
