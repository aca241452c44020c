//! Blocks: rows that are columns, as they wait in staging.
//!
//! A block is the rows of one batch: `u32` length of what follows the head, `u32` CRC-32 of that, then `u32`
//! rows, `u32` columns, and each column. A column is its name, a byte for the type of its values, the bits
//! that say where there are any (a bit for each row up to the last null), and the values: 8 bytes each for
//! integers, doubles (IEEE 754) and microseconds since 1970, a byte for booleans, and for texts, of JSON too, all
//! their bytes and where each ends (`u32`). Names, bits and texts have their length (`u32`) in front. All numbers
//! are little-endian.

use std::io::Read;
use std::path::Path;

use busta_core::columns::{Column, Columns, Nulls, Texts, Values};
use busta_core::{Records, Result};

use super::trouble::{corrupt, io_error};

/// Length and CRC.
const HEAD: usize = 8;

const BOOLS: u8 = 0;
const INTS: u8 = 1;
const FLOATS: u8 = 2;
const TIMES: u8 = 3;
const TEXTS: u8 = 4;
const SAME: u8 = 5;
const RAW: u8 = 6;

/// The block that holds these columns, and `more` behind them.
pub(super) fn encode(columns: &Columns, more: &[Column]) -> Vec<u8> {
    let all = columns.list().len() + more.len();
    let mut out = Vec::with_capacity(columns.weight() + 64 * all);
    out.extend_from_slice(&[0; HEAD]);
    push_count(&mut out, columns.rows());
    push_count(&mut out, all);
    for column in columns.list().iter().chain(more) {
        push_column(&mut out, column);
    }
    let length = (out.len() - HEAD) as u32;
    let crc = crc32fast::hash(&out[HEAD..]);
    out[..4].copy_from_slice(&length.to_le_bytes());
    out[4..HEAD].copy_from_slice(&crc.to_le_bytes());
    out
}

fn push_column(out: &mut Vec<u8>, column: &Column) {
    push_bytes(out, column.name().as_bytes());
    let (tag, words) = match column.values() {
        Values::Bools(_) => (BOOLS, None),
        Values::Ints(values) => (INTS, Some(values)),
        Values::Floats(_) => (FLOATS, None),
        Values::Times(values) => (TIMES, Some(values)),
        Values::Texts(_) => (TEXTS, None),
        Values::Raw(_) => (RAW, None),
        Values::Same(_) => (SAME, None),
    };
    out.push(tag);
    push_bytes(out, column.nulls().present());
    match column.values() {
        Values::Bools(values) => out.extend(values.iter().map(|value| u8::from(*value))),
        Values::Floats(values) => push_words(out, values, |value| value.to_le_bytes()),
        Values::Texts(texts) | Values::Raw(texts) => {
            push_bytes(out, texts.bytes().as_bytes());
            push_words(out, texts.ends(), |end| end.to_le_bytes());
        }
        Values::Same(raw) => push_bytes(out, raw.as_bytes()),
        Values::Ints(_) | Values::Times(_) => {
            push_words(out, words.map_or(&[], Vec::as_slice), |value| value.to_le_bytes());
        }
    }
}

fn push_words<T: Copy, const N: usize>(out: &mut Vec<u8>, values: &[T], bytes: impl Fn(T) -> [u8; N]) {
    let start = out.len();
    out.resize(start + values.len() * N, 0);
    let (places, _) = out[start..].as_chunks_mut::<N>();
    for (place, value) in places.iter_mut().zip(values) {
        *place = bytes(*value);
    }
}

fn push_count(out: &mut Vec<u8>, count: usize) {
    // A batch is far below 4 GiB.
    out.extend_from_slice(&(count as u32).to_le_bytes());
}

fn push_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    push_count(out, bytes.len());
    out.extend_from_slice(bytes);
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
            let mut blocks = encode(&first, &own);
            blocks.extend(encode(&first, &[]));
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
