//! A rate as a steady pace: no two requests closer than their mean distance.
//!
//! A bucket of tokens would allow a burst, and then more than `count` within some window of length
//! `per`, which is what many servers count. A steady pace never does.

use std::time::Duration;

use busta_core::units::Rate;
use tokio::time::Instant;

/// Requests leave at an even pace but arrive with jitter; two percent more distance keeps a window at
/// the server from holding one too many.
const MARGIN: f64 = 1.02;

/// When the next request may leave.
pub struct Pace {
    interval: Duration,
    next: Option<Instant>,
}

impl Pace {
    pub fn new(rate: Rate) -> Self {
        Self { interval: rate.interval().mul_f64(MARGIN), next: None }
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
        self.next = Some(self.next.unwrap_or(now).max(now) + self.interval);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_window_holds_more_than_the_rate() {
        let rate = Rate { count: 10, per: Duration::from_secs(1) };
        let mut pace = Pace::new(rate);
        let mut sent = Vec::new();
        let mut now = Instant::now();
        while sent.len() < 200 {
            match pace.wait_until(now) {
                Some(next) => now = next,
                None => {
                    pace.spend(now);
                    sent.push(now);
                }
            }
        }
        for (at, first) in sent.iter().enumerate() {
            let within = sent[at..].iter().take_while(|t| **t - *first <= rate.per).count();
            assert!(within <= 10, "{within} within one second");
        }
        let rate = 199.0 / (sent[199] - sent[0]).as_secs_f64();
        assert!(rate > 9.7, "{rate} is needlessly slow");
    }
}
