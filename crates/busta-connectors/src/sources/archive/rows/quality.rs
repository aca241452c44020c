//! What a file's rows are like: how many, from when to when, and what is wrong with their order.

use serde::{Deserialize, Serialize};

use super::interval::Interval;
use super::moment::{Clockwork, Moment};

/// So many gaps are told one by one; the others are only counted.
const TOLD_GAPS: usize = 20;

/// A row is compared with so many before it.
const RECENT: usize = 16;

/// The quality report of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quality {
    /// Rows that became records.
    pub rows: u64,
    /// Rows that became failures.
    pub failed_rows: u64,
    /// Members of the archive that were read; 1 if the file is none.
    pub members: u64,
    /// The earliest time of a row, RFC 3339.
    pub first: Option<String>,
    /// The latest time of a row.
    pub last: Option<String>,
    /// How often rows are further apart than their interval; `None` where they have none.
    pub gaps: Option<u64>,
    /// How many rows are missing in all gaps.
    pub missing_rows: Option<u64>,
    /// The first gaps.
    pub first_gaps: Vec<Gap>,
    /// Rows with the key of one of the 16 rows before them, or, at an interval, of any row before them.
    pub duplicates: u64,
    /// Rows that are earlier than the row before them.
    pub out_of_order: u64,
}

/// A place where rows are missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// The time of the last row before it.
    pub from: String,
    /// The time of the first row after it.
    pub to: String,
    /// How many rows are missing.
    pub missing: u64,
}

/// The report as far as it goes, in a cursor. Times are microseconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tally {
    #[serde(rename = "n")]
    rows: u64,
    #[serde(rename = "bad", default, skip_serializing_if = "is_zero")]
    failed_rows: u64,
    #[serde(rename = "m")]
    members: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last: Option<i64>,
    #[serde(default, skip_serializing_if = "is_zero")]
    gaps: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    missing: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    told: Vec<(i64, i64, u64)>,
    #[serde(rename = "dup", default, skip_serializing_if = "is_zero")]
    duplicates: u64,
    #[serde(rename = "ooo", default, skip_serializing_if = "is_zero")]
    out_of_order: u64,
    #[serde(rename = "s", default)]
    series: Series,
}

/// The rows of one member, as they follow one another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Series {
    /// The time of the row before.
    #[serde(rename = "at", default, skip_serializing_if = "Option::is_none")]
    previous: Option<i64>,
    /// The times that were met.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    span: Option<(i64, i64)>,
    /// Where in `told` its gaps start.
    #[serde(rename = "g", default)]
    gaps_from: usize,
    /// Digests of the last keys; the next one goes to `next`.
    #[serde(rename = "keys", default, skip_serializing_if = "Vec::is_empty")]
    recent: Vec<u64>,
    #[serde(rename = "k", default)]
    next: usize,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Tally {
    /// Another member is read from its start.
    pub fn enter_member(&mut self) {
        self.members += 1;
        self.series = Series { gaps_from: self.told.len(), ..Series::default() };
    }

    /// A row became a record. `key` is a digest of its key.
    pub fn row(&mut self, time: Option<i64>, key: u64, interval: Option<Interval>) {
        self.rows += 1;
        let is_known = self.series.meet(key);
        let repeats = time.is_some_and(|time| self.time(time, interval));
        if is_known || repeats {
            self.duplicates += 1;
        }
    }

    /// How many rows became records.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// How many rows were out of order.
    pub fn out_of_order(&self) -> u64 {
        self.out_of_order
    }

    /// The time of the row before.
    pub fn previous(&self) -> Option<i64> {
        self.series.previous
    }

    /// The rows to come are sorted: `late` of them were not in order before.
    pub fn sorted(&mut self, late: u64) {
        self.out_of_order += late;
        self.series.previous = None;
    }

    /// A row became a failure.
    pub fn failed(&mut self) {
        self.failed_rows += 1;
    }

    /// Takes in the time of a row; whether a row at an interval had it before.
    fn time(&mut self, time: i64, interval: Option<Interval>) -> bool {
        self.first = Some(self.first.map_or(time, |first| first.min(time)));
        self.last = Some(self.last.map_or(time, |last| last.max(time)));
        if self.series.previous.replace(time).is_some_and(|previous| time < previous) {
            self.out_of_order += 1;
        }
        let Some((earliest, latest)) = self.series.span else {
            self.series.span = Some((time, time));
            return false;
        };
        self.series.span = Some((earliest.min(time), latest.max(time)));
        let Some(interval) = interval else { return false };
        if time > latest {
            self.gap(latest, time, interval.missing(latest, time));
            return false;
        }
        time >= earliest && self.is_covered(time)
    }

    fn gap(&mut self, from: i64, to: i64, missing: u64) {
        if missing == 0 {
            return;
        }
        self.gaps += 1;
        self.missing += missing;
        if self.told.len() < TOLD_GAPS {
            self.told.push((from, to, missing));
        }
    }

    /// Whether a time between the earliest and the latest row of the series was met for sure: it lies in no
    /// gap, and all gaps are known.
    fn is_covered(&self, time: i64) -> bool {
        let gaps = self.told.get(self.series.gaps_from..).unwrap_or_default();
        self.told.len() < TOLD_GAPS && !gaps.iter().any(|(from, to, _)| (*from + 1..*to).contains(&time))
    }

    /// The report.
    pub fn report(&self, interval: Option<Interval>) -> Quality {
        let text = |micros: i64| Clockwork::text(Moment::from_micros(micros));
        let gap = |(from, to, missing): &(i64, i64, u64)| Gap {
            from: text(*from),
            to: text(*to),
            missing: *missing,
        };
        Quality {
            rows: self.rows,
            failed_rows: self.failed_rows,
            members: self.members,
            first: self.first.map(text),
            last: self.last.map(text),
            gaps: interval.map(|_| self.gaps),
            missing_rows: interval.map(|_| self.missing),
            first_gaps: self.told.iter().map(gap).collect(),
            duplicates: self.duplicates,
            out_of_order: self.out_of_order,
        }
    }
}

impl Series {
    /// Notes a key; whether one of the last ones was the same.
    fn meet(&mut self, key: u64) -> bool {
        let is_known = self.recent.contains(&key);
        if self.recent.len() < RECENT {
            self.recent.push(key);
        } else {
            self.recent[self.next % RECENT] = key;
            self.next = (self.next + 1) % RECENT;
        }
        is_known
    }
}

/// Mixes more of a key into its digest (the multiplication of FxHash, by 8 bytes at a time).
pub(super) fn mix(digest: u64, text: &[u8]) -> u64 {
    const FACTOR: u64 = 0xf135_7aea_2e62_a9c5;
    let step = |digest: u64, word: u64| (digest.rotate_left(23) ^ word).wrapping_mul(FACTOR);
    let mut digest = step(digest, text.len() as u64);
    let (words, rest) = text.as_chunks::<8>();
    for word in words {
        digest = step(digest, u64::from_le_bytes(*word));
    }
    let last = match text.last_chunk::<8>() {
        // The end of it, of which the words have the first bytes already; all of them, if there is no rest.
        Some(last) => u64::from_le_bytes(*last).checked_shr(64 - 8 * rest.len() as u32).unwrap_or(0),
        None => rest.iter().rev().fold(0, |last, byte| last << 8 | u64::from(*byte)),
    };
    step(digest, last)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: i64 = 60_000_000;
    const START: i64 = 1_704_067_200_000_000;

    /// The report of rows at these minutes, whose keys are their times.
    fn report(minutes: &[i64], interval: Option<&str>) -> Quality {
        let interval = interval.map(|text| Interval::parse(text).unwrap());
        let mut tally = Tally::default();
        tally.enter_member();
        for minute in minutes {
            tally.row(Some(START + minute * MINUTE), *minute as u64, interval);
        }
        tally.report(interval)
    }

    #[test]
    fn a_whole_series_has_nothing_to_tell() {
        let quality = report(&[0, 1, 2, 3], Some("1m"));
        assert_eq!((quality.rows, quality.gaps, quality.missing_rows), (4, Some(0), Some(0)));
        assert_eq!(quality.first.as_deref(), Some("2024-01-01T00:00:00.000000Z"));
        assert_eq!(quality.last.as_deref(), Some("2024-01-01T00:03:00.000000Z"));
        assert_eq!((quality.duplicates, quality.out_of_order), (0, 0));
    }

    #[test]
    fn gaps_are_counted_and_the_first_ones_told() {
        let quality = report(&[0, 1, 4, 5, 7], Some("1m"));
        assert_eq!((quality.gaps, quality.missing_rows), (Some(2), Some(3)));
        let gap = &quality.first_gaps[0];
        assert_eq!((&*gap.from, gap.missing), ("2024-01-01T00:01:00.000000Z", 2));
        let every_second: Vec<i64> = (0..100).map(|n| n * 2).collect();
        let quality = report(&every_second, Some("1m"));
        assert_eq!((quality.gaps, quality.first_gaps.len()), (Some(99), TOLD_GAPS));
        assert_eq!(report(&[0, 9], None).gaps, None);
    }

    #[test]
    fn rows_that_are_there_twice_are_counted() {
        assert_eq!(report(&[0, 1, 1, 2], None).duplicates, 1);
        assert_eq!(report(&[0, 1, 2, 1], None).duplicates, 1);
        let far: Vec<i64> = (0..100).chain([3]).collect();
        assert_eq!(report(&far, None).duplicates, 0);
        assert_eq!(report(&far, Some("1m")).duplicates, 1);
        // A late row that fills a gap is late, and no duplicate.
        let late: Vec<i64> = (0..40).chain(60..100).chain([50]).collect();
        let quality = report(&late, Some("1m"));
        assert_eq!((quality.duplicates, quality.out_of_order), (0, 1));
    }

    proptest! {
        /// Digests are kept in cursors, so they stay what they were.
        #[test]
        fn what_is_short_of_a_word_is_filled_with_zeros(digest: u64, text in prop::collection::vec(any::<u8>(), 0..40)) {
            let length = (digest.rotate_left(23) ^ text.len() as u64).wrapping_mul(0xf135_7aea_2e62_a9c5);
            let mut filled = text.clone();
            filled.resize(text.len() / 8 * 8 + 8, 0);
            let expected = filled.chunks_exact(8).fold(length, |digest, word| {
                let word = u64::from_le_bytes(word.try_into().unwrap());
                (digest.rotate_left(23) ^ word).wrapping_mul(0xf135_7aea_2e62_a9c5)
            });
            prop_assert_eq!(mix(digest, &text), expected);
        }
    }

    #[test]
    fn a_report_goes_on_from_a_cursor() {
        let interval = Interval::parse("1m");
        let minutes = [0, 1, 3, 3, 9, 2, 10, 11, 11];
        let mut tally = Tally::default();
        tally.enter_member();
        for minute in minutes {
            let text = serde_json::to_string(&tally).unwrap();
            tally = serde_json::from_str(&text).unwrap();
            tally.row(Some(START + minute * MINUTE), minute as u64, interval);
        }
        assert_eq!(tally.report(interval), report(&minutes, Some("1m")));
    }
}
