//! The dispatcher: the one owner of a run's state.
//!
//! It sleeps until a slot ends, a receipt comes, a plan is ready, or a time has come, takes note, and
//! admits whatever can be admitted. It never waits for anything else, so it can never be the other half
//! of a deadlock.

mod admission;
mod build;
mod halting;
mod planning;
mod publish;
mod receipts;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use busta_core::clock::Clock;
use busta_core::event::Action;
use busta_core::units::Rate;
use busta_core::{Checkpoint, Cursor, Error, Priority, Result, RunId, Split, StreamName};
use chrono::{DateTime, Utc};
use tokio::sync::{mpsc, watch};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::committer::{Order, Parcel, Receipt};
use crate::feed::Feed;
use crate::hosts::{Hosts, Place, Tallies};
use crate::ledger::{Ledger, Phase};
use crate::places::Places;
use crate::progress::Snapshot;
use crate::queue::{LaneKey, Queue, Ticket};
use crate::rates::Rates;
use crate::report::RunOutcome;
use crate::retry::Tries;
use crate::slot::{Outcome, Work};
use crate::worker::WorkerCell;

/// How often the snapshot is renewed while something happens.
const SNAPSHOT_EVERY: Duration = Duration::from_millis(100);

/// After a stop, a pull that is under way has this long to come to its end before it is dropped: a stop
/// reaches every split within a second, and what is dropped is read again when the run is resumed.
const STOP_GRACE: Duration = Duration::from_millis(900);

/// What is assumed of a split of which nothing is known.
const UNKNOWN_COST: Duration = Duration::from_secs(1);

/// Receipts that may wait for the dispatcher.
const RECEIPTS: usize = 1024;

/// The state of a run.
pub struct Dispatcher {
    run: RunId,
    parallel: bool,
    full_refresh: bool,
    places: Arc<Places>,
    priorities: Vec<Priority>,
    rates: Vec<Option<Rate>>,
    split_deadline: Option<Duration>,
    hosts: Arc<Hosts>,
    /// What was counted of them before this run.
    hosts_before: Tallies,
    chance: fastrand::Rng,
    clock: Arc<dyn Clock>,
    feed: Feed,
    stop: CancellationToken,
    cut: CancellationToken,
    snapshot: watch::Sender<Arc<Snapshot>>,
    snapshot_at: Instant,
    ledgers: Vec<Ledger>,
    /// What each worker does, and how many splits it has finished; worker 1 is the first.
    workers: Vec<(Arc<WorkerCell>, u64)>,
    speeds: Rates,
    queue: Queue<Work>,
    parked: BTreeMap<(Instant, u64), (LaneKey, Ticket, Work)>,
    next_ticket: u64,
    slots: JoinSet<Ended>,
    slot_of: HashMap<Id, SlotInfo>,
    /// Whose last batches are still being made ready: the source and the split.
    last_of: HashMap<Id, (usize, Arc<Split>)>,
    plans: JoinSet<(usize, (Tries, Planned))>,
    plan_of: HashMap<Id, usize>,
    receipts: mpsc::Receiver<Receipt>,
    committers: JoinSet<()>,
    began: Instant,
    began_at: DateTime<Utc>,
    /// When it is next looked for hosts that have been given up.
    hopeless_at: Instant,
    /// When a lane that is shut now may open by itself.
    wake: Option<Instant>,
}

/// What is known about a slot in use, should it panic.
struct SlotInfo {
    lane: LaneKey,
    place: Option<Place>,
    ticket: Ticket,
    worker: u32,
    split: Arc<Split>,
    attempt: u32,
    began: Instant,
}

enum Ended {
    Slot(Outcome),
    /// A failure was recorded on the dispatcher's behalf, or a last batch handed over; no slot was used.
    Recorded,
}

impl Dispatcher {
    /// Carries the run out.
    pub async fn run(mut self) -> RunOutcome {
        self.emit(Action::Started, None, |_| {});
        let mut stopping = false;
        let (stop, mut freed) = (self.stop.clone(), self.places.freed());
        loop {
            // What was freed before this look needs no other.
            freed.mark_unchanged();
            self.begin_sources();
            self.admit();
            self.end_quiet_sources();
            self.tell_news_of_hosts();
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
                Ok(()) = freed.changed() => {}
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
        for ledger in &self.ledgers {
            ledger.meter.settle().await;
        }
        self.outcome()
    }

    fn is_over(&self) -> bool {
        // Where a destination has panicked, nobody waits for the receipts of last batches.
        self.last_of.is_empty() && self.ledgers.iter().all(|ledger| matches!(ledger.phase, Phase::Ended(_)))
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
        let now = Instant::now();
        ledger.began = Some(now);
        ledger.shared.began.get_or_init(|| now);
        let shared = ledger.shared.clone();
        if let Some(quality) = &shared.quality {
            quality.begin();
        }
        let full_refresh = self.full_refresh;
        let chance = fastrand::Rng::with_seed(self.chance.u64(..));
        let planning = async move { (shared.index, planning::plan(&shared, full_refresh, chance).await) };
        let id = self.plans.spawn(planning).id();
        self.plan_of.insert(id, index);
        let words = self.ledgers[index].words_of_last_run();
        self.emit(Action::Started, Some(index), |event| event.message = words);
    }

    fn plan_ended(&mut self, ended: PlanEnded) {
        let (index, planned) = match ended {
            Ok((id, (index, (tries, planned)))) => {
                self.plan_of.remove(&id);
                self.ledgers[index].retried(tries.retries);
                self.ledgers[index].limited(tries.waits);
                (index, planned)
            }
            Err(error) => match self.plan_of.remove(&error.id()) {
                Some(index) => (index, Err(panicked(error))),
                None => return,
            },
        };
        // A plan that was made without an answer may leave something out.
        let refused = self.ledgers[index].meter.refused();
        let planned = match &refused {
            Some(reason) => Err(Error::cancelled(format!("planning: {reason}"))),
            None => planned,
        };
        match planned {
            Ok((checkpoint, splits)) => {
                let work = self.ledgers[index].planned(checkpoint, splits);
                let work = self.within_budget(index, work);
                self.enqueue(index, work);
            }
            Err(error) => {
                let cancelled = self.stop.is_cancelled() && !self.ledgers[index].is_broken();
                if cancelled {
                    self.ledgers[index].never_began();
                } else if refused.is_some() {
                    self.refuse(index, &error);
                    self.ledgers[index].end(Instant::now());
                } else {
                    self.break_off(index, &error);
                    self.ledgers[index].end(Instant::now());
                }
            }
        }
    }

    fn end_quiet_sources(&mut self) {
        for index in 0..self.ledgers.len() {
            if !self.ledgers[index].is_quiet() {
                continue;
            }
            let closing = self.ledgers[index].take_closing();
            if !closing.is_empty() {
                self.close(index, closing);
                continue;
            }
            match self.ledgers[index].take_finish() {
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

    /// Commits the start cursors of splits of streams that will not be complete in this run.
    fn close(&mut self, index: usize, closing: Vec<(StreamName, Vec<(String, Cursor)>)>) {
        let shared = self.ledgers[index].shared.clone();
        shared.outstanding.fetch_add(closing.len(), Ordering::Relaxed);
        self.slots.spawn(async move {
            for (stream, starts) in closing {
                let parcel = Parcel::closing(&shared, stream, starts);
                if shared.orders.send(Order::Commit(Box::new(parcel))).await.is_err() {
                    // The committer is gone, and the dispatcher has seen that: no receipt will come.
                    break;
                }
            }
            Ended::Recorded
        });
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
}

/// What the destination knows and what the source named.
type Planned = Result<(Checkpoint, Vec<Split>)>;

type PlanEnded = std::result::Result<(Id, (usize, (Tries, Planned))), JoinError>;

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
