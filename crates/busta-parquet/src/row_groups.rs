//! A Parquet file in the making: columns go in batch by batch, and row groups are closed by size.

use std::io::Write;
use std::sync::Arc;

use arrow_array::{ArrayRef, StringArray};
use arrow_buffer::NullBuffer;
use arrow_schema::{Field, SchemaRef};
use busta_core::{Error, Result};
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::arrow_writer::{
    ArrowColumnWriter, ArrowLeafColumn, ArrowRowGroupWriterFactory, compute_leaves,
};
use parquet::basic::ZstdLevel;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::ColumnDescPtr;

use crate::error::writing;
use crate::numbers::{Kind, Numbers};
use crate::runs::Runs;
use crate::writer::{WriteOptions, Written};
use crate::zstd::Packer;

/// So much JSON becomes columns at a time: large enough that the work per batch is nothing, and far
/// below the 2 GiB that a column of texts may hold.
pub const BATCH_BYTES: usize = 4 << 20;

/// Texts that turn out not to stay the same are made for so many rows at a time.
const ROWS_AT_ONCE: usize = 8192;

/// Counts records into batches and batches into row groups. It holds at most one row group in memory.
pub(crate) struct RowGroups<W: Write + Send> {
    file: SerializedFileWriter<W>,
    factory: ArrowRowGroupWriterFactory,
    schema: SchemaRef,
    /// The columns of the row group under way, those of nested fields one by one; empty if it has not begun.
    lanes: Vec<Lane>,
    packer: Packer,
    row_group_bytes: usize,
    /// Bytes of JSON in the batch and in the row group.
    batch: usize,
    row_group: usize,
    batch_rows: usize,
    rows: u64,
}

/// A column of a batch.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Given<'a> {
    /// Its values.
    Values(ArrayRef),
    /// The same of a column of numbers or booleans, where they are.
    Bools(&'a [bool], Option<NullBuffer>),
    Whole(&'a [i64], Option<NullBuffer>),
    Doubles(&'a [f64], Option<NullBuffer>),
    /// The text that all rows have, for a column of texts.
    Same(Box<str>),
}

impl Given<'_> {
    fn rows(&self) -> Option<usize> {
        match self {
            Self::Values(values) => Some(values.len()),
            Self::Bools(values, _) => Some(values.len()),
            Self::Whole(values, _) => Some(values.len()),
            Self::Doubles(values, _) => Some(values.len()),
            Self::Same(_) => None,
        }
    }
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
        let columns = ArrowSchemaConverter::new().convert(&schema).map_err(writing)?;
        let file = SerializedFileWriter::new(sink, columns.root_schema_ptr(), Arc::new(properties));
        let file = file.map_err(writing)?;
        let factory = ArrowRowGroupWriterFactory::new(&file, schema.clone());
        let row_group_bytes = options.row_group_bytes;
        let level = ZstdLevel::try_new(options.zstd_level).map_err(writing)?;
        Ok(Self {
            file,
            factory,
            schema,
            lanes: Vec::new(),
            packer: Packer::new(level).map_err(writing)?,
            row_group_bytes,
            batch: 0,
            row_group: 0,
            batch_rows: 0,
            rows: 0,
        })
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
        (self.file.bytes_written() + self.lanes.iter().map(Lane::size).sum::<usize>()) as u64
    }

    /// Encodes a batch, which may complete a row group.
    pub fn push(&mut self, columns: Vec<Given>) -> Result<()> {
        let rows = self.batch_rows;
        let are_whole = columns.iter().all(|column| column.rows().is_none_or(|own| own == rows));
        if !are_whole || columns.len() != self.schema.fields().len() {
            return Err(Error::bug("columns of different lengths"));
        }
        if rows > 0 {
            self.encode(&columns, rows).map_err(writing)?;
        }
        self.rows += rows as u64;
        self.row_group += self.batch;
        self.batch = 0;
        self.batch_rows = 0;
        if self.row_group >= self.row_group_bytes { self.end_row_group() } else { Ok(()) }
    }

    fn encode(&mut self, columns: &[Given], rows: usize) -> Result<(), ParquetError> {
        if self.lanes.is_empty() {
            self.begin_row_group()?;
        }
        let Self { lanes, packer, schema, .. } = self;
        let mut lanes = lanes.iter_mut();
        for (field, column) in schema.fields().iter().zip(columns) {
            match (lanes.next(), column) {
                (Some(Lane::Numbers(lane)), column) => lane.push(column, packer)?,
                (Some(Lane::Others(lane)), Given::Same(text)) => lane.same(field, text, rows)?,
                (Some(first), Given::Values(values)) => {
                    let leaves = compute_leaves(field, values)?;
                    for (leaf, lane) in leaves.iter().zip(std::iter::once(first).chain(&mut lanes)) {
                        lane.write(field, leaf)?;
                    }
                }
                _ => return Err(ParquetError::General(format!("`{}` is of another type", field.name()))),
            }
        }
        Ok(())
    }

    fn begin_row_group(&mut self) -> Result<(), ParquetError> {
        let writers = self.factory.create_column_writers(self.file.flushed_row_groups().len())?;
        let columns = self.file.schema_descr().columns();
        let lane = |(writer, column): (_, &ColumnDescPtr)| match Kind::of(column) {
            Some(kind) => Lane::Numbers(Box::new(Numbers::new(kind))),
            None => Lane::Others(Box::new(Others::new(writer))),
        };
        self.lanes = writers.into_iter().zip(columns).map(lane).collect();
        Ok(())
    }

    fn end_row_group(&mut self) -> Result<()> {
        self.row_group = 0;
        if self.lanes.is_empty() {
            return Ok(());
        }
        let lanes = std::mem::take(&mut self.lanes);
        let columns = self.file.schema_descr().columns().to_vec();
        let Self { file, packer, .. } = self;
        let end = || {
            let mut group = file.next_row_group()?;
            for (lane, column) in lanes.into_iter().zip(&columns) {
                lane.close(&mut group, column, packer)?;
            }
            group.close()
        };
        end().map(drop).map_err(writing)
    }

    /// Adds to the file's metadata.
    pub fn note(&mut self, key: &str, value: String) {
        self.file.append_key_value_metadata(KeyValue::new(key.to_owned(), value));
    }

    /// Writes the last row group and the footer. The sink is flushed, not synced.
    pub fn close(mut self) -> Result<Written> {
        self.end_row_group()?;
        self.file.finish().map_err(writing)?;
        Ok(Written { rows: self.rows, bytes: self.file.bytes_written() as u64 })
    }
}

/// A column of the row group under way.
enum Lane {
    /// Of numbers or booleans.
    Numbers(Box<Numbers>),
    Others(Box<Others>),
}

impl Lane {
    /// How large it is going to be, as far as that can be told.
    fn size(&self) -> usize {
        match self {
            Self::Numbers(lane) => lane.size(),
            Self::Others(lane) => lane.size(),
        }
    }

    fn write(&mut self, field: &Field, leaf: &ArrowLeafColumn) -> Result<(), ParquetError> {
        match self {
            Self::Numbers(_) => Err(ParquetError::General(format!("`{}` is not nested", field.name()))),
            Self::Others(lane) => lane.values(field)?.write(leaf),
        }
    }

    /// Appends the column to its row group.
    fn close<W: Write + Send>(
        self,
        group: &mut SerializedRowGroupWriter<W>,
        column: &ColumnDescPtr,
        packer: &mut Packer,
    ) -> Result<(), ParquetError> {
        let (bytes, close) = match self {
            Self::Numbers(lane) => lane.close(column, packer)?,
            Self::Others(lane) if lane.has_values => return lane.writer.close()?.append_to_row_group(group),
            Self::Others(lane) => lane.runs.encode(column)?,
        };
        group.append_column(&bytes, close)
    }
}

/// A column of other values, or a part of a nested one: runs, until a batch comes whose rows have different values.
struct Others {
    writer: ArrowColumnWriter,
    runs: Runs,
    has_values: bool,
}

impl Others {
    fn new(writer: ArrowColumnWriter) -> Self {
        Self { writer, runs: Runs::default(), has_values: false }
    }

    fn size(&self) -> usize {
        self.runs.size() + if self.has_values { self.writer.get_estimated_total_bytes() } else { 0 }
    }

    /// All rows of a batch have this text.
    fn same(&mut self, field: &Field, text: &str, rows: usize) -> Result<(), ParquetError> {
        if self.has_values {
            return write_run(&mut self.writer, field, text, rows);
        }
        self.runs.push(text, rows);
        Ok(())
    }

    fn values(&mut self, field: &Field) -> Result<&mut ArrowColumnWriter, ParquetError> {
        self.has_values = true;
        for (text, rows) in std::mem::take(&mut self.runs).iter() {
            write_run(&mut self.writer, field, text, rows)?;
        }
        Ok(&mut self.writer)
    }
}

fn write_run(
    writer: &mut ArrowColumnWriter,
    field: &Field,
    text: &str,
    rows: usize,
) -> Result<(), ParquetError> {
    let mut left = rows;
    while left > 0 {
        let count = left.min(ROWS_AT_ONCE);
        let values: ArrayRef = Arc::new(StringArray::from_iter_values(std::iter::repeat_n(text, count)));
        compute_leaves(field, &values)?.iter().try_for_each(|leaf| writer.write(leaf))?;
        left -= count;
    }
    Ok(())
}
