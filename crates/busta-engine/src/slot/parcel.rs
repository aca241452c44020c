//! What goes from a slot to the committer.

use std::sync::atomic::Ordering;

use busta_core::event::Action;
use busta_core::{Batch, Chunk, Failure, Position, Split, Step, StreamName};

use super::making::Made;
use super::{Slot, Work};
use crate::committer::{End, Order, Parcel};
use crate::progress::WorkerAction;

impl Slot {
    /// Counts a batch against the run's limit; says whether its stream has had enough. Batches are not
    /// cut, so that what is there is there once, whatever the next run does.
    pub(super) fn reaches_limit(&self, stream: &StreamName, records: u64) -> bool {
        let Some(left) = self.shared.allowance.get(stream) else { return false };
        let _ = left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| Some(left.saturating_sub(records)));
        left.load(Ordering::Relaxed) == 0
    }

    pub(super) async fn parcel(&self, work: &mut Work, batch: Batch) -> Parcel {
        let Batch { records, failures, cursor, done, high, found, starts } = batch;
        let shared = &self.shared;
        let stream = &work.split.stream;
        if let Some(high) = high {
            work.high = Some(match work.high.take() {
                Some(known) => known.max(high),
                None => high,
            });
        }
        let from =
            std::mem::replace(&mut work.position, if done { Position::Done } else { Position::At(cursor) });
        let nothing = done
            && !work.recorded
            && from == Position::Start
            && records.is_empty()
            && failures.is_empty()
            && found.is_empty()
            && starts.is_empty();
        let made = if records.is_empty() { Made::default() } else { self.make(&work.split, records).await };
        // What is being replaced is not there before the end, so nothing may go on from it before.
        let (starts, deferred) =
            if shared.replaced.contains(stream) { (Vec::new(), starts) } else { (starts, Vec::new()) };
        let now = shared.clock.now();
        let place = |failure: Failure| failure.place(&shared.run, &shared.name, stream, &work.split.id, now);
        let failures: Vec<Failure> = failures.into_iter().chain(made.failures).map(place).collect();
        self.tell_failures(&work.split, &failures);
        Parcel {
            worker: self.worker,
            source: shared.index,
            split: work.split.id.clone(),
            end: done.then_some(End::Done),
            deferred,
            nothing,
            held: None,
            chunk: Chunk {
                run: shared.run.clone(),
                source: shared.name.clone(),
                stream: stream.clone(),
                step: Some(Step { split: work.split.id.clone(), from, to: work.position.clone() }),
                staged: made.staged,
                failures,
                high: work.high.clone(),
                found,
                starts,
            },
        }
    }

    /// Tells of the records of a batch that have failed, in one event.
    fn tell_failures(&self, split: &Split, failures: &[Failure]) {
        let Some(first) = failures.first() else { return };
        self.emit(Action::Error, split, |event| {
            event.count = Some(failures.len() as u64);
            event.error = Some(first.kind);
            event.stage = Some(first.stage);
            event.url = self.cell.url();
            let place = first.position.as_ref().map_or(String::new(), |position| format!("{position}: "));
            event.message = Some(format!("{place}{}", first.reason));
        });
    }

    pub(super) async fn send(&self, parcel: Parcel) {
        self.cell.does(WorkerAction::Writing);
        self.shared.outstanding.fetch_add(1, Ordering::Relaxed);
        if self.shared.orders.send(Order::Commit(Box::new(parcel))).await.is_err() {
            // The committer is gone: its destination has panicked, and no receipt will come.
            self.shared.outstanding.fetch_sub(1, Ordering::Relaxed);
        }
    }
}
