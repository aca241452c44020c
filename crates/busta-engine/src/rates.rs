//! How fast counts grow, over the last seconds.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// What is looked back at.
const WINDOW: Duration = Duration::from_secs(5);

/// How often a sample is kept.
const EVERY: Duration = Duration::from_millis(500);

/// Records and bytes of each source.
type Counts = Vec<(u64, u64)>;

/// Records and bytes a second.
pub type Speed = (f64, f64);

/// The counts of the last seconds.
pub struct Rates {
    samples: VecDeque<(Instant, Counts)>,
}

impl Rates {
    /// All of so many sources begin at zero.
    pub fn new(now: Instant, sources: usize) -> Self {
        Self { samples: [(now, vec![(0, 0); sources])].into() }
    }

    /// Takes in what the counts are now; gives the speed of each source since the oldest sample of the
    /// window.
    pub fn update(&mut self, now: Instant, counts: Counts) -> Vec<Speed> {
        while self.samples.get(1).is_some_and(|(at, _)| *at + WINDOW <= now) {
            self.samples.pop_front();
        }
        let speeds = match self.samples.front() {
            Some((at, then)) if *at < now => {
                let seconds = (now - *at).as_secs_f64();
                let speed = |now: u64, then: u64| now.saturating_sub(then) as f64 / seconds;
                let pairs = counts.iter().zip(then);
                pairs.map(|(now, then)| (speed(now.0, then.0), speed(now.1, then.1))).collect()
            }
            _ => vec![(0.0, 0.0); counts.len()],
        };
        if self.samples.back().is_none_or(|(at, _)| *at + EVERY <= now) {
            self.samples.push_back((now, counts));
        }
        speeds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speed_is_that_of_the_last_seconds() {
        let start = Instant::now();
        let mut rates = Rates::new(start, 1);
        assert_eq!(rates.update(start, vec![(0, 0)]), [(0.0, 0.0)]);
        let at = |tenths: u64| start + Duration::from_millis(tenths * 100);
        // 100 a second for 10 seconds, then nothing.
        for tenth in 1..=100 {
            let speed = rates.update(at(tenth), vec![(tenth * 10, tenth * 1000)])[0];
            assert!((speed.0 - 100.0).abs() < 0.01 && (speed.1 - 10_000.0).abs() < 1.0, "{tenth}: {speed:?}");
        }
        assert!(rates.samples.len() <= 12, "{}", rates.samples.len());
        let speed = rates.update(at(125), vec![(1000, 100_000)])[0];
        assert!((40.0..60.0).contains(&speed.0), "{speed:?}");
        assert_eq!(rates.update(at(160), vec![(1000, 100_000)]), [(0.0, 0.0)]);
    }
}
