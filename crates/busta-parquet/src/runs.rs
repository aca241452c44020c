//! A column chunk of texts that stay the same for many rows: the symbol of an archive's file, the run that wrote.
//!
//! Encoded value by value, each of them would be looked up in a dictionary; four such columns cost as much as all
//! numbers of a trade. Their runs are known, and runs are what the chunk is made of: a page with a dictionary,
//! and a page with one run of definition levels and the runs of the dictionary's numbers.

use std::collections::HashMap;

use bytes::Bytes;
use parquet::basic::{Compression, Encoding};
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::ByteArray;
use parquet::errors::Result;
use parquet::file::metadata::ColumnIndexBuilder;
use parquet::file::statistics::Statistics;
use parquet::schema::types::ColumnDescPtr;

use crate::chunk::{Chunk, EncodedPage, Told};
use crate::hybrid::{levels, push_run, width_of};

/// The least and the greatest text are told up to this length.
const MAX_STATISTICS: usize = 64;

/// Texts and how many rows in a row have them.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    texts: Vec<Box<str>>,
    numbers: HashMap<Box<str>, u32>,
    runs: Vec<(u32, usize)>,
    rows: usize,
    /// Bytes of the dictionary.
    bytes: usize,
}

impl Runs {
    /// The next rows have this text.
    pub fn push(&mut self, text: &str, rows: usize) {
        let number = match self.numbers.get(text) {
            Some(number) => *number,
            None => {
                let number = self.texts.len() as u32;
                self.texts.push(text.into());
                self.numbers.insert(text.into(), number);
                self.bytes += text.len() + 4;
                number
            }
        };
        match self.runs.last_mut() {
            Some((last, count)) if *last == number => *count += rows,
            _ => self.runs.push((number, rows)),
        }
        self.rows += rows;
    }

    /// About how many bytes the chunk has.
    pub fn size(&self) -> usize {
        self.bytes + 4 * self.runs.len()
    }

    /// The texts, each with the number of its rows, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, usize)> {
        self.runs.iter().map(|(number, rows)| (&*self.texts[*number as usize], *rows))
    }

    /// The chunk of an optional column, not compressed, and what the row group is told of it.
    pub fn encode(&self, column: &ColumnDescPtr) -> Result<(Bytes, ColumnCloseResult)> {
        let page = |bytes: Vec<u8>, values, encoding| EncodedPage {
            plain: bytes.len(),
            bytes: bytes.into(),
            values,
            encoding,
        };
        let mut told = Told {
            statistics: None,
            pages: None,
            text_bytes: Some(self.iter().map(|(text, rows)| (text.len() * rows) as i64).sum()),
        };
        if let Some([least, greatest]) = self.bounds() {
            let mut index = ColumnIndexBuilder::new(column.physical_type());
            index.append(false, least.into(), greatest.into(), 0, None);
            told.pages = Some(index);
            let [least, greatest] = [least, greatest].map(|text| Some(ByteArray::from(text)));
            told.statistics = Some(Statistics::byte_array(least, greatest, None, Some(0), false));
        }
        let chunk = Chunk {
            compression: Compression::UNCOMPRESSED,
            dictionary: Some(page(self.dictionary(), self.texts.len(), Encoding::PLAIN)),
            data: vec![page(self.data(), self.rows, Encoding::RLE_DICTIONARY)],
        };
        chunk.close(column, told)
    }

    fn bounds(&self) -> Option<[&str; 2]> {
        let (least, greatest) = (self.texts.iter().min()?, self.texts.iter().max()?);
        let are_short = least.len().max(greatest.len()) <= MAX_STATISTICS;
        are_short.then_some([least, greatest])
    }

    /// The texts, each with its length in front.
    fn dictionary(&self) -> Vec<u8> {
        let mut page = Vec::with_capacity(self.bytes);
        for text in &self.texts {
            page.extend_from_slice(&(text.len() as u32).to_le_bytes());
            page.extend_from_slice(text.as_bytes());
        }
        page
    }

    /// The levels, the width of the numbers in bits, the numbers.
    fn data(&self) -> Vec<u8> {
        let mut page = levels(self.rows, None);
        let width = width_of(self.texts.len().saturating_sub(1) as u64);
        page.push(width as u8);
        for (number, rows) in &self.runs {
            push_run(&mut page, *number, *rows, width);
        }
        page
    }
}

#[cfg(test)]
mod tests {
    use busta_core::Records;
    use busta_core::columns::{Column, Columns, Texts, Values};
    use proptest::prelude::*;

    use crate::{ParquetReader, ParquetWriter, Shape, WriteOptions};

    /// A batch of rows that all have one text, or each its own.
    fn batch(rows: usize, text: &str, differ: bool) -> Records {
        let list = vec![Column::new("n", Values::Ints((0..rows as i64).collect()))];
        let columns = Columns::of(rows, list).unwrap();
        if !differ {
            return Records::of_columns(columns.with("t", serde_json::json!(text).to_string()));
        }
        let mut texts = Texts::default();
        (0..rows).for_each(|row| texts.push(&format!("{text}{row}")));
        let list = columns.list().iter().cloned().chain([Column::new("t", Values::Texts(texts))]);
        Records::of_columns(Columns::of(rows, list.collect()).unwrap())
    }

    fn texts(records: &Records) -> impl Iterator<Item = serde_json::Value> {
        records.iter().map(|record| serde_json::from_slice(record).unwrap())
    }

    proptest! {
        #[test]
        fn texts_come_back_in_their_rows(
            batches in prop::collection::vec((1..300_usize, 0..200_u32, prop::bool::weighted(0.05)), 1..20),
            row_group_bytes in 1000..60_000_usize,
        ) {
            let batches: Vec<Records> = batches
                .into_iter()
                .map(|(rows, text, differ)| batch(rows, &"é".repeat(text as usize % 40 + usize::from(text > 190)), differ))
                .collect();
            let file = tempfile::tempfile().unwrap();
            let options = WriteOptions { row_group_bytes, ..WriteOptions::default() };
            let mut writer = ParquetWriter::create(&file, &Shape::of(&batches[0]), &options).unwrap();
            for records in &batches {
                prop_assert!(writer.take(records).unwrap());
            }
            writer.close().unwrap();
            let found: Vec<_> = ParquetReader::open(file.try_clone().unwrap()).unwrap().map(Result::unwrap).collect();
            let expected: Vec<_> = batches.iter().flat_map(texts).collect();
            prop_assert!(found.iter().flat_map(texts).eq(expected.iter().cloned()));
            // Pages before a row are found by their index.
            let mut reader = ParquetReader::open(file).unwrap();
            let from = expected.len() / 2;
            reader.skip_to(from as u64);
            let rest: Vec<_> = reader.map(Result::unwrap).collect();
            prop_assert!(rest.iter().flat_map(texts).eq(expected[from..].iter().cloned()));
        }
    }
}
