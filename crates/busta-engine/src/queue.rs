//! The order in which waiting splits are admitted.
//!
//! Splits wait in *lanes*, one per source and host, because everything that may keep a split from
//! being admitted (places of its source, pool and host, a pause of its host) holds for its whole lane.
//! Between the lanes that are open, the best candidate goes first:
//!
//! 1. the higher level: its priority, plus one for every [`AGING`] it has waited, so nothing starves;
//! 2. the longer expected duration, since starting long work late is what makes a run long (Graham's
//!    longest-processing-time rule, <https://doi.org/10.1137/0117039>);
//! 3. the source with fewer splits under way, so that sources share what is there;
//! 4. the one that came first.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use busta_core::{HostKey, Priority};
use tokio::time::Instant;

/// A waiting split rises by one level of priority each time it has waited this long.
pub const AGING: Duration = Duration::from_secs(30);

/// What all splits of a lane have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LaneKey {
    /// The source, by its place in the plan.
    pub source: usize,
    /// The host, if requests go to one.
    pub host: Option<HostKey>,
}

/// What decides about a waiting item's turn.
#[derive(Clone, Copy, Debug)]
pub struct Ticket {
    /// Its priority.
    pub priority: Priority,
    /// How long it will take, as far as one knows.
    pub cost: Duration,
    /// Since when it waits.
    pub since: Instant,
    /// Its number in the order of arrival; unique, kept when it comes back from being parked.
    pub number: u64,
}

impl Ticket {
    fn level(&self, now: Instant) -> u64 {
        let waited = now.saturating_duration_since(self.since);
        self.priority as u64 + waited.as_secs() / AGING.as_secs()
    }

    fn rank(&self) -> Cost {
        (self.priority, self.cost, Reverse(self.number))
    }
}

/// Level, cost, splits of the source under way, number: the greatest goes first.
type Rank = (u64, Duration, Reverse<usize>, Reverse<u64>);

/// Waiting items.
pub struct Queue<T> {
    lanes: BTreeMap<LaneKey, Lane<T>>,
    /// The lanes of each source, so that only those are looked at which may go first.
    turns: BTreeMap<usize, Turns>,
    len: usize,
}

struct Lane<T> {
    items: BTreeMap<u64, (Ticket, T)>,
    by_cost: BTreeSet<Cost>,
}

/// What orders the items of one level: the last is the best.
type Cost = (Priority, Duration, Reverse<u64>);

/// The lanes of one source, each by its costliest and by its oldest item.
#[derive(Default)]
struct Turns {
    by_cost: BTreeSet<(Cost, Option<HostKey>)>,
    by_age: BTreeSet<(u64, Option<HostKey>)>,
}

impl Turns {
    fn add<T>(&mut self, host: &Option<HostKey>, lane: &Lane<T>) {
        if let Some((costliest, oldest)) = lane.ends() {
            self.by_cost.insert((costliest, host.clone()));
            self.by_age.insert((oldest, host.clone()));
        }
    }

    fn remove<T>(&mut self, host: &Option<HostKey>, lane: &Lane<T>) {
        if let Some((costliest, oldest)) = lane.ends() {
            self.by_cost.remove(&(costliest, host.clone()));
            self.by_age.remove(&(oldest, host.clone()));
        }
    }
}

impl<T> Default for Lane<T> {
    fn default() -> Self {
        Self { items: BTreeMap::new(), by_cost: BTreeSet::new() }
    }
}

impl<T> Lane<T> {
    /// Its costliest item, and the number of its oldest.
    fn ends(&self) -> Option<(Cost, u64)> {
        Some((*self.by_cost.last()?, *self.items.first_key_value()?.0))
    }

    fn ticket(&self, number: u64) -> Option<Ticket> {
        self.items.get(&number).map(|(ticket, _)| *ticket)
    }

    fn add(&mut self, ticket: Ticket, item: T) {
        self.by_cost.insert(ticket.rank());
        self.items.insert(ticket.number, (ticket, item));
    }

    fn take(&mut self, number: u64) -> Option<(Ticket, T)> {
        let (ticket, item) = self.items.remove(&number)?;
        self.by_cost.remove(&ticket.rank());
        Some((ticket, item))
    }
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { lanes: BTreeMap::new(), turns: BTreeMap::new(), len: 0 }
    }
}

impl<T> Queue<T> {
    /// How many items wait.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Adds an item.
    pub fn push(&mut self, key: LaneKey, ticket: Ticket, item: T) {
        self.change(&key, |lane| lane.add(ticket, item));
        self.len += 1;
    }

    /// Takes the item whose turn it is among the sources that have room and the lanes that are open.
    /// `has_room` answers with how many splits of a source are under way, or `None` if it may have no more.
    pub fn pop(
        &mut self,
        now: Instant,
        mut has_room: impl FnMut(usize) -> Option<usize>,
        mut is_open: impl FnMut(&LaneKey) -> bool,
    ) -> Option<(LaneKey, Ticket, T)> {
        let mut best: Option<(Rank, LaneKey)> = None;
        for (source, turns) in &self.turns {
            let Some(under_way) = has_room(*source) else { continue };
            let Some((key, ticket)) = self.best_of(*source, turns, now, &mut is_open) else { continue };
            let rank = (ticket.level(now), ticket.cost, Reverse(under_way), Reverse(ticket.number));
            if best.as_ref().is_none_or(|(top, _)| rank > *top) {
                best = Some((rank, key));
            }
        }
        let ((_, _, _, Reverse(number)), key) = best?;
        let (ticket, item) = self.change(&key, |lane| lane.take(number))?;
        self.len -= 1;
        Some((key, ticket, item))
    }

    /// How many items wait in each lane.
    pub fn waiting(&self) -> impl Iterator<Item = (&LaneKey, usize)> {
        self.lanes.iter().map(|(key, lane)| (key, lane.items.len()))
    }

    /// The best of a source is its costliest or its oldest: costs order those of one level, and nobody can
    /// be of a higher level than the costliest by age but the oldest, since a source has one priority.
    fn best_of(
        &self,
        source: usize,
        turns: &Turns,
        now: Instant,
        is_open: &mut impl FnMut(&LaneKey) -> bool,
    ) -> Option<(LaneKey, Ticket)> {
        let find = |number: u64, host: &Option<HostKey>| {
            let key = LaneKey { source, host: host.clone() };
            let ticket = self.lanes.get(&key)?.ticket(number)?;
            Some((key, ticket))
        };
        let costliest = turns
            .by_cost
            .iter()
            .rev()
            .filter_map(|((_, _, Reverse(number)), host)| find(*number, host))
            .find(|(key, _)| is_open(key))?;
        let level = costliest.1.level(now);
        let oldest = turns
            .by_age
            .iter()
            .filter_map(|(number, host)| find(*number, host))
            .take_while(|(_, ticket)| ticket.level(now) > level)
            .find(|(key, _)| is_open(key));
        Some(oldest.unwrap_or(costliest))
    }

    /// The sources of which something waits.
    pub fn sources(&self) -> impl Iterator<Item = usize> {
        self.turns.keys().copied()
    }

    /// Takes out everything in the lanes that `which` picks; each with its source.
    pub fn drain(&mut self, mut which: impl FnMut(&LaneKey) -> bool) -> Vec<(usize, T)> {
        let keys: Vec<LaneKey> = self.lanes.keys().filter(|key| which(key)).cloned().collect();
        let with_source = |key: LaneKey| {
            let source = key.source;
            self.drain_lane(&key).into_iter().map(move |item| (source, item))
        };
        keys.into_iter().flat_map(with_source).collect()
    }

    /// Takes out everything in one lane.
    pub fn drain_lane(&mut self, key: &LaneKey) -> Vec<T> {
        if !self.lanes.contains_key(key) {
            return Vec::new();
        }
        let lane = self.change(key, std::mem::take);
        self.len -= lane.items.len();
        lane.items.into_values().map(|(_, item)| item).collect()
    }

    /// Changes a lane, and its place among the others.
    fn change<R>(&mut self, key: &LaneKey, change: impl FnOnce(&mut Lane<T>) -> R) -> R {
        let lane = self.lanes.entry(key.clone()).or_default();
        let turns = self.turns.entry(key.source).or_default();
        turns.remove(&key.host, lane);
        let result = change(lane);
        turns.add(&key.host, lane);
        if lane.items.is_empty() {
            self.lanes.remove(key);
        }
        if turns.by_age.is_empty() {
            self.turns.remove(&key.source);
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn lane(source: usize) -> LaneKey {
        LaneKey { source, host: None }
    }

    fn ticket(number: u64, priority: Priority, cost: u64, since: Instant) -> Ticket {
        Ticket { priority, cost: Duration::from_secs(cost), since, number }
    }

    fn order(queue: &mut Queue<u64>, now: Instant) -> Vec<u64> {
        std::iter::from_fn(|| queue.pop(now, |_| Some(0), |_| true).map(|(_, _, item)| item)).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn priority_then_length_then_arrival() {
        let now = Instant::now();
        let mut queue = Queue::default();
        for (number, priority, cost) in [
            (1, Priority::Low, 90),
            (2, Priority::Normal, 1),
            (3, Priority::Normal, 9),
            (4, Priority::Critical, 1),
            (5, Priority::Normal, 9),
            (6, Priority::High, 1),
        ] {
            queue.push(lane(number as usize % 2), ticket(number, priority, cost, now), number);
        }
        assert_eq!(order(&mut queue, now), [4, 6, 3, 5, 2, 1]);
        assert_eq!(queue.len(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_splits_rise() {
        let start = Instant::now();
        let mut queue = Queue::default();
        queue.push(lane(0), ticket(0, Priority::Low, 1, start), 0);
        // A source that keeps asking for more at critical priority, for ever.
        for number in 1.. {
            tokio::time::advance(Duration::from_secs(1)).await;
            let now = Instant::now();
            queue.push(lane(1), ticket(number, Priority::Critical, 5, now), number);
            let (_, _, item) = queue.pop(now, |_| Some(0), |_| true).unwrap();
            if item == 0 {
                break;
            }
            assert!(number < 200, "the low one starves");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn shut_lanes_are_passed_over() {
        let now = Instant::now();
        let mut queue = Queue::default();
        queue.push(lane(0), ticket(0, Priority::Critical, 1, now), 0);
        queue.push(lane(1), ticket(1, Priority::Low, 1, now), 1);
        let room = |source: usize| (source == 1).then_some(0);
        assert_eq!(queue.pop(now, room, |_| true).unwrap().2, 1);
        assert!(queue.pop(now, room, |_| true).is_none());
        assert!(queue.pop(now, |_| Some(0), |_| false).is_none());
        assert_eq!(queue.drain(|_| true), [(0, 0)]);
        assert_eq!(queue.len(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn sources_share_when_nothing_else_decides() {
        let now = Instant::now();
        let mut queue = Queue::default();
        for number in 0..6 {
            queue.push(lane((number / 3) as usize), ticket(number, Priority::Normal, 1, now), number);
        }
        let mut under_way = [0, 0];
        let mut taken = Vec::new();
        while let Some((key, _, item)) = queue.pop(now, |source| Some(under_way[source]), |_| true) {
            under_way[key.source] += 1;
            taken.push(item);
        }
        assert_eq!(taken, [0, 3, 1, 4, 2, 5]);
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_lanes_that_may_go_first_are_looked_at() {
        let now = Instant::now();
        let mut queue = Queue::default();
        for number in 0..1000 {
            let host = Some(format!("h{number}").as_str().into());
            queue.push(LaneKey { source: 0, host }, ticket(number, Priority::Normal, 1, now), number);
        }
        let mut looks = 0;
        let mut pop = |queue: &mut Queue<u64>, shut: u64| {
            let is_open = |key: &LaneKey| {
                looks += 1;
                key.host.as_ref().is_some_and(|host| host.as_str() != format!("h{shut}"))
            };
            queue.pop(now, |_| Some(0), is_open).map(|(_, _, item)| item)
        };
        assert_eq!(pop(&mut queue, 0), Some(1));
        assert_eq!(std::iter::from_fn(|| pop(&mut queue, 9999)).count(), 999);
        assert_eq!(looks, 2 + 999);
    }

    proptest::proptest! {
        /// Whatever comes and goes, and however long it waits: everything comes out once, and nobody goes
        /// before one of his source who has waited a level longer, or is as old and costs more.
        #[test]
        fn everything_comes_out_once_and_in_order(
            items in proptest::collection::vec((0usize..3, 0u8..4, 0u64..9, 0u64..40), 1..60),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().start_paused(true).enable_time().build().unwrap();
            runtime.block_on(async {
                let mut queue = Queue::default();
                for (number, (source, host, cost, wait)) in items.iter().enumerate() {
                    tokio::time::advance(Duration::from_secs(*wait)).await;
                    let key = LaneKey { source: *source, host: Some(format!("h{host}").as_str().into()) };
                    let ticket = ticket(number as u64, Priority::Normal, *cost, Instant::now());
                    queue.push(key, ticket, ticket);
                }
                let now = Instant::now();
                let mut last: HashMap<usize, Ticket> = HashMap::new();
                let mut count = 0;
                while let Some((key, _, ticket)) = queue.pop(now, |_| Some(0), |_| true) {
                    if let Some(before) = last.insert(key.source, ticket) {
                        let older = before.level(now) > ticket.level(now);
                        let same = before.level(now) == ticket.level(now);
                        assert!(older || before.number < ticket.number || (same && before.cost >= ticket.cost));
                    }
                    count += 1;
                }
                assert_eq!((count, queue.len(), queue.sources().count()), (items.len(), 0, 0));
            });
        }
    }
}
