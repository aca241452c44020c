//! A rate as a steady pace: no two requests closer than their mean distance.
//!
//! A bucket of tokens would allow a burst, and then more than `count` within some window of length
//! `per`, which is what many servers count. A steady pace never does. Whoever comes late, as timers do, makes
//! nobody after him late, within what a window has to spare.

use std::time::Duration;

use busta_core::units::Rate;
use tokio::time::Instant;

/// Requests leave at an even pace but arrive with jitter; two percent more distance keeps a window at
/// the server from holding one too many.
const MARGIN: f64 = 1.02;

/// Timers are late by a millisecond or two. That makes the next request no later.
pub const LATE: Duration = Duration::from_millis(2);

/// Nor is made up for more than this share of the window: any window holds no more than it may while this is less than
/// the margin, whose rest is for jitter.
const LATE_SHARE: f64 = 0.01;

/// From when on the time to the next request counts, if this one was due at `due` and leaves `now`: it may have been so
/// `late`.
pub fn since(due: Instant, now: Instant, late: Duration) -> Instant {
    due.max(now.checked_sub(late).unwrap_or(now))
}

/// When the next request may leave.
pub struct Pace {
    interval: Duration,
    late: Duration,
    next: Option<Instant>,
}

impl Pace {
    pub fn new(rate: Rate) -> Self {
        let late = rate.per.mul_f64(LATE_SHARE).min(LATE);
        Self { interval: rate.interval().mul_f64(MARGIN), late, next: None }
    }

    pub fn is_faster_than(&self, rate: Rate) -> bool {
        self.interval < rate.interval()
    }

    /// When to come back, if not now.
    pub fn wait_until(&self, now: Instant) -> Option<Instant> {
        self.next.filter(|next| *next > now)
    }

    /// Counts a request. One that asked for no turn makes the next one wait for both.
    pub fn spend(&mut self, now: Instant) {
        self.next = Some(since(self.next.unwrap_or(now), now, self.late) + self.interval);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_window_holds_more_than_the_rate() {
        for (count, late) in [(10, 0), (10, 3), (10, 40), (50, 1), (50, 25), (200, 2)] {
            check(Rate { count, per: Duration::from_secs(1) }, Duration::from_millis(late));
        }
    }

    fn check(rate: Rate, late: Duration) {
        let mut pace = Pace::new(rate);
        let mut sent = Vec::new();
        let mut now = Instant::now();
        let mut chance = fastrand::Rng::with_seed(7);
        while sent.len() < 2_000 {
            match pace.wait_until(now) {
                Some(next) => now = next + late.mul_f64(chance.f64()),
                None => {
                    pace.spend(now);
                    sent.push(now);
                }
            }
        }
        for (at, first) in sent.iter().enumerate() {
            let within = sent[at..].iter().take_while(|t| **t - *first <= rate.per).count();
            assert!(within <= rate.count as usize, "{within} within one second, late by {late:?}");
        }
        let reached = 1999.0 / (sent[1999] - sent[0]).as_secs_f64();
        let wanted = f64::from(rate.count);
        assert!(reached > 0.97 * wanted || late > pace.late, "{reached} instead of {wanted}");
    }
}
