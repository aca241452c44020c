//! Deflate (RFC 1951) with the fixed codes: so simple that the place of each row in the compressed bytes is known.

/// The shortest match that is worth its bits, which are about 20.
const SHORTEST: usize = 4;
/// The longest match that the general form of lengths can say; 258 would be a case of its own.
const LONGEST: usize = 257;

/// Bits on their way into bytes: the lowest first, the codes of symbols from their highest bit on.
#[derive(Default)]
pub(super) struct Bits {
    bytes: Vec<u8>,
    waiting: u64,
    count: u32,
}

impl Bits {
    /// Goes on behind the `count` lowest bits of a byte.
    pub(super) fn behind(byte: u8, count: u32) -> Self {
        Self { bytes: Vec::new(), waiting: u64::from(byte) & ((1 << count) - 1), count }
    }

    /// How many bits there are.
    pub(super) fn len(&self) -> usize {
        self.bytes.len() * 8 + self.count as usize
    }

    /// The bytes, the last of which may be filled up with zeros.
    pub(super) fn finish(mut self) -> Vec<u8> {
        if self.count > 0 {
            self.bytes.push(self.waiting as u8);
        }
        self.bytes
    }

    fn put(&mut self, value: u64, count: u32) {
        self.waiting |= value << self.count;
        self.count += count;
        while self.count >= 8 {
            self.bytes.push(self.waiting as u8);
            self.waiting >>= 8;
            self.count -= 8;
        }
    }

    /// A code, whose bits go the other way round.
    fn code(&mut self, code: u32, count: u32) {
        self.put(u64::from(code.reverse_bits() >> (32 - count)), count);
    }

    /// Begins a block with the fixed codes that is not the last.
    pub(super) fn begin(&mut self) {
        self.put(0b010, 3);
    }

    /// A byte of ASCII.
    pub(super) fn literal(&mut self, byte: u8) {
        debug_assert!(byte < 144, "only these have codes of eight bits");
        self.code(0x30 + u32::from(byte), 8);
    }

    /// `length` bytes that stood `distance` before.
    fn copy(&mut self, length: usize, distance: usize) {
        let l = (length - 3) as u32;
        let (symbol, extra) = match l {
            0..=7 => (l + 1, 0),
            _ => {
                let extra = l.ilog2() - 2;
                (5 + 4 * extra + ((l >> extra) & 3), extra)
            }
        };
        match symbol {
            0..=23 => self.code(symbol, 7),
            _ => self.code(0xC0 + symbol - 24, 8),
        }
        self.put(u64::from(l & ((1 << extra) - 1)), extra);
        let d = (distance - 1) as u32;
        let (symbol, extra) = match d {
            0..=3 => (d, 0),
            _ => (2 * d.ilog2() + ((d >> (d.ilog2() - 1)) & 1), d.ilog2() - 1),
        };
        self.code(symbol, 5);
        self.put(u64::from(d & ((1 << extra) - 1)), extra);
    }

    /// A row, of which only the row before it is known. Where both have the same at the same place, it is a
    /// copy, if it is not too short.
    pub(super) fn row(&mut self, row: &[u8], before: &[u8]) {
        let mut at = 0;
        while at < row.len() {
            let rest = row[at..].iter().zip(before.get(at..).unwrap_or_default());
            let same = rest.take(LONGEST).take_while(|(a, b)| a == b).count();
            if same >= SHORTEST {
                self.copy(same, before.len());
                at += same;
            } else {
                self.literal(row[at]);
                at += 1;
            }
        }
    }

    /// Ends the block at the end of a byte: an empty block of bytes that are not compressed is behind it.
    pub(super) fn end(&mut self) {
        self.put(0, 7);
        self.put(0, 3);
        self.put(0, (8 - self.count) % 8);
        self.put(0xFFFF_0000, 32);
    }
}

/// The last block, which is empty.
pub(super) const LAST: [u8; 2] = [0b011, 0];

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    fn unpacked(bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        flate2::read::DeflateDecoder::new(bytes).read_to_end(&mut out).unwrap();
        out
    }

    fn packed(rows: &[Vec<u8>]) -> Vec<u8> {
        let mut bits = Bits::default();
        bits.begin();
        let mut before: &[u8] = &[];
        for row in rows {
            bits.row(row, before);
            before = row;
        }
        bits.end();
        let mut bytes = bits.finish();
        bytes.extend(LAST);
        bytes
    }

    #[test]
    fn every_length_and_distance_is_right() {
        for length in 1..600usize {
            let row: Vec<u8> = (0..length).map(|n| b'0' + (n % 10) as u8).collect();
            let rows = [row.clone(), row.clone(), row];
            assert_eq!(unpacked(&packed(&rows)), rows.concat(), "{length}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_packed_is_unpacked(rows in proptest::collection::vec("[0-3,]{0,40}\n", 0..20)) {
            let rows: Vec<Vec<u8>> = rows.into_iter().map(String::into_bytes).collect();
            proptest::prop_assert_eq!(unpacked(&packed(&rows)), rows.concat());
        }
    }
}
