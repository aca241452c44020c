//! Time chunks: where a search is cut, and which chunk an item belongs to.
//!
//! # Items on a boundary
//!
//! Servers take intervals as closed, and differ in how finely they keep times. So neighbouring chunks
//! ask for intervals that share their boundary, which no item can fall between, and the reader of
//! each keeps only what lies in its half-open interval `[from, to)`.
//!
//! # Items with a span of time
//!
//! An item may have a span (`start_datetime`, `end_datetime`) beside its `datetime` or in place of it.
//! Some servers match such an item by its span, and then show it in every chunk that the span touches;
//! some match by `datetime` where there is one. An item belongs to the chunk of its **own moment**:
//!
//! 1. its `datetime`, if it lies in the span and in the searched interval (or there is no span),
//! 2. else its `start_datetime`, or the start of the searched interval if that is later,
//! 3. else its `end_datetime`.
//!
//! Both kinds of server show the item in the chunk of that moment, so it lands once. A `datetime`
//! outside of the item's own span (which the specification forbids) is kept where it is shown with it,
//! since a server that goes by `datetime` shows it nowhere else. An item whose times cannot be read is
//! kept wherever it is shown: with a primary key it still lands once, and never is it lost.

use serde::{Deserialize, Serialize};

use super::time::{Interval, Moment};

/// Chunks aimed at hold at least so many pages: each costs half a page on average, and the last page
/// of each is the end of a chain that nobody can read ahead of.
const MIN_PAGES: u64 = 6;
/// More chunks than this at once help nobody, and each has its bookkeeping.
const MAX_CHUNKS: u64 = 64;
/// Workers are counted in eights more often than not, so chunks that are about equal come out even.
const EVEN: u64 = 8;
/// A chunk that turned out to hold this many times what was aimed at is cut again,
const TOO_BIG: u64 = 2;
/// but not more often than this: items may all be of one moment.
pub const MAX_DEPTH: u8 = 8;

/// A piece of a search: what lies in `[from, to)`. An open end is an end of the search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// Its first moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Moment>,
    /// The first moment after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Moment>,
    /// Where it is thought to lie, for cutting it again where an end is open.
    pub guess: (Moment, Moment),
    /// How many items it should hold; 0 if nobody knows.
    pub aim: u64,
    /// How often what it comes from has been cut.
    pub depth: u8,
}

impl Chunk {
    /// All of a search whose items are thought to lie in `guess`.
    pub fn whole(guess: (Moment, Moment)) -> Self {
        Self { from: None, to: None, guess, aim: 0, depth: 0 }
    }

    /// The interval to ask for, of a search that asks for `search`. `None` if it is everything.
    pub fn interval(&self, search: Interval) -> Option<Interval> {
        let interval = Interval { from: self.from.or(search.from), to: self.to.or(search.to) };
        (!interval.is_everything()).then_some(interval)
    }

    /// Whether it lies in this chunk.
    pub fn holds(&self, moment: Moment) -> bool {
        self.from.is_none_or(|from| from <= moment) && self.to.is_none_or(|to| moment < to)
    }

    /// Whether an item that the server shows in this chunk of `search` belongs to it.
    pub fn keeps(&self, times: &Times, search: Interval) -> bool {
        match times.own_moment(search) {
            Some(own) if self.holds(own) => true,
            Some(_) => times.is_out_of_span() && times.datetime.is_some_and(|datetime| self.holds(datetime)),
            None => true,
        }
    }

    /// How many pieces it is to be cut into, knowing that it holds `count` items: none if it is fine.
    pub fn pieces(&self, count: u64) -> Option<u64> {
        let fits = self.aim == 0 || count <= self.aim.saturating_mul(TOO_BIG);
        if fits || self.depth >= MAX_DEPTH {
            return None;
        }
        Some(count.div_ceil(self.aim).clamp(2, MAX_CHUNKS))
    }

    /// Cuts it into `count` pieces of equal length; fewer if it is shorter than that. The pieces
    /// together are this chunk, and no two overlap.
    pub fn cut(&self, count: u64, aim: u64) -> Vec<Self> {
        let (start, end) = (self.guess.0.micros(), self.guess.1.micros());
        let length = i128::from(end) - i128::from(start);
        let mut bounds: Vec<Moment> = (1..count)
            .map(|n| {
                Moment::from_micros((i128::from(start) + length * i128::from(n) / i128::from(count)) as i64)
            })
            .filter(|bound| {
                self.from.is_none_or(|from| from < *bound) && self.to.is_none_or(|to| *bound < to)
            })
            .collect();
        bounds.dedup();
        let mut pieces = Vec::with_capacity(bounds.len() + 1);
        let (mut from, mut guess) = (self.from, self.guess.0);
        for bound in bounds {
            pieces.push(Self { from, to: Some(bound), guess: (guess, bound), aim, depth: self.depth + 1 });
            (from, guess) = (Some(bound), bound);
        }
        pieces.push(Self { from, to: self.to, guess: (guess, self.guess.1), aim, depth: self.depth + 1 });
        pieces
    }
}

/// How many chunks a search with `count` items in pages of `limit` is cut into; 1 leaves it whole.
pub fn chunks_for(count: u64, limit: u64) -> u64 {
    let chunks = (count.div_ceil(limit.max(1)) / MIN_PAGES).clamp(1, MAX_CHUNKS);
    if chunks >= EVEN { chunks / EVEN * EVEN } else { chunks }
}

/// The times of an item, as far as they can be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// `datetime`.
    pub datetime: Option<Moment>,
    /// `start_datetime`.
    pub start: Option<Moment>,
    /// `end_datetime`.
    pub end: Option<Moment>,
}

impl Times {
    /// The moment that decides which chunk the item belongs to, in a search that asks for `search`.
    fn own_moment(&self, search: Interval) -> Option<Moment> {
        let in_both = |moment: &Moment| !self.is_span_without(*moment) && search.contains(*moment);
        self.datetime.filter(in_both).or(match (self.start, self.datetime) {
            (Some(start), _) => Some(search.from.map_or(start, |from| from.max(start))),
            (None, Some(datetime)) => Some(datetime),
            (None, None) => self.end,
        })
    }

    fn is_span_without(&self, moment: Moment) -> bool {
        match (self.start, self.end) {
            (Some(start), Some(end)) => moment < start || end < moment,
            _ => false,
        }
    }

    fn is_out_of_span(&self) -> bool {
        self.datetime.is_some_and(|datetime| self.is_span_without(datetime))
    }

    /// Whether it has nothing that a search by time could find it by.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
