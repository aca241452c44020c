//! What others see of a run: snapshots, events, the outcome.

use std::sync::Arc;
use std::time::Duration;

use busta_core::event::{Action, Event};
use busta_core::failpoint;
use busta_core::report::Status;
use tokio::time::Instant;

use super::{Dispatcher, SNAPSHOT_EVERY};
use crate::ledger::{Ledger, Phase};
use crate::progress::{Snapshot, SourceProgress};
use crate::report::{self, RunOutcome};

impl Dispatcher {
    pub(super) fn publish(&mut self, last: bool) {
        let now = Instant::now();
        if !last && now < self.snapshot_at + SNAPSHOT_EVERY {
            return;
        }
        self.snapshot_at = now;
        let sources: Vec<SourceProgress> = self.ledgers.iter().map(Ledger::progress).collect();
        let snapshot = Snapshot {
            run: self.run.clone(),
            elapsed: now - self.began,
            eta: self.eta(now, &sources),
            sources,
            in_flight: self.slot_of.len(),
            queued: self.queue.len() + self.parked.len(),
            stopping: self.stop.is_cancelled(),
            held_back: self.hosts.held_back(),
        };
        self.snapshot.send_replace(Arc::new(snapshot));
    }

    /// What is left of the splits, at the rate so far; nothing while some source has not named its own.
    fn eta(&self, now: Instant, sources: &[SourceProgress]) -> Option<Duration> {
        if self.ledgers.iter().any(|ledger| matches!(ledger.phase, Phase::Waiting | Phase::Planning)) {
            return None;
        }
        let done: usize = sources.iter().map(|source| source.splits_done).sum();
        let known: usize = sources.iter().map(|source| source.splits_known).sum();
        let left = known.checked_sub(done)?;
        (done > 0).then(|| (now - self.began).mul_f64(left as f64 / done as f64))
    }

    pub(super) fn outcome(mut self) -> RunOutcome {
        failpoint::hit("engine.run.before_report");
        self.tell_news_of_hosts();
        self.publish(true);
        let sources = self.ledgers.iter().map(Ledger::report).collect();
        let hosts = self.hosts.report(&self.hosts_before);
        let report = report::total(
            self.run.clone(),
            self.began_at,
            self.clock.now(),
            self.began.elapsed(),
            sources,
            hosts,
        );
        let status = report.status;
        let records = report.records;
        self.emit(Action::Complete, None, |event| {
            event.count = Some(records);
            event.message = Some(status.as_str().to_owned());
        });
        let split_durations = self
            .ledgers
            .iter()
            .filter(|ledger| ledger.status() != Status::Failed)
            .flat_map(|ledger| {
                ledger.split_durations().map(|(stream, took)| (ledger.shared.name.clone(), stream, took))
            })
            .collect();
        RunOutcome { report, split_durations }
    }

    /// Tells what hosts were found to bear since the last time.
    pub(super) fn tell_news_of_hosts(&self) {
        for news in self.hosts.news() {
            self.emit(Action::Adapted, None, |event| event.message = Some(news));
        }
    }

    pub(super) fn emit(&self, action: Action, source: Option<usize>, fill: impl FnOnce(&mut Event)) {
        self.feed.emit(action, |event| {
            event.source = source.map(|index| self.ledgers[index].shared.name.clone());
            fill(event);
        });
    }
}
