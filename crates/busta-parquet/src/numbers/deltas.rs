//! Integers as their differences
//! ([`DELTA_BINARY_PACKED`](https://parquet.apache.org/docs/file-format/data-pages/encodings/#DELTAENC)).

use crate::hybrid::{pack, push_varint, width_of};

/// Differences are packed in blocks of so many, each of which has its own least one,
const BLOCK: usize = 128;
/// and parts of so many, each of which has its own width.
const PART: usize = 32;
const PARTS: usize = BLOCK / PART;

/// Appends integers.
pub(super) fn push_deltas(out: &mut Vec<u8>, values: &[i64]) {
    let [first, rest @ ..] = values else { return };
    push_varint(out, BLOCK as u64);
    push_varint(out, PARTS as u64);
    push_varint(out, values.len() as u64);
    push_zigzag(out, *first);
    let (mut before, mut deltas) = (*first, [0; BLOCK]);
    for block in rest.chunks(BLOCK) {
        for (delta, value) in deltas.iter_mut().zip(block) {
            *delta = value.wrapping_sub(before);
            before = *value;
        }
        push_block(out, &mut deltas[..block.len()]);
    }
}

fn push_block(out: &mut Vec<u8>, deltas: &mut [i64]) {
    let least = deltas.iter().copied().min().unwrap_or_default();
    deltas.iter_mut().for_each(|delta| *delta = delta.wrapping_sub(least));
    push_zigzag(out, least);
    let mut widths = [0; PARTS];
    for (width, part) in widths.iter_mut().zip(deltas.chunks(PART)) {
        *width = width_of(part.iter().fold(0, |all, delta| all | *delta as u64));
    }
    out.extend(widths.map(|width| width as u8));
    for (width, part) in widths.into_iter().zip(deltas.chunks(PART)) {
        let start = out.len();
        pack(out, part.iter().map(|delta| *delta as u64), width);
        // The last part is whole too.
        out.resize(start + PART / 8 * width as usize, 0);
    }
}

fn push_zigzag(out: &mut Vec<u8>, value: i64) {
    push_varint(out, (value << 1 ^ value >> 63) as u64);
}
