//! What a run's answers say about when to ask again.

use std::time::Duration;

use tokio::time::Instant;

/// Longer times are as good as for ever; they must not overflow a clock.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 86_400);

/// Until when a source stays as it is, and until when it must not be asked.
#[derive(Debug, Default)]
pub struct Freshness {
    /// Until the first of its answers may be another one; `None` before there is one.
    unchanged: Option<Instant>,
    /// Until the last `Retry-After` is over.
    refused: Option<Instant>,
}

impl Freshness {
    /// An answer stays as it is for `time`. One that may be another at once leaves nothing to wait for.
    pub fn answered(&mut self, now: Instant, time: Duration) {
        let until = now + time.min(LONGEST);
        self.unchanged = Some(self.unchanged.map_or(until, |known| known.min(until)));
    }

    /// A server wants to be left alone for `wait`.
    pub fn refused(&mut self, now: Instant, wait: Duration) {
        self.refused = self.refused.max(Some(now + wait.min(LONGEST)));
    }

    /// What is left of it.
    pub fn left(&self, now: Instant) -> Option<Duration> {
        let until = self.unchanged.max(self.refused)?;
        Some(until.saturating_duration_since(now)).filter(|left| !left.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_source_stays_as_it_is_for_the_shortest_time() {
        let (start, mut fresh) = (Instant::now(), Freshness::default());
        assert_eq!(fresh.left(start), None);
        fresh.answered(start, 10 * MINUTE);
        fresh.answered(start, 60 * MINUTE);
        assert_eq!(fresh.left(start + MINUTE), Some(9 * MINUTE));
        assert_eq!(fresh.left(start + 20 * MINUTE), None);
        fresh.answered(start, Duration::ZERO);
        assert_eq!(fresh.left(start), None, "one of its answers says nothing");
    }

    #[test]
    fn a_server_that_refuses_is_left_alone_as_long_as_it_wants() {
        let (start, mut fresh) = (Instant::now(), Freshness::default());
        fresh.refused(start, 10 * MINUTE);
        fresh.refused(start, MINUTE);
        fresh.answered(start, 2 * MINUTE);
        assert_eq!(fresh.left(start), Some(10 * MINUTE));
        fresh.refused(start, Duration::MAX);
        assert_eq!(fresh.left(start), Some(LONGEST));
    }
}
