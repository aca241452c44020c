//! Matching a path: tried from the left, the longest value first, with a way back.
//!
//! The way back makes patterns possible whose values hold the letters between them (`BTC-USD-1d-2024-01-31`).
//! Its price is bounded: real patterns take a few dozen steps, and after [`MAX_STEPS`] a path counts as none
//! of these.

use super::date::PartialDate;
use super::{Captured, Piece};

/// The most ends of values that are tried for a path.
const MAX_STEPS: usize = 100_000;

/// Matches the whole of a path.
pub(super) fn run(pieces: &[Piece], path: &str) -> Option<Captured> {
    let mut attempt = Attempt { pieces, values: Vec::new(), date: PartialDate::default(), steps: 0 };
    if !attempt.from(0, path) {
        return None;
    }
    let mut captured = Captured { period: attempt.date.period().ok()?, ..Captured::default() };
    let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    captured.values = attempt.values.into_iter().map(own).collect();
    if let Some(year) = attempt.date.only_year() {
        captured.values.insert("year".to_owned(), format!("{year:04}"));
    }
    Some(captured)
}

struct Attempt<'p, 't> {
    pieces: &'p [Piece],
    values: Vec<(&'p str, &'t str)>,
    date: PartialDate,
    steps: usize,
}

impl<'p, 't> Attempt<'p, 't> {
    /// Whether the pieces from `at` on match the whole of `rest`. If not, nothing is noted.
    fn from(&mut self, at: usize, rest: &'t str) -> bool {
        match self.pieces.get(at) {
            None => rest.is_empty() && self.date.period().is_ok(),
            Some(Piece::Literal(text)) => {
                rest.strip_prefix(text.as_str()).is_some_and(|rest| self.from(at + 1, rest))
            }
            Some(Piece::Date(part)) => {
                let before = self.date;
                let Some((date, rest)) = part.read(rest, before) else { return false };
                self.date = date;
                let found = self.from(at + 1, rest);
                if !found {
                    self.date = before;
                }
                found
            }
            Some(Piece::Value(name)) => match self.values.iter().find(|(known, _)| known == name) {
                Some((_, value)) => rest.strip_prefix(*value).is_some_and(|rest| self.from(at + 1, rest)),
                None => self.value(name, at, rest),
            },
        }
    }

    /// Tries all ends of a value that stands here first.
    fn value(&mut self, name: &'p str, at: usize, rest: &'t str) -> bool {
        let next = self.pieces.get(at + 1).and_then(Piece::literal);
        let mut end = longest(name, rest);
        while end > 0 && self.steps < MAX_STEPS {
            self.steps += 1;
            let (value, after) = rest.split_at(end);
            if next.is_none_or(|literal| after.starts_with(literal)) && is_whole(value) {
                self.values.push((name, value));
                if self.from(at + 1, after) {
                    return true;
                }
                self.values.pop();
            }
            end = value.char_indices().next_back().map_or(0, |(before, _)| before);
        }
        false
    }
}

/// How many bytes of `rest` the value of this name may take.
fn longest(name: &str, rest: &str) -> usize {
    let end = match name {
        "market" => None,
        "interval" => rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')),
        _ => rest.find('/'),
    };
    end.unwrap_or(rest.len())
}

/// Whether a value names no empty folder and none of the special ones.
fn is_whole(value: &str) -> bool {
    !value.split('/').any(|folder| matches!(folder, "" | "." | ".."))
}
