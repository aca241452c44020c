//! Where the time of a source goes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use busta_core::report::Phases;

/// Adds up what the slots of one source spend their time on.
#[derive(Default)]
pub struct PhaseTimes {
    pulled: Total,
    transformed: Total,
    written: Total,
    limited: Total,
}

impl PhaseTimes {
    /// A pull took this long: waiting for the source, and making records of what came.
    pub fn pulled(&self, time: Duration) {
        self.pulled.add(time);
    }

    /// A batch was transformed and measured.
    pub fn transformed(&self, time: Duration) {
        self.transformed.add(time);
    }

    /// A batch was encoded, or waited for the destination to take it.
    pub fn written(&self, time: Duration) {
        self.written.add(time);
    }

    /// A split waited, without a slot, for what its host allows.
    pub fn limited(&self, time: Duration) {
        self.limited.add(time);
    }

    /// The sums; `waited` is how much of the pulls was waiting for the source.
    pub fn report(&self, waited: Duration) -> Phases {
        let pulled = self.pulled.get();
        let waited = waited.min(pulled);
        Phases {
            limits_s: self.limited.get().as_secs_f64(),
            wait_s: waited.as_secs_f64(),
            parse_s: (pulled - waited).as_secs_f64(),
            transform_s: self.transformed.get().as_secs_f64(),
            write_s: self.written.get().as_secs_f64(),
        }
    }
}

/// A duration that many tasks add to.
#[derive(Default)]
pub struct Total(AtomicU64);

impl Total {
    /// Adds `time`, to the nanosecond.
    pub fn add(&self, time: Duration) {
        self.0.fetch_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// The sum so far.
    pub fn get(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_and_parsing_make_up_the_pulls() {
        let times = PhaseTimes::default();
        times.pulled(Duration::from_secs(3));
        times.pulled(Duration::from_secs(1));
        let phases = times.report(Duration::from_secs(3));
        assert_eq!((phases.wait_s, phases.parse_s), (3.0, 1.0));
        // A request that was still counted when the slot was already cut off.
        assert_eq!(times.report(Duration::from_secs(9)).parse_s, 0.0);
    }
}
