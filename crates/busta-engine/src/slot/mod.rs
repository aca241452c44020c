//! A slot: reads one split until it ends, fails, must wait, or the run stops.
//!
//! `work` is what it reads, `shared` what it knows with its like. A batch is made ready in `making`, and
//! handed to the committer in `parcel`; `trouble` decides what an error leads to, `host` talks to the limits.

mod host;
mod making;
mod parcel;
mod shared;
mod trouble;
mod work;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use busta_core::event::{Action, Event};
use busta_core::{Batch, Error, Position, Records, Result, Split};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use crate::backlog;
use crate::committer::Parcel;
use crate::progress::WorkerAction;
use crate::worker::{Asker, WorkerCell};
pub use making::transformed;
pub use shared::SourceShared;
pub use work::{Outcome, Parked, Work};
use work::{READ_AHEAD, parked};

/// What is reserved for a batch before the source has shown how large its batches are.
const FIRST_ESTIMATE: usize = 256 << 10;

/// A pull may make a few requests (a token, a redirect, the page), each with its own time limit. This
/// many times the limit of one is the net under a reader that has none.
const PULL_TIMEOUTS: u32 = 4;

/// A quick batch takes a part of the allowance for each so many bytes: with large ones, one sync has enough to
/// write, and more of them would only take memory.
const SHARE_BYTES: usize = 64 << 10;

/// A batch is quick below this.
const QUICK: Duration = Duration::from_millis(5);

/// A slot's work.
pub struct Slot {
    pub shared: Arc<SourceShared>,
    pub worker: u32,
    pub cell: Arc<WorkerCell>,
    pub chance: fastrand::Rng,
}

enum Next {
    GoOn,
    Leave(Outcome),
}

impl Slot {
    /// Reads `work` as far as it goes now.
    pub async fn run(self, work: Work) -> Outcome {
        let asker = Asker {
            shared: self.shared.clone(),
            worker: self.worker,
            cell: self.cell.clone(),
            split: work.split.clone(),
            attempt: work.attempt(),
        };
        asker.clone().runs(self.read(work, &asker)).await
    }

    async fn read(mut self, mut work: Work, asker: &Asker) -> Outcome {
        if let Some(since) = work.parked.take() {
            self.shared.phases.limited(since.elapsed());
        }
        if let Some(held_up) = self.hold_up(&work) {
            return parked(work, Some(held_up), Parked::Backlog);
        }
        loop {
            match self.step(&mut work, asker).await {
                Ok(Next::GoOn) => {}
                Ok(Next::Leave(outcome)) => return outcome,
                Err(error) => {
                    return match self.after_error(&mut work, error).await {
                        Ok((until, why)) => parked(work, Some(until), why),
                        Err(error) => Outcome::Failed(error),
                    };
                }
            }
            if self.shared.stop.is_cancelled() {
                return Outcome::Stopped;
            }
            if let Some(held_up) = self.hold_up(&work) {
                return parked(work, Some(held_up), Parked::Backlog);
            }
            if let Some(until) = self.wait_for_turn(&work) {
                return parked(work, until, Parked::Turn);
            }
        }
    }

    /// When to look again, if what was found in the stream of `work` goes first.
    fn hold_up(&self, work: &Work) -> Option<Instant> {
        let full = self.shared.backlog.holds_up(&work.split.stream);
        full.then(|| Instant::now() + backlog::PAUSE)
    }

    /// One pull, and all that follows from it.
    async fn step(&mut self, work: &mut Work, asker: &Asker) -> Result<Next> {
        self.cell.does(WorkerAction::Writing);
        let estimate = self.shared.batch_weight.load(Ordering::Relaxed).max(FIRST_ESTIMATE);
        let asked = Instant::now();
        let mut reserved = tokio::select! {
            biased;
            () = self.shared.cut.cancelled() => return Ok(Next::Leave(Outcome::Stopped)),
            reserved = self.shared.budget.reserve(estimate) => reserved,
        };
        let began = Instant::now();
        self.shared.phases.written(began - asked);
        let pulled = tokio::select! {
            biased;
            () = self.shared.cut.cancelled() => return Ok(Next::Leave(Outcome::Stopped)),
            pulled = self.pull(work) => pulled,
        };
        let took = began.elapsed();
        self.shared.phases.pulled(took);
        // A source that asks for nothing that has a name.
        asker.tell_fetching();
        let pulled = pulled?;
        self.host_answered(work);
        work.retries = 0;
        work.waits = 0;
        let batch = pulled.unwrap_or_else(|| Batch::last(Records::default()));
        let enough = self.reaches_limit(&work.split.stream, batch.records.len() as u64);
        let done = batch.done;
        let found = (batch.records.len() as u64, batch.found.len());
        work.batches += 1;
        work.records += found.0;
        self.cell.read(found.0);
        let parcel = self.parcel(work, batch).await;
        let weight = parcel.weight();
        // What finds splits never runs ahead: found splits are counted when they are durable.
        let share = if found.1 > 0 { READ_AHEAD } else { share(took, weight) };
        reserved.settle(weight);
        self.shared.batch_weight.store(weight, Ordering::Relaxed);
        self.emit(Action::Found, &work.split, |event| {
            event.count = Some(found.0);
            event.duration_ms = Some(millis(took));
            event.url = self.cell.url();
            event.message = (found.1 > 0).then(|| format!("and {} more splits", found.1));
        });
        let ready = Instant::now();
        // Closed by nobody, so this is always a permit.
        let ahead: Option<OwnedSemaphorePermit> = work.ahead.clone().acquire_many_owned(share).await.ok();
        self.send(Parcel { held: Some((reserved, ahead)), ..parcel }).await;
        self.shared.phases.written(ready.elapsed());
        if enough && !done {
            return Ok(Next::Leave(Outcome::Limited));
        }
        Ok(if done { Next::Leave(Outcome::Ended) } else { Next::GoOn })
    }

    async fn pull(&self, work: &mut Work) -> Result<Option<Batch>> {
        let reader = match &mut work.reader {
            Some(reader) => reader,
            none => {
                self.cell.does(WorkerAction::Opening);
                let at = match &work.position {
                    Position::At(cursor) => Some(cursor),
                    Position::Start | Position::Done => None,
                };
                none.insert(self.within(work.deadline, self.shared.source.open(&work.split, at)).await?)
            }
        };
        self.cell.does(WorkerAction::Fetching);
        self.within(work.deadline, reader.next()).await
    }

    /// Holds a call of the connector to the deadlines.
    async fn within<T>(&self, split: Option<Instant>, call: impl Future<Output = Result<T>>) -> Result<T> {
        let net = Instant::now() + self.shared.request_timeout * PULL_TIMEOUTS;
        let (until, error) = match [split, self.shared.deadline()].into_iter().flatten().min() {
            Some(deadline) if deadline < net => (deadline, deadline_passed()),
            _ => (
                net,
                Error::unavailable(format!(
                    "no batch within {:?}",
                    self.shared.request_timeout * PULL_TIMEOUTS
                )),
            ),
        };
        tokio::time::timeout_at(until, call).await.unwrap_or(Err(error))
    }

    fn emit(&self, action: Action, split: &Split, fill: impl FnOnce(&mut Event)) {
        self.shared.feed.emit(action, |event| {
            event.worker_id = self.worker;
            event.source = Some(self.shared.name.clone());
            event.stream = Some(split.stream.clone());
            event.split = Some(split.id.clone());
            fill(event);
        });
    }
}

/// `time` as events tell it.
fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The part of a split's allowance that a batch takes while it is on its way.
fn share(took: Duration, weight: usize) -> u32 {
    let quick = u32::try_from(weight / SHARE_BYTES).unwrap_or(READ_AHEAD).clamp(1, READ_AHEAD);
    if took < QUICK { quick } else { READ_AHEAD }
}

/// What a split, source or run that took too long failed with.
pub fn deadline_passed() -> Error {
    Error::cancelled("its deadline has passed").hint("raise `deadline`, or resume the run to go on")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_quick_small_batches_are_on_their_way_together() {
        let share = |millis, weight| share(Duration::from_millis(millis), weight);
        assert_eq!(share(1, 2_000), 1);
        assert_eq!(share(1, 640 << 10), 10);
        assert_eq!(share(1, 64 << 20), READ_AHEAD);
        assert_eq!(share(50, 2_000), READ_AHEAD);
    }
}
