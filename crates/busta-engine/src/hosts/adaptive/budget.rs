//! What a host says is left for now.

use std::time::Duration;

use busta_core::meter::RateHints;
use tokio::time::Instant;

/// The requests left until a time, as told by the last answer.
#[derive(Default)]
pub struct Budget {
    told: Option<Told>,
}

struct Told {
    left: u64,
    until: Instant,
    /// When the request left whose answer told it.
    sent: Instant,
}

impl Budget {
    /// Takes in an answer's hints. The host counted it when it came, so those that are under way still are
    /// not in its figure. An answer that others have overtaken knows nothing of these either, which are under
    /// way no more: it is not heeded.
    pub fn told(&mut self, now: Instant, latency: Duration, hints: &RateHints, others: usize) {
        let sent = now.checked_sub(latency).unwrap_or(now);
        if self.told.as_ref().is_some_and(|told| sent < told.sent) {
            return;
        }
        if let (Some(remaining), Some(reset)) = (hints.remaining, hints.reset) {
            self.told =
                Some(Told { left: remaining.saturating_sub(others as u64), until: now + reset, sent });
        }
    }

    /// A request leaves.
    pub fn left(&mut self) {
        if let Some(told) = &mut self.told {
            told.left = told.left.saturating_sub(1);
        }
    }

    /// When the next window begins, if this one is used up.
    pub fn wait_until(&self, now: Instant) -> Option<Instant> {
        self.told.as_ref().filter(|told| told.left == 0 && told.until > now).map(|told| told.until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_under_way_is_not_spent_twice() {
        let mut budget = Budget::default();
        let now = Instant::now();
        let second = Duration::from_secs(1);
        assert_eq!(budget.wait_until(now), None);
        let hints = |left| RateHints { remaining: Some(left), reset: Some(second), retry_after: None };
        budget.told(now, Duration::ZERO, &hints(3), 1);
        budget.told(now, Duration::from_millis(1), &hints(9), 1);
        budget.left();
        assert_eq!(budget.wait_until(now), None);
        budget.left();
        assert_eq!(budget.wait_until(now), Some(now + second));
        assert_eq!(budget.wait_until(now + second), None);
    }
}
