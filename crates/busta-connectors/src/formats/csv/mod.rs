//! CSV (RFC 4180 and its relatives): rows become objects with typed values.

mod cutter;
mod header;
mod plain;
mod row;
mod rows;
mod value;

pub use cutter::CsvCutter;
pub use header::Header;
pub(crate) use plain::PlainRows;
pub(crate) use row::Row;
pub(crate) use rows::{Found, RowCutter};
pub(crate) use value::push_string;

/// How to read rows.
#[derive(Clone, Debug)]
pub struct CsvOptions {
    /// Between fields; `None` lets the first line tell.
    pub delimiter: Option<u8>,
    /// Around fields that hold delimiters or line breaks.
    pub quote: u8,
    /// Whether the first row holds the names.
    pub header: Header,
    /// The names, in place of those of the file.
    pub columns: Vec<String>,
    /// Texts that mean null, besides the empty one.
    pub null_values: Vec<String>,
    /// Whether numbers and booleans are recognised; if not, every value is text.
    pub typed: bool,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self {
            delimiter: None,
            quote: b'"',
            header: Header::Present,
            columns: Vec::new(),
            null_values: Vec::new(),
            typed: true,
        }
    }
}

/// The delimiter of the row in `line`: the one of comma, semicolon, tab and bar that it holds most
/// of, quoted parts left aside.
pub fn delimiter_of(line: &[u8]) -> Option<u8> {
    let mut counts = [(b',', 0usize), (b';', 0), (b'\t', 0), (b'|', 0)];
    let mut quoted = false;
    for &byte in line {
        quoted ^= byte == b'"';
        if !quoted {
            counts.iter_mut().filter(|(delimiter, _)| *delimiter == byte).for_each(|(_, count)| *count += 1);
        }
    }
    // The first of equals wins, so that a comma goes before the others.
    counts.iter().rev().max_by_key(|(_, count)| *count).filter(|(_, count)| *count > 0).map(|(byte, _)| *byte)
}
