//! Blocks: rows that are columns, as they wait in staging.
//!
//! A block is the rows of one batch: `u32` length of what follows the head, `u32` CRC-32 of that, then `u32`
//! rows, `u32` columns, and each column. A column is its name, a byte for the type of its values, the bits
//! that say where there are any (a bit for each row up to the last null), and the values: 8 bytes each for
//! integers, doubles (IEEE 754) and microseconds since 1970, a byte for booleans, and for texts, of JSON too, all
//! their bytes and where each ends (`u32`). Names, bits and texts have their length (`u32`) in front. All numbers
//! are little-endian.

use std::borrow::Cow;
use std::io::{self, IoSlice, Read, Write};
use std::path::Path;

use busta_core::columns::{Column, Columns, Nulls, Texts, Values};
use busta_core::{Records, Result};
use zerocopy::{Immutable, IntoBytes};

use super::keys::RowKey;
use super::segment::RowKeySpec;
use super::trouble::{corrupt, io_error};
use super::typed;

/// Length and CRC.
const HEAD: usize = 8;

const BOOLS: u8 = 0;
const INTS: u8 = 1;
const FLOATS: u8 = 2;
const TIMES: u8 = 3;
const TEXTS: u8 = 4;
const SAME: u8 = 5;
const RAW: u8 = 6;

/// The rows of a batch on their way into a block: the columns as they came, of which nothing is copied.
#[derive(Debug)]
pub(in crate::destinations) struct Block {
    records: Records,
    /// Columns that stand behind those of the records.
    own: Vec<Column>,
    head: [u8; HEAD],
    size: u64,
}

impl Block {
    /// The block of records that are columns, and of their `own` columns behind them; `None` if they are none.
    pub(super) fn of(records: Records, own: Vec<Column>) -> Option<Self> {
        records.columns()?;
        let mut block = Self { records, own, head: [0; HEAD], size: 0 };
        let pieces = Pieces::of(&block);
        let (mut crc, mut length) = (crc32fast::Hasher::new(), 0);
        for piece in pieces.slices() {
            crc.update(piece);
            length += piece.len();
        }
        let mut head = [0; HEAD];
        head[..4].copy_from_slice(&(length as u32).to_le_bytes());
        head[4..].copy_from_slice(&crc.finalize().to_le_bytes());
        (block.head, block.size) = (head, (length + HEAD) as u64);
        Some(block)
    }

    /// Its bytes on the disk.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// The bytes of memory that it keeps.
    pub(super) fn weight(&self) -> usize {
        self.records.weight()
    }

    /// How many rows there are.
    pub(in crate::destinations) fn rows(&self) -> usize {
        self.records.len()
    }

    /// All columns.
    pub(in crate::destinations) fn columns(&self) -> impl Iterator<Item = &Column> {
        self.records.columns().map_or(&[][..], Columns::list).iter().chain(&self.own)
    }

    /// About how many bytes of JSON its rows are.
    pub(in crate::destinations) fn bytes(&self) -> u64 {
        let own = self.own.iter().map(|column| match column.values() {
            // Quotes, a colon and a comma.
            Values::Same(raw) => column.name().len() + raw.len() + 4,
            _ => 0,
        });
        self.records.bytes() + (own.sum::<usize>() * self.rows()) as u64
    }

    /// The keys of its rows.
    pub(super) fn keys(&self, spec: &RowKeySpec) -> Vec<Result<RowKey, String>> {
        self.records.columns().map(|columns| typed::keys(spec, columns)).unwrap_or_default()
    }

    /// What is read of it.
    pub(super) fn read(&self) -> Records {
        let columns = Columns::of(self.rows(), self.columns().cloned().collect());
        columns.map(Records::of_columns).unwrap_or_default()
    }

    /// Appends it to a file.
    pub(super) fn write(&self, file: &mut impl Write) -> io::Result<()> {
        let pieces = Pieces::of(self);
        let slices = std::iter::once(&self.head[..]).chain(pieces.slices());
        write_all(file, &mut slices.map(IoSlice::new).collect::<Vec<_>>())
    }
}

/// Writes slices one behind the other, in as few calls as the system takes.
fn write_all(file: &mut impl Write, mut slices: &mut [IoSlice]) -> io::Result<()> {
    while !slices.is_empty() {
        match file.write_vectored(slices) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut slices, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// What stands in a block behind its head: values where they are, and all that lies between them.
#[derive(Default)]
struct Pieces<'a> {
    between: Vec<u8>,
    /// Values, and where in `between` what stands before them ends.
    values: Vec<(usize, Cow<'a, [u8]>)>,
}

impl<'a> Pieces<'a> {
    fn of(block: &'a Block) -> Self {
        let mut pieces = Self::default();
        pieces.count(block.rows());
        pieces.count(block.columns().count());
        block.columns().for_each(|column| pieces.column(column));
        pieces
    }

    fn slices(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.values.iter().map(|(end, _)| *end));
        let values = self.values.iter().zip(starts);
        let last = self.values.last().map_or(0, |(end, _)| *end);
        let both = values.flat_map(|((end, values), start)| [&self.between[start..*end], values]);
        both.chain([&self.between[last..]]).filter(|piece| !piece.is_empty())
    }

    fn column(&mut self, column: &'a Column) {
        self.bytes(column.name().as_bytes());
        self.between.push(match column.values() {
            Values::Bools(_) => BOOLS,
            Values::Ints(_) => INTS,
            Values::Floats(_) => FLOATS,
            Values::Times(_) => TIMES,
            Values::Texts(_) => TEXTS,
            Values::Raw(_) => RAW,
            Values::Same(_) => SAME,
        });
        self.bytes(column.nulls().present());
        match column.values() {
            Values::Bools(values) => self.words(values, |value| [u8::from(value)]),
            Values::Ints(values) | Values::Times(values) => self.words(values, i64::to_le_bytes),
            Values::Floats(values) => self.words(values, f64::to_le_bytes),
            Values::Texts(texts) | Values::Raw(texts) => {
                self.bytes(texts.bytes().as_bytes());
                self.words(texts.ends(), u32::to_le_bytes);
            }
            Values::Same(raw) => self.bytes(raw.as_bytes()),
        }
    }

    fn words<T: IntoBytes + Immutable + Copy, const N: usize>(
        &mut self,
        values: &'a [T],
        bytes: impl Fn(T) -> [u8; N],
    ) {
        self.values.push((
            self.between.len(),
            // In memory they are as in the file.
            if cfg!(target_endian = "little") {
                Cow::Borrowed(values.as_bytes())
            } else {
                Cow::Owned(values.iter().flat_map(|value| bytes(*value)).collect())
            },
        ));
    }

    fn bytes(&mut self, bytes: &'a [u8]) {
        self.count(bytes.len());
        self.values.push((self.between.len(), Cow::Borrowed(bytes)));
    }

    fn count(&mut self, count: usize) {
        // A batch is far below 4 GiB.
        self.between.extend_from_slice(&(count as u32).to_le_bytes());
    }
}

/// Reads the next block of `file`, of which `left` bytes are left; its records, and its size.
///
/// # Errors
/// If it cannot be read, or is no block.
pub(super) fn read(file: &mut impl Read, left: u64, path: &Path) -> Result<(Records, u64)> {
    let cut = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::UnexpectedEof => corrupt(path, "is shorter than what was committed"),
        _ => io_error("read", path, e),
    };
    let mut head = [0; HEAD];
    file.read_exact(&mut head).map_err(cut)?;
    let [length, crc] = [word(&head[..4]), word(&head[4..])];
    let size = u64::from(length) + HEAD as u64;
    if size > left {
        return Err(corrupt(path, "holds a block that is longer than what was committed"));
    }
    let mut block = vec![0; length as usize];
    file.read_exact(&mut block).map_err(cut)?;
    if crc32fast::hash(&block) != crc {
        return Err(corrupt(path, "holds a damaged block"));
    }
    let columns =
        decode(&block).ok_or_else(|| corrupt(path, "holds a block that nobody can have written"))?;
    Ok((Records::of_columns(columns), size))
}

/// All blocks of a file, page by page.
pub(super) fn pages(file: std::fs::File, bytes: u64, path: &Path) -> super::Pages {
    let mut file = std::io::BufReader::new(file);
    let (mut left, path) = (bytes, path.to_owned());
    Box::new(std::iter::from_fn(move || {
        if left == 0 {
            return None;
        }
        let page = read(&mut file, left, &path);
        // Nothing can be read behind an error.
        left -= page.as_ref().map_or(left, |(_, size)| *size);
        Some(page.map(|(records, _)| records))
    }))
}

fn decode(mut block: &[u8]) -> Option<Columns> {
    let input = &mut block;
    let (rows, count) = (take_count(input)?, take_count(input)?);
    let list = (0..count).map(|_| take_column(input, rows)).collect::<Option<Vec<_>>>()?;
    Columns::of(rows, list).filter(|_| input.is_empty())
}

fn take_column(input: &mut &[u8], rows: usize) -> Option<Column> {
    let name = str::from_utf8(take_bytes(input)?).ok()?;
    let tag = take(input, 1)?[0];
    let nulls = Nulls::of(take_bytes(input)?.to_vec());
    let values = match tag {
        BOOLS => Values::Bools(take(input, rows)?.iter().map(|byte| *byte != 0).collect()),
        INTS => Values::Ints(take_words(input, rows, i64::from_le_bytes)?),
        FLOATS => Values::Floats(take_words(input, rows, f64::from_le_bytes)?),
        TIMES => Values::Times(take_words(input, rows, i64::from_le_bytes)?),
        TEXTS => Values::Texts(take_texts(input, rows)?),
        RAW => Values::Raw(take_texts(input, rows)?),
        SAME => Values::Same(str::from_utf8(take_bytes(input)?).ok()?.into()),
        _ => return None,
    };
    Some(Column::new(name, values).with_nulls(nulls))
}

fn take_texts(input: &mut &[u8], rows: usize) -> Option<Texts> {
    let bytes = String::from_utf8(take_bytes(input)?.to_vec()).ok()?;
    Texts::of(bytes, take_words(input, rows, u32::from_le_bytes)?)
}

fn take_words<T, const N: usize>(
    input: &mut &[u8],
    rows: usize,
    value: impl Fn([u8; N]) -> T,
) -> Option<Vec<T>> {
    let (words, _) = take(input, rows.checked_mul(N)?)?.as_chunks::<N>();
    Some(words.iter().map(|word| value(*word)).collect())
}

fn take_bytes<'a>(input: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = take_count(input)?;
    take(input, length)
}

fn take_count(input: &mut &[u8]) -> Option<usize> {
    Some(word(take(input, 4)?) as usize)
}

fn take<'a>(input: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = input.split_at_checked(length)?;
    *input = rest;
    Some(taken)
}

/// The number that 4 bytes say.
fn word(bytes: &[u8]) -> u32 {
    u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

#[cfg(test)]
mod tests {
    use busta_core::columns::Cell;
    use proptest::prelude::*;

    use super::*;

    fn columns(rows: &[(Option<i64>, Option<String>, bool)]) -> Columns {
        let mut columns = Columns::new(vec![
            Column::new("n", Values::Ints(vec![])),
            Column::new("t", Values::Texts(Texts::default())),
            Column::new("b", Values::Bools(vec![])),
            Column::new("at", Values::Times(vec![])),
            Column::new("f", Values::Floats(vec![])),
            Column::new("r", Values::Raw(Texts::default())),
        ]);
        for (number, text, flag) in rows {
            columns.column_mut(0).push(number.map_or(Cell::Null, Cell::Int));
            columns.column_mut(1).push(text.as_deref().map_or(Cell::Null, Cell::Text));
            columns.column_mut(2).push(Cell::Bool(*flag));
            columns.column_mut(3).push(number.map_or(Cell::Null, |n| Cell::Time(n >> 16)));
            columns.column_mut(4).push(number.map_or(Cell::Null, |n| Cell::Float(n as f64)));
            columns.column_mut(5).push(if *flag { Cell::Raw("[1]") } else { Cell::Null });
            columns.end_row();
        }
        columns
    }

    fn read_back(blocks: &[u8]) -> Result<Vec<Columns>> {
        let path = Path::new("1.columns");
        let (mut input, mut found) = (blocks, Vec::new());
        while !input.is_empty() {
            let left = input.len() as u64;
            found.push(read(&mut input, left, path)?.0.columns().cloned().unwrap());
        }
        Ok(found)
    }

    proptest! {
        #[test]
        fn columns_come_back_as_they_were(
            rows in prop::collection::vec(any::<(Option<i64>, Option<String>, bool)>(), 0..30),
            at in any::<prop::sample::Index>(),
            bit in 0..8_u32,
        ) {
            let first = columns(&rows);
            let own = [Column::new("_busta_run", Values::Same("\"R\"".into()))];
            let block = |own| Block::of(Records::of_columns(first.clone()), own).unwrap();
            let (with_own, without) = (block(own.to_vec()), block(vec![]));
            let mut blocks = Vec::new();
            with_own.write(&mut blocks).unwrap();
            prop_assert_eq!(with_own.size(), blocks.len() as u64);
            without.write(&mut blocks).unwrap();
            prop_assert_eq!(with_own.read().columns().cloned().unwrap(), first.clone().with("_busta_run", "\"R\""));
            let found = read_back(&blocks).unwrap();
            prop_assert_eq!(&found, &[first.clone().with("_busta_run", "\"R\""), first]);
            let at = at.index(blocks.len());
            prop_assert!(read_back(&blocks[..at]).is_err() || at == 0 || read_back(&blocks[..at]).unwrap().len() == 1);
            blocks[at] ^= 1 << bit;
            prop_assert!(read_back(&blocks).is_err());
        }

        #[test]
        fn any_bytes_have_an_answer(bytes: Vec<u8>) {
            let _ = decode(&bytes);
        }
    }
}
