//! The cutter for rows.

use busta_core::Error;
use memchr::memchr;

use super::header::unique_names;
use super::rows::{Found, RowCutter};
use super::value::{push_string, push_value};
use super::{CsvOptions, delimiter_of};
use crate::formats::{Cut, CutterPlace};

/// Cuts rows and turns each into an object.
///
/// A row with too many or too few fields, or one that is not UTF-8, is passed over as [`RowCutter`] does it.
#[derive(Debug)]
pub struct CsvCutter {
    options: CsvOptions,
    /// Each as it stands in a record: `"name":`. Empty until the header is read.
    keys: Vec<Vec<u8>>,
    rows: RowCutter,
    made: Vec<u8>,
}

impl CsvCutter {
    /// A cutter at the start of a file.
    pub fn new(options: CsvOptions) -> Self {
        let rows = RowCutter::new(options.delimiter.unwrap_or(b','), options.quote);
        Self { options, keys: Vec::new(), rows, made: Vec::new() }
    }

    /// Reads the names of the columns at the front of the file's first window: how many bytes they
    /// took, or `None` if they are not all there.
    pub fn read_header(&mut self, window: &[u8], end: bool) -> Option<usize> {
        let blank = window.iter().position(|b| !matches!(b, b'\n' | b'\r')).unwrap_or(window.len());
        let (blank_lines, window) = window.split_at(blank);
        if window.is_empty() {
            return end.then_some(blank);
        }
        if self.options.delimiter.is_none() {
            let line = &window[..memchr(b'\n', window).unwrap_or(window.len())];
            self.rows.delimiter = delimiter_of(line).unwrap_or(b',');
        }
        let RowCutter { row, delimiter, quote, .. } = &mut self.rows;
        let length = row.cut(window, end, *delimiter, *quote)?;
        let text = String::from_utf8_lossy(&window[..length]);
        let fields = || row.texts(&text, *quote);
        let is_header = self.options.header.is_in(fields());
        let names = if !self.options.columns.is_empty() {
            self.options.columns.clone()
        } else if is_header {
            unique_names(fields())
        } else {
            (1..=row.len()).map(|number| format!("column_{number}")).collect()
        };
        self.keys = names.iter().map(|name| key(name)).collect();
        let header = if is_header { length } else { 0 };
        self.rows.pass(blank_lines);
        self.rows.pass(&window[..header]);
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
        let (passed, found) = self.rows.next(&window[used..], end);
        used += passed;
        match found {
            Found::Row(length) => {
                let (taken, cut) = self.take(&window[used..], length, used);
                (used + taken, cut)
            }
            Found::More => (used, Cut::More),
            Found::End => (used, Cut::End),
        }
    }

    /// The row of `length` bytes at the front of `rest`, which starts at `offset` of the window.
    fn take(&mut self, rest: &[u8], length: usize, offset: usize) -> (usize, Cut) {
        match self.make(&rest[..length]) {
            Ok(()) => {
                self.rows.accept(&rest[..length]);
                (length, Cut::Made(offset..offset + length))
            }
            Err(error) => {
                let (first, span) = self.rows.refuse(rest, length, offset);
                (first, Cut::Bad { span, place: self.rows.number().to_string(), error })
            }
        }
    }

    /// Makes the record of `row`.
    fn make(&mut self, row: &[u8]) -> Result<(), Error> {
        if let Some(trouble) = self.rows.trouble() {
            return Err(trouble);
        }
        let (fields, columns) = (self.rows.row.len(), self.keys.len());
        if fields != columns {
            return Err(Error::data(format!("{fields} fields where there are {columns} columns"))
                .hint("if all rows are like this, look at `csv.delimiter` and `csv.header`"));
        }
        let text = str::from_utf8(row).map_err(|_| {
            Error::data("this row is not UTF-8")
                .hint("name the file's encoding, as in `encoding: windows-1252`")
        })?;
        self.made.clear();
        for (key, field) in self.keys.iter().zip(self.rows.row.texts(text, self.options.quote)) {
            self.made.push(if self.made.is_empty() { b'{' } else { b',' });
            self.made.extend_from_slice(key);
            push_value(&mut self.made, &field, &self.options.null_values, self.options.typed);
        }
        self.made.push(b'}');
        Ok(())
    }

    pub(crate) fn give_up(&mut self, window: &[u8]) -> (usize, Cut) {
        let (length, span, error) = self.rows.give_up(window);
        (length, Cut::Bad { span, place: self.rows.number().to_string(), error })
    }

    pub(crate) fn made(&self) -> &[u8] {
        &self.made
    }

    pub(crate) fn number(&self) -> u64 {
        self.rows.number()
    }

    pub(crate) fn place(&self) -> Option<CutterPlace> {
        self.rows.place()
    }

    pub(crate) fn restore(&mut self, place: CutterPlace) {
        self.rows.restore(place);
    }
}

fn key(name: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(name.len() + 3);
    push_string(&mut key, name);
    key.push(b':');
    key
}
