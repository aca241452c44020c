//! Incremental streams: how new a record is, and asking for what is newer.

use std::cmp::Ordering;

use busta_core::{CursorValue, Error, Records, Result};
use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::Value;

use super::config::{Place, TimeFormat};
use super::draft::Draft;

/// Unix times beyond this are milliseconds: as seconds it is the year 5138.
const MILLIS_FROM: i64 = 100_000_000_000;

/// The cursor of an incremental stream.
#[derive(Clone, Debug)]
pub struct Since {
    /// The names that lead to the field.
    pub field: Vec<String>,
    /// Whether the server gives the newest first.
    pub newest_first: bool,
    /// The parameter that asks for what is newer.
    pub param: Option<(String, Place)>,
    /// How the value is written there.
    pub format: TimeFormat,
    /// Where the very first run starts.
    pub start: Option<CursorValue>,
    /// How much earlier than the newest value each run starts.
    pub lookback: Option<TimeDelta>,
}

impl Since {
    /// Asks for what is newer than `newest`, which earlier runs have reached.
    pub fn ask(&self, newest: Option<&CursorValue>, draft: &mut Draft) -> Result<()> {
        let Some((param, place)) = &self.param else { return Ok(()) };
        match self.from(newest)? {
            Some(from) => draft.set(*place, param, self.written(&from)?),
            None => Ok(()),
        }
    }

    /// Where this run starts, if earlier ones have reached `newest`.
    fn from(&self, newest: Option<&CursorValue>) -> Result<Option<CursorValue>> {
        match newest {
            Some(newest) => self.look_back(newest).map(Some),
            None => Ok(self.start.clone()),
        }
    }

    /// Whether a page that ends with `last` is where a stream that is read from the newest record on meets what
    /// earlier runs have read: where the last record is older than where they ended. One that is exactly as new
    /// does not end it, since another as new may have come after it.
    pub fn has_reached(&self, last: Option<&CursorValue>, newest: Option<&CursorValue>) -> Result<bool> {
        let Some(last) = last.filter(|_| self.newest_first) else { return Ok(false) };
        Ok(self.from(newest)?.is_some_and(|from| is_newer(&from, last)))
    }

    /// The newest value among `records`.
    pub fn newest(&self, records: &Records) -> Option<CursorValue> {
        let values = records.iter().filter_map(|record| self.value(record));
        values.reduce(|newest, value| if newest == value { newest } else { newest.max(value) })
    }

    /// The value in the last of `records` that has one.
    pub fn last(&self, records: &Records) -> Option<CursorValue> {
        if !self.newest_first {
            return None;
        }
        (0..records.len()).rev().find_map(|index| self.value(records.get(index)))
    }

    fn value(&self, record: &[u8]) -> Option<CursorValue> {
        let mut raw = busta_core::json::field(record, self.field.first()?)?;
        for name in &self.field[1..] {
            raw = busta_core::json::field(raw.as_bytes(), name)?;
        }
        CursorValue::from_json(raw)
    }

    fn look_back(&self, newest: &CursorValue) -> Result<CursorValue> {
        let Some(lookback) = self.lookback else { return Ok(newest.clone()) };
        Time::read(newest)
            .and_then(|time| time.earlier(lookback))
            .map(Time::write)
            .ok_or_else(|| self.no_time(newest, "`lookback`"))
    }

    fn written(&self, from: &CursorValue) -> Result<Value> {
        let time =
            || Time::read(from).map(|time| time.instant()).ok_or_else(|| self.no_time(from, "`format`"));
        Ok(match self.format {
            TimeFormat::AsIs => match from {
                CursorValue::Integer(number) => Value::from(*number),
                CursorValue::Float(number) => Value::from(*number),
                CursorValue::Text(text) => Value::from(text.as_str()),
            },
            TimeFormat::Unix => Value::from(time()?.timestamp()),
            TimeFormat::UnixMs => Value::from(time()?.timestamp_millis()),
            TimeFormat::Rfc3339 => Value::from(time()?.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
            TimeFormat::Date => Value::from(time()?.format("%Y-%m-%d").to_string()),
        })
    }

    fn no_time(&self, value: &CursorValue, key: &str) -> Error {
        Error::config(format!(
            "the cursor `{}` is at `{}`, which is no time",
            self.field.join("."),
            value.to_param()
        ))
        .hint(format!("{key} is for cursor fields that hold times"))
    }
}

/// Whether `a` is newer than `b`. A number and a text, such as the `start` of a stream whose records hold Unix times,
/// are compared as the times that they are.
fn is_newer(a: &CursorValue, b: &CursorValue) -> bool {
    let is_text = |value: &CursorValue| matches!(value, CursorValue::Text(_));
    if is_text(a) != is_text(b)
        && let (Some(a), Some(b)) = (Time::read(a), Time::read(b))
    {
        return a.instant() > b.instant();
    }
    a.order(b) == Ordering::Greater
}

/// A time in the form in which it was met.
enum Time {
    Zoned(DateTime<FixedOffset>),
    Naive(NaiveDateTime, &'static str),
    Date(NaiveDate),
    Seconds(f64),
    Millis(i64),
}

const NAIVE: [&str; 2] = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"];

impl Time {
    fn read(value: &CursorValue) -> Option<Self> {
        match value {
            CursorValue::Integer(number) if number.abs() >= MILLIS_FROM => Some(Self::Millis(*number)),
            CursorValue::Integer(number) => Some(Self::Seconds(*number as f64)),
            CursorValue::Float(number) => Some(Self::Seconds(*number)),
            CursorValue::Text(text) => DateTime::parse_from_rfc3339(text)
                .ok()
                .map(Self::Zoned)
                .or_else(|| {
                    let naive = |f| NaiveDateTime::parse_from_str(text, f).ok().map(|t| Self::Naive(t, f));
                    NAIVE.into_iter().find_map(naive)
                })
                .or_else(|| text.parse().ok().map(Self::Date)),
        }
    }

    fn earlier(self, by: TimeDelta) -> Option<Self> {
        Some(match self {
            Self::Zoned(time) => Self::Zoned(time.checked_sub_signed(by)?),
            Self::Naive(time, format) => Self::Naive(time.checked_sub_signed(by)?, format),
            Self::Date(date) => {
                // Whole days, rounded up: a date has no finer place to go back to.
                let days = by.num_days() + i64::from(by > TimeDelta::days(by.num_days()));
                Self::Date(date.checked_sub_signed(TimeDelta::days(days))?)
            }
            Self::Seconds(seconds) => Self::Seconds(seconds - by.num_milliseconds() as f64 / 1000.0),
            Self::Millis(millis) => Self::Millis(millis.checked_sub(by.num_milliseconds())?),
        })
    }

    fn write(self) -> CursorValue {
        match self {
            Self::Zoned(time) => CursorValue::Text(time.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
            Self::Naive(time, format) => CursorValue::Text(time.format(format).to_string()),
            Self::Date(date) => CursorValue::Text(date.to_string()),
            Self::Seconds(seconds) if seconds.fract() == 0.0 => CursorValue::Integer(seconds as i64),
            Self::Seconds(seconds) => CursorValue::Float(seconds),
            Self::Millis(millis) => CursorValue::Integer(millis),
        }
    }

    fn instant(&self) -> DateTime<Utc> {
        match self {
            Self::Zoned(time) => time.to_utc(),
            Self::Naive(time, _) => time.and_utc(),
            Self::Date(date) => date.and_time(chrono::NaiveTime::MIN).and_utc(),
            Self::Seconds(seconds) => {
                DateTime::from_timestamp_millis((seconds * 1000.0) as i64).unwrap_or_default()
            }
            Self::Millis(millis) => DateTime::from_timestamp_millis(*millis).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;

    fn since(format: TimeFormat, lookback: Option<i64>) -> Since {
        Since {
            field: vec!["updated_at".into()],
            newest_first: false,
            param: Some(("since".into(), Place::Query)),
            format,
            start: Some(CursorValue::Text("2020-01-01".into())),
            lookback: lookback.map(TimeDelta::seconds),
        }
    }

    fn asked(since: &Since, newest: Option<CursorValue>) -> String {
        let url = Url::parse("http://a.example/").unwrap();
        let mut draft = Draft { url, params: Vec::new(), body: None };
        since.ask(newest.as_ref(), &mut draft).unwrap();
        draft.params.pop().unwrap().1
    }

    fn text(text: &str) -> Option<CursorValue> {
        Some(CursorValue::Text(text.into()))
    }

    #[test]
    fn the_first_run_starts_where_it_is_told() {
        assert_eq!(asked(&since(TimeFormat::AsIs, None), None), "2020-01-01");
        assert_eq!(asked(&since(TimeFormat::Unix, None), None), "1577836800");
        assert_eq!(asked(&since(TimeFormat::AsIs, None), text("anything")), "anything");
    }

    #[test]
    fn times_are_written_as_asked() {
        let at = || text("2024-01-31T12:00:00.5+02:00");
        for (format, written) in [
            (TimeFormat::Unix, "1706695200"),
            (TimeFormat::UnixMs, "1706695200500"),
            (TimeFormat::Rfc3339, "2024-01-31T10:00:00.500Z"),
            (TimeFormat::Date, "2024-01-31"),
        ] {
            assert_eq!(asked(&since(format, None), at()), written);
        }
    }

    #[test]
    fn looking_back_keeps_the_form() {
        let hour = since(TimeFormat::AsIs, Some(3600));
        for (newest, from) in [
            (text("2024-01-31T00:30:00Z"), "2024-01-30T23:30:00Z"),
            (text("2024-01-31T00:30:00+02:00"), "2024-01-30T23:30:00+02:00"),
            (text("2024-01-31 00:30:00"), "2024-01-30 23:30:00"),
            (text("2024-01-31"), "2024-01-30"),
            (Some(CursorValue::Integer(1_700_000_000)), "1699996400"),
            (Some(CursorValue::Integer(1_700_000_000_000)), "1699996400000"),
        ] {
            assert_eq!(asked(&hour, newest), from);
        }
    }

    #[test]
    fn a_page_ends_where_its_last_record_is_known() {
        let of = |start| Since { newest_first: true, start, ..since(TimeFormat::AsIs, None) };
        let reached = |last: i64, newest: Option<i64>, start: Option<CursorValue>| {
            let newest = newest.map(CursorValue::Integer);
            of(start).has_reached(Some(&CursorValue::Integer(last)), newest.as_ref()).unwrap()
        };
        assert!(!reached(5, None, None));
        assert!(!reached(5, Some(4), None) && !reached(5, Some(5), None) && reached(4, Some(5), None));
        // A start is a time, whatever the records hold.
        assert!(!reached(1_577_836_800, None, text("2020-01-01")));
        assert!(reached(1_577_836_799, None, text("2020-01-01")));
        let hour = Since { lookback: Some(TimeDelta::hours(1)), ..of(None) };
        let newest = CursorValue::Integer(1_600_000_000);
        let reached = |last| hour.has_reached(Some(&CursorValue::Integer(last)), Some(&newest)).unwrap();
        assert!(!reached(1_599_996_400) && reached(1_599_996_399));
        assert!(!hour.has_reached(None, Some(&newest)).unwrap());
    }

    #[test]
    fn the_newest_value_is_found_below_too() {
        let records: Records =
            [r#"{"m":{"t":3}}"#, r#"{"m":{"t":10}}"#, r#"{"m":null}"#, "{}"].into_iter().collect();
        let nested = Since { field: vec!["m".into(), "t".into()], ..since(TimeFormat::AsIs, None) };
        assert_eq!(nested.newest(&records), Some(CursorValue::Integer(10)));
        assert_eq!(since(TimeFormat::AsIs, None).newest(&records), None);
    }
}
