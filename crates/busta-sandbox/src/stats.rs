//! The judge: what the origin saw, which is what decides whether limits were kept.
//!
//! A request is in flight from the moment its header has arrived until its body has been handed to
//! the connection, or its client is gone. The count falls just *before* the last bytes leave, so
//! that a client that starts its next request on receiving them is never counted twice.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use busta_core::clock::{Clock, SystemClock};
use serde::{Deserialize, Serialize};

use crate::dataset::lock;

/// So many routes and groups are counted one by one; further ones are counted together.
const MAX_TALLIES: usize = 4096;
/// So many URLs are counted one by one; further ones are not listed.
const MAX_URLS: usize = 250_000;
/// The name under which routes beyond [`MAX_TALLIES`] are counted.
const OTHERS: &str = "(others)";
/// The span over which [`Tally::max_per_second`] slides.
const SECOND: u64 = 1_000_000;

/// What the origin saw since it was started or reset.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Stats {
    /// How long this has been counted, in microseconds.
    pub elapsed_us: u64,
    /// Connections that were accepted.
    pub connections: u64,
    /// All requests but those to `/_sandbox`.
    pub total: Tally,
    /// By path, without the query, with `{id}` in place of segments of digits.
    pub routes: BTreeMap<String, Tally>,
    /// By the name given in `/as/{name}`, by the first part of the path behind all prefixes
    /// (`/rest`, `/feeds`, `/oauth`), by host and port (`127.0.0.1:40123`), and by the configured
    /// path prefixes.
    pub groups: BTreeMap<String, Tally>,
    /// By method, path and query (and the JSON body of a POST).
    pub urls: BTreeMap<String, Fetches>,
    /// How many further URLs are not listed.
    pub urls_left_out: u64,
}

/// Requests of one route or group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// Requests whose header arrived.
    pub requests: u64,
    /// Of these, how many are in flight now.
    pub in_flight: u64,
    /// The most that were in flight at once.
    pub max_in_flight: u64,
    /// The mean of what was in flight between the first and the last event.
    pub mean_in_flight: f64,
    /// The most requests that arrived within any second.
    pub max_per_second: u64,
    /// Bytes of bodies that were handed out.
    pub bytes: u64,
    /// Answers by status, counted when they end. Resets and hangs have none.
    pub statuses: BTreeMap<u16, u64>,
    /// Answers 304.
    pub not_modified: u64,
    /// Answers 429.
    pub rate_limited: u64,
    /// Faults that struck, by kind.
    pub faults: BTreeMap<String, u64>,
    /// Answers that were handed out to their end, whatever their status.
    pub completed: u64,
    /// Answers that began and were not handed out to their end: the client left, or a fault cut them.
    pub cut: u64,
    /// Requests whose client left before the body was handed out.
    pub abandoned: u64,
    /// When the first request arrived, in microseconds since this is counted.
    pub first_request_us: Option<u64>,
    /// When the first request arrived, in microseconds of Unix time.
    pub first_request_unix_us: Option<i64>,
    /// When the last answer ended, in microseconds since this is counted.
    pub last_answer_us: Option<u64>,
}

/// How often one URL was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetches {
    /// Requests.
    pub requests: u64,
    /// Of these, how many were answered with a status from 200 to 299 and an undamaged body that
    /// was handed out to its end.
    pub served: u64,
}

impl Stats {
    /// A route's tally; all zeros for one that nobody asked for.
    pub fn route(&self, path: &str) -> Tally {
        self.routes.get(path).cloned().unwrap_or_default()
    }

    /// A group's tally; all zeros for one that nobody asked for.
    pub fn group(&self, name: &str) -> Tally {
        self.groups.get(name).cloned().unwrap_or_default()
    }

    /// URLs that were served in full more than `times` times.
    pub fn served_more_than(&self, times: u64) -> impl Iterator<Item = (&str, Fetches)> {
        self.urls.iter().filter(move |(_, f)| f.served > times).map(|(url, f)| (url.as_str(), *f))
    }
}

/// Counts.
pub(crate) struct Judge {
    inner: Mutex<Inner>,
}

struct Inner {
    since: Instant,
    /// Goes up with each reset, so that visits from before do not count behind it.
    age: u64,
    connections: u64,
    ids: HashMap<Key, usize>,
    counters: Vec<Counter>,
    urls: HashMap<String, Fetches>,
    urls_left_out: u64,
}

/// What a counter counts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    Total,
    Route(String),
    Group(String),
}

#[derive(Default)]
struct Counter {
    tally: Tally,
    arrivals: VecDeque<u64>,
    /// The integral of what is in flight, in request-microseconds.
    area: u128,
    changed_us: u64,
}

impl Counter {
    fn step(&mut self, now: u64) {
        self.area += u128::from(self.tally.in_flight) * u128::from(now.saturating_sub(self.changed_us));
        self.changed_us = now;
    }

    fn begin(&mut self, now: u64, unix_us: i64) {
        self.step(now);
        let tally = &mut self.tally;
        tally.requests += 1;
        tally.in_flight += 1;
        tally.max_in_flight = tally.max_in_flight.max(tally.in_flight);
        tally.first_request_us.get_or_insert(now);
        tally.first_request_unix_us.get_or_insert(unix_us);
        while self.arrivals.front().is_some_and(|&at| at + SECOND <= now) {
            self.arrivals.pop_front();
        }
        self.arrivals.push_back(now);
        tally.max_per_second = tally.max_per_second.max(self.arrivals.len() as u64);
    }

    fn end(&mut self, now: u64, visit: &Visit) {
        self.step(now);
        let tally = &mut self.tally;
        tally.in_flight -= 1;
        tally.last_answer_us = Some(now);
        tally.bytes += visit.bytes;
        if let Some(status) = visit.status {
            tally.completed += u64::from(visit.complete);
            tally.cut += u64::from(!visit.complete);
            *tally.statuses.entry(status).or_default() += 1;
            tally.not_modified += u64::from(status == 304);
            tally.rate_limited += u64::from(status == 429);
        }
        if let Some(fault) = &visit.fault {
            *tally.faults.entry(fault.clone()).or_default() += 1;
        }
        tally.abandoned += u64::from(!visit.complete && visit.fault.is_none());
    }

    /// Forgets all but what is in flight.
    fn reset(&mut self) {
        let in_flight = self.tally.in_flight;
        *self = Self::default();
        self.tally.in_flight = in_flight;
        self.tally.max_in_flight = in_flight;
    }

    fn snapshot(&self, now: u64) -> Tally {
        let mut tally = self.tally.clone();
        let pending = u128::from(tally.in_flight) * u128::from(now.saturating_sub(self.changed_us));
        let end = if tally.in_flight > 0 { now } else { self.changed_us };
        let span = end.saturating_sub(tally.first_request_us.unwrap_or(end));
        tally.mean_in_flight = if span == 0 { 0.0 } else { (self.area + pending) as f64 / span as f64 };
        tally
    }
}

impl Judge {
    pub(crate) fn new() -> Self {
        let inner = Inner {
            since: Instant::now(),
            age: 0,
            connections: 0,
            ids: HashMap::new(),
            counters: Vec::new(),
            urls: HashMap::new(),
            urls_left_out: 0,
        };
        Self { inner: Mutex::new(inner) }
    }

    pub(crate) fn connected(&self) {
        lock(&self.inner).connections += 1;
    }

    /// Counts a request as in flight, for each of `keys`, until the visit is dropped.
    pub(crate) fn begin(self: &Arc<Self>, keys: impl IntoIterator<Item = Key>) -> Visit {
        let unix_us = SystemClock.now().timestamp_micros();
        let mut inner = lock(&self.inner);
        let now = inner.now();
        let counters: Vec<usize> = keys.into_iter().map(|key| inner.counter(key)).collect();
        for &id in &counters {
            inner.counters[id].begin(now, unix_us);
        }
        Visit {
            judge: Arc::clone(self),
            age: inner.age,
            counters,
            url: None,
            status: None,
            fault: None,
            bytes: 0,
            complete: false,
        }
    }

    pub(crate) fn reset(&self) {
        let mut inner = lock(&self.inner);
        inner.since = Instant::now();
        inner.age += 1;
        inner.connections = 0;
        inner.urls.clear();
        inner.urls_left_out = 0;
        inner.counters.iter_mut().for_each(Counter::reset);
    }

    pub(crate) fn stats(&self) -> Stats {
        let inner = lock(&self.inner);
        let now = inner.now();
        let mut stats = Stats {
            elapsed_us: now,
            connections: inner.connections,
            urls: inner.urls.iter().map(|(url, fetches)| (url.clone(), *fetches)).collect(),
            urls_left_out: inner.urls_left_out,
            ..Stats::default()
        };
        for (key, &id) in &inner.ids {
            let tally = inner.counters[id].snapshot(now);
            if tally.requests == 0 && tally.in_flight == 0 {
                continue;
            }
            match key {
                Key::Total => stats.total = tally,
                Key::Route(path) => drop(stats.routes.insert(path.clone(), tally)),
                Key::Group(name) => drop(stats.groups.insert(name.clone(), tally)),
            }
        }
        stats
    }
}

impl Inner {
    fn now(&self) -> u64 {
        self.since.elapsed().as_micros() as u64
    }

    fn counter(&mut self, key: Key) -> usize {
        let full = self.ids.len() >= MAX_TALLIES && !self.ids.contains_key(&key);
        let key = if full { Key::Route(OTHERS.to_owned()) } else { key };
        let next = self.counters.len();
        let id = *self.ids.entry(key).or_insert(next);
        if id == next {
            self.counters.push(Counter::default());
        }
        id
    }

    fn fetches(&mut self, url: &str) -> Option<&mut Fetches> {
        if !self.urls.contains_key(url) {
            if self.urls.len() >= MAX_URLS {
                return None;
            }
            self.urls.insert(url.to_owned(), Fetches::default());
        }
        self.urls.get_mut(url)
    }
}

/// One request while it is in flight.
pub(crate) struct Visit {
    judge: Arc<Judge>,
    age: u64,
    counters: Vec<usize>,
    url: Option<String>,
    /// The status that was answered.
    pub(crate) status: Option<u16>,
    /// The fault that struck.
    pub(crate) fault: Option<String>,
    /// The bytes of the body so far.
    pub(crate) bytes: u64,
    /// Whether the body was handed out to its end.
    pub(crate) complete: bool,
}

impl Visit {
    /// Counts a request of `url`.
    pub(crate) fn locate(&mut self, url: &str) {
        let mut inner = lock(&self.judge.inner);
        match inner.fetches(url) {
            Some(fetches) => {
                fetches.requests += 1;
                self.url = Some(url.to_owned());
            }
            None => inner.urls_left_out += 1,
        }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let mut inner = lock(&self.judge.inner);
        let now = inner.now();
        if self.age != inner.age {
            // Only the count of what is in flight outlives a reset.
            for &id in &self.counters {
                inner.counters[id].step(now);
                inner.counters[id].tally.in_flight -= 1;
            }
            return;
        }
        for &id in &self.counters {
            inner.counters[id].end(now, self);
        }
        let served = self.complete
            && self.fault.as_deref().is_none_or(|fault| fault == "slow")
            && self.status.is_some_and(|status| (200..300).contains(&status));
        if let (true, Some(url)) = (served, self.url.as_deref())
            && let Some(fetches) = inner.fetches(url)
        {
            fetches.served += 1;
        }
    }
}

/// How long after the judge started something was, for tests that compare with their own clock.
impl Tally {
    /// The time between the first request and the last answer.
    pub fn span(&self) -> Duration {
        let first = self.first_request_us.unwrap_or(0);
        Duration::from_micros(self.last_answer_us.unwrap_or(first).saturating_sub(first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> [Key; 2] {
        [Key::Total, Key::Route("/a".into())]
    }

    #[test]
    fn what_is_in_flight_is_counted_until_it_is_dropped() {
        let judge = Arc::new(Judge::new());
        let first = judge.begin(keys());
        let second = judge.begin([Key::Total]);
        assert_eq!((judge.stats().total.in_flight, judge.stats().route("/a").in_flight), (2, 1));
        drop(first);
        drop(second);
        let stats = judge.stats();
        assert_eq!((stats.total.in_flight, stats.total.max_in_flight), (0, 2));
        assert_eq!(stats.route("/a").max_in_flight, 1);
        assert_eq!(stats.total.abandoned, 2);
    }

    #[test]
    fn urls_count_requests_and_what_was_served() {
        let judge = Arc::new(Judge::new());
        for (status, complete) in [(200, true), (200, false), (500, true)] {
            let mut visit = judge.begin(keys());
            visit.locate("GET /a");
            visit.status = Some(status);
            visit.complete = complete;
        }
        let stats = judge.stats();
        assert_eq!(stats.urls["GET /a"], Fetches { requests: 3, served: 1 });
        assert_eq!(stats.total.statuses, BTreeMap::from([(200, 2), (500, 1)]));
        assert_eq!(stats.served_more_than(0).count(), 1);
        assert_eq!(stats.served_more_than(1).count(), 0);
    }

    #[test]
    fn a_reset_keeps_only_what_is_in_flight() {
        let judge = Arc::new(Judge::new());
        let visit = judge.begin(keys());
        drop(judge.begin(keys()));
        judge.reset();
        let stats = judge.stats();
        assert_eq!((stats.total.requests, stats.total.in_flight, stats.total.max_in_flight), (0, 1, 1));
        drop(visit);
        assert_eq!(judge.stats().total.in_flight, 0);
        assert!(judge.stats().total.statuses.is_empty());
    }

    #[test]
    fn the_sliding_second_and_the_mean_are_right() {
        let mut counter = Counter::default();
        for at in [0, 400_000, 999_999, 1_000_000, 3_000_000] {
            counter.begin(at, 0);
        }
        assert_eq!(counter.tally.max_per_second, 3);
        let mut counter = Counter::default();
        counter.begin(1_000_000, 0);
        counter.begin(2_000_000, 0);
        assert!((counter.snapshot(3_000_000).mean_in_flight - 1.5).abs() < 1e-9);
    }
}
