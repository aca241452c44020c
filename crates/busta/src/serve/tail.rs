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

/// Writes events until `stop`, and then what is left.
pub async fn keep(activity: Arc<Activity>, store: StateStore, stop: CancellationToken) {
    let mut after = activity.newest_id();
    loop {
        let stopped = tokio::select! {
            () = stop.cancelled() => true,
            () = tokio::time::sleep(EVERY) => false,
        };
        loop {
            let events = activity.since(after, BATCH);
            let Some(last) = events.last().map(|event| event.id) else { break };
            let rows = events.iter().map(|event| StoredEvent {
                id: event.id,
                at: event.at,
                run: event.run.clone(),
                worker: event.worker_id,
                action: event.action.as_str().to_owned(),
                source: event.source.clone(),
                body: event.json.to_string(),
            });
            if let Err(error) = store.append_events(rows.collect()).await {
                tracing::warn!(error = %error, "events cannot be written to the history");
                // A full disk must not make the ring's events pile up; they are lost from the history.
            }
            after = last;
        }
        if stopped {
            return;
        }
    }
}
