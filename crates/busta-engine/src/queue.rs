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
}

/// Level, cost, splits of the source under way, number: the greatest goes first.
type Rank = (u64, Duration, Reverse<usize>, Reverse<u64>);

/// Waiting items.
pub struct Queue<T> {
    lanes: BTreeMap<LaneKey, Lane<T>>,
    len: usize,
}

struct Lane<T> {
    items: BTreeMap<u64, (Ticket, T)>,
    by_cost: BTreeSet<(Priority, Duration, Reverse<u64>)>,
}

impl<T> Default for Lane<T> {
    fn default() -> Self {
        Self { items: BTreeMap::new(), by_cost: BTreeSet::new() }
    }
}

impl<T> Lane<T> {
    /// The best of the lane is its costliest or its oldest: costs order those of one level, and only
    /// the oldest can be of a higher level than the costliest by age.
    fn best(&self, now: Instant) -> Option<Ticket> {
        let (_, _, Reverse(costliest)) = self.by_cost.last()?;
        let costliest = self.items.get(costliest)?.0;
        let oldest = self.items.first_key_value()?.1.0;
        Some(if oldest.level(now) > costliest.level(now) { oldest } else { costliest })
    }

    fn take(&mut self, number: u64) -> Option<(Ticket, T)> {
        let (ticket, item) = self.items.remove(&number)?;
        self.by_cost.remove(&(ticket.priority, ticket.cost, Reverse(number)));
        Some((ticket, item))
    }
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { lanes: BTreeMap::new(), len: 0 }
    }
}

impl<T> Queue<T> {
    /// How many items wait.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Adds an item.
    pub fn push(&mut self, key: LaneKey, ticket: Ticket, item: T) {
        let lane = self.lanes.entry(key).or_default();
        lane.by_cost.insert((ticket.priority, ticket.cost, Reverse(ticket.number)));
        lane.items.insert(ticket.number, (ticket, item));
        self.len += 1;
    }

    /// Takes the item whose turn it is among the lanes that `open` lets through. `open` answers with
    /// how many splits of the lane's source are under way, or `None` if the lane is shut now.
    pub fn pop(
        &mut self,
        now: Instant,
        mut open: impl FnMut(&LaneKey) -> Option<usize>,
    ) -> Option<(LaneKey, Ticket, T)> {
        let mut best: Option<(Rank, &LaneKey)> = None;
        for (key, lane) in &self.lanes {
            let Some(under_way) = open(key) else { continue };
            let Some(ticket) = lane.best(now) else { continue };
            let rank = (ticket.level(now), ticket.cost, Reverse(under_way), Reverse(ticket.number));
            if best.as_ref().is_none_or(|(top, _)| rank > *top) {
                best = Some((rank, key));
            }
        }
        let ((_, _, _, Reverse(number)), key) = best?;
        let key = key.clone();
        let (ticket, item) = self.lanes.get_mut(&key)?.take(number)?;
        self.drop_lane_if_empty(&key);
        self.len -= 1;
        Some((key, ticket, item))
    }

    /// How many items wait in each lane.
    pub fn waiting(&self) -> impl Iterator<Item = (&LaneKey, usize)> {
        self.lanes.iter().map(|(key, lane)| (key, lane.items.len()))
    }

    /// The lanes in which something waits.
    pub fn lanes(&self) -> impl Iterator<Item = &LaneKey> {
        self.lanes.keys()
    }

    /// Takes out everything in the lanes that `which` picks.
    pub fn drain(&mut self, mut which: impl FnMut(&LaneKey) -> bool) -> Vec<T> {
        let keys: Vec<LaneKey> = self.lanes.keys().filter(|key| which(key)).cloned().collect();
        let taken: Vec<T> = keys
            .iter()
            .filter_map(|key| self.lanes.remove(key))
            .flat_map(|lane| lane.items.into_values().map(|(_, item)| item))
            .collect();
        self.len -= taken.len();
        taken
    }

    fn drop_lane_if_empty(&mut self, key: &LaneKey) {
        if self.lanes.get(key).is_some_and(|lane| lane.items.is_empty()) {
            self.lanes.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(source: usize) -> LaneKey {
        LaneKey { source, host: None }
    }

    fn ticket(number: u64, priority: Priority, cost: u64, since: Instant) -> Ticket {
        Ticket { priority, cost: Duration::from_secs(cost), since, number }
    }

    fn order(queue: &mut Queue<u64>, now: Instant) -> Vec<u64> {
        std::iter::from_fn(|| queue.pop(now, |_| Some(0)).map(|(_, _, item)| item)).collect()
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
            let (_, _, item) = queue.pop(now, |_| Some(0)).unwrap();
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
        let open = |key: &LaneKey| (key.source == 1).then_some(0);
        assert_eq!(queue.pop(now, open).unwrap().2, 1);
        assert!(queue.pop(now, open).is_none());
        assert_eq!(queue.drain(|_| true), [0]);
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
        while let Some((key, _, item)) = queue.pop(now, |key| Some(under_way[key.source])) {
            under_way[key.source] += 1;
            taken.push(item);
        }
        assert_eq!(taken, [0, 3, 1, 4, 2, 5]);
    }
}
