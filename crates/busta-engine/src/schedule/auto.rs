//! `auto`: how long until the next check, from what the last ones found.
//!
//! The interval begins at the geometric mean of its bounds. A check that found something new makes it
//! half as long, one that found nothing half as long again, and one that failed twice as long. Where the
//! two balance, `ln 1.5 / (ln 2 + ln 1.5)` of the checks, about three of eight, find something: often
//! enough to be in time, seldom enough not to ask for nothing all day. It doubles or halves in one step,
//! so a source that wakes up or falls asleep is followed within a few checks.
//!
//! It is stretched to what the source says (`Cache-Control: max-age`, a feed's `ttl`, `Retry-After`), since
//! asking sooner brings the same answer, and to ten times what a collection takes, so that a slow source
//! is not collected more than a tenth of the time. The bounds hold in any case.

use std::time::Duration;

/// What a check that found something does to the interval, one that found nothing, one that failed.
const NEWS: f64 = 0.5;
const NO_NEWS: f64 = 1.5;
const FAILED: f64 = 2.0;

/// The interval is at least so many times what a collection takes.
const TIMES_WORK: u32 = 10;

/// What one collection of a source has shown.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Observed {
    /// Records that were new or changed.
    pub records: u64,
    /// Whether it failed as a whole.
    pub failed: bool,
    /// How long it took.
    pub took: Duration,
    /// For how long the source says that it will not change, or must not be asked: the longest of
    /// `max-age`, `ttl` and `Retry-After`.
    pub hint: Option<Duration>,
}

/// The pace of one source under `auto`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    min: Duration,
    max: Duration,
    interval: Duration,
    least: Duration,
}

impl Pace {
    /// A pace within bounds, before anything is known. A `min` above `max` counts as `max`.
    pub fn new(min: Duration, max: Duration) -> Self {
        let min = min.min(max).max(super::plan::SHORTEST);
        let max = max.max(min);
        let mean = (min.as_secs_f64() * max.as_secs_f64()).sqrt();
        let interval = Duration::try_from_secs_f64(mean).unwrap_or(max).clamp(min, max);
        Self { min, max, interval, least: Duration::ZERO }
    }

    /// Learns from a collection.
    pub fn observe(&mut self, seen: &Observed) {
        let factor = match (seen.failed, seen.records) {
            (true, _) => FAILED,
            (false, 0) => NO_NEWS,
            (false, _) => NEWS,
        };
        let stretched = self.interval.as_secs_f64() * factor;
        self.interval = Duration::try_from_secs_f64(stretched).unwrap_or(self.max).clamp(self.min, self.max);
        self.least = seen.hint.unwrap_or_default().max(seen.took.saturating_mul(TIMES_WORK));
    }

    /// How long after the end of the last collection the next one begins.
    pub fn interval(&self) -> Duration {
        self.interval.max(self.least).clamp(self.min, self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIN: Duration = Duration::from_secs(60);
    const MAX: Duration = Duration::from_secs(86_400);

    fn after(seen: &[Observed]) -> Duration {
        let mut pace = Pace::new(MIN, MAX);
        seen.iter().for_each(|seen| pace.observe(seen));
        pace.interval()
    }

    #[test]
    fn it_follows_what_is_found() {
        let (news, none) = (Observed { records: 3, ..Observed::default() }, Observed::default());
        assert_eq!(after(&[]).as_secs(), 2276, "between a minute and a day");
        assert_eq!(after(&[news; 6]), MIN);
        assert_eq!(after(&[none; 9]), MAX);
        assert!(after(&[none, none]) > after(&[none]));
        assert_eq!(after(&[none, news, none]).as_millis(), after(&[none, none, news]).as_millis());
        let failed = Observed { failed: true, ..Observed::default() };
        assert!(after(&[failed]) > after(&[none]));
    }

    /// A source that changes by itself at even intervals is asked about 8/3 times as often.
    #[test]
    fn it_settles_where_three_of_eight_checks_find_something() {
        let (mut pace, mut now, mut seen) = (Pace::new(MIN, MAX), 0.0_f64, 0.0);
        let (mut checks, mut found) = (0.0, 0.0);
        while checks < 2000.0 {
            now += pace.interval().as_secs_f64();
            let changes = (now / 3600.0).floor();
            let records = (changes - seen) as u64;
            pace.observe(&Observed { records, ..Observed::default() });
            (seen, checks, found) = (changes, checks + 1.0, found + f64::from(u8::from(records > 0)));
        }
        let share = found / checks;
        assert!((0.33..0.42).contains(&share), "{share}");
    }

    #[test]
    fn hints_and_slow_sources_stretch_it_within_its_bounds() {
        let news = Observed { records: 1, ..Observed::default() };
        let hour = Duration::from_secs(3600);
        let hinted = Observed { hint: Some(hour), ..news };
        assert_eq!(after(&[news, news, news, hinted]), hour);
        let slow = Observed { took: Duration::from_secs(500), ..news };
        assert_eq!(after(&[news, news, slow]), Duration::from_secs(5000));
        assert_eq!(after(&[Observed { hint: Some(MAX * 9), ..news }]), MAX);
        assert_eq!(after(&[Observed { took: Duration::MAX, ..news }]), MAX);
    }

    #[test]
    fn odd_bounds_do_no_harm() {
        assert_eq!(Pace::new(MAX, MIN).interval(), MIN);
        assert_eq!(Pace::new(Duration::ZERO, Duration::ZERO).interval(), Duration::from_secs(1));
        let mut pace = Pace::new(Duration::ZERO, Duration::MAX);
        (0..200).for_each(|_| pace.observe(&Observed { failed: true, ..Observed::default() }));
        assert_eq!(pace.interval(), Duration::MAX);
    }
}
