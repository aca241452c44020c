//! Small numbers as Parquet writes them: one behind the other in as few bits as they need, or as runs of one of them
//! (its [RLE / bit-packing hybrid](https://parquet.apache.org/docs/file-format/data-pages/encodings/#RLE)).

use arrow_buffer::NullBuffer;

/// The levels of a page, which say in which of its rows there is a value, with their length in front.
pub(crate) fn levels(rows: usize, present: Option<&NullBuffer>) -> Vec<u8> {
    let mut page = vec![0; 4];
    match present {
        None => push_run(&mut page, 1, rows, 1),
        Some(present) => push_packed(&mut page, present.iter().map(u64::from), 1),
    }
    let length = page.len() as u32 - 4;
    page[..4].copy_from_slice(&length.to_le_bytes());
    page
}

/// Appends a run of one number that has so many bits.
pub(crate) fn push_run(out: &mut Vec<u8>, number: u32, count: usize, width: u32) {
    // The lowest bit is 0 for a run.
    push_varint(out, (count as u64) << 1);
    out.extend_from_slice(&number.to_le_bytes()[..width.div_ceil(8) as usize]);
}

/// Appends numbers of so many bits, padded to groups of eight.
pub(crate) fn push_packed(out: &mut Vec<u8>, numbers: impl ExactSizeIterator<Item = u64>, width: u32) {
    let groups = numbers.len().div_ceil(8);
    // The lowest bit is 1 for what is no run.
    push_varint(out, (groups as u64) << 1 | 1);
    let start = out.len();
    pack(out, numbers, width);
    out.resize(start + groups * width as usize, 0);
}

/// Appends values of so many bits, one behind the other, from the lowest bit of a byte on.
pub(crate) fn pack(out: &mut Vec<u8>, values: impl Iterator<Item = u64>, width: u32) {
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

/// How many bits a number needs.
pub(crate) fn width_of(greatest: u64) -> u32 {
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
