//! A dispatcher from a plan.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use busta_core::clock::Clock;
use busta_core::event::Event;
use busta_core::{StreamName, StreamSpec};
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Dispatcher, RECEIPTS, planning, publish};
use crate::backlog::Backlog;
use crate::committer::{self, Order, Receipt};
use crate::feed::Feed;
use crate::ledger::Ledger;
use crate::phases::PhaseTimes;
use crate::places::Places;
use crate::plan::{RunPlan, SharedDestination, SourceEntry};
use crate::progress::{Snapshot, WorkerAction, WorkerProgress};
use crate::queue::Queue;
use crate::rates::Rates;
use crate::slot::{SourceShared, Work};

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
        let streams = plan.sources.iter().map(|entry| (&entry.name, entry.source.streams()));
        let feed = Feed::new(plan.run.clone(), clock.clone(), events, streams);
        let (receipt_sender, receipts) = mpsc::channel(RECEIPTS);
        let mut committers = JoinSet::new();
        let orders = begin_committers(&plan, &feed, &receipt_sender, &mut committers);
        let cut = CancellationToken::new();
        let common = Common {
            plan: &plan,
            orders: &orders,
            clock: &clock,
            feed: &feed,
            stop: &stop,
            cut: &cut,
            began,
        };
        let ledgers: Vec<Ledger> = plan
            .sources
            .iter()
            .enumerate()
            .map(|(index, entry)| {
                let specs = planning::specs(entry.source.as_ref(), plan.full_refresh);
                Ledger::new(entry, common.shared(index, entry, &specs), &specs, plan.resumed)
            })
            .collect();
        let places = Arc::new(Places::new(
            plan.capacity.clone(),
            concurrency,
            plan.sources.iter().map(|entry| (entry.pool.clone(), entry.settings.max_concurrency)),
        ));
        for (index, entry) in plan.sources.iter().enumerate() {
            entry.meter.serve(&places, index, entry.settings.budget);
        }
        let count = u32::try_from(concurrency).unwrap_or(u32::MAX);
        let (snapshot, watcher) = watch::channel(Arc::new(first_snapshot(&plan, &ledgers, &places, count)));
        let dispatcher = Self {
            run: plan.run,
            parallel: plan.parallel,
            full_refresh: plan.full_refresh,
            places,
            priorities: plan.sources.iter().map(|entry| entry.settings.priority).collect(),
            rates: plan.sources.iter().map(|entry| entry.settings.rate_limit).collect(),
            split_deadline: plan.settings.deadlines.split.map(|span| span.0),
            hosts_before: plan.hosts.tallies(),
            hosts: plan.hosts,
            chance: fastrand::Rng::with_seed(plan.seed),
            began_at: clock.now(),
            clock,
            feed,
            stop,
            cut,
            snapshot,
            snapshot_at: began,
            workers: (0..count).map(|_| (Arc::default(), 0)).collect(),
            speeds: Rates::new(began, ledgers.len()),
            ledgers,
            queue: Queue::default(),
            parked: BTreeMap::new(),
            next_ticket: 0,
            slots: JoinSet::new(),
            slot_of: HashMap::new(),
            last_of: HashMap::new(),
            plans: JoinSet::new(),
            plan_of: HashMap::new(),
            receipts,
            committers,
            began,
            hopeless_at: began,
            wake: None,
        };
        (dispatcher, watcher)
    }
}

/// Begins the committer of each destination; gives where it takes its orders.
fn begin_committers(
    plan: &RunPlan,
    feed: &Feed,
    receipts: &mpsc::Sender<Receipt>,
    committers: &mut JoinSet<()>,
) -> Vec<mpsc::Sender<Order>> {
    let begin = |destination: &Arc<SharedDestination>| {
        let (sender, orders) = mpsc::channel(committer::QUEUE);
        let (destination, receipts) = (destination.clone(), receipts.clone());
        committers.spawn(committer::run(destination, orders, receipts, plan.settings.retry, feed.clone()));
        sender
    };
    plan.destinations.iter().map(begin).collect()
}

/// What the sources of a run have in common.
struct Common<'a> {
    plan: &'a RunPlan,
    orders: &'a [mpsc::Sender<Order>],
    clock: &'a Arc<dyn Clock>,
    feed: &'a Feed,
    stop: &'a CancellationToken,
    cut: &'a CancellationToken,
    began: Instant,
}

impl Common<'_> {
    /// What the slots of a source share, which writes `specs`.
    fn shared(&self, index: usize, entry: &SourceEntry, specs: &[StreamSpec]) -> Arc<SourceShared> {
        let (plan, deadlines) = (self.plan, self.plan.settings.deadlines);
        let counts = |count: u64| -> HashMap<StreamName, AtomicU64> {
            specs.iter().map(|spec| (spec.name.clone(), AtomicU64::new(count))).collect()
        };
        Arc::new(SourceShared {
            index,
            run: plan.run.clone(),
            name: entry.name.clone(),
            source: entry.source.clone(),
            transform: entry.transform.clone(),
            quality: entry.quality.clone(),
            phases: PhaseTimes::default(),
            backlog: Backlog::new(entry.source.streams()),
            dropped: AtomicU64::new(0),
            warnings: AtomicU64::new(0),
            first_warnings: Mutex::default(),
            skipped: Mutex::default(),
            destination: plan.destinations[entry.destination].destination.clone(),
            orders: self.orders[entry.destination].clone(),
            hosts: plan.hosts.clone(),
            budget: plan.budget.clone(),
            clock: self.clock.clone(),
            feed: self.feed.clone(),
            retry: entry.settings.retry.unwrap_or(plan.settings.retry),
            request_timeout: entry.settings.request_timeout.unwrap_or(deadlines.request).0,
            span: entry.settings.deadline.or(deadlines.source).map(|span| span.0),
            run_deadline: deadlines.run.map(|span| self.began + span.0),
            began: OnceLock::new(),
            stop: self.stop.child_token(),
            cut: self.cut.child_token(),
            outstanding: AtomicUsize::new(0),
            batch_weight: AtomicUsize::new(0),
            allowance: plan.limit.map_or_else(HashMap::new, counts),
            requests: counts(0),
        })
    }
}

/// What is to be seen before anything happens.
fn first_snapshot(plan: &RunPlan, ledgers: &[Ledger], places: &Places, workers: u32) -> Snapshot {
    Snapshot {
        run: plan.run.clone(),
        elapsed: Duration::ZERO,
        sources: ledgers.iter().map(|ledger| ledger.progress((0.0, 0.0))).collect(),
        in_flight: 0,
        queued: 0,
        workers: (1..=workers)
            .map(|worker| WorkerProgress::without_split(worker, WorkerAction::Idle))
            .collect(),
        pools: publish::pools(places, &Queue::<Work>::default()),
        records_per_s: 0.0,
        bytes_per_s: 0.0,
        eta: None,
        stopping: false,
        held_back: Vec::new(),
    }
}
