//! A Parquet file into records.

pub(crate) mod cells;
mod columns;
mod decimal;
pub(crate) mod plan;

use std::fs::File;
use std::ops::Range;

use arrow_array::RecordBatch;
use busta_core::{Error, Records, Result};
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::Compression;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, RowGroupMetaData};

use self::cells::Table;
pub use self::plan::FileColumn;
use self::plan::Plan;
use crate::error::{decoding, reading};
use crate::shape::Shape;
use crate::stac::items;
use crate::writer::SHAPE_KEY;

/// Records are handed out in batches of about this much JSON.
const BATCH_BYTES: usize = 1 << 20;
/// Columns are decoded for at most so many rows at a time,
const MAX_ROWS: usize = 4096;
/// and for fewer where these turn out to be larger than this in memory.
const MAX_DECODED: usize = 4 << 20;

/// Reads any Parquet file as records: an iterator of batches of about 1 MiB, in bounded memory (a page of every
/// column and one batch). They are [columns](Records::columns), but for STAC Items, which are texts.
///
/// # What the values become
///
/// | Parquet | JSON |
/// | --- | --- |
/// | booleans, integers, floats | the same; NaN and the infinities, which JSON has not, are null |
/// | decimals | numbers with all their digits |
/// | texts, enums | texts |
/// | JSON, and what busta wrote as such | the JSON itself |
/// | UUIDs | texts such as `550e8400-e29b-41d4-a716-446655440000` |
/// | other binary | texts in base64 |
/// | dates, times of day | `2024-05-01`, `10:00:00.123` |
/// | timestamps in UTC, and INT96 | `2024-05-01T10:00:00.000000Z` (RFC 3339); with 9 digits, those that need them |
/// | the same in STAC Items | `2024-05-01T10:00:00Z`, with 3, 6 or 9 digits of a fraction if there is one |
/// | timestamps without a zone | `2024-05-01T10:00:00`, likewise |
/// | intervals | `P1M2DT3.004S` (ISO 8601) |
/// | groups, lists | objects, arrays |
/// | maps | objects; where the keys are no texts, arrays of `{"key": ..., "value": ...}` |
///
/// A field that is null is left out, here as in everything busta writes.
pub struct ParquetReader {
    file: File,
    metadata: ArrowReaderMetadata,
    plan: Plan,
    /// The row group that is read, and the row in it that is decoded next.
    group: usize,
    next_row: usize,
    pages: Option<ParquetRecordBatchReader>,
    batch_rows: usize,
    /// Decoded rows that are given as texts, and those of them that are still to be given.
    texts: Option<(Table, Range<usize>)>,
    position: u64,
}

impl ParquetReader {
    /// Reads the footer of `file`.
    ///
    /// # Errors
    /// If this is no Parquet file, is damaged, or uses a codec or an encryption that cannot be read.
    pub fn open(file: File) -> Result<Self> {
        // Types are read from Parquet's own schema: the Arrow schema that some writers add says the
        // same again, and can contradict it.
        let options = ArrowReaderOptions::new()
            .with_skip_arrow_metadata(true)
            .with_offset_index_policy(PageIndexPolicy::Optional);
        let metadata = ArrowReaderMetadata::load(&file, options).map_err(reading)?;
        check_codecs(metadata.metadata())?;
        check_ranges(metadata.metadata(), file.metadata().map_or(u64::MAX, |facts| facts.len()))?;
        let shape = shape_of(metadata.metadata());
        let plan = Plan::of(metadata.schema(), metadata.parquet_schema(), shape.as_ref())?;
        Ok(Self {
            file,
            metadata,
            plan,
            group: 0,
            next_row: 0,
            pages: None,
            batch_rows: 0,
            texts: None,
            position: 0,
        })
    }

    /// The columns of the file.
    pub fn columns(&self) -> &[FileColumn] {
        self.plan.columns()
    }

    /// The shape of a file that busta wrote.
    pub fn shape(&self) -> Option<Shape> {
        shape_of(self.metadata.metadata())
    }

    /// The value of a key in the file's metadata.
    pub fn metadata(&self, key: &str) -> Option<&str> {
        metadata_of(self.metadata.metadata(), key)
    }

    /// Whether the file holds STAC Items (stac-geoparquet): it says so, or has their columns.
    pub fn is_stac(&self) -> bool {
        let metadata = self.metadata.metadata();
        items::are_items(self.metadata.schema(), |key| metadata_of(metadata, key))
    }

    /// Reads the rows of a stac-geoparquet file as the STAC Items that they are: properties in
    /// `properties`, geometries as GeoJSON, bounding boxes as lists. An Item whose geometry or
    /// `datetime` is null says so, as STAC demands.
    /// Fields named `_busta_…`, which say where a row came from, are left out.
    #[must_use]
    pub fn as_items(self) -> Self {
        self.with_items(false)
    }

    /// As [`as_items`](Self::as_items), with the fields named `_busta_…`.
    #[must_use]
    pub fn as_stamped_items(self) -> Self {
        self.with_items(true)
    }

    fn with_items(mut self, stamped: bool) -> Self {
        let metadata = self.metadata.metadata();
        self.plan.make_items(self.metadata.schema(), |key| metadata_of(metadata, key), stamped);
        self
    }

    /// How many rows the file has.
    pub fn rows(&self) -> u64 {
        let groups = self.metadata.metadata().row_groups().iter();
        groups.fold(0, |rows, group| rows.saturating_add(rows_of(group) as u64))
    }

    /// The row that comes next, counted from 0.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Goes to row `row`, counted from 0; beyond the last one is the end. Row groups and, where the
    /// file has an index of its pages, pages before it are not read.
    pub fn skip_to(&mut self, row: u64) {
        self.pages = None;
        self.texts = None;
        self.position = row.min(self.rows());
        let mut rest = self.position;
        self.group = 0;
        for group in self.metadata.metadata().row_groups() {
            let rows = rows_of(group) as u64;
            if rest < rows {
                break;
            }
            rest -= rows;
            self.group += 1;
        }
        self.next_row = rest as usize;
    }

    /// Decodes the next rows; `None` at the end of the file.
    fn decode(&mut self) -> Result<Option<RecordBatch>> {
        // The decoder takes some figures of a file on trust, and panics where they are damaged.
        let decoded = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.decode_on()));
        decoded.unwrap_or_else(|_| {
            let error = Error::data(format!("row group {} is damaged", self.group));
            self.group = self.metadata.metadata().num_row_groups();
            Err(error.hint("write the file again, or leave it out"))
        })
    }

    fn decode_on(&mut self) -> Result<Option<RecordBatch>> {
        while self.group < self.metadata.metadata().num_row_groups() {
            if self.pages.is_none() {
                self.pages = Some(self.open_group()?);
            }
            match self.pages.as_mut().and_then(Iterator::next) {
                Some(batch) => {
                    let batch = batch.map_err(|error| decoding(&error))?;
                    self.next_row += batch.num_rows();
                    self.pace(&batch);
                    return Ok(Some(batch));
                }
                None => {
                    self.check_group_end()?;
                    self.pages = None;
                    self.next_row = 0;
                    self.group += 1;
                }
            }
        }
        Ok(None)
    }

    fn open_group(&mut self) -> Result<ParquetRecordBatchReader> {
        let group = self.metadata.metadata().row_group(self.group);
        let estimate = rows_for(group);
        self.batch_rows = if self.batch_rows == 0 { estimate } else { estimate.min(self.batch_rows) };
        let file =
            self.file.try_clone().map_err(|error| Error::unavailable("the file is lost").caused_by(error))?;
        ParquetRecordBatchReaderBuilder::new_with_metadata(file, self.metadata.clone())
            .with_row_groups(vec![self.group])
            .with_batch_size(self.batch_rows)
            .with_offset(self.next_row)
            .build()
            .map_err(reading)
    }

    /// Dictionaries hide how large the values are: goes on with fewer rows at a time if these were too
    /// large.
    fn pace(&mut self, batch: &RecordBatch) {
        let size = batch.get_array_memory_size();
        if size > 2 * MAX_DECODED && batch.num_rows() > 1 {
            self.batch_rows = (batch.num_rows() as u128 * MAX_DECODED as u128 / size as u128).max(1) as usize;
            self.pages = None;
        }
    }

    fn check_group_end(&self) -> Result<()> {
        let promised = rows_of(self.metadata.metadata().row_group(self.group));
        if self.next_row < promised {
            return Err(Error::corrupt(format!(
                "the Parquet file is damaged: {promised} rows are promised, {} found",
                self.next_row
            )));
        }
        Ok(())
    }

    /// The next records of a file without columns, which has nothing to decode.
    fn next_empty(&mut self) -> Option<Records> {
        let count = (self.rows() - self.position).min(MAX_ROWS as u64);
        self.position += count;
        (count > 0).then(|| (0..count).map(|_| "{}").collect())
    }

    /// The next decoded rows, as what `make` makes of them; `None` at the end. After an error there are no more.
    fn load<T>(&mut self, make: impl FnOnce(&Plan, &RecordBatch) -> Result<T>) -> Result<Option<T>> {
        let place = self.group;
        let made = self.decode().and_then(|batch| batch.map(|batch| make(&self.plan, &batch)).transpose());
        made.map_err(|error| {
            self.group = usize::MAX;
            error.at(format!("row group {place}"))
        })
    }

    fn next_texts(&mut self) -> Result<Option<Records>> {
        while self.texts.as_ref().is_none_or(|(_, rows)| rows.is_empty()) {
            // Those that are done with go before the next ones are decoded.
            self.texts = None;
            self.texts = self.load(|plan, batch| Ok((plan.table(batch)?, 0..batch.num_rows())))?;
            if self.texts.is_none() {
                return Ok(None);
            }
        }
        Ok(self.texts.as_mut().map(|(table, rows)| table.records(rows, BATCH_BYTES)))
    }

    fn next_records(&mut self) -> Result<Option<Records>> {
        if self.plan.columns().is_empty() {
            return Ok(self.next_empty());
        }
        let records = if self.plan.is_typed() {
            self.load(|plan, batch| plan.columns_of(batch).map(Records::of_columns))?
        } else {
            self.next_texts()?
        };
        self.position += records.as_ref().map_or(0, |records| records.len() as u64);
        Ok(records)
    }
}

impl Iterator for ParquetReader {
    type Item = Result<Records>;

    /// The next records. After an error there are no more.
    fn next(&mut self) -> Option<Self::Item> {
        self.next_records().transpose()
    }
}

fn rows_of(group: &RowGroupMetaData) -> usize {
    usize::try_from(group.num_rows()).unwrap_or(0)
}

/// How many rows of `group` to decode at a time.
fn rows_for(group: &RowGroupMetaData) -> usize {
    let bytes: i64 = group
        .columns()
        .iter()
        .map(|column| column.uncompressed_size().max(column.unencoded_byte_array_data_bytes().unwrap_or(0)))
        .fold(0, i64::saturating_add);
    let per_row = usize::try_from(bytes).unwrap_or(0) / rows_of(group).max(1);
    (BATCH_BYTES / per_row.max(1)).clamp(1, MAX_ROWS)
}

fn metadata_of<'a>(metadata: &'a ParquetMetaData, key: &str) -> Option<&'a str> {
    let pairs = metadata.file_metadata().key_value_metadata()?;
    pairs.iter().find(|pair| pair.key == key)?.value.as_deref()
}

fn shape_of(metadata: &ParquetMetaData) -> Option<Shape> {
    serde_json::from_str(metadata_of(metadata, SHAPE_KEY)?).ok()
}

fn check_codecs(metadata: &ParquetMetaData) -> Result<()> {
    for (n, group) in metadata.row_groups().iter().enumerate() {
        for column in group.columns() {
            let codec = match column.compression() {
                Compression::BROTLI(_) => "brotli",
                Compression::LZO => "lzo",
                _ => continue,
            };
            let name = column.column_path().string();
            return Err(Error::data(format!(
                "row group {n}: column `{name}` is compressed with {codec}, which cannot be read"
            ))
            .hint("write the file again with zstd, snappy, gzip, lz4 or no compression"));
        }
    }
    Ok(())
}

/// The decoder asserts where a column that a damaged footer places outside of its file would lie.
fn check_ranges(metadata: &ParquetMetaData, length: u64) -> Result<()> {
    for (n, group) in metadata.row_groups().iter().enumerate() {
        for column in group.columns() {
            let start = column.dictionary_page_offset().unwrap_or_else(|| column.data_page_offset());
            let end = u64::try_from(start)
                .ok()
                .zip(u64::try_from(column.compressed_size()).ok())
                .and_then(|(start, size)| start.checked_add(size));
            if end.is_none_or(|end| end > length) {
                let name = column.column_path().string();
                return Err(Error::data(format!(
                    "row group {n}: column `{name}` lies outside of the file, which is damaged or cut off"
                )));
            }
        }
    }
    Ok(())
}
