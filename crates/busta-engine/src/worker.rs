//! What a worker does, as it tells itself: a few stores at each step, and nothing that waits.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use busta_core::event::{Action, Event};
use busta_core::{HostKey, Split, secret};
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

use crate::ahead::{Ahead, Early};
use crate::progress::WorkerAction;
use crate::slot::SourceShared;

tokio::task_local! {
    /// Who reads in this task, so that a source's meter knows whose request it sees.
    static ASKER: Asker;
}

/// Where one worker writes what it does, and the dispatcher reads it.
#[derive(Default)]
pub struct WorkerCell {
    action: AtomicU8,
    /// What is being done to the batch that is made ready, which may be beside the action.
    making: AtomicU8,
    /// Held while a batch is made ready.
    turn: Arc<tokio::sync::Mutex<()>>,
    batches: AtomicU64,
    records: AtomicU64,
    records_done: AtomicU64,
    /// Whether the budget has refused a request of the pull.
    refused: AtomicBool,
    /// Whether it has been told that the split is being read.
    told: AtomicBool,
    /// What was asked for last, as it was sent: to be shown only without its secrets.
    asked: Mutex<String>,
    /// Since when it waits for a batch.
    pulling: Mutex<Option<Instant>>,
}

impl WorkerCell {
    /// A split is taken up that has yielded so much before.
    pub fn begin(&self, batches: u64, records: u64) {
        self.batches.store(batches, Ordering::Relaxed);
        self.records.store(records, Ordering::Relaxed);
        self.told.store(false, Ordering::Relaxed);
        self.refused.store(false, Ordering::Relaxed);
        self.has_pulled();
        self.asked().clear();
        self.does(WorkerAction::Opening);
    }

    /// What the worker does from now on.
    pub fn does(&self, action: WorkerAction) {
        self.action.store(action as u8, Ordering::Relaxed);
    }

    /// What is being done from now on to the batch that is made ready.
    pub fn makes(&self, action: WorkerAction) {
        self.making.store(action as u8, Ordering::Relaxed);
    }

    /// What it does. Whoever only waits for a batch to be made ready does what is being done to that.
    pub fn action(&self) -> WorkerAction {
        let action = |number: &AtomicU8| WorkerAction::from_number(number.load(Ordering::Relaxed));
        match action(&self.action) {
            WorkerAction::Transforming => action(&self.making),
            other => other,
        }
    }

    /// Waits until none of the worker's batches is being made ready; while this is held, none other is.
    pub async fn turn(&self) -> OwnedMutexGuard<()> {
        self.turn.clone().lock_owned().await
    }

    /// A pull begins.
    pub fn pulls(&self) -> Instant {
        let now = Instant::now();
        *self.pulling() = Some(now);
        now
    }

    /// The pull is over.
    pub fn has_pulled(&self) {
        *self.pulling() = None;
    }

    /// How long the pull has lasted; zero between two of them.
    fn pulled_for(&self) -> Duration {
        self.pulling().map_or(Duration::ZERO, |since| since.elapsed())
    }

    fn pulling(&self) -> MutexGuard<'_, Option<Instant>> {
        self.pulling.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A batch of so many records has come.
    pub fn read(&self, records: u64) {
        self.batches.fetch_add(1, Ordering::Relaxed);
        self.records.fetch_add(records, Ordering::Relaxed);
        self.records_done.fetch_add(records, Ordering::Relaxed);
    }

    /// Batches and records of the split so far, and records of all splits.
    pub fn counts(&self) -> (u64, u64, u64) {
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (get(&self.batches), get(&self.records), get(&self.records_done))
    }

    /// Whether nobody has been told yet that the split is being read; from now on somebody has.
    pub fn is_news(&self) -> bool {
        !self.told.swap(true, Ordering::Relaxed)
    }

    /// Whether the source's budget has refused a request since the split was taken up: what the pull came to
    /// was made without an answer, and counts for nothing.
    pub fn was_refused(&self) -> bool {
        self.refused.load(Ordering::Relaxed)
    }

    /// What was asked for last, without secrets.
    pub fn url(&self) -> Option<String> {
        let asked = self.asked();
        (!asked.is_empty()).then(|| secret::shown_url(&asked))
    }

    fn asks(&self, url: &str) {
        let mut asked = self.asked();
        asked.clear();
        asked.push_str(url);
    }

    fn asked(&self) -> MutexGuard<'_, String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who reads which split.
#[derive(Clone)]
pub struct Asker {
    /// The source.
    pub shared: Arc<SourceShared>,
    /// The worker's number.
    pub worker: u32,
    /// The worker's cell.
    pub cell: Arc<WorkerCell>,
    /// The split.
    pub split: Arc<Split>,
    /// Which attempt it is, from 1.
    pub attempt: u32,
    /// What it has asked for ahead.
    pub ahead: Ahead,
}

impl Asker {
    /// Runs `reading` as this one's.
    pub async fn runs<T>(self, reading: impl Future<Output = T>) -> T {
        ASKER.scope(self, reading).await
    }

    /// Tells once that the split is being read, with what was asked for, if anything was.
    pub fn tell_fetching(&self) {
        if self.cell.is_news() {
            self.emit(Action::Fetching, |event| {
                event.attempt = (self.attempt > 1).then_some(self.attempt);
                event.url = self.cell.url();
            });
        }
    }

    /// What was asked for ahead, for the pull that begins.
    pub fn take_early(&self) -> Option<Early> {
        let early = self.ahead.take()?;
        self.cell.asks(&early.url);
        Some(early)
    }

    fn emit(&self, action: Action, fill: impl FnOnce(&mut Event)) {
        self.shared.feed.emit(action, |event| {
            event.worker_id = self.worker;
            self.shared.describe(event, &self.split);
            fill(event);
        });
    }
}

/// Whoever reads in this task is about to ask for `url`.
pub fn asking(url: &str) {
    // Nobody: what is asked for while planning belongs to no split.
    let _ = ASKER.try_with(|asker| {
        if !asker.ahead.asks(url) {
            asker.cell.asks(url);
            asker.tell_fetching();
        }
    });
}

/// Whether whoever reads in this task may ask `host` for its next page ahead, which may take `bytes`. `turn`
/// takes the host's turn, if nothing else stands against it.
pub fn ahead(host: &HostKey, bytes: usize, turn: impl FnOnce() -> bool) -> bool {
    // Nobody: a page that is asked for while planning, or as a trial, has none after it.
    ASKER.try_with(|asker| asker.ahead.begin(&asker.shared, &asker.split, host, bytes, turn)).unwrap_or(false)
}

/// How long whoever reads in this task has waited for an answer that took `latency`: no longer than the pull
/// lasts, as what was sent ahead has kept nobody waiting before.
pub fn waited(latency: Duration) -> Duration {
    ASKER.try_with(|asker| asker.cell.pulled_for().min(latency)).unwrap_or(latency)
}

/// Whoever reads in this task has sent a request, which was answered or has failed.
pub fn requested() {
    let _ = ASKER.try_with(|asker| asker.shared.requested(&asker.split.stream));
}

/// Whoever reads in this task was refused a request by the budget.
pub fn refused() {
    // Nobody: a source that is refused while planning has planned nothing.
    let _ = ASKER.try_with(|asker| asker.cell.refused.store(true, Ordering::Relaxed));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_begin_anew_with_each_split() {
        let cell = WorkerCell::default();
        cell.begin(0, 0);
        cell.read(10);
        cell.read(5);
        assert_eq!(cell.counts(), (2, 15, 15));
        cell.begin(7, 70);
        assert_eq!(cell.action(), WorkerAction::Opening);
        cell.read(1);
        assert_eq!(cell.counts(), (8, 71, 16));
    }

    #[test]
    fn what_is_being_made_is_shown_to_who_waits_for_it() {
        let cell = WorkerCell::default();
        cell.begin(0, 0);
        cell.makes(WorkerAction::Writing);
        assert_eq!(cell.action(), WorkerAction::Opening);
        cell.does(WorkerAction::Transforming);
        assert_eq!(cell.action(), WorkerAction::Writing);
        cell.makes(WorkerAction::Transforming);
        assert_eq!(cell.action(), WorkerAction::Transforming);
    }

    #[test]
    fn what_was_asked_is_shown_without_secrets_and_forgotten() {
        let cell = WorkerCell::default();
        cell.asks("https://x.example/a?token=abc&page=2");
        assert_eq!(cell.url().unwrap(), "https://x.example/a?token=***&page=2");
        assert!(cell.is_news() && !cell.is_news());
        cell.begin(0, 0);
        assert_eq!((cell.url(), cell.is_news()), (None, true));
    }
}
