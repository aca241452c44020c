//! The memory budget: how many bytes of records may be on their way at once.

use std::sync::{Arc, Mutex, PoisonError};

use busta_core::settings::EngineSettings;
use tokio::sync::Notify;

/// Bytes in flight, from before they are read until they are committed.
pub struct Budget {
    limit: usize,
    used: Mutex<usize>,
    freed: Notify,
    /// Those who wait are served in their order, so that a large wish is not passed by for ever.
    turn: tokio::sync::Mutex<()>,
}

impl Budget {
    /// The `memory_budget` of the settings.
    pub fn new(settings: &EngineSettings) -> Arc<Self> {
        Self::of(usize::try_from(settings.memory_budget.0).unwrap_or(usize::MAX))
    }

    fn of(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, used: Mutex::new(0), freed: Notify::new(), turn: tokio::sync::Mutex::new(()) })
    }

    /// How many bytes are in flight.
    pub fn used(&self) -> usize {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `bytes` fit. A wish greater than the whole budget is granted when nothing else is
    /// in flight, so that one large batch slows a run down but never stops it.
    pub(crate) async fn reserve(self: &Arc<Self>, bytes: usize) -> Reserved {
        let _turn = self.turn.lock().await;
        loop {
            // Registered before the look, so that a release in between is not missed.
            let freed = self.freed.notified();
            if self.try_add(bytes) {
                return Reserved { budget: self.clone(), bytes };
            }
            freed.await;
        }
    }

    /// `bytes`, if they fit and nobody waits for room.
    pub(crate) fn try_reserve(self: &Arc<Self>, bytes: usize) -> Option<Reserved> {
        let _turn = self.turn.try_lock().ok()?;
        self.try_add(bytes).then(|| Reserved { budget: self.clone(), bytes })
    }

    fn try_add(&self, bytes: usize) -> bool {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = *used == 0 || used.saturating_add(bytes) <= self.limit;
        if fits {
            *used += bytes;
        }
        fits
    }

    fn replace(&self, old: usize, new: usize) {
        {
            let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
            *used = *used - old + new;
        }
        if new < old {
            self.freed.notify_waiters();
        }
    }
}

/// A part of the budget; dropping it gives it back.
pub(crate) struct Reserved {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Reserved {
    /// Makes up for an estimate that was too low.
    pub fn grow(&mut self, bytes: usize) {
        self.settle(self.bytes.max(bytes));
    }

    /// Replaces the estimate by what it came to. May exceed the budget by one batch per slot: the
    /// bytes are there already, and refusing them would not make them go away.
    pub fn settle(&mut self, bytes: usize) {
        self.budget.replace(self.bytes, bytes);
        self.bytes = bytes;
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.budget.replace(self.bytes, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::pin::pin;
    use std::task::Poll;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn a_full_budget_makes_the_next_one_wait() {
        let budget = Budget::of(100);
        let first = budget.reserve(80).await;
        let waiting = tokio::spawn({
            let budget = budget.clone();
            async move { budget.reserve(30).await }
        });
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!waiting.is_finished());
        drop(first);
        assert_eq!(waiting.await.unwrap().bytes, 30);
    }

    #[tokio::test]
    async fn who_only_tries_passes_by_nobody() {
        let budget = Budget::of(100);
        let first = budget.reserve(40).await;
        assert!(budget.try_reserve(61).is_none());
        let second = budget.try_reserve(20).unwrap();
        let mut waiting = pin!(budget.reserve(50));
        assert!(poll_fn(|context| Poll::Ready(waiting.as_mut().poll(context).is_pending())).await);
        assert!(budget.try_reserve(10).is_none());
        drop((first, second));
        waiting.await;
        assert_eq!(budget.used(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_too_large_goes_alone() {
        let budget = Budget::of(100);
        let mut first = budget.reserve(10).await;
        first.settle(500);
        let waiting = tokio::spawn({
            let budget = budget.clone();
            async move { budget.reserve(1000).await }
        });
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!waiting.is_finished());
        drop(first);
        let alone = waiting.await.unwrap();
        assert_eq!(alone.bytes, 1000);
        drop(alone);
        assert_eq!(*budget.used.lock().unwrap(), 0);
    }
}
