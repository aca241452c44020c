//! Column chunks whose pages are encoded here, and what the row group is told of them.

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, EncodingMask, PageType};
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::Result;
use parquet::file::metadata::{
    ColumnChunkMetaData, ColumnIndexBuilder, OffsetIndexBuilder, PageEncodingStats,
};
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;

/// A page as it is going to be in the file, without its header.
#[derive(Debug)]
pub(crate) struct EncodedPage {
    pub bytes: Bytes,
    /// Its size before it was compressed.
    pub plain: usize,
    /// How many values it has, nulls included.
    pub values: usize,
    pub encoding: Encoding,
}

/// The pages of an optional column that is not nested.
#[derive(Debug)]
pub(crate) struct Chunk {
    pub compression: Compression,
    pub dictionary: Option<EncodedPage>,
    pub data: Vec<EncodedPage>,
}

/// What is known of the values of a chunk.
pub(crate) struct Told {
    pub statistics: Option<Statistics>,
    /// The same of each page.
    pub pages: Option<ColumnIndexBuilder>,
    /// How long its texts are together, if it has any; then it has one page.
    pub text_bytes: Option<i64>,
}

impl Chunk {
    /// The chunk, and what the row group is told of it.
    pub fn close(self, column: &ColumnDescPtr, told: Told) -> Result<(Bytes, ColumnCloseResult)> {
        let (mut compressed, mut plain, mut rows) = (0, 0, 0);
        let mut encodings = vec![Encoding::RLE];
        let mut offset_index = OffsetIndexBuilder::new();
        let (mut stats, mut first_offset, mut dictionary_offset) = (Vec::new(), None, None);

        let size = self.data.iter().chain(&self.dictionary).map(|page| page.bytes.len() + 64).sum();
        let mut sink = TrackedWrite::new(Vec::with_capacity(size));
        let mut writer = SerializedPageWriter::new(&mut sink);
        let pages = self.dictionary.into_iter().map(|page| (page, true));
        for (page, is_dictionary) in pages.chain(self.data.into_iter().map(|page| (page, false))) {
            let EncodedPage { encoding, values, .. } = page;
            let written = writer.write_page(page.into_page(is_dictionary))?;
            compressed += written.compressed_size as i64;
            plain += written.uncompressed_size as i64;
            encodings.push(encoding);
            let page_type = if is_dictionary {
                dictionary_offset = Some(written.offset as i64);
                PageType::DICTIONARY_PAGE
            } else {
                first_offset.get_or_insert(written.offset as i64);
                rows += values;
                offset_index.append_row_count(values as i64);
                offset_index.append_offset_and_size(written.offset as i64, written.compressed_size as i32);
                offset_index.append_unencoded_byte_array_data_bytes(told.text_bytes);
                PageType::DATA_PAGE
            };
            note(&mut stats, page_type, encoding);
        }
        let mut metadata = ColumnChunkMetaData::builder(column.clone())
            .set_compression(self.compression)
            .set_encodings_mask(EncodingMask::new_from_encodings(encodings.iter()))
            .set_page_encoding_stats(stats)
            .set_total_compressed_size(compressed)
            .set_total_uncompressed_size(plain)
            .set_num_values(rows as i64)
            .set_dictionary_page_offset(dictionary_offset)
            .set_data_page_offset(first_offset.unwrap_or_default())
            .set_unencoded_byte_array_data_bytes(told.text_bytes);
        if let Some(statistics) = told.statistics {
            metadata = metadata.set_statistics(statistics);
        }
        let close = ColumnCloseResult {
            bytes_written: compressed as u64,
            rows_written: rows as u64,
            metadata: metadata.build()?,
            bloom_filter: None,
            column_index: told.pages.map(ColumnIndexBuilder::build).transpose()?,
            offset_index: Some(offset_index.build()),
        };
        Ok((sink.into_inner()?.into(), close))
    }
}

impl EncodedPage {
    fn into_page(self, is_dictionary: bool) -> CompressedPage {
        let (buf, num_values, encoding) = (self.bytes, self.values as u32, self.encoding);
        let page = if is_dictionary {
            Page::DictionaryPage { buf, num_values, encoding, is_sorted: false }
        } else {
            let (def_level_encoding, rep_level_encoding) = (Encoding::RLE, Encoding::RLE);
            let statistics = None;
            Page::DataPage { buf, num_values, encoding, def_level_encoding, rep_level_encoding, statistics }
        };
        CompressedPage::new(page, self.plain)
    }
}

/// Counts a page.
fn note(stats: &mut Vec<PageEncodingStats>, page_type: PageType, encoding: Encoding) {
    match stats.iter_mut().find(|known| known.page_type == page_type && known.encoding == encoding) {
        Some(known) => known.count += 1,
        None => stats.push(PageEncodingStats { page_type, encoding, count: 1 }),
    }
}
