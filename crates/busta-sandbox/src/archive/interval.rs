//! Intervals of klines.

use std::fmt;
use std::str::FromStr;

/// The time that one kline stands for, which divides a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Interval {
    name: &'static str,
    seconds: i64,
}

const ALL: [Interval; 13] = [
    Interval { name: "1s", seconds: 1 },
    Interval { name: "1m", seconds: 60 },
    Interval { name: "3m", seconds: 180 },
    Interval { name: "5m", seconds: 300 },
    Interval { name: "15m", seconds: 900 },
    Interval { name: "30m", seconds: 1800 },
    Interval::HOUR,
    Interval { name: "2h", seconds: 7200 },
    Interval { name: "4h", seconds: 14_400 },
    Interval { name: "6h", seconds: 21_600 },
    Interval { name: "8h", seconds: 28_800 },
    Interval { name: "12h", seconds: 43_200 },
    Interval { name: "1d", seconds: 86_400 },
];

impl Interval {
    pub(super) const HOUR: Self = Self { name: "1h", seconds: 3600 };

    pub(super) fn seconds(self) -> i64 {
        self.seconds
    }

    /// Whether a month of it is one file: a month of seconds has 2.7 million rows.
    pub(super) fn has_months(self) -> bool {
        self.seconds >= 60
    }
}

impl FromStr for Interval {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = || ALL.map(|one| one.name).join(", ");
        let found = ALL.into_iter().find(|one| one.name == text);
        found.ok_or_else(|| format!("`{text}` is not an interval here: write one of {}", names()))
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
