//! What latency a host has: by rounds, with mean and deviation.

use std::time::Duration;

/// Deviations of a mean that are put down to chance, as in Vector's adaptive request concurrency
/// (<https://vector.dev/docs/architecture/arc/>).
const DEVIATIONS: f64 = 2.5;

/// The mean of a round should be known to about this share of itself.
const PRECISION: f64 = 0.05;

/// A round has at least and at most so many answers: fewer say nothing, and more are waited for too long.
const LEAST: f64 = 10.0;
const MOST: f64 = 200.0;

/// What the answers of one round took, in seconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Round {
    count: f64,
    sum: f64,
    squares: f64,
}

impl Round {
    pub fn add(&mut self, latency: Duration) {
        let seconds = latency.as_secs_f64();
        self.count += 1.0;
        self.sum += seconds;
        self.squares += seconds * seconds;
    }

    pub fn mean(&self) -> f64 {
        self.sum / self.count.max(1.0)
    }

    fn variance(&self) -> f64 {
        (self.squares / self.count.max(1.0) - self.mean().powi(2)).max(0.0)
    }

    /// By how much the mean may be off by chance.
    pub fn doubt(&self) -> f64 {
        DEVIATIONS * (self.variance() / self.count.max(1.0)).sqrt()
    }

    /// Whether it holds enough answers to be judged, for a host with so many places: one for each, and
    /// more where they scatter.
    pub fn is_enough(&self, places: f64) -> bool {
        let scatter = self.variance() / self.mean().powi(2).max(f64::MIN_POSITIVE);
        self.count >= places.max(LEAST) && self.count >= (scatter / PRECISION.powi(2)).min(MOST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_scatters_is_looked_at_longer() {
        let answers_until_enough = |latency: fn(u64) -> u64| {
            let mut round = Round::default();
            let enough = (0..1000).find(|n| {
                let enough = round.is_enough(8.0);
                round.add(Duration::from_millis(latency(*n)));
                enough
            });
            (enough.unwrap(), round.doubt() / round.mean())
        };
        let (answers, doubt) = answers_until_enough(|_| 100);
        assert!(answers == 10 && doubt < 1e-6, "{answers}, {doubt}");
        let (answers, doubt) = answers_until_enough(|n| 50 + n % 2 * 100);
        assert!((90..=110).contains(&answers), "{answers}");
        assert!((0.1..0.15).contains(&doubt), "{doubt}");
    }
}
