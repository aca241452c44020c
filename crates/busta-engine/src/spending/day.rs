//! The requests of a day.
//!
//! A day is a day of the calendar in UTC: what was sent is one number per day, which any process can add to.
//! Requests are counted durably before they are sent, in blocks, so that not every request waits for the
//! disk. What is left of a block is given back at the end of a run; a process that is killed leaves its block
//! counted, so a day may end a block early and never late.

use std::sync::Arc;

use async_trait::async_trait;
use busta_core::clock::Clock;
use busta_core::{Error, Result, SourceName};
use chrono::NaiveDate;
use tokio::sync::Mutex;

/// A block is this part of the day's requests,
const PART: u64 = 100;

/// and no more than this many.
const LARGEST_BLOCK: u64 = 50;

/// Where the requests of days are counted, durably and for all processes with the same state.
#[async_trait]
pub trait DayCounts: Send + Sync {
    /// Counts up to `wanted` more requests of `source` on `day`, so that they are no more than `most` in all.
    /// Gives how many it has counted; they are durable then.
    async fn take(&self, source: &SourceName, day: NaiveDate, wanted: u64, most: u64) -> Result<u64>;

    /// Takes back `count` requests that were counted and not sent.
    async fn give_back(&self, source: &SourceName, day: NaiveDate, count: u64) -> Result<()>;
}

/// What a source may send in a day.
pub struct DailyLimit {
    source: SourceName,
    most: u64,
    counts: Arc<dyn DayCounts>,
    clock: Arc<dyn Clock>,
    held: Mutex<Block>,
}

/// Requests that are counted and not sent yet.
#[derive(Clone, Copy, Default)]
struct Block {
    day: NaiveDate,
    left: u64,
}

impl DailyLimit {
    /// At most `most` requests of `source` a day, by `clock`.
    pub fn new(
        source: SourceName,
        most: u64,
        counts: Arc<dyn DayCounts>,
        clock: Arc<dyn Clock>,
    ) -> Arc<Self> {
        Arc::new(Self { source, most, counts, clock, held: Mutex::default() })
    }

    /// Counts one request; `false` if the day has none left.
    pub(crate) async fn take(&self) -> Result<bool> {
        let mut held = self.held.lock().await;
        let today = self.clock.now().date_naive();
        if held.day != today {
            // What was left of another day stays counted there: it is of no use today.
            *held = Block { day: today, left: 0 };
        }
        if held.left == 0 {
            let block = (self.most / PART).clamp(1, LARGEST_BLOCK);
            held.left = self.counts.take(&self.source, today, block, self.most).await?;
        }
        let any = held.left > 0;
        held.left = held.left.saturating_sub(1);
        Ok(any)
    }

    /// Counts one request outside of runs; an error if the day has none left.
    pub(crate) async fn permit(&self) -> Result<()> {
        if self.take().await? { Ok(()) } else { Err(Error::cancelled(self.used_up())) }
    }

    /// Gives back what was counted and not sent.
    pub(crate) async fn settle(&self) -> Result<()> {
        let mut held = self.held.lock().await;
        let Block { day, left } = std::mem::take(&mut *held);
        if left == 0 { Ok(()) } else { self.counts.give_back(&self.source, day, left).await }
    }

    /// That the day has none left, in words.
    pub(crate) fn used_up(&self) -> String {
        format!(
            "its requests of this day (UTC) are used up: {}, as many as `budget.requests_per_day` allows",
            self.most
        )
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::atomic::{AtomicI64, Ordering};

    use chrono::{DateTime, TimeDelta, Utc};

    use super::*;

    #[derive(Default)]
    struct Counted(std::sync::Mutex<HashMap<NaiveDate, u64>>);

    #[async_trait]
    impl DayCounts for Counted {
        async fn take(&self, _: &SourceName, day: NaiveDate, wanted: u64, most: u64) -> Result<u64> {
            let mut days = self.0.lock().unwrap();
            let count = days.entry(day).or_default();
            let granted = wanted.min(most.saturating_sub(*count));
            *count += granted;
            Ok(granted)
        }

        async fn give_back(&self, _: &SourceName, day: NaiveDate, count: u64) -> Result<()> {
            *self.0.lock().unwrap().get_mut(&day).unwrap() -= count;
            Ok(())
        }
    }

    /// A clock at so many hours since 1970.
    #[derive(Default)]
    struct Hours(AtomicI64);

    impl Clock for Hours {
        fn now(&self) -> DateTime<Utc> {
            DateTime::UNIX_EPOCH + TimeDelta::hours(self.0.load(Ordering::Relaxed))
        }
    }

    async fn sent(limit: &DailyLimit, wanted: u64) -> u64 {
        let mut sent = 0;
        while sent < wanted && limit.take().await.unwrap() {
            sent += 1;
        }
        sent
    }

    #[tokio::test]
    async fn a_day_has_so_many_whoever_sends_them() {
        let (counts, clock) = (Arc::new(Counted::default()), Arc::new(Hours::default()));
        let limit = || DailyLimit::new("a".into(), 1000, counts.clone(), clock.clone());
        let (one, other, killed) = (limit(), limit(), limit());
        assert_eq!(sent(&one, 333).await, 333);
        assert_eq!(sent(&killed, 1).await, 1);
        one.settle().await.unwrap();
        // Of the killed one nine that it had not sent stay counted.
        assert_eq!(sent(&other, 5000).await, 1000 - 333 - 10);
        assert!(!one.take().await.unwrap() && !other.take().await.unwrap());
        clock.0.store(24, Ordering::Relaxed);
        assert_eq!(sent(&other, 5000).await, 1000);
    }

    #[tokio::test]
    async fn what_is_held_at_midnight_is_counted_anew() {
        let (counts, clock) = (Arc::new(Counted::default()), Arc::new(Hours(AtomicI64::new(23))));
        let limit = DailyLimit::new("a".into(), 200, counts.clone(), clock.clone());
        assert!(limit.take().await.unwrap());
        clock.0.store(24, Ordering::Relaxed);
        assert_eq!(sent(&limit, 5000).await, 200);
        limit.settle().await.unwrap();
        let counted: u64 = counts.0.lock().unwrap().values().sum();
        assert_eq!(counted, 202, "a block of two on the first day, and all of the second");
    }
}
