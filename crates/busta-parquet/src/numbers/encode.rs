//! How the values of a chunk are written: by numbers of a dictionary, as differences, with their bytes apart, or as
//! they are.

use parquet::basic::Encoding;

use super::deltas::push_deltas;
use super::dictionary::Dictionary;
use super::kind::Kind;
use crate::hybrid::{pack, push_packed, width_of};

/// The encoding of a chunk's pages.
pub(super) struct Encoder {
    kind: Kind,
    /// Kept with the pages that use it when it takes no more values.
    dictionary: Option<Dictionary>,
    is_open: bool,
}

impl Encoder {
    pub fn new(kind: Kind) -> Self {
        Self { kind, dictionary: None, is_open: kind != Kind::Bool }
    }

    /// Appends the values of a page, and says how they are written.
    pub fn encode(&mut self, values: &[i64], out: &mut Vec<u8>) -> Encoding {
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
            out.push(width as u8);
            push_packed(out, numbers.iter().map(|number| u64::from(*number)), width);
        } else if is_first {
            self.dictionary = None;
        }
        self.is_open
    }

    /// How many values the dictionary has, if there is one, and its page.
    pub fn dictionary(&self) -> Option<(usize, Vec<u8>)> {
        let values = self.dictionary.as_ref()?.values();
        Some((values.len(), values.iter().flat_map(|value| value.to_le_bytes()).collect()))
    }
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
