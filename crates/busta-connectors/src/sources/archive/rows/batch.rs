//! What one pull brings together.

use std::ops::Range;

use busta_core::{Columns, Error, Failure, Origins, Records, Result, Stage};

use super::interval::Interval;
use super::maker::Identity;
use super::quality::Tally;

/// A batch is closed when it holds this many failures, each of which may keep up to 64 KiB.
const MAX_FAILURES: usize = 256;

/// So many bytes of rows go by before the size of the batch is found out anew; no more are read at once.
const PER_LOOK: usize = 16 << 10;

/// A batch in the making.
pub(super) struct Gather {
    body: Body,
    /// The size of the batch, and the bytes of rows since it was found out.
    bytes: usize,
    since: usize,
    origins: Origins,
    failures: Vec<Failure>,
    /// What stands before the number of a line: `a.zip:a.csv:`.
    place: String,
    interval: Option<Interval>,
    room: usize,
}

/// Its records.
enum Body {
    Columns(Columns),
    Lines { buffer: Vec<u8>, spans: Vec<Range<u32>> },
}

impl Gather {
    /// An empty batch for about `room` bytes of records.
    pub fn new(room: usize, interval: Option<Interval>) -> Self {
        Self {
            body: Body::lines(),
            bytes: 0,
            since: 0,
            origins: Origins::default(),
            failures: Vec::new(),
            place: String::new(),
            interval,
            room,
        }
    }

    /// The rows to come are of this text, and its columns are these if it has any. There are none of another.
    pub fn enter(&mut self, place: &str, columns: Option<Columns>) {
        self.place = format!("{place}:");
        self.origins.enter(&*self.place);
        self.body = columns.map_or_else(Body::lines, Body::Columns);
    }

    /// The rows to come are so far apart.
    pub fn measure(&mut self, interval: Option<Interval>) {
        self.interval = interval;
    }

    pub fn is_full(&self) -> bool {
        self.bytes >= self.room || self.failures.len() >= MAX_FAILURES
    }

    /// So many bytes of the text have become records.
    #[inline]
    pub fn took(&mut self, bytes: usize) {
        self.since += bytes;
        if self.since >= self.reach() {
            (self.bytes, self.since) = (self.body.bytes(), 0);
        }
    }

    /// How many bytes of rows may be read at once.
    #[inline]
    pub fn reach(&self) -> usize {
        PER_LOOK.min(self.room / 16)
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.body.len() == 0 && self.failures.is_empty()
    }

    /// Adds the row that `make` puts into all the columns; nothing if it fails.
    #[inline]
    pub fn row(
        &mut self,
        line: u64,
        tally: &mut Tally,
        make: impl FnOnce(&mut Columns) -> Result<Identity>,
    ) -> Result<()> {
        let Body::Columns(columns) = &mut self.body else { return Err(Error::bug("a row without columns")) };
        let identity = make(columns).inspect_err(|_| columns.drop_row())?;
        self.origins.note(columns.rows(), line);
        columns.end_whole_row();
        tally.row(identity.time, identity.key, self.interval);
        Ok(())
    }

    /// Adds the rows that `make` puts into all the columns, and says how many. They are lines, of which `line` is the
    /// first.
    pub fn rows<'a>(
        &mut self,
        line: u64,
        tally: &mut Tally,
        make: impl FnOnce(&mut Columns) -> &'a [Identity],
    ) -> usize {
        let Body::Columns(columns) = &mut self.body else { return 0 };
        let first = columns.rows();
        let known = make(columns);
        if !known.is_empty() {
            self.origins.note(first, line);
        }
        known.iter().for_each(|row| tally.row(row.time, row.key, self.interval));
        known.len()
    }

    /// Adds the record that `make` appends; nothing if it fails.
    #[inline]
    pub fn line(
        &mut self,
        line: u64,
        tally: &mut Tally,
        make: impl FnOnce(&mut Vec<u8>) -> Result<Identity>,
    ) -> Result<()> {
        let Body::Lines { buffer, spans } = &mut self.body else {
            return Err(Error::bug("a line among rows"));
        };
        let start = buffer.len();
        let identity = make(buffer).inspect_err(|_| buffer.truncate(start))?;
        self.origins.note(spans.len(), line);
        // A batch ends at a few MiB, and no row is larger than `MAX_RECORD`.
        spans.push(start as u32..buffer.len() as u32);
        tally.row(identity.time, identity.key, self.interval);
        Ok(())
    }

    /// Adds a row that is no record.
    #[cold]
    pub fn bad(&mut self, line: u64, error: &Error, payload: &[u8], tally: &mut Tally) {
        tally.failed();
        let position = format!("{}{line}", self.place);
        self.failures.push(Failure::item(Stage::Parse, position, error, Some(payload)));
    }

    /// The records and the failures.
    pub fn finish(self) -> (Records, Vec<Failure>) {
        let records = match self.body {
            Body::Columns(columns) => Records::of_columns(columns),
            Body::Lines { buffer, spans } => Records::from_spans(buffer.into(), spans),
        };
        (records.with_origins(self.origins), self.failures)
    }
}

impl Body {
    fn lines() -> Self {
        Self::Lines { buffer: Vec::new(), spans: Vec::new() }
    }

    fn len(&self) -> usize {
        match self {
            Self::Columns(columns) => columns.rows(),
            Self::Lines { spans, .. } => spans.len(),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Columns(columns) => columns.bytes(),
            Self::Lines { buffer, .. } => buffer.len(),
        }
    }
}
