//! What one pull brings together.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "parquet")]
use busta_core::columns::{Cell, Column, Values};
use busta_core::{Batch, Cursor, CursorValue, Error, Failure, Origins, Records, Result, Stage, WriteMode};

use super::config::Settings;
use super::plan::{Start, start_key};

/// A batch is closed when it holds this much,
const BATCH_BYTES: usize = 1 << 20;
/// this many files,
const BATCH_FILES: usize = 64;
/// or this many failures, each of which may keep up to 64 KiB.
const BATCH_FAILURES: usize = 256;

/// A batch in the making.
pub(super) struct Gather {
    settings: Arc<Settings>,
    /// Holds the records; a file that is read as a whole is read into it.
    pub buffer: Vec<u8>,
    spans: Vec<Range<u32>>,
    /// Records that are all there are in this batch, in place of those in the buffer.
    table: Option<Records>,
    origins: Origins,
    failures: Vec<Failure>,
    starts: Vec<(String, Cursor)>,
    high: Option<CursorValue>,
    files: usize,
    /// Bytes read from files.
    pub read: u64,
    /// How long that took, and opening them.
    pub waited: Duration,
}

impl Gather {
    /// An empty batch with room for `expected` bytes.
    pub fn new(settings: Arc<Settings>, expected: u64) -> Self {
        let room = usize::try_from(expected).unwrap_or(BATCH_BYTES).min(BATCH_BYTES + BATCH_BYTES / 4);
        Self {
            settings,
            buffer: Vec::with_capacity(room),
            spans: Vec::new(),
            table: None,
            origins: Origins::default(),
            failures: Vec::new(),
            starts: Vec::new(),
            high: None,
            files: 0,
            read: 0,
            waited: Duration::ZERO,
        }
    }

    /// How many files a batch may hold.
    pub const FILES: usize = BATCH_FILES;

    pub fn is_full(&self) -> bool {
        self.table.is_some()
            || self.buffer.len() >= BATCH_BYTES
            || self.files >= BATCH_FILES
            || self.failures.len() >= BATCH_FAILURES
    }

    /// Whether nothing has been read to its end, or at all.
    pub fn is_empty(&self) -> bool {
        self.files == 0 && self.table.is_none() && self.spans.is_empty() && self.failures.is_empty()
    }

    /// The records to come are of the file at `path`; `unit` is what stands before their numbers.
    pub fn enter(&mut self, path: &str, unit: &str) {
        self.origins.enter_file(path, &format!("{}{unit}", colon(unit)));
    }

    /// Adds record `number` of the file at `path`.
    pub fn record(&mut self, path: &str, number: u64, record: &[u8]) {
        let start = self.buffer.len();
        match &self.settings.path_field {
            None => self.buffer.extend_from_slice(record),
            Some(field) => push_with_path(&mut self.buffer, record, field, path),
        }
        self.close(number, start..self.buffer.len());
    }

    /// Adds records of the file at `path`, which has given `before` so far. As columns they are a batch of their own;
    /// behind others they become texts like these.
    #[cfg(feature = "parquet")]
    pub fn table(&mut self, path: &str, before: u64, records: Records) {
        match records.columns() {
            Some(columns) if self.spans.is_empty() => {
                let field = self.settings.path_field.as_ref().filter(|field| columns.column(field).is_none());
                let high = self.settings.stream.cursor_field.as_ref();
                self.high = high.and_then(|field| newest(columns.column(field)?)).or(self.high.take());
                self.origins.note(0, before + 1);
                self.table = Some(match field {
                    Some(field) => Records::of_columns(
                        columns.clone().with(field, serde_json::Value::from(path).to_string()),
                    ),
                    None => records,
                });
            }
            _ => (before + 1..)
                .zip(records.iter())
                .for_each(|(number, record)| self.record(path, number, record)),
        }
    }

    /// Adds record `number` of its file, which stands in the buffer.
    pub fn close(&mut self, number: u64, span: Range<usize>) {
        self.origins.note(self.spans.len(), number);
        if let Some(field) = &self.settings.stream.cursor_field {
            let value = busta_core::json::field(&self.buffer[span.clone()], field);
            let value = value.and_then(CursorValue::from_json);
            self.high = newer(self.high.take(), value);
        }
        // A batch ends at a few MiB, and no record is larger than `MAX_RECORD`.
        self.spans.push(span.start as u32..span.end as u32);
    }

    /// Adds an item that is no record. `place` is a line or the like.
    pub fn bad(&mut self, path: &str, place: &str, error: &Error, payload: &[u8]) {
        let position = format!("{path}{}{place}", colon(place));
        self.failures.push(Failure::item(Stage::Parse, position, error, Some(payload)));
    }

    /// Adds a file that cannot be read, or not to its end.
    pub fn failed(&mut self, path: &str, error: &Error) {
        self.failures.push(Failure::item(Stage::Read, path, error, None));
    }

    /// A file is done with, well or not.
    pub fn file_done(&mut self) {
        self.files += 1;
    }

    /// Leaves a start cursor for the file at `path`, in place of any other in this batch.
    pub fn start(&mut self, path: &str, start: &Start) -> Result<()> {
        if self.settings.stream.write_mode != WriteMode::Replace {
            self.starts.push((start_key(path), Cursor::encode(start)?));
        }
        Ok(())
    }

    /// The batch. `cursor` is the place after it; `done` says that the split ends there.
    pub fn finish(self, cursor: Cursor, done: bool) -> Batch {
        let records = self.table.unwrap_or_else(|| Records::from_spans(self.buffer.into(), self.spans));
        let records = records.with_origins(self.origins);
        Batch {
            failures: self.failures,
            high: self.high,
            starts: self.starts,
            done,
            ..Batch::new(records, cursor)
        }
    }
}

fn newer(known: Option<CursorValue>, value: Option<CursorValue>) -> Option<CursorValue> {
    match (known, value) {
        (Some(known), Some(value)) => Some(known.max(value)),
        (known, value) => known.or(value),
    }
}

/// The newest value of a column.
#[cfg(feature = "parquet")]
fn newest(column: &Column) -> Option<CursorValue> {
    let value = |cell: Cell| {
        let mut json = Vec::new();
        cell.push(&mut json);
        CursorValue::from_json(str::from_utf8(&json).ok()?)
    };
    let rows = 0..column.rows()?;
    let cells = rows.filter_map(|row| column.get(row)).filter(|cell| *cell != Cell::Null);
    match column.values() {
        // Of these only one needs to be spelt out.
        Values::Ints(_) | Values::Times(_) | Values::Floats(_) => value(cells.reduce(later)?),
        _ => cells.map(value).fold(None, newer),
    }
}

/// The greater of two numbers or moments of one column.
#[cfg(feature = "parquet")]
fn later<'a>(one: Cell<'a>, other: Cell<'a>) -> Cell<'a> {
    let is_later = match (one, other) {
        (Cell::Int(one), Cell::Int(other)) | (Cell::Time(one), Cell::Time(other)) => other > one,
        (Cell::Float(one), Cell::Float(other)) => other > one,
        _ => false,
    };
    if is_later { other } else { one }
}

/// What joins a path and a place: `a.csv:5`, but `a.json: item 5`.
fn colon(place: &str) -> &'static str {
    if place.starts_with(|c: char| c.is_ascii_alphabetic()) { ": " } else { ":" }
}

/// Appends `record` with `field` in front. Where the record has that field itself, its own comes
/// later and so wins.
fn push_with_path(buffer: &mut Vec<u8>, record: &[u8], field: &str, path: &str) {
    let rest = record.strip_prefix(b"{").unwrap_or(record);
    buffer.push(b'{');
    // Writing text to memory cannot fail.
    let _ = serde_json::to_writer(&mut *buffer, field);
    buffer.push(b':');
    let _ = serde_json::to_writer(&mut *buffer, path);
    if rest.trim_ascii_start() != b"}" {
        buffer.push(b',');
    }
    buffer.extend_from_slice(rest);
}
