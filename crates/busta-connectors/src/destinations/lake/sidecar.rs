//! Sidecars: the keys of a segment's rows, kept beside it (`_busta/keys/<n>`), so that a merge need not read the
//! rows.
//!
//! A sidecar begins with a digest of the [`RowKeySpec`] it was made for (8 bytes); then comes a block for each
//! batch, of whose rows no two have the same key: `u32` length of the rest, `u32` rows, `u32` CRC-32 of the body
//! (all little-endian), body. The body begins with a byte of flags: 1 if the [`Span`] of the keys follows, 2 if entries
//! do, 4 if the cursors are numbers. A batch in the order of its keys needs no more than its span: who wants one of
//! them reads the rows ([`RowKeys`](super::merge::RowKeys)).
//!
//! An entry, one for each row, is 16 bytes of hash, 8 bytes of content hash, a tag, and the cursor: nothing (0),
//! `i64` (1), `f64` (2), `u32` length and UTF-8 (3).
//!
//! A sidecar is used only if its blocks are whole and hold as many rows as the segment. In staging it is never
//! synced: it can be done without, at the price of reading the rows. Those of version 3, whose bodies were entries
//! and nothing else, are read as well.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use busta_core::Result;
use sha2::{Digest, Sha256};

use super::keys::RowKey;
use super::segment::RowKeySpec;
use super::span::Span;
use super::trouble::{corrupt, io_error};

/// The version of the blocks.
const VERSION: u8 = 4;
/// The one before, of bodies without their first byte.
const ENTRIES_ONLY: u8 = 3;

/// The body holds a span,
const SPAN: u8 = 1;
/// and entries.
const ENTRIES: u8 = 2;

/// Its rows have numbers as cursors.
const NUMBERS: u8 = 4;

/// The body of a block of rows, of which there are some: with entries, or, if there are none, the kind of the cursors.
pub(super) fn body(span: Option<&Span>, entries: &[u8], number_cursors: bool) -> Vec<u8> {
    let mut body = Vec::with_capacity(entries.len() + 64);
    let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
    body.push(
        flag(span.is_some(), SPAN) | flag(!entries.is_empty(), ENTRIES) | flag(number_cursors, NUMBERS),
    );
    span.iter().for_each(|span| span.encode(&mut body));
    body.extend_from_slice(entries);
    body
}

/// One block of a sidecar.
pub(super) fn block(body: &[u8], rows: u32) -> Vec<u8> {
    let mut block = Vec::with_capacity(body.len() + 12);
    block.extend_from_slice(&(body.len() as u32 + 8).to_le_bytes());
    block.extend_from_slice(&rows.to_le_bytes());
    block.extend_from_slice(&crc32fast::hash(body).to_le_bytes());
    block.extend_from_slice(body);
    block
}

/// What a sidecar for `spec` begins with.
pub(super) fn head(spec: &RowKeySpec) -> [u8; 8] {
    head_of(spec, VERSION)
}

fn head_of(spec: &RowKeySpec, version: u8) -> [u8; 8] {
    let mut hash = Sha256::new();
    hash.update([version]);
    for field in spec.fields.iter().chain(&spec.cursor) {
        hash.update((field.len() as u64).to_le_bytes());
        hash.update(field);
    }
    hash.update([u8::from(spec.cursor.is_some())]);
    // What is ignored does not count here: where it has changed, each row that comes again counts as changed, once.
    let mut head = [0; 8];
    head.copy_from_slice(&hash.finalize()[..8]);
    head
}

/// Opens a sidecar for more blocks, cut behind the block that completes `rows`; `None` if it does
/// not hold exactly those, or is of an earlier version.
pub(super) fn reopen(path: &Path, spec: &RowKeySpec, rows: u64) -> Result<Option<File>> {
    let Some(reader) = SidecarReader::begin(path, spec)? else { return Ok(None) };
    let Some(length) = reader.length_of(rows)?.filter(|(_, version)| *version == VERSION) else {
        return Ok(None);
    };
    let file = OpenOptions::new().append(true).open(path).map_err(|e| io_error("open", path, e))?;
    file.set_len(length.0).map_err(|e| io_error("cut", path, e))?;
    Ok(Some(file))
}

/// Reads a sidecar from its beginning, block by block.
pub(super) struct SidecarReader {
    input: BufReader<File>,
    version: u8,
    fields: usize,
    /// The body of the block under way, and how much of it is done.
    body: Vec<u8>,
    at: usize,
    path: PathBuf,
}

/// What a block says of its rows, entries aside.
pub(super) struct Block {
    pub(super) rows: u64,
    pub(super) span: Option<Span>,
    /// Whether there are [entries](SidecarReader::entry).
    pub(super) has_entries: bool,
    pub(super) number_cursors: bool,
}

impl Block {
    /// Rows of which nothing is known.
    pub(super) fn unknown(rows: u64) -> Self {
        Self { rows, span: None, has_entries: false, number_cursors: false }
    }

    /// Which fields of the key were numbers in these rows, and behind them whether the cursor was.
    pub(super) fn numbers(&self, spec: &RowKeySpec) -> Vec<bool> {
        let is_number = |place| self.span.as_ref().is_some_and(|span| span.is_number(place));
        (0..spec.fields.len()).map(is_number).chain([self.number_cursors]).collect()
    }
}

impl SidecarReader {
    /// `None` if there is none for `spec`.
    fn begin(path: &Path, spec: &RowKeySpec) -> Result<Option<Self>> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(io_error("open", path, e)),
        };
        let mut input = BufReader::with_capacity(1 << 16, file);
        let mut found = [0; 8];
        let is_read = input.read_exact(&mut found).is_ok();
        let version =
            [VERSION, ENTRIES_ONLY].into_iter().find(|version| is_read && found == head_of(spec, *version));
        let fields = spec.fields.len();
        Ok(version.map(|version| Self {
            input,
            version,
            fields,
            body: Vec::new(),
            at: 0,
            path: path.to_owned(),
        }))
    }

    /// How long it is up to the end of `rows`, and its version; `None` if it does not hold exactly those.
    fn length_of(mut self, rows: u64) -> Result<Option<(u64, u8)>> {
        let (mut seen, mut length) = (0, 8);
        while seen < rows
            && let Some((block_rows, size)) = self.load()?
        {
            seen += u64::from(block_rows);
            length += size;
        }
        Ok((seen == rows).then_some((length, self.version)))
    }

    /// Opens a sidecar that holds the keys of `rows` rows by `spec`; `None` if there is none.
    pub(super) fn open(path: &Path, spec: &RowKeySpec, rows: u64) -> Result<Option<Self>> {
        let Some(reader) = Self::begin(path, spec)? else { return Ok(None) };
        match reader.length_of(rows)? {
            Some(_) => Self::begin(path, spec),
            None => Ok(None),
        }
    }

    /// Loads the next whole block: its rows and its size on the disk. `None` at the end, or where the
    /// file is damaged.
    fn load(&mut self) -> Result<Option<(u32, u64)>> {
        let mut head = [0; 12];
        if self.input.read_exact(&mut head).is_err() {
            return Ok(None);
        }
        let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let (length, rows, crc) = (word(0), word(4), word(8));
        self.body.clear();
        self.at = 0;
        let size = u64::from(length.saturating_sub(8));
        let read = (&mut self.input).take(size).read_to_end(&mut self.body);
        let whole = length >= 8 && read.is_ok_and(|n| n as u64 == size);
        Ok((whole && crc32fast::hash(&self.body) == crc).then_some((rows, 12 + size)))
    }

    /// The next block.
    pub(super) fn block(&mut self) -> Result<Block> {
        let Some((rows, _)) = self.load()? else {
            return Err(corrupt(&self.path, "ends before its segment"));
        };
        let mut block = Block { has_entries: true, ..Block::unknown(rows.into()) };
        if self.version == VERSION {
            let mut rest = &self.body[..];
            let (flags, span) = Self::split(&mut rest, self.fields)
                .ok_or_else(|| corrupt(&self.path, "holds an unknown block"))?;
            self.at = self.body.len() - rest.len();
            let [has_entries, number_cursors] = [ENTRIES, NUMBERS].map(|flag| flags & flag != 0);
            block = Block { span, has_entries, number_cursors, ..block };
        }
        Ok(block)
    }

    fn split(body: &mut &[u8], fields: usize) -> Option<(u8, Option<Span>)> {
        let (flags, rest) = body.split_first()?;
        *body = rest;
        let span = if flags & SPAN != 0 { Some(Span::decode(body, fields)?) } else { None };
        Some((*flags, span))
    }

    /// The next entry of the block.
    pub(super) fn entry(&mut self) -> Result<RowKey> {
        let mut rest = &self.body[self.at..];
        let key = RowKey::decode(&mut rest).ok_or_else(|| corrupt(&self.path, "holds an unknown entry"))?;
        self.at = self.body.len() - rest.len();
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use busta_core::columns::{Column, Columns, Values};

    use super::*;

    fn spec() -> RowKeySpec {
        RowKeySpec {
            fields: vec!["symbol".into(), "id".into()],
            optional: vec![],
            cursor: None,
            ignored: vec![],
        }
    }

    fn key(content: u64) -> RowKey {
        RowKey { hash: u128::from(content) << 70, content, cursor: None }
    }

    fn entries(contents: std::ops::Range<u64>) -> Vec<u8> {
        let mut entries = Vec::new();
        contents.for_each(|content| key(content).encode(&mut entries));
        entries
    }

    fn write(head: [u8; 8], blocks: &[Vec<u8>]) -> tempfile::TempPath {
        let path = tempfile::NamedTempFile::new().unwrap().into_temp_path();
        std::fs::write(&path, [&head[..], &blocks.concat()].concat()).unwrap();
        path
    }

    #[test]
    fn blocks_come_back_with_and_without_entries() {
        let columns = Columns::of(9, vec![Column::new("id", Values::Ints((10..19).collect()))]).unwrap();
        let span = Span::of(&spec(), &columns.with("symbol", "\"BTC\"")).unwrap().span;
        let blocks = [
            block(&body(Some(&span), &[], true), 9),
            block(&body(None, &entries(0..3), false), 3),
            block(&body(Some(&span), &entries(3..5), false), 2),
        ];
        let path = write(head(&spec()), &blocks);
        assert!(SidecarReader::open(&path, &spec(), 15).unwrap().is_none(), "there are 14");
        let mut reader = SidecarReader::open(&path, &spec(), 14).unwrap().unwrap();
        let first = reader.block().unwrap();
        assert_eq!((first.rows, &first.span, first.has_entries), (9, &Some(span.clone()), false));
        assert_eq!(first.numbers(&spec()), [false, true, true]);
        let second = reader.block().unwrap();
        assert_eq!((second.rows, second.span, second.has_entries), (3, None, true));
        assert_eq!(reader.entry().unwrap(), key(0));
        // What is left of a block is passed over.
        assert_eq!(reader.block().unwrap().span, Some(span));
        assert_eq!([reader.entry().unwrap(), reader.entry().unwrap()], [key(3), key(4)]);
        assert!(reader.block().is_err());
        // Cut to its first two blocks, it goes on from there.
        drop(reopen(&path, &spec(), 12).unwrap().unwrap());
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 8 + (blocks[0].len() + blocks[1].len()) as u64);
    }

    #[test]
    fn the_version_before_is_read() {
        let path =
            write(head_of(&spec(), ENTRIES_ONLY), &[block(&entries(0..3), 3), block(&entries(3..5), 2)]);
        let mut reader = SidecarReader::open(&path, &spec(), 5).unwrap().unwrap();
        for keys in [0..3, 3..5] {
            let block = reader.block().unwrap();
            assert_eq!((block.span, block.has_entries), (None, true));
            keys.for_each(|content| assert_eq!(reader.entry().unwrap(), key(content)));
        }
        assert!(reopen(&path, &spec(), 5).unwrap().is_none(), "it is not written on");
    }
}
