//! A slot: reads one split until it ends, fails, must wait, or the run stops.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use busta_core::clock::Clock;
use busta_core::event::{Action, Event};
use busta_core::settings::RetrySettings;
use busta_core::transform::{Transformed, Warning};
use busta_core::{
    Batch, Chunk, CursorValue, Destination, Error, ErrorKind, Failure, Position, Quality, Reader, Records,
    Result, RunId, Source, SourceName, Split, Stage, Staged, Step, StreamName, Transform,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::backlog::{self, Backlog};
use crate::budget::Budget;
use crate::committer::{End, Order, Parcel};
use crate::feed::Feed;
use crate::hosts::{self, Change, Hosts, Place, Refusal};
use crate::phases::PhaseTimes;
use crate::retry::{self, MAX_BLIND_WAITS, Verdict};

/// Batches above this are staged on a blocking thread: encoding them takes more than about a
/// millisecond.
const INLINE_STAGING: usize = 128 << 10;

/// What is reserved for a batch before the source has shown how large its batches are.
const FIRST_ESTIMATE: usize = 256 << 10;

/// A pull may make a few requests (a token, a redirect, the page), each with its own time limit. This
/// many times the limit of one is the net under a reader that has none.
const PULL_TIMEOUTS: u32 = 4;

/// How many batches of a split may be on their way to the destination while the next one is read: what
/// is not committed is read again after a crash. One is enough to read while writing, so a batch that
/// took its time takes the whole allowance, and a kill costs that page and the one under way. Quick ones
/// share it: to read them again costs nothing, and the destination gets more to write with one sync.
const READ_AHEAD: u32 = 24;

/// A quick batch takes a part of the allowance for each so many bytes: with large ones, one sync has enough to
/// write, and more of them would only take memory.
const SHARE_BYTES: usize = 64 << 10;

/// A batch is quick below this.
const QUICK: Duration = Duration::from_millis(5);

/// What the slots of one source share.
pub struct SourceShared {
    pub index: usize,
    pub run: RunId,
    pub name: SourceName,
    pub source: Arc<dyn Source>,
    pub transform: Option<Arc<dyn Transform>>,
    pub quality: Option<Arc<dyn Quality>>,
    pub destination: Arc<dyn Destination>,
    pub orders: mpsc::Sender<Order>,
    pub hosts: Arc<Hosts>,
    pub budget: Arc<Budget>,
    pub clock: Arc<dyn Clock>,
    pub feed: Feed,
    pub retry: RetrySettings,
    pub request_timeout: Duration,
    /// How long the source's part of the run may take, and until when the run may.
    pub span: Option<Duration>,
    pub run_deadline: Option<Instant>,
    /// When its part of the run began.
    pub began: OnceLock<Instant>,
    /// No further batch is to be pulled.
    pub stop: CancellationToken,
    /// The pull under way is to be dropped.
    pub cut: CancellationToken,
    /// Parcels that are on their way to the destination.
    pub outstanding: AtomicUsize,
    /// How large its batches were last.
    pub batch_weight: AtomicUsize,
    /// What its slots spend their time on.
    pub phases: PhaseTimes,
    /// How many found splits wait.
    pub backlog: Backlog,
    /// Records that were filtered out, and doubts about those that were not.
    pub dropped: AtomicU64,
    pub warnings: AtomicU64,
    /// The streams that this run replaces.
    pub replaced: HashSet<StreamName>,
    /// How many records each stream may still take, if the run has a limit.
    pub allowance: HashMap<StreamName, AtomicU64>,
}

impl SourceShared {
    /// Until when it may be collected: its own span from its beginning, and the run's end.
    pub fn deadline(&self) -> Option<Instant> {
        let own = self.began.get().zip(self.span).map(|(began, span)| *began + span);
        own.into_iter().chain(self.run_deadline).min()
    }
}

/// A batch made ready for the destination.
#[derive(Default)]
struct Made {
    staged: Option<Staged>,
    failures: Vec<Failure>,
    warnings: Vec<Warning>,
}

impl SourceShared {
    fn make(&self, stream: &StreamName, records: Records) -> Made {
        let began = Instant::now();
        let Transformed { records, mut failures, dropped, warnings } = match &self.transform {
            Some(transform) => transform.apply(stream, &records),
            None => Transformed { records, ..Transformed::default() },
        };
        self.dropped.fetch_add(dropped, Ordering::Relaxed);
        self.warnings.fetch_add(warnings.len() as u64, Ordering::Relaxed);
        if let Some(quality) = &self.quality {
            quality.observe(stream, &records);
        }
        self.phases.transformed(began.elapsed());
        if records.is_empty() {
            return Made { staged: None, failures, warnings };
        }
        let began = Instant::now();
        let mut staged = self.destination.stage(&self.run, &self.name, stream, &records);
        failures.append(&mut staged.failures);
        self.phases.written(began.elapsed());
        Made { staged: Some(staged), failures, warnings }
    }
}

/// A split that waits or is being read.
pub struct Work {
    pub split: Arc<Split>,
    /// How far its batches have been handed to the committer.
    pub position: Position,
    pub high: Option<CursorValue>,
    /// Retries since the last batch.
    pub retries: u32,
    /// Times in a row that it was told to slow down.
    pub waits: u32,
    /// Since when it waits without a slot.
    parked: Option<Instant>,
    /// Kept while it waits only for its turn.
    pub reader: Option<Box<dyn Reader>>,
    pub deadline: Option<Instant>,
    /// Its place at its host, while it is read.
    pub place: Option<Place>,
    /// The destination knows of it, or may: its end is to be recorded even if it yields nothing.
    recorded: bool,
    ahead: Arc<Semaphore>,
}

impl Work {
    /// A split that goes on after `position`.
    pub fn new(split: Split, position: Position, high: Option<CursorValue>, recorded: bool) -> Self {
        Self {
            split: Arc::new(split),
            position,
            high,
            retries: 0,
            waits: 0,
            parked: None,
            reader: None,
            deadline: None,
            place: None,
            recorded,
            ahead: Arc::new(Semaphore::new(READ_AHEAD as usize)),
        }
    }
}

/// Why a slot was given back.
pub enum Outcome {
    /// The last chunk is with the committer.
    Ended,
    /// The failure is with the committer.
    Failed(Error),
    /// It goes on at a time, or as soon as its host has room.
    Parked { work: Work, until: Option<Instant>, why: Parked },
    /// The run stops; the split goes on when the run is resumed.
    Stopped,
    /// The stream has what the run's limit allows.
    Limited,
}

/// Why a split is parked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parked {
    /// After an error.
    Retry,
    /// The host asked for it.
    RateLimited,
    /// The configured rate, or an open circuit.
    Turn,
    /// So many splits were found in its stream that they go first.
    Backlog,
}

fn parked(work: Work, until: Option<Instant>, why: Parked) -> Outcome {
    Outcome::Parked { work: Work { parked: Some(Instant::now()), ..work }, until, why }
}

/// A slot's work.
pub struct Slot {
    pub shared: Arc<SourceShared>,
    pub worker: u32,
    pub chance: fastrand::Rng,
}

enum Next {
    GoOn,
    Leave(Outcome),
}

impl Slot {
    /// Reads `work` as far as it goes now.
    pub async fn run(mut self, mut work: Work) -> Outcome {
        if let Some(since) = work.parked.take() {
            self.shared.phases.limited(since.elapsed());
        }
        if let Some(held_up) = self.hold_up(&work) {
            return parked(work, Some(held_up), Parked::Backlog);
        }
        self.emit(Action::Fetching, &work.split, |_| {});
        loop {
            match self.step(&mut work).await {
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
    async fn step(&mut self, work: &mut Work) -> Result<Next> {
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
        let pulled = pulled?;
        self.host_answered(work);
        work.retries = 0;
        work.waits = 0;
        let batch = pulled.unwrap_or_else(|| Batch::last(Records::default()));
        let enough = self.reaches_limit(&work.split.stream, batch.records.len() as u64);
        let done = batch.done;
        let found = (batch.records.len() as u64, batch.found.len());
        let parcel = self.parcel(work, batch).await;
        let weight = parcel.weight();
        let share = share(took, weight);
        reserved.settle(weight);
        self.shared.batch_weight.store(weight, Ordering::Relaxed);
        self.emit(Action::Found, &work.split, |event| {
            event.count = Some(found.0);
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
                let at = match &work.position {
                    Position::At(cursor) => Some(cursor),
                    Position::Start | Position::Done => None,
                };
                none.insert(self.within(work.deadline, self.shared.source.open(&work.split, at)).await?)
            }
        };
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

    /// Counts a batch against the run's limit; says whether its stream has had enough. Batches are not
    /// cut, so that what is there is there once, whatever the next run does.
    fn reaches_limit(&self, stream: &StreamName, records: u64) -> bool {
        let Some(left) = self.shared.allowance.get(stream) else { return false };
        let _ = left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| Some(left.saturating_sub(records)));
        left.load(Ordering::Relaxed) == 0
    }

    async fn parcel(&self, work: &mut Work, batch: Batch) -> Parcel {
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
        Parcel {
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
                failures: failures.into_iter().chain(made.failures).map(place).collect(),
                high: work.high.clone(),
                found,
                starts,
            },
        }
    }

    /// Transforms, measures and encodes a batch.
    async fn make(&self, split: &Split, records: Records) -> Made {
        let shared = self.shared.clone();
        let stream = split.stream.clone();
        // The processor's time for a batch that is transformed is not known beforehand.
        let inline = records.weight() <= INLINE_STAGING && shared.transform.is_none();
        let made = if inline {
            shared.make(&stream, records)
        } else {
            match tokio::task::spawn_blocking(move || shared.make(&stream, records)).await {
                Ok(made) => made,
                // Only a panic ends here: it goes on in the slot's own task, where it fails this split.
                Err(error) => std::panic::resume_unwind(error.into_panic()),
            }
        };
        if let Some(first) = made.warnings.first() {
            self.emit(Action::Warning, split, |event| {
                event.count = Some(made.warnings.len() as u64);
                event.message = Some(format!("{}: {}", first.rule, first.message));
            });
        }
        made
    }

    async fn send(&self, parcel: Parcel) {
        self.shared.outstanding.fetch_add(1, Ordering::Relaxed);
        if self.shared.orders.send(Order::Commit(Box::new(parcel))).await.is_err() {
            // The committer is gone: its destination has panicked, and no receipt will come.
            self.shared.outstanding.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Decides about an error: when to try again, or that the split has failed.
    async fn after_error(&mut self, work: &mut Work, error: Error) -> Result<(Instant, Parked)> {
        work.reader = None;
        self.host_failed(work, &error);
        let settings = &self.shared.retry;
        let (wait, why) = match retry::verdict(error.kind()) {
            Verdict::Retry if work.retries < settings.max_retries => {
                work.retries += 1;
                (retry::wait(&error, work.retries, settings, &mut self.chance), Parked::Retry)
            }
            Verdict::Wait if error.wait().is_some() || work.waits < MAX_BLIND_WAITS => {
                work.waits += 1;
                let wait = error.wait().unwrap_or_else(|| retry::blind_wait(work.waits, settings));
                (wait, Parked::RateLimited)
            }
            Verdict::Retry | Verdict::Wait | Verdict::GiveUp => {
                return self.give_up(&work.split, error).await;
            }
        };
        let until = Instant::now() + wait;
        if [work.deadline, self.shared.deadline()].into_iter().flatten().any(|deadline| until >= deadline) {
            return self.give_up(&work.split, error.at("the deadline comes before the next attempt")).await;
        }
        let action = if why == Parked::Retry { Action::Retrying } else { Action::RateLimited };
        if let (Parked::RateLimited, Some(host)) = (why, &work.split.host) {
            self.shared.hosts.quiet(host, Instant::now(), wait);
        }
        self.emit(action, &work.split, |event| {
            event.attempt = Some(work.retries.max(work.waits) + 1);
            event.duration_ms = u64::try_from(wait.as_millis()).ok();
            event.error = Some(error.kind());
            event.message = Some(busta_core::secret::redact(&error.to_string()).into_owned());
        });
        Ok((until, why))
    }

    async fn give_up<T>(&self, split: &Split, error: Error) -> Result<T> {
        self.fail(split, &error).await;
        Err(error)
    }

    /// Records that the split has failed.
    pub async fn fail(&self, split: &Split, error: &Error) {
        let shared = &self.shared;
        let stage = if error.kind() == ErrorKind::Data { Stage::Parse } else { Stage::Read };
        let failure = Failure::split(stage, error).place(
            &shared.run,
            &shared.name,
            &split.stream,
            &split.id,
            shared.clock.now(),
        );
        self.emit(Action::Error, split, |event| {
            event.error = Some(error.kind());
            event.message = Some(failure.reason.clone());
        });
        self.send(Parcel {
            source: shared.index,
            split: split.id.clone(),
            end: Some(End::Failed),
            deferred: Vec::new(),
            nothing: false,
            held: None,
            chunk: Chunk {
                run: shared.run.clone(),
                source: shared.name.clone(),
                stream: split.stream.clone(),
                step: None,
                staged: None,
                failures: vec![failure],
                high: None,
                found: Vec::new(),
                starts: Vec::new(),
            },
        })
        .await;
    }

    /// When to come back, if the host does not let the next request pass now.
    fn wait_for_turn(&self, work: &Work) -> Option<Option<Instant>> {
        let (host, place) = work.split.host.as_ref().zip(work.place)?;
        if work.reader.as_ref().is_some_and(|reader| !reader.asks()) {
            return None;
        }
        match self.shared.hosts.next(host, place, Instant::now()) {
            Ok(()) => None,
            Err(Refusal::Until(until) | Refusal::Paused(until)) => Some(Some(until)),
            Err(Refusal::Full) => Some(None),
        }
    }

    fn host_answered(&self, work: &Work) {
        if let Some(host) = &work.split.host {
            self.report_circuit(work, self.shared.hosts.succeeded(host));
        }
    }

    fn host_failed(&self, work: &Work, error: &Error) {
        let Some((host, place)) = work.split.host.as_ref().zip(work.place) else { return };
        let change = match error.kind() {
            ErrorKind::Unavailable => self.shared.hosts.failed(host, place, Instant::now()),
            ErrorKind::RateLimited | ErrorKind::Cancelled | ErrorKind::Bug => None,
            // It answered, if not what we wanted to hear: the host itself is well.
            _ => self.shared.hosts.succeeded(host),
        };
        self.report_circuit(work, change);
    }

    fn report_circuit(&self, work: &Work, change: Option<Change>) {
        let Some(change) = change else { return };
        let host = work.split.host.as_ref().map_or("", hosts::shown);
        let (action, pause) = match change {
            Change::Opened(pause) => (Action::Paused, Some(pause)),
            Change::Closed => (Action::Resumed, None),
        };
        self.emit(action, &work.split, |event| {
            event.worker_id = 0;
            event.duration_ms = pause.and_then(|pause| u64::try_from(pause.as_millis()).ok());
            event.message = Some(host.to_owned());
        });
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
