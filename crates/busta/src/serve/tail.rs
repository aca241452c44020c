//! The tail of the activity feed, written to the state store.
//!
//! The feed never waits for the disk: events are taken from its ring in batches, a few times a second. A
//! process that is killed loses those of the last moment from the history, and nothing else.

use std::sync::Arc;
use std::time::Duration;

use busta_server::Activity;
use busta_store::{StateStore, StoredEvent};
use tokio_util::sync::CancellationToken;

/// How long events may wait.
const EVERY: Duration = Duration::from_millis(250);

/// So many are written at once.
const BATCH: usize = 2000;

/// Writes the events behind `after` until `stop`, and then what is left.
pub async fn keep(activity: Arc<Activity>, store: StateStore, mut after: u64, stop: CancellationToken) {
    loop {
        let stopped = tokio::select! {
            () = stop.cancelled() => true,
            () = tokio::time::sleep(EVERY) => false,
        };
        while let Some(last) = write(&activity, &store, after).await {
            after = last;
        }
        if stopped {
            return;
        }
    }
}

/// Writes the next batch; gives the id of its last event.
async fn write(activity: &Activity, store: &StateStore, after: u64) -> Option<u64> {
    let events = activity.since(after, BATCH).events;
    let last = events.last()?.id();
    let rows = events.iter().map(|stored| {
        let event = stored.event();
        StoredEvent {
            id: stored.id(),
            at: event.at,
            run: event.run.clone(),
            worker: event.worker_id,
            action: event.action.as_str().to_owned(),
            source: event.source.clone(),
            phase: event.phase.clone(),
            body: stored.json(),
        }
    });
    if let Err(error) = store.append_events(rows.collect()).await {
        // They are lost from the history; to wait for a full disk would lose the newer ones from the ring.
        tracing::warn!(error = %error, count = events.len(), "events cannot be written to the history");
    }
    Some(last)
}
