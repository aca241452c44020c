//! Rows one after another, whatever becomes of them.

use std::ops::Range;

use busta_core::Error;
use memchr::memchr;

use super::plain::PlainRows;
use super::row::Row;
use crate::formats::{CutterPlace, json, too_large};

/// Cuts a text into rows and counts its lines.
///
/// A row that its user [refuses](RowCutter::refuse) is passed over. If it went over several lines (a quote
/// was not closed), only its first line is, and the next line is looked at as the start of a row, so that
/// one stray quote does not swallow the file.
#[derive(Debug)]
pub(crate) struct RowCutter {
    /// Between fields.
    pub delimiter: u8,
    /// Around fields that hold delimiters or line breaks.
    pub quote: u8,
    /// The fields of the row that was found last.
    pub row: Row,
    line: u64,
    /// The first line of the last row.
    row_line: u64,
    skipping: bool,
}

/// What stands at the front of a window, after what is passed over.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Found {
    /// A row of so many bytes, its line break included. It is to be accepted or refused.
    Row(usize),
    /// The window ends before the row does.
    More,
    /// Nothing follows.
    End,
}

impl RowCutter {
    /// A cutter at the start of a file.
    pub fn new(delimiter: u8, quote: u8) -> Self {
        Self { delimiter, quote, row: Row::default(), line: 0, row_line: 0, skipping: false }
    }

    /// Looks for a row at the front of `window`: how many bytes are passed over, and what follows them. `end`
    /// means that nothing follows the window.
    pub fn next(&mut self, window: &[u8], end: bool) -> (usize, Found) {
        let mut used = 0;
        loop {
            let rest = &window[used..];
            if rest.is_empty() {
                return (used, if end { Found::End } else { Found::More });
            }
            if self.skipping {
                let Some(at) = memchr(b'\n', rest) else { return (window.len(), Found::More) };
                self.skipping = false;
                used += at + 1;
                continue;
            }
            let Some(length) = self.row.cut(rest, end, self.delimiter, self.quote) else {
                return (used, Found::More);
            };
            if !self.row.is_blank(rest) {
                self.row_line = self.line + 1;
                return (used, Found::Row(length));
            }
            self.line += 1;
            used += length;
        }
    }

    /// Looks for plain rows of so many fields at the front of `text`, as [`PlainRows::find`] does.
    pub fn find_plain(&self, text: &[u8], fields: usize, found: &mut PlainRows) -> bool {
        let text = if self.skipping { &[] } else { text };
        found.find(text, fields, self.delimiter, self.quote)
    }

    /// So many plain rows were what they should be.
    pub fn accept_plain(&mut self, rows: usize) {
        self.line += rows as u64;
    }

    /// How many lines are done.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// The row in `text` was what it should be.
    pub fn accept(&mut self, text: &[u8]) {
        self.line += if self.row.is_quoted { lines(text) } else { 1 };
    }

    /// The row at the front of `rest`, which has `length` bytes, was not: how many bytes are used up, and which
    /// of them are to be shown, as a part of the window in which `rest` starts at `offset`.
    pub fn refuse(&mut self, rest: &[u8], length: usize, offset: usize) -> (usize, Range<usize>) {
        let first = memchr(b'\n', &rest[..length]).map_or(length, |at| at + 1);
        self.line += 1;
        (first, trimmed(rest, first, offset))
    }

    /// Why the row that was found last is none, if it is not.
    pub fn trouble(&self) -> Option<Error> {
        self.row.is_open.then(|| Error::data("a quote is opened here and not closed in its field"))
    }

    /// Gives up the row at the front of the window, which is too large: how many bytes are used up, which of
    /// them are to be shown, and why.
    pub fn give_up(&mut self, window: &[u8]) -> (usize, Range<usize>, Error) {
        self.line += 1;
        self.row_line = self.line;
        let first = memchr(b'\n', window).map(|at| at + 1);
        self.skipping = first.is_none();
        let length = first.unwrap_or(window.len());
        let error = if first.is_some() {
            Error::data("a quote is opened here and not closed for a long time")
        } else {
            too_large()
        };
        (length, trimmed(window, length, 0), error)
    }

    /// Passes over what is no row: so many lines.
    pub fn pass(&mut self, text: &[u8]) {
        self.line += lines(text);
    }

    /// The first line of the row that was found last.
    pub fn number(&self) -> u64 {
        self.row_line
    }

    /// The state now, unless this is the middle of something.
    pub fn place(&self) -> Option<CutterPlace> {
        (!self.skipping).then_some(CutterPlace { count: self.line, state: json::Place::Top })
    }

    /// Goes on at a state that [`RowCutter::place`] gave.
    pub fn restore(&mut self, place: CutterPlace) {
        self.line = place.count;
    }
}

/// How many lines `text` takes, a last one without a line break included.
fn lines(text: &[u8]) -> u64 {
    let breaks = memchr::memchr_iter(b'\n', text).count() as u64;
    breaks + u64::from(!text.is_empty() && !text.ends_with(b"\n"))
}

/// The first `length` bytes of `rest` without their line break, as a part of the window.
fn trimmed(rest: &[u8], length: usize, offset: usize) -> Range<usize> {
    let text = rest[..length].trim_ascii_end();
    offset..offset + text.len()
}
