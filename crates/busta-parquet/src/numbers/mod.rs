//! A column chunk of numbers or booleans, encoded page by page as they come.
//!
//! What is encoded how is decided by its first page: few different values get a dictionary; of others, whole numbers
//! become differences, and the bytes of doubles come apart, since the upper ones are much alike. What zstd does not
//! make smaller stays as it is. A dictionary that grows too large gets no further pages.

mod dictionary;
mod packing;
#[cfg(test)]
mod tests;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef};
use arrow_buffer::{NullBuffer, NullBufferBuilder};
use arrow_schema::{DataType, TimeUnit};
use bytes::Bytes;
use parquet::basic::{BoundaryOrder, Compression, Encoding, Type};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ColumnIndexBuilder;
use parquet::file::statistics::{Statistics, ValueStatistics};
use parquet::schema::types::{ColumnDescPtr, ColumnDescriptor};

use crate::chunk::{Chunk, EncodedPage, Told};
use crate::row_groups::Given;
use crate::zstd::Packer;
use dictionary::Dictionary;
use packing::{pack, push_deltas, push_numbers, push_packed_run, width_of};

pub(crate) use packing::push_varint;

/// A page has so many rows: few enough for a reader that wants some of them.
const PAGE_ROWS: usize = 20_000;

/// What is not smaller than this part of it (in 1/16) is not worth being decompressed.
const WORTH_PACKING: usize = 15;

/// What the numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Bool,
    /// Integers, and moments.
    Whole,
    Double,
}

impl Kind {
    /// Of a column, if it holds such and is not nested.
    pub fn of(column: &ColumnDescriptor) -> Option<Self> {
        if [column.max_def_level(), column.max_rep_level()] != [1, 0] || column.path().parts().len() > 1 {
            return None;
        }
        match column.physical_type() {
            Type::BOOLEAN => Some(Self::Bool),
            Type::INT64 => Some(Self::Whole),
            Type::DOUBLE => Some(Self::Double),
            _ => None,
        }
    }

    /// How many values are no numbers: none, since JSON has no way to write that. Readers want to know it of doubles.
    fn nans(self) -> Option<u64> {
        (self == Self::Double).then_some(0)
    }

    /// What has the order of its values. It is its own inverse.
    fn ordered(self, bits: i64) -> i64 {
        // Negative doubles are in the order of their magnitudes.
        if self == Self::Double { bits ^ ((bits >> 63) as u64 >> 1) as i64 } else { bits }
    }
}

/// Values of 64 bits or fewer.
trait Number: Copy {
    fn bits(self) -> i64;
}

impl Number for bool {
    fn bits(self) -> i64 {
        self.into()
    }
}

impl Number for i64 {
    fn bits(self) -> i64 {
        self
    }
}

impl Number for f64 {
    fn bits(self) -> i64 {
        self.to_bits() as i64
    }
}

/// A chunk in the making.
pub(crate) struct Numbers {
    kind: Kind,
    /// The page under way: the bits of its values, and which of its rows have one.
    values: Vec<i64>,
    present: NullBufferBuilder,
    /// Kept with the pages that use it when it takes no more values.
    dictionary: Option<Dictionary>,
    is_open: bool,
    compression: Option<Compression>,
    pages: Vec<EncodedPage>,
    about: Vec<About>,
    /// Bytes of the pages.
    size: usize,
}

/// What is told of a page.
#[derive(Clone, Copy)]
struct About {
    /// The least and the greatest value, if there are any, as they are [ordered](Kind::ordered).
    bounds: Option<[i64; 2]>,
    nulls: usize,
}

impl Numbers {
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            values: Vec::new(),
            present: NullBufferBuilder::new(0),
            dictionary: None,
            is_open: kind != Kind::Bool,
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
        let mut plain = levels(rows, self.present.finish());
        let values = std::mem::take(&mut self.values);
        let encoding = self.encode(&values, &mut plain);
        let bytes = self.pack(&plain, packer)?;
        self.size += bytes.len();
        self.about.push(About { bounds: self.bounds(&values), nulls: rows - values.len() });
        self.pages.push(EncodedPage { bytes, plain: plain.len(), values: rows, encoding });
        self.values = values;
        self.values.clear();
        Ok(())
    }

    fn encode(&mut self, values: &[i64], out: &mut Vec<u8>) -> Encoding {
        if values.is_empty() {
            return Encoding::PLAIN;
        }
        if self.is_open && self.encode_numbers(values, out) {
            return Encoding::RLE_DICTIONARY;
        }
        match self.kind {
            Kind::Bool => {
                pack(out, values.iter().map(|value| *value as u64), 1);
                Encoding::PLAIN
            }
            Kind::Whole => {
                push_deltas(out, values);
                Encoding::DELTA_BINARY_PACKED
            }
            Kind::Double => {
                push_split(out, values);
                Encoding::BYTE_STREAM_SPLIT
            }
        }
    }

    /// Appends the numbers that a dictionary has for the values; `false`, and nothing from now on, if it has none
    /// or, for the first page, if that is not worth it.
    fn encode_numbers(&mut self, values: &[i64], out: &mut Vec<u8>) -> bool {
        let is_first = self.dictionary.is_none();
        let dictionary = self.dictionary.get_or_insert_with(Dictionary::new);
        let mut numbers = Vec::new();
        self.is_open = dictionary.look_up(values, &mut numbers);
        let count = dictionary.values().len();
        let width = width_of(count.saturating_sub(1) as u64);
        if self.is_open && is_first {
            self.is_open = match self.kind {
                Kind::Whole => is_less_than_deltas(values, count, width),
                _ => count <= values.len() / 4 * 3,
            };
        }
        if self.is_open {
            push_numbers(out, &numbers, width);
        } else if is_first {
            self.dictionary = None;
        }
        self.is_open
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

    fn bounds(&self, values: &[i64]) -> Option<[i64; 2]> {
        let ordered = values.iter().map(|bits| self.kind.ordered(*bits));
        let [least, greatest] =
            ordered.fold([i64::MAX, i64::MIN], |[low, high], value| [low.min(value), high.max(value)]);
        (!values.is_empty()).then_some([least, greatest])
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
        let dictionary = match self.dictionary.take() {
            None => None,
            Some(dictionary) => {
                let (mut plain, values) = (Vec::new(), dictionary.values().len());
                push_plain(&mut plain, dictionary.values());
                let bytes = self.pack(&plain, packer)?;
                Some(EncodedPage { bytes, plain: plain.len(), values, encoding: Encoding::PLAIN })
            }
        };
        let told = Told {
            statistics: Some(self.statistics()),
            pages: Some(self.column_index(column)),
            text_bytes: None,
        };
        let compression = self.compression.unwrap_or(Compression::UNCOMPRESSED);
        Chunk { compression, dictionary, data: self.pages }.close(column, told)
    }

    fn statistics(&self) -> Statistics {
        let known = self.about.iter().filter_map(|page| page.bounds);
        let all = known.reduce(|[low, high], [least, greatest]| [low.min(least), high.max(greatest)]);
        let [least, greatest] = all.map_or([None; 2], |all| self.told(all).map(Some));
        let nulls = Some(self.about.iter().map(|page| page.nulls as u64).sum());
        let double = |bits: i64| f64::from_bits(bits as u64);
        match self.kind {
            Kind::Bool => Statistics::boolean(least.map(is_set), greatest.map(is_set), None, nulls, false),
            Kind::Whole => Statistics::int64(least, greatest, None, nulls, false),
            Kind::Double => {
                let doubles =
                    ValueStatistics::new(least.map(double), greatest.map(double), None, nulls, false);
                Statistics::Double(doubles.with_nan_count(self.kind.nans()))
            }
        }
    }

    fn column_index(&self, column: &ColumnDescPtr) -> ColumnIndexBuilder {
        let mut index = ColumnIndexBuilder::new(column.physical_type());
        for page in &self.about {
            let [least, greatest] = page.bounds.map_or_else(Default::default, |bounds| {
                self.told(bounds).map(|value| match self.kind {
                    Kind::Bool => vec![value as u8],
                    Kind::Whole | Kind::Double => value.to_le_bytes().to_vec(),
                })
            });
            let nans = self.kind.nans().map(|count| count as i64);
            index.append(page.bounds.is_none(), least, greatest, page.nulls as i64, nans);
        }
        let bounds = || self.about.iter().filter_map(|page| page.bounds);
        let ascends = [0, 1].map(|side| bounds().is_sorted_by_key(|bounds| bounds[side]));
        let descends = [0, 1].map(|side| bounds().is_sorted_by_key(|bounds| std::cmp::Reverse(bounds[side])));
        index.set_boundary_order(match () {
            () if ascends == [true; 2] => BoundaryOrder::ASCENDING,
            () if descends == [true; 2] => BoundaryOrder::DESCENDING,
            () => BoundaryOrder::UNORDERED,
        });
        index
    }

    /// The bits of the least and the greatest value, as readers are told them: zeros of both signs lie between.
    fn told(&self, bounds: [i64; 2]) -> [i64; 2] {
        let [least, greatest] = bounds.map(|bound| self.kind.ordered(bound));
        if self.kind != Kind::Double {
            return [least, greatest];
        }
        const NEGATIVE_ZERO: i64 = i64::MIN;
        [if least == 0 { NEGATIVE_ZERO } else { least }, if greatest == NEGATIVE_ZERO { 0 } else { greatest }]
    }
}

fn is_set(bits: i64) -> bool {
    bits != 0
}

/// Whether a dictionary of so many values, which is good for some pages, and numbers of so many bits take less than
/// differences.
fn is_less_than_deltas(values: &[i64], count: usize, width: u32) -> bool {
    let mut deltas = Vec::with_capacity(values.len() * 2);
    push_deltas(&mut deltas, values);
    count * size_of::<i64>() / 4 + values.len() * width as usize / 8 < deltas.len()
}

/// Appends the first byte of each value, then the second ones.
fn push_split(out: &mut Vec<u8>, values: &[i64]) {
    let start = out.len();
    out.resize(start + size_of_val(values), 0);
    for (byte, stream) in out[start..].chunks_exact_mut(values.len()).enumerate() {
        for (place, value) in stream.iter_mut().zip(values) {
            *place = (value >> (8 * byte)) as u8;
        }
    }
}

fn push_plain(out: &mut Vec<u8>, values: &[i64]) {
    let start = out.len();
    out.resize(start + size_of_val(values), 0);
    let (places, _) = out[start..].as_chunks_mut();
    for (place, value) in places.iter_mut().zip(values) {
        *place = value.to_le_bytes();
    }
}

/// The levels of a page, which say in which rows there is a value, with their length in front.
fn levels(rows: usize, present: Option<NullBuffer>) -> Vec<u8> {
    let mut page = vec![0; 4];
    match present {
        None => {
            // One run; the lowest bit is 0 for such.
            push_varint(&mut page, (rows as u64) << 1);
            page.push(1);
        }
        Some(present) => push_packed_run(&mut page, rows, 1, |page| {
            pack(page, present.iter().map(u64::from), 1);
        }),
    }
    let length = page.len() as u32 - 4;
    page[..4].copy_from_slice(&length.to_le_bytes());
    page
}
