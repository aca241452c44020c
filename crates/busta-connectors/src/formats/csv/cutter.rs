//! The cutter for rows.

use std::ops::Range;

use busta_core::Error;
use memchr::memchr;

use super::header::unique_names;
use super::row::Row;
use super::value::{push_string, push_value};
use super::{CsvOptions, delimiter_of};
use crate::formats::{Cut, CutterPlace, json, too_large};

/// Cuts rows and turns each into an object.
///
/// A row with too many or too few fields, or one that is not UTF-8, is passed over. If it went over
/// several lines (a quote was not closed), only its first line is, and the next line is looked at as
/// the start of a row, so that one stray quote does not swallow the file.
#[derive(Debug)]
pub struct CsvCutter {
    options: CsvOptions,
    delimiter: u8,
    /// Each as it stands in a record: `"name":`. Empty until the header is read.
    keys: Vec<Vec<u8>>,
    line: u64,
    /// The first line of the last row.
    row_line: u64,
    skipping: bool,
    row: Row,
    made: Vec<u8>,
}

impl CsvCutter {
    /// A cutter at the start of a file.
    pub fn new(options: CsvOptions) -> Self {
        let delimiter = options.delimiter.unwrap_or(b',');
        Self {
            options,
            delimiter,
            keys: Vec::new(),
            line: 0,
            row_line: 0,
            skipping: false,
            row: Row::default(),
            made: Vec::new(),
        }
    }

    /// Reads the names of the columns at the front of the file's first window: how many bytes they
    /// took, or `None` if they are not all there.
    pub fn read_header(&mut self, window: &[u8], end: bool) -> Option<usize> {
        let blank = window.iter().position(|b| !matches!(b, b'\n' | b'\r')).unwrap_or(window.len());
        let blank_lines = lines(&window[..blank]);
        let window = &window[blank..];
        if window.is_empty() {
            return end.then_some(blank);
        }
        if self.options.delimiter.is_none() {
            let line = &window[..memchr(b'\n', window).unwrap_or(window.len())];
            self.delimiter = delimiter_of(line).unwrap_or(b',');
        }
        let length = self.row.cut(window, end, self.delimiter, self.options.quote)?;
        let text = String::from_utf8_lossy(&window[..length]);
        let fields = || self.row.texts(&text, self.options.quote);
        let is_header = self.options.header.is_in(fields());
        let names = if !self.options.columns.is_empty() {
            self.options.columns.clone()
        } else if is_header {
            unique_names(fields())
        } else {
            (1..=self.row.len()).map(|number| format!("column_{number}")).collect()
        };
        self.keys = names.iter().map(|name| key(name)).collect();
        let header = if is_header { length } else { 0 };
        self.line += blank_lines + lines(&window[..header]);
        Some(blank + header)
    }

    pub(crate) fn next(&mut self, window: &[u8], end: bool) -> (usize, Cut) {
        let mut used = 0;
        if self.keys.is_empty() {
            match self.read_header(window, end) {
                Some(length) => used = length,
                None => return (0, Cut::More),
            }
        }
        loop {
            let rest = &window[used..];
            if rest.is_empty() {
                return (used, if end { Cut::End } else { Cut::More });
            }
            if self.skipping {
                let Some(at) = memchr(b'\n', rest) else { return (window.len(), Cut::More) };
                self.skipping = false;
                used += at + 1;
                continue;
            }
            let Some(length) = self.row.cut(rest, end, self.delimiter, self.options.quote) else {
                return (used, Cut::More);
            };
            if self.row.is_blank(rest) {
                self.line += 1;
                used += length;
                continue;
            }
            let (taken, cut) = self.take(rest, length, used);
            return (used + taken, cut);
        }
    }

    /// The row of `length` bytes at the front of `rest`, which starts at `offset` of the window.
    fn take(&mut self, rest: &[u8], length: usize, offset: usize) -> (usize, Cut) {
        self.row_line = self.line + 1;
        let place = self.row_line.to_string();
        match self.make(&rest[..length]) {
            Ok(()) => {
                self.line += lines(&rest[..length]);
                (length, Cut::Made(offset..offset + length))
            }
            Err(error) => {
                let first = memchr(b'\n', &rest[..length]).map_or(length, |at| at + 1);
                self.line += 1;
                (first, Cut::Bad { span: trimmed(rest, first, offset), place, error })
            }
        }
    }

    /// Makes the record of `row`.
    fn make(&mut self, row: &[u8]) -> Result<(), Error> {
        if self.row.is_open {
            return Err(Error::data("a quote is opened here and not closed in its field"));
        }
        let (fields, columns) = (self.row.len(), self.keys.len());
        if fields != columns {
            return Err(Error::data(format!("{fields} fields where there are {columns} columns"))
                .hint("if all rows are like this, look at `csv.delimiter` and `csv.header`"));
        }
        let text = str::from_utf8(row).map_err(|_| {
            Error::data("this row is not UTF-8")
                .hint("name the file's encoding, as in `encoding: windows-1252`")
        })?;
        self.made.clear();
        for (key, field) in self.keys.iter().zip(self.row.texts(text, self.options.quote)) {
            self.made.push(if self.made.is_empty() { b'{' } else { b',' });
            self.made.extend_from_slice(key);
            push_value(&mut self.made, &field, &self.options.null_values, self.options.typed);
        }
        self.made.push(b'}');
        Ok(())
    }

    pub(crate) fn give_up(&mut self, window: &[u8]) -> (usize, Cut) {
        self.line += 1;
        let first = memchr(b'\n', window).map(|at| at + 1);
        self.skipping = first.is_none();
        let length = first.unwrap_or(window.len());
        let error = if first.is_some() {
            Error::data("a quote is opened here and not closed for a long time")
        } else {
            too_large()
        };
        (length, Cut::Bad { span: trimmed(window, length, 0), place: self.line.to_string(), error })
    }

    pub(crate) fn made(&self) -> &[u8] {
        &self.made
    }

    pub(crate) fn number(&self) -> u64 {
        self.row_line
    }

    pub(crate) fn place(&self) -> Option<CutterPlace> {
        (!self.skipping).then_some(CutterPlace { count: self.line, state: json::Place::Top })
    }

    pub(crate) fn restore(&mut self, place: CutterPlace) {
        self.line = place.count;
    }
}

fn key(name: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(name.len() + 3);
    push_string(&mut key, name);
    key.push(b':');
    key
}

/// How many lines `row` takes, a last one without a line break included.
fn lines(row: &[u8]) -> u64 {
    let breaks = memchr::memchr_iter(b'\n', row).count() as u64;
    breaks + u64::from(!row.is_empty() && !row.ends_with(b"\n"))
}

/// The first `length` bytes of `rest` without their line break, as a part of the window.
fn trimmed(rest: &[u8], length: usize, offset: usize) -> Range<usize> {
    let text = rest[..length].trim_ascii_end();
    offset..offset + text.len()
}
