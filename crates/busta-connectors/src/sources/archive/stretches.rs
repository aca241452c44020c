//! Which days are covered: stretches of days that grow together.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::period::Period;

/// Days, as stretches from the first to the last day of each, in order; between two of them a day is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretches(Vec<(NaiveDate, NaiveDate)>);

impl Stretches {
    /// Whether there is no day.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first day.
    pub fn first(&self) -> Option<NaiveDate> {
        self.0.first().map(|(first, _)| *first)
    }

    /// From the first to the last day of each.
    pub fn into_inner(self) -> Vec<(NaiveDate, NaiveDate)> {
        self.0
    }

    /// Adds the days of a period.
    pub fn insert(&mut self, period: Period) {
        self.cover((period.start(), period.end().pred_opt().unwrap_or(NaiveDate::MAX)));
    }

    /// Adds the days from the first to the last.
    pub fn cover(&mut self, (mut first, mut last): (NaiveDate, NaiveDate)) {
        // Those that touch it become one with it.
        let from = self.0.partition_point(|(_, end)| end.succ_opt().is_some_and(|next| next < first));
        let to = self.0.partition_point(|(start, _)| start.pred_opt().is_none_or(|before| before <= last));
        for (start, end) in self.0.drain(from..to.max(from)) {
            (first, last) = (first.min(start), last.max(end));
        }
        self.0.insert(from, (first, last));
    }

    /// The stretches from `from` to `to` that are not covered.
    pub fn gaps(&self, from: NaiveDate, to: NaiveDate) -> Vec<(NaiveDate, NaiveDate)> {
        let mut gaps = Vec::new();
        let mut next = from;
        for (start, end) in &self.0 {
            if let Some(before) = start.pred_opt().filter(|before| next <= *before && next <= to) {
                gaps.push((next, before.min(to)));
            }
            next = next.max(end.succ_opt().unwrap_or(NaiveDate::MAX));
        }
        if next <= to {
            gaps.push((next, to));
        }
        gaps
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::super::period::{Month, days};
    use super::*;

    fn day(number: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2024, 1, 1).unwrap() + chrono::Days::new(number.into())
    }

    proptest! {
        /// Whatever is added in whatever order, the gaps are the days that were not.
        #[test]
        fn gaps_are_the_days_that_are_not_covered(
            periods in proptest::collection::vec((0u32..90, any::<bool>()), 0..40), from in 0u32..90, length in 0u32..60,
        ) {
            let (mut stretches, mut covered) = (Stretches::default(), BTreeSet::new());
            for (number, is_month) in periods {
                let month = Month::of(day(number));
                let period = if is_month { Period::Month(month) } else { Period::Day(day(number)) };
                stretches.insert(period);
                match period {
                    Period::Day(day) => covered.extend([day]),
                    Period::Month(_) => covered.extend(days(month.first_day(), month.last_day()).map(Period::start)),
                }
            }
            prop_assert!(stretches.0.windows(2).all(|two| two[0].1.succ_opt().unwrap() < two[1].0), "{:?}", stretches);
            prop_assert_eq!(stretches.first(), covered.first().copied());
            let (from, to) = (day(from), day(from + length));
            let gaps: Vec<_> = stretches.gaps(from, to).into_iter().flat_map(|(a, b)| days(a, b)).map(Period::start).collect();
            let expected: Vec<_> = days(from, to).map(Period::start).filter(|day| !covered.contains(day)).collect();
            prop_assert_eq!(gaps, expected);
        }
    }
}
