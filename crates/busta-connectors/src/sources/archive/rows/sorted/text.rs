//! The text that is sorted: where its rows begin and end, and their times.

use std::path::Path;

use busta_core::json::field;
use busta_core::{Error, Result};
use memchr::memchr;

use super::super::cell::{self, Said};
use super::super::sheet::{self, Place, QUOTE};
use crate::formats::csv::{Found, RowCutter};
use crate::formats::window::Window;
use crate::formats::{CutterPlace, MAX_RECORD, unreadable};
use crate::sources::archive::layout::{Kind, Table};

/// The rows of a text from a place on.
pub(in super::super) struct Text {
    window: Window,
    rows: Rows,
    /// The first row, if it holds names.
    header: Vec<u8>,
    /// Where the rows begin.
    from: u64,
    /// How much of the window the row takes that was given last.
    given: usize,
}

enum Rows {
    /// Rows of fields, and which of them is the time.
    Fields { cutter: RowCutter, time: usize },
    /// Lines of JSON, and what the time is called in them.
    Lines { time: String },
}

/// What comes next in a text.
pub(super) enum Next<'a> {
    Row(Row<'a>),
    /// A row that is larger than [`MAX_RECORD`].
    TooLarge,
    End,
}

pub(super) struct Row<'a> {
    /// Its line break included, if it has one.
    pub bytes: &'a [u8],
    /// In microseconds since 1970, if it says so.
    pub time: Option<i64>,
}

impl Text {
    /// The rows behind `from` of the text called `name`, which `open` shows from its beginning. `None` if they have no
    /// time.
    ///
    /// # Errors
    /// If it cannot be read, or its header does not fit the table.
    pub fn open(
        open: impl Fn() -> Result<Window>,
        name: &Path,
        table: &Table,
        from: Place,
    ) -> Result<Option<Self>> {
        let Some(time) = &table.time else { return Ok(None) };
        if sheet::is_lines(name) {
            let mut window = open()?;
            window.fill().map_err(|error| unreadable(&error))?;
            let rows = Rows::Lines { time: time.clone() };
            return Ok(Some(Self { window, rows, header: Vec::new(), from: from.offset, given: 0 }));
        }
        let mut cutter = RowCutter::new(sheet::delimiter(table), QUOTE);
        // One after the other: windows of members share the file and its position.
        let mut head = open()?;
        head.fill().map_err(|error| unreadable(&error))?;
        let order = sheet::header(table, &mut head, &mut cutter)?;
        let length = head.offset();
        drop(head);
        let Some(time) = order.columns.iter().position(|column| column.name == *time) else {
            return Ok(None);
        };
        let mut window = open()?;
        let header = beginning(&mut window, length)?;
        cutter.restore(CutterPlace { count: from.line, ..CutterPlace::default() });
        let rows = Rows::Fields { cutter, time };
        Ok(Some(Self { window, rows, header, from: from.offset.max(length), given: 0 }))
    }

    /// The first row, if it holds names.
    pub(super) fn header(&self) -> &[u8] {
        &self.header
    }

    /// Moves on to the first row over at most `left` bytes, and takes those from them. A text that is compressed is read
    /// for that.
    pub(super) fn approach(&mut self, left: &mut u64) -> Result<()> {
        let ahead = self.from.saturating_sub(self.window.offset()).min(*left);
        if ahead > 0 {
            self.window.skip_to(self.window.offset() + ahead).map_err(|error| unreadable(&error))?;
            *left -= ahead;
        }
        Ok(())
    }

    /// How much of the text is behind.
    #[cfg(test)]
    pub(super) fn offset(&self) -> u64 {
        self.window.offset() + self.given as u64
    }

    /// The next row, once the first has been [approached](Text::approach).
    pub(super) fn next(&mut self) -> Result<Next<'_>> {
        self.window.consume(std::mem::take(&mut self.given));
        let found = loop {
            let (window, is_last) = (self.window.unread(), self.window.is_last());
            let (used, found) = match &mut self.rows {
                Rows::Fields { cutter, .. } => cutter.next(window, is_last),
                Rows::Lines { .. } => (0, line(window, is_last)),
            };
            self.window.consume(used);
            match found {
                Found::Row(length) => break length,
                Found::End => return Ok(Next::End),
                Found::More => {}
            }
            if self.window.unread().len() > MAX_RECORD {
                return Ok(Next::TooLarge);
            }
            self.window.fill().map_err(|error| unreadable(&error))?;
        };
        let bytes = &self.window.unread()[..found];
        let (length, time) = match &mut self.rows {
            Rows::Fields { cutter, .. } if cutter.trouble().is_some() => {
                (cutter.refuse(bytes, found, 0).0, None)
            }
            Rows::Fields { cutter, time } => (found, time_of_row(cutter, bytes, *time)),
            Rows::Lines { time } => (found, time_of_line(bytes, time)),
        };
        self.given = length;
        Ok(Next::Row(Row { bytes: &bytes[..length], time }))
    }
}

/// The first `length` bytes of a text, which are passed over.
fn beginning(window: &mut Window, length: u64) -> Result<Vec<u8>> {
    let too_long = |_| Error::bug("a header that fits no memory");
    let length = usize::try_from(length.saturating_sub(window.offset())).map_err(too_long)?;
    let mut bytes = Vec::with_capacity(length);
    loop {
        window.fill().map_err(|error| unreadable(&error))?;
        let some = window.unread().len().min(length - bytes.len());
        bytes.extend_from_slice(&window.unread()[..some]);
        window.consume(some);
        if bytes.len() == length || window.is_last() {
            return Ok(bytes);
        }
    }
}

fn line(window: &[u8], is_last: bool) -> Found {
    match memchr(b'\n', window) {
        Some(at) => Found::Row(at + 1),
        None if !is_last => Found::More,
        None if window.is_empty() => Found::End,
        None => Found::Row(window.len()),
    }
}

fn time_of_row(cutter: &RowCutter, bytes: &[u8], time: usize) -> Option<i64> {
    let text = str::from_utf8(bytes).ok()?;
    micros(&cutter.row.texts(text, QUOTE).nth(time)?)
}

fn time_of_line(bytes: &[u8], time: &str) -> Option<i64> {
    let raw = field(bytes.trim_ascii(), time)?;
    if raw.starts_with('"') { micros(&serde_json::from_str::<String>(raw).ok()?) } else { micros(raw) }
}

fn micros(text: &str) -> Option<i64> {
    match cell::read(text.trim(), Kind::Time) {
        Ok(Said::Moment(moment)) => Some(moment.micros()),
        _ => None,
    }
}
