//! Numbers of terms as bytes: each is less than a kilobyte of text would be.
//!
//! A number takes seven bits of each byte, the lowest first, and the eighth says that more follow (LEB128). Numbers
//! of terms come in order and are kept as differences, so that most take one byte or two.

/// Appends a number.
pub fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Appends one that may be negative: the lowest bit says so.
pub fn put_signed(bytes: &mut Vec<u8>, number: i64) {
    put(bytes, ((number << 1) ^ (number >> 63)) as u64);
}

/// Takes numbers from bytes.
pub struct Take<'b>(pub &'b [u8]);

impl<'b> Take<'b> {
    /// The next number.
    #[inline]
    pub fn number(&mut self) -> Option<u64> {
        let (mut number, mut shift) = (0_u64, 0_u32);
        loop {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f).wrapping_shl(shift);
            if byte & 0x80 == 0 {
                return Some(number);
            }
            shift += 7;
        }
    }

    /// The next one, which may be negative.
    pub fn signed(&mut self) -> Option<i64> {
        let number = self.number()?;
        Some((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    /// The next bytes.
    pub fn bytes(&mut self, length: usize) -> Option<&'b [u8]> {
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }
}

/// Numbers in order.
pub fn packed(numbers: &[u32]) -> Vec<u8> {
    let (mut bytes, mut last) = (Vec::with_capacity(numbers.len() * 2), 0);
    for &number in numbers {
        put(&mut bytes, u64::from(number - last));
        last = number;
    }
    bytes
}

/// The numbers again.
pub fn unpacked(bytes: &[u8]) -> impl Iterator<Item = u32> {
    let (mut take, mut last) = (Take(bytes), 0_u32);
    std::iter::from_fn(move || {
        last = last.wrapping_add(take.number()? as u32);
        Some(last)
    })
}

/// How many rows have each of some terms, in the order of their numbers.
#[derive(Default)]
pub struct Counts {
    pub bytes: Vec<u8>,
    last: u32,
}

impl Counts {
    /// Appends a term.
    pub fn put(&mut self, term: u32, count: u32) {
        put(&mut self.bytes, u64::from(term - self.last));
        put(&mut self.bytes, u64::from(count));
        self.last = term;
    }
}

/// Terms and their counts again.
pub fn counts(bytes: &[u8]) -> impl Iterator<Item = (u32, u32)> {
    let (mut take, mut last) = (Take(bytes), 0_u32);
    std::iter::from_fn(move || {
        last = last.wrapping_add(take.number()? as u32);
        Some((last, take.number()? as u32))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_come_back(numbers in proptest::collection::btree_set(any::<u32>(), 0..40)) {
            let numbers: Vec<u32> = numbers.into_iter().collect();
            prop_assert_eq!(unpacked(&packed(&numbers)).collect::<Vec<_>>(), numbers);
        }

        #[test]
        fn counts_come_back(wanted in proptest::collection::btree_map(any::<u32>(), any::<u32>(), 0..40)) {
            let mut written = Counts::default();
            wanted.iter().for_each(|(term, count)| written.put(*term, *count));
            prop_assert_eq!(counts(&written.bytes).collect::<std::collections::BTreeMap<_, _>>(), wanted);
        }

        #[test]
        fn signed_numbers_come_back(number in any::<i64>(), bytes in proptest::collection::vec(any::<u8>(), 0..5)) {
            let mut written = Vec::new();
            put_signed(&mut written, number);
            written.extend(&bytes);
            let mut take = Take(&written);
            prop_assert_eq!(take.signed(), Some(number));
            prop_assert_eq!(take.bytes(bytes.len()), Some(&*bytes));
            prop_assert_eq!((take.number(), take.bytes(1)), (None, None));
        }
    }
}
