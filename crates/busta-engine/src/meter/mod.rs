//! The engine's side of [`Meter`]: counts a source's requests and heeds what their answers say.
//!
//! A source has one meter as long as the process lives, so its counts only grow, run after run.

mod figures;
mod freshness;
mod latency;

use std::collections::{BTreeMap, BTreeSet};
use std::future::ready;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use busta_core::meter::{Meter, Permit, Request, Spare};
use busta_core::{BudgetSettings, Committed, HostKey, StreamName};
use tokio::time::Instant;

use crate::hosts::{Hosts, Place};
use crate::phases::Total;
use crate::places::Places;
use crate::spending::{Allowance, DailyLimit};
use crate::worker;
pub use figures::{SourceFigures, StreamFigures};
use freshness::Freshness;
use latency::Histogram;
pub use latency::Latencies;

/// So many hosts of a source are remembered.
const MOST_HOSTS: usize = 100;

/// Counts the requests of one source.
pub struct SourceMeter {
    hosts: Arc<Hosts>,
    requests: AtomicU64,
    bytes: AtomicU64,
    waited: Total,
    latency: Histogram,
    retries: AtomicU64,
    limited: AtomicU64,
    splits: AtomicU64,
    failures: AtomicU64,
    /// Requests by the status of their answer; `None` if there was none.
    statuses: Mutex<BTreeMap<Option<u16>, u64>>,
    /// Whom it has asked; the first so many.
    asked: Mutex<BTreeSet<HostKey>>,
    streams: Mutex<BTreeMap<StreamName, StreamFigures>>,
    /// The places of the run that the source is part of, and its number there.
    run: Mutex<(Weak<Places>, usize)>,
    /// What that run's answers said about when to ask again.
    fresh: Mutex<Freshness>,
    /// What that run may send, while it is under way.
    allowance: Mutex<Option<Arc<Allowance>>>,
    /// What all runs of a day may send.
    day: OnceLock<Arc<DailyLimit>>,
}

impl SourceMeter {
    /// A meter that tells `hosts` about limits.
    pub fn new(hosts: Arc<Hosts>) -> Arc<Self> {
        Arc::new(Self {
            hosts,
            requests: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            waited: Total::default(),
            latency: Histogram::default(),
            retries: AtomicU64::new(0),
            limited: AtomicU64::new(0),
            splits: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            statuses: Mutex::default(),
            asked: Mutex::default(),
            streams: Mutex::default(),
            run: Mutex::default(),
            fresh: Mutex::default(),
            allowance: Mutex::default(),
            day: OnceLock::new(),
        })
    }

    /// Holds the source to so many requests a day, in runs and between them. Of effect once.
    pub fn limit_days(&self, limit: Arc<DailyLimit>) {
        let _ = self.day.set(limit);
    }

    /// From now on the source is number `source` of the run that `places` belongs to, and may send what
    /// `budget` allows a run.
    pub(crate) fn serve(&self, places: &Arc<Places>, source: usize, budget: Option<BudgetSettings>) {
        *locked(&self.run) = (Arc::downgrade(places), source);
        *locked(&self.fresh) = Freshness::default();
        let allowance = budget.map(|budget| Allowance::new(budget, self.day.get().cloned()));
        *locked(&self.allowance) = allowance;
    }

    /// Why the run's budget has refused a request, if it has.
    pub(crate) fn refused(&self) -> Option<String> {
        locked(&self.allowance).as_ref()?.refused()
    }

    /// The run is over.
    pub(crate) async fn settle(&self) {
        *locked(&self.allowance) = None;
        if let Some(day) = self.day.get()
            && let Err(error) = day.settle().await
        {
            tracing::warn!(error = %error, "requests that were not sent stay counted in their day");
        }
    }

    /// How long after `now` its servers ask to be left alone, by what they said in this run.
    pub(crate) fn fresh(&self, now: Instant) -> Option<Duration> {
        locked(&self.fresh).left(now)
    }

    /// Requests so far.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// How long its readers have waited for servers and disks.
    pub fn waited_for(&self) -> Duration {
        self.waited.get()
    }

    /// Bytes received or read so far.
    pub fn bytes_read(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// All that was counted so far.
    pub fn figures(&self) -> SourceFigures {
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        SourceFigures {
            requests: get(&self.requests),
            bytes: get(&self.bytes),
            waited: self.waited.get(),
            latency: self.latency.get(),
            retries: get(&self.retries),
            limited: get(&self.limited),
            splits: get(&self.splits),
            failures: get(&self.failures),
            statuses: locked(&self.statuses).clone(),
            streams: locked(&self.streams).clone(),
        }
    }

    /// The hosts that it has asked, and no more than a hundred.
    pub fn asked(&self) -> BTreeSet<HostKey> {
        locked(&self.asked).clone()
    }

    fn note_host(&self, host: &HostKey) {
        let mut asked = locked(&self.asked);
        if asked.len() < MOST_HOSTS && !asked.contains(host) {
            asked.insert(host.clone());
        }
    }

    /// Something is tried again, so often.
    pub(crate) fn retried(&self, times: u32) {
        self.retries.fetch_add(times.into(), Ordering::Relaxed);
    }

    /// Something waits because its host asked for it, so often.
    pub(crate) fn limited(&self, times: u32) {
        self.limited.fetch_add(times.into(), Ordering::Relaxed);
    }

    /// A split was read to its end, durably.
    pub(crate) fn split_done(&self) {
        self.splits.fetch_add(1, Ordering::Relaxed);
    }

    /// A chunk is durable.
    pub(crate) fn landed(&self, stream: &StreamName, committed: &Committed, failures: u64) {
        if committed.already {
            return;
        }
        self.failures.fetch_add(failures, Ordering::Relaxed);
        let mut streams = locked(&self.streams);
        // Looked for first, so that a name is copied once and not with every chunk.
        match streams.get_mut(stream) {
            Some(counts) => counts.landed(committed),
            None => streams.entry(stream.clone()).or_default().landed(committed),
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Meter for SourceMeter {
    fn asking(&self, url: &str) {
        worker::asking(url);
    }

    fn permit(&self) -> Permit<'_> {
        let allowance = locked(&self.allowance).clone();
        let day = self.day.get().cloned();
        match (allowance, day) {
            (Some(allowance), _) => {
                let taken = async move {
                    let taken = allowance.take().await;
                    // Else it could not be counted, which may pass.
                    if taken.is_err() && allowance.refused().is_some() {
                        worker::refused();
                    }
                    taken
                };
                Box::pin(taken)
            }
            (None, Some(day)) => Box::pin(async move { day.permit().await }),
            (None, None) => Box::pin(ready(Ok(()))),
        }
    }

    fn request(&self, seen: &Request<'_>) {
        *locked(&self.statuses).entry(seen.status).or_default() += 1;
        self.note_host(seen.host);
        if seen.status.is_some() {
            self.latency.observe(seen.latency);
        }
        self.requests.fetch_add(1, Ordering::Relaxed);
        worker::requested();
        self.bytes.fetch_add(seen.bytes, Ordering::Relaxed);
        self.waited.add(worker::waited(seen.latency));
        let now = Instant::now();
        if let Some(wait) = seen.limits.retry_after {
            locked(&self.fresh).refused(now, wait);
        }
        self.hosts.requested(seen, now);
    }

    fn bytes(&self, count: u64) {
        self.bytes.fetch_add(count, Ordering::Relaxed);
    }

    fn waited(&self, time: Duration) {
        self.waited.add(time);
    }

    fn fresh_for(&self, time: Duration) {
        locked(&self.fresh).answered(Instant::now(), time);
    }

    fn spare(&self, host: &HostKey) -> Option<Spare> {
        let (places, source) = locked(&self.run).clone();
        let places = places.upgrade()?;
        // Asked first, so that a host which is full wakes nobody.
        self.hosts.would_admit(host, Instant::now()).ok()?;
        let worker = places.spare(source)?;
        let mut held = Held { places, source, worker, host: None, hosts: self.hosts.clone() };
        let place = self.hosts.admit(host, Instant::now()).ok()?;
        held.host = Some((host.clone(), place));
        Some(Spare::new(held))
    }

    fn turn(&self, host: &HostKey) -> bool {
        self.hosts.turn(host, Instant::now()).is_ok()
    }

    fn ahead(&self, host: &HostKey, bytes: usize) -> bool {
        // A page that was paid for is to be read, whatever happens to the one before it.
        locked(&self.allowance).is_none() && worker::ahead(host, bytes, || self.turn(host))
    }
}

/// The places that a spare request takes up.
struct Held {
    places: Arc<Places>,
    source: usize,
    worker: u32,
    host: Option<(HostKey, Place)>,
    hosts: Arc<Hosts>,
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some((host, place)) = &self.host {
            self.hosts.release(host, *place);
        }
        self.places.release(self.source, self.worker);
    }
}
