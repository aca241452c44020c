//! Records as they travel: bytes first.
//!
//! A page is parsed once and cut into slices of the buffer it came in; nobody builds a document
//! tree unless a transform needs one. A [`Records`] is that buffer and the places of the slices.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use crate::columns::Columns;
use crate::origin::Origins;

/// Some records of one stream: JSON objects, in the order in which they were read.
///
/// Every slice is one complete, valid JSON object in UTF-8 (it may contain line breaks). The buffer
/// may hold more than the slices (the envelope of a page); [`Records::weight`] counts the whole of
/// it, since that is what stays in memory.
///
/// Records may also be [`Columns`]. They are the same records to whoever asks for their texts, which are
/// made when that happens first.
#[derive(Clone, Debug, Default)]
pub struct Records {
    body: Body,
    origins: Option<Arc<Origins>>,
}

#[derive(Clone, Debug)]
enum Body {
    Text(Text),
    Columns(Arc<Typed>),
}

/// Slices of a buffer.
#[derive(Clone, Debug, Default)]
struct Text {
    buffer: Bytes,
    spans: Vec<Range<u32>>,
}

/// Columns, and their texts if anybody has asked for them.
#[derive(Debug)]
struct Typed {
    columns: Columns,
    text: OnceLock<Text>,
}

impl Default for Body {
    fn default() -> Self {
        Self::Text(Text::default())
    }
}

impl Text {
    fn of(columns: &Columns, rows: impl Iterator<Item = usize>) -> Self {
        let (buffer, spans) = columns.text(rows);
        Self { buffer: buffer.into(), spans }
    }
}

impl Records {
    /// Slices of `buffer`. The caller guarantees what this type promises about them; `buffer` must
    /// be shorter than 4 GiB, which the cap on response sizes sees to.
    pub fn from_spans(buffer: Bytes, spans: Vec<Range<u32>>) -> Self {
        Self { body: Body::Text(Text { buffer, spans }), origins: None }
    }

    /// Records that are the rows of `columns`.
    pub fn of_columns(columns: Columns) -> Self {
        Self { body: Body::Columns(Arc::new(Typed { columns, text: OnceLock::new() })), origins: None }
    }

    /// The columns that they are, if they are any.
    pub fn columns(&self) -> Option<&Columns> {
        match &self.body {
            Body::Text(_) => None,
            Body::Columns(typed) => Some(&typed.columns),
        }
    }

    fn text(&self) -> &Text {
        match &self.body {
            Body::Text(text) => text,
            Body::Columns(typed) => {
                typed.text.get_or_init(|| Text::of(&typed.columns, 0..typed.columns.rows()))
            }
        }
    }

    /// The same records, and where they come from.
    #[must_use]
    pub fn with_origins(self, origins: Origins) -> Self {
        Self { origins: Some(Arc::new(origins)), ..self }
    }

    /// Whether it is known where they come from.
    pub fn has_origins(&self) -> bool {
        self.origins.is_some()
    }

    /// The same records, of which number `n` was made from record `from[n]` of `source`.
    #[must_use]
    pub fn made_from(self, source: &Self, from: &[u32]) -> Self {
        let origins = source.origins.as_ref().map(|origins| Arc::new(origins.of_made(from)));
        Self { origins, ..self }
    }

    /// Where record `index` comes from, for failures: its file and place there, or at least its place in
    /// the batch.
    pub fn position(&self, index: usize) -> String {
        let known = self.origins.as_ref().and_then(|origins| origins.position(index));
        known.unwrap_or_else(|| format!("record {} of its batch", index + 1))
    }

    /// The path of the file on this machine that record `index` stood in, as its source names it.
    pub fn file(&self, index: usize) -> Option<&str> {
        self.origins.as_ref()?.file(index)
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        match &self.body {
            Body::Text(text) => text.spans.len(),
            Body::Columns(typed) => typed.columns.rows(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes that the records keep in memory.
    pub fn weight(&self) -> usize {
        let (columns, text) = match &self.body {
            Body::Text(text) => (0, Some(text)),
            Body::Columns(typed) => (typed.columns.weight(), typed.text.get()),
        };
        let text = text.map_or(0, |text| text.buffer.len() + size_of_val(&*text.spans));
        let origins = self.origins.as_ref().map_or(0, |origins| origins.weight());
        columns + text + origins
    }

    /// The bytes of the records themselves; of columns, about so many as their texts would have.
    pub fn bytes(&self) -> u64 {
        match &self.body {
            Body::Text(text) => text.spans.iter().map(|s| u64::from(s.end - s.start)).sum(),
            Body::Columns(typed) => typed.columns.bytes() as u64,
        }
    }

    /// The JSON text of record `index`.
    ///
    /// # Panics
    /// If there is no such record.
    pub fn get(&self, index: usize) -> &[u8] {
        let text = self.text();
        let span = &text.spans[index];
        &text.buffer[span.start as usize..span.end as usize]
    }

    /// The JSON texts in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        let text = self.text();
        text.spans.iter().map(|s| &text.buffer[s.start as usize..s.end as usize])
    }

    /// These of the records, for a sample, without their origins. Of columns, only their texts are made.
    ///
    /// # Panics
    /// If there is no such record.
    #[must_use]
    pub fn pick(&self, rows: impl Iterator<Item = usize>) -> Self {
        let text = match &self.body {
            Body::Text(text) => {
                Text { buffer: text.buffer.clone(), spans: rows.map(|row| text.spans[row].clone()).collect() }
            }
            Body::Columns(typed) => Text::of(&typed.columns, rows),
        };
        Self { body: Body::Text(text), origins: None }
    }

    /// Keeps the first `count` records, for a sample.
    pub fn truncate(&mut self, count: usize) {
        let mut text = self.text().clone();
        text.spans.truncate(count);
        self.body = Body::Text(text);
    }
}

impl<'a> FromIterator<&'a str> for Records {
    fn from_iter<I: IntoIterator<Item = &'a str>>(texts: I) -> Self {
        let mut builder = RecordsBuilder::default();
        for text in texts {
            builder.push(text.as_bytes());
        }
        builder.finish()
    }
}

/// Builds [`Records`] from texts that are made one by one (feed entries, CSV rows, transforms).
#[derive(Debug, Default)]
pub struct RecordsBuilder {
    buffer: Vec<u8>,
    spans: Vec<Range<u32>>,
}

impl RecordsBuilder {
    /// A builder with room for `bytes`.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { buffer: Vec::with_capacity(bytes), spans: Vec::new() }
    }

    /// Appends one record, which must be one complete JSON object.
    pub fn push(&mut self, json: &[u8]) {
        let start = self.buffer.len();
        self.buffer.extend_from_slice(json);
        self.close(start);
    }

    /// Appends one record by serializing it; on an error nothing is appended.
    pub fn push_serialized<T: serde::Serialize>(&mut self, record: &T) -> serde_json::Result<()> {
        let start = self.buffer.len();
        if let Err(error) = serde_json::to_writer(&mut self.buffer, record) {
            self.buffer.truncate(start);
            return Err(error);
        }
        self.close(start);
        Ok(())
    }

    /// How many records there are so far.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there are none so far.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The bytes so far.
    pub fn bytes(&self) -> usize {
        self.buffer.len()
    }

    /// The records.
    pub fn finish(self) -> Records {
        Records::from_spans(self.buffer.into(), self.spans)
    }

    fn close(&mut self, start: usize) {
        // Buffers are cut long before 4 GiB: a batch is bounded by the memory budget.
        self.spans.push(start as u32..self.buffer.len() as u32);
    }
}
