//! A Parquet file in the making: columns go in batch by batch, and row groups are closed by size.

use std::io::Write;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::SchemaRef;
use busta_core::{Error, Result};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use crate::error::writing;
use crate::writer::{WriteOptions, Written};

/// So much JSON becomes columns at a time: large enough that the work per batch is nothing, and far
/// below the 2 GiB that a column of texts may hold.
const BATCH_BYTES: usize = 4 << 20;

/// Counts records into batches and batches into row groups. It holds at most one row group in memory.
pub(crate) struct RowGroups<W: Write + Send> {
    inner: ArrowWriter<W>,
    schema: SchemaRef,
    row_group_bytes: usize,
    /// Bytes of JSON in the batch and in the row group.
    batch: usize,
    row_group: usize,
    batch_rows: usize,
    rows: u64,
}

impl<W: Write + Send> RowGroups<W> {
    /// Starts a file. Arrow's schema is not repeated in the metadata: Parquet's own says all of it, and
    /// beside it some readers overlook the other keys.
    pub fn begin(
        sink: W,
        schema: SchemaRef,
        properties: WriterProperties,
        options: &WriteOptions,
    ) -> Result<Self> {
        let own = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
        let inner = ArrowWriter::try_new_with_options(sink, schema.clone(), own).map_err(writing)?;
        let row_group_bytes = options.row_group_bytes;
        Ok(Self { inner, schema, row_group_bytes, batch: 0, row_group: 0, batch_rows: 0, rows: 0 })
    }

    /// A record of so many bytes of JSON has gone into the columns; whether these are a full batch.
    pub fn count(&mut self, bytes: usize) -> bool {
        self.batch += bytes;
        self.batch_rows += 1;
        self.batch >= BATCH_BYTES
    }

    /// So many records of so many bytes of JSON together are in the columns that are given next.
    pub fn count_all(&mut self, records: usize, bytes: usize) {
        self.batch += bytes;
        self.batch_rows += records;
    }

    /// How many records are in the columns, which are given next.
    pub fn batch_rows(&self) -> usize {
        self.batch_rows
    }

    /// How many records the file has taken.
    pub fn rows(&self) -> u64 {
        self.rows + self.batch_rows as u64
    }

    /// How large the file is so far, what is still in memory included as it is estimated to come out.
    pub fn bytes(&self) -> u64 {
        (self.inner.bytes_written() + self.inner.in_progress_size()) as u64
    }

    /// Encodes a batch, which may complete a row group.
    pub fn push(&mut self, columns: Vec<ArrayRef>) -> Result<()> {
        let options = RecordBatchOptions::new().with_row_count(Some(self.batch_rows));
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)
            .map_err(|error| Error::bug(format!("columns of different lengths: {error}")))?;
        self.inner.write(&batch).map_err(writing)?;
        self.rows += self.batch_rows as u64;
        self.row_group += self.batch;
        self.batch = 0;
        self.batch_rows = 0;
        if self.row_group >= self.row_group_bytes {
            self.inner.flush().map_err(writing)?;
            self.row_group = 0;
        }
        Ok(())
    }

    /// Adds to the file's metadata.
    pub fn note(&mut self, key: &str, value: String) {
        self.inner.append_key_value_metadata(KeyValue::new(key.to_owned(), value));
    }

    /// Writes the last row group and the footer. The sink is flushed, not synced.
    pub fn close(mut self) -> Result<Written> {
        self.inner.finish().map_err(writing)?;
        Ok(Written { rows: self.rows, bytes: self.inner.bytes_written() as u64 })
    }
}
