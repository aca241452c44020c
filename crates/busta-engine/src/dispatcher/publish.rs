//! What others see of a run: snapshots, events, the outcome.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use busta_core::event::{Action, Event, subject_shown};
use busta_core::report::Status;
use busta_core::{Pool, failpoint};
use tokio::time::Instant;

use super::{Dispatcher, SNAPSHOT_EVERY};
use crate::ledger::{Ledger, Phase};
use crate::places::Places;
use crate::progress::{PoolProgress, Snapshot, SourceProgress, WorkerAction, WorkerProgress};
use crate::queue::Queue;
use crate::report::{self, RunOutcome};
use crate::slot::Work;
use crate::worker::WorkerCell;

impl Dispatcher {
    pub(super) fn publish(&mut self, last: bool) {
        let now = Instant::now();
        if !last && now < self.snapshot_at + SNAPSHOT_EVERY {
            return;
        }
        self.snapshot_at = now;
        let counts = self.ledgers.iter().map(|ledger| (ledger.records, ledger.bytes())).collect();
        let speeds = self.speeds.update(now, counts);
        let sources: Vec<SourceProgress> =
            self.ledgers.iter().zip(&speeds).map(|(ledger, speed)| ledger.progress(*speed)).collect();
        let snapshot = Snapshot {
            run: self.run.clone(),
            elapsed: now - self.began,
            eta: self.eta(now, &sources),
            sources,
            in_flight: self.slot_of.len(),
            workers: self.workers_now(),
            pools: pools(&self.places, &self.queue),
            records_per_s: speeds.iter().map(|speed| speed.0).sum(),
            bytes_per_s: speeds.iter().map(|speed| speed.1).sum(),
            queued: self.queue.len() + self.parked.len(),
            stopping: self.stop.is_cancelled(),
            held_back: self.hosts.held_back(),
        };
        self.snapshot.send_replace(Arc::new(snapshot));
    }

    /// What each worker does now.
    fn workers_now(&self) -> Vec<WorkerProgress> {
        let free = self.places.free();
        let mut workers: Vec<WorkerProgress> = (1..)
            .zip(&self.workers)
            .map(|(worker, (cell, splits_done))| {
                let is_free = free.contains(&worker);
                // One that is taken without a split of its own is a spare one of a large object's reader.
                let action = if is_free { WorkerAction::Idle } else { WorkerAction::Fetching };
                let (_, _, records_done) = cell.counts();
                let splits_done = *splits_done;
                WorkerProgress { splits_done, records_done, ..WorkerProgress::without_split(worker, action) }
            })
            .collect();
        for slot in self.slot_of.values() {
            let Some(worker) = workers.get_mut(slot.worker as usize - 1) else { continue };
            let cell = self.cell_of(slot.worker);
            (worker.batches, worker.records, _) = cell.counts();
            worker.action = cell.action();
            let source = &self.ledgers[slot.lane.source].shared.name;
            worker.source = Some(source.clone());
            worker.phase = self.feed.phase(source, &slot.split.stream);
            worker.subject = subject_shown(&slot.split);
            worker.stream = Some(slot.split.stream.clone());
            worker.split = Some(slot.split.id.clone());
            worker.since = Some(slot.began);
            worker.attempt = slot.attempt;
        }
        workers
    }

    /// Where a worker writes what it does.
    pub(super) fn cell_of(&self, worker: u32) -> Arc<WorkerCell> {
        self.workers.get(worker as usize - 1).map(|(cell, _)| cell.clone()).unwrap_or_default()
    }

    pub(super) fn split_done_by(&mut self, worker: u32) {
        if let Some((_, splits_done)) = self.workers.get_mut(worker as usize - 1) {
            *splits_done += 1;
        }
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
        let requests = self.ledgers.iter().filter_map(Ledger::learnt).collect();
        RunOutcome { report, split_durations, requests }
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

/// How full the pools are, and how many splits of `queue` wait for a place of each.
pub(super) fn pools(places: &Places, queue: &Queue<Work>) -> Vec<PoolProgress> {
    let mut waiting: HashMap<Pool, usize> = HashMap::new();
    for (lane, count) in queue.waiting() {
        if let Some(pool) = places.pool_of(lane.source) {
            *waiting.entry(pool).or_default() += count;
        }
    }
    places
        .pools()
        .into_iter()
        .map(|(name, (places, taken))| PoolProgress {
            waiting: waiting.get(&name).copied().unwrap_or(0),
            name,
            places,
            taken,
        })
        .collect()
}
