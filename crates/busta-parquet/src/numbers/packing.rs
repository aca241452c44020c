//! Integers in as few bits as they need, as Parquet's
//! [encodings](https://parquet.apache.org/docs/file-format/data-pages/encodings/) have them.

/// Differences are packed in blocks of so many, each of which has its own least one,
const BLOCK: usize = 128;
/// and parts of so many, each of which has its own width.
const PART: usize = 32;
const PARTS: usize = BLOCK / PART;

/// Appends values of so many bits, one behind the other, from the lowest bit of a byte on.
pub(super) fn pack(out: &mut Vec<u8>, values: impl Iterator<Item = u64>, width: u32) {
    let (mut word, mut used) = (0_u64, 0);
    for value in values {
        word |= value << used;
        used += width;
        if used >= u64::BITS {
            out.extend_from_slice(&word.to_le_bytes());
            used -= u64::BITS;
            // What there was no room for.
            word = if used == 0 { 0 } else { value >> (width - used) };
        }
    }
    out.extend_from_slice(&word.to_le_bytes()[..used.div_ceil(8) as usize]);
}

/// Appends the numbers of a dictionary's values, with their width in front: one bit-packed run of the hybrid with RLE.
pub(super) fn push_numbers(out: &mut Vec<u8>, numbers: &[u16], width: u32) {
    out.push(width as u8);
    push_packed_run(out, numbers.len(), width, |out| {
        pack(out, numbers.iter().map(|number| u64::from(*number)), width);
    });
}

/// Appends a bit-packed run, which is padded to groups of eight.
pub(super) fn push_packed_run(
    out: &mut Vec<u8>,
    values: usize,
    width: u32,
    values_into: impl FnOnce(&mut Vec<u8>),
) {
    let groups = values.div_ceil(8);
    // The lowest bit is 1 for such a run.
    push_varint(out, (groups as u64) << 1 | 1);
    let start = out.len();
    values_into(out);
    out.resize(start + groups * width as usize, 0);
}

/// Appends integers as their differences (`DELTA_BINARY_PACKED`).
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

/// How many bits a number needs.
pub(super) fn width_of(greatest: u64) -> u32 {
    u64::BITS - greatest.leading_zeros()
}

/// Appends a number in groups of 7 bits, the lowest first (ULEB128).
pub(crate) fn push_varint(out: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn push_zigzag(out: &mut Vec<u8>, value: i64) {
    push_varint(out, (value << 1 ^ value >> 63) as u64);
}
