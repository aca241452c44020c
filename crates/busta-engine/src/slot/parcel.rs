//! From a batch that has come to what the committer gets.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use busta_core::event::Action;
use busta_core::{Batch, Chunk, Failure, Position, Records, Split, Stage, Step, StreamName};
use tokio::sync::{OwnedMutexGuard, OwnedSemaphorePermit};
use tokio::time::Instant;

use super::making::Making;
use super::pull::Pulled;
use super::work::READ_AHEAD;
use super::{Slot, Work, millis};
use crate::budget::Reserved;
use crate::committer::{End, Order, Parcel};

/// A quick batch takes a part of the allowance for each so many bytes: with large ones, one sync has enough to
/// write, and more of them would only take memory.
const SHARE_BYTES: usize = 64 << 10;

/// Of so many splits that were passed over the report says why; the events say it of all.
const SKIPS_TOLD: usize = 10;

/// A batch is quick below this.
const QUICK: Duration = Duration::from_millis(5);

/// A batch on its way to the committer: everything but what is still being made of its records.
pub struct Draft {
    split: Arc<Split>,
    making: Making,
    /// Of this worker's batches, one at a time is made ready.
    turn: OwnedMutexGuard<()>,
    /// Where it came from, if something else may be asked for before it is ready.
    url: Option<String>,
    reserved: Reserved,
    ahead: Option<OwnedSemaphorePermit>,
    parcel: Parcel,
    /// Its start cursors hold only if none of its records is refused.
    needs_all: bool,
}

impl Draft {
    /// Whether nothing is left to wait for.
    pub(super) fn is_made(&self) -> bool {
        self.making.is_done()
    }
}

impl Slot {
    /// Takes in a batch: `work` stands behind it from now on, and the making of it has begun. Comes back
    /// when the split may read on.
    pub(super) async fn draft(&self, work: &mut Work, pulled: Pulled) -> Draft {
        let Pulled { batch, reserved, took } = pulled;
        let records = batch.records.len() as u64;
        self.tell_found(&work.split, &batch, took);
        if let Some(why) = &batch.skipped {
            self.tell_skipped(&work.split, why);
        }
        self.shared.note_warnings(&batch.warnings);
        self.tell_warnings(&work.split, Stage::Read, &batch.warnings);
        work.batches += 1;
        work.records += records;
        self.cell.read(records);
        let (share, needs_all) = (share(took, &batch), batch.starts_need_all);
        let (parcel, records) = self.parcel(work, batch);
        // Taken by nobody but the last batch of the split that this worker has read before.
        let turn = self.cell.turn().await;
        let making = self.make(&work.split, records);
        let url = if making.is_done() { None } else { self.cell.url() };
        let ready = Instant::now();
        let ahead = match work.position {
            // Nothing is read ahead of the last one.
            Position::Done => None,
            // Closed by nobody, so this is always a permit.
            _ => work.ahead.clone().acquire_many_owned(share).await.ok(),
        };
        self.shared.phases.written(ready.elapsed());
        Draft { split: work.split.clone(), making, turn, url, reserved, ahead, parcel, needs_all }
    }

    /// Moves `work` behind a batch. Gives what is known of its chunk, and the records to make the rest of.
    fn parcel(&self, work: &mut Work, batch: Batch) -> (Parcel, Records) {
        let Batch { records, failures, cursor, done, high, found, starts, .. } = batch;
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
        let parcel = Parcel {
            worker: self.worker,
            source: shared.index,
            split: work.split.clone(),
            end: done.then_some(End::Done),
            nothing,
            held: None,
            chunk: Chunk {
                run: shared.run.clone(),
                source: shared.name.clone(),
                stream: stream.clone(),
                step: Some(Step { split: work.split.id.clone(), from, to: work.position.clone() }),
                staged: None,
                failures: self.placed(&work.split, failures),
                high: work.high.clone(),
                found,
                starts,
            },
        };
        (parcel, records)
    }

    fn placed(&self, split: &Split, failures: Vec<Failure>) -> Vec<Failure> {
        let shared = &self.shared;
        let now = shared.clock.now();
        let place =
            |failure: Failure| failure.place(&shared.run, &shared.name, &split.stream, &split.id, now);
        failures.into_iter().map(place).collect()
    }

    /// Hands a batch to the committer as soon as it is made.
    pub(super) async fn deliver(&self, draft: Draft) {
        let Draft { split, making, turn, url, mut reserved, ahead, mut parcel, needs_all } = draft;
        let is_late = !making.is_done();
        let made = making.done().await;
        self.tell_warnings(&split, Stage::Transform, &made.warnings);
        if needs_all && !made.failures.is_empty() {
            parcel.chunk.starts.clear();
        }
        parcel.chunk.failures.extend(self.placed(&split, made.failures));
        parcel.chunk.staged = made.staged;
        self.tell_failures(&split, &parcel.chunk.failures, || if is_late { url } else { self.cell.url() });
        let weight = parcel.weight();
        reserved.settle(weight);
        self.shared.batch_weight.store(weight, Ordering::Relaxed);
        let ready = Instant::now();
        parcel.held = Some((reserved, ahead));
        self.send(parcel).await;
        self.shared.phases.written(ready.elapsed());
        drop(turn);
    }

    /// Counts a batch against the run's limit; says whether its stream has had enough. Batches are not
    /// cut, so that what is there is there once, whatever the next run does.
    pub(super) fn reaches_limit(&self, stream: &StreamName, records: u64) -> bool {
        let Some(left) = self.shared.allowance.get(stream) else { return false };
        let _ = left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| Some(left.saturating_sub(records)));
        left.load(Ordering::Relaxed) == 0
    }

    fn tell_found(&self, split: &Split, batch: &Batch, took: Duration) {
        self.emit(Action::Found, split, |event| {
            event.count = Some(batch.records.len() as u64);
            event.duration_ms = Some(millis(took));
            event.url = self.cell.url();
            let found = batch.found.len();
            event.message = match found {
                0 => None,
                1 => Some("and another split".to_owned()),
                more => Some(format!("and {more} more splits")),
            };
        });
    }

    fn tell_skipped(&self, split: &Split, why: &str) {
        let why = busta_core::secret::redact(why).into_owned();
        let mut skipped = self.shared.skipped.lock().unwrap_or_else(PoisonError::into_inner);
        skipped.splits += 1;
        if skipped.reasons.len() < SKIPS_TOLD {
            skipped.reasons.push(format!("{}: {why}", split.id));
        }
        drop(skipped);
        self.emit(Action::Warning, split, |event| {
            event.url = self.cell.url();
            event.message = Some(format!("passed over: {why}"));
        });
    }

    /// Tells of the records of a batch that have failed, in one event.
    fn tell_failures(&self, split: &Split, failures: &[Failure], url: impl FnOnce() -> Option<String>) {
        let Some(first) = failures.first() else { return };
        self.emit(Action::Error, split, |event| {
            event.count = Some(failures.len() as u64);
            event.error = Some(first.kind);
            event.stage = Some(first.stage);
            event.url = url();
            let place = first.position.as_ref().map_or(String::new(), |position| format!("{position}: "));
            event.message = Some(format!("{place}{}", first.reason));
        });
    }

    pub(super) async fn send(&self, parcel: Parcel) {
        self.shared.outstanding.fetch_add(1, Ordering::Relaxed);
        if self.shared.orders.send(Order::Commit(Box::new(parcel))).await.is_err() {
            // The committer is gone: its destination has panicked, and no receipt will come. The dispatcher
            // may have seen that first, and counts nothing as outstanding since.
            let _ = self
                .shared
                .outstanding
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| Some(count.saturating_sub(1)));
        }
    }
}

/// The part of a split's allowance that a batch takes while it is on its way. What finds splits never runs
/// ahead: found splits are counted when they are durable.
fn share(took: Duration, batch: &Batch) -> u32 {
    if took >= QUICK || !batch.found.is_empty() {
        return READ_AHEAD;
    }
    let failed: usize =
        batch.failures.iter().map(|failure| failure.payload.as_ref().map_or(0, String::len)).sum();
    let weight = usize::try_from(batch.records.bytes()).unwrap_or(usize::MAX).saturating_add(failed);
    u32::try_from(weight / SHARE_BYTES).unwrap_or(READ_AHEAD).clamp(1, READ_AHEAD)
}

#[cfg(test)]
mod tests {
    use busta_core::RecordsBuilder;

    use super::*;

    fn batch(bytes: usize) -> Batch {
        let mut records = RecordsBuilder::default();
        records.push(format!("{{\"a\":\"{}\"}}", "x".repeat(bytes - 8)).as_bytes());
        Batch::last(records.finish())
    }

    #[test]
    fn only_quick_small_batches_are_on_their_way_together() {
        let share = |millis, bytes| share(Duration::from_millis(millis), &batch(bytes));
        assert_eq!(share(1, 2_000), 1);
        assert_eq!(share(1, 640 << 10), 10);
        assert_eq!(share(1, 4 << 20), READ_AHEAD);
        assert_eq!(share(50, 2_000), READ_AHEAD);
    }

    #[test]
    fn what_finds_splits_goes_alone() {
        let found = vec![Split::new("child", "a".into(), None, &()).unwrap()];
        assert_eq!(share(Duration::ZERO, &Batch { found, ..Batch::last(Records::default()) }), READ_AHEAD);
    }
}
