//! Days and months, and which of them cover a stretch of time.
//!
//! Repositories keep what is new in files of a day and what is older in files of a month, often both. One
//! request for a month replaces thirty, but the month that is running has no file yet, and the last one may
//! not have it for days. So [`auto`] takes months where it can and days where it must.

use std::fmt;
use std::iter::successors;
use std::str::FromStr;

use chrono::{Datelike, Months, NaiveDate};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// So many days after its end, a month is taken to have its file. Exchanges make them in the first days of the
/// next month; data.binance.vision on its first Monday, which is the seventh at the latest.
const MONTH_APPEARS_WITHIN: i64 = 8;

/// What a file covers; shown and stored as `2024-01-31` or `2024-01`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Period {
    /// One day.
    Day(NaiveDate),
    /// One month.
    Month(Month),
}

/// A month of a year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    first: NaiveDate,
}

/// What to fetch for a stretch of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The period to ask for.
    pub first: Period,
    /// The periods that make it up, to be asked for if it is not there; none if nothing else can be done.
    pub instead: Vec<Period>,
}

impl Month {
    /// The month `month`, from 1 to 12, of `year`; `None` if there is none.
    pub fn new(year: i32, month: u32) -> Option<Self> {
        Some(Self { first: NaiveDate::from_ymd_opt(year, month, 1)? })
    }

    /// The month that a day lies in.
    pub fn of(day: NaiveDate) -> Self {
        Self { first: day.with_day(1).unwrap_or(day) }
    }

    /// Its first day.
    pub fn first_day(self) -> NaiveDate {
        self.first
    }

    /// Its last day.
    pub fn last_day(self) -> NaiveDate {
        let next = self.next().map(|next| next.first);
        next.and_then(|next| next.pred_opt()).unwrap_or(NaiveDate::MAX)
    }

    /// The one after it; `None` at the end of the calendar.
    fn next(self) -> Option<Self> {
        Some(Self { first: self.first.checked_add_months(Months::new(1))? })
    }
}

impl Period {
    /// Its first day.
    pub fn start(self) -> NaiveDate {
        match self {
            Self::Day(day) => day,
            Self::Month(month) => month.first_day(),
        }
    }

    /// The first day after it.
    pub fn end(self) -> NaiveDate {
        let last = match self {
            Self::Day(day) => day,
            Self::Month(month) => month.last_day(),
        };
        last.succ_opt().unwrap_or(NaiveDate::MAX)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.first.format("%Y-%m"))
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day(day) => write!(f, "{}", day.format("%Y-%m-%d")),
            Self::Month(month) => month.fmt(f),
        }
    }
}

impl FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("`{text}` is neither a day (2024-01-31) nor a month (2024-01)");
        let day = |text: &str| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
        let read = match text.len() {
            7 => day(&format!("{text}-01")).map(|first| Self::Month(Month { first })),
            _ => day(text).map(Self::Day),
        };
        // The calendar's own reader takes `2024-1-5` and ` 2024-01-05` too.
        read.filter(|period| period.to_string() == text).ok_or_else(wrong)
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The days from `from` to `to`, both included.
pub fn days(from: NaiveDate, to: NaiveDate) -> impl Iterator<Item = Period> {
    each_day(from, to).map(Period::Day)
}

/// The months that lie wholly between `from` and `to`, both included.
pub fn months(from: NaiveDate, to: NaiveDate) -> impl Iterator<Item = Period> {
    each_month(from, to).filter(move |month| is_whole(*month, from, to)).map(Period::Month)
}

/// What covers the days from `from` to `to`, both included: every day once, by its month if the whole of it is
/// asked for and it is there, else by itself.
///
/// `is_there` says whether a listing shows a month's file. Without one, a month that ended long enough before
/// `today` is taken to be there, and its days stand by in case it is not.
pub fn auto<'a>(
    from: NaiveDate,
    to: NaiveDate,
    today: NaiveDate,
    is_there: Option<&'a dyn Fn(&Period) -> bool>,
) -> impl Iterator<Item = Choice> + 'a {
    each_month(from, to).flat_map(move |month| {
        let period = Period::Month(month);
        let first = from.max(month.first_day());
        let last = to.min(month.last_day());
        let there = match is_there {
            Some(is_there) => is_there(&period),
            None => (today - month.last_day()).num_days() > MONTH_APPEARS_WITHIN,
        };
        let days = days(first, last);
        if there && is_whole(month, from, to) {
            let instead = if is_there.is_none() { days.collect() } else { Vec::new() };
            vec![Choice { first: period, instead }]
        } else {
            days.map(|day| Choice { first: day, instead: Vec::new() }).collect()
        }
    })
}

fn is_whole(month: Month, from: NaiveDate, to: NaiveDate) -> bool {
    from <= month.first_day() && month.last_day() <= to
}

fn each_day(from: NaiveDate, to: NaiveDate) -> impl Iterator<Item = NaiveDate> {
    successors(Some(from), NaiveDate::succ_opt).take_while(move |day| *day <= to)
}

/// The months that have a day between `from` and `to`.
fn each_month(from: NaiveDate, to: NaiveDate) -> impl Iterator<Item = Month> {
    successors(Some(Month::of(from)), |month| month.next())
        .take_while(move |month| month.first_day() <= to && from <= to)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn shown(periods: impl Iterator<Item = Period>) -> Vec<String> {
        periods.map(|period| period.to_string()).collect()
    }

    fn chosen(from: &str, to: &str, today: &str, there: Option<&[&str]>) -> Vec<String> {
        let is_there = |period: &Period| there.is_some_and(|there| there.contains(&&*period.to_string()));
        let is_there = there.map(|_| &is_there as &dyn Fn(&Period) -> bool);
        let show = |choice: Choice| match choice.instead.len() {
            0 => choice.first.to_string(),
            days => format!("{} or {days} days", choice.first),
        };
        auto(day(from), day(to), day(today), is_there).map(show).collect()
    }

    #[test]
    fn periods_begin_and_end() {
        let february: Period = "2024-02".parse().unwrap();
        assert_eq!((february.start(), february.end()), (day("2024-02-01"), day("2024-03-01")));
        let leap: Period = "2024-02-29".parse().unwrap();
        assert_eq!((leap.start(), leap.end()), (day("2024-02-29"), day("2024-03-01")));
        let december = Period::Month(Month::new(2023, 12).unwrap());
        assert_eq!(december.end(), day("2024-01-01"));
        assert_eq!(Month::new(2024, 13), None);
    }

    #[test]
    fn texts_that_are_no_period_are_refused() {
        for text in ["", "2024", "2024-13", "2024-02-30", "2024-1-5", " 2024-01", "2024-01-05x", "+024-01"] {
            assert!(text.parse::<Period>().unwrap_err().contains(text), "{text}");
        }
    }

    #[test]
    fn days_and_months_of_a_stretch() {
        assert_eq!(
            shown(days(day("2024-02-28"), day("2024-03-01"))),
            ["2024-02-28", "2024-02-29", "2024-03-01"]
        );
        assert_eq!(shown(months(day("2023-11-30"), day("2024-02-29"))), ["2023-12", "2024-01", "2024-02"]);
        assert_eq!(shown(months(day("2024-01-01"), day("2024-01-30"))), [""; 0]);
        assert_eq!(shown(days(day("2024-01-02"), day("2024-01-01"))), [""; 0]);
    }

    #[test]
    fn months_are_preferred_where_they_can_be_there() {
        assert_eq!(
            chosen("2023-12-31", "2024-03-02", "2024-03-03", None),
            ["2023-12-31", "2024-01 or 31 days"]
                .into_iter()
                .map(str::to_owned)
                .chain(shown(days(day("2024-02-01"), day("2024-03-02"))))
                .collect::<Vec<_>>()
        );
        assert_eq!(chosen("2024-02-01", "2024-02-29", "2024-03-09", None), ["2024-02 or 29 days"]);
        assert_eq!(chosen("2024-02-01", "2024-02-29", "2024-03-08", None).len(), 29);
    }

    #[test]
    fn a_listing_says_which_months_are_there() {
        let listed: &[&str] = &["2024-01", "2024-03"];
        let choices = chosen("2024-01-01", "2024-03-30", "2030-01-01", Some(listed));
        assert_eq!(choices.len(), 1 + 29 + 30);
        assert_eq!((&*choices[0], &*choices[1]), ("2024-01", "2024-02-01"));
    }

    #[test]
    fn the_ends_of_the_calendar_are_ends() {
        assert_eq!(days(NaiveDate::MAX, NaiveDate::MAX).count(), 1);
        assert_eq!(auto(NaiveDate::MAX, NaiveDate::MAX, NaiveDate::MIN, None).count(), 1);
        assert_eq!(Month::of(NaiveDate::MAX).last_day(), NaiveDate::MAX);
    }

    fn any_day() -> impl Strategy<Value = NaiveDate> {
        (0..4000i32).prop_map(|n| NaiveDate::from_num_days_from_ce_opt(737_000 + n).unwrap())
    }

    proptest! {
        #[test]
        fn every_day_is_covered_once(from in any_day(), length in 0..900i64, today in any_day(), salt in any::<Option<u32>>()) {
            let to = from + chrono::Days::new(length as u64);
            let is_there = |period: &Period| (period.start().num_days_from_ce() as u32 ^ salt.unwrap_or(0)) % 5 > 1;
            let is_there = salt.map(|_| &is_there as &dyn Fn(&Period) -> bool);
            let mut next = from;
            for choice in auto(from, to, today, is_there) {
                prop_assert_eq!(choice.first.start(), next);
                next = choice.first.end();
                if let Some(last) = choice.instead.last() {
                    prop_assert_eq!((choice.instead[0].start(), last.end()), (choice.first.start(), next));
                }
            }
            prop_assert_eq!(next, to.succ_opt().unwrap());
        }

        #[test]
        fn periods_round_trip(date in any_day(), is_month: bool) {
            let period = if is_month { Period::Month(Month::of(date)) } else { Period::Day(date) };
            let json = serde_json::to_string(&period).unwrap();
            prop_assert_eq!(serde_json::from_str::<Period>(&json).unwrap(), period);
        }

        #[test]
        fn any_text_is_a_period_or_refused(text in "[0-9+ -]{0,12}|\\PC{0,12}") {
            if let Ok(period) = text.parse::<Period>() {
                prop_assert_eq!(period.to_string(), text);
            }
        }
    }
}
