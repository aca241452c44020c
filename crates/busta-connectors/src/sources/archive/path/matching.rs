//! Matching a path: tried from the left, the longest value first (of markets the shortest), with a way back.
//!
//! The way back makes patterns possible whose values hold the letters between them (`BTC-USD-1d-2024-01-31`).
//! Its price is bounded: real patterns take a few dozen steps, and after [`MAX_STEPS`] a path counts as none
//! of these, as does one longer than [`MAX_PATH`].

use super::date::PartialDate;
use super::{Captured, Piece};

/// The most ends of values that are tried for a path.
const MAX_STEPS: usize = 10_000;

/// The longest path, in bytes. Names in S3 have at most 1,024.
const MAX_PATH: usize = 4096;

/// What a path is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whole {
    /// A file: all pieces are in it.
    File,
    /// A folder: the first pieces are.
    Folder,
}

/// Matches the whole of a path.
pub(super) fn run(pieces: &[Piece], path: &str, whole: Whole) -> Option<Captured> {
    if path.len() > MAX_PATH || (whole == Whole::Folder && !path.ends_with('/')) {
        return None;
    }
    let mut attempt = Attempt { pieces, whole, values: Vec::new(), date: PartialDate::default(), steps: 0 };
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
    whole: Whole,
    values: Vec<(&'p str, &'t str)>,
    date: PartialDate,
    steps: usize,
}

impl<'p, 't> Attempt<'p, 't> {
    /// Whether the pieces from `at` on match the whole of `rest`. If not, nothing is noted.
    fn from(&mut self, at: usize, rest: &'t str) -> bool {
        let pieces = self.pieces;
        match pieces.get(at) {
            None => rest.is_empty() && self.whole == Whole::File && self.date.period().is_ok(),
            Some(Piece::Literal(text)) => self.literal(text, at, rest),
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
            Some(Piece::Value(name)) => {
                match self.values.iter().find(|(known, _)| known == name).map(|(_, value)| *value) {
                    Some(value) => self.literal(value, at, rest),
                    None => self.value(name, at, rest),
                }
            }
        }
    }

    /// Whether `text` stands here, or the path ends in it, as a folder's may.
    fn literal(&mut self, text: &str, at: usize, rest: &'t str) -> bool {
        match rest.strip_prefix(text) {
            Some(rest) if !rest.is_empty() || self.whole == Whole::File => self.from(at + 1, rest),
            _ => self.ends_in(text, rest) && self.date.period().is_ok(),
        }
    }

    /// Whether the path of a folder ends in this text.
    fn ends_in(&self, text: &str, rest: &str) -> bool {
        self.whole == Whole::Folder && text.starts_with(rest)
    }

    /// Tries all ends of a value that stands here first.
    fn value(&mut self, name: &'p str, at: usize, rest: &'t str) -> bool {
        let pieces = self.pieces;
        let next = pieces.get(at + 1).and_then(Piece::literal);
        let mut ends =
            rest[..longest(name, rest)].char_indices().map(|(start, letter)| start + letter.len_utf8());
        // A market takes no more folders than it has to.
        let shortest_first = name == "market";
        while let Some(end) = if shortest_first { ends.next() } else { ends.next_back() } {
            self.steps += 1;
            if self.steps > MAX_STEPS {
                return false;
            }
            let (value, after) = rest.split_at(end);
            let goes_on =
                next.is_none_or(|literal| after.starts_with(literal) || self.ends_in(literal, after));
            if goes_on && is_whole(value) {
                self.values.push((name, value));
                if self.from(at + 1, after) {
                    return true;
                }
                self.values.pop();
            }
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
