//! Progress where there is no terminal: a line every few seconds.

use std::sync::Arc;
use std::time::Duration;

use busta_core::report::Status;
use busta_engine::Snapshot;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, interval_at};

use crate::figures;
use crate::output::note;

/// Often enough to see that it lives, seldom enough for a log that is kept.
const EVERY: Duration = Duration::from_secs(5);

pub async fn show(snapshots: watch::Receiver<Arc<Snapshot>>, mut ended: oneshot::Receiver<()>) {
    let mut ticks = interval_at(Instant::now() + EVERY, EVERY);
    loop {
        tokio::select! {
            _ = &mut ended => return,
            _ = ticks.tick() => {
                let snapshot = snapshots.borrow().clone();
                note(&line(&snapshot));
            }
        }
    }
}

/// The run in one line.
pub fn line(snapshot: &Snapshot) -> String {
    let over = |status| !matches!(status, Status::Queued | Status::Running);
    let done = snapshot.sources.iter().filter(|source| over(source.status)).count();
    let seconds = snapshot.elapsed.as_secs_f64().max(0.001);
    let mut text = format!(
        "{} of {} done, {} records ({}/s), {} read, {} in flight, {} waiting",
        done,
        figures::of(snapshot.sources.len() as u64, "source"),
        figures::count(snapshot.records()),
        figures::count((snapshot.records() as f64 / seconds) as u64),
        figures::bytes(snapshot.bytes()),
        snapshot.in_flight,
        snapshot.queued,
    );
    let retries: u64 = snapshot.sources.iter().map(|source| source.retries).sum();
    if retries > 0 {
        text.push_str(&format!(", {}", figures::retries(retries)));
    }
    let failures: u64 = snapshot.sources.iter().map(|source| source.failures).sum();
    if failures > 0 {
        text.push_str(&format!(", {}", figures::of(failures, "failure")));
    }
    if let Some(eta) = snapshot.eta {
        text.push_str(&format!(", about {} left", figures::duration(eta)));
    }
    if snapshot.stopping {
        text.push_str(", stopping");
    }
    text
}
