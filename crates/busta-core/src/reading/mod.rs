//! Reading back a part at a time: pages of rows and of failures, for people and for the API.
//!
//! A page is asked for by a [`RowQuery`] and tells where the next one begins. It costs a bounded amount
//! of work whatever the table's size, so a page may hold fewer rows than were asked for, or none, and
//! still have a successor: the end is where `next` is `None`.
//!
//! # How values compare
//!
//! The same in every destination, since they all use [`Value`] or what is equivalent in their own
//! language:
//!
//! - A field that is missing is null. Only `= null` and the `!=` of anything else hold for it.
//! - `!=` is the opposite of `=`, also for nulls and for values of another type.
//! - `<`, `<=`, `>` and `>=` hold only between two numbers, by their value, or between two texts, by the
//!   order of their characters in Unicode (so times in RFC 3339 with the same offset are in order).
//! - "contains" looks into texts, and into the JSON text of nested values, whatever the case.
//! - Whole numbers beyond 64 bits are neither numbers nor texts here: nothing but "contains" finds them.
//!
//! In an order come nulls, numbers, texts, then the rest (booleans, nested values) by their JSON text;
//! of texts the first [`ORDERED_CHARACTERS`] count. Rows that are equal in it come as they were stored.

mod cursor;
mod filter;
pub mod history;
mod order;
mod scan;
mod value;
pub mod view;

use crate::error::{Error, ErrorKind, Result};
use crate::failure::Failure;
use crate::ids::{RunId, SourceName};
use crate::record::Records;

pub use filter::{Condition, Operator};
pub use order::{ORDERED_CHARACTERS, Order, OrderKey, Sorter};
pub use scan::{failures_by_list, page_by_scan};
pub use value::Value;

/// A page ends, beside at its limit, once its rows have this many bytes.
pub const PAGE_BYTES: usize = 4 << 20;

/// Which rows of a table to read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RowQuery {
    /// The table.
    pub table: String,
    /// What must hold for a row, all of it.
    pub filter: Vec<Condition>,
    /// By what the rows are ordered; `None`: as they were stored.
    pub order: Option<Order>,
    /// Where the page before this one ended: its [`RowPage::next`], of the same query.
    pub after: Option<String>,
    /// How many rows at most, at least 1.
    pub limit: usize,
}

/// Some rows of a table.
#[derive(Clone, Debug, Default)]
pub struct RowPage {
    /// JSON objects, as [`Readable::scan`](crate::destination::Readable::scan) gives them.
    pub rows: Records,
    /// Where to go on; `None` at the end.
    pub next: Option<String>,
}

impl RowQuery {
    /// The first page of a table as it was stored.
    pub fn of(table: impl Into<String>, limit: usize) -> Self {
        Self { table: table.into(), limit, ..Self::default() }
    }

    /// Checks the columns that the query names against those that the table has, and the conditions
    /// themselves. A `Data` error names the column and those there are.
    pub fn check<'a>(&self, columns: impl Iterator<Item = &'a str> + Clone) -> Result<()> {
        for name in self.columns() {
            if !columns.clone().any(|known| known == name) {
                return Err(self.no_column(name, columns));
            }
        }
        self.filter.iter().try_for_each(Condition::check)
    }

    /// The columns that the query names.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        let filtered = self.filter.iter().map(|condition| condition.column.as_str());
        filtered.chain(self.order.iter().map(|order| order.column.as_str()))
    }

    fn no_column<'a>(&self, name: &str, columns: impl Iterator<Item = &'a str>) -> Error {
        /// A table may have thousands; nobody reads them in an error.
        const SHOWN: usize = 40;
        let mut known: Vec<&str> = columns.take(SHOWN + 1).collect();
        if known.len() > SHOWN {
            known[SHOWN] = "…";
        }
        Error::data(format!("the table `{}` has no column `{}`", self.table, name.escape_debug()))
            .hint(format!("columns: {}", known.join(", ")))
    }
}

/// Which failures to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FailuresQuery {
    /// Only those of this run.
    pub run: Option<RunId>,
    /// Only those of this source.
    pub source: Option<SourceName>,
    /// Only those of this kind.
    pub kind: Option<ErrorKind>,
    /// Where the page before this one ended: its [`FailuresPage::next`], of the same query.
    pub after: Option<String>,
    /// How many at most, at least 1.
    pub limit: usize,
}

impl FailuresQuery {
    /// Whether a failure is asked for.
    pub fn admits(&self, failure: &Failure) -> bool {
        self.run.as_ref().is_none_or(|run| *run == failure.run)
            && self.source.as_ref().is_none_or(|source| *source == failure.source)
            && self.kind.is_none_or(|kind| kind == failure.kind)
    }
}

/// Some failures, newest first.
#[derive(Clone, Debug, Default)]
pub struct FailuresPage {
    /// The failures.
    pub failures: Vec<Failure>,
    /// Where to go on; `None` at the end.
    pub next: Option<String>,
}
