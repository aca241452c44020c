//! Views: what the rows of a table say over time, as [`ViewSettings`](crate::dataset::ViewSettings) asks for.
//!
//! A destination that keeps views maintains them with every commit, so that these questions are answered from
//! what was counted before, and never by looking at all rows. The words mean the same in every destination:
//!
//! - **Time** is what the view's time column says: a number is seconds since 1970, or milliseconds from
//!   10^11 on; a text is an RFC 3339 time, or such a number. A row without one is in no view.
//! - Counts are kept per **hour** in UTC. So windows and buckets are whole hours, and a window ends with the
//!   hour that is under way: [`Hours`].
//! - A **term** is a word of the view's texts, in lower case: letters, marks and digits with apostrophes
//!   between them, at least two of them and one letter; a hashtag keeps its `#`. Addresses of the web are no words.
//!   A row counts once for each of its terms.
//! - A term's **growth** is `(count - before) / sqrt(before + 1)`, where `count` is how many rows of the
//!   window have it, and `before` how many of them would if its share was that of the rows before the window:
//!   how many standard deviations it is above what was to be expected if rows were independent, with one
//!   added so that a word never seen before is not infinitely new (the Poisson model of trends, as in
//!   S. Hendrickson et al., "Trend Detection in Social Data", 2015).
//! - A row's **velocity** is the steeper of two paces, in points per hour: its score over its age, and what
//!   it has gained since its score last changed over the time since the score before that was stored. Less than an
//!   hour counts as one, so that the first minutes decide nothing; a pace counts if it began within the window.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::cursor::{decode, digest, encode};
use crate::error::{Error, Result};
use crate::record::Records;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The length of the smallest bucket, in milliseconds.
const HOUR_MS: i64 = 3_600_000;
/// No answer has more buckets.
pub const MOST_BUCKETS: i64 = 1_000;
/// The longest window in which trends are looked for, in hours: thirty days.
pub const TRENDING_HOURS: i64 = 30 * 24;
/// A term that fewer rows of a window have is no trend.
pub const TREND_FROM: u64 = 3;
/// So many groups at most are told apart in an answer, the largest first.
pub const MOST_GROUPS: usize = 100;

/// The sentiment of a text, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Label {
    /// `negative`
    Negative,
    /// `neutral`
    Neutral,
    /// `positive`
    Positive,
}

impl Label {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Negative, Self::Neutral, Self::Positive];

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Negative => "negative",
            Self::Neutral => "neutral",
            Self::Positive => "positive",
        }
    }

    /// The label that a word names.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|label| label.as_str() == word)
    }
}

/// Which of the newest rows to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecentQuery {
    /// The table.
    pub table: String,
    /// Only those of this group.
    pub group: Option<String>,
    /// Only those with this label.
    pub label: Option<Label>,
    /// Only those one of whose texts holds this, whatever the case.
    pub text: Option<String>,
    /// Only those from this time on.
    pub since: Option<DateTime<Utc>>,
    /// Where the page before this one ended: its [`RowPage::next`](super::RowPage::next), of the same query.
    pub after: Option<String>,
    /// How many rows at most, at least 1.
    pub limit: usize,
}

impl RecentQuery {
    /// The text of a place in this query's rows.
    pub fn cursor<P: Serialize>(&self, place: &P) -> Result<String> {
        encode(self.digest(), place)
    }

    /// The place that [`RecentQuery::after`] means. A `Data` error if it is not one, or another query's.
    pub fn place<P: DeserializeOwned>(&self) -> Result<Option<P>> {
        self.after.as_deref().map(|after| decode(self.digest(), after)).transpose()
    }

    fn digest(&self) -> u32 {
        digest(&format!("{:?}", (&self.table, &self.group, self.label, &self.text, self.since)))
    }
}

/// A stretch of whole hours, ending with the one under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    /// The first one, counted from 1970.
    pub from: i64,
    /// The one after the last.
    pub to: i64,
    /// How many hours go into a bucket.
    pub bucket: i64,
}

impl Hours {
    /// The stretch of length `window` in buckets of length `bucket`, of which the last is the one that `now`
    /// is in. Buckets lie as if the first began in 1970, so those of a day begin at midnight; a window that is
    /// no whole number of them is made longer. A `Data` error if a length cannot be had.
    pub fn ending(now: DateTime<Utc>, window: Duration, bucket: Duration) -> Result<Self> {
        let hours = |span: Duration| span.as_secs().div_ceil(3_600).clamp(1, i64::MAX as u64) as i64;
        if bucket.is_zero() || !bucket.as_secs().is_multiple_of(3_600) || bucket.subsec_nanos() > 0 {
            return Err(Error::data("a bucket must be a whole number of hours")
                .hint("such as `bucket=1h`, `bucket=1d`"));
        }
        let (window, bucket) = (hours(window), hours(bucket));
        let buckets = window.saturating_add(bucket - 1) / bucket;
        if buckets > MOST_BUCKETS {
            return Err(Error::data(format!("the window has {buckets} buckets, at most {MOST_BUCKETS}"))
                .hint("ask for a shorter window or longer buckets"));
        }
        let to = (hour_of(now.timestamp_millis()).div_euclid(bucket) + 1) * bucket;
        Ok(Self { from: to - buckets * bucket, to, bucket })
    }

    /// How many hours there are.
    pub fn count(self) -> i64 {
        self.to - self.from
    }

    /// Where it begins.
    pub fn start(self) -> DateTime<Utc> {
        time_of(self.from)
    }

    /// Where it ends.
    pub fn end(self) -> DateTime<Utc> {
        time_of(self.to)
    }

    /// Where each bucket begins, oldest first.
    pub fn buckets(self) -> impl Iterator<Item = i64> {
        (self.from..self.to).step_by(usize::try_from(self.bucket).unwrap_or(1).max(1))
    }
}

/// The hour of a time in milliseconds.
pub fn hour_of(ms: i64) -> i64 {
    ms.div_euclid(HOUR_MS)
}

/// When an hour begins.
pub fn time_of(hour: i64) -> DateTime<Utc> {
    let since = hour.checked_mul(HOUR_MS).and_then(TimeDelta::try_milliseconds);
    since.and_then(|since| DateTime::UNIX_EPOCH.checked_add_signed(since)).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// Which sentiment to sum up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentimentQuery {
    /// The table.
    pub table: String,
    /// Only that of this group.
    pub group: Option<String>,
    /// When.
    pub hours: Hours,
}

/// The sentiment of some rows.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Mood {
    /// How many rows there are.
    pub records: u64,
    /// How many of them are positive.
    pub positive: u64,
    /// How many are neutral.
    pub neutral: u64,
    /// How many are negative.
    pub negative: u64,
    /// How many have a compound score.
    pub scored: u64,
    /// The sum of the compound scores, in millionths: whole numbers can be taken out again exactly.
    pub compound_sum: i64,
}

impl Mood {
    /// The mean compound score of the rows that have one.
    pub fn compound_mean(&self) -> Option<f64> {
        (self.scored > 0).then(|| self.compound_sum as f64 / 1e6 / self.scored as f64)
    }

    /// With others.
    pub fn add(&mut self, other: &Self) {
        self.records += other.records;
        self.positive += other.positive;
        self.neutral += other.neutral;
        self.negative += other.negative;
        self.scored += other.scored;
        self.compound_sum += other.compound_sum;
    }
}

/// Sentiment over time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SentimentStats {
    /// Of all rows.
    pub total: Mood,
    /// Of the groups with the most rows, these first; of equally many in the order of their names.
    pub groups: Vec<(String, Mood)>,
    /// Of each bucket by the hour it begins with, oldest first, also where there was nothing.
    pub series: Vec<(i64, Mood)>,
}

/// What trends to look for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrendingQuery {
    /// The table.
    pub table: String,
    /// Only in this group.
    pub group: Option<String>,
    /// The window; [`TRENDING_HOURS`] at most.
    pub hours: Hours,
    /// The time now, at which rows have their age.
    pub now: DateTime<Utc>,
    /// How many rows, and how many terms at most, at least 1.
    pub limit: usize,
}

/// What is trending.
#[derive(Clone, Debug, Default)]
pub struct Trending {
    /// The rows with the greatest velocity, these first; of equally fast ones the newer.
    pub records: Records,
    /// Their velocities, in points per hour.
    pub velocities: Vec<f64>,
    /// The terms that have grown most; of equal ones the more frequent, then in the order of their letters.
    pub terms: Vec<TrendingTerm>,
}

/// A term that has grown.
#[derive(Clone, Debug, PartialEq)]
pub struct TrendingTerm {
    /// The term.
    pub term: String,
    /// How many rows of the window have it, at least [`TREND_FROM`].
    pub count: u64,
    /// How many would, if its share was what it was before.
    pub before: f64,
    /// How much it has grown.
    pub growth: f64,
}

impl TrendingTerm {
    /// A term that `count` of `rows` rows in the window have, and `past_count` of `past_rows` before. `None` if
    /// it is no trend.
    pub fn of(term: String, count: u64, rows: u64, past_count: u64, past_rows: u64) -> Option<Self> {
        let before = if past_rows == 0 { 0.0 } else { past_count as f64 / past_rows as f64 * rows as f64 };
        let growth = (count as f64 - before) / (before + 1.0).sqrt();
        (count >= TREND_FROM && growth > 0.0).then_some(Self { term, count, before, growth })
    }

    /// The order of trends.
    pub fn order(&self, other: &Self) -> std::cmp::Ordering {
        let by_growth = other.growth.total_cmp(&self.growth);
        by_growth.then(other.count.cmp(&self.count)).then_with(|| self.term.cmp(&other.term))
    }
}

/// What a destination without views answers.
pub fn no_views(table: &str) -> Error {
    Error::not_found(format!("there is no view of `{table}`"))
        .hint("give it one: `datasets: { TABLE: { view: … } }`, in a destination of type `sqlite`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn span(text: &str) -> Duration {
        text.parse::<crate::units::Span>().unwrap().0
    }

    #[test]
    fn windows_end_with_the_hour_under_way() {
        let hours = |now, window, bucket| {
            let hours = Hours::ending(at(now), span(window), span(bucket)).unwrap();
            (hours.start().to_rfc3339(), hours.end().to_rfc3339(), hours.buckets().count())
        };
        let expected = ("2026-11-22T11:00:00+00:00".to_owned(), "2026-11-23T11:00:00+00:00".to_owned(), 24);
        assert_eq!(hours("2026-11-23T10:15:00Z", "24h", "1h"), expected);
        assert_eq!(hours("2026-11-23T10:00:00Z", "23.5h", "1h"), expected);
        let days = ("2026-11-17T00:00:00+00:00".to_owned(), "2026-11-24T00:00:00+00:00".to_owned(), 7);
        assert_eq!(hours("2026-11-23T10:15:00Z", "7d", "1d"), days);
        assert_eq!(hours("2026-11-23T10:15:00Z", "145h", "1d"), days);
    }

    #[test]
    fn lengths_that_cannot_be_had_are_refused() {
        let refused = |window, bucket| {
            Hours::ending(at("2026-11-23T10:15:00Z"), span(window), span(bucket)).unwrap_err().to_string()
        };
        for bucket in ["0h", "90m", "1ms", "3600.5s"] {
            assert!(refused("24h", bucket).contains("whole number of hours"), "{bucket}");
        }
        assert!(refused("1001h", "1h").contains("1001 buckets"));
        assert!(refused("100000000d", "1h").contains("at most 1000"));
    }

    #[test]
    fn hours_before_1970_are_hours() {
        assert_eq!((hour_of(-1), hour_of(0), hour_of(HOUR_MS - 1)), (-1, 0, 0));
        assert_eq!(time_of(-1), at("1969-12-31T23:00:00Z"));
        assert_eq!(time_of(i64::MAX), DateTime::<Utc>::MAX_UTC);
    }

    #[test]
    fn growth_is_over_the_own_past() {
        let growth = |count, rows, past, past_rows| {
            TrendingTerm::of("t".into(), count, rows, past, past_rows).map(|term| (term.before, term.growth))
        };
        assert_eq!(growth(9, 100, 0, 0), Some((0.0, 9.0)), "nothing was before");
        assert_eq!(growth(20, 100, 80, 1000), Some((8.0, 4.0)));
        assert_eq!(growth(8, 100, 80, 1000), None, "as it was");
        assert_eq!(growth(2, 100, 0, 1000), None, "too few");
    }
}
