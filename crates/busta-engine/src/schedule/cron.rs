//! Times by a cron pattern in a time zone.
//!
//! Where clocks go forward, a time that does not exist comes when the missing hour is over. Where they
//! go back, a job at a fixed time of the doubled hour comes once, and one that repeats within the hour
//! comes in both halves.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};

/// A cron pattern of five fields, or six with seconds before them, in a time zone.
#[derive(Clone, Debug)]
pub struct CronTimes {
    pattern: String,
    cron: Arc<Cron>,
    timezone: Tz,
}

impl CronTimes {
    /// The times of `pattern` in `timezone`, a name of the IANA database; UTC if there is none. The
    /// error says what is wrong, in a lower-case clause.
    pub fn parse(pattern: &str, timezone: Option<&str>) -> Result<Self, String> {
        let timezone = timezone.map_or(Ok(Tz::UTC), Self::parse_timezone)?;
        let wrong = |why: &str| format!("`{pattern}` is not a cron pattern: {why}");
        let fields = pattern.split_whitespace().count();
        if !pattern.trim_start().starts_with('@') && !(5..=6).contains(&fields) {
            return Err(wrong(&format!("it has {fields} fields, and not 5, or 6 with seconds before them")));
        }
        let cron = CronParser::builder()
            .seconds(Seconds::Optional)
            .year(Year::Disallowed)
            .build()
            .parse(pattern)
            .map_err(|e| wrong(e.to_string().trim_end_matches('.')))?;
        Ok(Self { pattern: pattern.trim().to_owned(), cron: Arc::new(cron), timezone })
    }

    /// The time zone of a name.
    pub fn parse_timezone(name: &str) -> Result<Tz, String> {
        name.parse().map_err(|_| format!("`{name}` is not a time zone: write one such as Europe/Berlin"))
    }

    /// The first time after `now`; `None` if there is none, as for the 30th of February.
    pub fn next_after(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let next = self.cron.find_next_occurrence(&now.with_timezone(&self.timezone), false).ok()?;
        Some(next.with_timezone(&Utc)).filter(|next| *next > now)
    }

    /// The last time at or before `now`.
    pub fn last_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let last = self.cron.find_previous_occurrence(&now.with_timezone(&self.timezone), true).ok()?;
        Some(last.with_timezone(&Utc)).filter(|last| *last <= now)
    }
}

impl fmt::Display for CronTimes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cron {} ({})", self.pattern, self.timezone.name())
    }
}
