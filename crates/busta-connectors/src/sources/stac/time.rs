//! Moments and intervals as STAC writes them.
//!
//! A moment is a whole number of microseconds, which is what the widely used servers keep. Finer
//! fractions in items are cut off, so that an order between a moment and a boundary (which is always
//! a whole number of microseconds) is never turned round by it.

use std::fmt;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, SecondsFormat, TimeZone, Utc};
use serde::{Deserialize, Serialize};

/// A point in time: microseconds since 1970, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Moment(i64);

const NAIVE: [&str; 2] = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"];

impl Moment {
    /// So many microseconds since 1970.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970.
    pub fn micros(self) -> i64 {
        self.0
    }

    /// Reads the time of an item. RFC 3339 is what the specification asks for; times without a zone
    /// and bare dates, which are met too, are taken as UTC.
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Ok(time) = DateTime::parse_from_rfc3339(text) {
            return Some(Self(time.timestamp_micros()));
        }
        let naive = NAIVE.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
        naive
            .or_else(|| text.parse::<NaiveDate>().ok().and_then(|date| date.and_hms_opt(0, 0, 0)))
            .map(Self::of)
    }

    fn of(time: NaiveDateTime) -> Self {
        Self(time.and_utc().timestamp_micros())
    }
}

impl From<DateTime<Utc>> for Moment {
    fn from(time: DateTime<Utc>) -> Self {
        Self(time.timestamp_micros())
    }
}

impl fmt::Display for Moment {
    /// RFC 3339, with as many digits as it needs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Utc.timestamp_micros(self.0).single() {
            Some(time) => f.write_str(&time.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
            None => write!(f, "{}us", self.0),
        }
    }
}

/// A closed interval; `None` is an open end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interval {
    /// Its first moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Moment>,
    /// Its last moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Moment>,
}

impl Interval {
    /// Reads `2024-01-01T00:00:00Z/..`, a single moment, or dates: a year, a month or a day stands
    /// for all of it. The error is a clause for the operator.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut ends = text.split('/').map(str::trim);
        let (first, second) = (ends.next().unwrap_or_default(), ends.next());
        if ends.next().is_some() {
            return Err(format!("`{text}` has more than two ends; write it like 2024-01-01/2024-12-31"));
        }
        let from = end(first)?;
        let to = second.map_or(Ok(from), end)?;
        let interval = Self { from: from.map(|span| span.0), to: to.map(|span| span.1) };
        match (interval.from, interval.to) {
            (None, None) => Err("has two open ends; leave `datetime` out for everything".to_owned()),
            (Some(from), Some(to)) if from > to => Err(format!("`{text}` ends before it starts")),
            _ => Ok(interval),
        }
    }

    /// Whether `moment` lies in it.
    pub fn contains(&self, moment: Moment) -> bool {
        self.from.is_none_or(|from| from <= moment) && self.to.is_none_or(|to| moment <= to)
    }

    /// Whether it has neither start nor end.
    pub fn is_everything(&self) -> bool {
        self.from.is_none() && self.to.is_none()
    }
}

impl fmt::Display for Interval {
    /// As the `datetime` parameter wants it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.from, self.to) {
            (Some(from), Some(to)) if from == to => return write!(f, "{from}"),
            (Some(from), _) => write!(f, "{from}/")?,
            (None, _) => f.write_str("../")?,
        }
        match self.to {
            Some(to) => write!(f, "{to}"),
            None => f.write_str(".."),
        }
    }
}

/// One end: the first and the last moment that it stands for; `None` if it is open.
fn end(text: &str) -> Result<Option<(Moment, Moment)>, String> {
    if matches!(text, "" | "..") {
        return Ok(None);
    }
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        let moment = Moment(time.timestamp_micros());
        return Ok(Some((moment, moment)));
    }
    if let Some(time) = NAIVE.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok()) {
        return Ok(Some((Moment::of(time), Moment::of(time))));
    }
    span_of_date(text).map(Some).ok_or_else(|| {
        format!("`{text}` is no time; write it like 2024-01-31, 2024-01-31T12:00:00Z, or .. for an open end")
    })
}

/// The first and last microsecond of a year, a month or a day.
fn span_of_date(text: &str) -> Option<(Moment, Moment)> {
    let parts: Vec<u32> = text.split('-').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let (first, after) = match (parts.as_slice(), text.len()) {
        ([year], 4) => {
            let first = NaiveDate::from_ymd_opt(i32::try_from(*year).ok()?, 1, 1)?;
            (first, first.with_year(first.year() + 1)?)
        }
        ([year, month], 7) => {
            let first = NaiveDate::from_ymd_opt(i32::try_from(*year).ok()?, *month, 1)?;
            (first, first.checked_add_months(chrono::Months::new(1))?)
        }
        ([year, month, day], 10) => {
            let first = NaiveDate::from_ymd_opt(i32::try_from(*year).ok()?, *month, *day)?;
            (first, first.succ_opt()?)
        }
        _ => return None,
    };
    let midnight = |date: NaiveDate| date.and_hms_opt(0, 0, 0).map(Moment::of);
    Some((midnight(first)?, Moment(midnight(after)?.0 - 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        Interval::parse(text).unwrap().to_string()
    }

    #[test]
    fn dates_mean_all_of_them() {
        assert_eq!(shown("2024-01-31"), "2024-01-31T00:00:00Z/2024-01-31T23:59:59.999999Z");
        assert_eq!(shown("2024-02"), "2024-02-01T00:00:00Z/2024-02-29T23:59:59.999999Z");
        assert_eq!(shown("2024"), "2024-01-01T00:00:00Z/2024-12-31T23:59:59.999999Z");
        assert_eq!(shown("2023/2024-06"), "2023-01-01T00:00:00Z/2024-06-30T23:59:59.999999Z");
    }

    #[test]
    fn ends_may_be_open_and_moments_exact() {
        assert_eq!(shown("2024-01-01/.."), "2024-01-01T00:00:00Z/..");
        assert_eq!(shown("2024-01-01/"), "2024-01-01T00:00:00Z/..");
        assert_eq!(shown("../2024-01-01"), "../2024-01-01T23:59:59.999999Z");
        assert_eq!(shown("2024-01-01T12:00:00+02:00"), "2024-01-01T10:00:00Z");
        assert_eq!(
            shown("2024-01-01T00:00:00.25Z/2024-01-01T00:00:01"),
            "2024-01-01T00:00:00.250Z/2024-01-01T00:00:01Z"
        );
    }

    #[test]
    fn what_is_no_interval_is_told() {
        for wrong in
            ["../..", "", "yesterday", "2024-13", "2024-02-30", "2025/2024", "2024/2025/2026", "20240101"]
        {
            assert!(Interval::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn times_of_items_are_read_leniently() {
        let at = |text: &str| Moment::read(text).map(|moment| moment.to_string());
        assert_eq!(at("2020-01-01T00:00:00.123456789Z").unwrap(), "2020-01-01T00:00:00.123456Z");
        assert_eq!(at("2020-01-01T00:00:00").unwrap(), "2020-01-01T00:00:00Z");
        assert_eq!(at("2020-01-01 01:00:00").unwrap(), "2020-01-01T01:00:00Z");
        assert_eq!(at("2020-01-01").unwrap(), "2020-01-01T00:00:00Z");
        assert_eq!(at("1969-12-31T23:59:59.9999999Z").unwrap(), "1969-12-31T23:59:59.999999Z");
        assert_eq!(at("soon"), None);
    }
}
