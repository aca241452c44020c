//! One text with rows: a file, or a member of an archive.

use std::path::Path;

use busta_core::{Columns, Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::batch::Gather;
use super::header::{Order, order};
use super::maker::{Identity, Maker};
use super::preface;
use super::quality::Tally;
use crate::formats::csv::{Found, PlainRows, RowCutter};
use crate::formats::detect::Format;
use crate::formats::ndjson::NdjsonCutter;
use crate::formats::window::Window;
use crate::formats::{Cut, Cutter, CutterPlace, MAX_RECORD, unreadable};
use crate::sources::archive::layout::Table;

/// Around fields that hold delimiters or line breaks (RFC 4180).
pub(super) const QUOTE: u8 = b'"';

/// A text, open somewhere between its start and its end.
pub(super) struct Sheet {
    window: Window,
    cutter: SheetCutter,
    maker: Maker,
    block: Block,
}

/// Plain rows that are read at once, column by column.
struct Block {
    rows: PlainRows,
    known: Vec<Identity>,
    /// How many bytes are looked at: the fewer, the more often a row turns out to be another or does not fit, since
    /// what follows it was looked at in vain.
    reach: usize,
}

enum SheetCutter {
    Rows(RowCutter),
    Lines(Box<Cutter>),
}

/// A place in a text: how many bytes and lines are done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    pub offset: u64,
    pub line: u64,
}

/// The least and the most that is looked at for plain rows.
const REACH: (usize, usize) = (64, 64 << 10);

/// What happened at the front of the text.
enum Step {
    /// So many bytes are done with.
    Done(usize),
    /// More of the text is needed behind so many bytes that are done with.
    More(usize),
    End,
}

impl Sheet {
    /// Starts to read what `window` shows at its start, or goes on at `from`. `name` tells whether these are rows
    /// of fields or lines of JSON.
    ///
    /// # Errors
    /// If the text cannot be read, or its header does not fit the table.
    pub fn open(
        mut window: Window,
        name: &Path,
        table: &Table,
        about: &Map<String, Value>,
        from: Option<Place>,
    ) -> Result<Self> {
        window.fill().map_err(|error| unreadable(&error))?;
        let (cutter, order) = if is_lines(name) {
            preface::refuse(window.unread())?;
            let lines = Cutter::Ndjson(NdjsonCutter::default());
            (SheetCutter::Lines(Box::new(lines)), Order::of(table))
        } else {
            let mut rows = RowCutter::new(delimiter(table), QUOTE);
            let order = header(table, &mut window, &mut rows)?;
            (SheetCutter::Rows(rows), order)
        };
        let block = Block { rows: PlainRows::default(), known: Vec::new(), reach: REACH.1 };
        let mut sheet = Self { window, cutter, maker: Maker::new(table, about, &order), block };
        if let Some(from) = from {
            sheet.skip_to(from)?;
        }
        Ok(sheet)
    }

    fn skip_to(&mut self, from: Place) -> Result<()> {
        self.window.skip_to(from.offset).map_err(|error| unreadable(&error))?;
        let place = CutterPlace { count: from.line, ..CutterPlace::default() };
        match &mut self.cutter {
            SheetCutter::Rows(rows) => rows.restore(place),
            SheetCutter::Lines(lines) => lines.restore(place),
        }
        Ok(())
    }

    /// Reads until the end of the text or of the room in `gather`; whether it is the end.
    ///
    /// # Errors
    /// If the text cannot be read to its end.
    pub fn read(&mut self, gather: &mut Gather, tally: &mut Tally) -> Result<bool> {
        loop {
            let step = match &self.cutter {
                SheetCutter::Rows(_) => match self.plain_rows(gather, tally) {
                    0 => self.row(gather, tally),
                    used => Step::Done(used),
                },
                SheetCutter::Lines(_) => self.line(gather, tally),
            };
            match step {
                Step::Done(used) => {
                    self.window.consume(used);
                    gather.took(used);
                }
                Step::More(used) => self.more(used, gather, tally)?,
                Step::End => return Ok(true),
            }
            if gather.is_full() && self.place().is_some() {
                return Ok(false);
            }
        }
    }

    /// The columns of its rows; `None` if they are lines of JSON.
    pub fn columns(&self) -> Option<Columns> {
        matches!(self.cutter, SheetCutter::Rows(_)).then(|| self.maker.columns())
    }

    /// Where the text can be left; `None` in the middle of something.
    pub fn place(&self) -> Option<Place> {
        let place = match &self.cutter {
            SheetCutter::Rows(rows) => rows.place(),
            SheetCutter::Lines(lines) => lines.place(),
        };
        place.map(|place| Place { offset: self.window.offset(), line: place.count })
    }

    /// Reads the plain rows at the front of the text; how many bytes they take.
    fn plain_rows(&mut self, gather: &mut Gather, tally: &mut Tally) -> usize {
        let SheetCutter::Rows(rows) = &mut self.cutter else { return 0 };
        let Block { rows: found, known, reach } = &mut self.block;
        let unread = self.window.unread();
        let text = &unread[..unread.len().min(*reach).min(gather.reach())];
        let is_through = rows.find_plain(text, self.maker.fields(), found);
        let count = gather.rows(rows.line() + 1, tally, |columns| {
            self.maker.rows(columns, text, found, known);
            known
        });
        rows.accept_plain(count);
        let is_through = is_through && count == found.rows();
        *reach = if is_through { (*reach * 2).min(REACH.1) } else { (*reach / 2).max(REACH.0) };
        found.length(count)
    }

    fn row(&mut self, gather: &mut Gather, tally: &mut Tally) -> Step {
        let SheetCutter::Rows(rows) = &mut self.cutter else { return Step::End };
        let window = self.window.unread();
        let (used, found) = rows.next(window, self.window.is_last());
        let length = match found {
            Found::Row(length) => length,
            Found::More => return Step::More(used),
            Found::End => return Step::End,
        };
        let text = &window[used..used + length];
        let made = gather.row(rows.number(), tally, |columns| match rows.trouble() {
            Some(trouble) => Err(trouble),
            None => {
                let text = str::from_utf8(text).map_err(|_| Error::data("this row is not UTF-8"))?;
                self.maker.row(columns, text, &rows.row, QUOTE)
            }
        });
        if let Err(error) = made {
            let (first, span) = rows.refuse(&window[used..], length, used);
            gather.bad(rows.number(), &error, &window[span], tally);
            return Step::Done(used + first);
        }
        rows.accept(text);
        Step::Done(used + length)
    }

    fn line(&mut self, gather: &mut Gather, tally: &mut Tally) -> Step {
        let SheetCutter::Lines(lines) = &mut self.cutter else { return Step::End };
        let window = self.window.unread();
        let (used, cut) = lines.next(window, self.window.is_last());
        let number = lines.number();
        let (span, made) = match cut {
            Cut::Record(span) => {
                let object = &window[span.clone()];
                (span, gather.line(number, tally, |out| self.maker.object(out, object)))
            }
            Cut::Bad { span, error, .. } => (span, Err(error)),
            Cut::More | Cut::Made(_) => return Step::More(used),
            Cut::End => return Step::End,
        };
        if let Err(error) = made {
            gather.bad(number, &error, &window[span], tally);
        }
        Step::Done(used)
    }

    /// Reads more of the text, or gives up a row that has grown too large.
    fn more(&mut self, used: usize, gather: &mut Gather, tally: &mut Tally) -> Result<()> {
        self.window.consume(used);
        if self.window.unread().len() > MAX_RECORD {
            let used = self.give_up(gather, tally);
            self.window.consume(used);
        }
        self.window.fill().map_err(|error| unreadable(&error))
    }

    fn give_up(&mut self, gather: &mut Gather, tally: &mut Tally) -> usize {
        let window = self.window.unread();
        match &mut self.cutter {
            SheetCutter::Rows(rows) => {
                let (used, span, error) = rows.give_up(window);
                gather.bad(rows.number(), &error, &window[span], tally);
                used
            }
            SheetCutter::Lines(lines) => {
                let (used, cut) = lines.give_up(window);
                if let Cut::Bad { span, error, .. } = cut {
                    gather.bad(lines.number(), &error, &window[span], tally);
                }
                used
            }
        }
    }

    /// The memory, for the next text.
    pub fn into_buffer(self) -> Vec<u8> {
        self.window.into_buffer()
    }
}

/// Whether the name of a text tells that it has lines of JSON, and not rows of fields.
pub(super) fn is_lines(name: &Path) -> bool {
    matches!(Format::of_name(name), Some(Format::Json | Format::Ndjson))
}

pub(super) fn delimiter(table: &Table) -> u8 {
    // A layout with another one is refused when it is read.
    table.delimiter.and_then(|delimiter| u8::try_from(delimiter).ok()).unwrap_or(b',')
}

/// Looks at the first row, and moves on behind it if it holds names.
pub(super) fn header(table: &Table, window: &mut Window, rows: &mut RowCutter) -> Result<Order> {
    preface::pass(table, window, rows)?;
    loop {
        let unread = window.unread();
        let (used, found) = rows.next(unread, window.is_last());
        match found {
            Found::Row(length) => {
                let row = String::from_utf8_lossy(&unread[used..used + length]);
                let fields: Vec<_> = rows.row.texts(&row, QUOTE).collect();
                let fields: Vec<&str> = fields.iter().map(|field| &**field).collect();
                let order = order(table, &fields)?;
                if order.is_header {
                    rows.pass(row.as_bytes());
                }
                window.consume(if order.is_header { used + length } else { used });
                return Ok(order);
            }
            Found::End => return Ok(Order::of(table)),
            Found::More => {}
        }
        window.consume(used);
        if window.unread().len() > MAX_RECORD {
            return Err(Error::data("the first row has no end"));
        }
        window.fill().map_err(|error| unreadable(&error))?;
    }
}
