//! Many rows at once: where the fields of plain rows end.
//!
//! Nearly all rows of files of numbers are plain: lines of ASCII without a quote, each with as many fields as there are
//! columns. In such rows every delimiter and every line break ends a field, so one look at the text finds them all, by
//! 64 bytes at a time. Where a row is anything else, the look ends before it.

/// A byte in each of eight.
const EACH: u64 = 0x0101_0101_0101_0101;
/// The highest bit of each of eight bytes.
const TOP: u64 = EACH << 7;

/// Plain rows that stand one behind the other, and their fields.
#[derive(Debug, Default)]
pub(crate) struct PlainRows {
    /// Where fields end, row by row.
    ends: Vec<u32>,
    /// The fields of a row.
    fields: usize,
    rows: usize,
}

impl PlainRows {
    /// Finds the plain rows of so many fields at the front of `text`, which is less than 4 GiB. Whether they go on to
    /// its end: no other row was met, but for one that may not be all there.
    pub fn find(&mut self, text: &[u8], fields: usize, delimiter: u8, quote: u8) -> bool {
        self.ends.clear();
        (self.fields, self.rows) = (fields, 0);
        // An empty line is no row, though it could be one of a single field.
        let mut is_through = fields > 1 && delimiter.is_ascii() && quote.is_ascii();
        let mut start = 0;
        while is_through && start < text.len() {
            let block = block(text, start);
            let strange = |word| top(word) | equal(word, quote);
            let mut ends = marks(&block, |word| equal(word, delimiter) | equal(word, b'\n'));
            if words(&block).fold(0, |any, word| any | strange(word)) != 0 {
                is_through = false;
                ends &= (1 << marks(&block, strange).trailing_zeros()) - 1;
            }
            is_through &= self.note(text, start, ends);
            start += block.len();
        }
        self.ends.truncate(self.rows * fields);
        is_through
    }

    /// Notes that fields end at these places of a block; whether all rows are plain.
    #[inline]
    fn note(&mut self, text: &[u8], start: usize, mut ends: u64) -> bool {
        while ends != 0 {
            let at = start + ends.trailing_zeros() as usize;
            ends &= ends - 1;
            self.ends.push(at as u32);
            if text[at] == b'\n' {
                if self.ends.len() != (self.rows + 1) * self.fields {
                    return false;
                }
                self.rows += 1;
            }
        }
        true
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// How many bytes the first so many rows take.
    pub fn length(&self, rows: usize) -> usize {
        match rows.checked_sub(1) {
            Some(last) => self.end(last, self.fields - 1) + 1,
            None => 0,
        }
    }

    /// Where a row is in the text, its line break included.
    pub fn row(&self, row: usize) -> std::ops::Range<usize> {
        self.length(row)..self.length(row + 1)
    }

    /// Where the fields of a column start and end in the text that was looked at, in the first so many rows.
    pub fn column<'a>(
        &'a self,
        text: &'a [u8],
        field: usize,
        rows: usize,
    ) -> impl Iterator<Item = (usize, usize)> + Clone + 'a {
        let is_last = field + 1 == self.fields;
        self.ends[..rows * self.fields].chunks_exact(self.fields).scan(0, move |next, ends| {
            let start = if field == 0 { *next } else { ends[field - 1] as usize + 1 };
            let mut end = ends[field] as usize;
            *next = ends[self.fields - 1] as usize + 1;
            // The first half of a CR LF.
            if is_last && end > start && text[end - 1] == b'\r' {
                end -= 1;
            }
            Some((start, end))
        })
    }

    fn end(&self, row: usize, field: usize) -> usize {
        self.ends[row * self.fields + field] as usize
    }
}

/// The 64 bytes from a place on, as words. Behind the end of the text there are zeros.
#[inline]
fn block(text: &[u8], start: usize) -> [u8; 64] {
    let rest = &text[start..];
    if let Some(block) = rest.first_chunk() {
        return *block;
    }
    let mut block = [0; 64];
    block[..rest.len()].copy_from_slice(rest);
    block
}

#[inline]
fn words(block: &[u8; 64]) -> impl DoubleEndedIterator<Item = u64> {
    block.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word))
}

/// A bit for each byte of a block; `of` gives those of a word as the highest bits of its bytes.
#[inline]
fn marks(block: &[u8; 64], of: impl Fn(u64) -> u64) -> u64 {
    /// Moves the lowest bits of eight bytes next to each other, into the highest byte.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    words(block).rev().fold(0, |marks, word| marks << 8 | (of(word) >> 7).wrapping_mul(GATHER) >> 56)
}

/// Marks the bytes that are not ASCII.
#[inline]
fn top(word: u64) -> u64 {
    word & TOP
}

/// Marks the bytes that are `byte`, which is ASCII. One that is not ASCII may be marked wrongly, and what follows it.
#[inline]
fn equal(word: u64, byte: u8) -> u64 {
    // What differs has a bit that carries into the highest.
    let differs = word ^ (EACH * u64::from(byte));
    !differs.wrapping_add(!TOP) & TOP
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::row::Row;
    use super::*;

    /// The fields of the plain rows at the front, found one by one.
    fn one_by_one(text: &[u8], fields: usize) -> Vec<Vec<&[u8]>> {
        let (mut row, mut start, mut rows) = (Row::default(), 0, Vec::new());
        while let Some(length) = row.cut(&text[start..], false, b',', b'"') {
            let (line, is_blank) = (&text[start..start + length], row.is_blank(&text[start..]));
            if !line.is_ascii() || line.contains(&b'"') || row.len() != fields || is_blank {
                break;
            }
            rows.push(row.spans().unwrap().map(|span| &line[span]).collect());
            start += length;
        }
        rows
    }

    fn all_at_once(text: &[u8], fields: usize) -> Vec<Vec<&[u8]>> {
        let mut found = PlainRows::default();
        found.find(text, fields, b',', b'"');
        let mut rows = vec![Vec::new(); found.rows()];
        for field in 0..fields {
            for (row, (start, end)) in found.column(text, field, found.rows()).enumerate() {
                rows[row].push(&text[start..end]);
            }
        }
        for row in 0..found.rows() {
            assert_eq!(found.length(row + 1), found.row(row).end);
            assert!(text[found.row(row)].ends_with(b"\n"));
        }
        rows
    }

    #[test]
    fn a_look_ends_before_a_row_that_is_not_plain() {
        let mut found = PlainRows::default();
        for (text, rows, is_through) in [
            ("a,b\r\n1,2\n", 2, true),
            ("a,b\n1,2", 1, true),
            ("a,b\n1\n1,2\n", 1, false),
            ("a,b\n1,2,3\n1,2\n", 1, false),
            ("a,b\n\n1,2\n", 1, false),
            ("a,b\n1,\"2\"\n", 1, false),
            ("a,b\n1,é\n", 1, false),
            ("", 0, true),
        ] {
            assert_eq!(
                (found.find(text.as_bytes(), 2, b',', b'"'), found.rows()),
                (is_through, rows),
                "{text:?}"
            );
        }
        assert!(!found.find(b"a\nb\n", 1, b',', b'"'), "an empty line would be a row");
    }

    proptest! {
        #[test]
        fn plain_rows_are_found_as_one_by_one(
            rows in "(([0-9.]{0,9},){2}[a-z]{0,20}\r?\n){0,12}",
            strange in "[,\"\né\r\u{1}a\u{ac}]{0,2}|([a-z]{0,3},){1,3}\n",
            more in "(([0-9.]{0,9},){2}[a-z]{0,20}\r?\n){0,6}",
            fields in 2..5usize,
        ) {
            let text = [rows, strange, more].concat();
            prop_assert_eq!(all_at_once(text.as_bytes(), fields), one_by_one(text.as_bytes(), fields));
        }

        #[test]
        fn bytes_of_all_kinds_are_no_trouble(text in prop::collection::vec(prop_oneof![any::<u8>(), Just(b','), Just(b'\n')], 0..300)) {
            prop_assert_eq!(all_at_once(&text, 3), one_by_one(&text, 3));
        }
    }
}
