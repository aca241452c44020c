//! Timeliness: the newest record, and the gaps between records.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

/// So many stretches of time are told apart; then two and two become one, and gaps shorter than such a
/// stretch are no longer seen.
const MOST: usize = 100_000;

/// When there are records: the first and the last of every stretch of time that has any.
#[derive(Clone, Debug)]
pub struct Times {
    /// How long a stretch is, in milliseconds.
    width: i64,
    stretches: BTreeMap<i64, (i64, i64)>,
}

/// The longest times without a record.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Gaps {
    /// How many there are.
    pub count: u64,
    /// The longest: after this record, and before that one.
    pub longest: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

impl Times {
    /// For gaps longer than `gap` milliseconds.
    pub fn new(gap: i64) -> Self {
        Self { width: gap.max(1), stretches: BTreeMap::new() }
    }

    /// Takes in the time of a record.
    pub fn add(&mut self, time: DateTime<Utc>) {
        let millis = time.timestamp_millis();
        self.extend(millis, millis);
        self.widen();
    }

    /// Takes in the times of a batch, which was measured with the same gap.
    pub fn merge(&mut self, batch: Self) {
        for (first, last) in batch.stretches.into_values() {
            self.extend(first, first);
            self.extend(last, last);
        }
        self.widen();
    }

    fn extend(&mut self, first: i64, last: i64) {
        let stretch = self.stretches.entry(first.div_euclid(self.width)).or_insert((first, last));
        *stretch = (stretch.0.min(first), stretch.1.max(last));
    }

    fn widen(&mut self) {
        while self.stretches.len() > MOST {
            self.width = self.width.saturating_mul(2);
            for (first, last) in std::mem::take(&mut self.stretches).into_values() {
                self.extend(first, last);
            }
        }
    }

    /// The time of the newest record.
    pub fn newest(&self) -> Option<DateTime<Utc>> {
        self.stretches.last_key_value().and_then(|(_, (_, last))| DateTime::from_timestamp_millis(*last))
    }

    /// The gaps of more than `longer_than` milliseconds. Those inside a stretch cannot be that long.
    pub fn gaps(&self, longer_than: i64) -> Gaps {
        let mut gaps = Gaps::default();
        let mut longest = longer_than;
        let pairs = self.stretches.values().zip(self.stretches.values().skip(1));
        for ((_, before), (after, _)) in pairs {
            let gap = after - before;
            if gap > longer_than {
                gaps.count += 1;
            }
            if gap > longest {
                longest = gap;
                gaps.longest =
                    DateTime::from_timestamp_millis(*before).zip(DateTime::from_timestamp_millis(*after));
            }
        }
        gaps
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(millis: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(millis).unwrap()
    }

    proptest! {
        #[test]
        fn gaps_are_those_of_the_sorted_times_whatever_the_batches(
            times in proptest::collection::vec(-5_000i64..5_000, 1..60),
            gap in 1i64..500,
            cut in 0usize..60,
        ) {
            let cut = cut.min(times.len());
            let mut seen = Times::new(gap);
            for part in [&times[..cut], &times[cut..]] {
                let mut batch = Times::new(gap);
                part.iter().for_each(|time| batch.add(at(*time)));
                seen.merge(batch);
            }
            let mut sorted = times.clone();
            sorted.sort_unstable();
            let expected = sorted.windows(2).filter(|pair| pair[1] - pair[0] > gap).count() as u64;
            prop_assert_eq!(seen.gaps(gap).count, expected);
            prop_assert_eq!(seen.newest(), Some(at(*sorted.last().unwrap())));
        }
    }

    #[test]
    fn a_long_time_stays_in_bounded_memory() {
        let mut times = Times::new(1);
        for n in 0..(MOST as i64 * 3) {
            times.add(at(n * 2));
        }
        times.add(at(10_000_000));
        assert!(times.stretches.len() <= MOST);
        assert_eq!(times.gaps(1_000_000).count, 1);
    }
}
