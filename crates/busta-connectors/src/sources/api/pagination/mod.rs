//! From one page to the next.
//!
//! Each kind answers three questions: where a split starts, what a place adds to the request, and,
//! given the page at a place, what comes next. A place is all that a reader remembers: it is the
//! cursor of the checkpoint, so a reader that is opened there knows as much as the one that left it.

mod chain;
mod compile;
mod link;
mod numbered;
mod ranges;
mod settings;

use busta_core::{Error, Result};
use http::{HeaderMap, HeaderName};
use serde::{Deserialize, Serialize};
use url::Url;

pub use chain::{Chain, ChainPlace};
pub use compile::compile;
pub use numbered::{Numbered, NumberedPlace};
pub use ranges::PageRange;
pub use settings::{OffsetConfig, PageConfig, PaginationConfig};

use super::draft::Draft;
use super::path::Segment;

/// How one page leads to the next.
#[derive(Clone, Debug)]
pub enum Pagination {
    /// One page is all there is.
    Single,
    /// Pages have numbers or offsets.
    Numbered(Numbered),
    /// Each page tells the next.
    Chain(Chain),
}

/// A page's place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The only page, or the first of a chain.
    First,
    /// A page with a number or offset.
    Numbered(NumberedPlace),
    /// A later page of a chain.
    Chain(ChainPlace),
}

/// What comes after a page.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing.
    End,
    /// The page at this place, in the same split.
    Page(Place),
    /// Ranges of pages, of so many records each, that are splits of their own.
    Ranges(Vec<PageRange>, u64),
}

/// What a page tells about itself and its neighbours.
pub struct Told<'a> {
    /// How many items it has, good and bad.
    pub count: usize,
    /// Differs for pages with different items.
    pub fingerprint: u64,
    /// The values at [`Pagination::values`].
    pub values: Vec<Option<&'a str>>,
    /// The answer's headers.
    pub headers: &'a HeaderMap,
    /// Where the answer came from.
    pub url: &'a Url,
}

impl<'a> Told<'a> {
    fn value(&self, index: usize) -> Option<&'a str> {
        self.values.get(index).copied().flatten()
    }

    /// A count, which some servers send as a text.
    fn number(&self, index: usize) -> Option<u64> {
        self.value(index)?.trim_matches('"').parse().ok()
    }

    fn says_no_more(&self, index: usize) -> bool {
        matches!(self.value(index), Some("false" | "0" | "null" | "\"false\""))
    }

    fn header(&self, name: &HeaderName) -> Option<&'a str> {
        self.headers.get(name)?.to_str().ok().map(str::trim)
    }
}

impl Pagination {
    /// The same, read one page after another even where the pages are known beforehand.
    #[must_use]
    pub fn in_order(self) -> Self {
        match self {
            Self::Numbered(numbered) => Self::Numbered(Numbered { in_order: true, ..numbered }),
            other => other,
        }
    }

    /// Where a split starts: at the first page of its range, or of everything.
    pub fn first(&self, range: Option<&Range>) -> Place {
        match self {
            Self::Numbered(numbered) => Place::Numbered(numbered.first(range)),
            Self::Single | Self::Chain(_) => Place::First,
        }
    }

    /// The single values of the body that it wants to see, at most
    /// [`MAX_VALUES`](super::cut::MAX_VALUES).
    pub fn values(&self) -> Vec<Option<Vec<Segment>>> {
        match self {
            Self::Single => Vec::new(),
            Self::Numbered(numbered) => numbered.values(),
            Self::Chain(chain) => chain.values(),
        }
    }

    /// Adds to a request what asks for the page at `place`.
    pub fn ask(&self, place: &Place, draft: &mut Draft) -> Result<()> {
        match (self, place) {
            (_, Place::First) => Ok(()),
            (Self::Numbered(numbered), Place::Numbered(place)) => numbered.ask(place, draft),
            (Self::Chain(chain), Place::Chain(place)) => chain.ask(place, draft),
            _ => Err(Error::data("the stored cursor belongs to another kind of pagination")
                .hint("start over with `--full-refresh`")),
        }
    }

    /// What comes after the page at `place`.
    pub fn next(&self, place: &Place, range: Option<&Range>, told: &Told<'_>) -> Result<Next> {
        match (self, place) {
            (Self::Numbered(numbered), Place::Numbered(place)) => numbered.next(place, range, told),
            (Self::Chain(chain), Place::First) => chain.next(&ChainPlace::before_first(), told),
            (Self::Chain(chain), Place::Chain(place)) => chain.next(place, told),
            _ => Ok(Next::End),
        }
    }

    /// The number of records that a page tells, of all there are.
    pub fn total(&self, told: &Told<'_>) -> Option<u64> {
        match self {
            Self::Numbered(numbered) => numbered.total(told),
            Self::Single | Self::Chain(_) => None,
        }
    }

    /// Whether "not found" at `place` is how the server says that there are no more pages.
    pub fn ends_with_not_found(&self, place: &Place) -> bool {
        matches!((self, place), (Self::Numbered(_), Place::Numbered(place)) if place.page > 0)
    }

    /// The page at `place` in words, for failures and errors.
    pub fn describe(&self, place: &Place) -> String {
        format!("page {}", place.number())
    }
}

impl Place {
    /// The page's number, from 1: another one for each page of a split.
    pub fn number(&self) -> u64 {
        match self {
            Self::First => 1,
            Self::Numbered(place) => place.page.saturating_add(1),
            Self::Chain(place) => place.page,
        }
    }
}

/// The pages of a split that was found when page one told the total.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// The first page, from 0.
    pub from: u64,
    /// The page after the last; open if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<u64>,
    /// How many records a page has.
    pub size: u64,
}

/// A JSON value as the text of a parameter: without quotes; `null`, `false` and "" are none.
fn token(raw: &str) -> Option<String> {
    match serde_json::from_str(raw).ok()? {
        serde_json::Value::String(text) if !text.is_empty() => Some(text),
        serde_json::Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
