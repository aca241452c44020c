//! Paths of files as patterns: made from values, and matched against names.
//!
//! `{market}/daily/klines/{symbol}/{interval}/{symbol}-{interval}-{date}.zip` is both: what to ask for when
//! market, symbol, interval and day are known, and how to tell them from a name that a listing shows.
//!
//! | in braces | what it stands for |
//! | --- | --- |
//! | `date`, `month`, `year` | the period: `2024-01-31`, `2024-01`, `2024` |
//! | `date:%Y%m%d` (also with `month` and `year`) | the same in another form, or a part of it; see `date` |
//! | `market` | letters of any kind, also across folders: `futures/um` |
//! | `interval` | letters, digits and `_`: `1m`, `1mo` |
//! | any other word | letters of any kind, within a folder |
//!
//! A value that stands twice is the same in both places. Where a name can be read in several ways, values that
//! stand earlier are as long as they can be, and a market as short as it can be.

mod date;
mod matching;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::period::Period;
use date::{Part, PartialDate};
use matching::Whole;

/// No pattern needs more pieces, and the matching goes so deep.
const MAX_PIECES: usize = 64;

/// The path of files; see the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathPattern {
    text: String,
    pieces: Vec<Piece>,
    /// The values that were put in, by their names.
    bound: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Value(String),
    Date(Part),
}

/// How much of the period a path says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grain {
    /// Its files are of a year; it counts as a value, `year`.
    Year,
    /// Its files are of a month.
    Month,
    /// Its files are of a day.
    Day,
}

/// What a path holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captured {
    /// The values by their names. A year stands here if the path says neither month nor day.
    pub values: BTreeMap<String, String>,
    /// The day or the month, if the path says it.
    pub period: Option<Period>,
}

impl PathPattern {
    /// Reads a pattern. The error is a clause for the operator.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find(['{', '}']) {
            let close = rest[open..].find('}').map(|at| open + at).filter(|close| *close > open);
            let close =
                close.ok_or_else(|| format!("has a brace without its partner at `{}`", &rest[open..]))?;
            push_literal(&mut pieces, &rest[..open]);
            push_braces(&mut pieces, &rest[open + 1..close])?;
            rest = &rest[close + 1..];
        }
        push_literal(&mut pieces, rest);
        if pieces.len() > MAX_PIECES {
            return Err(format!("has more than {MAX_PIECES} pieces"));
        }
        let pattern = Self { text: text.to_owned(), pieces, bound: BTreeMap::new() };
        pattern.check_folders()?;
        date::check(pattern.parts())?;
        Ok(pattern)
    }

    fn check_folders(&self) -> Result<(), String> {
        let shape: String = self.pieces.iter().map(|piece| piece.literal().unwrap_or("x")).collect();
        if shape.starts_with('/') {
            return Err("must not begin with `/`; it starts at `base_url`".to_owned());
        }
        if shape.split('/').any(|folder| matches!(folder, "" | "." | "..")) {
            return Err("must name a file, and have no empty folder, `.` or `..`".to_owned());
        }
        Ok(())
    }

    /// The same pattern with these values put in: it matches only paths that hold them, and captures them too.
    #[must_use]
    pub fn with(&self, value: impl Fn(&str) -> Option<String>) -> Self {
        let mut with = Self { text: self.text.clone(), pieces: Vec::new(), bound: self.bound.clone() };
        for piece in &self.pieces {
            match (piece, piece.name().and_then(&value)) {
                (Piece::Value(name), Some(value)) => {
                    push_literal(&mut with.pieces, &value);
                    with.bound.insert(name.clone(), value);
                }
                (Piece::Literal(text), _) => push_literal(&mut with.pieces, text),
                _ => with.pieces.push(piece.clone()),
            }
        }
        with
    }

    /// The names of its values that are not put in, each once, in their order; without the period.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        let mut seen = BTreeSet::new();
        self.pieces.iter().filter_map(Piece::name).filter(move |name| seen.insert(*name))
    }

    /// How much of the period it says; `None` if nothing.
    pub fn grain(&self) -> Option<Grain> {
        self.parts().map(Part::grain).max()
    }

    fn parts(&self) -> impl Iterator<Item = Part> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Date(part) => Some(*part),
            Piece::Literal(_) | Piece::Value(_) => None,
        })
    }

    /// The path for these values and this period; `None` if it holds a value that is not known, or a day where
    /// the period is a month. A year without a period is the value `year`. Values stand in it as they are:
    /// nothing is percent-encoded.
    pub fn expand(&self, value: impl Fn(&str) -> Option<String>, period: Option<Period>) -> Option<String> {
        let date = PartialDate::known(period, &value);
        self.pieces.iter().map(|piece| piece.expand(&value, &date)).collect()
    }

    /// The longest beginning of its paths that is known with these values: what to list.
    pub fn prefix(&self, value: impl Fn(&str) -> Option<String>) -> String {
        let date = PartialDate::known(None, &value);
        self.pieces.iter().map_while(|piece| piece.expand(&value, &date)).collect()
    }

    /// What a path holds, if it is one of these. Nothing in it is percent-encoded.
    pub fn matches(&self, path: &str) -> Option<Captured> {
        matching::run(&self.pieces, path, Whole::File).map(|captured| self.with_bound(captured))
    }

    /// What the path of a folder, with `/` at its end, holds so far, if such files can lie in it or deeper. Of
    /// the period that may be the month or the year alone. A market that is not put in reaches to any depth. The empty
    /// path is the folder of all.
    pub fn matches_folder(&self, folder: &str) -> Option<Captured> {
        if folder.is_empty() {
            return Some(self.with_bound(Captured::default()));
        }
        matching::run(&self.pieces, folder, Whole::Folder).map(|captured| self.with_bound(captured))
    }

    /// Whether folders of its paths say something of the period.
    pub fn has_dated_folders(&self) -> bool {
        let last = self.pieces.iter().rposition(Piece::ends_folder);
        last.is_some_and(|last| self.pieces[..last].iter().any(|piece| matches!(piece, Piece::Date(_))))
    }

    /// Whether folders of its paths lead to one series, and then to ever shorter times of it: values that are not
    /// `named` stand above the first folder that says something of the period, and the year above the month above the
    /// day.
    pub fn narrows(&self, is_named: impl Fn(&str) -> bool) -> bool {
        let (mut above, mut here) = (BTreeSet::new(), Vec::new());
        let mut parts: Vec<Part> = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Value(name) => here.push(&**name),
                Piece::Date(part) => parts.push(*part),
                Piece::Literal(_) if piece.ends_folder() && parts.is_empty() => above.extend(here.drain(..)),
                Piece::Literal(_) if piece.ends_folder() && date::check(parts.iter().copied()).is_err() => {
                    return false;
                }
                Piece::Literal(_) => {}
            }
        }
        here.into_iter().all(|name| above.contains(name) || is_named(name))
    }

    fn with_bound(&self, mut captured: Captured) -> Captured {
        captured.values.extend(self.bound.clone());
        captured
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl Piece {
    fn name(&self) -> Option<&str> {
        match self {
            Self::Value(name) => Some(name),
            Self::Literal(_) | Self::Date(_) => None,
        }
    }

    fn literal(&self) -> Option<&str> {
        match self {
            Self::Literal(text) => Some(text),
            Self::Value(_) | Self::Date(_) => None,
        }
    }

    fn ends_folder(&self) -> bool {
        self.literal().is_some_and(|text| text.contains('/'))
    }

    fn expand(&self, value: &impl Fn(&str) -> Option<String>, date: &PartialDate) -> Option<String> {
        match self {
            Self::Literal(text) => Some(text.clone()),
            Self::Value(name) => value(name),
            Self::Date(part) => part.write(date),
        }
    }
}

fn push_literal(pieces: &mut Vec<Piece>, text: &str) {
    match pieces.last_mut() {
        _ if text.is_empty() => {}
        Some(Piece::Literal(before)) => before.push_str(text),
        _ => pieces.push(Piece::Literal(text.to_owned())),
    }
}

/// What stands in braces: a value, or the period in the form that follows a colon.
fn push_braces(pieces: &mut Vec<Piece>, inside: &str) -> Result<(), String> {
    let (name, format) = match inside.split_once(':') {
        Some((name, format)) => (name, Some(format)),
        None => (inside, None),
    };
    let usual = match name {
        "date" => "%Y-%m-%d",
        "month" => "%Y-%m",
        "year" => "%Y",
        _ if format.is_some() => {
            return Err(format!("has a form in `{{{inside}}}`; only `date`, `month` and `year` take one"));
        }
        _ if is_word(name) => {
            pieces.push(Piece::Value(name.to_owned()));
            return Ok(());
        }
        _ => {
            return Err(format!(
                "has `{{{inside}}}`, which is no name; they are of small letters, digits and `_`"
            ));
        }
    };
    for item in date::items(format.unwrap_or(usual))? {
        match item {
            date::Item::Literal(text) => push_literal(pieces, text),
            date::Item::Part(part) => pieces.push(Piece::Date(part)),
        }
    }
    Ok(())
}

fn is_word(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

#[cfg(test)]
mod tests;
