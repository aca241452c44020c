//! How long answers take, in buckets that never change, so that they can be added up over time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::phases::Total;

/// The upper bounds of the buckets in seconds; above them is one more.
const BOUNDS: [f64; 13] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// Counts latencies.
#[derive(Default)]
pub struct Histogram {
    counts: [AtomicU64; BOUNDS.len() + 1],
    sum: Total,
}

impl Histogram {
    /// An answer took so long.
    pub fn observe(&self, latency: Duration) {
        let seconds = latency.as_secs_f64();
        let bucket = BOUNDS.partition_point(|bound| *bound < seconds);
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum.add(latency);
    }

    /// What was counted so far.
    pub fn get(&self) -> Latencies {
        Latencies {
            counts: self.counts.each_ref().map(|count| count.load(Ordering::Relaxed)),
            sum: self.sum.get(),
        }
    }
}

/// How many answers took how long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latencies {
    counts: [u64; BOUNDS.len() + 1],
    sum: Duration,
}

impl Latencies {
    /// Adds other answers.
    pub fn add(&mut self, other: &Self) {
        self.counts.iter_mut().zip(other.counts).for_each(|(count, more)| *count += more);
        self.sum += other.sum;
    }

    /// How many answers there were.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// What they took together.
    pub fn sum(&self) -> Duration {
        self.sum
    }

    /// For each bound in seconds, how many answers took no longer; all of them for the last, which is
    /// infinite.
    pub fn cumulative(&self) -> impl Iterator<Item = (f64, u64)> {
        let bounds = BOUNDS.into_iter().chain([f64::INFINITY]);
        bounds.zip(self.counts).scan(0, |sum, (bound, count)| {
            *sum += count;
            Some((bound, *sum))
        })
    }

    /// The time that so large a part of the answers (0 to 1) did not exceed: `None` without answers. Exact
    /// to the bucket, and taken evenly spread inside it, as Prometheus' `histogram_quantile` does; above the
    /// last bound nothing is known but the bound.
    pub fn quantile(&self, part: f64) -> Option<Duration> {
        let rank = part.clamp(0.0, 1.0) * self.count() as f64;
        let (mut lower, mut below) = (0.0, 0);
        for (bound, upto) in self.cumulative() {
            if upto > 0 && upto as f64 >= rank {
                let inside = (rank - below as f64) / (upto - below).max(1) as f64;
                let seconds = if bound.is_finite() { lower + (bound - lower) * inside } else { lower };
                return Some(Duration::from_secs_f64(seconds));
            }
            (lower, below) = (bound, upto);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(millis: &[u64]) -> Latencies {
        let histogram = Histogram::default();
        for millis in millis {
            histogram.observe(Duration::from_millis(*millis));
        }
        histogram.get()
    }

    #[test]
    fn bounds_belong_to_their_bucket() {
        let seen = after(&[5, 6, 60_000, 60_001]);
        let counts: Vec<u64> = seen.cumulative().map(|(_, count)| count).collect();
        assert_eq!(counts, [1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 4]);
        assert_eq!((seen.count(), seen.sum()), (4, Duration::from_millis(120_012)));
    }

    #[test]
    fn quantiles_lie_in_the_right_bucket() {
        let seen = after(&[vec![20; 98], vec![700; 2]].concat());
        let quantile = |part| seen.quantile(part).unwrap().as_secs_f64();
        assert!((0.01..=0.025).contains(&quantile(0.5)), "{}", quantile(0.5));
        assert!((0.5..=1.0).contains(&quantile(0.99)), "{}", quantile(0.99));
        assert_eq!(after(&[]).quantile(0.5), None);
        assert_eq!(after(&[90_000]).quantile(0.5), Some(Duration::from_secs(60)));
    }

    proptest::proptest! {
        #[test]
        fn quantiles_grow(millis in proptest::collection::vec(0u64..100_000, 1..50), a in 0.0..1.0, b in 0.0..1.0) {
            let seen = after(&millis);
            proptest::prop_assert!(seen.quantile(f64::min(a, b)) <= seen.quantile(f64::max(a, b)));
        }
    }
}
