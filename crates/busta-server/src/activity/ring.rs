use std::collections::VecDeque;
use std::sync::Arc;

use busta_core::event::Event;

use super::StoredEvent;

/// How much of the past is kept in memory.
#[derive(Clone, Copy, Debug)]
pub struct RingLimits {
    /// How many events.
    pub events: usize,
    /// How many bytes of events, as far as their texts make them.
    pub bytes: usize,
}

impl Default for RingLimits {
    /// 16,384 events, and 16 MiB: a quarter of an hour of a busy collection.
    fn default() -> Self {
        Self { events: 16_384, bytes: 16 << 20 }
    }
}

/// The newest events, in the order of their ids.
pub(super) struct Ring {
    limits: RingLimits,
    events: VecDeque<Arc<StoredEvent>>,
    bytes: usize,
    /// The newest id.
    last: u64,
    /// Everything up to this id is not, or no longer, here.
    floor: u64,
}

/// Some events of the feed.
#[derive(Debug)]
pub struct Reading {
    /// The events, oldest first.
    pub events: Vec<Arc<StoredEvent>>,
    /// Whether events behind the place that was asked for are gone.
    pub missed: bool,
    /// The oldest id that can be had: that of the oldest event here, or of the next.
    pub oldest: u64,
    /// The newest id.
    pub newest: u64,
}

impl Ring {
    pub(super) fn new(last: u64, limits: RingLimits) -> Self {
        Self { limits, events: VecDeque::new(), bytes: 0, last, floor: last }
    }

    /// Appends an event and answers its id, with what had to go.
    pub(super) fn push(&mut self, now: u64, event: Event) -> (u64, Option<Arc<StoredEvent>>) {
        self.last = now.max(self.last + 1);
        let stored = Arc::new(StoredEvent::new(self.last, event));
        self.bytes += stored.weight();
        self.events.push_back(stored);
        let mut dropped = None;
        // One large event can push several small ones out; the last event is kept whatever it weighs.
        while self.events.len() > self.limits.events.max(1)
            || (self.bytes > self.limits.bytes && self.events.len() > 1)
        {
            let Some(oldest) = self.events.pop_front() else { break };
            self.bytes -= oldest.weight();
            self.floor = oldest.id();
            dropped = Some(oldest);
        }
        (self.last, dropped)
    }

    pub(super) fn since(&self, id: u64, max: usize) -> Reading {
        // A place that was never reached is that of another feed: nothing is known about what it missed.
        let foreign = id > self.last;
        let start = if foreign { 0 } else { self.events.partition_point(|event| event.id() <= id) };
        Reading {
            events: self.events.range(start..).take(max).cloned().collect(),
            missed: foreign || id < self.floor,
            oldest: self.events.front().map_or(self.last + 1, |event| event.id()),
            newest: self.last,
        }
    }
}

#[cfg(test)]
mod tests {
    use busta_core::event::Action;
    use chrono::DateTime;

    use super::*;

    fn event() -> Event {
        Event::new(DateTime::UNIX_EPOCH, &"r".into(), Action::Found)
    }

    fn ids(reading: &Reading) -> Vec<u64> {
        reading.events.iter().map(|event| event.id()).collect()
    }

    #[test]
    fn ids_grow_whatever_the_clock_does() {
        let mut ring = Ring::new(100, RingLimits::default());
        let ids: Vec<u64> = [50, 200, 200, 10].map(|now| ring.push(now, event()).0).to_vec();
        assert_eq!(ids, [101, 200, 201, 202]);
    }

    #[test]
    fn a_reader_goes_on_behind_his_place() {
        let mut ring = Ring::new(0, RingLimits::default());
        for now in 1..=5 {
            ring.push(now, event());
        }
        let reading = ring.since(2, 2);
        assert_eq!(
            (ids(&reading), reading.missed, reading.oldest, reading.newest),
            (vec![3, 4], false, 1, 5)
        );
        assert!(ring.since(5, 9).events.is_empty());
    }

    #[test]
    fn who_is_too_slow_is_told() {
        let mut ring = Ring::new(0, RingLimits { events: 2, bytes: usize::MAX });
        for now in 1..=5 {
            ring.push(now, event());
        }
        assert!(!ring.since(3, 9).missed, "nothing behind 3 is gone");
        let reading = ring.since(2, 9);
        assert!(reading.missed);
        assert_eq!((ids(&reading), reading.oldest), (vec![4, 5], 4));
    }

    #[test]
    fn a_place_of_before_the_restart_is_known_only_if_it_is_the_last() {
        let ring = Ring::new(100, RingLimits::default());
        assert!(!ring.since(100, 9).missed);
        assert!(ring.since(99, 9).missed);
        assert!(ring.since(101, 9).missed, "no such event was ever published");
    }

    #[test]
    fn bytes_are_bounded_too() {
        let mut ring = Ring::new(0, RingLimits { events: 1000, bytes: 10_000 });
        for now in 1..=100 {
            let message = Some("x".repeat(1000));
            ring.push(now, Event { message, ..event() });
        }
        assert!(ring.events.len() < 10 && ring.bytes <= 10_000, "{} events", ring.events.len());
        ring.push(101, Event { message: Some("x".repeat(50_000)), ..event() });
        assert_eq!(ids(&ring.since(0, 9)), [101]);
    }
}
