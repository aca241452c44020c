//! The dispatcher: the one owner of a run's state.
//!
//! It sleeps until a slot ends, a receipt comes, a plan is ready, or a time has come, takes note, and
//! admits whatever can be admitted. It never waits for anything else, so it can never be the other half
//! of a deadlock.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use busta_core::clock::Clock;
use busta_core::event::{Action, Event};
use busta_core::report::Status;
use busta_core::{
    Checkpoint, Destination, Error, Pool, Priority, Result, RunId, Source, Split, StreamSpec, WriteMode,
    failpoint,
};
use chrono::{DateTime, Utc};
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::budget::Budget;
use crate::committer::{self, ChunkReceipt, End, Order, Receipt};
use crate::hosts::{Hosts, Refusal};
use crate::ledger::{Ledger, Phase};
use crate::plan::{RunPlan, SourceEntry};
use crate::progress::Snapshot;
use crate::queue::{LaneKey, Queue, Ticket};
use crate::report::{self, RunOutcome};
use crate::slot::{Outcome, Parked, Slot, SourceShared, Work, deadline_passed};

/// How often the snapshot is renewed while something happens.
const SNAPSHOT_EVERY: Duration = Duration::from_millis(100);

/// After a stop, a pull that is under way has this long to come to its end before it is dropped.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// What is assumed of a split of which nothing is known.
const UNKNOWN_COST: Duration = Duration::from_secs(1);

/// Receipts that may wait for the dispatcher.
const RECEIPTS: usize = 1024;

/// The state of a run.
pub struct Dispatcher {
    run: RunId,
    parallel: bool,
    full_refresh: bool,
    pools: HashMap<Pool, PoolState>,
    pool_of: Vec<Pool>,
    priorities: Vec<Priority>,
    max_concurrency: Vec<Option<usize>>,
    split_deadline: Option<Duration>,
    hosts: Arc<Hosts>,
    chance: fastrand::Rng,
    clock: Arc<dyn Clock>,
    events: broadcast::Sender<Event>,
    stop: CancellationToken,
    cut: CancellationToken,
    snapshot: watch::Sender<Arc<Snapshot>>,
    snapshot_at: Instant,
    ledgers: Vec<Ledger>,
    queue: Queue<Work>,
    parked: BTreeMap<(Instant, u64), (LaneKey, Ticket, Work)>,
    next_ticket: u64,
    workers: BTreeSet<u32>,
    slots: JoinSet<Ended>,
    slot_of: HashMap<Id, SlotInfo>,
    plans: JoinSet<(usize, Result<(Checkpoint, Vec<Split>)>)>,
    plan_of: HashMap<Id, usize>,
    receipts: mpsc::Receiver<Receipt>,
    committers: JoinSet<()>,
    began: Instant,
    began_at: DateTime<Utc>,
    /// When a lane that is shut now may open by itself.
    wake: Option<Instant>,
}

#[derive(Default)]
struct PoolState {
    places: Option<usize>,
    taken: usize,
}

/// What is known about a slot in use, should it panic.
struct SlotInfo {
    lane: LaneKey,
    ticket: Ticket,
    worker: u32,
    split: Arc<Split>,
    began: Instant,
}

enum Ended {
    Slot(Outcome),
    /// A failure was recorded on the dispatcher's behalf; no slot was used.
    Recorded,
}

impl Dispatcher {
    /// Makes everything ready; nothing happens before [`Dispatcher::run`].
    pub fn new(
        plan: RunPlan,
        clock: Arc<dyn Clock>,
        events: broadcast::Sender<Event>,
        stop: CancellationToken,
    ) -> (Self, watch::Receiver<Arc<Snapshot>>) {
        let began = Instant::now();
        let concurrency = if plan.parallel { plan.settings.concurrency.max(1) } else { 1 };
        let (receipt_sender, receipts) = mpsc::channel(RECEIPTS);
        let mut committers = JoinSet::new();
        let orders: Vec<mpsc::Sender<Order>> = plan
            .destinations
            .iter()
            .map(|destination| {
                let (sender, receiver) = mpsc::channel(committer::QUEUE);
                let receipts = receipt_sender.clone();
                committers.spawn(committer::run(
                    destination.clone(),
                    receiver,
                    receipts,
                    plan.settings.retry,
                ));
                sender
            })
            .collect();
        let budget = Budget::new(usize::try_from(plan.settings.memory_budget.0).unwrap_or(usize::MAX));
        let cut = CancellationToken::new();
        let shared = |index: usize, entry: &SourceEntry| {
            let deadline = entry.settings.deadline.or(plan.settings.deadlines.source);
            let deadlines = [deadline, plan.settings.deadlines.run].into_iter().flatten();
            Arc::new(SourceShared {
                index,
                run: plan.run.clone(),
                name: entry.name.clone(),
                source: entry.source.clone(),
                destination: plan.destinations[entry.destination].clone(),
                orders: orders[entry.destination].clone(),
                hosts: plan.hosts.clone(),
                budget: budget.clone(),
                clock: clock.clone(),
                events: events.clone(),
                retry: entry.settings.retry.unwrap_or(plan.settings.retry),
                request_timeout: entry.settings.request_timeout.unwrap_or(plan.settings.deadlines.request).0,
                deadline: deadlines.map(|span| began + span.0).min(),
                stop: stop.child_token(),
                cut: cut.child_token(),
                outstanding: AtomicUsize::new(0),
                batch_weight: AtomicUsize::new(0),
                allowance: plan.limit.map_or_else(HashMap::new, |limit| {
                    entry.source.streams().iter().map(|s| (s.name.clone(), AtomicU64::new(limit))).collect()
                }),
            })
        };
        let ledgers: Vec<Ledger> = plan
            .sources
            .iter()
            .enumerate()
            .map(|(index, entry)| {
                Ledger::new(entry, shared(index, entry), &specs(entry.source.as_ref(), plan.full_refresh))
            })
            .collect();
        let pools = plan
            .settings
            .pools
            .iter()
            .map(|(name, places)| (Pool::new(name), PoolState { places: Some(*places), taken: 0 }))
            .collect();
        let first = Snapshot {
            run: plan.run.clone(),
            elapsed: Duration::ZERO,
            sources: ledgers.iter().map(Ledger::progress).collect(),
            in_flight: 0,
            queued: 0,
            eta: None,
            stopping: false,
        };
        let (snapshot, watcher) = watch::channel(Arc::new(first));
        let dispatcher = Self {
            run: plan.run,
            parallel: plan.parallel,
            full_refresh: plan.full_refresh,
            pools,
            pool_of: plan.sources.iter().map(|entry| entry.pool.clone()).collect(),
            priorities: plan.sources.iter().map(|entry| entry.settings.priority).collect(),
            max_concurrency: plan.sources.iter().map(|entry| entry.settings.max_concurrency).collect(),
            split_deadline: plan.settings.deadlines.split.map(|span| span.0),
            hosts: plan.hosts,
            chance: fastrand::Rng::with_seed(plan.seed),
            began_at: clock.now(),
            clock,
            events,
            stop,
            cut,
            snapshot,
            snapshot_at: began,
            ledgers,
            queue: Queue::default(),
            parked: BTreeMap::new(),
            next_ticket: 0,
            workers: (1..=u32::try_from(concurrency).unwrap_or(u32::MAX)).collect(),
            slots: JoinSet::new(),
            slot_of: HashMap::new(),
            plans: JoinSet::new(),
            plan_of: HashMap::new(),
            receipts,
            committers,
            began,
            wake: None,
        };
        (dispatcher, watcher)
    }

    /// Carries the run out.
    pub async fn run(mut self) -> RunOutcome {
        self.emit(Action::Started, None, |_| {});
        let mut stopping = false;
        let stop = self.stop.clone();
        loop {
            self.begin_sources();
            self.admit();
            self.end_quiet_sources();
            self.publish(false);
            if self.is_over() {
                break;
            }
            let wake = self.next_wake();
            tokio::select! {
                biased;
                () = stop.cancelled(), if !stopping => {
                    stopping = true;
                    self.leave_waiting();
                    let cut = self.cut.clone();
                    // Dropped with the runtime if the run ends before.
                    tokio::spawn(async move {
                        tokio::time::sleep(STOP_GRACE).await;
                        cut.cancel();
                    });
                }
                Some(receipt) = self.receipts.recv() => self.take_receipt(receipt),
                Some(ended) = self.slots.join_next_with_id() => self.slot_ended(ended),
                Some(planned) = self.plans.join_next_with_id() => self.plan_ended(planned),
                Some(Err(error)) = self.committers.join_next() => self.committer_died(&error),
                () = tokio::time::sleep_until(wake) => self.time_passed(),
            }
            // Everything that has come meanwhile, before anything is admitted: whoever goes first is to
            // be chosen among all that are ready.
            while let Some(planned) = self.plans.try_join_next_with_id() {
                self.plan_ended(planned);
            }
            while let Ok(receipt) = self.receipts.try_recv() {
                self.take_receipt(receipt);
            }
        }
        self.outcome()
    }

    fn is_over(&self) -> bool {
        self.ledgers.iter().all(|ledger| matches!(ledger.phase, Phase::Ended(_)))
    }

    /// In parallel all sources begin at once; else each begins when the one before it is over.
    fn begin_sources(&mut self) {
        for index in 0..self.ledgers.len() {
            match self.ledgers[index].phase {
                Phase::Waiting if self.stop.is_cancelled() => self.ledgers[index].never_began(),
                Phase::Waiting => self.begin(index),
                _ => {}
            }
            if !self.parallel && !matches!(self.ledgers[index].phase, Phase::Ended(_)) {
                break;
            }
        }
    }

    fn begin(&mut self, index: usize) {
        let ledger = &mut self.ledgers[index];
        ledger.phase = Phase::Planning;
        ledger.began = Some(Instant::now());
        let shared = ledger.shared.clone();
        let full_refresh = self.full_refresh;
        let planning = async move { (shared.index, plan(&shared, full_refresh).await) };
        let id = self.plans.spawn(planning).id();
        self.plan_of.insert(id, index);
        self.emit(Action::Started, Some(index), |_| {});
    }

    fn plan_ended(&mut self, ended: PlanEnded) {
        let (index, planned) = match ended {
            Ok((id, (index, planned))) => {
                self.plan_of.remove(&id);
                (index, planned)
            }
            Err(error) => match self.plan_of.remove(&error.id()) {
                Some(index) => (index, Err(panicked(error))),
                None => return,
            },
        };
        match planned {
            Ok((checkpoint, splits)) => {
                let work = self.ledgers[index].planned(checkpoint, splits);
                self.enqueue(index, work);
            }
            Err(error) => {
                let cancelled = self.stop.is_cancelled() && !self.ledgers[index].is_broken();
                if cancelled {
                    self.ledgers[index].never_began();
                } else {
                    self.break_off(index, &error);
                    self.ledgers[index].end(Instant::now());
                }
            }
        }
    }

    fn enqueue(&mut self, index: usize, work: Vec<Work>) {
        let now = Instant::now();
        for work in work {
            if self.stop.is_cancelled() || self.ledgers[index].is_broken() {
                self.ledgers[index].split_left(&work.split.stream);
                continue;
            }
            let ordinary =
                self.ledgers[index].expected.get(&work.split.stream).copied().unwrap_or(UNKNOWN_COST);
            let ticket = Ticket {
                priority: self.priorities[index],
                cost: work.split.expected(ordinary),
                since: now,
                number: self.next_ticket,
            };
            self.next_ticket += 1;
            let lane = LaneKey { source: index, host: work.split.host.clone() };
            self.queue.push(lane, ticket, work);
        }
    }

    /// Gives every free place to the split whose turn it is.
    fn admit(&mut self) {
        self.wake = None;
        if self.stop.is_cancelled() {
            return;
        }
        self.fail_hopeless();
        while !self.workers.is_empty() {
            let now = Instant::now();
            let mut wake = None;
            let popped = self.queue.pop(now, |lane| {
                let source = &self.ledgers[lane.source];
                let pool = self.pools.get(&self.pool_of[lane.source]);
                let full = self.max_concurrency[lane.source].is_some_and(|places| source.in_slots >= places)
                    || pool.is_some_and(|pool| pool.places.is_some_and(|places| pool.taken >= places));
                if full {
                    return None;
                }
                match lane.host.as_ref().map_or(Ok(()), |host| self.hosts.would_admit(host, now)) {
                    Ok(()) => Some(source.in_slots),
                    Err(Refusal::Full) => None,
                    Err(Refusal::Until(until) | Refusal::Paused(until)) => {
                        wake = Some(wake.map_or(until, |known: Instant| known.min(until)));
                        None
                    }
                }
            });
            self.wake = wake;
            let Some((lane, ticket, work)) = popped else { break };
            if self.ledgers[lane.source].is_exhausted(&work.split.stream) {
                self.ledgers[lane.source].split_limited(&work.split.stream);
                continue;
            }
            if let Some(host) = &lane.host
                && self.hosts.admit(host, now).is_err()
            {
                // Another run has taken the place since the look a moment ago.
                self.queue.push(lane, ticket, work);
                self.wake = Some(now + Duration::from_millis(10));
                break;
            }
            self.occupy(lane, ticket, work, now);
        }
    }

    fn occupy(&mut self, lane: LaneKey, ticket: Ticket, mut work: Work, now: Instant) {
        let Some(worker) = self.workers.pop_first() else { return };
        let ledger = &mut self.ledgers[lane.source];
        ledger.in_slots += 1;
        ledger.waiting = None;
        self.pools.entry(self.pool_of[lane.source].clone()).or_default().taken += 1;
        if work.deadline.is_none() {
            work.deadline = self.split_deadline.map(|span| now + span);
        }
        let split = work.split.clone();
        let slot = Slot {
            shared: ledger.shared.clone(),
            worker,
            chance: fastrand::Rng::with_seed(self.chance.u64(..)),
        };
        let id = self.slots.spawn(async move { Ended::Slot(slot.run(work).await) }).id();
        self.slot_of.insert(id, SlotInfo { lane, ticket, worker, split, began: now });
    }

    fn slot_ended(&mut self, ended: std::result::Result<(Id, Ended), JoinError>) {
        let (id, outcome) = match ended {
            Ok((_, Ended::Recorded)) => return,
            Ok((id, Ended::Slot(outcome))) => (id, Ok(outcome)),
            Err(error) => (error.id(), Err(error)),
        };
        let Some(slot) = self.slot_of.remove(&id) else { return };
        let source = slot.lane.source;
        self.workers.insert(slot.worker);
        if let Some(pool) = self.pools.get_mut(&self.pool_of[source]) {
            pool.taken -= 1;
        }
        if let Some(host) = &slot.lane.host {
            self.hosts.release(host);
        }
        let ledger = &mut self.ledgers[source];
        ledger.in_slots -= 1;
        ledger.spent(&slot.split.stream, slot.began.elapsed());
        match outcome {
            Ok(Outcome::Ended) => {}
            Ok(Outcome::Failed(error)) => ledger.note_error(&error),
            Ok(Outcome::Stopped) => ledger.split_left(&slot.split.stream),
            Ok(Outcome::Limited) => ledger.split_limited(&slot.split.stream),
            Ok(Outcome::Parked { work, until, why }) => self.park(slot.lane, slot.ticket, work, until, why),
            Err(error) => {
                let error = panicked(error);
                self.fail(source, slot.split, &error);
            }
        }
    }

    fn park(&mut self, lane: LaneKey, ticket: Ticket, work: Work, until: Option<Instant>, why: Parked) {
        let ledger = &mut self.ledgers[lane.source];
        match why {
            Parked::Retry => ledger.retries += 1,
            Parked::RateLimited => ledger.rate_limited += 1,
            Parked::Turn => {}
        }
        if self.stop.is_cancelled() || ledger.is_broken() {
            return ledger.split_left(&work.split.stream);
        }
        if ledger.in_slots == 0 {
            ledger.waiting = Some(match why {
                Parked::Retry => format!("retry {} after an error", work.retries),
                Parked::RateLimited => "asked to slow down".to_owned(),
                Parked::Turn => "at its rate limit".to_owned(),
            });
        }
        match until {
            Some(until) => {
                self.parked.insert((until, ticket.number), (lane, ticket, work));
            }
            None => self.queue.push(lane, ticket, work),
        }
    }

    /// Fails what waits for a host that has been given up, or past its source's deadline.
    fn fail_hopeless(&mut self) {
        let now = Instant::now();
        let hopeless: Vec<(LaneKey, Error)> = self
            .queue
            .lanes()
            .filter_map(|lane| {
                let late = self.ledgers[lane.source].shared.deadline.is_some_and(|deadline| deadline <= now);
                let given_up = lane.host.as_ref().filter(|host| self.hosts.is_given_up(host, now));
                let error = match given_up {
                    _ if late => deadline_passed(),
                    Some(host) => Error::unavailable(format!(
                        "{} has only failed for too long, so its circuit is open",
                        host.as_str().split('#').next().unwrap_or_default()
                    ))
                    .hint("see whether it is up, then `busta runs retry`"),
                    None => return None,
                };
                Some((lane.clone(), error))
            })
            .collect();
        for (lane, error) in hopeless {
            for work in self.queue.drain(|key| *key == lane) {
                self.fail(lane.source, work.split, &error);
            }
        }
    }

    /// Records a failure without a slot. Done in a task, because the committer may be busy.
    fn fail(&mut self, source: usize, split: Arc<Split>, error: &Error) {
        let ledger = &mut self.ledgers[source];
        ledger.note_error(error);
        let slot = Slot { shared: ledger.shared.clone(), worker: 0, chance: fastrand::Rng::with_seed(0) };
        let error = Error::new(error.kind(), error.to_string());
        self.slots.spawn(async move {
            slot.fail(&split, &error).await;
            Ended::Recorded
        });
    }

    fn take_receipt(&mut self, receipt: Receipt) {
        match receipt {
            Receipt::Chunk(receipt) => self.chunk_committed(*receipt),
            Receipt::Finish(index, result) => {
                if let Err(error) = result {
                    self.break_off(index, &error);
                }
                self.end(index);
            }
            Receipt::Schema(changes) => {
                for change in changes {
                    self.emit(Action::Schema, None, |event| {
                        event.message = Some(format!("{}: {}", change.table, change.change));
                    });
                }
            }
        }
    }

    fn chunk_committed(&mut self, receipt: ChunkReceipt) {
        let ChunkReceipt { source, stream, split, end, result, nothing, failures, found, high } = receipt;
        let ledger = &mut self.ledgers[source];
        ledger.shared.outstanding.fetch_sub(1, Ordering::Relaxed);
        match result {
            Ok(committed) => {
                ledger.records += committed.inserted + committed.updated;
                ledger.deduped += committed.deduped;
                if !committed.already {
                    ledger.failures += failures;
                }
                if !nothing {
                    ledger.committed(&stream, high);
                }
                if let Some(end) = end {
                    ledger.split_ended(&stream, end);
                }
                let work = ledger.found(found);
                self.enqueue(source, work);
                for (action, count) in [
                    (Action::Inserted, committed.inserted),
                    (Action::Updated, committed.updated),
                    (Action::Deduped, committed.deduped),
                ] {
                    if count > 0 {
                        self.emit(action, Some(source), |event| {
                            event.stream = Some(stream.clone());
                            event.split = Some(split.clone());
                            event.count = Some(count);
                        });
                    }
                }
                if let Some(End::Done) = end {
                    self.emit(Action::Complete, Some(source), |event| {
                        event.stream = Some(stream.clone());
                        event.split = Some(split.clone());
                    });
                }
            }
            Err(error) => {
                if end.is_some() {
                    ledger.split_ended(&stream, End::Failed);
                }
                self.break_off(source, &error);
            }
        }
    }

    /// Nothing more of a source can be collected: its destination has failed, or somebody else moves
    /// its splits.
    fn break_off(&mut self, index: usize, error: &Error) {
        if !self.ledgers[index].break_off(error) {
            return;
        }
        self.emit(Action::Error, Some(index), |event| {
            event.error = Some(error.kind());
            event.message = Some(busta_core::secret::redact(&error.to_string()).into_owned());
        });
        self.leave(|lane| lane.source == index);
    }

    /// A committer never ends before its senders are gone, unless a destination panics.
    fn committer_died(&mut self, error: &JoinError) {
        let error = Error::bug(format!("a destination has panicked: {error}"));
        for index in 0..self.ledgers.len() {
            if self.ledgers[index].shared.orders.is_closed() {
                self.break_off(index, &error);
                self.ledgers[index].shared.outstanding.store(0, Ordering::Relaxed);
                self.ledgers[index].open = self.ledgers[index].in_slots;
                if self.ledgers[index].phase == Phase::Finishing {
                    self.end(index);
                }
            }
        }
    }

    fn leave_waiting(&mut self) {
        self.leave(|_| true);
    }

    fn leave(&mut self, which: impl Fn(&LaneKey) -> bool) {
        let parked = std::mem::take(&mut self.parked);
        for (key, (lane, ticket, work)) in parked {
            if which(&lane) {
                self.ledgers[lane.source].split_left(&work.split.stream);
            } else {
                self.parked.insert(key, (lane, ticket, work));
            }
        }
        for index in 0..self.ledgers.len() {
            for work in self.queue.drain(|lane| lane.source == index && which(lane)) {
                self.ledgers[index].split_left(&work.split.stream);
            }
        }
    }

    fn end_quiet_sources(&mut self) {
        for index in 0..self.ledgers.len() {
            if !self.ledgers[index].is_quiet() {
                continue;
            }
            match self.ledgers[index].to_finish() {
                Some(finish) => {
                    let ledger = &mut self.ledgers[index];
                    ledger.phase = Phase::Finishing;
                    let orders = ledger.shared.orders.clone();
                    self.slots.spawn(async move {
                        let _ = orders.send(Order::Finish(index, finish)).await;
                        Ended::Recorded
                    });
                }
                None => self.end(index),
            }
        }
    }

    fn end(&mut self, index: usize) {
        self.ledgers[index].end(Instant::now());
        let records = self.ledgers[index].records;
        let status = self.ledgers[index].status();
        self.emit(Action::Complete, Some(index), |event| {
            event.count = Some(records);
            event.message = Some(status.as_str().to_owned());
        });
    }

    fn next_wake(&self) -> Instant {
        let parked = self.parked.first_key_value().map(|((until, _), _)| *until);
        let deadlines = self.ledgers.iter().filter(|l| l.open > 0).filter_map(|l| l.shared.deadline);
        let next = parked.into_iter().chain(self.wake).chain(deadlines).min();
        let snapshot = self.snapshot_at + SNAPSHOT_EVERY;
        let now = Instant::now();
        next.map_or(snapshot, |next| next.min(snapshot)).max(now)
    }

    fn time_passed(&mut self) {
        let now = Instant::now();
        while let Some(entry) = self.parked.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let (lane, ticket, work) = entry.remove();
            self.queue.push(lane, ticket, work);
        }
    }

    fn publish(&mut self, last: bool) {
        let now = Instant::now();
        if !last && now < self.snapshot_at + SNAPSHOT_EVERY {
            return;
        }
        self.snapshot_at = now;
        let snapshot = Snapshot {
            run: self.run.clone(),
            elapsed: now - self.began,
            sources: self.ledgers.iter().map(Ledger::progress).collect(),
            in_flight: self.slot_of.len(),
            queued: self.queue.len() + self.parked.len(),
            eta: self.eta(now),
            stopping: self.stop.is_cancelled(),
        };
        self.snapshot.send_replace(Arc::new(snapshot));
    }

    /// What is left of the splits that are known, at the rate so far.
    fn eta(&self, now: Instant) -> Option<Duration> {
        let (mut done, mut known) = (0, 0);
        for progress in self.ledgers.iter().map(Ledger::progress) {
            done += progress.splits_done;
            known += progress.splits_known;
        }
        if done == 0 || known < done {
            return None;
        }
        Some((now - self.began).mul_f64((known - done) as f64 / done as f64))
    }

    fn outcome(mut self) -> RunOutcome {
        failpoint::hit("engine.run.before_report");
        self.publish(true);
        let sources = self.ledgers.iter().map(Ledger::report).collect();
        let report =
            report::total(self.run.clone(), self.began_at, self.clock.now(), self.began.elapsed(), sources);
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

    fn emit(&self, action: Action, source: Option<usize>, fill: impl FnOnce(&mut Event)) {
        if self.events.receiver_count() == 0 {
            return;
        }
        let mut event = Event::new(self.clock.now(), &self.run, action);
        event.source = source.map(|index| self.ledgers[index].shared.name.clone());
        fill(&mut event);
        let _ = self.events.send(event);
    }
}

type PlanEnded = std::result::Result<(Id, (usize, Result<(Checkpoint, Vec<Split>)>)), JoinError>;

/// The streams as this run writes them.
fn specs(source: &dyn Source, full_refresh: bool) -> Vec<StreamSpec> {
    let mut specs = source.streams().to_vec();
    if full_refresh {
        for spec in &mut specs {
            spec.write_mode = WriteMode::Replace;
        }
    }
    specs
}

/// Asks the destination what is there and the source what there is to do.
async fn plan(shared: &SourceShared, full_refresh: bool) -> Result<(Checkpoint, Vec<Split>)> {
    let specs = specs(shared.source.as_ref(), full_refresh);
    let planning = async {
        let destination: &dyn Destination = shared.destination.as_ref();
        let mut checkpoint = destination.prepare(&shared.run, &shared.name, &specs).await?;
        if full_refresh {
            checkpoint.starts.clear();
        }
        let splits = shared.source.plan(&checkpoint).await?;
        Ok((checkpoint, splits))
    };
    tokio::select! {
        biased;
        () = shared.stop.cancelled() => Err(Error::cancelled("the run was stopped")),
        planned = async {
            match shared.deadline {
                Some(deadline) => {
                    tokio::time::timeout_at(deadline, planning).await.unwrap_or_else(|_| Err(deadline_passed()))
                }
                None => planning.await,
            }
        } => planned,
    }
}

/// What a panic becomes: a failure of the split or source it happened in, and of nothing else.
fn panicked(error: JoinError) -> Error {
    let payload = match error.try_into_panic() {
        Ok(payload) => payload,
        Err(error) => return Error::bug(error.to_string()),
    };
    let text = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "of unknown cause".to_owned());
    Error::bug(format!("the connector has panicked: {text}")).hint("this is a bug; please report it")
}
