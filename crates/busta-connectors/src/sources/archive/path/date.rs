//! The period in a path: its parts, as `strftime` names them.
//!
//! | | | | |
//! | --- | --- | --- | --- |
//! | `%Y` | `2024` | `%y` | `24` (from 2000 to 2099) |
//! | `%m` | `01` | `%b`, `%B` | `Jan`, `January` |
//! | `%d` | `31` | `%j` | `031`, the day of the year |
//! | `%F` | `2024-01-31` | `%%` | `%` |
//!
//! Each but the names of months has a fixed width, and is read as strictly as it is written.

use chrono::{Datelike, NaiveDate};

use super::Grain;
use crate::sources::archive::period::{Month, Period};

/// A part of a date in a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Year,
    ShortYear,
    Month,
    /// The month's name, cut to its first letters or not.
    MonthName {
        short: bool,
    },
    Day,
    DayOfYear,
}

/// A piece of a form such as `%Y/%m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item<'a> {
    Literal(&'a str),
    Part(Part),
}

/// What is known of a date.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PartialDate {
    year: Option<i32>,
    month: Option<u32>,
    day: Option<u32>,
    day_of_year: Option<u32>,
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// The pieces of a form.
pub(super) fn items(format: &str) -> Result<Vec<Item<'_>>, String> {
    let mut items = Vec::new();
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        items.push(Item::Literal(&rest[..at]));
        let letter = rest[at + 1..].chars().next();
        match letter {
            Some('Y') => items.push(Item::Part(Part::Year)),
            Some('y') => items.push(Item::Part(Part::ShortYear)),
            Some('m') => items.push(Item::Part(Part::Month)),
            Some('b') => items.push(Item::Part(Part::MonthName { short: true })),
            Some('B') => items.push(Item::Part(Part::MonthName { short: false })),
            Some('d') => items.push(Item::Part(Part::Day)),
            Some('j') => items.push(Item::Part(Part::DayOfYear)),
            Some('F') => items.extend(items_of_iso()),
            Some('%') => items.push(Item::Literal("%")),
            _ => {
                let unknown = letter.map(String::from).unwrap_or_default();
                return Err(format!(
                    "has `%{unknown}` in a date; there are %Y, %y, %m, %b, %B, %d, %j, %F and %%"
                ));
            }
        }
        rest = &rest[at + 2..];
    }
    items.push(Item::Literal(rest));
    if !items.iter().any(|item| matches!(item, Item::Part(_))) {
        return Err(format!("has the date in the form `{format}`, which has no part such as %Y"));
    }
    Ok(items)
}

fn items_of_iso() -> [Item<'static>; 5] {
    let dash = Item::Literal("-");
    [Item::Part(Part::Year), dash, Item::Part(Part::Month), dash, Item::Part(Part::Day)]
}

/// A month needs its year, a day its month.
pub(super) fn check(parts: impl Iterator<Item = Part>) -> Result<(), String> {
    let (mut year, mut month, mut day) = (false, false, false);
    for part in parts {
        match part {
            Part::Year | Part::ShortYear => year = true,
            Part::Month | Part::MonthName { .. } => month = true,
            Part::Day => day = true,
            Part::DayOfYear => (month, day) = (true, true),
        }
    }
    match (year, month, day) {
        (false, false, false) | (true, _, false) | (true, true, true) => Ok(()),
        (true, false, true) => Err("says the day and not the month".to_owned()),
        (false, ..) => Err("says the month or the day, and not the year".to_owned()),
    }
}

impl Part {
    /// How much is known with this part.
    pub(super) fn grain(self) -> Grain {
        match self {
            Self::Year | Self::ShortYear => Grain::Year,
            Self::Month | Self::MonthName { .. } => Grain::Month,
            Self::Day | Self::DayOfYear => Grain::Day,
        }
    }

    /// This part of a date, if it is known and can be written.
    pub(super) fn write(self, date: &PartialDate) -> Option<String> {
        let year = |from, to| date.year.filter(|year| (from..=to).contains(year));
        Some(match self {
            Self::Year => format!("{:04}", year(0, 9999)?),
            Self::ShortYear => format!("{:02}", year(2000, 2099)? - 2000),
            Self::Month => format!("{:02}", date.month?),
            Self::MonthName { short } => month_name(date.month?, short)?.to_owned(),
            Self::Day => format!("{:02}", date.day?),
            Self::DayOfYear => format!("{:03}", date.day_of_year?),
        })
    }

    /// Reads this part at the beginning of a text: what is known now, and what follows. `None` if it is not
    /// there, or differs from what was known.
    pub(super) fn read(self, text: &str, known: PartialDate) -> Option<(PartialDate, &str)> {
        let mut date = known;
        let rest = match self {
            Self::Year => {
                let (year, rest) = digits(text, 4)?;
                learn(&mut date.year, i32::try_from(year).ok()?)?;
                rest
            }
            Self::ShortYear => {
                let (year, rest) = digits(text, 2)?;
                learn(&mut date.year, 2000 + i32::try_from(year).ok()?)?;
                rest
            }
            Self::Month => learn_digits(&mut date.month, text, 2)?,
            Self::MonthName { short } => {
                let names =
                    |month: &u32| month_name(*month, short).is_some_and(|name| text.starts_with(name));
                let month = (1..=12).find(names)?;
                learn(&mut date.month, month)?;
                &text[month_name(month, short)?.len()..]
            }
            Self::Day => learn_digits(&mut date.day, text, 2)?,
            Self::DayOfYear => learn_digits(&mut date.day_of_year, text, 3)?,
        };
        Some((date, rest))
    }
}

impl PartialDate {
    /// What a period says; without one, the year that is the value `year`.
    pub(super) fn known(period: Option<Period>, value: &impl Fn(&str) -> Option<String>) -> Self {
        match period {
            Some(Period::Day(day)) => Self {
                year: Some(day.year()),
                month: Some(day.month()),
                day: Some(day.day()),
                day_of_year: Some(day.ordinal()),
            },
            Some(Period::Month(month)) => {
                let first = month.first_day();
                Self { year: Some(first.year()), month: Some(first.month()), ..Self::default() }
            }
            None => Self { year: value("year").and_then(|year| year.parse().ok()), ..Self::default() },
        }
    }

    /// The year, if nothing else is known.
    pub(super) fn only_year(&self) -> Option<i32> {
        self.year.filter(|_| self.month.is_none() && self.day_of_year.is_none())
    }

    /// The period, or none; `Err` if the calendar has no such day or month.
    pub(super) fn period(&self) -> Result<Option<Period>, NoSuchDate> {
        let Some(year) = self.year else { return Ok(None) };
        let by_month = match (self.month, self.day) {
            (Some(month), Some(day)) => Some(NaiveDate::from_ymd_opt(year, month, day).ok_or(NoSuchDate)?),
            _ => None,
        };
        let by_year = match self.day_of_year {
            Some(day) => Some(NaiveDate::from_yo_opt(year, day).ok_or(NoSuchDate)?),
            None => None,
        };
        let differ = by_year.is_some_and(|day| self.month.is_some_and(|month| month != day.month()))
            || by_year.zip(by_month).is_some_and(|(a, b)| a != b);
        if differ {
            return Err(NoSuchDate);
        }
        match (by_month.or(by_year), self.month) {
            (Some(day), _) => Ok(Some(Period::Day(day))),
            (None, Some(month)) => {
                Month::new(year, month).map(|month| Some(Period::Month(month))).ok_or(NoSuchDate)
            }
            (None, None) => Ok(None),
        }
    }
}

/// The parts do not make a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoSuchDate;

fn month_name(month: u32, short: bool) -> Option<&'static str> {
    let name = MONTHS.get(usize::try_from(month).ok()?.checked_sub(1)?)?;
    Some(if short { &name[..3] } else { name })
}

/// A number of exactly so many digits, and what follows.
fn digits(text: &str, width: usize) -> Option<(u32, &str)> {
    let (number, rest) = text.split_at_checked(width)?;
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
    Some((number.parse().ok().filter(|_| is_number)?, rest))
}

fn learn_digits<'a>(known: &mut Option<u32>, text: &'a str, width: usize) -> Option<&'a str> {
    let (number, rest) = digits(text, width)?;
    learn(known, number)?;
    Some(rest)
}

/// Notes a value, unless another one is known.
fn learn<T: PartialEq + Copy>(known: &mut Option<T>, value: T) -> Option<()> {
    (*known.get_or_insert(value) == value).then_some(())
}
