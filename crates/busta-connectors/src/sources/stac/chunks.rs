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
//!
//! # Items that no search by time finds
//!
//! Where the search itself asks for no time, its chunks do, and a server may not show an item without
//! `datetime` to them (the specification wants it matched by its span). So one more piece of work asks
//! how many items all of time holds; if that is not what the search holds, the search is read once more
//! for what has no `datetime`. A server that says no numbers is trusted to follow the specification.

use serde::{Deserialize, Serialize};

use super::outlook::Outlook;
use super::time::{Interval, Moment};

/// Chunks that a search is cut into hold at least so many pages, on average: each costs half a page.
const MIN_PAGES: u64 = 6;
/// And at most so many: some servers have no more in one chain than 10,000 items.
const MAX_PAGES: u64 = 100;
/// More chunks than this at once help nobody, and each has its bookkeeping.
const MAX_CHUNKS: u64 = 64;
/// A chunk is cut again if it has so many fifths of the pages that a reader is to read, and so many pages more
/// than that,
const TOO_MANY_FIFTHS: u64 = 6;
const TOO_MANY: u64 = 3;
/// and if that gives two pieces of so many pages, since it costs the page that showed it;
const LEAST_PAGES: u64 = 2;
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
    /// All of `search`, whose items are thought to lie in `guess`. It is never cut outside of the
    /// search, where a chunk would ask for more than that.
    pub fn whole(guess: (Moment, Moment), search: Interval) -> Self {
        let inside = |moment: Moment| {
            let late = search.from.map_or(moment, |from| from.max(moment));
            search.to.map_or(late, |to| to.min(late))
        };
        Self { from: None, to: None, guess: (inside(guess.0), inside(guess.1)), aim: 0, depth: 0 }
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

    /// How many pieces it is to be cut into, knowing that it holds `count` items in pages of `limit`:
    /// none if it is fine.
    ///
    /// Its pages are a chain that one reader reads. So it is too big if that reader would still read it
    /// when all others have shared out everything else: `share` is how many pages are left for each. If
    /// nobody knows that, it should hold what was aimed at.
    pub fn pieces(&self, count: u64, limit: u64, share: Option<u64>) -> Option<u64> {
        if self.aim == 0 || self.depth >= MAX_DEPTH {
            return None;
        }
        let limit = limit.max(1);
        let pages = count.div_ceil(limit);
        let share = share.unwrap_or_else(|| self.aim.div_ceil(limit));
        let is_fine = pages < 2 * LEAST_PAGES
            || pages < share + TOO_MANY
            || pages.saturating_mul(5) <= share.saturating_mul(TOO_MANY_FIFTHS);
        (!is_fine).then(|| pages.div_ceil(share.max(LEAST_PAGES)).clamp(2, MAX_CHUNKS))
    }

    /// Tells `outlook` that it holds `count` items.
    pub fn tell(&self, outlook: &Outlook, count: u64) {
        if self.depth > 1 { outlook.correct(self.aim, count) } else { outlook.look(self.aim, count) }
    }

    /// Cuts it into `count` pieces of equal length; fewer if it is shorter than that. The pieces
    /// together are this chunk, and no two overlap.
    pub fn cut(&self, count: u64, aim: u64) -> Vec<Self> {
        let (start, end) = (self.guess.0.micros(), self.guess.1.micros());
        let length = i128::from(end) - i128::from(start);
        let mut bounds: Vec<Moment> = (1..count)
            .map(|n| {
                rounded(
                    (i128::from(start) + length * i128::from(n) / i128::from(count)) as i64,
                    length / i128::from(count),
                )
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

/// A boundary between pieces of `length` microseconds: a whole second where that changes little.
fn rounded(micros: i64, length: i128) -> Moment {
    const SECOND: i64 = 1_000_000;
    let is_long = length >= i128::from(60 * SECOND);
    Moment::from_micros(if is_long { micros - micros.rem_euclid(SECOND) } else { micros })
}

/// How many chunks a search with so many pages is cut into for so many readers; 1 leaves it whole.
///
/// One for each reader, all of which then end together if items are even in time, with the least pages
/// that are not full. If they are not even, chunks are cut again ([`Chunk::pieces`]).
pub fn chunks_for(pages: u64, readers: u64) -> u64 {
    let readers = readers.max(1);
    let rounds = pages.div_ceil(readers.saturating_mul(MAX_PAGES)).max(1);
    readers.saturating_mul(rounds).min(pages / MIN_PAGES).clamp(1, MAX_CHUNKS)
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

    /// Whether it is of that time: its span, or its moment, and `interval` have a moment in common.
    pub fn touch(&self, interval: Interval) -> bool {
        match (self.datetime, self.start, self.end) {
            (Some(datetime), _, _) => interval.contains(datetime),
            (None, Some(start), Some(end)) => {
                interval.to.is_none_or(|to| start <= to) && interval.from.is_none_or(|from| from <= end)
            }
            (None, Some(only), None) | (None, None, Some(only)) => interval.contains(only),
            (None, None, None) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// How servers match items with a span.
    #[derive(Clone, Copy, Debug)]
    enum Server {
        /// By its span, whether it has a `datetime` or not.
        BySpan,
        /// By `datetime` where it has one, else by its span.
        ByDatetime,
    }

    impl Server {
        fn shows(self, times: &Times, interval: Option<Interval>) -> bool {
            let Some(interval) = interval else { return true };
            match (self, times.start, times.end) {
                (Self::BySpan, Some(_), Some(_)) => Times { datetime: None, ..*times }.touch(interval),
                _ => times.touch(interval),
            }
        }
    }

    fn moment() -> impl Strategy<Value = Moment> {
        // Few values, so that many items lie exactly on boundaries.
        prop_oneof![
            (-20i64..220).prop_map(Moment::from_micros),
            (0i64..10).prop_map(|n| Moment::from_micros(n * 20))
        ]
    }

    fn times() -> impl Strategy<Value = Times> {
        let span = || (moment(), moment()).prop_map(|(a, b)| (a.min(b), a.max(b)));
        prop_oneof![
            3 => moment().prop_map(|at| Times { datetime: Some(at), ..Times::default() }),
            2 => span().prop_map(|(start, end)| Times { datetime: None, start: Some(start), end: Some(end) }),
            2 => (span(), 0u8..=4).prop_map(|((start, end), quarter)| {
                let at = start.micros() + (end.micros() - start.micros()) * i64::from(quarter) / 4;
                Times { datetime: Some(Moment::from_micros(at)), start: Some(start), end: Some(end) }
            }),
        ]
    }

    fn search() -> impl Strategy<Value = Interval> {
        (prop::option::of(moment()), prop::option::of(moment())).prop_map(|(from, to)| match (from, to) {
            (Some(a), Some(b)) => Interval { from: Some(a.min(b)), to: Some(a.max(b)) },
            (from, to) => Interval { from, to },
        })
    }

    /// Cuts a chunk, and some of its pieces again.
    fn cut_all(chunk: Chunk, counts: &[u64], into: &mut Vec<Chunk>) {
        let Some((count, rest)) = counts.split_first() else { return into.push(chunk) };
        for (index, piece) in chunk.cut(*count, 1).into_iter().enumerate() {
            match index % 2 {
                0 => cut_all(piece, rest, into),
                _ => into.push(piece),
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn every_item_of_a_search_is_in_exactly_one_chunk(
            items in prop::collection::vec(times(), 1..20),
            search in search(),
            guess in (moment(), moment()),
            counts in prop::collection::vec(1u64..9, 0..4),
            by_span in any::<bool>(),
        ) {
            let server = if by_span { Server::BySpan } else { Server::ByDatetime };
            let mut chunks = Vec::new();
            cut_all(Chunk::whole((guess.0.min(guess.1), guess.0.max(guess.1)), search), &counts, &mut chunks);
            let whole = (!search.is_everything()).then_some(search);
            for times in &items {
                let kept = chunks.iter().filter(|chunk| {
                    server.shows(times, chunk.interval(search)) && chunk.keeps(times, search)
                });
                prop_assert_eq!(kept.count(), usize::from(server.shows(times, whole)), "{:?} in {:?}", times, chunks);
            }
        }

        #[test]
        fn pieces_are_the_chunk(from in any::<i32>(), length in 0i64..1_000_000_000_000, count in 1u64..70) {
            let guess = (Moment::from_micros(i64::from(from)), Moment::from_micros(i64::from(from) + length));
            let pieces = Chunk::whole(guess, Interval::default()).cut(count, 5);
            prop_assert!(pieces.len() as u64 <= count);
            prop_assert_eq!((pieces[0].from, pieces[pieces.len() - 1].to), (None, None));
            for pair in pieces.windows(2) {
                prop_assert!(pair[0].to.is_some() && pair[0].to == pair[1].from);
                prop_assert!(pair[0].from < pair[0].to);
            }
        }
    }

    #[test]
    fn few_pages_stay_together_and_many_are_shared_out() {
        let chunks =
            |readers| [0, 1, 11, 12, 47, 100, 800, 801, 100_000].map(|pages| chunks_for(pages, readers));
        assert_eq!(chunks(8), [1, 1, 1, 2, 7, 8, 8, 16, 64]);
        assert_eq!(chunks(3), [1, 1, 1, 2, 3, 3, 9, 9, 64]);
        assert_eq!(chunks(1), [1, 1, 1, 1, 1, 1, 8, 9, 64]);
    }

    #[test]
    fn what_is_too_big_is_cut_and_not_for_ever() {
        let chunk = Chunk {
            aim: 100,
            ..Chunk::whole((Moment::from_micros(0), Moment::from_micros(10)), Interval::default())
        };
        assert_eq!(chunk.pieces(120, 10, None), None);
        assert_eq!(chunk.pieces(121, 10, None), Some(2));
        assert_eq!(chunk.pieces(1_000_000, 10, None), Some(64));
        assert_eq!(Chunk { depth: MAX_DEPTH, ..chunk }.pieces(1_000_000, 10, None), None);
        assert_eq!(Chunk { aim: 0, ..chunk }.pieces(1_000_000, 10, None), None);
        // What is left for each reader decides, if that is known.
        assert_eq!(chunk.pieces(200, 10, Some(20)), None);
        assert_eq!(chunk.pieces(80, 10, Some(4)), Some(2));
        assert_eq!(chunk.pieces(80, 10, Some(0)), Some(4));
        assert_eq!(chunk.pieces(30, 10, Some(0)), None);
    }
}
