//! The distance between the rows of a regular table.

use super::moment::{Moment, civil};

const SECOND: i64 = 1_000_000;
const DAY: u64 = 86_400;

/// How far apart rows are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interval {
    /// So many microseconds.
    Fixed(i64),
    /// So many months of the calendar.
    Months(i64),
}

impl Interval {
    /// Reads `1s`, `15m`, `4h`, `3d`, `1w`, `1mo` or `1M`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (count, unit) = text.split_at(digits);
        let count: i64 = count.parse().ok().filter(|count| (1..=1_000_000).contains(count))?;
        let seconds = match unit {
            "s" => 1,
            "m" => 60,
            "h" | "H" => 3_600,
            "d" | "D" => 86_400,
            "w" | "W" => 604_800,
            "mo" | "M" => return Some(Self::Months(count)),
            _ => return None,
        };
        Some(Self::Fixed(count * seconds * SECOND))
    }

    /// How many rows are missing between two times, of which `to` is the later one. Both in microseconds.
    pub fn missing(self, from: i64, to: i64) -> u64 {
        let steps = match self {
            Self::Fixed(step) => (to - from) / step,
            Self::Months(step) => (month(to) - month(from)) / step,
        };
        // Never negative: `to` is later.
        (steps - 1).max(0) as u64
    }
}

/// The months since the year 0.
fn month(micros: i64) -> i64 {
    let (year, month, _) = civil(Moment::from_micros(micros).seconds / DAY);
    (year * 12 + month) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(interval: &str, from: &str, to: &str) -> u64 {
        let micros = |text: &str| Moment::parse(text.as_bytes()).unwrap().micros();
        Interval::parse(interval).unwrap().missing(micros(from), micros(to))
    }

    #[test]
    fn rows_between_are_counted() {
        assert_eq!(missing("1s", "2024-01-01 00:00:00", "2024-01-01 00:00:01"), 0);
        assert_eq!(missing("1m", "2024-01-01 00:00:00", "2024-01-01 00:05:00"), 4);
        assert_eq!(missing("1m", "2024-01-01 00:00:00", "2024-01-01 00:00:59"), 0);
        assert_eq!(missing("3d", "2024-02-28", "2024-03-05"), 1);
        assert_eq!(missing("1w", "2024-01-01", "2024-01-22"), 2);
        assert_eq!(missing("1mo", "2024-01-01", "2024-02-01"), 0);
        assert_eq!(missing("1M", "2023-11-01", "2024-03-01"), 3);
    }

    #[test]
    fn other_words_are_no_intervals() {
        for text in ["", "m", "0m", "1", "1y", "-1m", "1.5h", "99999999999d"] {
            assert_eq!(Interval::parse(text), None, "{text}");
        }
    }
}
