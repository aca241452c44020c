//! A column chunk of numbers or booleans, encoded page by page as they come.
//!
//! What is encoded how is decided by its first page: few different values get a dictionary; of others, whole numbers
//! become differences, and the bytes of doubles come apart, since the upper ones are much alike. What zstd does not
//! make smaller stays as it is. A dictionary that grows too large gets no further pages.

mod deltas;
mod dictionary;
mod encode;
mod kind;
#[cfg(test)]
mod tests;
mod told;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef};
use arrow_buffer::{NullBuffer, NullBufferBuilder};
use arrow_schema::{DataType, TimeUnit};
use bytes::Bytes;
use parquet::basic::{Compression, Encoding};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::{ParquetError, Result};
use parquet::schema::types::ColumnDescPtr;

use crate::chunk::{Chunk, EncodedPage};
use crate::hybrid::levels;
use crate::row_groups::Given;
use crate::zstd::Packer;
use encode::Encoder;
pub(crate) use kind::Kind;
use kind::Number;
use told::About;

/// A page has so many rows: few enough for a reader that wants some of them.
const PAGE_ROWS: usize = 20_000;

/// What is not smaller than this part of it (in 1/16) is not worth being decompressed.
const WORTH_PACKING: usize = 15;

/// A chunk in the making.
pub(crate) struct Numbers {
    kind: Kind,
    /// The page under way: the bits of its values, and which of its rows have one.
    values: Vec<i64>,
    present: NullBufferBuilder,
    encoder: Encoder,
    compression: Option<Compression>,
    pages: Vec<EncodedPage>,
    about: Vec<About>,
    /// Bytes of the pages.
    size: usize,
}

impl Numbers {
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            values: Vec::new(),
            present: NullBufferBuilder::new(0),
            encoder: Encoder::new(kind),
            compression: None,
            pages: Vec::new(),
            about: Vec::new(),
            size: 0,
        }
    }

    /// How large it is going to be, as far as that can be told.
    pub fn size(&self) -> usize {
        self.size + self.values.len() * size_of::<i64>()
    }

    /// Appends the values of a batch.
    pub fn push(&mut self, column: &Given, packer: &mut Packer) -> Result<()> {
        match (self.kind, column) {
            (Kind::Bool, Given::Bools(values, nulls)) => self.append(values, nulls.as_ref(), packer),
            (Kind::Whole, Given::Whole(values, nulls)) => self.append(values, nulls.as_ref(), packer),
            (Kind::Double, Given::Doubles(values, nulls)) => self.append(values, nulls.as_ref(), packer),
            (_, Given::Values(array)) => self.push_array(array, packer),
            _ => Err(ParquetError::General("numbers of another kind than their column's".to_owned())),
        }
    }

    fn push_array(&mut self, array: &ArrayRef, packer: &mut Packer) -> Result<()> {
        let nulls = array.nulls();
        match array.data_type() {
            DataType::Boolean => {
                self.append(&array.as_boolean().values().iter().collect::<Vec<bool>>(), nulls, packer)
            }
            DataType::Int64 => self.append(array.as_primitive::<Int64Type>().values(), nulls, packer),
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                self.append(array.as_primitive::<TimestampMicrosecondType>().values(), nulls, packer)
            }
            DataType::Float64 => self.append(array.as_primitive::<Float64Type>().values(), nulls, packer),
            found => Err(ParquetError::General(format!("{found} is no type of numbers"))),
        }
    }

    /// Appends values, of which those at nulls mean nothing.
    fn append<T: Number>(
        &mut self,
        values: &[T],
        nulls: Option<&NullBuffer>,
        packer: &mut Packer,
    ) -> Result<()> {
        let mut start = 0;
        while start < values.len() {
            let end = values.len().min(start + PAGE_ROWS - self.present.len());
            let nulls = nulls.map(|nulls| nulls.slice(start, end - start));
            self.take(&values[start..end], nulls.filter(|nulls| nulls.null_count() > 0));
            if self.present.len() == PAGE_ROWS {
                self.end_page(packer)?;
            }
            start = end;
        }
        Ok(())
    }

    fn take<T: Number>(&mut self, values: &[T], nulls: Option<NullBuffer>) {
        match nulls {
            None => {
                self.values.extend(values.iter().map(|value| value.bits()));
                self.present.append_n_non_nulls(values.len());
            }
            Some(nulls) => {
                self.values.extend(nulls.valid_indices().map(|row| values[row].bits()));
                self.present.append_buffer(&nulls);
            }
        }
    }

    fn end_page(&mut self, packer: &mut Packer) -> Result<()> {
        let rows = self.present.len();
        let mut plain = levels(rows, self.present.finish().as_ref());
        let values = std::mem::take(&mut self.values);
        let encoding = self.encoder.encode(&values, &mut plain);
        let bytes = self.pack(&plain, packer)?;
        self.size += bytes.len();
        self.about.push(About::of(self.kind, rows, &values));
        self.pages.push(EncodedPage { bytes, plain: plain.len(), values: rows, encoding });
        self.values = values;
        self.values.clear();
        Ok(())
    }

    /// Compressed, if the first page became smaller by it.
    fn pack(&mut self, plain: &[u8], packer: &mut Packer) -> Result<Bytes> {
        if self.compression == Some(Compression::UNCOMPRESSED) {
            return Ok(Bytes::copy_from_slice(plain));
        }
        let compression = packer.compression();
        let packed = packer.pack(plain)?;
        let is_worth_it = packed.len() * 16 <= plain.len() * WORTH_PACKING;
        if self.compression.is_none() && !is_worth_it {
            self.compression = Some(Compression::UNCOMPRESSED);
            return Ok(Bytes::copy_from_slice(plain));
        }
        self.compression = Some(compression);
        Ok(Bytes::copy_from_slice(packed))
    }

    /// The chunk, and what the row group is told of it.
    pub fn close(
        mut self,
        column: &ColumnDescPtr,
        packer: &mut Packer,
    ) -> Result<(Bytes, ColumnCloseResult)> {
        if !self.present.is_empty() {
            self.end_page(packer)?;
        }
        let dictionary = match self.encoder.dictionary() {
            None => None,
            Some((values, plain)) => {
                let bytes = self.pack(&plain, packer)?;
                Some(EncodedPage { bytes, plain: plain.len(), values, encoding: Encoding::PLAIN })
            }
        };
        let told = told::of(self.kind, &self.about, column);
        let compression = self.compression.unwrap_or(Compression::UNCOMPRESSED);
        Chunk { compression, dictionary, data: self.pages }.close(column, told)
    }
}
